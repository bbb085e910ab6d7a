"""Mode equations against ensembles: eight cases, the strip that tells SGD from Langevin, laws
without a variance, skewed noise."""

import numpy as np
import xarray as xr
from scipy.special import dawsn

from ..ensemble import evolve, sample_variance
from ..landscape import Landscape, four_batches, gaussian_batches
from ..modes import Mode, central_moments, hill, lyapunov, raw_moments, tail_index, variance_error
from ..sampling import WITH_REPLACEMENT

# name: (l, c, s2, k / sqrt(c s2), start), all at eta = 0.1
CASES = {
    "confined": (1.0, 1.0, 0.5, 0.0, 0.0),
    "confined, correlated": (1.0, 1.0, 0.5, 0.8, 1.0),
    "steep": (4.0, 1.0, 4.0, -0.6, 0.5),
    "flat": (0.0, 1.0, 0.0, 0.0, 0.0),
    "flat, fluctuating": (0.0, 1.0, 0.5, 0.0, 0.0),
    "flat, correlated": (0.0, 1.0, 0.5, 0.8, 1.0),
    "large step": (15.0, 1.0, 10.0, 0.5, 0.3),
    "saddle": (-0.3, 1.0, 0.2, 0.5, 0.0),
}
_TIMES = (1, 2, 5, 10, 20, 50, 100, 200)


def mode(l, c, s2, rho) -> Mode:
    """A mode from a correlation instead of a covariance."""
    return Mode(l, c, s2, rho * np.sqrt(c * s2))


def mode_cases(replicas=50_000, eta=0.1, first_seed=0) -> xr.Dataset:
    """Mean and variance of every case at eight times: measured, exact, and z against the exact
    standard error (fourth moments)."""
    rows = []
    for index, (*moments, start) in enumerate(CASES.values()):
        rows.append(
            _compare(
                four_batches(mode(*moments)),
                mode(*moments),
                eta,
                _TIMES,
                start,
                _seeds(replicas, first_seed, index),
            )
        )
    return xr.concat(rows, "case").assign_coords(case=list(CASES))


def _seeds(replicas, first, block):
    """Seeds of one ensemble, disjoint from those of every other block."""
    return range(first + block * 1_000_000, first + block * 1_000_000 + replicas)


def _compare(landscape, one, eta, times, start, seeds):
    """z values of an ensemble's mean and variance against the two-line recursion."""
    found = evolve(landscape, eta, WITH_REPLACEMENT, 1, times[-1], times, seeds, start=start).isel(
        mode=0
    )
    mean, variance = (series[list(times)] for series in one.mean_variance(eta, times[-1], start))
    moments = raw_moments(landscape.offsets[:, 0], landscape.slopes[:, 0], eta, times[-1], start)[
        list(times)
    ]
    error = variance_error(variance, central_moments(moments)[3], len(seeds))
    v = sample_variance(found).values
    average = found.mean("replica").values
    # The sample variance of the first step of a two-valued law can have an exact standard error
    # near 0; rounding then decides.
    kept = {
        "variance": v,
        "exact_variance": variance,
        "error": error,
        "mean": average,
        "exact_mean": mean,
        "z_variance": (v - variance) / np.maximum(error, 1e-3 * variance / np.sqrt(len(seeds))),
        "z_mean": (average - mean) / np.sqrt(variance / len(seeds)),
    }
    return xr.Dataset({k: ("step", value) for k, value in kept.items()}, {"step": list(times)})


def strip_points(replicas=50_000, first_seed=50_000_000) -> xr.Dataset:
    """24 points (x = eta l, y = eta^2 s2) on both sides of the strip x (2 - x) < y < 2 x, at eta =
    1: growth of both theories and z at t <= 10."""
    points = [
        (x, x * (2 - x) + f * x**2)
        for x in (0.3, 0.6, 1.0, 1.4, 1.8)
        for f in (-0.3, 0.2, 0.5, 0.8, 1.3)
    ]
    points = [(x, y) for x, y in points if y > 0.02]
    rows = []
    for index, (x, y) in enumerate(points):
        one = Mode(x, 1.0, y)
        row = _compare(
            four_batches(one), one, 1.0, (5, 10), 0.0, _seeds(replicas, first_seed, index)
        )
        # v_t = c (q^t - 1) / (q - 1), so (v_10 - v_5) / v_5 = q^5 gives the growth factor q itself.
        v5, v10 = row.variance.values
        kept = {
            "growth": one.growth(1.0),
            "langevin_growth": one.langevin_growth(1.0),
            "measured_growth": ((v10 - v5) / v5) ** 0.2,
            "x": x,
            "y": y,
        }
        rows.append(row.assign({k: ((), v) for k, v in kept.items()}))
    return xr.concat(rows, "point")


