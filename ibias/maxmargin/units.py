"""Features in raw units: columns whose sizes differ by orders of magnitude.

The norm is of W in the data's own coordinates, so that columns cannot simply be scaled.  But the
weights of a feature that is far larger than the margin are far smaller than the others and do not
count in the norm: such columns are solved as unbounded (``WithFreeColumns``), where only their
scaled values matter.  What is far larger than the margin is known once the margin is: first guesses
come from problems whose large columns are clipped to a moderate size, which only tightens the ball.
"""

from itertools import chain

import numpy as np
from scipy.optimize import nnls

from .balls import ball_type
from .certificate import column_exponents, columns_scaled, combination, least_margin, simplex
from .newton import Pairs, candidates, interior

CLIP = 13  # bits between the margin and the largest column of a guess
FREE = 20, 16, 24, 13, 30  # bits between the margin and the columns called free, in turn
ROUNDS = 12


def spread(samples):
    """Bits between the largest entries of the largest and of the smallest column."""
    exponent = column_exponents(samples.x)
    return int(exponent.max() - exponent.min())


def raw(samples, norm):
    """Pairs (w, a) for dense samples in raw units, best effort."""
    scaled, exponent = columns_scaled(samples.x)
    level = None
    for w, a, level in _clipped(samples, norm, scaled, exponent):
        yield w, a
        if level is not None:
            yield w, without_columns(samples, a, exponent > level + CLIP)
    if level is None:
        return
    tried = set()
    for bits in FREE:
        free = exponent > level + bits
        # a curved ball is tested step by step, which free columns would need a measure of their own
        curved = ball_type(norm) is None and norm.p != 2
        if free.all() or free.tobytes() in tried or (curved and free.any()):
            continue
        tried.add(free.tobytes())
        order = np.argsort(free, kind="stable")
        unit = np.where(free, level, exponent)[order]
        x = np.ldexp(scaled[:, order], unit - level)
        pairs = Pairs(x, samples.y, Pairs.rows_of(norm, samples.k))
        optimum = interior(pairs, norm, free=int(free.sum()), careful=True)
        if optimum.w is None or optimum.a is None:
            continue
        polished = candidates(pairs, norm, optimum, int(free.sum()))
        for v, a in chain([(optimum.w, optimum.a)], polished):
            w = np.empty_like(v)
            w[:, order] = np.ldexp(v, unit - exponent[order])
            yield w, a
            yield w, without_columns(samples, a, free)


def _clipped(samples, norm, scaled, exponent):
    """(w, a, its margin's exponent or None) with columns cut to ``cap`` bits, until it settles."""
    cap = exponent.min() + CLIP
    for _ in range(ROUNDS):
        unit = np.minimum(exponent, cap)
        # in units of the cap: squares of what is far below one would vanish
        clipped = type(samples)(np.ldexp(scaled, unit - cap), samples.y, samples.k)
        optimum = interior(Pairs.of(clipped, norm), norm, careful=True)
        if optimum.w is None or optimum.a is None:
            return
        w = np.ldexp(optimum.w, unit - exponent)
        margin = least_margin(samples, w) / float(norm.value(w)) if w.any() else 0.0
        level = int(np.frexp(margin)[1]) - 1 if margin > 0 else None
        yield w, optimum.a, level
        if level is None or level + CLIP <= cap + 2 or (exponent <= cap).all():
            return
        cap = level + CLIP


def without_columns(samples, a, free):
    """Multipliers near ``a`` whose combination vanishes in the free columns to more digits than
    float64 has for one number: least changes of the support first, then multipliers of about 1e-17
    on other pairs, whose own digits reach further down."""
    a = np.where(a < 1e-11 * a.max(), 0, simplex(samples, a))
    if not free.any() or not a.sum() > 0:
        return a
    a /= a.sum()
    x, exponent = columns_scaled(samples.x[:, free])
    pairs = Pairs(x, samples.y, np.eye(samples.k))

    def rest():
        return -np.ldexp(combination(samples, a)[:, free], -exponent).ravel()

    on = a > 0
    system = np.r_[pairs.matrix(*np.nonzero(on)).T, np.ones((1, on.sum()))]
    for _ in range(2):
        step = np.linalg.lstsq(system * a[on], np.r_[rest(), 1 - a.sum()], rcond=1e-13)[0]
        a[on] *= np.maximum(1 + step, 0)
    a /= a.sum()
    others = ~pairs.own & (a == 0)
    if others.any():
        weight = np.tile(np.ldexp(1.0, exponent - exponent.max()), samples.k)
        system = pairs.matrix(*np.nonzero(others)).T * weight[:, None]
        for _ in range(2):
            target = rest() * weight
            size = np.abs(target).max()
            if size > 0:
                try:
                    a[others] += nnls(system, target / size, maxiter=3000)[0] * size
                except RuntimeError:  # no convergence: the certificate judges what there is
                    break
    return a
