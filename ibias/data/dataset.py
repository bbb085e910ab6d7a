"""Labelled samples: features as float64, labels 0..k-1, each refused where it cannot be used."""

from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any

import numpy as np

from .features import features, require_finite, with_ones
from .labels import as_array, numbered


@dataclass(frozen=True, eq=False)
class Dataset:
    """Samples ``x`` ``(n, d)`` (kept as float64) and labels ``y`` ``(n,)`` (as int64, 0..k-1).

    ``x`` may be an array, nested lists, a torch tensor, a pandas or polars frame, or a scipy sparse
    matrix, which stays sparse (``x`` is then a ``scipy.sparse.csr_array``).  Labels of another kind
    (text, 1..k, gaps) are numbered in sorted order; ``label_names[c]`` is what class c was called.

    Raises ValueError for wrong shapes, fewer than two classes, labels that are missing, mixed or
    not whole numbers, columns that are not numbers, and masked, missing, NaN or infinite entries,
    naming the first one.
    """

    x: Any
    y: Any
    name: str = ""
    label_names: tuple = field(default=(), repr=False)

    def __post_init__(self):
        x, y = features(self.x), as_array(self.y)
        if x.ndim != 2 or y.shape != x.shape[:1] or 0 in x.shape:
            needed = "x of shape (n, d) and y of shape (n,), both not empty"
            raise ValueError(f"a data set needs {needed}; got {x.shape} and {y.shape}")
        require_finite(x, "x[{}, {}]".format)
        y, names = numbered(y)
        given = self.label_names or names
        if len(given) != len(names):
            raise ValueError(f"label_names has {len(given)} entries for {len(names)} classes")
        for key, value in {"x": x, "y": y, "label_names": tuple(given)}.items():
            object.__setattr__(self, key, value)
        for array in (y, *self._arrays()):
            array.flags.writeable = False

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

    @property
    def is_sparse(self) -> bool:
        """Whether ``x`` is a ``scipy.sparse.csr_array`` (sorted, no stored zeros)."""
        return not isinstance(self.x, np.ndarray)

    @cached_property
    def radius(self) -> float:
        """``R = max_i ||x_i||_1`` (Assumption 3.2)."""
        return float(abs(self.x).sum(1).max())

    @cached_property
    def digest(self) -> str:
        """sha256 of the numbers (not the name), the identity of the data in result stores.  Sparse
        data have one of their own, of what is stored."""
        digest = sha256(b"csr" if self.is_sparse else b"")
        digest.update(np.array(self.x.shape, dtype="<i8").tobytes())
        for array in (*self._arrays(), self.y):
            digest.update(array.astype("<f8" if array.dtype.kind == "f" else "<i8").tobytes())
        return digest.hexdigest()

    def _arrays(self) -> tuple[np.ndarray, ...]:
        """What holds the features in memory."""
        return (self.x.indptr, self.x.indices, self.x.data) if self.is_sparse else (self.x,)


def with_bias(dataset: Dataset) -> Dataset:
    """The same samples with a last feature of 1: an intercept, which counts in the norm too."""
    name = f"{dataset.name} (bias)" if dataset.name else ""
    return Dataset(with_ones(dataset.x), dataset.y, name, dataset.label_names)
