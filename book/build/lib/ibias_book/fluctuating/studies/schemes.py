"""Other ways to draw and to use batches: fixed orders, momentum, variance reduction; and steepest
descent in other norms."""

import math

import numpy as np
import torch
import xarray as xr

from ibias import streams
from ibias.norms import FROBENIUS, MAX, SPECTRAL

from .. import reshuffling as theory
from ..ensemble import evolve, sample_variance
from ..exponents import fit_exponent
from ..landscape import gaussian_batches, sampled_landscape
from ..modes import Mode
from ..sampling import RESHUFFLING, WITH_REPLACEMENT, CommonOrder, OwnOrder

BETA = 0.9
# name: (scheme, momentum, variance reduction)
SCHEMES = {
    "with replacement": (WITH_REPLACEMENT, 0.0, False),
    "random reshuffling": (RESHUFFLING, 0.0, False),
    "one fixed order": (CommonOrder(), 0.0, False),
    "own fixed order": (OwnOrder(), 0.0, False),
    "with replacement, momentum": (WITH_REPLACEMENT, BETA, False),
    "reshuffling, momentum": (RESHUFFLING, BETA, False),
    "reshuffling, variance reduction": (RESHUFFLING, 0.0, True),
}


def scheme_table(spread=0.0, eta=0.05, replicas=4_000, n=64, batch=8, epochs=60) -> xr.Dataset:
    """Variance of a flat direction at epoch ends and mid-epoch for every scheme, with the theory
    where there is one (s2 = spread^2 f)."""
    landscape = sampled_landscape(n, 0.0, spread, 0.0)
    m = n // batch
    record = np.arange(m // 2, epochs * m + 1, m // 2)
    rows = []
    for index, (scheme, beta, reduced) in enumerate(SCHEMES.values()):
        seeds = range(500_000_000 + index * 1_000_000, 500_000_000 + index * 1_000_000 + replicas)
        found = evolve(
            landscape,
            eta,
            scheme,
            batch,
            epochs * m,
            record,
            seeds,
            momentum=beta,
            variance_reduction=reduced,
        ).isel(mode=0)
        v = sample_variance(found).values
        rows.append(
            xr.Dataset(
                {
                    "mid": ("epoch", v[0::2]),
                    "end": ("epoch", v[1::2]),
                    "exponent": _exponent(v[1::2]),
                }
            )
        )
    ends = np.arange(1, epochs + 1)
    table = xr.concat(rows, "sampling").assign_coords(sampling=list(SCHEMES), epoch=ends)
    table["theory"] = ("sampling", "epoch"), _scheme_theory(landscape, eta, batch, m, ends)
    return table.assign_attrs(eta=eta, replicas=replicas, spread=spread)


def _exponent(ends):
    """Growth exponent in epochs over the last three quarters; nan for a variance that is
    rounding."""
    quarter = len(ends) // 4
    if ends[-1] < 1e-25:
        return np.nan
    return fit_exponent(np.arange(quarter, len(ends)) + 1, ends[quarter:]).value


def _scheme_theory(landscape, eta, batch, m, ends):
    """Rows in the order of SCHEMES; nan where no closed form is known (reshuffling with momentum
    and fluctuating curvature)."""
    mode = landscape.mode(batch)
    area = theory.sample_area_variance(landscape.slopes[:, 0], landscape.offsets[:, 0], batch)
    flat = mode.fluctuation < 1e-15
    zero, unknown = np.zeros(len(ends)), np.full(len(ends), np.nan)
    momentum = theory.momentum_growth(eta, mode.noise, BETA, ends[-1] * m)[ends * m - 1]
    floor = theory.momentum_floor(eta, mode.noise, m, BETA) + zero
    shuffled = (
        zero
        if flat
        else theory.epochs_variance(eta, 0.0, mode.fluctuation, m, eta**4 * area, len(ends))
    )
    # A fixed own order repeats the same displacement every epoch: r eta^2 X, contracted only at the
    # next order.
    ballistic = ends**2 * eta**4 * area * (0 if flat else 1)
    return np.stack(
        [
            mode.mean_variance(eta, ends[-1] * m)[1][ends * m],
            shuffled,
            zero,
            ballistic,
            momentum if flat else unknown,
            floor if flat else unknown,
            zero,
        ]
    )


# Gradient descent has no normalisation: the map is the identity and kappa = 1.
_GEOMETRIES = {
    "gradient": None,
    "sign (max norm)": MAX,
    "normalised (Frobenius)": FROBENIUS,
    "spectral": SPECTRAL,
}


def _mapped(norm, g):
    return g if norm is None else norm.steepest(g)


def _linear_share(norm, shape, draws=40_000, seed=3) -> float:
    """kappa = (E <G, Delta(G)>)^2 / (E |G|_F^2 E |Delta(G)|_F^2) for Gaussian G: the part of the
    map that the zero sum cancels."""
    g = torch.from_numpy(streams.generator(seed).standard_normal((draws, *shape)))
    step = _mapped(norm, g)
    return float((g * step).sum() ** 2 / ((g**2).sum() * (step**2).sum()))


def geometry_ratios(
    sizes=((64, 8), (256, 32), (64, 1)), shapes=((1, 1), (4, 4)), replicas=(20_000, 1_500), seed=0
) -> xr.Dataset:
    """One epoch on a flat loss with isotropic batches: variance per step reshuffled over with
    replacement, against 1 - kappa."""
    found = {}
    for shape, count in zip(shapes, replicas, strict=True):
        for n, batch in sizes:
            samples = streams.generator(seed).standard_normal((n, *shape))
            samples = torch.from_numpy(samples - samples.mean(0))
            for name, norm in _GEOMETRIES.items():
                if shape == (1, 1) and name in ("normalised (Frobenius)", "spectral"):
                    continue  # a scalar has one direction: every normalised map is the sign
                walks = [
                    _one_epoch(samples, scheme, batch, norm, count, first)
                    for first, scheme in ((0, WITH_REPLACEMENT), (10**8, RESHUFFLING))
                ]
                independent, shuffled = (walk.var(0).mean().item() for walk in walks)
                found[f"{name}, {shape[0]}x{shape[1]}, n={n}, b={batch}"] = (
                    shuffled / independent,
                    1 - _linear_share(norm, shape),
                    batch,
                    name,
                    shape[0],
                )
    columns = list(zip(*found.values(), strict=True))
    names = ("ratio", "theory", "batch", "geometry", "size")
    return xr.Dataset(
        {k: ("setting", list(v)) for k, v in zip(names, columns, strict=True)},
        {"setting": list(found)},
    )


def _one_epoch(samples, scheme, batch, norm, replicas, first_seed):
    """Displacement after one epoch for every replica, ``(replicas, *shape)``."""
    n, *shape = samples.shape
    m = n // batch
    walks = []
    for start in range(0, replicas, 500):
        seeds = range(first_seed + start, first_seed + min(start + 500, replicas))
        rows = torch.from_numpy(scheme.batches(n, batch, seeds, m).astype(np.int64))
        signal = samples[rows.reshape(-1)].view(len(seeds), m, batch, *shape).mean(2)
        walks.append(-_mapped(norm, signal).sum(1))
    return torch.cat(walks)


def sign_momentum(
    betas=(0.0, 0.5, 0.9, 0.98), replicas=4_000, n=64, batch=8, epochs=60
) -> xr.Dataset:
    """Sign of the momentum, flat scalar loss: variance per step over eta^2, both schemes.

    ``theory``: with replacement, long times, 1 + (4/pi) sum_k arcsin beta^k.
    """
    landscape = sampled_landscape(n, 0.0, 0.0, 0.0, seed=2)
    steps = epochs * n // batch
    rates = np.empty((len(betas), 2))
    for i, beta in enumerate(betas):
        for j, scheme in enumerate((WITH_REPLACEMENT, RESHUFFLING)):
            seeds = range(
                700_000_000 + 10_000_000 * i + 1_000_000 * j,
                700_000_000 + 10_000_000 * i + 1_000_000 * j + replicas,
            )
            found = evolve(
                landscape,
                1.0,
                scheme,
                batch,
                steps,
                [steps],
                seeds,
                momentum=beta,
                direction=torch.sign,
            )
            rates[i, j] = sample_variance(found).item() / steps
    longest = [1 + 4 / math.pi * np.arcsin(b ** np.arange(1, 5000)).sum() for b in betas]
    kept = {"rate": (("beta", "scheme"), rates), "theory": ("beta", longest)}
    return xr.Dataset(
        kept, {"beta": list(betas), "scheme": ["with replacement", "random reshuffling"]}
    )


def sign_valley(curvatures=(0.1, 0.5), etas=(0.02, 0.005), replicas=2_000) -> xr.Dataset:
    """Sign descent in a weak valley with unit Gaussian noise: stationary variance against (eta / 2
    l) sqrt(pi c / 2)."""
    found, theory_value = (
        np.empty((len(curvatures), len(etas))),
        np.empty((len(curvatures), len(etas))),
    )
    for i, l in enumerate(curvatures):
        landscape = gaussian_batches(Mode(l, 1.0), seed=9)
        for j, eta in enumerate(etas):
            steps = int(6 / (eta * math.sqrt(2 / math.pi) * l))
            record = np.linspace(steps // 2, steps, 40).astype(int)
            seeds = range(
                800_000_000 + 10_000_000 * i + 1_000_000 * j,
                800_000_000 + 10_000_000 * i + 1_000_000 * j + replicas,
            )
            positions = evolve(
                landscape, eta, WITH_REPLACEMENT, 1, steps, record, seeds, direction=torch.sign
            )
            found[i, j] = sample_variance(positions).mean()
            theory_value[i, j] = eta / (2 * l) * math.sqrt(math.pi / 2)
    return xr.Dataset(
        {"variance": (("curvature", "eta"), found), "theory": (("curvature", "eta"), theory_value)},
        {"curvature": list(curvatures), "eta": list(etas)},
    )
