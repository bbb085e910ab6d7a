"""Networks from one trained point: the shipped ensembles against parameter-free predictions, mode
by mode."""

from functools import cache

import numpy as np
import xarray as xr

from ...batches import batches_per_epoch
from .. import closure
from ..exponents import fit_exponent, growth_exponents, universal_curve
from ..replicas import run_replicas
from ..sampling import RESHUFFLING
from ..shipped import BATCH, ETAS, REPLICAS, SEEDS, Point, Run, shipped_statistics
from ..statistics import frame_at

# Classes of modes by x = eta lambda T.
CLASSES = {
    "x > 10": (10, np.inf),
    "3 to 10": (3, 10),
    "1 to 3": (1, 3),
    "0.3 to 1": (0.3, 1),
    "x < 0.3": (1e-6, 0.3),
}


@cache
def point_statistics(kind: str, seed: int):
    """Shipped noise statistics of a shipped point, kept for the rest of the session."""
    return shipped_statistics(Point(kind, seed))


def independent_run(kind: str, seed: int, eta: float) -> xr.Dataset:
    """Every noisy mode with replacement (step, mode): variance measured, predicted by the closure,
    with a frozen Hessian, and stationary.

    ``z`` compares with the closure on the Gaussian standard error v sqrt(2/(R - 1)); ``x`` = eta
    lambda T.
    """
    statistics = point_statistics(kind, seed)
    measured = Run(Point(kind, seed), "wr", eta).load()
    record = measured.step.values
    full = closure.predict_variance(statistics, eta, BATCH, record).variance
    frozen = closure.predict_variance(statistics, eta, BATCH, record, fluctuating=False).variance
    settled = closure.stationary_variance(statistics, eta, BATCH)
    kept = measured.assign(
        closure=full,
        frozen=frozen,
        stationary=("mode", settled),
        curvature=("mode", statistics.curvature),
        x=("mode", eta * record[-1] * statistics.curvature),
        z=(measured.variance / full - 1) / np.sqrt(2 / (REPLICAS - 1)),
    )
    return kept.isel(mode=statistics.noisy)


def agreement(runs: list[xr.Dataset]) -> xr.Dataset:
    """One row per run at its last step: share of modes with |z| < 4 and within a factor 1.5, median
    log10 ratio, log-correlations."""
    rows = []
    for run in runs:
        last = run.isel(step=-1)
        log = {
            name: np.log10(last[name].values)
            for name in ("variance", "closure", "frozen", "stationary")
        }
        ratio = log["variance"] - log["closure"]
        top = np.argsort(-np.abs(last.curvature.values))[:48]
        kept = {
            "within_4": float((np.abs(last.z) < 4).mean()),
            "within_factor": float((np.abs(ratio) < np.log10(1.5)).mean()),
            "median_log_ratio": float(np.median(ratio)),
            "correlation_closure": np.corrcoef(log["variance"], log["closure"])[0, 1],
            "correlation_frozen": np.corrcoef(log["variance"], log["frozen"])[0, 1],
            "correlation_stationary": np.corrcoef(log["variance"], log["stationary"])[0, 1],
            "correlation_stationary_top": np.corrcoef(log["variance"][top], log["stationary"][top])[
                0, 1
            ],
            "stationary_within_factor": float(
                (np.abs(log["variance"] - log["stationary"]) < np.log10(1.5)).mean()
            ),
        }
        rows.append(
            xr.Dataset(kept).assign_coords(run=f"{run.network}, seed {run.seed}, eta {run.eta:g}")
        )
    return xr.concat(rows, "run")


def independent_runs(kinds=("digits", "text"), etas=ETAS[:2], seeds=SEEDS) -> list[xr.Dataset]:
    """``independent_run`` for every kind, seed and step size."""
    return [independent_run(kind, seed, eta) for kind in kinds for seed in seeds for eta in etas]


