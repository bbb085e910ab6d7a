"""Bounds on a max margin that rest on the data, the norm, and two matrices that prove them."""

import numpy as np

# relative rounding of norm.value and norm.dual, measured against 40 digits (9e-16) and taken ten
# times larger
ROUNDING = 1e-14
SLAB = 2**22  # entries made dense at a time
SLICES = 12  # of a factor of an exact product; three hold a float64 unless exponents differ
TINY = 2.0**-97  # relative to the sum of absolute terms: what an exact product leaves, and room


def margins(dataset, weights):
    """``(e_y - e_c)^T W x_i`` for every sample and class (n, k); +inf in the own column."""
    z = dataset.x @ weights.T
    own = z[np.arange(dataset.n), dataset.y]
    return np.where(no_pair(dataset), np.inf, own[:, None] - z)


def no_pair(dataset):
    """Where (n, k) there is no constraint: the own column, and ``dataset.off`` of a working set."""
    off = getattr(dataset, "off", None)
    return np.arange(dataset.k) == dataset.y[:, None] if off is None else off


def simplex(dataset, dual):
    """Multipliers made admissible: own column and negative entries zero, the sum one."""
    dual = np.where(no_pair(dataset), 0.0, np.maximum(dual, 0.0))
    total = dual.sum()
    return dual if abs(total - 1) < 1e-13 else dual / total  # a division would round what cancels


def combination(dataset, dual):
    """``sum_ic a_ic (e_y - e_c) x_i^T``, shape (k, d): zero exactly when ``dual`` proves that the
    data are not separable.  Every entry is rounded once, whatever cancels."""
    rows, exponent = np.flatnonzero(dual.any(1)), column_exponents(dataset.x)
    total, rest = np.zeros((2, dataset.k, dataset.d))
    for some, columns, x in _slabs(dataset.x, rows, exponent):
        signed = np.zeros((2, len(some), dataset.k))
        signed[0] = -dual[some]
        own = np.arange(len(some)), dataset.y[some]
        for a in dual[some].T:  # the sum as an unevaluated pair
            signed[0][own], error = two_sum(signed[0][own], a)
            signed[1][own] += error
        high, low = product(np.concatenate(signed).T, np.concatenate([x, x]))
        total[:, columns], error = two_sum(total[:, columns], high)
        rest[:, columns] += error + low
    return np.ldexp(total + rest, exponent)


