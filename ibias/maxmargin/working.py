"""A working set of pairs: solved alone, its optimum is the optimum of all once no other pair is
violated.  The dual, padded with zeros, certifies the whole; the number of samples hardly matters.
"""

import numpy as np

from .certificate import margins
from .first_order import first_order
from .search import EXACT, Search

ROUNDS = 60
SEED_STEPS = 200  # of the first-order method, for a first guess of the support


def working_set(search, norm, solve):
    """``solve(samples, norm, tolerance, search)`` yields pairs (w, a) for a subset; offers
    what they prove to ``search``.  Returns the multipliers of a subset that has no positive margin,
    or None."""
    samples = search.samples
    clock = dict(seconds=search.seconds, began=search.began)
    guess = Search(samples, search.norm, **clock)
    seed, a = first_order(guess, norm, tolerance=1e-3, steps=SEED_STEPS)
    search.offer(seed, a)
    own = np.arange(samples.k) == samples.y[:, None]
    least = max((search.tolerance or 0.0) / 5, 1e-13)
    chosen, accuracy = _first(samples, seed, a, own), max(1e-2, least)
    for _ in range(ROUNDS):
        rows = np.flatnonzero(chosen.any(1))
        subset, columns = samples.subset(rows, ~chosen[rows])
        search.used = len(rows)
        inner = Search(subset, search.norm, **clock)
        for candidate in solve(subset, norm, accuracy, search):
            inner.offer(*candidate)
            if inner.gap <= max(EXACT, accuracy / 10) or search.late:
                break
        dual = np.zeros(own.shape)
        if inner.a is not None:
            dual[rows] = inner.a
        if inner.w is None:
            return dual
        w = np.zeros((samples.k, samples.d))
        w[:, columns] = inner.w
        search.offer(w, dual)
        if search.ended:
            return None
        reached = margins(samples, w)
        violated = (reached < inner.lower * (1 - 1e-12)) & ~chosen
        kept = chosen & ((dual > 1e-8 * dual.max()) | (reached < 1.5 * inner.upper))
        if not violated.any() and accuracy <= least and kept.sum() > 0.5 * chosen.sum():
            return None  # else once more on the few that are near: the rest costs digits
        short = 1 - reached.min() / inner.upper
        accuracy = float(np.clip(short / 30, least, 1e-2)) if violated.any() else least
        chosen = kept | _worst(reached, violated, max(300, int(kept.sum())))
    return None


def _first(samples, w, a, own):
    """Pairs that matter to the guess: the smallest margins, and some of every class."""
    reached = margins(samples, w)
    count = min(2 * samples.k * min(samples.d, 150), 3000)
    chosen = _worst(reached, ~own, count) | ((a > 1e-3 * a.max()) & ~own)
    for c in range(samples.k):
        rows = np.flatnonzero(samples.y == c)
        chosen[rows[np.argsort(reached[rows].min(1))[:3]]] = True
    return chosen & ~own


def _worst(reached, allowed, count):
    """The ``count`` smallest of the allowed entries, as a mask."""
    at = np.flatnonzero(allowed)
    if len(at) > count:
        at = at[np.argpartition(reached.ravel()[at], count)[:count]]
    mask = np.zeros(reached.shape, bool)
    mask.ravel()[at] = True
    return mask
