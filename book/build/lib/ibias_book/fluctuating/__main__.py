"""``python -m ibias_book.fluctuating [FOLDER]``: train and measure again whatever FOLDER lacks of
the shipped data; without FOLDER the data of the repository that the command is called in."""

import sys
from pathlib import Path

from ..repository import target
from .shipped import make

if __name__ == "__main__":
    command = "python -m ibias_book.fluctuating"
    make(target(sys.argv[1:], "book/ibias_book/fluctuating/data", command, Path.cwd()))
