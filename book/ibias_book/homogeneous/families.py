"""Tables of a finished run: which family of optimizers wins which margin, with spread over
seeds."""

from dataclasses import replace

import numpy as np
import xarray as xr

from .norms import hybrid
from .rules import Rule

NORM_TITLES = {"l2": "l2", "linf": "l-infinity", "spectral": "max-spectral", "hybrid": "hybrid"}


def winning_ratio(gamma: xr.DataArray) -> xr.DataArray:
    """Per (norm, seed): the family's *worst* member over the best optimizer outside it, in the
    family's own margin.

    Above 1 the family wins.  It is 0 where the worst member does not separate the data, else
    infinite where no outsider does: a ratio of such margins says nothing.  ``gamma`` has dims
    (optimizer, seed, norm) and the coordinate ``family``.  Single optimizers cannot be ranked:
    several share a norm, and their margins overlap.
    """
    mine = gamma.norm == gamma.family
    worst, best = gamma.where(mine).min("optimizer"), gamma.where(~mine).max("optimizer")
    return (worst / best.where(best != 0)).where(~(best <= 0), np.inf).where(~(worst <= 0), 0.0)


def _half_width(values: xr.DataArray) -> xr.DataArray:
    """Half of the 95 % t-interval of the mean over the seeds that have a value (they share images,
    so they are not independent data sets)."""
    from scipy.stats import t

    n = values.count("seed")
    quantile = xr.apply_ufunc(t.ppf, 0.975, n - 1)
    return quantile * values.std("seed", ddof=1) / n**0.5


def at_loss(runs: xr.Dataset, loss: float = 1e-8) -> xr.Dataset:
    """The margins at the first crossing of a mean loss, interpolated in the logarithm of the loss,
    and the step of the crossing.

    NaN for a run that has not reached it.
    """
    below = runs.log_loss <= np.log(loss)
    after = below.argmax("step")
    before = (after - 1).clip(0)
    late, early = runs.isel(step=after), runs.isel(step=before)
    share = (early.log_loss - np.log(loss)) / (early.log_loss - late.log_loss)
    names = ["gamma", "gamma_balanced"]
    found = (early[names] + share * (late[names] - early[names])).where(below.any("step"))
    return found.assign(reached=runs.step[after].where(below.any("step")))


def table(values: xr.DataArray, digits: int = 3) -> str:
    """Markdown: optimizers x norms, mean and half width, the largest of each column in bold."""
    mean, half = values.mean("seed"), _half_width(values)
    best = mean.fillna(-np.inf).argmax("optimizer")
    rows = []
    for i, name in enumerate(mean.optimizer.values):
        cells = [
            _cell(float(mean[i, j]), float(half[i, j]), digits, int(best[j]) == i)
            for j in range(mean.sizes["norm"])
        ]
        rows.append(f"| {name} | " + " | ".join(cells) + " |")
    head = "| optimizer | " + " | ".join(NORM_TITLES[str(n)] for n in mean.norm.values) + " |"
    return "\n".join([head, "|---" * (mean.sizes["norm"] + 1) + "|", *rows])


def _cell(mean, half, digits, bold):
    if np.isnan(mean):
        return "not reached"
    decimals = max(0, digits - 1 - int(np.floor(np.log10(abs(mean))))) if mean else digits
    text = f"{mean:.{decimals}f}" + ("" if np.isnan(half) else f" ± {half:.{decimals}f}")
    return f"**{text}**" if bold else text


def balance(runs: xr.Dataset) -> xr.DataArray:
    """First block's norm over the last one's, each in its own kind: what saturation sends to 1 (l2:
    the squares, to 2 for degree 3).

    Dims as ``runs`` without blocks; only for two-layer models.
    """
    first, last = (
        runs.block_norm.isel(block=0, drop=True),
        runs.block_norm.isel(block=-1, drop=True),
    )
    kinds = {
        "l2": ("l2", "l2"),
        "linf": ("linf", "linf"),
        "spectral": ("spectral", "l2"),
        "hybrid": ("spectral", "linf"),
    }
    own = [first.sel(kind=a, drop=True) / last.sel(kind=b, drop=True) for a, b in kinds.values()]
    ratio = xr.concat(own, "norm").assign_coords(norm=list(kinds))
    return xr.where(ratio.norm == "l2", ratio**2, ratio)


def own(values: xr.DataArray) -> xr.DataArray:
    """Of an array with a ``norm`` axis, each optimizer's entry for its own family."""
    return values.where(values.norm == values.family).max("norm")


def said(values: xr.DataArray, digits: int = 2) -> str:
    """A one-dimensional array in words: "Muon 1.00, Adam 0.98"."""
    (dim,) = values.dims
    return ", ".join(
        f"{name} {float(value):.{digits}f}"
        for name, value in zip(values[dim].values, values.values, strict=True)
    )


def rate_sweep(ratios, eta0: float, beta: float = 0.9) -> list[Rule]:
    """Muon-Signum with rates of the given ratios (last layer over matrices); ``eta0`` is the
    matrices' first step at ratio 1.

    The rest scales so that all runs grow alike: the function depends on ``eta_M^2 eta_A``.
    """
    return [
        Rule(f"rho = {rho:g}", hybrid(float(rho)), eta0 * float(rho) ** (2 / 3), beta)
        for rho in ratios
    ]


def hybrid_margins(end: xr.Dataset, ratios) -> xr.Dataset:
    """The end of a ``rate_sweep`` of two-layer networks of degree 3, in the hybrid norms of all the
    ratios (dim ``sigma``).

    ``margin`` (rho, seed, sigma); ``balance`` = ||v|| / (rho ||W||) and ``product`` = q / (||W||^2
    ||v||), (rho, seed).
    """
    bare = (
        end[["block_norm", "min_margin"]]
        .reset_coords(drop=True)
        .rename(optimizer="rho")
        .assign_coords(rho=list(ratios))
    )
    sigma = xr.DataArray(list(ratios), coords={"sigma": list(ratios)})
    first = bare.block_norm.sel(block=0, kind="spectral", drop=True)
    last = bare.block_norm.sel(block=1, kind="linf", drop=True)
    margin = bare.min_margin / np.maximum(sigma * first, last) ** 3
    product = bare.min_margin / (first**2 * last)
    return xr.Dataset(
        {
            "margin": margin.transpose("rho", "seed", "sigma"),
            "balance": last / (bare.rho * first),
            "product": product,
        }
    )


def without_momentum(rules: list[Rule]) -> list[Rule]:
    """The same rules with every average of the gradient left out (Adam keeps that of the
    squares)."""
    return [
        replace(rule, momentum=0.0, betas=rule.betas and (0.0, rule.betas[1])) for rule in rules
    ]
