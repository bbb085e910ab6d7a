"""Growth exponents with error bars, and the curve that they follow."""

import math
from dataclasses import dataclass

import numpy as np

LEAST_REPLICAS = 30


@dataclass(frozen=True)
class Exponent:
    """Slope of log y against log x and its standard error from the scatter about the line."""

    value: float
    error: float


def fit_exponent(x, y) -> Exponent:
    """Least squares on logarithms; at least three points, all positive."""
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


def growth_exponents(steps, variance, replicas) -> np.ndarray:
    """Exponent of every mode's variance ``(time, mode)`` against ``steps``.

    Below 30 replicas one variance is uncertain by more than a quarter and an exponent by several
    tenths: that is refused.
    """
    if replicas < LEAST_REPLICAS:
        error = math.sqrt(2 / max(replicas - 1, 1))
        raise ValueError(
            f"{replicas} replicas are too few for an exponent: each variance is uncertain by"
            f" {100 * error:.0f} %; run at least {LEAST_REPLICAS}"
        )
    return np.array([fit_exponent(steps, column).value for column in np.asarray(variance).T])


def universal_curve(x, fractions) -> np.ndarray:
    """Exponent of 1 - exp(-2 x s) fitted over the ``fractions`` s of the run, x = eta lambda T: 1
    when flat, 0 when confined; a crossover."""
    fractions = np.asarray(fractions, dtype=float)
    curves = -np.expm1(-2 * np.outer(fractions, np.atleast_1d(x))) / (2 * np.atleast_1d(x))
    return np.array([fit_exponent(fractions, column).value for column in curves.T])
