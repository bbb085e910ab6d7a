"""The signal of a step for a group of runs: mini-batch gradient, variance reduction, momentum, each
on its own binary scale.

Runs share their mini-batch.  Those with variance reduction come last; the arrays of ``snapshot``
are narrower, and its slot 0 is slot ``task.width - snapshot.task.width`` of the others.
"""

from .balanced import balanced_gradient
from .cache import inlined_jit, jit
from .products import product
from .residual import UNBOUNDED, gradient, multiply_slots, residuals
from .simd import exponent, load, nearest, splat, store, two_to, where


@jit
def take_snapshot(data, w, task, snapshot):
    """Residuals of all samples and the full gradient at the epoch's first iterate, for the
    variance-reduced runs."""
    narrow = snapshot.task.width
    offset = task.width - narrow
    for r in range(task.k * data.x.shape[1]):
        for slot in range(0, narrow, 8):
            store(snapshot.w, r * narrow + slot, load(w, r * task.width + offset + slot))
    gradient(data, snapshot.w, snapshot.task, task.k, snapshot.gradient, snapshot.unbounded)
    for slot in range(offset, task.width):
        if snapshot.mask[slot] > 0.0:
            snapshot.ceiling[slot] = snapshot.gradient.e[slot - offset]


@jit
def batch_signal(data, w, task, balanced, rows, opening, snapshot, batch):
    """``batch.gradient.g = sum of outer products`` times ``2**e`` (for one sample only its residual
    ``z``)."""
    samples, out, corrected = batch.samples, batch.gradient, snapshot.task.width > 0
    w_rows = w[: data.x.shape[1]]
    if samples.y.size == data.y.size:
        if balanced:
            balanced_gradient(data, w_rows, task, batch, snapshot.ceiling)
            return
        samples = data
    else:
        _gather(data, rows, samples)
    if samples.y.size > 1 and not corrected:
        gradient(samples, w_rows, task, task.k, out, snapshot.ceiling)
        return
    if samples.y.size == 1:
        _one_sample(samples.x, w, out.z)
    else:
        product(samples.x, w_rows, task, out.scratch, out.z)
    residuals(out.z, samples.y, task, task.k, out.notes, snapshot.ceiling, out.e)
    if corrected:
        _subtract_snapshot(out, task, rows, opening, snapshot)
    if samples.y.size > 1:
        product(samples.x.T, out.z, task, out.scratch, out.g)


@inlined_jit
def _gather(data, rows, samples):
    for i in range(rows.size):
        samples.y[i] = data.y[rows[i]]
        for c in range(data.x.shape[1]):
            samples.x[i, c] = data.x[rows[i], c]


@jit
def _one_sample(x, w, z):
    """Logits of one sample; four features at a time (x and w are zero past the last one)."""
    size = w.shape[1]
    for o in range(0, size, 8):
        store(z, o, splat(0.0))
    for c in range(0, x.shape[1] - 3, 4):
        a, at = x[0], c * size
        for o in range(0, size, 8):
            u = load(w, at + o) * a[c] + load(w, at + size + o) * a[c + 1]
            v = load(w, at + 2 * size + o) * a[c + 2] + load(w, at + 3 * size + o) * a[c + 3]
            store(z, o, load(z, o) + (u + v))


@jit
def _subtract_snapshot(out, task, rows, opening, snapshot):
    """Residuals minus the snapshot's, on the batch's scale; exactly 0 when the iterate is the
    snapshot (``opening``)."""
    k, width, narrow = task.k, task.width, snapshot.task.width
    offset = width - narrow
    for slot in range(offset, width, 8):
        fade = two_to(load(out.e, slot) - load(snapshot.ceiling, slot))
        store(out.factor, slot, load(snapshot.mask, slot) * fade)
    for i in range(rows.size):
        for c in range(k):
            for slot in range(offset, width, 8):
                o = (i * k + c) * width + slot
                if opening:
                    store(out.z, o, load(out.z, o) * (splat(1.0) - load(snapshot.mask, slot)))
                else:
                    there = (rows[i] * k + c) * narrow + slot - offset
                    old = load(out.factor, slot) * load(snapshot.gradient.z, there)
                    store(out.z, o, load(out.z, o) - old)


@jit
def momentum_coefficients(beta, b, n, batch, snapshot, state, coefficients):
    """Those of the old average, the batch's sum and the snapshot's sum on the new scale of the
    average ``state.scale``.

    The average is renormalised by the power of two nearest its norm, and takes the smaller of the
    two scales (the larger number).
    """
    zero, one = splat(0.0), splat(1.0)
    for slot in range(0, beta.size, 8):
        keep, square, scale = load(beta, slot), load(state.square, slot), load(state.scale, slot)
        old = where(keep * square, zero, scale - nearest(exponent(square) * 0.5), splat(UNBOUNDED))
        here = load(batch.gradient.e, slot)
        new = where(old, here, here, old)
        fade = where(keep, zero, keep * two_to(new - scale), zero)
        full = (one - keep) * two_to(new - load(snapshot.ceiling, slot)) / splat(1.0 * n)
        store(coefficients.old, slot, fade)
        store(coefficients.batch, slot, (one - keep) * two_to(new - here) / splat(1.0 * b))
        store(coefficients.full, slot, load(snapshot.mask, slot) * full)
        store(state.scale, slot, new)


@jit
def average(task, batch, snapshot, state, coefficients):
    """``M <- old M + batch g + full mu`` and its squared norm.  With one sample, g is the outer
    product of residual and sample."""
    k, width, narrow = task.k, task.width, snapshot.task.width
    offset, x, z, g = width - narrow, batch.samples.x, batch.gradient.z, batch.gradient.g
    single = batch.samples.y.size == 1
    if single:
        multiply_slots(z, coefficients.batch)
    for slot in range(0, width, 8):
        store(state.square, slot, splat(0.0))
    for c in range(g.shape[0]):
        feature = splat(x[0, c])
        for slot in range(0, width, 8):
            fade, fresh = load(coefficients.old, slot), load(coefficients.batch, slot)
            full, total = load(coefficients.full, slot), splat(0.0)
            for r in range(k):
                o = (c * k + r) * width + slot
                m = load(z, r * width + slot) * feature if single else load(g, o) * fresh
                m = m + fade * load(state.m, o)
                if slot >= offset:
                    there = (c * k + r) * narrow + slot - offset
                    m = m + full * load(snapshot.gradient.g, there)
                store(state.m, o, m)
                total = total + m * m
            store(state.square, slot, load(state.square, slot) + total)
