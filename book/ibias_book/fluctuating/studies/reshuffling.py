"""Random reshuffling: exact enumerations, the variance of the epoch's area, and long runs of flat
and confined modes."""

import math

import numpy as np
import xarray as xr

from ibias import streams

from .. import reshuffling as theory
from ..ensemble import evolve, sample_variance
from ..exponents import fit_exponent
from ..landscape import sampled_landscape
from ..sampling import RESHUFFLING, WITH_REPLACEMENT

ETAS = 0.08 / 2 ** np.arange(6)


def seven_batches(seed=0):
    """Offsets and fluctuations of seven fixed batches, both summing to zero."""
    rng = streams.generator(seed)
    b, h = rng.standard_normal(7), rng.standard_normal(7)
    return b - b.mean(), h - h.mean()


def enumerated_bridge(eta=0.1, seed=0) -> xr.Dataset:
    """Variance after each batch of one epoch over all 5040 orders, flat and not fluctuating,
    against eta^2 c J (m - J) / (m - 1)."""
    b, _ = seven_batches(seed)
    measured = theory.enumerate_epoch(b, 0 * b, eta).var(0)
    position = np.arange(len(b) + 1)
    exact = theory.bridge_variance(eta, b.var(), len(b), position)
    return xr.Dataset(
        {"measured": ("position", measured), "exact": ("position", exact)}, {"position": position}
    )


def enumerated_epoch(curvatures=(0.0, 1.0), etas=ETAS, seed=0) -> xr.Dataset:
    """Mean and variance of one epoch from 0 over all orders, against -eta^2 m k / 2 and eta^4 Var
    X, and the remainders after eta^2 and eta^3."""
    b, h0 = seven_batches(seed)
    m, k = len(b), np.mean(b * h0)
    orders = theory.all_orders(m)
    rows = []
    for l in curvatures:
        h = l + h0
        first = theory.epoch_area(h[orders], b[orders])
        inner = np.cumsum(h[orders][:, 1:] * np.cumsum(b[orders], 1)[:, :-1], 1)
        second = -(h[orders][:, 2:] * inner[:, :-1]).sum(1)
        ends = np.stack([theory.enumerate_epoch(b, h, eta)[:, -1] for eta in etas])
        left = ends - etas[:, None] ** 2 * first
        kept = {
            "mean": ("eta", ends.mean(1)),
            "variance": ("eta", ends.var(1)),
            "mean_theory": -(etas**2) * m * k / 2,
            "variance_theory": etas**4 * theory.partition_variance(m, l, b.var(), h0.var(), k),
            "remainder_2": ("eta", np.abs(left).max(1)),
            "remainder_3": ("eta", np.abs(left - etas[:, None] ** 3 * second).max(1)),
        }
        kept = {
            name: value if isinstance(value, tuple) else ("eta", value)
            for name, value in kept.items()
        }
        rows.append(xr.Dataset(kept, {"eta": etas}))
    return xr.concat(rows, "curvature").assign_coords(curvature=list(curvatures))


def enumerated_orders(epochs: xr.Dataset, smallest=4) -> xr.Dataset:
    """Fitted orders in eta of every quantity of ``enumerated_epoch`` over the smallest step sizes:
    2, 4, 3 and 4."""
    last = epochs.isel(eta=slice(-smallest, None))
    names = {"mean": 2, "variance": 4, "remainder_2": 3, "remainder_3": 4}
    slopes = [
        [fit_exponent(last.eta, np.abs(last[name].sel(curvature=l))).value for name in names]
        for l in last.curvature
    ]
    return xr.Dataset(
        {"slope": (("curvature", "quantity"), slopes)},
        {
            "curvature": last.curvature,
            "quantity": list(names),
            "order": ("quantity", list(names.values())),
        },
    )


