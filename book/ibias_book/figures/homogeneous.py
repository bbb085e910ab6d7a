"""Figures of the homogeneous chapters.  Reads xarray only."""

import numpy as np
import xarray as xr

from .. import words
from .style import FAINT, NORM_COLOURS, REFERENCE, canvas, legend_below, round_ticks

# a family has the colour of its norm in the rest of the book
FAMILY_COLOURS = {
    "l2": NORM_COLOURS["frobenius"],
    "linf": NORM_COLOURS["max"],
    "spectral": NORM_COLOURS["spectral"],
    "hybrid": "#CC79A7",
}
TITLES = {"l2": r"$\ell_2$", "linf": r"$\ell_\infty$", "spectral": "spectral", "hybrid": "hybrid"}
DASHES = ("-", "--", ":", "-.")
DECAYS = ("#E69F00", "#0072B2", "#009E73", "#444444")


def margin_maps(plain: xr.DataArray, balanced: xr.DataArray):
    """Two heat maps optimizer x margin, each column divided by its largest entry; the cells say the
    share."""
    fig, axes = canvas(1, 2, height=4.2, sharey=True)
    for ax, values, title in zip(
        axes[0], (plain, balanced), ("plain margin", "layer-balanced margin"), strict=True
    ):
        share = (
            (values.mean("seed") / values.mean("seed").max("optimizer"))
            .transpose("optimizer", "norm")
            .values
        )
        ax.imshow(share, cmap="Greens", vmin=0, vmax=1.2, aspect="auto")
        for (i, j), value in np.ndenumerate(share):
            ax.text(
                j,
                i,
                f"{value:.2f}",
                ha="center",
                va="center",
                fontsize=9,
                color="white" if value > 0.75 else "black",
            )
        ax.set_xticks(range(values.sizes["norm"]), [TITLES[str(n)] for n in values.norm.values])
        ax.set_yticks(range(values.sizes["optimizer"]), values.optimizer.values)
        ax.set_title(title)
        ax.grid(False)
    return fig


def against_step(
    panels: dict[str, xr.DataArray], *, ylabel: str, target: float | None = None, log: bool = False
):
    """Mean over seeds against the step, a panel per entry, a line per optimizer in its family's
    colour."""
    fig, axes = canvas(1, len(panels), height=3.2, sharey=True)
    for ax, (title, values) in zip(axes[0], panels.items(), strict=True):
        seen = {}
        for name in values.optimizer.values:
            one = values.sel(optimizer=name).where(values.step > 0, drop=True)
            family = str(one.family.values)
            seen[family] = seen.get(family, -1) + 1
            ax.plot(
                one.step,
                one.mean("seed"),
                color=FAMILY_COLOURS[family],
                ls=DASHES[seen[family]],
                label=str(name),
            )
        if target is not None:
            ax.axhline(target, color=FAINT, lw=0.8, ls=":")
        ax.set(xscale="log", yscale="log" if log else "linear", xlabel="step", title=title)
    axes[0, 0].set_ylabel(ylabel)
    handles, names = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, names, ncols=5, loc="outside lower center", fontsize=9)
    return fig


def audit_bounds(audit: xr.Dataset):
    """Left against right side of the audit inequality, a point per optimizer and seed; the diagonal
    is the bound."""
    fig, axes = canvas(1, 1, height=3.4)
    ax = axes[0, 0]
    for marker, name in zip("osD^vP*X", audit.optimizer.values, strict=False):
        one = audit.sel(optimizer=name)
        colour = FAMILY_COLOURS[str(one.family.values)]
        ax.scatter(one.right, one.left, color=colour, marker=marker, s=24, label=str(name))
    ends = [0, float(audit.right.max()) * 1.05]
    ax.plot(ends, ends, color=REFERENCE, lw=1, ls="--", label="bound")
    ax.set(
        xlabel=r"gained: $\log(\tilde\gamma_T/\tilde\gamma_{t_0})$", ylabel="spent on misalignment"
    )
    legend_below(fig, ax)
    return fig


def law(measured: xr.DataArray, predicted: xr.DataArray, *, xlabel: str, ylabel: str):
    """Measured against predicted with the diagonal: a marker per optimizer, a point per seed and
    step."""
    fig, axes = canvas(1, 1, height=3.4)
    ax = axes[0, 0]
    for marker, name in zip("osD^vP*X", measured.optimizer.values, strict=False):
        ax.scatter(
            predicted.sel(optimizer=name),
            measured.sel(optimizer=name),
            s=18,
            marker=marker,
            label=words.label(str(name)),
            alpha=0.8,
        )
    low, high = float(predicted.min()), float(predicted.max())
    ax.plot([low, high], [low, high], color=REFERENCE, lw=1, ls="--")
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.legend(fontsize=9)
    return fig


