"""``python -m ibias_book.homogeneous.own_data [FOLDER]``: make whatever FOLDER lacks of the shipped
results; without FOLDER those of the repository that the command is called in."""

import sys
from pathlib import Path

from ...repository import target
from .shipped import COMMAND, make

if __name__ == "__main__":
    make(target(sys.argv[1:], "book/ibias_book/homogeneous/own_data/data", COMMAND, Path.cwd()))
