"""Which archives are here: what a page that reads them depends on."""

import os
from pathlib import Path

from . import digits, texts
from .errors import Unavailable


def state() -> dict[str, str]:
    """The hash of each archive, or the sentence why there is none."""
    return {"MNIST": _or_why(_digits), "plays": _or_why(_plays)}


def _or_why(digest) -> str:
    try:
        return digest()
    except (OSError, Unavailable) as err:
        return str(err)


def _digits() -> str:
    named = os.environ.get(digits.NAMED)
    if not named:
        return digits.sha256(digits.files(digits.folder()))
    path = Path(named)
    return named + digits.sha256(sorted(path.iterdir()) if path.is_dir() else [path])


def _plays() -> str:
    return texts.verified(texts.archive())
