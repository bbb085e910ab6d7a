"""``python -m ibias_book.fluctuating [FOLDER]``: train and measure again whatever FOLDER lacks of
the shipped data; without FOLDER the data of the repository that the command is called in."""

import sys
from pathlib import Path

from .shipped import make

WITHIN = Path("book/ibias_book/fluctuating/data")


def folder_of(arguments: list[str], here: Path) -> Path:
    """The folder to write to; SystemExit with a sentence where none is named and ``here`` lies in
    no repository of the book."""
    if len(arguments) > 1 or any(argument.startswith("-") for argument in arguments):
        raise SystemExit(
            f"python -m ibias_book.fluctuating takes one folder at most; got {' '.join(arguments)}"
        )
    if arguments:
        return Path(arguments[0])
    for root in (here, *here.parents):
        if (root / WITHIN).is_dir() and (root / "_toc.yml").is_file():
            return root / WITHIN
    raise SystemExit(
        f"{here} is not inside the book's repository, and an installed package is not written to:"
        " name a folder, python -m ibias_book.fluctuating FOLDER"
    )


if __name__ == "__main__":
    make(folder_of(sys.argv[1:], Path.cwd()))
