"""Residuals of a batch without cancellation, and the gradient they give.

Layout: lanes last.  Logits and residuals are ``(rows, classes * lanes)``, weights and gradients
``(features, classes * lanes)``, so that both products are plain matrix products over all lanes at
once and the rest is arithmetic on vectors of 8 lanes.

Scales: what decays like exp(-margin) is stored times ``2**e``, with an integer-valued exponent e
per lane that keeps it near 1.
"""

import numpy as np

from .cache import jit
from .simd import any_above, exp_scaled, larger, load, nearest, smaller, splat, store, two_to

CHUNK = 128  # rows per matrix product: logits and residuals stay in the second-level cache
UNBOUNDED = 1e9  # the exponent of zero: any other one is smaller
LOG2_E = 1.4426950408889634


@jit
def residuals(z, y, k, width, balanced, exponential, notes, ceiling, e):
    """Turn logits ``z`` into ``2**e dl_i/dz``; ``e[lane]`` is chosen so that the largest is near 1,
    at most ``ceiling[lane]``.

    Cross-entropy: ``exp(z_c - m) / (sum of the others + exp(z_y - m))`` with m the largest logit;
    exponential loss: ``exp(z_c - z_y)``.  The own-class entry is minus the sum of the others.
    ``notes``: scratch, 16 numbers a row. ``balanced``: rows of ``z`` hold k - 1 classes, their
    logits less that of the last class, which is left out of the result too.
    """
    last, zero = (k - 1) * width, splat(0.0)
    size = last if balanced else k * width
    for lane in range(0, width, 8):
        worst = splat(-1e300)
        for i in range(y.size):
            row = i * size + lane
            place, own, other = row + y[i] * width, zero, splat(-1e300)
            if place < row + size:
                own = load(z, place)
                store(
                    z, place, zero if balanced else load(z, row + last)
                )  # the others now fill classes 0 .. k-2
            for o in range(row, row + last, width):
                other = larger(other, load(z, o))
            reference = own if exponential else larger(own, other)
            worst = larger(worst, other - reference)
            store(notes, 16 * i, reference)
            store(notes, 16 * i + 8, own - reference)
        shift = smaller(nearest(worst * -LOG2_E), load(ceiling, lane))
        store(e, lane, shift)
        back = two_to(zero - shift)
        for i in range(y.size):
            row = i * size + lane
            place, reference, total = row + y[i] * width, load(notes, 16 * i), zero
            for o in range(row, row + last, width):
                p = exp_scaled(load(z, o) - reference, shift)
                store(z, o, p)
                total = total + p
            norm = splat(1.0)
            if not exponential:
                norm = norm / (total * back + exp_scaled(load(notes, 16 * i + 8), zero))
                for o in range(row, row + last, width):
                    store(z, o, load(z, o) * norm)
            if not balanced:
                store(z, row + last, load(z, place))
            if place < row + size:
                store(z, place, zero - total * norm)


@jit
def multiply_lanes(a, width, factor):
    """``a`` (any number of rows of ``width`` lanes) times ``factor[lane]``, in place."""
    for o in range(0, a.size, width):
        for lane in range(0, width, 8):
            store(a, o + lane, load(a, o + lane) * load(factor, lane))


@jit
def lower_scale(e, new, factor):
    """Move the exponents ``e`` down to ``new``; ``factor`` becomes what stored numbers must be
    multiplied by."""
    moved = False
    for lane in range(0, e.size, 8):
        step = load(new, lane) - load(e, lane)
        moved = moved or any_above(splat(0.0), step)
        store(factor, lane, two_to(step))
        store(e, lane, load(new, lane))
    return moved


@jit
def gradient(x, y, w, k, width, exponential, z, g, part, notes, ceiling, e, spare):
    """Residuals ``z`` of the samples and their sum of outer products ``g = x^T z``, both times
    ``2**e``, ``e <= ceiling``."""
    for first in range(0, y.size, CHUNK):
        rows = slice(first, min(first + CHUNK, y.size))
        np.dot(x[rows], w, z[rows])
        if first == 0:
            residuals(z[rows], y[rows], k, width, False, exponential, notes, ceiling, e)
            np.dot(x[rows].T, z[rows], g)
            continue
        residuals(z[rows], y[rows], k, width, False, exponential, notes, e, spare)
        if lower_scale(
            e, spare, notes
        ):  # this chunk has a larger residual: bring the earlier ones to its scale
            multiply_lanes(g, width, notes)
            multiply_lanes(z[:first], width, notes)
        np.dot(x[rows].T, z[rows], part)
        for o in range(0, g.size, 8):
            store(g, o, load(g, o) + load(part, o))
