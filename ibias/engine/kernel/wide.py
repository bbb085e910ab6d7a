"""Numbers with an exponent of their own: ``value * 2**-e`` per entry, for runs whose entries lie
e^-700 and more apart.

A sign needs no company: the max norm takes +-1 for a class that is e^-1000 less likely than
another.  Layout as in ``residual``; every array of values has one of integer-valued exponents
beside it, ``UNBOUNDED`` for the exponent of zero.
"""

import numpy as np

from .cache import jit
from .residual import LOG2_E, UNBOUNDED
from .simd import (
    any_above,
    exp_scaled,
    exponent,
    larger,
    load,
    nearest,
    smaller,
    splat,
    store,
    two_to,
    where,
)

# binary digits a matrix product is trusted over; sums down to 2**-1022 of their row are still exact
TIER = 512.0
TINY = 2.0**-TIER


@jit
def add(x, e, z, f):
    """``x 2**-e + z 2**-f``, on the smaller exponent."""
    low = smaller(e, f)
    return x * two_to(low - e) + z * two_to(low - f), low


@jit
def normal(x, e):
    """The same number with a magnitude in [1, 2), or 0 with the exponent ``UNBOUNDED``."""
    zero = splat(0.0)
    size = larger(x, zero - x)
    height = exponent(size)
    return x * two_to(zero - height), where(size, zero, e - height, splat(UNBOUNDED))


@jit
def wide_residuals(z, ze, y, k, width, exponential):
    """Turn logits ``z`` into ``dl_i/dz``, an exponent ``ze`` per entry (the formulas are those of
    ``residual.residuals``)."""
    zero = splat(0.0)
    for i in range(y.size):
        for lane in range(0, width, 8):
            row = i * k * width + lane
            at = row + y[i] * width
            own, other = load(z, at), splat(-1e300)
            for o in range(row, row + k * width, width):
                other = larger(other, other if o == at else load(z, o))
            reference = own if exponential else larger(own, other)
            common = nearest((other - reference) * LOG2_E)
            total = zero
            for o in range(row, row + k * width, width):
                if o != at:
                    gap = load(z, o) - reference
                    turns = nearest(gap * LOG2_E)
                    p = exp_scaled(gap, zero - turns)
                    total = total + p * two_to(turns - common)
                    store(z, o, p)
                    store(ze, o, zero - turns)
            norm = splat(1.0)
            if not exponential:
                norm = norm / (total * two_to(common) + exp_scaled(own - reference, zero))
            for o in range(row, row + k * width, width):
                store(z, o, load(z, o) * norm)
            store(z, at, zero - total * norm)
            store(ze, at, zero - common)


@jit
def wide_product(x, z, ze, g, ge, a, part, base, depth):
    """``g = x^T z`` with an exponent ``ge`` per entry.

    A row's residuals are brought to the exponent of its largest, then products are ordinary.  An
    entry that comes out below ``TINY`` (the largest residuals meet features that are 0) is taken
    from a further product, ``TIER`` digits down, without those. ``a``, ``part``: scratch like ``z``
    and ``g``; ``base``, ``depth``: scratch, a row.
    """
    size, zero, unset = base.size, splat(0.0), splat(0.5 * UNBOUNDED)
    _row_range(ze, base, depth)
    for o in range(0, g.size, 8):
        store(g, o, zero)
        store(ge, o, splat(UNBOUNDED))
    shift = 0.0
    while True:
        last = True
        for c in range(0, size, 8):
            low = load(base, c) + shift
            last = last and not any_above(load(depth, c), low + TIER)
            for o in range(c, z.size, size):
                e = load(ze, o)
                store(a, o, where(low - TIER, e, zero, load(z, o) * two_to(low - e)))
        np.dot(x.T, a, part)
        floor, pending = splat(0.0 if last else TINY), False
        for c in range(0, size, 8):
            low = load(base, c) + shift
            for o in range(c, g.size, size):
                p = load(part, o)
                open_ = where(load(ge, o), unset, larger(p, zero - p), zero)
                value, e = normal(p, low)
                store(g, o, where(open_, floor, value, load(g, o)))
                store(ge, o, where(open_, floor, e, load(ge, o)))
                pending = pending or any_above(load(ge, o), unset)
        if last or not pending:
            return
        shift += TIER


@jit
def _row_range(ze, base, depth):
    """The smallest exponent of every row, and the largest but for those of zeros."""
    size = base.size
    for c in range(0, size, 8):
        low, high = splat(UNBOUNDED), splat(-UNBOUNDED)
        for o in range(c, ze.size, size):
            e = load(ze, o)
            low = smaller(low, e)
            high = larger(high, where(e, splat(0.5 * UNBOUNDED), high, e))
        store(base, c, low)
        store(depth, c, high)
