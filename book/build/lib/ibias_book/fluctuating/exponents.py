"""Growth exponents with error bars, and the curve that they follow."""

import math

import numpy as np

from ..exponents import Exponent, fit_exponent

__all__ = ["Exponent", "fit_exponent", "growth_exponents", "universal_curve"]

_LEAST_REPLICAS = 30


def growth_exponents(steps, variance, replicas) -> np.ndarray:
    """Exponent of every mode's variance ``(time, mode)`` against ``steps``.

    Below 30 replicas one variance is uncertain by more than a quarter and an exponent by several
    tenths: that is refused.
    """
    if replicas < _LEAST_REPLICAS:
        error = math.sqrt(2 / max(replicas - 1, 1))
        raise ValueError(
            f"{replicas} replicas are too few for an exponent: each variance is uncertain by"
            f" {100 * error:.0f} %; run at least {_LEAST_REPLICAS}"
        )
    return np.array([fit_exponent(steps, column).value for column in np.asarray(variance).T])


def universal_curve(x, fractions) -> np.ndarray:
    """Exponent of 1 - exp(-2 x s) fitted over the ``fractions`` s of the run, x = eta lambda T: 1
    when flat, 0 when confined; a crossover."""
    fractions = np.asarray(fractions, dtype=float)
    curves = -np.expm1(-2 * np.outer(fractions, np.atleast_1d(x))) / (2 * np.atleast_1d(x))
    return np.array([fit_exponent(fractions, column).value for column in curves.T])
