"""The arrays of a group of runs in compiled code.

A run sits in a slot: one column of every array, a ``SLOTS``-th of a vector register.  The number of
slots L is a multiple of 8; those without a run are ``IDLE``.
"""

from typing import NamedTuple

import numpy as np
import torch

from ..planner import Group
from ..tournament import tournament
from .factor import COLUMNS, helmert
from .residual import CHUNK, UNBOUNDED

IDLE, SIGN, RAY, POWER, SCHATTEN = range(5)


class Data(NamedTuple):
    """Samples: all of them, or those of a mini-batch."""

    x: np.ndarray  # (n, d)
    y: np.ndarray  # (n,)


class Task(NamedTuple):
    """What the columns of an array mean, ``class * width + slot``, and which loss it is."""

    k: int  # classes
    width: int  # slots
    exponential: bool  # the exponential loss, or cross-entropy
    idle: int = 0  # slots in front without a run, where it pays to leave them out of products


class Slots(NamedTuple):
    """What each slot does; all of length L, except the last two."""

    kind: np.ndarray
    beta: np.ndarray
    conjugate: np.ndarray  # q of the norm
    cut: np.ndarray  # relative cut of singular values
    schedule: np.ndarray  # row of the table of step sizes
    powers: np.ndarray  # the slots of kind POWER
    vectors: np.ndarray  # first slots of the vectors that hold one of kind SCHATTEN


class State(NamedTuple):
    """All that a run carries from one epoch to the next."""

    w: np.ndarray  # (d + 3, k L): weights, then zero rows
    m: np.ndarray  # (d + 3, k L): average times 2**scale
    scale: np.ndarray  # (L,)
    square: np.ndarray  # (L,): squared norm of the stored average


class Gradient(NamedTuple):
    """Residuals of samples and their sum of outer products, both times ``2**e``; and scratch."""

    z: np.ndarray  # (rows, k L)
    g: np.ndarray  # (d, k L)
    e: np.ndarray  # (L,)
    chunk_g: np.ndarray  # (d, k L): those of one chunk of samples
    chunk_e: np.ndarray  # (L,)
    notes: np.ndarray  # (16 rows,): two vectors a sample
    factor: np.ndarray  # (L,)
    scratch: np.ndarray  # (2, size), of products without idle slots


class Batch(NamedTuple):
    """The mini-batch of a step; ``samples`` is not filled when that is all the data."""

    samples: Data  # x: (b, d); when b = 1 with three more columns of zeros
    gradient: Gradient
    differences: np.ndarray  # (d, (k - 1) L): see ``balanced``


class Snapshot(NamedTuple):
    """Of the variance-reduced runs at an epoch's first iterate.

    They are the last runs of the group.  Arrays with ``task.width`` slots hold the vectors that
    they touch, and none without such runs; ``mask`` and ``ceiling`` have all L.
    """

    task: Task
    mask: np.ndarray  # 1 where variance is reduced
    ceiling: np.ndarray  # the exponent that a mini-batch gradient may not pass
    w: np.ndarray
    gradient: Gradient  # of all n samples
    unbounded: np.ndarray


class Coefficients(NamedTuple):
    """Per slot: of the terms of the average, and step lengths by kind."""

    old: np.ndarray
    batch: np.ndarray
    full: np.ndarray
    sign: np.ndarray
    ray: np.ndarray
    schatten: np.ndarray
    power: np.ndarray


class Polar(NamedTuple):
    """Constants and scratch of the polar factors of eight signals (``factor``, ``schatten``)."""

    rounds: np.ndarray  # Jacobi's pairs
    own: np.ndarray  # Helmert's rows
    past: np.ndarray
    rows: np.ndarray
    t: np.ndarray  # (8 (k - 1)^2,): the square factor
    b: np.ndarray  # (8 k (k + 1),): the left factor of the step
    norms: np.ndarray
    turns: np.ndarray


