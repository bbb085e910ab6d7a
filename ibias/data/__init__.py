"""Labelled samples: the data sets of the paper, its counterexamples, real digits, and the user's
own."""

from .dataset import Dataset as Dataset
from .dataset import with_bias as with_bias
from .files import DataFileError as DataFileError
from .files import LabelsMapped as LabelsMapped
from .files import load as load
from .generators import COUNTEREXAMPLES as COUNTEREXAMPLES
from .generators import counterexample as counterexample
from .generators import digits as digits
from .generators import gaussian as gaussian
from .generators import mixture as mixture
from .generators import scale_skewed as scale_skewed
from .npz import NpzError as NpzError
from .tables import IndexDropped as IndexDropped
