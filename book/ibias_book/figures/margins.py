"""Figures about margins in the limit: rates, batch sizes, momentum, and what a theorem certifies.
Reads xarray only."""

import numpy as np
import xarray as xr

from .. import words
from .style import (
    FAINT,
    NORM_COLOURS,
    NORM_NAMES,
    REFERENCE,
    band,
    batch_colours,
    canvas,
    label_ends,
)


def gap_rates(found: xr.Dataset):
    """Measured gaps (one line per data set) with the promised slope drawn through them: a panel per
    step exponent."""
    fig, axes = canvas(-(-found.sizes["a"] // 2), 2, height=2.6, sharex=True)
    for ax, a in zip(axes.flat, found.a.values, strict=False):
        for norm in found.norm.values:
            lines = found.gap.sel(a=a, norm=norm)
            ax.plot(found.step, lines.T, color=NORM_COLOURS.get(str(norm), REFERENCE), lw=0.9)
            ax.plot(
                [],
                [],
                color=NORM_COLOURS.get(str(norm), REFERENCE),
                label=NORM_NAMES.get(str(norm), str(norm)),
            )
        late = found.step.values[found.step.values >= found.step.values[-1] / 30]
        start = float(found.gap.sel(a=a, step=late[0]).max()) * 1.6
        drop = np.log(late) / np.log(late[0]) if a == 1 else late / late[0]
        promise = float(found.promised.sel(a=a))
        ax.plot(late, start * drop**promise, color="k", ls="--", lw=1.6)
        word = "1/log t" if a == 1 else f"$t^{{{promise:g}}}$"
        ax.annotate(
            f"promised: {word}",
            (late[0], start),
            xytext=(0, 4),
            textcoords="offset points",
            ha="left",
            va="bottom",
            fontsize=10,
        )
        ax.set(xscale="log", yscale="log", title=f"a = {a:g}")
        ax.yaxis.set_minor_formatter("")
    for ax in axes[:, 0]:
        ax.set_ylabel("relative margin error")
    for ax in axes[-1]:
        ax.set_xlabel("iterations")
    axes[0, 0].legend(loc="lower left", frameon=False)
    return fig


def error_by_batch(end: xr.DataArray, *, promise: xr.DataArray | None = None):
    """Final error against batch size, a panel per norm and a line per momentum (colour) and
    variance reduction (dashes).

    ``end`` over (optimizer, seed) with the coordinates of `simulate`; bars from the smallest to the
    largest seed.
    """
    norms = list(dict.fromkeys(end.norm.values))
    fig, axes = canvas(1, len(norms), height=3.1, sharey=True)
    for ax, norm in zip(axes[0], norms, strict=True):
        mine = end.where(end.norm == norm, drop=True)
        momenta = sorted(set(mine.momentum.values))
        colours = batch_colours(range(len(momenta)))
        for reduced in (False, True):
            for j, beta in enumerate(momenta):
                one = mine.where(
                    (mine.momentum == beta) & (mine.variance_reduction == reduced), drop=True
                )
                if not one.sizes["optimizer"]:
                    continue
                one = one.sortby("batch_size")
                low, mid, high = one.min("seed"), one.median("seed"), one.max("seed")
                label = f"{'variance reduction, ' if reduced else ''}momentum {beta:.12g}"
                ax.errorbar(
                    one.batch_size,
                    mid,
                    [mid - low, high - mid],
                    color=colours[j],
                    ls="--" if reduced else "-",
                    marker="o",
                    ms=4,
                    capsize=2,
                    lw=1.3,
                    label=label,
                )
        ax.axhline(1, color=FAINT, lw=0.8, ls=":")
        ax.set(
            xscale="log",
            yscale="log",
            xlabel="batch size",
            title=NORM_NAMES.get(str(norm), str(norm)),
        )
    axes[0, 0].set_ylabel("relative margin error at the end")
    handles, names = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, names, ncols=2, loc="outside upper center", frameon=False)
    return fig


def certified_map(grid: xr.Dataset):
    """Where runs converge (colour: final error) and where a theorem says so (lines), over batches
    per epoch and momentum.

    ``error`` over (norm, forgetting, batches), ``least`` over (norm, form, batches): the largest
    ``forgetting = 1 - beta`` with a positive effective margin.
    """
    norms = list(grid.norm.values)
    fig, axes = canvas(1, len(norms), height=3.4, sharey=True)
    for ax, norm in zip(axes[0], norms, strict=True):
        one = grid.sel(norm=norm)
        image = ax.pcolormesh(
            _edges(one.batches.values),
            _edges(one.forgetting.values),
            np.log10(one.error.clip(1e-3, 2)),
            cmap="cividis_r",
            vmin=-2,
            vmax=0.3,
            edgecolors="face",
        )
        for form, dashes in zip(grid.form.values, ("-", "--", ":"), strict=False):
            line = one.least.sel(form=form)
            ax.plot(
                grid.batches,
                line.where(line > 0),
                color="#D55E00",
                ls=dashes,
                lw=1.8,
                marker="o",
                ms=3,
                label=f"certified: {form}",
            )
        ax.set(
            xscale="log",
            yscale="log",
            xlabel="batches per epoch $m$",
            title=NORM_NAMES.get(str(norm), str(norm)),
        )
        ax.grid(False)
    axes[0, 0].set_ylabel(r"$1 - \beta$")
    bar = fig.colorbar(image, ax=axes[0, -1], ticks=[-2, -1, 0])
    bar.set_ticklabels(["0.01", "0.1", "1"])
    bar.set_label("relative margin error")
    handles, names = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, names, ncols=3, loc="outside upper center", frameon=False)
    return fig


