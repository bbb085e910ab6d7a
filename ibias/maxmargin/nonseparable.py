"""Proofs that no classifier exists: plain contradictions first, then multipliers driven to a
vanishing combination."""

import numpy as np

from ..norms import MAX
from .newton import Pairs, interior, least_squares
from .result import NotSeparable

# residual that counts as zero; certificates end at 1e-15 to 1e-13, separable data above 1e-9
VANISHES = 1e-11


def contradiction(dataset) -> NotSeparable | None:
    """An all-zero sample, or two equal rows with two labels: named, with an exact certificate."""
    a = np.zeros((dataset.n, dataset.k))
    zero = np.flatnonzero(~dataset.x.any(1))
    if len(zero):
        a[zero[0], (dataset.y[zero[0]] + 1) % dataset.k] = 1
        return NotSeparable(
            dataset, a, f"x[{zero[0]}] is zero in every feature, its margins are 0 for every W"
        )
    order = np.lexsort(dataset.x.T)
    equal = (dataset.x[order[1:]] == dataset.x[order[:-1]]).all(1)
    first = np.r_[0, np.cumsum(~equal)]  # number of the group of equal rows
    for group in np.unique(first[1:][equal]):
        rows = np.sort(order[first == group])
        other = rows[dataset.y[rows] != dataset.y[rows[0]]]
        if len(other):
            i, j = rows[0], other[0]
            a[i, dataset.y[j]] = a[j, dataset.y[i]] = 0.5
            names = dataset.label_names[dataset.y[i]], dataset.label_names[dataset.y[j]]
            return NotSeparable(
                dataset,
                a,
                f"rows {i} and {j} are equal and have the labels {names[0]!r} and {names[1]!r}",
            )
    return None


def prove(dataset) -> NotSeparable | None:
    """A certificate if the data are not separable as far as float64 can tell, else None."""
    length = np.linalg.norm(dataset.x, axis=1)
    # separability does not depend on the lengths of the samples; the multipliers do, inversely
    pairs = Pairs(dataset.x / length[:, None], dataset.y, np.eye(dataset.k))
    start = interior(pairs, MAX, tolerance=1e-15).a
    a = _annihilated(pairs, np.where(pairs.own, 0, np.maximum(start, 1e-300))) / length[:, None]
    found = NotSeparable(dataset, a)
    return found if found.residual < VANISHES else None


def _annihilated(pairs, a, rounds=8):
    """Affine-scaled least-norm corrections of a > 0 towards ``A^T a = 0``; the best one seen."""
    best, smallest = a, np.inf
    for _ in range(rounds):
        if not a.sum() > 0:  # separable data: nothing was left to cancel
            break
        rest = pairs.adjoint(a).ravel()
        size = np.linalg.norm(rest) / a.sum()
        if size < smallest:
            best, smallest = a, size
        v = least_squares(pairs.gram(a * a), rest).reshape(pairs.shape)
        change = a * a * pairs.margins(v, 0)
        falling = change > a
        length = 0.9 * (a[falling] / change[falling]).min() if falling.any() else 1.0
        a = np.where(pairs.own, 0, np.maximum(a - length * change, 0))
    return best
