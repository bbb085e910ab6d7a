"""Slopes of power laws, with error bars: one fit for every chapter."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike


class Exponent(NamedTuple):
    """Slope of log y against log x and its standard error from the scatter about the line."""

    value: float
    error: float


def fit_exponent(x: ArrayLike, y: ArrayLike) -> Exponent:
    """Least squares on logarithms of ``x`` and ``y``, both ``(points,)``.

    Raises ValueError for fewer than three points and for numbers that are not positive and finite.
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if x.shape != y.shape or x.ndim != 1 or len(x) < 3:
        raise ValueError(
            f"an exponent with an error bar needs at least 3 points (x, y); got shapes {x.shape}"
            f" and {y.shape}"
        )
    if (x <= 0).any() or (y <= 0).any() or not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError(
            "an exponent needs positive finite x and y; exact zeros (noiseless modes) must be left"
            " out first"
        )
    u, v = np.log(x) - np.log(x).mean(), np.log(y) - np.log(y).mean()
    slope = (u @ v) / (u @ u)
    rest = v - slope * u
    return Exponent(float(slope), math.sqrt(rest @ rest / (len(x) - 2) / (u @ u)))
