"""Proofs that no classifier exists: plain contradictions first, then multipliers whose combination
vanishes, in exact arithmetic or beyond the reach of rounding."""

import numpy as np
from scipy.linalg import LinAlgError, cho_factor
from scipy.sparse.csgraph import connected_components

from ..norms import MAX
from .certificate import column_exponents, columns_scaled, combination
from .newton import Factor, Pairs, interior
from .result import NotSeparable, UndecidedSeparability
from .vanishing import vanishing


def refuse_contradiction(dataset) -> None:
    """Raises NotSeparable, with an exact certificate, naming an all-zero sample or two equal rows
    with two labels."""
    a = np.zeros((dataset.n, dataset.k))
    seen: dict[bytes, int] = {}
    for i in range(dataset.n):
        row = _content(dataset.x, i)
        if row is None:
            a[i, (dataset.y[i] + 1) % dataset.k] = 1
            reason = f"x[{i}] is zero in every feature, its margins are 0 for every W"
            raise NotSeparable(dataset, a, reason)
        j = seen.setdefault(row, i)
        if dataset.y[i] != dataset.y[j]:
            a[i, dataset.y[j]] = a[j, dataset.y[i]] = 0.5
            names = dataset.label_names[dataset.y[j]], dataset.label_names[dataset.y[i]]
            reason = f"rows {j} and {i} are equal and have the labels {names[0]!r} and {names[1]!r}"
            raise NotSeparable(dataset, a, reason)


def _content(x, i):
    """Row i as bytes, equal for equal rows; None for a zero row."""
    if hasattr(x, "tocsr"):
        at = slice(x.indptr[i], x.indptr[i + 1])
        columns, values = x.indices[at], x.data[at]
        order = np.argsort(columns[values != 0])
        row = columns[values != 0][order].tobytes() + values[values != 0][order].tobytes()
        return row or None
    return (x[i] + 0.0).tobytes() if x[i].any() else None  # + 0.0: no negative zeros


def proved_not_separable(dataset, samples, kept, start=None):
    """The NotSeparable of ``dataset`` (``samples`` in the solver's units) if multipliers prove it,
    else the UndecidedSeparability to raise.  ``start``: multipliers of a subset to begin with."""
    whole = start is None or not start.any()
    rows = np.arange(samples.n) if whole else np.flatnonzero(start.any(1))
    given = type(samples)(dataset.x[:, kept], dataset.y, dataset.k)  # units may have lost entries
    proof = prove(given.subset(rows)[0])
    if proof is None:
        return UndecidedSeparability(dataset, column_exponents(given.x), kept)
    a = np.zeros((samples.n, samples.k))
    a[rows] = proof
    return NotSeparable(dataset, a)


def prove(samples):
    """Multipliers (n, k) that prove the samples not separable, or None.

    Lengths of samples and sizes of columns do not matter here, and are scaled away first.
    """
    x, exponent = columns_scaled(samples.x)
    if (np.ldexp(x, exponent) != samples.x).any():  # a column reaches over all of float64
        return None
    length = np.linalg.norm(x, axis=1)
    pairs = Pairs(x / length[:, None], samples.y, np.eye(samples.k))
    start = interior(pairs, MAX, tolerance=1e-15).a
    a = _annihilated(pairs, np.where(pairs.own, 0, np.maximum(start, 1e-300))) / length[:, None]
    if not np.isfinite(a).all() or not a.any():
        return None
    a = np.where(a > 1e-9 * a.max(), a, 0)
    scaled = type(samples)(x, samples.y, samples.k)
    if vanishes(scaled, a / a.sum()):
        return a / a.sum()
    try:
        exact = vanishing(scaled, a)
    except ArithmeticError:
        return None
    whole, a = sum(exact.values()), np.zeros_like(a)
    for (i, c), multiplier in exact.items():
        a[i, c] = multiplier / whole
    return a


def vanishes(samples, a):
    """Whether multipliers near ``a`` have a combination of exactly zero.

    The remainder R of ``a`` is known to the last digit.  It is zero, or it is a combination
    ``sum a_i eta_i A_i`` of the rows of the support, where ``|eta| <= |R| / sigma`` with the least
    singular value sigma of the rows ``a_i A_i``; with ``|eta| < 1`` the multipliers
    ``a (1 - eta) > 0`` have none.  ``sigma^2 > tau`` is proved by a Cholesky factor of
    ``sum a_i^2 A_i A_i^T - tau``, whose rounding tau exceeds.
    """
    rest = combination(samples, a)
    if not rest.any():
        return True
    # classes that pairs of the support connect: their rows of a combination sum to zero, so that
    # the first of them follows from the others
    links = np.array([a[samples.y == c].sum(0) for c in range(samples.k)])
    first = np.unique(connected_components(links, directed=False)[1], return_index=True)[1]
    entries = np.delete(np.arange(samples.k * samples.d).reshape(samples.k, -1), first, 0).ravel()
    if (a > 0).sum() < len(entries):
        return False
    matrix = Pairs(samples.x, samples.y, np.eye(samples.k)).gram(a * a)[np.ix_(entries, entries)]
    rounding = 8 * len(matrix) * np.finfo(float).eps * np.trace(matrix)
    tau = max(4 * (rest**2).sum(), rounding)
    matrix[np.diag_indices_from(matrix)] -= tau
    try:
        cho_factor(matrix, lower=True, overwrite_a=True, check_finite=False)
    except LinAlgError:
        return False
    return True


def _annihilated(pairs, a, rounds=8):
    """Affine-scaled least-norm corrections of a > 0 towards ``A^T a = 0``; the best one seen."""
    best, smallest = a, np.inf
    for _ in range(rounds):
        if not a.sum() > 0:  # separable data: nothing was left to cancel
            break
        rest = pairs.adjoint(a).ravel()
        size = np.linalg.norm(rest) / a.sum()
        if size < smallest:
            best, smallest = a, size
        matrix = pairs.gram(a * a)
        matrix[np.diag_indices_from(matrix)] += 1e-14 * np.trace(matrix) / len(matrix)
        try:
            v = Factor(matrix).solve(rest).reshape(pairs.shape)
        except LinAlgError:
            break
        change = a * a * pairs.margins(v, 0)
        falling = change > a
        length = 0.9 * (a[falling] / change[falling]).min() if falling.any() else 1.0
        a = np.where(pairs.own, 0, np.maximum(a - length * change, 0))
    return best
