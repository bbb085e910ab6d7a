"""A block of lanes: runs that share seed and batch size advance together, one matrix product for
all of them."""

from typing import NamedTuple

import numpy as np

from .cache import cached_jit, jit
from .entrywise import power, sign_and_frobenius
from .factor import COLUMNS, helmert, tournament
from .residual import UNBOUNDED
from .schatten import schatten
from .signal import average, batch_signal, momentum_weights, take_snapshot

IDLE, SIGN, RAY, POWER, SCHATTEN = range(5)


class Data(NamedTuple):
    x: np.ndarray  # (n, d)
    y: np.ndarray  # (n,)


class Lanes(NamedTuple):
    """What each lane does; all of length L, a multiple of 8, except the last two."""

    kind: np.ndarray
    beta: np.ndarray
    conjugate: np.ndarray  # q of the norm
    cut: np.ndarray  # relative cut of singular values
    schedule: np.ndarray  # row of the table of step sizes
    powers: np.ndarray  # the lanes of kind POWER
    groups: np.ndarray  # first lanes of the vectors that hold a lane of kind SCHATTEN


class State(NamedTuple):
    """All that a run carries from one epoch to the next."""

    w: np.ndarray  # (d + 3, k L): weights, then zero rows
    m: np.ndarray  # (d + 3, k L): average times 2**scale
    scale: np.ndarray  # (L,)
    square: np.ndarray  # (L,): squared norm of the stored average


class Batch(NamedTuple):
    x: np.ndarray
    y: np.ndarray
    z: np.ndarray
    g: np.ndarray
    part: np.ndarray
    e: np.ndarray
    spare: np.ndarray
    notes: np.ndarray
    differences: np.ndarray


class Snapshot(NamedTuple):
    """Of the variance-reduced lanes, in arrays of L - offset lanes; offset = L when there are
    none."""

    offset: np.ndarray
    mask: np.ndarray
    ceiling: np.ndarray
    unbounded: np.ndarray
    w: np.ndarray
    z: np.ndarray
    g: np.ndarray
    part: np.ndarray
    e: np.ndarray
    spare: np.ndarray


class Weights(NamedTuple):
    """Per lane: of the terms of the average, and step lengths by kind."""

    old: np.ndarray
    batch: np.ndarray
    full: np.ndarray
    sign: np.ndarray
    ray: np.ndarray
    schatten: np.ndarray
    power: np.ndarray


