"""Tables of a finished run: which family of optimizers wins which margin, with spread over seeds."""

import numpy as np
import xarray as xr

NORM_TITLES = {"l2": "l2", "linf": "l-infinity", "spectral": "max-spectral", "hybrid": "hybrid"}


def winning_ratio(gamma: xr.DataArray) -> xr.DataArray:
    """Per (norm, seed): the family's *worst* member over the best optimizer outside it, in the family's own margin.

    Above 1 the family wins.  ``gamma`` has dims (optimizer, seed, norm) and the coordinate ``family``.  Single optimizers cannot be
    ranked: several share a norm, and their margins overlap.
    """
    mine = gamma.norm == gamma.family
    return gamma.where(mine).min("optimizer") / gamma.where(~mine).max("optimizer")


def half_width(values: xr.DataArray) -> xr.DataArray:
    """Half of the 95 % t-interval of the mean over seeds (they share images, so they are not independent data sets)."""
    from scipy.stats import t

    n = values.sizes["seed"]
    return t.ppf(0.975, n - 1) * values.std("seed", ddof=1) / n**0.5


def at_loss(runs: xr.Dataset, loss: float = 1e-8) -> xr.Dataset:
    """The margins at the first crossing of a mean loss, interpolated in the logarithm of the loss, and the step of the crossing.

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
    mean, half = values.mean("seed"), half_width(values)
    best = mean.fillna(-np.inf).argmax("optimizer")
    rows = []
    for i, name in enumerate(mean.optimizer.values):
        cells = [_cell(float(mean[i, j]), float(half[i, j]), digits, int(best[j]) == i) for j in range(mean.sizes["norm"])]
        rows.append(f"| {name} | " + " | ".join(cells) + " |")
    head = "| optimizer | " + " | ".join(NORM_TITLES[str(n)] for n in mean.norm.values) + " |"
    return "\n".join([head, "|---" * (mean.sizes["norm"] + 1) + "|", *rows])


def _cell(mean, half, digits, bold):
    if np.isnan(mean):
        return "not reached"
    decimals = max(0, digits - 1 - int(np.floor(np.log10(abs(mean))))) if mean else digits
    text = f"{mean:.{decimals}f} ± {half:.{decimals}f}"
    return f"**{text}**" if bold else text


def balance(runs: xr.Dataset) -> xr.DataArray:
    """First block's norm over the last one's, each in its own kind: what saturation sends to 1 (l2: the squares, to 2 for degree 3).

    Dims as ``runs`` without blocks; only for two-layer models.
    """
    first, last = runs.block_norm.isel(block=0, drop=True), runs.block_norm.isel(block=-1, drop=True)
    kinds = {"l2": ("l2", "l2"), "linf": ("linf", "linf"), "spectral": ("spectral", "l2"), "hybrid": ("spectral", "linf")}
    own = [first.sel(kind=a, drop=True) / last.sel(kind=b, drop=True) for a, b in kinds.values()]
    ratio = xr.concat(own, "norm").assign_coords(norm=list(kinds))
    return xr.where(ratio.norm == "l2", ratio**2, ratio)


def own(values: xr.DataArray) -> xr.DataArray:
    """Of an array with a ``norm`` axis, each optimizer's entry for its own family."""
    return values.where(values.norm == values.family).max("norm")
