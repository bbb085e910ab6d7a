"""The signal of a step for a block of lanes: mini-batch gradient, variance reduction, momentum,
each on its own binary scale.

Lanes share their mini-batch.  Those with variance reduction are the last ``reduced`` ones of the
block; ``offset`` is the multiple of 8 at which their own, narrower arrays start.
"""

import numpy as np

from .balanced import balanced_gradient
from .cache import jit
from .residual import UNBOUNDED, gradient, multiply_lanes, residuals
from .simd import exponent, load, nearest, splat, store, two_to, where


@jit
def take_snapshot(data, w, k, width, exponential, snapshot, batch):
    """Residuals of all samples and the full gradient at the epoch's first iterate, for the
    variance-reduced lanes."""
    narrow = width - snapshot.offset[0]
    for r in range(k * data.x.shape[1]):
        for lane in range(0, narrow, 8):
            store(snapshot.w, r * narrow + lane, load(w, r * width + snapshot.offset[0] + lane))
    gradient(
        data.x,
        data.y,
        snapshot.w,
        k,
        narrow,
        exponential,
        snapshot.z,
        snapshot.g,
        snapshot.part,
        batch.notes,
        snapshot.unbounded,
        snapshot.e,
        snapshot.spare,
    )
    for lane in range(width):
        if snapshot.mask[lane] > 0.0:
            snapshot.ceiling[lane] = snapshot.e[lane - snapshot.offset[0]]


@jit
def batch_signal(data, w, k, width, exponential, balanced, rows, opening, snapshot, batch):
    """``batch.g = sum of outer products`` times ``2**batch.e`` (for one sample only its residual
    ``batch.z``)."""
    b, d = batch.y.size, data.x.shape[1]
    if b == data.y.size and balanced:
        balanced_gradient(
            data.x,
            data.y,
            w[:d],
            k,
            width,
            exponential,
            batch.z,
            batch.g,
            batch.part,
            batch.differences,
            batch.notes,
            snapshot.ceiling,
            batch.e,
            batch.spare,
        )
        return
    if b == data.y.size:
        gradient(
            data.x,
            data.y,
            w[:d],
            k,
            width,
            exponential,
            batch.z,
            batch.g,
            batch.part,
            batch.notes,
            snapshot.ceiling,
            batch.e,
            batch.spare,
        )
        return
    for i in range(b):
        batch.y[i] = data.y[rows[i]]
        for c in range(d):
            batch.x[i, c] = data.x[rows[i], c]
    corrected = snapshot.offset[0] < width
    if b > 1 and not corrected:
        gradient(
            batch.x,
            batch.y,
            w[:d],
            k,
            width,
            exponential,
            batch.z,
            batch.g,
            batch.part,
            batch.notes,
            snapshot.ceiling,
            batch.e,
            batch.spare,
        )
        return
    if b == 1:
        _one_sample(batch.x, w, batch.z)
    else:
        np.dot(batch.x, w[:d], batch.z)
    residuals(
        batch.z, batch.y, k, width, False, exponential, batch.notes, snapshot.ceiling, batch.e
    )
    if corrected:
        _subtract_snapshot(batch.z, batch.e, k, width, rows, opening, snapshot, batch.spare)
    if b > 1:
        np.dot(batch.x.T, batch.z, batch.g)


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
def _subtract_snapshot(z, e, k, width, rows, opening, snapshot, factor):
    """Residuals minus the snapshot's, on the batch's scale; exactly 0 when the iterate is the
    snapshot (``opening``)."""
    offset = snapshot.offset[0]
    narrow = width - offset
    for lane in range(offset, width, 8):
        store(
            factor,
            lane,
            load(snapshot.mask, lane) * two_to(load(e, lane) - load(snapshot.ceiling, lane)),
        )
    for i in range(rows.size):
        for c in range(k):
            for lane in range(offset, width, 8):
                o = (i * k + c) * width + lane
                if opening:
                    store(z, o, load(z, o) * (splat(1.0) - load(snapshot.mask, lane)))
                else:
                    there = load(snapshot.z, (rows[i] * k + c) * narrow + lane - offset)
                    store(z, o, load(z, o) - load(factor, lane) * there)


@jit
def momentum_weights(beta, b, n, batch, snapshot, state, weights):
    """Weights of the old average, the batch's sum and the snapshot's sum on the new scale of the
    average ``state.scale``.

    The average is renormalised by the power of two nearest its norm, and takes the smaller of the
    two scales (the larger number).
    """
    for lane in range(0, beta.size, 8):
        keep, square, one = load(beta, lane), load(state.square, lane), splat(1.0)
        old = load(state.scale, lane) - nearest(exponent(square) * 0.5)
        old = where(keep * square, splat(0.0), old, splat(UNBOUNDED))
        here = load(batch.e, lane)
        new = where(old, here, here, old)
        fade = where(keep, splat(0.0), keep * two_to(new - load(state.scale, lane)), splat(0.0))
        full = (one - keep) * two_to(new - load(snapshot.ceiling, lane)) / splat(1.0 * n)
        store(weights.old, lane, fade)
        store(weights.batch, lane, (one - keep) * two_to(new - here) / splat(1.0 * b))
        store(weights.full, lane, load(snapshot.mask, lane) * full)
        store(state.scale, lane, new)


@jit
def average(d, k, width, batch, snapshot, state, weights):
    """``M <- old M + batch g + full mu`` and its squared norm.  With one sample, g is the outer
    product of residual and sample."""
    single = batch.y.size == 1
    if single:
        multiply_lanes(batch.z, width, weights.batch)
    offset = snapshot.offset[0]
    narrow = width - offset
    for lane in range(0, width, 8):
        store(state.square, lane, splat(0.0))
    for c in range(d):
        value = splat(batch.x[0, c])
        for lane in range(0, width, 8):
            fade, fresh, full = (
                load(weights.old, lane),
                load(weights.batch, lane),
                load(weights.full, lane),
            )
            total = splat(0.0)
            for r in range(k):
                o = (c * k + r) * width + lane
                x = load(batch.z, r * width + lane) * value if single else load(batch.g, o) * fresh
                x = x + fade * load(state.m, o)
                if lane >= offset:
                    x = x + full * load(snapshot.g, (c * k + r) * narrow + lane - offset)
                store(state.m, o, x)
                total = total + x * x
            store(state.square, lane, load(state.square, lane) + total)
