"""Exactly vanishing combinations of samples: whole multipliers near those of floating point."""

import numpy as np

from . import checker

P = 2**31 - 1  # prime: products of two residues fit in int64
LIMB = 20  # bits: a row of limbs times residues fits in int64 up to 2^12 terms
LARGEST = 2000  # unknowns of the linear system
CUTS = 1e-10, 1e-7, 1e-4  # relative; multipliers below are taken for zeros of the solver
RANK = 1e-10  # relative cut of pivots; what it decides wrongly fails the exact test at the end


def vanishing(dataset, certificate) -> dict[tuple[int, int], int]:
    """Integers a_ic >= 0, not all zero, with ``sum a_ic (e_y - e_c) x_i^T = 0`` exactly, for the
    entries of a certificate (n, k) that are not negligible.

    All but as many multipliers as the samples' vectors have rank are kept, rounded; the others solve
    the linear equations.  Raises ArithmeticError where that gives no such integers.
    """
    for cut in CUTS:
        support = np.argwhere(certificate > cut * certificate.max())
        vectors = _vectors(dataset, support)
        sizes = certificate[tuple(support.T)]
        exact = _balanced(vectors, np.rint(sizes / sizes.min().clip(sizes.max() * 1e-9) * 2**10))
        if exact is not None:
            return {(int(i), int(c)): a for (i, c), a in zip(support, exact, strict=True) if a}
    raise ArithmeticError(
        "no exact proof that the data are not separable: the multipliers that vanish in floating"
        " point could not be corrected to vanish exactly. The certificate of the error still holds"
        " to its residual."
    )


def _vectors(dataset, support):
    """One column ``(e_y - e_c) x_i^T`` (k d,) of integers a multiplier; every feature has its own
    power of two."""
    used = np.unique(support[:, 0])
    if len(support) * dataset.k * dataset.d > 2**23:
        raise ArithmeticError(
            f"no exact proof that the data are not separable: {len(support)} multipliers in"
            f" {dataset.k * dataset.d} equations are more than this solves exactly"
        )
    columns = [checker.whole([column])[0][0] for column in dataset.x[used].T.tolist()]
    x = np.array(columns, dtype=object).T[np.searchsorted(used, support[:, 0])]
    vectors = np.zeros((len(support), dataset.k, dataset.d), dtype=object)
    each = np.arange(len(support))
    vectors[each, dataset.y[support[:, 0]]] = x
    vectors[each, support[:, 1]] = -x
    return vectors.reshape(len(support), -1).T


def _balanced(vectors, sizes):
    """Integers near a multiple of `sizes` that `vectors` annihilate, or None."""
    from scipy.linalg import qr

    scale = np.abs(vectors).max(1)
    plain = (vectors / np.where(scale > 0, scale, 1)[:, None]).astype(float)
    _, r, order = qr(plain * sizes, mode="economic", pivoting=True)  # heavy ones are solved for
    diagonal = np.abs(np.diag(r))
    rank = int((diagonal > RANK * diagonal[0]).sum())
    solved, kept = order[:rank], order[rank:]
    rows = qr(plain[:, solved].T, mode="r", pivoting=True)[1][:rank]
    a = np.array([int(size) for size in sizes], dtype=object)
    if rank > LARGEST or not len(kept):
        return None
    if rank:
        solution = solve(vectors[np.ix_(rows, solved)], -(vectors[np.ix_(rows, kept)] @ a[kept]))
        if solution is None:
            return None
        a[solved], denominator = solution
        a[kept] *= denominator
    if (a < 0).any() or not a.any() or (vectors @ a).any():
        return None
    return a // np.gcd.reduce(a)


def solve(matrix, rhs):
    """(z, q) in integers, q > 0, with ``matrix @ z == q rhs``, or None if `matrix` (r, r) is
    singular modulo P: p-adic lifting (Dixon 1982)."""
    inverse = _inverse((matrix % P).astype(np.int64))
    if inverse is None:
        return None
    size, sign = np.abs(matrix), np.where(matrix < 0, -1, 1)
    limbs = [
        (sign * (size >> shift & 2**LIMB - 1)).astype(np.int64)
        for shift in range(0, int(size.max()).bit_length(), LIMB)
    ]
    z, modulus, rest, steps = 0 * rhs, 1, rhs, 0
    while True:
        digits = (inverse * (rest % P).astype(np.int64) % P).sum(1) % P
        image = sum((limb @ digits).astype(object) << LIMB * j for j, limb in enumerate(limbs))
        rest = (rest - image) // P
        z, modulus, steps = z + digits.astype(object) * modulus, modulus * P, steps + 1
        if steps & (steps - 1) == 0:  # a power of two
            numerators, denominator = _rational(z, modulus)
            if (matrix @ numerators == denominator * rhs).all():
                return numerators, denominator


def _inverse(a):
    """The inverse modulo P by Gauss-Jordan, or None."""
    n = len(a)
    a = np.hstack([a, np.eye(n, dtype=np.int64)])
    for i in range(n):
        pivots = np.flatnonzero(a[i:, i])
        if not len(pivots):
            return None
        a[[i, i + pivots[0]]] = a[[i + pivots[0], i]]
        a[i] = a[i] * pow(int(a[i, i]), -1, P) % P
        factors = a[:, i].copy()
        factors[i] = 0
        a = (a - factors[:, None] * a[i]) % P
    return a[:, n:]


def _rational(residues, modulus):
    """Numerators and one denominator of rationals with these residues, all as small as the modulus
    lets them be told."""
    denominator = 1
    for residue in residues:
        above, below, s, t = modulus, int(residue) * denominator % modulus, 0, 1
        while below * below * 2 > modulus:
            quotient = above // below
            above, below, s, t = below, above - quotient * below, t, s - quotient * t
        denominator *= abs(t)
        if denominator > modulus:
            break  # nothing to tell yet
    numerators = residues * denominator % modulus
    return np.where(numerators > modulus // 2, numerators - modulus, numerators), denominator