def _edges(centres):
    """Cell borders halfway between centres on a logarithmic axis; a single cell reaches a factor
    of two to either side."""
    logs = np.log(np.asarray(centres, float))
    half = np.diff(logs) / 2 if len(logs) > 1 else np.log([2.0])
    return np.exp(np.r_[logs[0] - half[0], logs[:-1] + half[: len(logs) - 1], logs[-1] + half[-1]])


def long_runs(runs: xr.Dataset):
    """Relative margin error of each optimizer against iterations, a panel per norm; dashed with
    momentum, dotted with variance reduction."""
    norms = list(dict.fromkeys(runs.norm.values))
    fig, axes = canvas(len(norms), 1, height=3.0, sharex=True)
    colours = batch_colours(runs.batch_size.values)
    for ax, norm in zip(axes[:, 0], norms, strict=True):
        mine, labels = runs.where(runs.norm == norm, drop=True), {}
        for name in mine.optimizer.values:
            one = mine.sel(optimizer=name)
            dashes = ":" if one.variance_reduction else "--" if one.momentum > 0 else "-"
            line = band(ax, one.error, colour=colours[int(one.batch_size)], dashes=dashes)
            labels[line] = words.label(str(name))
        ax.set(
            xscale="log",
            yscale="log",
            ylabel="relative margin error",
            title=NORM_NAMES.get(str(norm), str(norm)),
        )
        label_ends(ax, labels, gap=0.075)
    axes[-1, 0].set_xlabel("iterations")
    return fig


def by_exponent(found: dict[str, xr.Dataset]):
    """Two panels a family: cosines of the optimum to three landmarks, and how close the run came,
    against 1/p."""
    fig, axes = canvas(len(found), 2, height=2.7, sharex=True)
    for (title, one), pair in zip(found.items(), axes, strict=True):
        inverse = 1 / one.p.values
        for landmark in one.landmark.values:
            pair[0].plot(
                inverse,
                one.to.sel(landmark=landmark),
                "o-",
                ms=4,
                color=NORM_COLOURS[str(landmark)],
                label=f"to the {NORM_NAMES[str(landmark)]}'s",
            )
        pair[0].set(ylabel="cosine of the optima", title=title)
        pair[1].plot(inverse, one.error, "o-", ms=4, color=REFERENCE, label="relative margin error")
        pair[1].plot(
            inverse, 1 - one.reached, "s--", ms=4, color=FAINT, label="1 - cosine to own optimum"
        )
        pair[1].set(yscale="log", title="the run against its own optimum")
    for ax in axes[-1]:
        ax.set(xlabel="$1/p$ (0 stands for $p = \\infty$)")
    shown = [ax.get_legend_handles_labels() for ax in axes[0]]
    fig.legend(
        [h for handles, _ in shown for h in handles],
        [n for _, names in shown for n in names],
        ncols=2,
        loc="outside upper center",
        frameon=False,
    )
    return fig


def shortfall(runs: xr.Dataset, observed: str = "error"):
    """One error curve per optimizer, labelled at its end: for a handful of methods in one norm."""
    fig, axes = canvas(height=3.2)
    ax, labels = axes[0, 0], {}
    palette = ["#000000", "#0072B2", "#56B4E9", "#009E73", "#E69F00", "#D55E00", "#CC79A7"]
    for name, colour in zip(runs.optimizer.values, palette, strict=False):
        labels[band(ax, runs[observed].sel(optimizer=name), colour=colour)] = str(name)
    ax.set(
        xscale="log",
        yscale="log",
        xlabel="iterations",
        ylabel=runs[observed].attrs.get("long_name", "relative margin error"),
    )
    label_ends(ax, labels)
    return fig
