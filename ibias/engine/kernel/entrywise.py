"""Steepest steps of the entry-wise norms: W <- W - eta * map(M) on slots-last arrays."""

import numpy as np

from .cache import jit
from .simd import any_above, load, splat, store, where


@jit
def sign_and_frobenius(m, w, entries, width, coefficients):
    """``w -= sign_step * sign(m) + ray_step * m``, ``entries`` rows; one of a slot's two is 0."""
    zero = splat(0.0)
    for slot in range(0, width, 8):
        up, ray = load(coefficients.sign, slot), load(coefficients.ray, slot)
        down = zero - up
        if not any_above(up + ray, zero):
            continue
        for o in range(slot, slot + entries * width, width):
            x = load(m, o)
            store(w, o, load(w, o) - (where(x, zero, up, where(zero, x, down, zero)) + ray * x))


@jit
def power(m, w, task, d, slot, q, eta, powers):
    """One run of the entry-wise p-norm, ``q = p/(p-1)``: the map is
    ``sign(m) (|m| / ||m||_q)^(q-1)``; q = inf is one entry.

    ``powers``: scratch, a number per entry.
    """
    k, width = task.k, task.width
    m, w = m.ravel(), w.ravel()
    top, at = 0.0, -1
    for r in range(k):  # row-major order, so that ties go to the first entry, as in norms.py
        for c in range(d):
            o = (c * k + r) * width + slot
            if abs(m[o]) > top:
                top, at = abs(m[o]), o
    if at < 0:
        return
    if q == np.inf:
        w[at] -= eta * np.sign(m[at])
        return
    total = 0.0
    for i in range(k * d):
        x = abs(m[i * width + slot]) / top
        powers[i] = x ** (q - 1)
        total += powers[i] * x
    step = eta / total ** ((q - 1) / q)
    for i in range(k * d):
        o = i * width + slot
        w[o] -= step * powers[i] * np.sign(m[o])
