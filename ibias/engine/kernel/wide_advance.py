"""Entry-wise steps of runs with an exponent per entry, once these are e^-600 apart (SignSGD)."""

from typing import NamedTuple

import numpy as np

from .arrays import SIGN, Data, Slots, Task, aligned, filled
from .cache import cached_jit, jit
from .residual import UNBOUNDED
from .simd import load, splat, store, where
from .wide import add, normal, wide_product, wide_residuals


class WideState(NamedTuple):
    """All that a run carries from one epoch to the next."""

    w: np.ndarray  # (d, k L)
    m: np.ndarray  # (d, k L): average, times 2**-e
    e: np.ndarray


class WideGradient(NamedTuple):
    """Residuals of ``rows`` samples, their sum of outer products, exponents of both; scratch."""

    z: np.ndarray  # (rows, k L)
    ze: np.ndarray
    g: np.ndarray  # (d, k L)
    ge: np.ndarray
    scaled: np.ndarray  # (rows, k L): residuals on the exponent of their column
    product: np.ndarray  # (d, k L)
    top: np.ndarray  # (k L,): smallest exponent of a column, which is that of its largest residual
    bottom: np.ndarray


class WideArrays(NamedTuple):
    """Everything that ``advance_wide`` works on."""

    data: Data
    task: Task
    slots: Slots
    state: WideState
    batch: WideGradient
    snapshot: WideGradient  # of no rows when variance is not reduced


def make_wide_arrays(data: Data, task: Task, slots: Slots, b: int, reduced: bool) -> WideArrays:
    """``b``: batch size.  The state is the start: W = 0, M = 0."""
    (n, d), columns = data.x.shape, task.k * task.width
    w, m, e = aligned(d, columns), aligned(d, columns), filled(UNBOUNDED, d, columns)
    batch, snapshot = _gradient(b, d, columns), _gradient(n if reduced else 0, d, columns)
    return WideArrays(data, task, slots, WideState(w, m, e), batch, snapshot)


def _gradient(rows, d, columns):
    shapes = (rows, columns), (rows, columns), (d, columns), (d, columns)
    scratch = (rows, columns), (d, columns), (columns,), (columns,)
    return WideGradient(*(aligned(*shape) for shape in shapes + scratch))


@cached_jit
def advance_wide(arrays, orders, rates, first, last):
    """Steps ``first .. last-1`` of ``arrays`` (a ``WideArrays``), as ``advance.advance``."""
    data, task, slots, state, batch, snapshot = arrays
    n, b, reduced = data.y.size, batch.z.shape[0], snapshot.z.shape[0] > 0
    per_epoch = n // b
    for t in range(first, last):
        j, epoch = t % per_epoch, t // per_epoch - first // per_epoch if b < n else 0
        rows = orders[epoch, j * b : (j + 1) * b]
        x, y = (data.x[rows], data.y[rows]) if b < n else (data.x, data.y)
        if reduced and j == 0:
            _residuals(data.x, data.y, state.w, task, snapshot)
            wide_product(data.x, snapshot)
        _residuals(x, y, state.w, task, batch)
        if reduced:
            _subtract_snapshot(batch, rows, j == 0, snapshot)
        wide_product(x, batch)
        _average(slots.beta, b, n, reduced, batch, snapshot, state)
        _step(slots, rates, t - first, state)


@jit
def _residuals(x, y, w, task, out):
    np.dot(x, w, out.z)
    wide_residuals(out.z, out.ze, y, task)


@jit
def _subtract_snapshot(batch, rows, opening, snapshot):
    """Residuals less those of the snapshot on the same samples; exactly 0 when ``opening``."""
    size = batch.z.shape[1]
    for i in range(rows.size):
        for c in range(0, size, 8):
            o, there = i * size + c, rows[i] * size + c
            old = splat(0.0) - load(snapshot.z, there)
            v, e = add(load(batch.z, o), load(batch.ze, o), old, load(snapshot.ze, there))
            v, e = normal(splat(0.0) if opening else v, e)
            store(batch.z, o, v)
            store(batch.ze, o, e)


@jit
def _average(beta, b, n, reduced, batch, snapshot, state):
    """``M <- beta M + (1 - beta) g``, entry by entry."""
    zero, unbounded = splat(0.0), splat(UNBOUNDED)
    for slot in range(0, beta.size, 8):
        keep = load(beta, slot)
        fresh = splat(1.0) - keep
        for o in range(slot, state.m.size, beta.size):
            v, e = load(batch.g, o) * fresh / splat(1.0 * b), load(batch.ge, o)
            if reduced:
                full = load(snapshot.g, o) * fresh / splat(1.0 * n)
                v, e = add(v, e, full, load(snapshot.ge, o))
            old = load(state.m, o) * keep
            v, e = add(v, e, old, where(keep, zero, load(state.e, o), unbounded))
            v, e = normal(v, e)
            store(state.m, o, v)
            store(state.e, o, e)


@jit
def _step(slots, rates, t, state):
    m, w, e = state.m.ravel(), state.w.ravel(), state.e.ravel()
    for slot in range(slots.kind.size):
        eta = rates[slots.schedule[slot], t]
        if slots.kind[slot] == SIGN:
            for o in range(slot, m.size, slots.kind.size):
                w[o] -= eta * np.sign(m[o])
        elif slots.kind[slot] > SIGN:
            _power_step(m, e, w, slot, slots.kind.size, slots.conjugate[slot], eta)


@jit
def _power_step(m, e, w, slot, width, q, eta):
    """``entrywise.power`` in logarithms: magnitudes are ``2**height``."""
    top = -np.inf
    for o in range(slot, m.size, width):
        if m[o] != 0.0:
            top = max(top, np.log2(abs(m[o])) - e[o])
    total = 0.0
    for o in range(slot, m.size, width):
        if m[o] != 0.0:
            total += np.exp2(q * (np.log2(abs(m[o])) - e[o] - top))
    for o in range(slot, m.size, width):
        if m[o] != 0.0:
            share = np.exp2((q - 1) * (np.log2(abs(m[o])) - e[o] - top))
            w[o] -= eta * np.sign(m[o]) * share / total ** ((q - 1) / q)
