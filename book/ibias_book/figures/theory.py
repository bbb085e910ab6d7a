"""Figures of the chapters on lemmas, proofs, corrections and batch size one, from labelled data."""

import numpy as np
import xarray as xr

from .style import (
    FAINT,
    NORM_COLOURS,
    NORM_NAMES,
    REFERENCE,
    band,
    canvas,
    label_ends,
    legend_below,
)

TAGS = {"text": "#0072B2", "derived": "#E69F00", "sharper": "#009E73", "contradicts": "#D55E00"}
_BADGES = dict(
    zip(
        ("as in the paper", "derived here", "sharper than the paper", "contradicts the paper"),
        TAGS.values(),
        strict=True,
    )
)
_REPAIRS = {"none": "#D55E00", "momentum": "#0072B2", "VR": "#009E73", "both": "#444444"}


def slack(table: xr.Dataset):
    """Worst ratio lhs/rhs of every inequality, one row per statement, coloured by tag; 1 means
    attained."""
    rows = table.where(~table.identity.astype(bool), drop=True)
    numbers = list(dict.fromkeys(rows.statement.values))
    fig, axes = canvas(1, 1, height=0.2 * len(numbers) + 0.9)
    ax = axes[0, 0]
    for tag, colour in _BADGES.items():
        some = rows.where(rows.tag == tag, drop=True)
        if some.sizes["bound"]:
            height = [numbers.index(s) for s in some.statement.values]
            ax.plot(
                np.clip(some.slack, 1e-3, None),
                height,
                "o",
                color=colour,
                label=tag,
                ms=5,
                alpha=0.8,
            )
    ax.axvline(1, color=REFERENCE, lw=1)
    ax.set(
        xscale="log",
        xlabel="worst observed left side / right side",
        ylim=(len(numbers) - 0.5, -0.5),
        xlim=(8e-4, 1.3),
    )
    ax.set_yticks(range(len(numbers)), numbers, fontsize=8)
    ax.legend(loc="lower left")
    return fig


def errors(runs: xr.Dataset):
    """Measured and a-priori eps_t along one run per appendix; gamma dotted: below it the loss must
    fall. A run whose signal has no error is left out."""
    noisy = runs.isel(run=(runs.prior > 0).any("step").values)
    fig, axes = canvas(1, noisy.sizes["run"], height=2.7, sharey=True)
    for ax, run in zip(axes.flat, noisy.run.values, strict=True):
        one = noisy.sel(run=run).dropna("step", subset=["error"])
        ax.plot(one.step, one.prior, color=TAGS["derived"], label="a priori")
        ax.plot(one.step, one.error, color=TAGS["text"], lw=0.8, label="measured")
        ax.axhline(float(one.gamma), color=REFERENCE, ls=":", label=r"$\gamma$")
        ax.set_xscale("log")
        ax.set_yscale("symlog", linthresh=0.01)
        ax.set_ylim(bottom=0)
        ax.set_title(str(run), loc="left")
    legend_below(fig, axes[0, 0])
    _label(axes, "step", r"error $\varepsilon_t$")
    return fig


def losses(runs: xr.Dataset):
    """The loss of each run, the threshold log 2 / n, and the steps t_0 and t_1."""
    fig, axes = canvas(2, 2, height=2.3)
    for ax, run in zip(axes.flat, runs.run.values, strict=False):
        one = runs.sel(run=run).dropna("step", subset=["error"])
        ax.plot(one.step, one.loss, color=TAGS["text"])
        ax.axhline(float(one.threshold), color=REFERENCE, ls=":")
        ax.axvline(max(float(one.t0), 1), color=FAINT, ls="--", lw=1)
        ax.axvline(float(one.t1), color=TAGS["contradicts"], ls="--", lw=1)
        ax.set(xscale="log", yscale="log")
        ax.set_title(str(run), loc="left")
    _label(axes, "step", "loss")
    return fig