class Arrays(NamedTuple):
    """Everything that ``advance`` works on."""

    data: Data
    task: Task
    slots: Slots
    state: State
    batch: Batch
    snapshot: Snapshot
    coefficients: Coefficients
    polar: Polar


def aligned(*shape: int) -> np.ndarray:
    """Zeros that start on a cache line: a vector of 8 must not straddle two."""
    size = int(np.prod(shape))
    raw = np.zeros(size + 8)
    start = -(raw.ctypes.data // 8) % 8
    return raw[start : start + size].reshape(shape)


def filled(values, *shape: int) -> np.ndarray:
    """``values``, broadcast to ``shape``, on a cache line."""
    a = aligned(*shape)
    a[:] = values
    return a


def make_slots(kind, beta, conjugate, cut, schedule) -> Slots:
    """``Slots`` of these five fields."""
    kind = np.array(kind, np.int64)
    beta, conjugate, cut = (filled(values, kind.size) for values in (beta, conjugate, cut))
    powers, schatten = np.flatnonzero(kind == POWER), np.flatnonzero(kind == SCHATTEN)
    rows = np.array(schedule, np.int64)
    vectors = np.unique(schatten // 8 * 8)
    return Slots(kind, beta, conjugate, cut, rows, powers, vectors)


def slots_of(group: Group, idle: int) -> Slots:
    """Those of a group's runs, behind ``idle`` ones."""
    rows = [(IDLE, 0.0, 1.0, 0.0, 0)] * idle
    for run, schedule in zip(group.runs, group.schedule_rows, strict=True):
        norm = run.norm
        entrywise = {np.inf: SIGN, 1: RAY}.get(norm.flatness, POWER)
        kind = SCHATTEN if norm.family == "schatten" else entrywise
        rows.append((kind, run.momentum, norm.q, norm.cut(torch.float64), schedule))
    return make_slots(*zip(*rows, strict=True))


def make_arrays(data: Data, task: Task, slots: Slots, b: int, reduced: np.ndarray) -> Arrays:
    """At the start: W = 0, M = 0.  ``b``: batch size; ``reduced``: (L,) of bool, False ... True."""
    (n, d), (k, width, *_) = data.x.shape, task
    w, m = aligned(d + 3, k * width), aligned(d + 3, k * width)
    state = State(w, m, filled(UNBOUNDED, width), aligned(width))
    # of a full gradient the residuals are not needed again: a chunk overwrites the one before
    kept = min(n, CHUNK) if b == n else b
    samples = Data(aligned(b, d + 3 if b == 1 else d), np.zeros(b, np.int64))
    batch = Batch(samples, _gradient(kept, d, task), aligned(d, (k - 1) * width))
    narrow = task_of(task, int(reduced.sum()))
    snapshot = Snapshot(
        narrow,
        filled(reduced, width),
        filled(UNBOUNDED, width),
        aligned(d, k * narrow.width),
        _gradient(n, d, narrow),
        filled(UNBOUNDED, narrow.width),
    )
    coefficients = Coefficients(*(aligned(width) for _ in Coefficients._fields))
    return Arrays(data, task, slots, state, batch, snapshot, coefficients, _polar(d, k))


def task_of(task: Task, runs: int) -> Task:
    """``task`` with as many slots as ``runs`` need."""
    width = -(-runs // 8) * 8
    idle = width - runs
    return task._replace(width=width, idle=idle if 4 * idle >= width else 0)


def _gradient(rows, d, task):
    width, columns = (task.width,), task.k * task.width
    z, g, spare = (rows, columns), (d, columns), max(rows, d) * columns + 16 if task.idle else 0
    shapes = z, g, width, g, width, (16 * rows,), width, (2, spare)
    return Gradient(*(aligned(*shape) for shape in shapes))


def _polar(d, k):
    rows = max(k * (min(d, COLUMNS) + k + 1), k * k)
    sizes = 8 * rows, 8 * k * k, 8 * k * (k + 1), 8 * k, 16 * k
    return Polar(tournament(k - 1), *helmert(k), *map(aligned, sizes))
