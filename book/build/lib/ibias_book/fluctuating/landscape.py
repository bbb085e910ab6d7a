"""A quadratic landscape that fluctuates: sample s pulls mode i by g_si(theta) = h_si theta_i +
b_si, all modes in one eigenbasis."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm as normal

from ibias import streams

from .modes import Mode
from .statistics import batch_factor


@dataclass(frozen=True, eq=False)
class Landscape:
    """``offsets`` b and ``slopes`` h are ``(n, d)``; the offsets of each mode sum to zero, so that
    0 is the critical point of the mean."""

    offsets: np.ndarray
    slopes: np.ndarray

    def __post_init__(self):
        b, h = (np.atleast_2d(np.asarray(v, dtype=float).T).T for v in (self.offsets, self.slopes))
        if b.shape != h.shape or b.ndim != 2:
            raise ValueError(
                f"offsets and slopes must have one shape (n, d); got {b.shape} and {h.shape}"
            )
        if not (np.isfinite(b).all() and np.isfinite(h).all()):
            raise ValueError("offsets and slopes must be finite numbers")
        if (np.abs(b.mean(0)) > 1e-9 * (np.abs(b).max(0) + 1e-300)).any():
            raise ValueError(
                "the offsets of every mode must sum to zero (theta = 0 is the critical point);"
                " subtract their mean"
            )
        object.__setattr__(self, "offsets", b)
        object.__setattr__(self, "slopes", h)

    @property
    def n(self) -> int:
        return len(self.offsets)

    @property
    def d(self) -> int:
        return self.offsets.shape[1]

    def mode(self, batch=1, index=0) -> Mode:
        """Moments of one batch along mode ``index``; the finite-population factor is exact."""
        b, h = self.offsets[:, index], self.slopes[:, index]
        # A batch of one drawn with replacement carries the population moments themselves:
        # batch_factor(n, 1) = 1.
        f = batch_factor(self.n, batch)
        return Mode(h.mean(), f * b.var(), f * h.var(), f * np.mean(b * (h - h.mean())))


def four_batches(mode: Mode) -> Landscape:
    """Four equally likely (b, h) with exactly the moments of ``mode``; h takes two values only."""
    first, second = np.array([1, 1, -1, -1.0]), np.array([1, -1, 1, -1.0])
    c, s2 = mode.noise, mode.fluctuation
    rho = mode.covariance / np.sqrt(c * s2) if c * s2 > 0 else 0.0
    return Landscape(
        np.sqrt(c) * (rho * first + np.sqrt(1 - rho**2) * second),
        mode.curvature + np.sqrt(s2) * first,
    )


def gaussian_batches(mode: Mode, n=4096, seed=0) -> Landscape:
    """n equally likely (b, h): normal quantiles, each column scaled to its exact variance and
    shuffled by ``seed`` (covariance 0)."""
    quantiles = normal.ppf((np.arange(n) + 0.5) / n)
    quantiles /= quantiles.std()
    b, h = (quantiles[order] for order in streams.permutations(n, seed, 2))
    return Landscape(np.sqrt(mode.noise) * b, mode.curvature + np.sqrt(mode.fluctuation) * h)


def sampled_landscape(n=64, curvature=0.0, fluctuation=1.0, correlation=0.0, seed=11) -> Landscape:
    """n Gaussian samples with unit noise, slopes of variance ``fluctuation`` about ``curvature``,
    and exactly the given correlation."""
    if not -1 <= correlation <= 1:
        raise ValueError(f"a correlation lies in [-1, 1]; got {correlation}")
    rng = streams.generator(seed)
    h = _standard(rng.standard_normal(n))
    b = rng.standard_normal(n)
    b = _standard(b - b.mean() - h * np.mean(b * h))
    return Landscape(
        correlation * h + np.sqrt(1 - correlation**2) * b, curvature + np.sqrt(fluctuation) * h
    )


def _standard(values):
    values = values - values.mean()
    return values / values.std()
