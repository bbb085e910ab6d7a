"""The small factor of eight signals' class rows: Helmert coordinates, LQ, one-sided Jacobi.

A signal M (k classes x d features) has columns that sum to zero.  In Helmert coordinates,
orthonormal and orthogonal to the vector of ones, k - 1 rows are left; LQ brings them to a square
factor L; Jacobi turns the columns of L into ``sigma_r u_r``.
"""

import numpy as np

from .cache import jit
from .simd import any_above, half_angle_tangent, larger, load, root, splat, store, where

# a sweep that met no squared cosine above this was the last one needed: convergence is quadratic
CONVERGED = 1e-15
SWEEPS = 30  # six are usual
COLUMNS = 48  # features per LQ: the rows of a chunk stay in the first-level cache


def helmert(k: int) -> tuple[np.ndarray, np.ndarray]:
    """Helmert's ``(own, past)``: row j is ``own[j]`` up to class j and ``-past[j]`` for j + 1."""
    j = np.arange(1.0, k)
    return 1 / np.sqrt(j * (j + 1)), j / np.sqrt(j * (j + 1))


@jit
def square_factor(m, task, d, slot, polar):
    """L of the LQ factorisation of slots ``slot .. slot+7`` of ``m``, into ``polar.t`` by columns.

    Features come in chunks; a next chunk is factored together with the L so far.  ``rows``:
    scratch, with one row more than k - 1, which stays zero: rows are taken two at a time.
    """
    rows, t, own, past = polar.rows, polar.t, polar.own, polar.past
    width, q = task.width, task.k - 1
    chunks = (d + COLUMNS - 1) // COLUMNS
    size = (d + chunks - 1) // chunks
    stride = (size + q + 1) * 8
    kept = 0
    for first in range(0, d, size):
        used = min(size, d - first)
        for c in range(used):
            o = (first + c) * task.k * width + slot
            total = load(m, o)
            for j in range(q):
                o += width
                x = load(m, o)
                store(rows, j * stride + (kept + c) * 8, total * own[j] - x * past[j])
                total = total + x
        used += kept
        if used % 2:
            for j in range(q):
                store(rows, j * stride + used * 8, splat(0.0))
        for o in range(q * stride, q * stride + (used + 1) * 8, 8):
            store(rows, o, splat(0.0))
        _orthogonalise(rows, t, q, (used + used % 2) * 8, stride)
        if first + size < d:
            kept = q
            for j in range(q):
                for i in range(q):
                    store(rows, i * stride + j * 8, load(t, (j * q + i) * 8))


@jit
def _orthogonalise(rows, t, q, length, stride):
    """Gram-Schmidt on q rows, two rows by two columns: four sums hide additions' latency."""
    for j in range(q):
        a = j * stride
        even, odd = splat(0.0), splat(0.0)
        for c in range(0, length, 16):
            x, z = load(rows, a + c), load(rows, a + c + 8)
            even, odd = even + x * x, odd + z * z
        square = even + odd
        safe = where(square, splat(0.0), square, splat(1.0))
        inverse = splat(1.0) / root(safe)
        for i in range(j):
            store(t, (j * q + i) * 8, splat(0.0))
        store(t, (j * q + j) * 8, root(square))
        for i in range(j + 1, q, 2):
            p, r = i * stride, (i + 1) * stride
            p0, p1, r0, r1 = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
            for c in range(0, length, 16):
                x, z = load(rows, a + c), load(rows, a + c + 8)
                p0, p1 = p0 + x * load(rows, p + c), p1 + z * load(rows, p + c + 8)
                r0, r1 = r0 + x * load(rows, r + c), r1 + z * load(rows, r + c + 8)
            p0, r0 = p0 + p1, r0 + r1
            store(t, (j * q + i) * 8, p0 * inverse)
            if i + 1 < q:
                store(t, (j * q + i + 1) * 8, r0 * inverse)
            p0, r0 = p0 / safe, r0 / safe
            for c in range(0, length, 8):
                x = load(rows, a + c)
                store(rows, p + c, load(rows, p + c) - p0 * x)
                store(rows, r + c, load(rows, r + c) - r0 * x)


@jit
def squared_norms(t, q, norms):
    """Squared lengths of the q columns of ``t``; returns the largest."""
    top = splat(0.0)
    for j in range(q):
        s = splat(0.0)
        for c in range(j * q * 8, (j + 1) * q * 8, 8):
            x = load(t, c)
            s = s + x * x
        store(norms, j * 8, s)
        top = larger(top, s)
    return top


@jit
def diagonalise(t, q, rounds, floor, norms, turns):
    """One-sided Jacobi: rotate the columns of ``t`` until they are orthogonal.  Columns below
    ``floor`` (squared) are noise: let be.

    The pairs of a round are disjoint: all inner products, then all angles, then all rotations.
    """
    for _ in range(SWEEPS):
        squared_norms(t, q, norms)
        unsettled = splat(0.0)
        for number in range(rounds.shape[0]):
            pairs = rounds[number]
            _inner_products(t, q, pairs, turns)
            unsettled = _angles(pairs, floor, norms, turns, unsettled)
            _rotate(t, q, pairs, turns)
        if not any_above(unsettled, splat(0.5)):
            break


@jit
def _inner_products(t, q, pairs, turns):
    for h in range(pairs.shape[0]):
        p, r = pairs[h, 0] * q * 8, pairs[h, 1] * q * 8
        dot = splat(0.0)
        for c in range(0, q * 8, 8):
            dot = dot + load(t, p + c) * load(t, r + c)
        store(turns, h * 16, dot)


@jit
def _angles(pairs, floor, norms, turns, unsettled):
    """Inner products become ``tan(theta/2), sin(theta)``; the squared norms follow the rotation."""
    one = splat(1.0)
    for h in range(pairs.shape[0]):
        p, r = pairs[h, 0] * 8, pairs[h, 1] * 8
        dot, a, b = load(turns, h * 16), load(norms, p), load(norms, r)
        square, product = dot * dot, a * b
        product = where(where(a, b, b, a), floor, product, splat(1e300))
        unsettled = where(square, product * CONVERGED, one, unsettled)
        u = half_angle_tangent(b - a, where(square, product * 1e-31, dot, splat(0.0)), a + b)
        s = u * 2.0 / (one + u * u)
        c = one - s * u
        store(turns, h * 16, u)
        store(turns, h * 16 + 8, s)
        cross, s, c = c * s * 2.0 * dot, s * s, c * c
        store(norms, p, larger(c * a - cross + s * b, splat(0.0)))
        store(norms, r, larger(c * b + cross + s * a, splat(0.0)))
    return unsettled


@jit
def _rotate(t, q, pairs, turns):
    """Each rotation as three shears."""
    for h in range(pairs.shape[0]):
        p, r = pairs[h, 0] * q * 8, pairs[h, 1] * q * 8
        u, s = load(turns, h * 16), load(turns, h * 16 + 8)
        for c in range(0, q * 8, 8):
            z = load(t, r + c)
            x = load(t, p + c) - u * z
            z = z + s * x
            store(t, r + c, z)
            store(t, p + c, x - u * z)
