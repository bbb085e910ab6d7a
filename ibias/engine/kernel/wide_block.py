"""The entry-wise steps of runs whose entries need an exponent each: SignSGD and its like, once
classes or features are e^-600 apart."""

from typing import NamedTuple

import numpy as np

from .block import SIGN, aligned, filled
from .cache import cached_jit, jit
from .residual import UNBOUNDED
from .simd import load, splat, store, where
from .wide import add, normal, wide_product, wide_residuals


class WideLanes(NamedTuple):
    """What each lane does, all of length L; lanes of the kind ``IDLE`` stay where they are."""

    kind: np.ndarray
    beta: np.ndarray
    conjugate: np.ndarray  # q of the norm
    schedule: np.ndarray  # row of the table of step sizes


class WideState(NamedTuple):
    """All that a run carries from one epoch to the next."""

    w: np.ndarray  # (d, k L)
    m: np.ndarray  # (d, k L): average, times 2**-e
    e: np.ndarray


class Signal(NamedTuple):
    """Residuals of ``rows`` samples and their sum of outer products, with exponents; and
    scratch."""

    z: np.ndarray  # (rows, k L)
    ze: np.ndarray
    g: np.ndarray  # (d, k L)
    ge: np.ndarray
    a: np.ndarray  # (rows, k L)
    part: np.ndarray  # (d, k L)
    base: np.ndarray  # (k L,)
    depth: np.ndarray


def wide_state(d: int, columns: int) -> WideState:
    return WideState(
        aligned(d, columns), aligned(d, columns), filled(d * columns, UNBOUNDED).reshape(d, columns)
    )


def signal(rows: int, d: int, columns: int) -> Signal:
    return Signal(
        aligned(rows, columns),
        aligned(rows, columns),
        aligned(d, columns),
        aligned(d, columns),
        aligned(rows, columns),
        aligned(d, columns),
        aligned(columns),
        aligned(columns),
    )


@jit
def _gradient(x, y, w, k, width, exponential, signal):
    np.dot(x, w, signal.z)
    wide_residuals(signal.z, signal.ze, y, k, width, exponential)
    wide_product(
        x,
        signal.z,
        signal.ze,
        signal.g,
        signal.ge,
        signal.a,
        signal.part,
        signal.base,
        signal.depth,
    )


@jit
def _corrected(x, y, w, rows, k, width, exponential, opening, signal, then):
    """The mini-batch gradient minus that of the snapshot ``then`` on the same samples; exactly 0
    when ``opening``."""
    np.dot(x, w, signal.z)
    wide_residuals(signal.z, signal.ze, y, k, width, exponential)
    size = k * width
    for i in range(rows.size):
        for c in range(0, size, 8):
            o, there = i * size + c, rows[i] * size + c
            v, e = add(
                load(signal.z, o),
                load(signal.ze, o),
                splat(0.0) - load(then.z, there),
                load(then.ze, there),
            )
            v, e = normal(splat(0.0) if opening else v, e)
            store(signal.z, o, v)
            store(signal.ze, o, e)
    wide_product(
        x,
        signal.z,
        signal.ze,
        signal.g,
        signal.ge,
        signal.a,
        signal.part,
        signal.base,
        signal.depth,
    )


@jit
def _average(beta, b, n, width, reduced, signal, then, state):
    """``M <- beta M + (1 - beta) g``, entry by entry."""
    zero = splat(0.0)
    for lane in range(0, width, 8):
        keep = load(beta, lane)
        fresh = splat(1.0) - keep
        for o in range(lane, state.m.size, width):
            v, e = load(signal.g, o) * fresh / splat(1.0 * b), load(signal.ge, o)
            if reduced:
                v, e = add(v, e, load(then.g, o) * fresh / splat(1.0 * n), load(then.ge, o))
            v, e = add(
                v, e, load(state.m, o) * keep, where(keep, zero, load(state.e, o), splat(UNBOUNDED))
            )
            v, e = normal(v, e)
            store(state.m, o, v)
            store(state.e, o, e)


@jit
def _sign_step(m, w, lane, width, eta):
    for o in range(lane, m.size, width):
        w[o] -= eta * np.sign(m[o])


@jit
def _power_step(m, e, w, lane, width, q, eta):
    """``entrywise.power`` in logarithms: magnitudes are ``2**height``."""
    top = -np.inf
    for o in range(lane, m.size, width):
        if m[o] != 0.0:
            top = max(top, np.log2(abs(m[o])) - e[o])
    total = 0.0
    for o in range(lane, m.size, width):
        if m[o] != 0.0:
            total += np.exp2(q * (np.log2(abs(m[o])) - e[o] - top))
    for o in range(lane, m.size, width):
        if m[o] != 0.0:
            share = np.exp2((q - 1) * (np.log2(abs(m[o])) - e[o] - top))
            w[o] -= eta * np.sign(m[o]) * share / total ** ((q - 1) / q)


@cached_jit
def advance_wide(data, exponential, lanes, state, batch, then, orders, rates, first, last):
    """Steps ``first .. last-1``, as ``block.advance``; ``then`` is the snapshot, of no rows when
    variance is not reduced."""
    n, width = data.y.size, lanes.kind.size
    b, k, reduced = batch.z.shape[0], state.w.shape[1] // width, then.z.shape[0] > 0
    m, w, heights = state.m.ravel(), state.w.ravel(), state.e.ravel()
    for t in range(first, last):
        j, epoch = t % (n // b), t // (n // b) - first // (n // b) if b < n else 0
        rows = orders[epoch, j * b : (j + 1) * b]
        x, y = (data.x[rows], data.y[rows]) if b < n else (data.x, data.y)
        if reduced:
            if j == 0:
                _gradient(data.x, data.y, state.w, k, width, exponential, then)
            _corrected(x, y, state.w, rows, k, width, exponential, j == 0, batch, then)
        else:
            _gradient(x, y, state.w, k, width, exponential, batch)
        _average(lanes.beta, b, n, width, reduced, batch, then, state)
        for lane in range(width):
            eta = rates[lanes.schedule[lane], t - first]
            if lanes.kind[lane] == SIGN:
                _sign_step(m, w, lane, width, eta)
            elif lanes.kind[lane] > SIGN:
                _power_step(m, heights, w, lane, width, lanes.conjugate[lane], eta)
