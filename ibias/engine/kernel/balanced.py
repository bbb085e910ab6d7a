"""The full gradient by one class less: columns sum to zero, logits matter by differences only.

Both matrix products take k - 1 classes; the last row is minus the sum of the others.  That row is
then right to rounding of the largest entry, not of its own, which the Frobenius and the Schatten
maps cannot tell and the signs of entries can: groups without those only.  Of two classes, one row
is the other's negative, and right for every map.
"""

from .cache import jit
from .residual import gradient
from .simd import load, splat, store


@jit
def balanced_gradient(data, w, task, batch, ceiling):
    """``residual.gradient`` for its sum ``g`` alone, into ``batch.gradient``; ``w``: (d, k L)."""
    _subtract_last(w, task, batch.differences)
    gradient(data, batch.differences, task, task.k - 1, batch.gradient, ceiling)
    _complete(batch.gradient.g, data.x.shape[1], task)


@jit
def _subtract_last(w, task, differences):
    """Every row of ``w`` less its last class: ``(d, (k - 1) L)``."""
    size, width = (task.k - 1) * task.width, task.width
    o = 0
    for c in range(0, w.size, size + width):
        for at in range(c, c + size, width):
            for slot in range(0, width, 8):
                store(differences, o, load(w, at + slot) - load(w, c + size + slot))
                o += 8


@jit
def _complete(g, d, task):
    """Spread rows of k - 1 classes to rows of k, from the end: nothing is overwritten unread."""
    size, width = (task.k - 1) * task.width, task.width
    for c in range(d - 1, -1, -1):
        source, to = c * size, c * (size + width)
        for slot in range(0, width, 8):
            total = splat(0.0)
            for o in range(source + slot, source + size, width):
                total = total + load(g, o)
            store(g, to + size + slot, splat(0.0) - total)
        for o in range(size - 8, -1, -8):
            store(g, to + o, load(g, source + o))
