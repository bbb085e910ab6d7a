"""Figures of the third paper's own experiments.  Reads xarray only."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from .style import REFERENCE, canvas, legend_below, plain_powers

STATIONARY, PATH = "#E69F00", "#0072B2"
GROUPS = {"flattest": "#CC79A7", "flattest noisy": "#009E73", "sharpest": "#0072B2"}


def _diagonal(ax, values):
    ends = [float(values.min()), float(values.max())]
    ax.plot(ends, ends, color=REFERENCE, lw=0.8)


def every_mode(runs: Sequence[xr.Dataset]):
    """Measured against predicted variance of every noisy mode of MLP-386, both ways of drawing
    batches: stationary formula and the one along the path."""
    fig, axes = canvas(1, 2, height=3.2)
    left, right = axes[0]
    for run in runs:
        shown = run.where(run.noise > 1e-12 * run.noise.max(), drop=True)
        left.loglog(shown.stationary, shown.independent, ".", ms=2.5, color=STATIONARY)
        for ax, name in ((left, "independent"), (right, "reshuffled")):
            ax.loglog(shown[f"{name}_predicted"], shown[name], ".", ms=2.5, color=PATH)
    _diagonal(left, shown.independent)
    _diagonal(right, shown.reshuffled)
    left.plot([], [], "o", ms=4, color=STATIONARY, label="stationary")
    left.plot([], [], "o", ms=4, color=PATH, label="along the path")
    left.legend(fontsize=9)
    left.set(title="with replacement", xlabel="predicted variance", ylabel="measured variance")
    right.set(title="reshuffled, epoch's end", xlabel="predicted variance")
    return fig


def step_sizes(run: xr.Dataset):
    """Late variance of the flat and of the sharp directions against the step size,
    measured and predicted; crosses: the eight flattest in single precision."""
    fig, axes = canvas(1, 2, height=3.1)
    left, right = axes[0]
    for group in ("flattest", "flattest noisy"):
        values = run.plateau.sel(group=group)
        left.loglog(run.eta, values.sel(of="measured"), "o", ms=5, color=GROUPS[group], label=group)
    left.loglog(run.eta, values.sel(of="predicted"), color=GROUPS[group], lw=1)
    single = run.single.sel(number="plateau")
    left.loglog(run.eta, single, "x", ms=6, color=GROUPS["flattest"], label="flattest, float32")
    values = run.plateau.sel(group="sharpest")
    colour = GROUPS["sharpest"]
    right.loglog(run.eta, values.sel(of="measured"), "o", ms=5, color=colour, label="sharpest")
    right.loglog(run.eta, values.sel(of="predicted"), color=colour, lw=1)
    for ax in (left, right):
        ax.set(xlabel="$\\eta$", ylabel="late variance")
        ax.legend(fontsize=8.5)
        ax.set_xticks(run.eta.values, [f"{eta:g}" for eta in run.eta.values], minor=False)
        ax.minorticks_off()
    return fig


def transformer(runs: Sequence[xr.Dataset]):
    """Measured against predicted variance of the transformer's 48 top modes (left) and of all that
    have noise (right): stationary formula and the one along the path."""
    fig, axes = canvas(1, 2, height=3.1)
    for ax, count, title in zip(axes[0], (48, None), ("top 48", "all noisy modes"), strict=True):
        for run in runs:
            shown = run.where(run.path > 1e-12 * run.path.max(), drop=True)
            order = np.argsort(-np.abs(shown.curvature.values))[:count]
            shown = shown.isel(mode=order)
            ax.loglog(shown.stationary, shown.variance, ".", ms=3, color=STATIONARY)
            ax.loglog(shown.path, shown.variance, ".", ms=3, color=PATH)
        _diagonal(ax, shown.variance)
        ax.set(title=title, xlabel="predicted variance")
        plain_powers(ax)
    axes[0, 0].set_ylabel("measured variance")
    axes[0, 0].plot([], [], "o", ms=4, color=STATIONARY, label="stationary")
    axes[0, 0].plot([], [], "o", ms=4, color=PATH, label="along the path")
    legend_below(fig, axes[0, 0])
    return fig
