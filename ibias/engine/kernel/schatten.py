"""Steepest steps of the Schatten norms, eight runs at a time: W <- W - eta U f(sigma) V^T.

With ``sigma_r u_r`` from ``factor`` the map is ``B M``,
``B = sum over r of f_r / sigma_r u_r u_r^T``: no right vectors are needed.
``f = (sigma / ||sigma||_q)^(q-1)``: ones for the spectral norm (q = 1), only the largest for the
nuclear norm (q = inf).
"""

import numpy as np

from .cache import jit
from .factor import diagonalise, square_factor, squared_norms
from .simd import load, root, splat, store, where

NOISE = 1e-30  # relative to the squared norm of M: columns of the factor below it are rounding


@jit
def schatten(state, task, d, slot, slots, eta, polar):
    """The step for slots ``slot .. slot+7``; runs with ``eta = 0`` stay where they are.

    Singular values at or below ``slots.cut`` times the largest are dropped.
    """
    t, norms, turns, q = polar.t, polar.norms, polar.turns, task.k - 1
    square_factor(state.m, task, d, slot, polar)
    diagonalise(t, q, polar.rounds, load(state.square, slot) * NOISE, norms, turns)
    top = squared_norms(t, q, norms)
    limit = load(slots.cut, slot)
    limit = top * limit * limit
    plain = True
    for l in range(slot, slot + 8):
        plain = plain and slots.conjugate[l] == 1.0
    for j in range(q):
        s = load(norms, j * 8)
        store(turns, j * 8, where(s, limit, root(splat(1.0) / (s * root(s))), splat(0.0)))
    if not plain:
        _weigh(norms, turns, q, slot, slots.conjugate)
    _left_factor(turns, task.k, polar)
    _apply(polar.b, state, task, d, slot, load(eta, slot))


@jit
def _weigh(norms, roots, q, slot, conjugate):
    """Multiply ``roots`` (1 / sigma^(3/2), or 0 if dropped) by the root of f, slot by slot."""
    for l in range(8):
        z = conjugate[slot + l]
        if z == 1.0:
            continue
        best = 0
        for j in range(q):
            if norms[j * 8 + l] > norms[best * 8 + l]:
                best = j
        top = np.sqrt(norms[best * 8 + l])
        total = 0.0
        for j in range(q):
            if z == np.inf:
                roots[j * 8 + l] *= 1.0 if j == best else 0.0
            elif roots[j * 8 + l] > 0.0:
                total += (np.sqrt(norms[j * 8 + l]) / top) ** z
        if z < np.inf and total > 0.0:
            for j in range(q):
                if roots[j * 8 + l] > 0.0:
                    share = np.sqrt(norms[j * 8 + l]) / top
                    roots[j * 8 + l] *= np.sqrt((share / total ** (1.0 / z)) ** (z - 1.0))


@jit
def _left_factor(roots, k, polar):
    """``b = sum of v v^T``, v: ``t``'s columns times ``roots``, back from Helmert to classes."""
    t, rows, b, own, past, q = polar.t, polar.rows, polar.b, polar.own, polar.past, k - 1
    for j in range(q):
        weight = load(roots, j * 8)
        total = splat(0.0)
        for i in range(k - 1, 0, -1):
            x = load(t, (j * q + i - 1) * 8) * weight
            store(rows, (j * k + i) * 8, total - x * past[i - 1])
            total = total + x * own[i - 1]
        store(rows, j * k * 8, total)
    for i in range(k):
        for c in range(i, k):
            s = splat(0.0)
            for j in range(0, q * k * 8, k * 8):
                s = s + load(rows, j + i * 8) * load(rows, j + c * 8)
            store(b, (i * k + c) * 8, s)
            store(b, (c * k + i) * 8, s)


@jit
def _apply(b, state, task, d, slot, eta):
    """``w -= eta b m``, four features by two rows of b; row k of b and features past d are zero."""
    m, w, k, width = state.m, state.w, task.k, task.width
    column = k * width
    for c in range(0, d, 4):
        for i in range(0, k, 2):
            o = c * column + slot
            a0, a1, a2, a3 = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
            e0, e1, e2, e3 = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
            for j in range(i * k * 8, (i + 1) * k * 8, 8):
                u, v = load(b, j), load(b, j + k * 8)
                x0, x1 = load(m, o), load(m, o + column)
                x2, x3 = load(m, o + 2 * column), load(m, o + 3 * column)
                a0, a1, a2, a3 = a0 + u * x0, a1 + u * x1, a2 + u * x2, a3 + u * x3
                e0, e1, e2, e3 = e0 + v * x0, e1 + v * x1, e2 + v * x2, e3 + v * x3
                o += width
            o = c * column + i * width + slot
            _subtract(w, o, column, eta, a0, a1, a2, a3)
            if i + 1 < k:
                _subtract(w, o + width, column, eta, e0, e1, e2, e3)


@jit
def _subtract(w, o, column, eta, x0, x1, x2, x3):
    store(w, o, load(w, o) - eta * x0)
    store(w, o + column, load(w, o + column) - eta * x1)
    store(w, o + 2 * column, load(w, o + 2 * column) - eta * x2)
    store(w, o + 3 * column, load(w, o + 3 * column) - eta * x3)
