"""Exactly vanishing combinations of samples: whole multipliers near those of floating point."""

import numpy as np
from scipy.linalg import qr
from scipy.optimize import linprog
from scipy.sparse import csc_array

from . import checker

P = 2**31 - 1  # prime: products of two residues fit in int64
LARGEST = 2**24  # entries of the linear system; the heaviest multipliers that fit are tried


def vanishing(dataset, certificate) -> dict[tuple[int, int], int]:
    """Integers a_ic >= 0, not all zero, with ``sum a_ic (e_y - e_c) x_i^T = 0`` exactly, for few of
    the entries (i, c) of a certificate (n, k).

    A vertex of the multipliers that vanish in floating point says which; its linear equations are
    solved exactly.  Raises ArithmeticError where that gives no such integers.
    """
    fitting = LARGEST // (dataset.k * dataset.d)
    support = np.argwhere(certificate > 0)
    support = support[np.argsort(-certificate[tuple(support.T)], kind="stable")[:fitting]]
    vectors = _vectors(dataset, support)
    sizes = _vertex(vectors)
    used = np.flatnonzero(sizes)
    exact = _balanced(vectors[:, used], sizes[used]) if len(used) else None
    if exact is None:
        raise ArithmeticError(
            "no exact proof that the data are not separable: the multipliers of .certificate vanish"
            " in floating point, and none near them were found that vanish exactly"
        )
    pairs = map(tuple, support[used].tolist())
    return {pair: int(a) for pair, a in zip(pairs, exact, strict=True) if a}


def _vectors(dataset, support):
    """A column of integers, ``(e_y - e_c) x_i^T`` (k d,), a multiplier, scaled by feature."""
    used, back = np.unique(support[:, 0], return_inverse=True)
    columns = [checker.whole([column])[0][0] for column in dataset.x[used].T.tolist()]
    x, each = np.array(columns, dtype=object).T[back], np.arange(len(support))
    vectors = np.zeros((len(support), dataset.k, dataset.d), dtype=object)
    vectors[each, dataset.y[support[:, 0]]] = x
    vectors[each, support[:, 1]] = -x
    return vectors.reshape(len(support), -1).T


def _scaled(vectors):
    top = np.abs(vectors).max(1)
    return (vectors / np.where(top > 0, top, 1)[:, None]).astype(float)


def _vertex(vectors):
    """A basic solution (simplex method): few multipliers, vanishing in float64; else zeros."""
    rows = _scaled(vectors)
    lengths = np.linalg.norm(rows, axis=0)
    lengths[lengths == 0] = 1
    equations = csc_array(np.vstack([rows / lengths, np.ones(len(lengths))]))
    right = np.r_[np.zeros(len(rows)), 1.0]
    result = linprog(0 * lengths, A_eq=equations, b_eq=right, method="highs-ds")
    return 0 * lengths if result.x is None else result.x / lengths


def _balanced(vectors, sizes):
    """Integers near a multiple of `sizes` that `vectors` annihilate, or None."""
    order = qr(_scaled(vectors) * sizes, mode="r", pivoting=True)[1]  # heavy ones are solved for
    _, rows, solved = _reduced((vectors[:, order] % P).astype(np.int64), len(order))
    solved, kept = order[solved], np.delete(order, solved)
    a = np.array([max(1, round(2**20 * size / sizes.max())) for size in sizes], dtype=object)
    if rows:
        solution = solve(vectors[np.ix_(rows, solved)], -(vectors[np.ix_(rows, kept)] @ a[kept]))
        a[solved], denominator = solution
        a[kept] *= denominator
    if (a < 0).any() or not a.any() or (vectors @ a).any():
        return None
    return a // np.gcd.reduce(a)


def _reduced(a, width):
    """(a, rows, columns): Gauss-Jordan modulo P on the first ``width`` columns, leftmost first;
    ``rows`` and ``columns`` are those of a largest invertible submatrix, in order."""
    rows, columns = [], []
    for j in range(width):
        pivots = np.setdiff1d(np.flatnonzero(a[:, j]), rows)
        if len(pivots):
            i = int(pivots[0])
            rows.append(i)
            columns.append(j)
            unit = a[i] * pow(int(a[i, j]), -1, P) % P
            a = (a - a[:, j : j + 1] * unit) % P
            a[i] = unit
    return a, rows, columns


def solve(matrix, rhs):
    """(z, q) in integers, q > 0, with ``matrix @ z == q rhs`` for a matrix (r, r) of integers that
    is invertible modulo P: p-adic lifting (Dixon 1982)."""
    n = len(matrix)
    residues = np.hstack([(matrix % P).astype(np.int64), np.eye(n, dtype=np.int64)])
    reduced, order, _ = _reduced(residues, n)
    inverse = reduced[order, n:]
    z, modulus, rest, steps = 0 * rhs, 1, rhs, 0
    while True:
        digits = (inverse * (rest % P).astype(np.int64) % P).sum(1) % P
        digits = digits.astype(object)
        rest = (rest - matrix @ digits) // P
        z, modulus, steps = z + digits * modulus, modulus * P, steps + 1
        if steps & (steps - 1) == 0:  # a power of two
            numerators, denominator = _rational(z, modulus)
            if (matrix @ numerators == denominator * rhs).all():
                return numerators, denominator


def _rational(residues, modulus):
    """Numerators and the denominator of the rationals with these residues, as small as can be."""
    denominator = 1
    for residue in residues:
        above, below, s, t = modulus, residue * denominator % modulus, 0, 1
        while below * below * 2 > modulus:
            quotient = above // below
            above, below, s, t = below, above - quotient * below, t, s - quotient * t
        denominator *= abs(t)
        if denominator > modulus:
            break  # too few digits to tell
    numerators = residues * denominator % modulus
    return np.where(numerators > modulus // 2, numerators - modulus, numerators), denominator
