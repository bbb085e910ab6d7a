"""One pass over memory per update, compiled by numba for float32 and float64.  Imported by ``fused``, and only where numba is there.

``table`` holds addresses, a row per role (parameter, gradient, average) and a column per tensor; ``sizes`` their lengths; ``like`` is an
empty array that brings the dtype.  One call serves all tensors of a group.  A product and a sum may round once (as torch's own
vectorised loops do); sums of squares may be taken in any order; nothing else is relaxed.
"""

import numba
import numpy as np
from numba.core import types
from numba.extending import intrinsic

PARAMETER, GRADIENT, AVERAGE = range(3)


@intrinsic
def _pointer(typing, address, like):
    kind = types.CPointer(like.dtype)
    return kind(address, like), lambda context, builder, sig, args: builder.inttoptr(args[0], context.get_value_type(kind))


def _compiled(*relaxed):
    options = dict(nogil=True, error_model="numpy", fastmath={"contract", *relaxed})

    def compile_(function):
        try:
            return numba.njit(function, cache=True, **options)
        except RuntimeError:  # no folder to keep compiled code in
            return numba.njit(function, **options)

    return compile_


@numba.njit(inline="always")
def _entries(table, sizes, like, role, j):
    return numba.carray(_pointer(table[role, j], like), sizes[j])


@numba.njit(inline="always")
def _averaged(m, g, weight, one):
    """``m + weight (g - m)``, from the nearer end: the formula of ``torch.lerp``.  ``one`` is of the dtype: 1 would make it float64."""
    return m + weight * (g - m) if weight < 0.5 else g + (weight - one) * (g - m)


@numba.njit(inline="always")
def _signed(lr, x):
    """``lr sign(x)``, 0 for 0 and for NaN as in torch; two selections that LLVM turns into masks."""
    zero = lr - lr
    return (lr if x > zero else zero) - (lr if x < zero else zero)


@_compiled()
def sign_step(table, sizes, like, lr):
    """``p -= lr sign(g)``"""
    for j in range(sizes.size):
        p, g = _entries(table, sizes, like, PARAMETER, j), _entries(table, sizes, like, GRADIENT, j)
        for i in range(p.size):
            p[i] -= _signed(lr, g[i])


@_compiled()
def signum_step(table, sizes, like, lr, weight):
    """``m += weight (g - m)``, ``p -= lr sign(m)``"""
    for j in range(sizes.size):
        p, g = _entries(table, sizes, like, PARAMETER, j), _entries(table, sizes, like, GRADIENT, j)
        m = _entries(table, sizes, like, AVERAGE, j)
        for i in range(p.size):
            average = _averaged(m[i], g[i], weight, like.dtype.type(1))
            m[i] = average
            p[i] -= _signed(lr, average)


@_compiled("reassoc")
def squares(table, sizes, like):
    """The sum of the squared gradients, in float64."""
    total = 0.0
    for j in range(sizes.size):
        g = _entries(table, sizes, like, GRADIENT, j)
        for i in range(g.size):
            total += np.float64(g[i]) * np.float64(g[i])
    return total


@_compiled("reassoc")
def averaged_squares(table, sizes, like, weight):
    """``m += weight (g - m)``; the sum of the squared averages, in float64."""
    total = 0.0
    for j in range(sizes.size):
        g, m = _entries(table, sizes, like, GRADIENT, j), _entries(table, sizes, like, AVERAGE, j)
        for i in range(g.size):
            average = _averaged(m[i], g[i], weight, like.dtype.type(1))
            m[i] = average
            total += np.float64(average) * np.float64(average)
    return total


@_compiled()
def add_scaled(table, sizes, like, role, factor):
    """``p += factor g`` or ``p += factor m``"""
    for j in range(sizes.size):
        p, d = _entries(table, sizes, like, PARAMETER, j), _entries(table, sizes, like, role, j)
        for i in range(p.size):
            p[i] += factor * d[i]
