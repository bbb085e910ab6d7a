"""One dimension, exactly: densities on the circle pushed through the discrete update, and two
equations that approximate it.

Everything lives on N equally spaced angles with Fourier differentiation, so that errors in eta are
not hidden by the grid.
"""

import itertools
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import expm

from ibias import streams
from ibias._checks import whole

from .checks import positive_step


@dataclass(frozen=True, eq=False)
class CircleLandscape:
    """Losses l_i = A_i cos(theta - f_i) + B_i cos(2 theta - p_i); all batches of ``batch`` out of n
    samples, equally likely."""

    amplitude: np.ndarray
    phase: np.ndarray
    second_amplitude: np.ndarray
    second_phase: np.ndarray
    batch: int = 2

    def __post_init__(self):
        if not 1 <= self.batch <= len(self.amplitude):
            raise ValueError(
                f"batch must lie between 1 and n = {len(self.amplitude)}; got {self.batch}"
            )

    @cached_property
    def batches(self) -> np.ndarray:
        return np.array(list(itertools.combinations(range(len(self.amplitude)), self.batch)))

    def gradients(self, theta):
        """Gradient of every batch at every angle, ``(batches, len(theta))``."""
        one = -self.amplitude[:, None] * np.sin(theta - self.phase[:, None])
        two = -2 * self.second_amplitude[:, None] * np.sin(2 * theta - self.second_phase[:, None])
        return (one + two)[self.batches].mean(1)


def random_circle(n=6, batch=2, seed=0) -> CircleLandscape:
    """Amplitudes and phases drawn by ``seed``; n = 6, b = 2 has 15 batches."""
    rng = streams.generator(seed)
    return CircleLandscape(
        0.6 + 0.8 * rng.random(n),
        0.8 * rng.standard_normal(n),
        0.3 * rng.standard_normal(n),
        2 * np.pi * rng.random(n),
        batch,
    )


@dataclass(frozen=True, eq=False)
class Circle:
    """The operators of one step on N grid values of a density: matrices ``(N, N)`` that map P_t to
    P_{t+1}."""

    landscape: CircleLandscape
    points: int = 128

    def __post_init__(self):
        if whole("points", self.points, 16) % 2:
            raise ValueError(f"points must be even (a Nyquist mode); got {self.points}")

    @cached_property
    def theta(self):
        return 2 * np.pi * np.arange(self.points) / self.points

    @cached_property
    def frequencies(self):
        return np.fft.fftfreq(self.points, 1 / self.points)

    @cached_property
    def gradients(self):
        return self.landscape.gradients(self.theta)

    @cached_property
    def slope(self):
        """L', the mean gradient."""
        return self.gradients.mean(0)

    @cached_property
    def second_moment(self):
        """S = <g g>, the raw second moment that belongs in the discrete equation."""
        return (self.gradients**2).mean(0)

    @cached_property
    def covariance(self):
        """C = S - L'^2, the noise that belongs in the Langevin equation."""
        return self.second_moment - self.slope**2

    @cached_property
    def third_moment(self):
        return (self.gradients**3).mean(0)

    @cached_property
    def derivative(self):
        k = self.frequencies.copy()
        k[self.points // 2] = 0  # the Nyquist mode has no odd derivative
        return self._multiplier(1j * k)

    @cached_property
    def second_derivative(self):
        return self._multiplier(-(self.frequencies**2))

    def _multiplier(self, symbol):
        return np.real(
            np.fft.ifft(symbol[:, None] * np.fft.fft(np.eye(self.points), axis=0), axis=0)
        )

    def push_forward(self, eta):
        """The master equation, exact: P'^(k) = integral <exp(-ik(theta - eta g_B))> P by the
        trapezoid rule; mass is kept to rounding."""
        eta = positive_step(eta)
        symbol = sum(
            np.exp(-1j * np.outer(self.frequencies, self.theta - eta * g)) for g in self.gradients
        ) / len(self.gradients)
        symbol[self.points // 2] = np.real(symbol[self.points // 2])
        return np.real(np.fft.ifft(symbol, axis=0))

    def fokker_planck(self, eta, moment=None):
        """The discrete equation P' = P + eta (L' P)' + (eta^2/2)(S P)''.

        ``moment`` replaces S; ``circle.covariance`` is the mistake to compare with.
        """
        eta = positive_step(eta)
        s = self.second_moment if moment is None else moment
        return (
            np.eye(self.points)
            + eta * self.derivative * self.slope
            + eta**2 / 2 * self.second_derivative * s
        )

    def langevin(self, eta, modified=False):
        """The continuous-time equation run for a time eta; ``modified`` uses the drift of L +
        (eta/4) L'^2."""
        eta = positive_step(eta)
        drift = (
            self.slope * (1 + eta / 2 * (self.derivative @ self.slope)) if modified else self.slope
        )
        return expm(
            eta * (self.derivative * drift + eta / 2 * self.second_derivative * self.covariance)
        )

    def held(self, density):
        """The density itself, once the grid is seen to hold it: N values, mass 1, and no power left
        at the grid's shortest waves."""
        density = np.asarray(density, dtype=float)
        if density.shape != (self.points,) or not np.isfinite(density).all():
            raise ValueError(
                f"a density is {self.points} finite numbers, one per grid point; got shape"
                f" {density.shape}"
            )
        mass = 2 * np.pi * density.mean()
        if abs(mass - 1) > 1e-9:
            raise ValueError(
                f"the density has mass {mass:.6g}; divide it by its mass so that it is 1"
            )
        waves = np.abs(np.fft.fft(density)) / np.abs(density).sum()
        tail = waves[np.abs(self.frequencies) >= 0.4 * self.points].max()
        if tail > 1e-9:
            raise ValueError(
                f"a grid of {self.points} points does not hold this density: its shortest waves"
                f" still carry {tail:.1e} of it (at most 1e-9 allowed); use more points or a wider"
                " density"
            )
        return density

    def von_mises(self, concentration=2.0, center=2.2):
        """A smooth bump of width about concentration^-1/2."""
        weight = np.exp(concentration * (np.cos(self.theta - center) - 1))
        return self.held(weight / (2 * np.pi * weight.mean()))

    def step(self, matrix, density):
        """One step of a density by one of the operators."""
        return matrix @ self.held(density)

    def expectation(self, density, phi):
        """Integral of phi against the density."""
        return 2 * np.pi * np.mean(density * phi(self.theta))

    def exact_expectation(self, density, phi, eta):
        """E phi(theta - eta g_B), without any push-forward."""
        return (
            2
            * np.pi
            * np.mean(density * phi(self.theta - positive_step(eta) * self.gradients).mean(0))
        )
