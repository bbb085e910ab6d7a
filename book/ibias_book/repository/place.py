"""The book's repository, and where a command that rewrites committed files writes: the repository
it is called in, or a place that is named, and never an installed package."""

import os
from pathlib import Path


def find_root(start: Path | None = None) -> Path:
    """The project's folder: the nearest one upwards with `_toc.yml` and `notebooks/`, else the one
    this package lies in."""
    start = Path(start or os.getcwd()).resolve()
    for folder in (start, *start.parents, Path(__file__).resolve().parents[3]):
        if (folder / "_toc.yml").is_file() and (folder / "notebooks").is_dir():
            return folder
    raise LookupError(
        f"{start} is not inside the book's folder (one with _toc.yml and notebooks/); clone the"
        " repository and run this there"
    )


def target(arguments: list[str], default: str, command: str, here: Path) -> Path:
    """The one path in ``arguments``, or ``default`` within the book's repository around ``here``.

    Raises SystemExit with a sentence for anything else, ``command`` being what to call instead.
    """
    if len(arguments) > 1 or any(argument.startswith("-") for argument in arguments):
        raise SystemExit(f"{command} takes one path at most; got {' '.join(arguments)}")
    if arguments:
        return Path(arguments[0])
    for root in (here, *here.parents):
        if (root / "_toc.yml").is_file() and (root / "book" / "ibias_book").is_dir():
            return root / default
    raise SystemExit(
        f"{here} is not inside the book's repository, and an installed package is not written to:"
        f" name a path, {command} PATH"
    )
