"""The best certified interval of one search, whoever contributes to it."""

import time
from dataclasses import dataclass, field

import numpy as np

from ..norms import Norm
from .certificate import ROUNDING, attained, below, bound_above, simplex

EXACT = 4 * ROUNDING  # a relative gap that rounding alone leaves
LEAST = 2.0**-1000  # far above what entries lost below 2^-1074 can change a margin, in units, by


@dataclass(frozen=True, eq=False)
class Samples:
    """Samples (n, d), dense or CSR, and classes (n,): data or a working set, in solver's units."""

    x: np.ndarray
    y: np.ndarray
    k: int
    off: np.ndarray | None = None  # pairs left out (n, k), the own column among them

    @property
    def n(self):
        return self.x.shape[0]

    @property
    def d(self):
        return self.x.shape[1]

    @property
    def sparse(self):
        return hasattr(self.x, "tocsr")

    def subset(self, rows, off=None):
        """Some of the samples, dense, and the columns kept: of sparse ones those not zero."""
        x, columns = self.x[rows], np.arange(self.d)
        if self.sparse:
            columns = np.unique(x.indices[x.data != 0])
            x = x[:, columns].toarray()
        return Samples(x, self.y[rows], self.k, off), columns


def in_units(dataset, zeros=False):
    """``(samples, exponent, columns)``: x divided by the power of two above its largest entry
    (exactly, but for entries that fall below 2^-1022), without the columns that are zero everywhere
    (``zeros=True``: with them)."""
    x, sparse = dataset.x, hasattr(dataset.x, "tocsr")
    exponent = int(np.frexp(np.abs(x).max())[1])
    used = (x != 0).sum(0) > 0 if sparse else x.any(0)
    kept = np.arange(x.shape[1]) if zeros else np.flatnonzero(np.asarray(used).ravel())
    if len(kept) < x.shape[1]:
        x = x[:, kept]
    if sparse:
        x = x.copy()
        x.data = np.ldexp(x.data, -exponent)
    return Samples(x if sparse else np.ldexp(x, -exponent), dataset.y, dataset.k), exponent, kept


@dataclass(eq=False)
class Search:
    """Bounds on ``samples``' max margin in ``norm``, and what attains them: w (norm one) and a.

    ``ended`` once the certified relative gap is below ``tolerance`` or the time is over.
    """

    samples: Samples
    norm: Norm
    tolerance: float | None = None
    seconds: float | None = None
    report: object = None  # called with the gap before and now whenever it shrinks
    margin: float = 0.0
    upper: float = np.inf
    w: np.ndarray | None = None
    a: np.ndarray | None = None
    route: str = "interior"
    used: int = 0  # samples that took part in the last linear system
    began: float = field(default_factory=time.perf_counter)

    @property
    def lower(self):
        return below(self.margin)

    @property
    def gap(self):
        return (self.upper - self.lower) / self.upper if np.isfinite(self.upper) else np.inf

    @property
    def late(self):
        return self.seconds is not None and time.perf_counter() - self.began > self.seconds

    @property
    def ended(self):
        return self.late or self.gap <= max(self.tolerance or 0.0, EXACT)

    def offer(self, w, a):
        """Judge a pair by its certificate; of equals the last, most polished, is kept."""
        if w is None or a is None or not (np.isfinite(w).all() and 0 < a.max() < np.inf):
            return
        a, before, length = simplex(self.samples, a), self.gap, float(self.norm.value(w))
        if length > 0:
            w = w / length
            margin = attained(self.samples, self.norm, w)
            if margin > LEAST and margin >= self.margin * (1 - ROUNDING):
                self.margin, self.w = margin, w
        upper = bound_above(self.samples, self.norm, a)
        if upper <= self.upper * (1 + ROUNDING):
            self.upper, self.a = upper, a
        if self.report and self.gap < before:
            self.report(before, self.gap)
