"""Bounds on a max margin that rest on nothing but the data, the norm, and the two matrices that
prove them."""

import numpy as np

# relative rounding of norm.value and norm.dual, measured against 40 digits (9e-16) and taken ten
# times larger
ROUNDING = 1e-14


def margins(dataset, weights):
    """``(e_y - e_c)^T W x_i`` for every sample and class (n, k); +inf in the own column."""
    z = dataset.x @ weights.T
    own = np.arange(dataset.k) == dataset.y[:, None]
    return np.where(own, np.inf, z[own][:, None] - z)


def simplex(dataset, dual):
    """Multipliers made admissible: the own column and negative entries set to zero, the sum to
    one."""
    dual = np.where(np.arange(dataset.k) == dataset.y[:, None], 0.0, np.maximum(dual, 0.0))
    return dual / dual.sum()


def combination(dataset, dual):
    """``sum_ic a_ic (e_y - e_c) x_i^T``, shape (k, d): zero exactly when ``dual`` proves that the
    data are not separable."""
    signed = -dual
    signed[np.arange(dataset.n), dataset.y] += dual.sum(1)
    return signed.T @ dataset.x


def attained(dataset, norm, weights):
    """The normalised margin of ``weights``, as computed: ``min margin / ||W||``, and 0 for
    ``W = 0``."""
    length = float(norm.value(weights))
    return float(margins(dataset, weights).min()) / length if length > 0 else 0.0


def certify(dataset, norm, weights, dual) -> tuple[float, float]:
    """``(lower, upper)`` with ``lower <= gamma <= upper`` from any weights (k, d) and any
    multipliers (n, k).

    Lower: the margin of ``weights / ||weights||``.  Upper: by weak duality
    ``||sum a_ic (e_y - e_c) x_i^T||_*`` for a on the simplex (``dual`` is projected by
    ``simplex``).  Both are evaluated in float64 by ``norm.value`` and ``norm.dual`` and moved
    outwards by their rounding: 1e-14 relative, and one roundoff of the terms whose differences they
    are.
    """
    dual, length, eps = simplex(dataset, dual), float(norm.value(weights)), np.finfo(float).eps
    lower, upper = 0.0, float(norm.dual(combination(dataset, dual)))
    if length > 0:
        terms = (np.abs(dataset.x) @ np.abs(weights).T).max(1, keepdims=True)
        lower = float((margins(dataset, weights) - eps * terms).min()) / length
    terms = dual.copy()
    terms[np.arange(dataset.n), dataset.y] = dual.sum(1)
    upper += eps * float(norm.dual(terms.T @ np.abs(dataset.x)))
    return lower - ROUNDING * abs(lower), upper * (1 + ROUNDING)