def enumerated_area(n, b, dimensions=2, seed=5) -> tuple[float, float]:
    """Var X over every order of n <= 8 samples: enumerated, and by the exact formula."""
    rng = streams.generator(seed)
    x, y = (v - v.mean(0) for v in rng.standard_normal((2, n, dimensions)))
    orders = theory.all_orders(n)
    bx, by = (v[orders].reshape(len(orders), n // b, b, dimensions).mean(2) for v in (x, y))
    area = (bx[:, 1:] * np.cumsum(by, 1)[:, :-1]).sum((1, 2))
    return float(area.var()), float(theory.sample_area_variance(x, y, b))


def sampled_area(replicas=50_000, n=64, batches=(1, 2, 4, 8), seed=7) -> xr.Dataset:
    """Var X over random epochs, Student-4 samples: measured with its standard error, exact, and the
    Gaussian-batch limit."""
    rng = streams.generator(seed)
    h = rng.standard_t(4, n)
    b = 0.5 * h + rng.standard_t(4, n)
    h, b = h - h.mean(), b - b.mean()
    rows = []
    for index, size in enumerate(batches):
        orders = streams.permutations(n, seed + 1 + index, replicas)
        area = theory.epoch_area(
            *(v[orders].reshape(replicas, n // size, size).mean(2) for v in (h, b))
        )
        fourth = np.mean((area - area.mean()) ** 4)
        error = math.sqrt((fourth - area.var() ** 2) / replicas)
        if not error > 0:
            raise ValueError(
                f"the area's variance over {replicas} random epochs has no standard error; ask for"
                " more of them"
            )
        exact = theory.sample_area_variance(h, b, size)
        m, f = n // size, (n - size) / (n - 1) / size
        gauss = (
            f**2
            * m**2
            / 12
            / (m - 1)
            * ((m + 1) * b.var() * h.var() - (m - 5) * np.mean(b * h) ** 2)
        )
        kept = {
            "measured": area.var(),
            "error": error,
            "exact": exact,
            "gaussian_limit": gauss,
            "z": (area.var() - exact) / error,
        }
        rows.append(xr.Dataset(kept))
    return xr.concat(rows, "batch").assign_coords(batch=list(batches))


# l, spread of the sample slopes (0 or 1), correlation
RUNS = {
    "flat": (0.0, 0.0, 0.0),
    "flat, fluctuating": (0.0, 1.0, 0.0),
    "flat, correlated": (0.0, 1.0, 0.7),
    "confined": (0.5, 0.0, 0.0),
    "steep": (2.0, 0.0, 0.0),
}


def long_runs(eta=0.05, replicas=4_000, n=64, batch=8, epochs=60) -> xr.Dataset:
    """Both schemes from one start: variance at epoch ends and mid-epoch, the exact or leading
    formulas beside them (case, scheme, epoch)."""
    m = n // batch
    record = np.arange(m // 2, epochs * m + 1, m // 2)
    rows = []
    for index, (l, spread, rho) in enumerate(RUNS.values()):
        landscape = sampled_landscape(n, l, spread, rho)
        per_scheme = []
        for number, scheme in enumerate((WITH_REPLACEMENT, RESHUFFLING)):
            seeds = range(
                1_000_000 * (2 * index + number), 1_000_000 * (2 * index + number) + replicas
            )
            found = evolve(landscape, eta, scheme, batch, epochs * m, record, seeds).isel(mode=0)
            v, mean = sample_variance(found).values, found.mean("replica").values
            per_scheme.append(
                xr.Dataset(
                    {
                        "mid": ("epoch", v[0::2]),
                        "end": ("epoch", v[1::2]),
                        "mean": ("epoch", mean[1::2]),
                    }
                )
            )
        rows.append(
            xr.concat(per_scheme, "scheme").assign(_run_theory(landscape, eta, batch, m, epochs))
        )
    coords = {
        "case": list(RUNS),
        "scheme": ["with replacement", "random reshuffling"],
        "epoch": np.arange(1, epochs + 1),
    }
    return (
        xr.concat(rows, "case")
        .assign_coords(coords)
        .assign_attrs(eta=eta, replicas=replicas, n=n, batch=batch)
    )


def _run_theory(landscape, eta, batch, m, epochs):
    """Variance at epoch ends: exact with replacement, exact (s2 = 0) or leading (s2 > 0)
    reshuffled; the bridge at mid-epoch of a flat mode."""
    mode = landscape.mode(batch)
    b, h = landscape.offsets[:, 0], landscape.slopes[:, 0]
    ends = np.arange(1, epochs + 1)
    independent = mode.mean_variance(eta, epochs * m)[1][ends * m]
    if mode.fluctuation < 1e-15:
        one = theory.linear_epoch_variance(eta, mode.curvature, mode.noise, m)
        q = (1 - eta * mode.curvature) ** (2 * m)
        shuffled = one * (ends if q == 1 else (1 - q**ends) / (1 - q))
    else:
        one = eta**4 * theory.sample_area_variance(h, b, batch)
        shuffled = theory.epochs_variance(eta, mode.curvature, mode.fluctuation, m, one, epochs)
    bridge = theory.bridge_variance(eta, mode.noise, m, m // 2)
    drift = _reshuffled_mean(mode, eta, m, ends)
    return {
        "end_theory": (("scheme", "epoch"), np.stack([independent, shuffled])),
        "bridge": bridge,
        "mean_theory": ("epoch", drift),
    }


def _reshuffled_mean(mode, eta, m, ends):
    """Drift per epoch -(eta^2 m / 2) k, contracted by the effective curvature."""
    rate = eta * m * theory.effective_curvature(eta, mode.curvature, mode.fluctuation)
    per_epoch = -(eta**2) * m / 2 * mode.covariance
    return per_epoch * ends if rate == 0 else per_epoch * (1 - (1 - rate) ** ends) / rate


def flat_stationary(
    correlations=(0.0, 0.7), eta=0.1, n=32, batch=4, replicas=1_000, relaxations=12
) -> xr.Dataset:
    """Reshuffling confines a flat, fluctuating direction: variance at epoch ends against eta^2 Var
    X / (m s2), mean against -k / s2.

    The second half of the run is averaged over time; with replacement the variance of the same
    direction explodes.
    """
    m = n // batch
    rows = []
    for index, rho in enumerate(correlations):
        landscape = sampled_landscape(n, 0.0, 1.0, rho)
        mode = landscape.mode(batch)
        epochs = int(relaxations / (eta**2 * m * mode.fluctuation))
        ends = np.arange(1, 101) * (epochs // 100) * m
        found = {}
        for name, scheme in (("shuffled", RESHUFFLING), ("independent", WITH_REPLACEMENT)):
            seeds = range(40_000_000 + 1_000_000 * index, 40_000_000 + 1_000_000 * index + replicas)
            found[name] = evolve(landscape, eta, scheme, batch, int(ends[-1]), ends, seeds).isel(
                mode=0
            )
        b, h = landscape.offsets[:, 0], landscape.slopes[:, 0]
        centre = -mode.covariance / mode.fluctuation
        at_centre = theory.sample_area_variance(h, b + centre * h, batch)
        shuffled = sample_variance(found["shuffled"]).values
        kept = {
            "variance": ("time", shuffled),
            "independent": ("time", sample_variance(found["independent"]).values),
            "mean": ("time", found["shuffled"].mean("replica").values),
            "stationary": shuffled[50:].mean(),
            "stationary_theory": eta**2 * at_centre / (m * mode.fluctuation),
            "mean_theory": centre,
        }
        rows.append(xr.Dataset(kept, {"time": ends / ends[-1] * relaxations}))
    return (
        xr.concat(rows, "correlation")
        .assign_coords(correlation=list(correlations))
        .assign_attrs(eta=eta, replicas=replicas)
    )


def crossover(m=8, curvatures=np.geomspace(1e-3, 1.9, 200)) -> xr.Dataset:
    """Exact stationary variance reshuffled over with replacement, s2 = 0, against eta l m: eta^2
    l^2 m (m + 1) / 12 when small, 1 when large."""
    shuffled = theory.confined_variance(1.0, curvatures, 1.0, m)
    independent = 1 / (2 * curvatures - curvatures**2)
    kept = {"ratio": shuffled / independent, "leading": curvatures**2 * m * (m + 1) / 12}
    return xr.Dataset({k: ("x", v) for k, v in kept.items()}, {"x": curvatures * m}, {"m": m})
