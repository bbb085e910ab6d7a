"""Residuals of a batch without cancellation, and the gradient they give.

Layout: slots last.  Logits and residuals are ``(rows, classes * L)``, weights and gradients
``(d, classes * L)``, so that both products are plain matrix products over all runs at once and the
rest is arithmetic on vectors of 8 slots.

Scales: what decays like exp(-margin) is stored times ``2**e``, with an integer-valued exponent e
per run that keeps it near 1.
"""

from .cache import inlined_jit, jit
from .products import product
from .simd import any_above, exp_scaled, larger, load, nearest, smaller, splat, store, two_to

CHUNK = 128  # rows per matrix product: logits and residuals stay in the second-level cache
UNBOUNDED = 1e9  # the exponent of zero: any other one is smaller
LOG2_E = 1.4426950408889634


@jit
def residuals(z, y, task, classes, notes, ceiling, e):
    """Turn logits ``z`` into ``2**e dl_i/dz``; ``e`` is chosen so that the largest is near 1, at
    most ``ceiling``.

    Cross-entropy: ``exp(z_c - m) / (sum of the others + exp(z_y - m))`` with m the largest logit;
    exponential loss: ``exp(z_c - z_y)``.  The own-class entry is minus the sum of the others.

    Shapes: ``z`` ``(rows, classes L)``, ``y`` ``(rows,)``, ``ceiling`` and ``e`` ``(L,)``; scratch
    ``notes`` ``(16 rows,)``.  ``classes`` is k, or k - 1: then logits are less that of the last
    class, which is left out of the result too.
    """
    for slot in range(0, task.width, 8):
        largest = _reference_and_gap(z, y, task, classes, slot, notes)
        shift = smaller(nearest(largest * -LOG2_E), load(ceiling, slot))
        store(e, slot, shift)
        _fill(z, y, task, classes, slot, shift, notes)


@inlined_jit
def _reference_and_gap(z, y, task, classes, slot, notes):
    """Of every sample the logit that exponentials are taken relative to, and the own logit less
    it, into ``notes``.  Returns the logarithm of the largest exponential of another class.

    The logit of the last class moves to the place of the own one: the others then fill classes
    0 .. k-2, and no loop over them has to ask.
    """
    width, size = task.width, classes * task.width
    last = (task.k - 1) * width
    zero, lowest = splat(0.0), splat(-1e300)
    largest = lowest
    for i in range(y.size):
        row = i * size + slot
        at, own, other = row + y[i] * width, zero, lowest
        own_is_kept = y[i] < classes
        if own_is_kept:
            own = load(z, at)
            store(z, at, load(z, row + last) if classes == task.k else zero)
        for o in range(row, row + last, width):
            other = larger(other, load(z, o))
        reference = own if task.exponential else larger(own, other)
        largest = larger(largest, other - reference)
        store(notes, 16 * i, reference)
        store(notes, 16 * i + 8, own - reference)
    return largest


@inlined_jit
def _fill(z, y, task, classes, slot, shift, notes):
    """The residuals, from what ``_reference_and_gap`` left; every class goes back to its place."""
    width, size = task.width, classes * task.width
    last = (task.k - 1) * width
    zero, unscaled = splat(0.0), two_to(splat(0.0) - shift)
    for i in range(y.size):
        row = i * size + slot
        at, reference, total = row + y[i] * width, load(notes, 16 * i), zero
        own_is_kept = y[i] < classes
        for o in range(row, row + last, width):
            p = exp_scaled(load(z, o) - reference, shift)
            store(z, o, p)
            total = total + p
        norm = splat(1.0)
        if not task.exponential:
            norm = norm / (total * unscaled + exp_scaled(load(notes, 16 * i + 8), zero))
            for o in range(row, row + last, width):
                store(z, o, load(z, o) * norm)
        if classes == task.k:
            store(z, row + last, load(z, at))
        if own_is_kept:
            store(z, at, zero - total * norm)


@jit
def multiply_slots(a, factor):
    """``a`` (any number of rows, L columns) times ``factor[slot]``, in place."""
    for o in range(0, a.size, factor.size):
        for slot in range(0, factor.size, 8):
            store(a, o + slot, load(a, o + slot) * load(factor, slot))


@jit
def _lower_scale(e, new, factor):
    """Move the exponents ``e`` down to ``new``; ``factor`` becomes what stored numbers must be
    multiplied by.  False when nothing moved."""
    moved = False
    for slot in range(0, e.size, 8):
        step = load(new, slot) - load(e, slot)
        moved = moved or any_above(splat(0.0), step)
        store(factor, slot, two_to(step))
        store(e, slot, load(new, slot))
    return moved


@jit
def _rows(a, rows, columns):
    """The first numbers of ``a`` as a matrix."""
    return a.ravel()[: rows * columns].reshape(rows, columns)


@jit
def gradient(data, w, task, classes, out, ceiling):
    """Residuals ``out.z`` of the samples and their sum of outer products ``out.g = x^T z``, both
    times ``2**out.e``, ``out.e <= ceiling``.

    ``w``: ``(d, classes L)``; ``classes`` is explained in ``residuals``, and ``out.g`` holds
    as many, without gaps.  An ``out.z`` of fewer rows than samples is scratch for a chunk of them.
    """
    (n, d), size = data.x.shape, classes * task.width
    z, g = _rows(out.z, out.z.shape[0], size), _rows(out.g, d, size)
    chunk_g = _rows(out.chunk_g, d, size)
    for first in range(0, n, CHUNK):
        x, y = data.x[first : first + CHUNK], data.y[first : first + CHUNK]
        begin = first if n <= z.shape[0] else 0
        chunk = z[begin : begin + y.size]
        product(x, w, task, out.scratch, chunk)
        if first == 0:
            residuals(chunk, y, task, classes, out.notes, ceiling, out.e)
            product(x.T, chunk, task, out.scratch, g)
            continue
        residuals(chunk, y, task, classes, out.notes, out.e, out.chunk_e)
        if _lower_scale(out.e, out.chunk_e, out.factor):
            # this chunk has a larger residual: bring the earlier ones to its scale
            multiply_slots(g, out.factor)
            multiply_slots(z[:begin], out.factor)
        product(x.T, chunk, task, out.scratch, chunk_g)
        for o in range(0, g.size, 8):
            store(g, o, load(g, o) + load(chunk_g, o))