def aligned(*shape: int) -> np.ndarray:
    """Zeros that start on a cache line: a vector of 8 must not straddle two."""
    size = int(np.prod(shape))
    raw = np.zeros(size + 8)
    start = -(raw.ctypes.data // 8) % 8
    return raw[start : start + size].reshape(shape)


def filled(count: int, value: float) -> np.ndarray:
    a = aligned(count)
    a[:] = value
    return a


def state(d: int, k: int, lanes: int) -> State:
    """The start: W = 0, M = 0."""
    return State(
        aligned(d + 3, k * lanes),
        aligned(d + 3, k * lanes),
        filled(lanes, UNBOUNDED),
        aligned(lanes),
    )


def batch(n: int, d: int, k: int, lanes: int, b: int) -> Batch:
    width = k * lanes
    features = d + 3 if b == 1 else d
    return Batch(
        aligned(b, features),
        np.zeros(b, np.int64),
        aligned(b, width),
        aligned(d, width),
        aligned(d, width),
        aligned(lanes),
        aligned(lanes),
        aligned(max(16 * n, lanes)),
        aligned(d, width - lanes),
    )


def snapshot(n: int, d: int, k: int, reduced: np.ndarray) -> Snapshot:
    """``reduced``: (L,) of bool, False ... True."""
    lanes = reduced.size
    offset = (lanes - int(reduced.sum())) // 8 * 8
    few = lanes - offset
    mask = aligned(lanes)
    mask[reduced] = 1.0
    return Snapshot(
        np.array([offset]),
        mask,
        filled(lanes, UNBOUNDED),
        filled(few, UNBOUNDED),
        aligned(d, k * few),
        aligned(n, k * few),
        aligned(d, k * few),
        aligned(d, k * few),
        aligned(few),
        aligned(few),
    )


def weights(lanes: int) -> Weights:
    return Weights(*(aligned(lanes) for _ in Weights._fields))


def lanes(kind, beta, conjugate, cut, schedule) -> Lanes:
    kind = np.array(kind, np.int64)
    vectors = np.unique(np.flatnonzero(kind == SCHATTEN) // 8 * 8)
    return Lanes(
        kind,
        _floats(beta),
        _floats(conjugate),
        _floats(cut),
        np.array(schedule, np.int64),
        np.flatnonzero(kind == POWER),
        vectors,
    )


def _floats(values):
    a = aligned(len(values))
    a[:] = values
    return a


def tables(k: int):
    """Constants of the polar factor: rounds of pairs, and the Helmert rows."""
    return tournament(k - 1), *helmert(k)


def scratch(d: int, k: int):
    """Work arrays of the polar factor: rows, t, b, norms, turns."""
    rows = max(k * (min(d, COLUMNS) + k + 1), k * k)
    return (
        aligned(8 * rows),
        aligned(8 * k * k),
        aligned(8 * k * (k + 1)),
        aligned(8 * k),
        aligned(16 * k),
    )


@jit
def _step_sizes(lanes, rates, t, square, weights):
    for lane in range(lanes.kind.size):
        kind = lanes.kind[lane]
        eta = 0.0 if kind == IDLE else rates[lanes.schedule[lane], t]
        weights.sign[lane] = eta if kind == SIGN else 0.0
        weights.ray[lane] = (
            eta / np.sqrt(square[lane]) if kind == RAY and square[lane] > 0.0 else 0.0
        )
        weights.schatten[lane] = eta if kind == SCHATTEN else 0.0
        weights.power[lane] = eta if kind == POWER else 0.0


@jit
def _move(d, k, width, lanes, state, weights, tables, scratch):
    sign_and_frobenius(state.m, state.w, d * k, width, weights.sign, weights.ray)
    for lane in lanes.groups:
        schatten(
            state.m,
            state.w,
            d,
            k,
            width,
            lane,
            weights.schatten,
            state.square,
            lanes.conjugate,
            lanes.cut,
            tables,
            scratch,
        )
    for lane in lanes.powers:
        power(
            state.m,
            state.w,
            k,
            d,
            width,
            lane,
            lanes.conjugate[lane],
            weights.power[lane],
            scratch[0],
        )


@cached_jit
def advance(
    data,
    exponential,
    lanes,
    state,
    batch,
    snapshot,
    weights,
    tables,
    scratch,
    orders,
    rates,
    first,
    last,
):
    """Steps ``first .. last-1``.

    ``orders[0]`` is the order of the epoch that step ``first`` is in, ``rates[s, 0]`` the step size
    of schedule s there.
    """
    n, d = data.x.shape
    b, width = batch.y.size, lanes.kind.size
    k = state.w.shape[1] // width
    per_epoch = n // b
    reduced = snapshot.offset[0] < width
    balanced = ((lanes.kind != SIGN) & (lanes.kind != POWER)).all()
    for t in range(first, last):
        j = t % per_epoch
        if reduced and j == 0:
            take_snapshot(data, state.w, k, width, exponential, snapshot, batch)
        epoch = t // per_epoch - first // per_epoch if b < n else 0
        rows = orders[epoch, j * b : (j + 1) * b]
        batch_signal(data, state.w, k, width, exponential, balanced, rows, j == 0, snapshot, batch)
        momentum_weights(lanes.beta, b, n, batch, snapshot, state, weights)
        average(d, k, width, batch, snapshot, state, weights)
        _step_sizes(lanes, rates, t - first, state.square, weights)
        _move(d, k, width, lanes, state, weights, tables, scratch)
