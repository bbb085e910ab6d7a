"""One eigendirection of a fluctuating landscape: theta' = (1 - eta h) theta - eta b with
independent batches, E h = l, E b = 0.

Exact for any joint law of (b, h):  mu' = (1 - eta l) mu,   v' = ((1 - eta l)^2 + eta^2 s2) v +
eta^2 (c + 2 k mu + s2 mu^2).
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from ibias._checks import whole

from .checks import positive_step


@dataclass(frozen=True)
class Mode:
    """Moments of one batch: curvature l = E h, noise c = Var b, fluctuation s2 = Var h, covariance
    k = Cov(b, h)."""

    curvature: float
    noise: float
    fluctuation: float = 0.0
    covariance: float = 0.0

    def __post_init__(self):
        if self.noise < 0 or self.fluctuation < 0:
            raise ValueError(
                f"variances are >= 0; got noise = {self.noise}, fluctuation = {self.fluctuation}"
            )
        if self.covariance**2 > self.noise * self.fluctuation * (1 + 1e-9):
            bound = self.noise * self.fluctuation
            raise ValueError(
                f"covariance^2 must not exceed noise * fluctuation = {bound:.4g}; got covariance ="
                f" {self.covariance}"
            )

    def growth(self, eta):
        """Factor of the variance per step, (1 - eta l)^2 + eta^2 s2."""
        eta = positive_step(eta)
        return (1 - eta * self.curvature) ** 2 + eta**2 * self.fluctuation

    def langevin_growth(self, eta):
        """The same factor in the continuous-time theory over a time eta, exp(-2 eta l + eta^2
        s2)."""
        eta = positive_step(eta)
        return math.exp(-2 * eta * self.curvature + eta**2 * self.fluctuation)

    def regime(self, eta) -> str:
        """ "confined" (the variance settles), "diffusive" (it grows linearly: l = s2 = 0) or
        "unstable" (it grows exponentially)."""
        gap = self.growth(eta) - 1
        if abs(gap) < 1e-14:
            return "diffusive"
        return "confined" if gap < 0 else "unstable"

    def stationary_variance(self, eta):
        """v* = eta c / (2 l - eta (l^2 + s2)); independent of k.  ValueError when the variance does
        not settle."""
        if self.regime(eta) != "confined":
            raise ValueError(
                f"this mode is {self.regime(eta)} at eta = {eta}: the variance settles only if eta"
                f" s2 < l (2 - eta l), here {eta * self.fluctuation:.4g} against"
                f" {self.curvature * (2 - eta * self.curvature):.4g}; use mean_variance for finite"
                " times"
            )
        l = self.curvature
        return eta * self.noise / (2 * l - eta * (l**2 + self.fluctuation))

    def mean_variance(self, eta, steps, start=0.0):
        """Mean and variance after 0 .. steps updates, two arrays of length steps + 1."""
        growth, l, s2, k = self.growth(eta), self.curvature, self.fluctuation, self.covariance
        mean = start * (1 - eta * l) ** np.arange(whole("steps", steps, 1) + 1)
        variance = np.zeros(steps + 1)
        noise = eta**2 * (self.noise + 2 * k * mean + s2 * mean**2)
        for t in range(steps):
            variance[t + 1] = growth * variance[t] + noise[t]
        return mean, variance


def raw_moments(offsets, slopes, eta, steps, start=0.0, order=4) -> np.ndarray:
    """E theta_t^j for j = 0 .. order and t = 0 .. steps, ``(steps + 1, order + 1)``, (b, h) uniform
    on the list; exact."""
    q, a = 1 - positive_step(eta) * np.asarray(slopes), -eta * np.asarray(offsets)
    step = np.zeros((order + 1, order + 1))
    for j in range(order + 1):
        for i in range(j + 1):
            step[j, i] = math.comb(j, i) * np.mean(q**i * a ** (j - i))
    moments = [float(start) ** np.arange(order + 1)]
    for _ in range(steps):
        moments.append(step @ moments[-1])
    return np.array(moments)


def central_moments(moments):
    """Mean, variance, third and fourth central moment from raw moments ``(..., 5)``."""
    _, m1, m2, m3, m4 = np.moveaxis(moments, -1, 0)
    variance = m2 - m1**2
    third = m3 - 3 * m1 * m2 + 2 * m1**3
    fourth = m4 - 4 * m1 * m3 + 6 * m1**2 * m2 - 3 * m1**4
    return m1, variance, third, fourth


def variance_error(variance, fourth, replicas):
    """Standard error of a sample variance from the exact fourth moment: heavy tails (kurtosis up to
    94 here) make the Gaussian one useless."""
    return np.sqrt(np.maximum(fourth - variance**2 * (replicas - 3) / (replicas - 1), 0) / replicas)


def lyapunov(slopes, eta):
    """E log |1 - eta h|: below 0 the law of theta converges, whatever the variance does."""
    return float(np.mean(np.log(np.abs(1 - positive_step(eta) * np.asarray(slopes)))))


def tail_index(slopes, eta):
    """The alpha > 0 with E |1 - eta h|^alpha = 1: the stationary law has P(|theta| > x) ~ x^-alpha,
    and a variance iff alpha > 2.

    To leading order 1 + 2 l / (eta s2).  ValueError when the law does not converge, or when no step
    ever expands.
    """
    slopes = np.asarray(slopes)
    if lyapunov(slopes, eta) >= 0:
        raise ValueError(
            f"E log|1 - eta h| = {lyapunov(slopes, eta):.3g} is not negative: theta has no"
            " stationary law, so no tail index"
        )
    log_factor = np.log(np.abs(1 - eta * slopes))
    if log_factor.max() <= 0:
        raise ValueError(
            "no batch expands (|1 - eta h| <= 1 for all): the stationary law is bounded and has no"
            " tail index"
        )
    return brentq(lambda alpha: np.mean(np.expm1(alpha * log_factor)), 1e-6, 700 / log_factor.max())


def hill(values, share=0.02) -> float:
    """Hill's estimate of the tail index from the largest ``share`` of |values|."""
    top = np.sort(np.abs(np.ravel(values)))[::-1]
    count = int(share * len(top))
    if count < 20:
        raise ValueError(
            f"Hill's estimate needs 20 values in the tail; {len(top)} values at share = {share}"
            f" give {count}; run more replicas"
        )
    return 1 / np.mean(np.log(top[:count] / top[count]))
