"""Collections of network runs for figures and tables: everything that a page shows of more than one
ensemble."""

import numpy as np
import xarray as xr

from ..shipped import ETAS, SEEDS, Point, Run, shipped_statistics
from ..spectra import exact_hessian, lanczos
from . import networks

# Exponents in eta of the leading order, by quantity: flat at fixed t, flat at fixed tau = eta t,
# confined.
_ETA_THEORY = {"wr": (2, 1, 1), "rr": (4, 3, 3)}


def exponent_points(runs: list[xr.Dataset]) -> list[xr.Dataset]:
    """``networks.time_exponents`` of every run."""
    return [networks.time_exponents(run) for run in runs]


def reshuffled_runs(
    kinds=("digits-weak", "digits", "text"), seeds=SEEDS, etas=ETAS[:1]
) -> list[xr.Dataset]:
    """``networks.reshuffled_run`` for every kind, seed and step size."""
    return [
        networks.reshuffled_run(kind, seed, eta) for kind in kinds for seed in seeds for eta in etas
    ]


def flattened(
    runs: list[xr.Dataset], names=("variance", "closure", "stationary", "z")
) -> xr.Dataset:
    """Every mode of every run at its last step as one list of points, with network, seed and eta of
    each: what a scatter shows."""
    ends = [run.isel(step=-1) if "step" in run.dims else run for run in runs]
    kept = {name: ("point", np.concatenate([end[name].values for end in ends])) for name in names}
    sizes = [run.sizes["mode"] for run in runs]
    labels = {
        key: ("point", np.repeat([run.attrs[key] for run in runs], sizes))
        for key in ("network", "seed", "eta")
    }
    return xr.Dataset(kept, labels)


def eta_table(kinds=("digits-weak", "digits", "text"), schemes=("wr", "rr")) -> xr.Dataset:
    """``networks.eta_exponents`` over (network, scheme, seed, quantity), with the leading-order
    theory (scheme, quantity)."""
    rows = [[networks.eta_exponents(kind, scheme) for scheme in schemes] for kind in kinds]
    table = xr.concat([xr.concat(row, "scheme") for row in rows], "network")
    theory = ("scheme", "quantity"), [_ETA_THEORY[scheme] for scheme in schemes]
    names = ["with replacement" if scheme == "wr" else "random reshuffling" for scheme in schemes]
    return table.assign(theory=theory).assign_coords(network=list(kinds), scheme=names)


def reshuffled_ratios(kinds=("digits-weak", "digits", "text")) -> xr.Dataset:
    """Median over modes and seeds of measured over predicted variance after all epochs, by network
    and step size."""
    found = np.empty((len(kinds), len(ETAS)))
    for i, kind in enumerate(kinds):
        for j, eta in enumerate(ETAS):
            runs = reshuffled_runs((kind,), SEEDS, (eta,))
            found[i, j] = np.median(
                np.concatenate([(run.variance / run.predicted).values[-1] for run in runs])
            )
    return xr.Dataset(
        {"ratio": (("network", "eta"), found)}, {"network": list(kinds), "eta": list(ETAS)}
    )


def rerun(kind="digits", seed=0, eta=0.05) -> xr.Dataset:
    """Run one shipped ensemble again, here and now: largest relative difference of any noisy
    variance from the file."""
    run = Run(Point(kind, seed), "wr", eta)
    noisy = shipped_statistics(run.point).noisy
    again, kept = (data.variance.values[1:, noisy] for data in (run.measure(), run.load()))
    return xr.Dataset(
        {"difference": np.abs(again / kept - 1).max(), "modes": noisy.sum(), "steps": run.steps}
    )


def spectrum(kind="text", seed=0, count=5) -> xr.Dataset:
    """Largest Hessian eigenvalues at a shipped point, exact and by Lanczos, and how many are too
    small for 1600 steps at eta = 0.05."""
    point = Point(kind, seed)
    network, theta = point.network(), point.load()
    values = np.linalg.eigvalsh(exact_hessian(network.loss, theta))
    top = {
        "exact": ("rank", values[-count:]),
        "lanczos": ("rank", lanczos(network.loss, theta, count)),
    }
    return xr.Dataset(
        top
        | {
            "parameters": len(values),
            "flat": int((np.abs(values) * ETAS[0] * Run(point, "wr", ETAS[0]).steps < 1).sum()),
        }
    )
