"""Figures of networks under mini-batch noise: predictions mode by mode, growth exponents,
reshuffling, drift.  Reads xarray only."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from ..words import label
from .style import FAINT, REFERENCE, canvas, legend_above, plain_powers

MEASURED, STATIONARY, EXACT = "#0072B2", "#E69F00", "#0072B2"
NETS = {
    "digits": "#0072B2",
    "text": "#009E73",
    "digits-weak": "#CC79A7",
    "digits-early": "#56B4E9",
    "text-early": "#E69F00",
}


def predicted_and_measured(panels: Sequence[xr.Dataset]):
    """Measured against predicted variance of every noisy mode at the last step: stationary formula
    (orange) and finite-time closure (blue)."""
    fig, axes = canvas(-(-len(panels) // 2), 2, height=3.0)
    for ax, run in zip(axes.flat, panels, strict=False):
        last = run.isel(step=-1)
        ax.loglog(
            last.stationary,
            last.variance,
            ".",
            ms=4,
            color=STATIONARY,
            label="stationary $\\eta c/2|\\lambda|$",
        )
        ax.loglog(last.closure, last.variance, ".", ms=4, color=EXACT, label="finite time")
        ends = [float(last.variance.min()), float(last.variance.max())]
        ax.plot(ends, ends, color=REFERENCE, lw=0.8)
        plain_powers(ax)
        ax.set(
            title=f"{label(run.network)}, $\\eta={run.eta:g}$, $t = {int(last.step)}$",
            xlabel="predicted variance",
            ylabel="measured variance",
        )
    axes[0, 0].legend(fontsize=8)
    return fig


def z_values(points: xr.Dataset):
    """z of every noisy mode of every run at its last step against eta lambda t; the gate is at
    4."""
    fig, axes = canvas(1, 1, height=2.7)
    ax = axes[0, 0]
    for name in dict.fromkeys(points.network.values):
        rows = points.where((points.network == name) & (points.x > 1e-4), drop=True)
        ax.semilogx(rows.x, rows.z, ".", ms=3, color=NETS[str(name)], alpha=0.6, label=label(name))
    ax.axhspan(-4, 4, color=FAINT, alpha=0.12, lw=0)
    ax.set(xlabel="$\\eta\\lambda t$", ylabel="$z$ of the variance")
    legend_above(ax, columns=2)
    return fig


def universal(points: Sequence[xr.Dataset]):
    """Growth exponent of every mode of every run against eta lambda T: one crossover curve, not two
    classes."""
    fig, axes = canvas(1, 1, height=3.2)
    ax = axes[0, 0]
    for run in points:
        shown = run.where(run.x > 1e-3, drop=True).sortby("x")
        ax.semilogx(shown.x, shown.measured, ".", ms=3, alpha=0.5, color=NETS[run.network])
    ax.semilogx(shown.x, shown.universal, "k", lw=1.4, label="$1-e^{-2xs},\\ s\\in[1/4,1]$")
    for name in dict.fromkeys(run.network for run in points):
        ax.plot([], [], "o", ms=4, color=NETS[name], label=label(name))
    ax.set(xlabel="$x=\\eta\\lambda T$", ylabel="growth exponent in $t$", ylim=(-0.6, 1.6))
    ax.legend(fontsize=9)
    return fig


def eta_exponents(found: xr.Dataset):
    """Exponents in eta over (network, scheme, seed, quantity) with the spread over modes, and
    theory as ticks."""
    fig, axes = canvas(1, found.sizes["scheme"], height=3.0)
    for ax, scheme in zip(axes[0], found.scheme.values, strict=False):
        for shift, network in zip((-0.2, 0.0, 0.2), found.network.values, strict=False):
            for j, seed in enumerate(found.seed.values):
                row = found.sel(scheme=scheme, network=network, seed=seed)
                place = np.arange(found.sizes["quantity"]) + shift + 0.05 * (j - 1)
                ax.errorbar(
                    place,
                    row.value,
                    row.error,
                    fmt="o",
                    ms=3.5,
                    lw=1,
                    color=NETS[str(network)],
                    label=label(str(network)) if j == 0 else None,
                )
        ax.plot(
            range(found.sizes["quantity"]), found.theory.sel(scheme=scheme), "k_", ms=34, mew=1.2
        )
        ax.set(
            title=str(scheme), xticks=range(found.sizes["quantity"]), ylabel="exponent in $\\eta$"
        )
        ax.set_xticklabels(
            [label(q).replace(", ", "\n") for q in found.quantity.values], fontsize=9
        )
    axes[0, 0].legend(fontsize=8)
    return fig


def reshuffled(runs: Sequence[xr.Dataset], epoch: xr.Dataset):
    """Left: reshuffled variance after a hundred epochs, measured against parameter-free. Right: one
    epoch, ratio of the two as eta goes to 0."""
    fig, axes = canvas(1, 2, height=3.0)
    left, right = axes[0]
    for run in runs:
        last = run.isel(step=-1)
        left.loglog(last.predicted, last.variance, ".", ms=3, color=NETS[run.network])
    ends = [
        min(float(r.predicted[-1].min()) for r in runs),
        max(float(r.predicted[-1].max()) for r in runs),
    ]
    left.plot(ends, ends, color=REFERENCE, lw=0.8)
    left.set(xlabel="predicted variance", ylabel="measured variance", title="100 epochs")
    for eta, colour in zip(epoch.eta.values, ("#009E73", "#D55E00", "#0072B2"), strict=False):
        right.semilogx(
            epoch.curvature,
            epoch.ratio.sel(eta=eta),
            ".",
            ms=4,
            color=colour,
            label=f"$\\eta={eta:g}$",
        )
    right.axhline(1, color=REFERENCE, lw=0.8)
    right.set(xlabel="curvature $\\lambda_i$", ylabel="measured / predicted")
    legend_above(right)
    return fig


def drifts(independent: xr.Dataset, shuffled: xr.Dataset):
    """Mean displacement against its parameter-free prediction: entropic force with replacement,
    -(eta^2 m/2) E[H_B b_B] per epoch reshuffled."""
    fig, axes = canvas(1, 2, height=3.0)
    for ax, measured, predicted, title in (
        (axes[0, 0], independent.measured, independent.predicted, "with replacement, flat modes"),
        (axes[0, 1], shuffled["mean"], shuffled.predicted_mean, "random reshuffling, all modes"),
    ):
        ax.plot(predicted, measured, ".", ms=4, color=MEASURED)
        ends = [float(predicted.min()), float(predicted.max())]
        ax.plot(ends, ends, color=REFERENCE, lw=0.8)
        ax.locator_params(nbins=5)
        ax.ticklabel_format(scilimits=(-2, 2))
        ax.set(title=title, xlabel="predicted mean", ylabel="measured mean")
    return fig