def floors(runs: xr.Dataset):
    """q(W_t) and its two lower bounds."""
    fig, axes = canvas(2, 2, height=2.3)
    for ax, run in zip(axes.flat, runs.run.values, strict=False):
        one = runs.sel(run=run).dropna("step", subset=["error"])
        ax.plot(one.step, one.margin, color=TAGS["text"], label="$q(W_t)$")
        ax.plot(one.step, one.measured_floor, color=TAGS["sharper"], label="floor, measured error")
        ax.plot(one.step, one.floor, color=TAGS["derived"], label="floor, a priori")
        ax.set_title(str(run), loc="left")
    legend_below(fig, axes[0, 0])
    _label(axes, "step", "minimum margin")
    return fig


def gaps(runs: xr.Dataset):
    """The margin gap rho - q/||W|| and the boxed bound, from t_1 on."""
    fig, axes = canvas(2, 2, height=2.3)
    for ax, run in zip(axes.flat, runs.run.values, strict=False):
        one = runs.sel(run=run).dropna("step", subset=["bound"])
        ax.plot(one.step, one.bound, color=TAGS["derived"], label="boxed bound")
        ax.plot(one.step, one.gap, color=TAGS["text"], label="measured gap")
        ax.axhline(float(one.rho), color=REFERENCE, ls=":", label=r"$\rho$")
        ax.axhline(0, color=FAINT, lw=0.6)
        ax.locator_params(axis="x", nbins=4)
        ax.set_title(str(run), loc="left")
    legend_below(fig, axes[0, 0])
    _label(axes, "step", r"$\rho - q/\Vert W\Vert$")
    return fig


def counterexamples(runs: xr.Dataset):
    """Minimum margin of the five counterexamples, plain and repaired; symmetric logarithmic axis
    around zero."""
    fig, axes = canvas(3, 2, height=2.2)
    for ax, name in zip(axes.flat, runs.example.values, strict=False):
        one = runs.sel(example=name)
        for repair, colour in _REPAIRS.items():
            band(
                ax,
                one.min_margin.sel(repair=repair),
                colour=colour,
                label={"none": "no repair"}.get(repair, repair),
            )
        ax.axhline(0, color=REFERENCE, lw=0.8)
        ax.set(xscale="log")
        ax.set_yscale("symlog", linthresh=0.1)
        ax.set_title(
            f"{name}: {NORM_NAMES[str(one.norm.values)]}, m = {int(one.batches)}", loc="left"
        )
    axes.flat[-1].set_axis_off()
    handles, labels = axes[0, 0].get_legend_handles_labels()
    axes.flat[-1].legend(handles, labels, loc="center", title="repair")
    for ax in axes[:, 0]:
        ax.set_ylabel("min margin $q(W_t)$")
    for ax in (axes[1, 1], axes[2, 0]):
        ax.set_xlabel("step")
    return fig


def half_batches(runs: xr.Dataset):
    """Minimum margin with two batches an epoch, one line per norm."""
    fig, axes = canvas(1, 1, height=2.8)
    ax, labels = axes[0, 0], {}
    for name in runs.optimizer.values:
        labels[band(ax, runs.min_margin.sel(optimizer=name), colour=NORM_COLOURS[str(name)])] = (
            NORM_NAMES[str(name)]
        )
    ax.axhline(0, color=REFERENCE, lw=0.8)
    ax.set(xscale="log", xlabel="step", ylabel="min margin $q(W_t)$")
    ax.set_yscale("symlog", linthresh=0.1)
    label_ends(ax, labels)
    return fig