def showcase(replicas=50_000, eta=1.0, steps=20, first_seed=90_000_000) -> xr.Dataset:
    """x = 1, y = 1.5 in the strip: the variance grows by half at every step where Langevin says it
    decays."""
    one = Mode(1.0, 1.0, 1.5)
    times = tuple(range(1, steps + 1))
    row = _compare(
        four_batches(one), one, eta, times, 0.0, range(first_seed, first_seed + replicas)
    )
    # Langevin from the same start: v' = (eta^2 s2 - 2 eta l) v + eta^2 c per unit step, solved over
    # t steps.
    rate = np.log(one.langevin_growth(eta))
    langevin = eta**2 * one.noise * np.expm1(rate * np.array(times)) / rate
    return row.assign(langevin=("step", langevin))


def gaussian_lyapunov(x, y):
    """E log|1 - h| for Gaussian h of mean x and variance y: log s + f(|1 - x| / s), s = sqrt(y),
    f(u) = E log|u + Z|.

    f'(u) is the principal value of E 1/(u + Z) = sqrt(2) D(u / sqrt 2) with Dawson's D, and f(0) =
    -(gamma + log 2) / 2.
    """
    grid = np.linspace(0, 40, 20_001)
    slope = np.sqrt(2) * dawsn(grid / np.sqrt(2))
    f = -(np.euler_gamma + np.log(2)) / 2 + np.concatenate(
        [[0], np.cumsum((slope[1:] + slope[:-1]) / 2 * np.diff(grid))]
    )
    spread = np.sqrt(y)
    return np.log(spread) + np.interp(np.abs(1 - x) / spread, grid, f)


def phase_diagram(points=240) -> xr.Dataset:
    """Regime on the (eta l, eta^2 s2) plane for Gaussian h: 0 variance settles, 1 a law without
    variance, 2 no law; and Langevin's line."""
    x = np.linspace(-0.5, 2.5, points)
    y = np.linspace(0.005, 4.0, points)
    law = gaussian_lyapunov(x[None, :], y[:, None])
    growth = (1 - x) ** 2 + y[:, None]
    regime = np.where(growth < 1, 0, np.where(law < 0, 1, 2))
    return xr.Dataset(
        {"regime": (("y", "x"), regime), "langevin": (("y", "x"), y[:, None] < 2 * x)},
        {"x": x, "y": y},
    )


def kesten(
    replicas=12_000, steps=2_000, eta=0.2, curvatures=(0.0, 0.05, 0.2, -0.05), fluctuation=1.0
) -> xr.Dataset:
    """Gaussian h of variance 1: medians of |theta| at T/4, T/2, T, Hill's estimate at T (top 2 %),
    and the index that solves E|1 - eta h|^a = 1."""
    times = (steps // 4, steps // 2, steps)
    rows = []
    for index, l in enumerate(curvatures):
        one = Mode(l, 1.0, fluctuation)
        landscape = gaussian_batches(one, seed=index)
        found = evolve(
            landscape, eta, WITH_REPLACEMENT, 1, steps, times, _seeds(replicas, 200_000_000, index)
        ).isel(mode=0)
        kept = {
            "median": ("step", np.median(np.abs(found), axis=0)),
            "variance": ("step", sample_variance(found).values),
            "hill": hill(found.isel(step=-1).values),
            "index": tail_index(landscape.slopes[:, 0], eta),
            "leading_index": 1 + 2 * l / (eta * fluctuation),
            "lyapunov": lyapunov(landscape.slopes[:, 0], eta),
        }
        rows.append(xr.Dataset(kept, {"step": list(times)}))
    return xr.concat(rows, "curvature").assign_coords(curvature=list(curvatures))


def skewed_noise(replicas=50_000, eta=0.1, steps=100, first_seed=300_000_000) -> xr.Dataset:
    """A flat mode with skewed batches: third cumulant measured, exact -eta^3 kappa3 t, and the 0 of
    any second-order equation."""
    b = np.array([3.0, -1.0, -1.0, -1.0])
    landscape = Landscape(b, np.zeros(4))
    times = np.array([5, 10, 20, 50, steps])
    found = evolve(
        landscape, eta, WITH_REPLACEMENT, 1, steps, times, range(first_seed, first_seed + replicas)
    ).isel(mode=0)
    centred = found - found.mean("replica")
    third = (centred**3).mean("replica").values
    error = (centred**3).std("replica").values / np.sqrt(replicas)
    exact = -(eta**3) * np.mean(b**3) * times
    kept = {
        "third": third,
        "exact": exact,
        "second_order": np.zeros(len(times)),
        "error": error,
        "z": (third - exact) / error,
    }
    return xr.Dataset({k: ("step", v) for k, v in kept.items()}, {"step": times})