def _slabs(x, rows, exponent):
    """Some rows at a time in scaled units: (rows, columns that are not zero, x dense)."""
    sparse, count = hasattr(x, "tocsr"), max(16, SLAB // x.shape[1])
    for start in range(0, len(rows), count):
        some = rows[start : start + count]
        slab = x[some].toarray() if sparse else x[some]
        columns = np.flatnonzero(slab.any(0)) if sparse else np.arange(x.shape[1])
        yield some, columns, np.ldexp(slab[:, columns], -exponent[columns])


def column_exponents(x):
    """Powers of two just above the largest entry of every column (d,), dense or sparse."""
    largest = abs(x).max(0)
    largest = largest.toarray().ravel() if hasattr(largest, "toarray") else largest
    return np.frexp(largest)[1]


def columns_scaled(x):
    """``(x * 2^-e, e)`` with the largest entry of every column in [1/2, 1)."""
    exponent = column_exponents(x)
    return np.ldexp(x, -exponent), exponent


def two_sum(a, b):
    """``a + b`` as rounded sum and error, exactly (Knuth 1969)."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def product(a, b):
    """``a @ b`` as (high, low), to about 1e-31 of the sum of absolute products, from pieces of so
    few bits that their products are exact in float64 (Ozaki, Ogita, Oishi and Rump 2012)."""
    bits = (53 - int(np.ceil(np.log2(max(a.shape[1], 2))))) // 2
    high, low = np.zeros((2, len(a), b.shape[1]))
    left, right = _pieces(a, 1, bits), _pieces(b, 0, bits)
    for total in range(len(left) + len(right) - 1):
        for i in range(max(0, total - len(right) + 1), min(total + 1, len(left))):
            high, error = two_sum(high, left[i] @ right[total - i])
            low += error
    return high, low


def _pieces(a, axis, bits):
    """Summands of ``a``: multiples of ``2^-bits`` of the power of two above the largest rest of
    each row (axis 1) or column (axis 0)."""
    pieces = []
    while len(pieces) < SLICES:
        exponent = np.frexp(np.abs(a).max(axis, keepdims=True, initial=0.0))[1]
        shift = np.ldexp(1.5, 52 - bits + exponent)
        pieces.append((a + shift) - shift)
        a = a - pieces[-1]
        if not a.any():
            break
    return pieces


def least_margin(dataset, weights):
    """The smallest margin, rounded once: exact products decide among what float64 finds."""
    rough = margins(dataset, weights).min(1)
    # the classical bound on the rounding of two inner products and their difference
    terms = 2 * (abs(dataset.x) @ np.abs(weights).T).max(1)
    room = (dataset.d + 3) * np.finfo(float).eps * terms
    rows = np.flatnonzero(rough - room <= (rough + room).min())
    least, exponent, off = np.inf, column_exponents(dataset.x), no_pair(dataset)
    for some, columns, x in _slabs(dataset.x, rows, exponent):
        high, low = product(x, np.ldexp(weights, exponent)[:, columns].T)
        own = np.arange(len(some)), dataset.y[some]
        exact, error = two_sum(high[own][:, None], -high)
        exact += error + (low[own][:, None] - low)
        exact[off[some]] = np.inf
        least = min(least, exact.min())
    return float(least - TINY * terms[rows].max())


def attained(dataset, norm, weights):
    """The normalised margin of ``weights``: ``min margin / ||W||``, and 0 for ``W = 0``."""
    length = float(norm.value(weights))
    return least_margin(dataset, weights) / length if length > 0 else 0.0


def below(margin):
    """A margin moved down by what the norm's evaluation may have rounded."""
    return margin - ROUNDING * abs(margin)


def bound_above(dataset, norm, dual):
    """The bound of multipliers on the simplex: their combination's dual norm, rounded upwards."""
    largest = np.ldexp(np.ones((dataset.k, 1)), column_exponents(dataset.x))
    upper = float(norm.dual(combination(dataset, dual))) + TINY * float(norm.dual(largest))
    return upper / dual.sum() * (1 + ROUNDING)


def certify(dataset, norm, weights, dual) -> tuple[float, float]:
    """``(lower, upper)`` around gamma from any weights (k, d) and any multipliers (n, k).

    Lower: the margin of ``weights / ||weights||``.  Upper: by weak duality
    ``||sum a_ic (e_y - e_c) x_i^T||_*`` for a on the simplex (``dual`` is projected by
    ``simplex``).  Margins and combination are exact up to one rounding; both norms are evaluated in
    float64 by ``norm.value`` and ``norm.dual``, and both bounds moved outwards by 1e-14 relative.
    Raises ValueError for matrices of another shape or without a positive multiplier.
    """
    shapes = {"weights": (dataset.k, dataset.d), "dual": (dataset.n, dataset.k)}
    weights, dual = (np.asarray(given, dtype=np.float64) for given in (weights, dual))
    for (name, shape), given in zip(shapes.items(), (weights, dual), strict=True):
        if given.shape != shape or not np.isfinite(given).all():
            raise ValueError(f"certify: {name} are finite numbers {shape}; got {given.shape}")
    if not (dual[~no_pair(dataset)] > 0).any():
        raise ValueError(
            "certify: dual has no positive multiplier outside the samples' own classes"
        )
    lower = below(attained(dataset, norm, weights))
    return lower, bound_above(dataset, norm, simplex(dataset, dual))
