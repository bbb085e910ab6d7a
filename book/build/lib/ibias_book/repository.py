"""Where a command that rewrites committed files writes: the repository it is called in, or a place
that is named, and never an installed package."""

from pathlib import Path


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
