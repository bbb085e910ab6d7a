"""Numbers with an exponent each, ``value * 2**-e``, for entries e^-700 and more apart.

A sign needs no company: the max norm takes +-1 for a class that is e^-1000 less likely than
another.  Layout as in ``residual``; every array of values has one of integer-valued exponents
beside it, ``UNBOUNDED`` for the exponent of zero.
"""

import numpy as np

from .cache import inlined_jit, jit
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
UNSET = 0.5 * UNBOUNDED  # exponents above it are those of zero


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
def wide_residuals(z, ze, y, task):
    """Turn logits ``z`` into ``dl_i/dz``, an exponent ``ze`` per entry (the formulas are those of
    ``residual.residuals``); both ``(rows, k L)``."""
    zero, size, width = splat(0.0), task.k * task.width, task.width
    for i in range(y.size):
        for slot in range(0, width, 8):
            row = i * size + slot
            at = row + y[i] * width
            own, other = load(z, at), splat(-1e300)
            for o in range(row, row + size, width):
                other = larger(other, other if o == at else load(z, o))
            reference = own if task.exponential else larger(own, other)
            common = nearest((other - reference) * LOG2_E)
            total = zero
            for o in range(row, row + size, width):
                if o != at:
                    gap = load(z, o) - reference
                    turns = nearest(gap * LOG2_E)
                    p = exp_scaled(gap, zero - turns)
                    total = total + p * two_to(turns - common)
                    store(z, o, p)
                    store(ze, o, zero - turns)
            norm = splat(1.0)
            if not task.exponential:
                norm = norm / (total * two_to(common) + exp_scaled(own - reference, zero))
            for o in range(row, row + size, width):
                store(z, o, load(z, o) * norm)
            store(z, at, zero - total * norm)
            store(ze, at, zero - common)


@jit
def wide_product(x, out):
    """``out.g = x^T out.z`` with an exponent ``out.ge`` per entry (``out``: a ``WideGradient``).

    A column's residuals are brought to the exponent of its largest, then products are ordinary.  An
    entry that comes out below ``TINY`` (the largest residuals meet features that are 0) is taken
    from a further product, a ``TIER`` of digits down, without those.
    """
    _column_range(out)
    for o in range(0, out.g.size, 8):
        store(out.g, o, splat(0.0))
        store(out.ge, o, splat(UNBOUNDED))
    count = tiers(out.top, out.bottom)
    for tier in range(count):
        _scale_tier(out, TIER * tier)
        np.dot(x.T, out.scaled, out.product)
        # in the last tier what is small is right too: nothing was left out below it
        if _accept(out, TIER * tier, 0.0 if tier == count - 1 else TINY):
            return


@jit
def tiers(top, bottom):
    """How many products of ``TIER`` digits reach from exponent ``top`` to ``bottom``, in the
    column where they lie furthest apart; at least one."""
    count = 1
    for c in range(top.size):
        if bottom[c] - top[c] > TIER * count:
            count = int(np.ceil((bottom[c] - top[c]) / TIER))
    return count


@inlined_jit
def _column_range(out):
    """The smallest exponent of every column of residuals, and the largest of those not zero."""
    size = out.top.size
    for c in range(0, size, 8):
        low, high = splat(UNBOUNDED), splat(-UNBOUNDED)
        for o in range(c, out.ze.size, size):
            e = load(out.ze, o)
            low = smaller(low, e)
            high = larger(high, where(e, splat(UNSET), high, e))
        store(out.top, c, low)
        store(out.bottom, c, high)


@inlined_jit
def _scale_tier(out, shift):
    """Residuals on the exponent ``top + shift`` of their column, without what earlier tiers saw."""
    size = out.top.size
    for c in range(0, size, 8):
        low = load(out.top, c) + shift
        for o in range(c, out.z.size, size):
            e = load(out.ze, o)
            scaled = load(out.z, o) * two_to(low - e)
            store(out.scaled, o, where(low - TIER, e, splat(0.0), scaled))


@inlined_jit
def _accept(out, shift, floor):
    """Take what exceeds ``floor`` and no earlier tier gave; True when all entries are there."""
    size, zero, complete = out.top.size, splat(0.0), True
    for c in range(0, size, 8):
        low = load(out.top, c) + shift
        for o in range(c, out.g.size, size):
            p = load(out.product, o)
            missing = where(load(out.ge, o), splat(UNSET), larger(p, zero - p), zero)
            value, e = normal(p, low)
            store(out.g, o, where(missing, splat(floor), value, load(out.g, o)))
            store(out.ge, o, where(missing, splat(floor), e, load(out.ge, o)))
            complete = complete and not any_above(load(out.ge, o), splat(UNSET))
    return complete
