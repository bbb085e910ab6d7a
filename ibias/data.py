"""Labelled samples: the data sets of the paper, its counterexamples, real digits, and the user's
own."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from math import inf

import numpy as np

from ._checks import is_number, whole


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


def gaussian(
    classes: int = 10, per_class: int = 10, dim: int = 100, variance: float = 0.01, seed: int = 0
) -> Dataset:
    """iid Gaussian features, the same number of samples in every class (Section 5; sizes are our
    choice).

    The class says nothing about the features: the data are separable because ``dim`` is large.
    """
    _sizes(classes=classes, per_class=per_class, dim=dim, variance=variance, seed=seed)
    x = np.random.default_rng(seed).normal(0.0, np.sqrt(variance), (classes * per_class, dim))
    name = (
        f"gaussian(classes={classes}, per_class={per_class}, dim={dim}, variance={variance:g},"
        f" seed={seed})"
    )
    return Dataset(x, np.repeat(np.arange(classes), per_class), name)


def mixture(
    classes: int = 10, per_class: int = 10, dim: int = 25, spread: float = 0.6, seed: int = 0
) -> Dataset:
    """``x = mu_y + spread * xi`` with ``mu_c`` and ``xi`` drawn from N(0, I/dim): one cloud per
    class (not in the paper)."""
    _sizes(classes=classes, per_class=per_class, dim=dim, spread=spread, seed=seed)
    rng = np.random.default_rng(seed)
    centres = rng.normal(0.0, dim**-0.5, (classes, dim))
    y = np.repeat(np.arange(classes), per_class)
    x = centres[y] + spread * rng.normal(0.0, dim**-0.5, (len(y), dim))
    return Dataset(
        x,
        y,
        f"mixture(classes={classes}, per_class={per_class}, dim={dim}, spread={spread:g},"
        f" seed={seed})",
    )


def scale_skewed(classes: int = 5, samples: int = 50, seed: int = 0) -> Dataset:
    """Orthogonal scale-skewed data: ``x_i = s_i e_(y_i)``, ``d = k`` (Section 4.4, Appendix J).

    Class counts are ``1 + Multinomial(samples - classes, Dirichlet(1))``; scales are uniform in
    ``[l_c, 2 l_c]`` with ``log10 l_c`` uniform in [-0.5, 0.3] (our choice; the paper's ranges are
    not known to us).
    """
    _sizes(classes=classes, samples=samples, seed=seed)
    if samples < classes:
        raise ValueError(
            f"scale_skewed needs a sample of every class: samples >= classes; got {samples} <"
            f" {classes}"
        )
    rng = np.random.default_rng(seed)
    counts = 1 + rng.multinomial(samples - classes, rng.dirichlet(np.ones(classes)))
    low = 10 ** rng.uniform(-0.5, 0.3, classes)
    y = np.repeat(np.arange(classes), counts)
    scale = low[y] * rng.uniform(1.0, 2.0, samples)
    x = scale[:, None] * np.eye(classes)[y]
    return Dataset(x, y, f"scale_skewed(classes={classes}, samples={samples}, seed={seed})")


# class-0 points, then the single class-1 point, of Proposition X; the number of copies of the first
# is free in X.2 and X.3
COUNTEREXAMPLES = {
    "X.1": ((2, -1), (1, -2), 1, "SignSGD, b = 1: never classifies both"),
    "X.2": ((2, -1), (1, -2), 5, "SignSGD, N-SGD, Spectral-SGD, n/b >= 3: the loss diverges"),
    "X.3": ((2, -1), (1, -2), 3, "SignSGD, n/b = 2: the margin stays below 2 eta0"),
    "X.4": ((3, 2), (3, -2), 1, "sum norm, b = 1: never classifies both"),
    "X.5": ((1, -0.9), (0.9, -1.0), 5, "nearly antiparallel after reflection: any norm, n/b >= 3"),
}


def counterexample(name: str, copies: int | None = None) -> Dataset:
    """Two-class data on which a mini-batch method without momentum fails for ever (our Proposition
    X, not in version 1).

    ``copies``: how often the class-0 point is repeated.  X.5 uses ``A = (1, -1 + e)``,
    ``B = -A + e'(1, 1)`` with ``e = e' = 0.1``; a class-1 point acts like its negative in class 0.
    """
    if name not in tuple(COUNTEREXAMPLES):
        raise ValueError(
            f"unknown counterexample {name!r}; choose from {', '.join(COUNTEREXAMPLES)}"
        )
    first, second, default, _ = COUNTEREXAMPLES[name]
    copies = default if copies is None else copies
    _sizes(copies=copies)
    x = np.array([first] * copies + [second], dtype=np.float64)
    return Dataset(x, np.r_[np.zeros(copies, int), 1], f"counterexample({name}, copies={copies})")


def digits(classes: tuple[int, ...] | None = None) -> Dataset:
    """scikit-learn's 8 x 8 handwritten digits, pixels in [0, 1], n = 1797 (all ten classes) and d =
    64; no download.

    ``classes=(3, 8)`` keeps two of them.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    keep = np.ones(len(bunch.target), bool)
    if classes is not None:
        if (
            not isinstance(classes, Iterable)
            or not set(classes) <= set(range(10))
            or len(set(classes)) < 2
        ):
            raise ValueError(f"digits(classes=...) takes two or more of 0..9; got {classes}")
        keep = np.isin(bunch.target, classes)
    label = "" if classes is None else "-".join(map(str, sorted(set(classes))))
    return Dataset(bunch.data[keep] / 16, bunch.target[keep], f"digits({label})")


def load(path, **options) -> Dataset:
    """The user's own data from .npz (keys ``x``, ``y``), .csv or .parquet (header, column
    ``label``); see ``data_files``."""
    from .data_files import load as load_file

    return load_file(path, **options)


def _sizes(**sizes):
    for name, value in sizes.items():
        if name == "seed":
            whole("seed", value)
        elif name not in ("variance", "spread"):
            whole(name, value, least=2 if name == "classes" else 1)
        elif not is_number(value) or not 0 < value < inf:
            raise ValueError(f"{name} must be a positive finite number; got {value!r}")
