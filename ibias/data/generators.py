"""The data sets of the paper, its counterexamples, and real digits."""

from collections.abc import Iterable
from math import inf

import numpy as np

from .._checks import is_number, whole
from .dataset import Dataset


def gaussian(
    classes: int = 10, per_class: int = 10, dim: int = 100, variance: float = 0.01, seed: int = 0
) -> Dataset:
    """iid Gaussian features, as many samples in every class (Section 5; sizes are our choice).

    The class says nothing about the features: the data are separable because ``dim`` is large.
    """
    _sizes(classes=classes, per_class=per_class, dim=dim, variance=variance, seed=seed)
    x = np.random.default_rng(seed).normal(0.0, np.sqrt(variance), (classes * per_class, dim))
    name = f"gaussian({classes=!s}, {per_class=!s}, {dim=!s}, {variance=:g}, {seed=!s})"
    return Dataset(x, np.repeat(np.arange(classes), per_class), name)


def mixture(
    classes: int = 10, per_class: int = 10, dim: int = 25, spread: float = 0.6, seed: int = 0
) -> Dataset:
    """``x = mu_y + spread * xi``, ``mu_c`` and ``xi`` from N(0, I/dim) (not in the paper)."""
    _sizes(classes=classes, per_class=per_class, dim=dim, spread=spread, seed=seed)
    rng = np.random.default_rng(seed)
    centres = rng.normal(0.0, dim**-0.5, (classes, dim))
    y = np.repeat(np.arange(classes), per_class)
    x = centres[y] + spread * rng.normal(0.0, dim**-0.5, (len(y), dim))
    name = f"mixture({classes=!s}, {per_class=!s}, {dim=!s}, {spread=:g}, {seed=!s})"
    return Dataset(x, y, name)


def scale_skewed(classes: int = 5, samples: int = 50, seed: int = 0) -> Dataset:
    """Orthogonal scale-skewed data: ``x_i = s_i e_(y_i)``, ``d = k`` (Section 4.4, Appendix J).

    Class counts are ``1 + Multinomial(samples - classes, Dirichlet(1))``; scales are uniform in
    ``[l_c, 2 l_c]`` with ``log10 l_c`` uniform in [-0.5, 0.3] (our choice, not the paper's).
    """
    _sizes(classes=classes, samples=samples, seed=seed)
    if samples < classes:
        got = f"samples >= classes; got {samples} < {classes}"
        raise ValueError(f"scale_skewed needs a sample of every class: {got}")
    rng = np.random.default_rng(seed)
    counts = 1 + rng.multinomial(samples - classes, rng.dirichlet(np.ones(classes)))
    low = 10 ** rng.uniform(-0.5, 0.3, classes)
    y = np.repeat(np.arange(classes), counts)
    scale = low[y] * rng.uniform(1.0, 2.0, samples)
    x = scale[:, None] * np.eye(classes)[y]
    return Dataset(x, y, f"scale_skewed(classes={classes}, samples={samples}, seed={seed})")


# class-0 points, then the single class-1 point, of Propositions V.1 to V.5; the number of copies of
# the first is free in X.2 and X.3
COUNTEREXAMPLES = {
    "X.1": ((2, -1), (1, -2), 1, "SignSGD, b = 1: never classifies both"),
    "X.2": ((2, -1), (1, -2), 5, "SignSGD, N-SGD, Spectral-SGD, n/b >= 3: the loss diverges"),
    "X.3": ((2, -1), (1, -2), 3, "SignSGD, n/b = 2: the margin stays below 2 eta0"),
    "X.4": ((3, 2), (3, -2), 1, "sum norm, b = 1: never classifies both"),
    "X.5": ((1, -0.9), (0.9, -1.0), 5, "nearly antiparallel after reflection: any norm, n/b >= 3"),
}


def counterexample(name: str, copies: int | None = None) -> Dataset:
    """Two-class data on which a mini-batch method without momentum fails for ever
    (Propositions V.1 to V.5, whose data are ``"X.1"`` to ``"X.5"``).

    ``copies``: how often the class-0 point is repeated.  X.5 uses ``A = (1, -1 + e)``,
    ``B = -A + e'(1, 1)`` with ``e = e' = 0.1``; a class-1 point acts like its negative in class 0.
    """
    if name not in tuple(COUNTEREXAMPLES):
        known = ", ".join(COUNTEREXAMPLES)
        raise ValueError(f"unknown counterexample {name!r}; choose from {known}")
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
        wanted = set(classes) if isinstance(classes, Iterable) else set()
        if not wanted <= set(range(10)) or len(wanted) < 2:
            raise ValueError(f"digits(classes=...) takes two or more of 0..9; got {classes}")
        keep = np.isin(bunch.target, classes)
    label = "" if classes is None else "-".join(map(str, sorted(set(classes))))
    return Dataset(bunch.data[keep] / 16, bunch.target[keep], f"digits({label})")


def _sizes(**sizes):
    for name, value in sizes.items():
        if name == "seed":
            whole("seed", value)
        elif name not in ("variance", "spread"):
            whole(name, value, least=2 if name == "classes" else 1)
        elif not is_number(value) or not 0 < value < inf:
            raise ValueError(f"{name} must be a positive finite number; got {value!r}")
