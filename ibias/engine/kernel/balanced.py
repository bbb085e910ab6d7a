"""The full gradient by one class less: its columns sum to zero, and logits matter by their
differences only.

Both matrix products take k - 1 classes; the last row is minus the sum of the others.  That row is
then right to rounding of the largest entry, not of its own, which the Frobenius and the Schatten
maps cannot tell and the signs of entries can: blocks without those only.
"""

import numpy as np

from .cache import jit
from .residual import CHUNK, lower_scale, multiply_lanes, residuals
from .simd import load, splat, store


@jit
def balanced_gradient(
    x, y, w, k, width, exponential, z, g, part, differences, notes, ceiling, e, spare
):
    """``residual.gradient`` for its sum ``g`` alone.  ``z``, ``part``, ``differences``: scratch."""
    d, size = x.shape[1], (k - 1) * width
    _differences(w, k, width, differences)
    few, more = g.ravel()[: d * size].reshape(d, size), part.ravel()[: d * size].reshape(d, size)
    for first in range(0, y.size, CHUNK):
        rows = slice(first, min(first + CHUNK, y.size))
        chunk = z.ravel()[: (rows.stop - first) * size].reshape(rows.stop - first, size)
        np.dot(x[rows], differences, chunk)
        if first == 0:
            residuals(chunk, y[rows], k, width, True, exponential, notes, ceiling, e)
            np.dot(x[rows].T, chunk, few)
            continue
        residuals(chunk, y[rows], k, width, True, exponential, notes, e, spare)
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
    """Spread rows of k - 1 classes, stored without gaps, to rows of k: from the end, so that
    nothing is overwritten unread."""
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