def loss_curves(runs: xr.Dataset, slopes: dict[str, float]):
    """log10 of the loss against the step; dashed, the steepest slope (per step, base e) each
    optimizer can sustain."""
    fig, axes = canvas(1, 1, height=3.4)
    ax, end = axes[0, 0], float(runs.step[-1])
    for name in runs.optimizer.values:
        one = runs.log_loss.sel(optimizer=name).mean("seed") / np.log(10)
        (line,) = ax.plot(one.step, one, label=words.label(str(name)))
        if str(name) in slopes:
            ax.plot(
                [0, end],
                [0, -slopes[str(name)] * end / np.log(10)],
                color=line.get_color(),
                ls="--",
                lw=1,
            )
    ax.set(
        xlabel="step",
        ylabel=r"$\log_{10}$ loss",
        ylim=(float(runs.log_loss.min()) / np.log(10) * 1.1, 1),
    )
    ax.legend(fontsize=9)
    return fig


def cusps(gamma: xr.DataArray, predicted: xr.DataArray):
    """Margin in the hybrid norm of ratio sigma (x) of runs with rates of ratio rho (lines); dashed,
    the predicted cusp at sigma = rho."""
    fig, axes = canvas(1, 1, height=3.4)
    ax = axes[0, 0]
    for rho in gamma.rho.values:
        (line,) = ax.plot(
            gamma.sigma,
            gamma.sel(rho=rho).mean("seed"),
            marker="o",
            ms=4,
            label=rf"$\rho = {rho:g}$",
        )
        ax.plot(predicted.sigma, predicted.sel(rho=rho), color=line.get_color(), ls="--", lw=0.9)
    ax.set(
        xscale="log",
        yscale="log",
        xlabel=r"ratio $\sigma$ of the norm that measures",
        ylabel="margin",
    )
    round_ticks(ax.xaxis)
    ax.legend(fontsize=9, title="rates of the run")
    return fig


def bars(values: xr.DataArray, *, ylabel: str):
    """Grouped bars over (setting, optimizer), mean over seeds, with the range of the seeds."""
    fig, axes = canvas(1, 1, height=3.4)
    ax, count = axes[0, 0], values.sizes["setting"]
    at = np.arange(values.sizes["optimizer"])
    for j, setting in enumerate(values.setting.values):
        one = values.sel(setting=setting)
        mean = one.mean("seed")
        spread = [mean - one.min("seed"), one.max("seed") - mean]
        ax.bar(
            at + (j - (count - 1) / 2) * 0.8 / count,
            mean,
            0.8 / count,
            yerr=np.array(spread),
            label=words.label(str(setting)),
            error_kw={"lw": 0.8},
        )
    ax.set_xticks(at, values.optimizer.values)
    ax.axhline(0, color=REFERENCE, lw=0.8)
    ax.set_ylabel(ylabel)
    legend_below(fig, ax)
    return fig


def trade_off(runs: xr.Dataset, margins: xr.DataArray):
    """Two margins against the fall of the loss, a line per optimizer: where a stability constant
    takes over."""
    fig, axes = canvas(1, margins.sizes["norm"], height=3.2)
    for ax, norm in zip(axes[0], margins.norm.values, strict=True):
        for name in margins.optimizer.values:
            loss = -runs.log_loss.sel(optimizer=name).mean("seed") / np.log(10)
            shown = margins.sel(optimizer=name, norm=norm).mean("seed")
            ax.plot(loss, shown, label=words.label(str(name)))
        ax.set(xlabel=r"$-\log_{10}$ loss", title=f"{TITLES[str(norm)]} margin")
        ax.set_ylim(bottom=0)
        ax.set_xlim(left=1)
    axes[0, 0].legend(fontsize=9)
    return fig


def in_balls(size: xr.DataArray, margin: xr.DataArray, radii):
    """Norm of the weights with the radii of their balls (left) and normalised margin (right)
    against the step, a line per optimizer; mean over seeds."""
    fig, axes = canvas(1, 2, height=3.0, sharex=True)
    for ax, values, label in zip(
        axes[0], (size, margin), ("norm of the weights", "normalised margin"), strict=True
    ):
        for name, colour in zip(values.optimizer.values, DECAYS, strict=False):
            one = values.sel(optimizer=name).mean("seed")
            ax.plot(one.step, one, label=str(name), color=colour)
        ax.set(xlabel="step", ylabel=label, xscale="symlog")
    for radius, colour in zip(radii, DECAYS, strict=False):
        axes[0, 0].axhline(radius, color=colour, lw=1, ls=":")
    axes[0, 0].set(ylim=(0, 1.5 * max(radii)))
    axes[0, 1].set(ylim=(0, 1.1 * float(margin.mean("seed").max())))
    handles, names = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, names, ncols=len(names), loc="outside lower center", fontsize=9)
    return fig
