"""What the paper says beside what was measured: ratios with their standard errors, and a table."""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from .. import families


def estimate(ratio: xr.DataArray) -> xr.Dataset:
    """Of ratios over seeds: geometric ``mean``, its standard ``error`` and the lower end ``low`` of
    its 95 % t-interval, from their logarithms; ``runs`` counts the seeds that have one."""
    from scipy.stats import t

    logs = np.log(ratio)
    runs = logs.count("seed")
    mean = np.exp(logs.mean("seed"))
    error = logs.std("seed", ddof=1) / runs**0.5
    quantile = xr.apply_ufunc(t.ppf, 0.975, runs - 1)
    return xr.Dataset(
        {"mean": mean, "error": mean * error, "low": mean * np.exp(-quantile * error), "runs": runs}
    )


def finished(results: xr.Dataset) -> xr.Dataset:
    """The results with nothing left of a run that did not reach the loss."""
    reached = results.reached.notnull()
    of_runs = [name for name, value in results.data_vars.items() if "seed" in value.dims]
    return results.assign({name: results[name].where(reached) for name in of_runs})


def own_norm(gamma: xr.DataArray) -> xr.Dataset:
    """Per norm: the family's worst member over the best outsider, seed by seed; of seeds that every
    optimizer has finished."""
    whole = gamma.notnull().all(["optimizer", "norm"])
    return estimate(families.winning_ratio(gamma).where(whole))


def between(gamma: xr.DataArray, norm: str, one: str, other: str) -> xr.Dataset:
    """Of two optimizers in one norm."""
    there = gamma.sel(norm=norm, drop=True).drop_vars("family")
    return estimate(there.sel(optimizer=one, drop=True) / there.sel(optimizer=other, drop=True))


def descent_second(gamma: xr.DataArray) -> xr.Dataset:
    """In the max-spectral margin: the worse of the two gradient descents over the best of the
    optimizers of the sign and hybrid families."""
    there = gamma.sel(norm="spectral", drop=True)
    descent = there.where(there.family == "l2").min("optimizer")
    others = there.where(~there.family.isin(["l2", "spectral"])).max("optimizer")
    return estimate((descent / others).where(there.notnull().all("optimizer")))


def above_one(estimates: xr.Dataset) -> bool:
    """Whether every 95 % interval lies above 1; one without two runs does not."""
    return bool((estimates.low > 1).all())


def told(estimates: xr.Dataset) -> str:
    """ "3.4 ± 0.1", after its name where there are several: l2, l-infinity ..."""
    if not estimates["mean"].dims:
        return _number(float(estimates["mean"]), float(estimates.error))
    (dim,) = estimates["mean"].dims
    names = [families.NORM_TITLES.get(str(name), str(name)) for name in estimates[dim].values]
    values = zip(names, estimates["mean"].values, estimates.error.values, strict=True)
    return ", ".join(f"{name} {_number(mean, error)}" for name, mean, error in values)


def _number(mean: float, error: float) -> str:
    if not np.isfinite(error):
        return "not measured"
    decimals = max(0, 1 - int(np.floor(np.log10(error)))) if error else 2
    return f"{mean:.{decimals}f} ± {error:.{decimals}f}"


def average(values: xr.DataArray) -> xr.Dataset:
    """Plain ``mean`` and standard ``error`` over seeds."""
    return xr.Dataset(
        {
            "mean": values.mean("seed"),
            "error": values.std("seed", ddof=1) / values.count("seed") ** 0.5,
        }
    )


@dataclass(frozen=True)
class Row:
    """A published statement, what was measured on MNIST and on the digits, and the verdict of the
    claim made of it."""

    says: str
    mnist: str
    digits: str
    verdict: str


def table(rows: list[Row]) -> str:
    """Markdown, verdicts in their colours."""
    head = "| the paper says | MNIST here | digits here | verdict on MNIST |\n|---|---|---|---|"
    lines = [f"| {r.says} | {r.mnist} | {r.digits} | {_coloured(r.verdict)} |" for r in rows]
    return "\n".join([head, *lines])


def _coloured(verdict: str) -> str:
    slug = verdict.replace(" ", "-")
    return f'<strong class="ibias-verdict verdict-{slug}">{verdict}</strong>'


def runs_table(results: xr.Dataset) -> str:
    """Markdown, one line per optimizer: first step, steps to the loss, and how the runs end, as
    means over seeds."""
    heads = {
        "optimizer": "optimizer",
        "eta0": "first step",
        "reached": "steps to the loss",
        "alignment": "alignment r",
        "own_kkt": "stationarity A",
        "second_half": "least cosine, second half",
    }
    lines = []
    for name in results.optimizer.values:
        one = results.sel(optimizer=name)
        missing = int(one.reached.isnull().sum())
        span = f"{float(one.reached.min()):.0f} to {float(one.reached.max()):.0f}"
        cells = [
            str(name),
            f"{2 ** (float(one.k) / 4):.4f}",
            span + (f", {missing} never" if missing else ""),
            *(_mean(one[key]) for key in ("alignment", "own_kkt", "second_half")),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    head = "| " + " | ".join(heads.values()) + " |"
    return "\n".join([head, "|---" * len(heads) + "|", *lines])


def _mean(values: xr.DataArray) -> str:
    both = average(values)
    error = f" ± {float(both.error):.4f}" if np.isfinite(both.error) else ""
    return f"{float(both['mean']):.4f}{error}"


def least(estimates: xr.Dataset) -> str:
    """The smallest mean of several, by name, with its standard error."""
    at = int(estimates["mean"].argmin("optimizer"))
    one = estimates.isel(optimizer=at)
    return f"{one.optimizer.item()} {_number(float(one['mean']), float(one.error))}"


def share_above(values: xr.DataArray, level: float) -> xr.DataArray:
    """Per optimizer: the first share of the run from which the mean over seeds stays above
    ``level``."""
    mean = values.mean("seed")
    below = mean <= level
    last_below = (below * mean.share).max("share")
    return mean.share.where(mean.share > last_below).min("share")


def reached(results: xr.Dataset) -> str:
    """How many of the runs reached the loss, and which did not, in a sentence."""
    missing = results.reached.isnull().stack(run=["optimizer", "seed"])
    lost = [f"{name} (seed {seed})" for name, seed in missing.run.values[missing.values]]
    total = results.reached.size
    if not lost:
        return f"all {total} runs reach the loss."
    return f"{total - len(lost)} of {total} runs reach the loss; not {', '.join(lost)}."


def longer_steps(results: xr.Dataset) -> xr.DataArray:
    """Per optimizer: the own margin of the pilot's run with the longer first step over that with
    the chosen one."""
    own = families.own(results.pilot_gamma)
    return own.isel(longer=1, drop=True) / own.isel(longer=0, drop=True)
