"""The first-order route: restarted primal-dual hybrid gradient on ``max_W min_a <a, A W>``, two
products with x a step (Chambolle and Pock 2011; restarts and primal weight as in Applegate et al.
2021).  For problems whose linear system does not fit, or whose digits are not needed."""

import numpy as np
from scipy.optimize import brentq

from ..norms import MAX, Entrywise

CHECK = 40  # steps between two looks at the gap
PATIENCE = 20_000  # steps without a positive margin before an exact route is asked


def onto_simplex(v):
    """The point of the unit simplex nearest to ``v``, by Michelot's (1986) repeated shifts."""
    positive = v[v > v.max() - 1]
    while True:
        shift = (positive.sum() - 1) / len(positive)
        kept = positive > shift
        if kept.all():
            return np.maximum(v - shift, 0)
        positive = positive[kept]


def onto_ball(norm, w):
    """The point of the unit ball nearest to ``w``."""
    if not isinstance(norm, Entrywise):
        u, s, vt = np.linalg.svd(w, full_matrices=False)
        return (u * _vector_onto_ball(s, norm.p)) @ vt
    return _vector_onto_ball(w.ravel(), norm.p).reshape(w.shape)


def _vector_onto_ball(v, p):
    size = np.abs(v)
    if p == np.inf:
        return np.clip(v, -1, 1)
    if np.linalg.norm(size, p) <= 1:
        return v
    if p == 2:
        return v / np.linalg.norm(v)
    if p == 1:
        return np.sign(v) * onto_simplex(size)

    def excess(multiplier):
        return np.linalg.norm(_shrunk(size, multiplier, p), p) - 1

    high = size.max() + 1
    while excess(high) > 0:
        high *= 2
    return np.sign(v) * _shrunk(size, brentq(excess, 0, high), p)


def _shrunk(size, multiplier, p):
    """``t >= 0`` with ``t + multiplier t^(p - 1) = size``, by bisection."""
    low, high = np.zeros_like(size), size
    for _ in range(50):
        middle = (low + high) / 2
        over = middle + multiplier * middle ** (p - 1) > size
        low, high = np.where(over, low, middle), np.where(over, middle, high)
    return low


class Margins:
    """A and its adjoint on all pairs as products only, x sparse or not."""

    def __init__(self, samples, dtype):
        self.x = samples.x.astype(dtype)
        self.transposed = self.x.T.tocsr() if samples.sparse else np.ascontiguousarray(self.x.T)
        self.own = np.arange(samples.k) == samples.y[:, None]
        self.shape = samples.k, samples.d

    def of(self, w):
        z = self.x @ w.T.astype(self.x.dtype)
        return np.where(self.own, 0, z[self.own][:, None] - z)

    def adjoint(self, a):
        r = np.where(self.own, 0, -a)
        r[self.own] = -r.sum(1)
        return (self.transposed @ r.astype(self.x.dtype)).T.astype(float)

    def size(self):
        """The largest singular value of A, by power iteration from a fixed start."""
        v = np.random.default_rng(0).standard_normal(self.shape)
        for _ in range(20):
            v = self.adjoint(self.of(v))
            length = np.linalg.norm(v)
            v /= length
        return np.sqrt(length)


def first_order(search, norm, tolerance, steps=10**9):
    """Offer (W, a) to ``search`` until its gap is below ``tolerance``; returns the last."""
    samples = search.samples
    # float32 products carry 1e-7, enough for a gap of 1e-5
    margins = Margins(samples, np.float32 if tolerance >= 1e-5 else float)
    own = margins.own
    w, a = np.zeros(margins.shape), np.where(own, 0, 1 / (samples.n * (samples.k - 1)))
    # primal weight: typical length of a over that of W; a point of the box has k d entries
    omega = samples.n**-0.5 / (np.sqrt(w.size) if norm == MAX else 1.0)
    step = 0.95 / margins.size()
    start, sums, count, total, first_gap = (w, a), [0 * w, 0 * a], 0, 0, np.inf
    best, image = np.inf, margins.of(w)
    while total < steps and not search.late:
        w_next = onto_ball(norm, w + step / omega * margins.adjoint(a))
        image_next = margins.of(w_next)
        a = onto_simplex(np.where(own, -np.inf, a - step * omega * (2 * image_next - image)))
        w, image, count, total = w_next, image_next, count + 1, total + 1
        sums[0] += w
        sums[1] += a
        if total % CHECK:
            continue
        points = (w, a), (sums[0] / count, sums[1] / count)
        gaps = [_gap(margins, norm, *point) for point in points]
        near = int(gaps[1][0] <= gaps[0][0])
        gap, relative = gaps[near]
        if relative < 0.5 * best or relative < tolerance:
            best = relative
            search.offer(*points[near])
            if search.gap <= tolerance:
                break
        if best >= 1 and total >= PATIENCE:
            break
        if gap < 0.3 * first_gap or (count > 0.4 * total and count > 5 * CHECK):
            w, a = points[near]
            image = margins.of(w)
            moved = np.linalg.norm(w - start[0]), np.linalg.norm(a - start[1])
            if min(moved) > 0:
                omega = np.sqrt(omega * moved[1] / moved[0])
            start, sums, count, first_gap = (w, a), [0 * w, 0 * a], 0, gap
    search.offer(w, a)
    return w, a


def _gap(margins, norm, w, a):
    """Absolute and relative gap of a point, in float64 without the certificate's care."""
    upper = float(norm.dual(margins.adjoint(a)))
    lower = np.where(margins.own, np.inf, margins.of(w)).min() / max(float(norm.value(w)), 1e-300)
    return upper - lower, (upper - lower) / upper
