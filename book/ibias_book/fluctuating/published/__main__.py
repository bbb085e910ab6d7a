"""``python -m ibias_book.fluctuating.published [FILE]``: measure the transformer again.

Without FILE the file of the repository that the command is called in is written.
"""

import sys
from pathlib import Path

from ...repository import target
from .language import make

if __name__ == "__main__":
    command = "python -m ibias_book.fluctuating.published"
    place = "book/ibias_book/fluctuating/published/data/transformer.npz"
    make(target(sys.argv[1:], place, command, Path.cwd()))
