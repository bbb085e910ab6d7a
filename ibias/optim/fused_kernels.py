"""One pass over memory per update, compiled by numba for float32 and float64.  Imported by
``fused``, and only where numba is there.

``table`` is the address of a table of int64 with ``count`` columns, one for each tensor: its
length, then where its parameter, gradient and average lie; ``like`` is an empty array that brings
the dtype.  One call serves all tensors of a group.  A product and a sum may round once (as torch's
own vectorised loops do); sums of squares may be taken in any order; nothing else is relaxed.
"""

import numba
import numpy as np
from numba.core import types
from numba.extending import intrinsic

LENGTH, PARAMETER, GRADIENT, AVERAGE = range(4)
BLOCK = 512
"""Entries whose squares are summed in the gradients' dtype: in float32 within 2e-6 at worst (32
additions in each of 16 lanes)."""
LARGE = 128
"""Blocks from which on a tensor is walked in two places at once, a tenth faster: after a backward
pass each page has to be looked up anew."""
ADDRESS = np.empty(0, np.int64)  # a constant of the kernels: what their table holds


@intrinsic
def _pointer(typing, address, like):
    kind = types.CPointer(like.dtype)
    return kind(address, like), lambda context, builder, sig, args: builder.inttoptr(
        args[0], context.get_value_type(kind)
    )


def _compiled(*relaxed):
    options = dict(nogil=True, error_model="numpy", fastmath={"contract", *relaxed})

    def compile_(function):
        try:
            return numba.njit(function, cache=True, **options)
        except RuntimeError:  # no folder to keep compiled code in
            return numba.njit(function, **options)

    return compile_


@numba.njit(inline="always")
def _entries(table, count, like, role, j):
    cells = numba.carray(_pointer(table, ADDRESS), (role + 1, count))
    return numba.carray(_pointer(cells[role, j], like), cells[LENGTH, j])


@numba.njit(inline="always")
def _block(size, b):
    """The place of the b-th block to visit: by turns in both halves of a large tensor."""
    blocks = _blocks(size)
    if blocks > LARGE:
        b = b // 2 if b % 2 == 0 else (blocks + 1) // 2 + b // 2
    return slice(b * BLOCK, min(b * BLOCK + BLOCK, size))


@numba.njit(inline="always")
def _blocks(size):
    return (size + BLOCK - 1) // BLOCK


@numba.njit(inline="always")
def _averaged(m, g, weight, one):
    """``m + weight (g - m)``, from the nearer end: the formula of ``torch.lerp``.  ``one`` is of
    the dtype: 1 would make it float64."""
    return m + weight * (g - m) if weight < 0.5 else g + (weight - one) * (g - m)


@numba.njit(inline="always")
def _signed(lr, x):
    """``lr sign(x)``, 0 for 0 and NaN as in torch: two selections, which become masks."""
    zero = lr - lr
    return (lr if x > zero else zero) - (lr if x < zero else zero)


@_compiled()
def sign_step(table, count, like, keep, lr):
    """``p = keep p - lr sign(g)``"""
    keep, lr = like.dtype.type(keep), like.dtype.type(lr)
    for j in range(count):
        p, g = _entries(table, count, like, PARAMETER, j), _entries(table, count, like, GRADIENT, j)
        for b in range(_blocks(p.size)):
            here = _block(p.size, b)
            q, h = p[here], g[here]
            for i in range(q.size):
                q[i] = keep * q[i] - _signed(lr, h[i])


@_compiled()
def signum_step(table, count, like, keep, lr, weight, ahead):
    """``m += weight (g - m)``, ``p = keep p - lr sign(g + ahead (m - g))``"""
    keep, lr = like.dtype.type(keep), like.dtype.type(lr)
    weight, ahead = like.dtype.type(weight), like.dtype.type(ahead)
    for j in range(count):
        p, g = _entries(table, count, like, PARAMETER, j), _entries(table, count, like, GRADIENT, j)
        m = _entries(table, count, like, AVERAGE, j)
        for i in range(p.size):
            average = _averaged(m[i], g[i], weight, like.dtype.type(1))
            m[i] = average
            p[i] = keep * p[i] - _signed(lr, _averaged(g[i], average, ahead, like.dtype.type(1)))


@_compiled("reassoc")
def squares(table, count, like):
    """The sum of the squared gradients: in their dtype within blocks, twice as fast as converting
    each, and in float64 over the blocks."""
    total = 0.0
    for j in range(count):
        g = _entries(table, count, like, GRADIENT, j)
        for b in range(_blocks(g.size)):
            block, part = g[_block(g.size, b)], like.dtype.type(0)
            for i in range(block.size):
                part += block[i] * block[i]
            total += np.float64(part)
    return total


@_compiled("reassoc")
def averaged_squares(table, count, like, weight, ahead):
    """``m += weight (g - m)``; the sum of the squares of ``g + ahead (m - g)``, in float64."""
    weight, ahead, total = like.dtype.type(weight), like.dtype.type(ahead), 0.0
    for j in range(count):
        g, m = _entries(table, count, like, GRADIENT, j), _entries(table, count, like, AVERAGE, j)
        for i in range(g.size):
            average = _averaged(m[i], g[i], weight, like.dtype.type(1))
            m[i] = average
            step = np.float64(_averaged(g[i], average, ahead, like.dtype.type(1)))
            total += step * step
    return total


@_compiled()
def add_scaled(table, count, like, role, keep, factor):
    """``p = keep p + factor g`` or ``p = keep p + factor m``"""
    keep, factor = like.dtype.type(keep), like.dtype.type(factor)
    for j in range(count):
        p, d = _entries(table, count, like, PARAMETER, j), _entries(table, count, like, role, j)
        for b in range(_blocks(p.size)):
            here = _block(p.size, b)
            q, h = p[here], d[here]
            for i in range(q.size):
                q[i] = keep * q[i] + factor * h[i]


@_compiled()
def add_ahead(table, count, like, keep, factor, ahead):
    """``p = keep p + factor (g + ahead (m - g))``"""
    keep, factor, ahead = like.dtype.type(keep), like.dtype.type(factor), like.dtype.type(ahead)
    for j in range(count):
        p, g = _entries(table, count, like, PARAMETER, j), _entries(table, count, like, GRADIENT, j)
        m = _entries(table, count, like, AVERAGE, j)
        for i in range(p.size):
            p[i] = keep * p[i] + factor * _averaged(g[i], m[i], ahead, like.dtype.type(1))