def shares(grid: xr.Dataset):
    """The share of gamma that the momentum theorem keeps, version 1 (dashed) and sharper (solid),
    against 1 - beta."""
    fig, axes = canvas(1, 1, height=3.0)
    ax, labels = axes[0, 0], {}
    colours = ["#0072B2", "#009E73", "#E69F00", "#D55E00", "#CC79A7"]
    for colour, m in zip(colours, grid.batches.values, strict=True):
        one = grid.share.sel(batches=m)
        ax.plot(1 - grid.momentum, one.sel(form="paper").clip(-1), color=colour, ls="--", lw=1)
        (line,) = ax.plot(1 - grid.momentum, one.sel(form="sharper").clip(-1), color=colour)
        ax.plot([], [], color=colour, label=f"m = {m}")
        labels[line] = f"m = {m}"
    ax.axhline(0, color=REFERENCE, lw=0.8)
    ax.set(
        xscale="log", xlabel=r"$1-\beta$", ylabel=r"effective margin / $\gamma$", ylim=(-1, 1.05)
    )
    ax.legend(loc="lower left")
    return fig


def per_sample(runs: xr.Dataset, families: dict[str, str]):
    """Figure 2: relative margin errors in three norms (left) and cosines to the bias and the
    max-margin direction (right), a row per method."""
    fig, axes = canvas(len(families), 2, height=2.4, sharex=True)
    for row, (name, text) in zip(axes, families.items(), strict=True):
        one = runs.sel(optimizer=name)
        for norm in one.measured.values:
            dashes = "--" if norm == "spectral" else "-"  # it nearly hides the Frobenius line
            band(
                row[0],
                one.error.sel(measured=norm),
                colour=NORM_COLOURS[str(norm)],
                label=NORM_NAMES[str(norm)],
                dashes=dashes,
            )
        row[0].set(xscale="log", ylabel="relative margin error", ylim=(0, 1.1))
        row[0].set_title(text, loc="left")
        band(
            row[1],
            one.cosine.sel(direction="bias"),
            colour="#0072B2",
            label=r"bias matrix $\bar W$",
        )
        band(
            row[1],
            one.cosine.sel(direction="max margin"),
            colour="#009E73",
            label="max-margin $W^*$",
        )
        row[1].set(xscale="log", ylabel="cosine", ylim=(0, 1.03))
        row[1].legend(loc="lower right")
    axes[0, 0].legend(loc="lower right")
    for ax in axes[-1]:
        ax.set_xlabel("iterations")
    return fig


def explicit_rate(runs: xr.Dataset, families: dict[str, str]):
    """Distance of the directions from the bias matrix and its explicit bound, one panel per
    method."""
    fig, axes = canvas(1, len(families), height=2.6, sharey=True)
    for ax, (name, text) in zip(axes[0], families.items(), strict=True):
        one = runs.sel(optimizer=name)
        band(ax, one.distance, colour="#0072B2", label="measured")
        ax.plot(one.step, one.bound, color=TAGS["derived"], label="explicit bound")
        ax.set(xscale="log", yscale="log", xlabel="iterations")
        ax.set_title(text, loc="left")
    axes[0, 0].set_ylabel(r"distance to $\bar W$ direction")
    legend_below(fig, axes[0, 0])
    return fig


def warm_up(run: xr.Dataset):
    """Left: log of the loss ratio under its corrected bound. Right: version 1's ratio, which would
    have to stay below 1. Of every method the seed that is worst at that step."""
    fig, axes = canvas(1, 2, height=3.1)
    axes[0, 0].plot(
        run.step,
        run.bound,
        color=REFERENCE,
        ls="--",
        label=r"bound $2R\,(\eta_0+\dots+\eta_{t-1})$",
    )
    for colour, name in zip(("#0072B2", "#009E73", "#D55E00"), run.recipe.values, strict=True):
        one = run.sel(recipe=name).max("seed")
        axes[0, 0].plot(run.step, one.change, color=colour, label=str(name))
        axes[0, 1].plot(run.step, one.difference, color=colour)
    axes[0, 0].set(ylabel=r"$\log L(W_t)/L(W_0)$")
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    axes[0, 1].axhline(1, color=REFERENCE, ls=":")
    axes[0, 1].set(yscale="log", ylabel="change of the loss / bound")
    for ax in axes[0]:
        ax.set_xlabel("step")
    return fig


def _label(axes, below, left):
    for ax in axes[-1]:
        ax.set_xlabel(below)
    for ax in axes[:, 0]:
        ax.set_ylabel(left)
