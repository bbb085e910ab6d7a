"""The steps of runs that share seed and batch size: one matrix product for all of them."""

import numpy as np

from .arrays import IDLE, POWER, RAY, SCHATTEN, SIGN
from .cache import cached_jit, jit
from .entrywise import power, sign_and_frobenius
from .schatten import schatten
from .signal import average, batch_signal, momentum_coefficients, take_snapshot


@cached_jit
def advance(arrays, orders, rates, first, last):
    """Steps ``first .. last-1`` of ``arrays`` (an ``Arrays``).

    ``orders[0]`` is the order of the epoch that step ``first`` is in, ``rates[s, 0]`` the step size
    of schedule s there.
    """
    data, task, slots, state, batch, snapshot, coefficients, _ = arrays
    n, b = data.y.size, batch.samples.y.size
    per_epoch = n // b
    reduced = snapshot.task.width > 0
    balanced = task.k == 2 or ((slots.kind != SIGN) & (slots.kind != POWER)).all()
    for t in range(first, last):
        j = t % per_epoch
        if reduced and j == 0:
            take_snapshot(data, state.w, task, snapshot)
        epoch = t // per_epoch - first // per_epoch if b < n else 0
        rows = orders[epoch, j * b : (j + 1) * b]
        batch_signal(data, state.w, task, balanced, rows, j == 0, snapshot, batch)
        momentum_coefficients(slots.beta, b, n, batch, snapshot, state, coefficients)
        average(task, batch, snapshot, state, coefficients)
        _step_lengths(slots, rates, t - first, state.square, coefficients)
        _move(arrays)


@jit
def _step_lengths(slots, rates, t, square, coefficients):
    for slot in range(slots.kind.size):
        kind = slots.kind[slot]
        eta = 0.0 if kind == IDLE else rates[slots.schedule[slot], t]
        coefficients.sign[slot] = eta if kind == SIGN else 0.0
        coefficients.ray[slot] = (
            eta / np.sqrt(square[slot]) if kind == RAY and square[slot] > 0.0 else 0.0
        )
        coefficients.schatten[slot] = eta if kind == SCHATTEN else 0.0
        coefficients.power[slot] = eta if kind == POWER else 0.0


@jit
def _move(arrays):
    data, task, slots, state, _, _, coefficients, polar = arrays
    d = data.x.shape[1]
    sign_and_frobenius(state.m, state.w, d * task.k, task.width, coefficients)
    for slot in slots.vectors:
        schatten(state, task, d, slot, slots, coefficients.schatten, polar)
    for slot in slots.powers:
        q, eta = slots.conjugate[slot], coefficients.power[slot]
        power(state.m, state.w, task, d, slot, q, eta, polar.rows)
