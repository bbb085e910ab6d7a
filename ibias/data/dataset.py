"""Labelled samples: features as float64, labels numbered 0..k-1, refused with the place where they
cannot be used."""

from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256

import numpy as np


@dataclass(frozen=True, eq=False)
class Dataset:
    """Samples ``x`` of shape ``(n, d)`` (kept as float64) and labels ``y`` of shape ``(n,)`` (kept
    as int64, 0..k-1).

    Labels of another kind (text, 1..k, gaps) are numbered in sorted order; ``label_names[c]`` is
    what class c was called. Raises ValueError for wrong shapes, fewer than two classes, labels that
    are not whole numbers, and NaN or infinite entries, naming the first one.
    """

    x: np.ndarray
    y: np.ndarray
    name: str = ""
    label_names: tuple = field(default=(), repr=False)

    def __post_init__(self):
        x, y = _features(self.x), np.asarray(self.y)
        if x.ndim != 2 or y.shape != x.shape[:1] or 0 in x.shape:
            raise ValueError(
                "a data set needs x of shape (n, d) and y of shape (n,), both not empty; got"
                f" {x.shape} and {y.shape}"
            )
        bad = np.argwhere(~np.isfinite(x))
        if len(bad):
            i, j = bad[0]
            raise ValueError(
                f"x must be finite; x[{i}, {j}] is {x[i, j]} ({len(bad)} such entries). Remove or"
                " impute them."
            )
        y, names = _numbered(y)
        if self.label_names:
            if len(self.label_names) != len(names):
                raise ValueError(
                    f"label_names has {len(self.label_names)} entries for {len(names)} classes"
                )
            names = self.label_names
        for key, value in {"x": x, "y": y, "label_names": tuple(names)}.items():
            object.__setattr__(self, key, value)
        x.flags.writeable = y.flags.writeable = False

    @property
    def n(self) -> int:
        """Number of samples."""
        return self.x.shape[0]

    @property
    def d(self) -> int:
        """Number of features."""
        return self.x.shape[1]

    @property
    def k(self) -> int:
        """Number of classes."""
        return len(self.label_names)

    @cached_property
    def radius(self) -> float:
        """``R = max_i ||x_i||_1`` (Assumption 3.2)."""
        return float(np.abs(self.x).sum(1).max())

    @cached_property
    def digest(self) -> str:
        """sha256 of the numbers (not the name): the identity of the data in result stores."""
        shape = np.array(self.x.shape, dtype="<i8").tobytes()
        return sha256(
            shape + self.x.astype("<f8").tobytes() + self.y.astype("<i8").tobytes()
        ).hexdigest()


def _features(x):
    """A float64 copy of real numbers, whatever holds them."""
    x = (
        x.detach().double() if hasattr(x, "detach") else x
    )  # torch: bfloat16 and leaves that want gradients have no numpy form
    try:
        x = np.asarray(x)
        if x.dtype.kind != "c":
            return np.array(x, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"x must be a dense table of real numbers, rows of equal length; numpy says: {error}"
        ) from None
    raise ValueError(
        "x must hold real numbers; got complex ones. Pass x.real, or real and imaginary parts as"
        " features of their own."
    )


def _numbered(y):
    """Labels as 0..k-1 and the original names; whole numbers and text only."""
    if y.dtype == object and all(
        isinstance(v, int | np.integer) and abs(int(v)) < 2**63 for v in y
    ):
        y = y.astype(np.int64)
    if y.dtype.kind == "f" and not (np.isfinite(y).all() and (y == np.rint(y)).all()):
        i = int(np.flatnonzero(~np.isfinite(y) | (y != np.rint(y)))[0])
        raise ValueError(f"labels must be whole numbers or text; y[{i}] is {y[i]}")
    if y.dtype.kind not in "iufbUST" and not (
        y.dtype == object and all(isinstance(v, str) for v in y)
    ):
        raise ValueError(f"labels must be whole numbers or text; got an array of {y.dtype}")
    if y.dtype.kind in "uf" and (np.abs(y) >= 2**63).any():
        i = int(np.argmax(np.abs(y) >= 2**63))
        raise ValueError(
            f"labels that are numbers must fit into 64 bits; y[{i}] is {y[i]}. Pass them as text."
        )
    y = y.astype(np.int64) if y.dtype.kind in "iufb" else y
    names, numbers = np.unique(y, return_inverse=True)
    if len(names) < 2:
        raise ValueError(
            f"a classifier needs at least two classes; every label is {names.tolist()[0]!r}"
        )
    return numbers.astype(np.int64), [v.item() if hasattr(v, "item") else v for v in names]
