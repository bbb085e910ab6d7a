"""The full gradient by one class less: its columns sum to zero, and logits matter by their differences only.

Both matrix products take k - 1 classes; the last row is minus the sum of the others.  That row is then right to rounding of the largest
entry, not of its own, which the Frobenius and the Schatten maps cannot tell and the signs of entries can: blocks without those only.
"""

import numpy as np

from .cache import jit
from .residual import CHUNK, LOG2_E, lower_scale, multiply_lanes
from .simd import exp_scaled, larger, load, nearest, smaller, splat, store, two_to


@jit
def balanced_residuals(z, y, k, width, exponential, notes, ceiling, e):
    """``residual.residuals`` of logits less that of the last class, ``z`` (rows, (k - 1) width), in place and without the last class."""
    zero, last = splat(0.0), k - 1
    size = last * width
    for lane in range(0, width, 8):
        worst = splat(-1e300)
        for i in range(y.size):
            row = i * size + lane
            own, other = zero, splat(-1e300)
            if y[i] < last:
                own = load(z, row + y[i] * width)
                store(z, row + y[i] * width, zero)  # the last class takes the place of the own one
            for o in range(row, row + size, width):
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
            reference, total = load(notes, 16 * i), zero
            for o in range(row, row + size, width):
                p = exp_scaled(load(z, o) - reference, shift)
                store(z, o, p)
                total = total + p
            norm = splat(1.0)
            if not exponential:
                norm = norm / (total * back + exp_scaled(load(notes, 16 * i + 8), zero))
                for o in range(row, row + size, width):
                    store(z, o, load(z, o) * norm)
            if y[i] < last:
                store(z, row + y[i] * width, zero - total * norm)


@jit
def balanced_gradient(x, y, w, k, width, exponential, z, g, part, differences, notes, ceiling, e, spare):
    """``residual.gradient`` for its sum ``g`` alone.  ``z``, ``part``, ``differences``: scratch."""
    d, size = x.shape[1], (k - 1) * width
    _differences(w, k, width, differences)
    few, more = g.ravel()[:d * size].reshape(d, size), part.ravel()[:d * size].reshape(d, size)
    for first in range(0, y.size, CHUNK):
        rows = slice(first, min(first + CHUNK, y.size))
        chunk = z.ravel()[:(rows.stop - first) * size].reshape(rows.stop - first, size)
        np.dot(x[rows], differences, chunk)
        if first == 0:
            balanced_residuals(chunk, y[rows], k, width, exponential, notes, ceiling, e)
            np.dot(x[rows].T, chunk, few)
            continue
        balanced_residuals(chunk, y[rows], k, width, exponential, notes, e, spare)
        if lower_scale(e, spare, notes):
            multiply_lanes(few, width, notes)
        np.dot(x[rows].T, chunk, more)
        for o in range(0, few.size, 8):
            store(few, o, load(few, o) + load(more, o))
    _complete(g, d, k, width)


@jit
def _differences(w, k, width, differences):
    size, o = (k - 1) * width, 0
    for c in range(0, differences.size // size * k * width, k * width):
        for at in range(c, c + size, width):
            for lane in range(0, width, 8):
                store(differences, o, load(w, at + lane) - load(w, c + size + lane))
                o += 8


@jit
def _complete(g, d, k, width):
    """Spread rows of k - 1 classes, stored without gaps, to rows of k: from the end, so that nothing is overwritten unread."""
    size = (k - 1) * width
    for c in range(d - 1, -1, -1):
        source, to = c * size, c * k * width
        for lane in range(0, width, 8):
            total = splat(0.0)
            for o in range(source + lane, source + size, width):
                total = total + load(g, o)
            store(g, to + size + lane, splat(0.0) - total)
        for o in range(size - 8, -1, -8):
            store(g, to + o, load(g, source + o))