def time_exponents(run: xr.Dataset) -> xr.Dataset:
    """Growth exponent of every mode over the last three quarters of a run: measured, from the
    closure, and on the universal curve."""
    late = run.sel(step=run.step[run.step >= run.step[-1] // 4])
    fractions = late.step.values / late.step.values[-1]
    kept = {
        "measured": (
            "mode",
            growth_exponents(late.step.values, late.variance.values, run.replicas),
        ),
        "closure": ("mode", growth_exponents(late.step.values, late.closure.values, run.replicas)),
        "universal": ("mode", universal_curve(np.maximum(run.x.values, 1e-9), fractions)),
        "x": ("mode", run.x.values),
    }
    return xr.Dataset(kept, attrs=run.attrs)


def class_exponents(runs: list[xr.Dataset]) -> xr.Dataset:
    """Mean exponent of each class of modes, measured and from the closure (run, class), with the
    spread over modes; nan for empty classes."""
    rows = []
    for run in runs:
        found = time_exponents(run)
        table = {
            name: np.full(len(CLASSES), np.nan)
            for name in ("measured", "closure", "spread", "count")
        }
        for i, (low, high) in enumerate(CLASSES.values()):
            inside = (found.x.values > low) & (found.x.values <= high)
            table["count"][i] = inside.sum()
            if inside.any():
                table["measured"][i], table["closure"][i] = (
                    found.measured.values[inside].mean(),
                    found.closure.values[inside].mean(),
                )
                table["spread"][i] = found.measured.values[inside].std()
        rows.append(
            xr.Dataset({k: ("class", v) for k, v in table.items()}).assign_coords(
                run=f"{run.network}, seed {run.seed}, eta {run.eta:g}"
            )
        )
    return xr.concat(rows, "run").assign_coords({"class": list(CLASSES)})


def eta_exponents(kind: str, scheme: str, seeds=SEEDS) -> xr.Dataset:
    """Exponents of the variance in eta at fixed step and at fixed time tau = eta t, flat (x < 0.3)
    and confined (x > 10) modes (seed, quantity).

    Median over the modes of a class; ``error`` is the spread over its modes; nan when no mode
    qualifies.
    """
    names = ["flat, fixed t", "flat, fixed tau", "confined"]
    value, error = np.full((len(seeds), 3), np.nan), np.full((len(seeds), 3), np.nan)
    for i, seed in enumerate(seeds):
        statistics = point_statistics(kind, seed)
        loaded = [
            Run(Point(kind, seed), scheme, eta).load().isel(mode=statistics.noisy).variance
            for eta in ETAS
        ]
        curvature = statistics.curvature[statistics.noisy]
        last = int(loaded[0].step[-1])
        by_step = np.stack([run.sel(step=last) for run in loaded])
        by_time = np.stack(
            [
                run.sel(step=round(last * ETAS[0] / eta))
                for run, eta in zip(loaded, ETAS, strict=True)
            ]
        )
        flat = (curvature > 0) & (curvature * ETAS[-1] * last < 0.3)
        # Under reshuffling the ends of epochs settle like the rest: x > 10 at the smallest step
        # size.
        confined = curvature * ETAS[0] * last > 10
        for j, (table, inside) in enumerate(
            ((by_step, flat), (by_time, flat), (by_step, confined))
        ):
            slopes = [fit_exponent(ETAS, column).value for column in table[:, inside].T]
            if slopes:
                value[i, j], error[i, j] = np.median(slopes), np.std(slopes)
    return xr.Dataset(
        {"value": (("seed", "quantity"), value), "error": (("seed", "quantity"), error)},
        {"seed": list(seeds), "quantity": names},
    )


def reshuffled_run(kind: str, seed: int, eta: float) -> xr.Dataset:
    """Every noisy mode reshuffled, at epoch ends: variance measured and predicted without a
    parameter (step, mode), drift at the end."""
    statistics = point_statistics(kind, seed)
    run = Run(Point(kind, seed), "rr", eta)
    m = batches_per_epoch(statistics.n, BATCH)
    measured = run.load()
    ends = measured.sel(step=measured.step[measured.step % m == 0])
    predicted = closure.predict_reshuffled(statistics, eta, BATCH, ends.step.values // m)
    kept = ends.assign(
        predicted=predicted.variance,
        predicted_mean=predicted["mean"].isel(step=-1, drop=True),
        curvature=("mode", statistics.curvature),
    )
    return kept.isel(mode=statistics.noisy)


def one_epoch(etas=(0.0125, 0.025), kind="digits", seed=0, replicas=2048) -> xr.Dataset:
    """One reshuffled epoch, run now: measured over predicted variance of every noisy mode (eta,
    mode)."""
    point, statistics = Point(kind, seed), point_statistics(kind, seed)
    network, theta = point.network(), point.load()
    frame = frame_at(network, theta)
    m = batches_per_epoch(network.n, BATCH)
    rows = []
    for eta in etas:
        found = run_replicas(
            network, theta, frame.vectors, eta, RESHUFFLING, BATCH, m, [m], range(replicas)
        )
        predicted = closure.predict_reshuffled(statistics, eta, BATCH, [1]).variance
        rows.append(
            xr.Dataset(
                {"measured": found.variance[0], "predicted": predicted[0]}, attrs={}
            ).drop_vars("step")
        )
    found = xr.concat(rows, "eta").assign_coords(eta=list(etas)).isel(mode=statistics.noisy)
    return found.assign(
        curvature=("mode", statistics.curvature[statistics.noisy]),
        ratio=found.measured / found.predicted,
    ).assign_attrs(replicas=replicas)


def drift(kind: str, seed: int, eta: float) -> xr.Dataset:
    """Mean displacement of the flat modes (x < 0.3): with replacement against the entropic force,
    and slope and correlation of the comparison."""
    statistics, point = point_statistics(kind, seed), Point(kind, seed)
    run = Run(point, "wr", eta)
    loaded = run.load()
    measured, error = loaded["mean"].values, np.sqrt(loaded.variance.values[-1] / REPLICAS)
    network, theta = point.network(), point.load()
    predicted = closure.entropic_drift(
        network, theta, frame_at(network, theta), eta, BATCH, run.steps
    )
    flat = (
        statistics.noisy
        & (statistics.curvature * eta * run.steps < 0.3)
        & (statistics.curvature > 0)
    )
    x, y, e = predicted[flat], measured[flat], error[flat]
    # Modes are taken as independent here: a lower bound, since the noise is not diagonal in this
    # basis.
    slope_error = np.sqrt((x**2 * e**2).sum()) / (x**2).sum()
    kept = {
        "measured": ("mode", y),
        "predicted": ("mode", x),
        "error": ("mode", e),
        **line_fit(x, y),
        "slope_error": slope_error,
    }
    return xr.Dataset(kept, attrs={"eta": eta, "network": kind, "seed": seed})


def line_fit(predicted, measured) -> dict:
    """Slope through the origin and correlation."""
    return {
        "slope": predicted @ measured / (predicted @ predicted),
        "correlation": np.corrcoef(predicted, measured)[0, 1],
    }
