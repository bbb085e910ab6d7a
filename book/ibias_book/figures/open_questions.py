"""Figures of the last three questions of the referee's chapter.  Reads xarray only."""

import numpy as np
import xarray as xr

from .style import FAINT, NORM_COLOURS, REFERENCE, canvas, plain_powers, round_ticks

COLOURS = ("#009E73", "#CC79A7", "#0072B2", "#E69F00", "#56B4E9", "#D55E00")


def stalls(runs: xr.Dataset, rest: dict):
    """Smallest margin and drift share along the runs, an area between seeds; dotted, the margin of
    the rest point. ``runs`` and ``rest`` are those of `stall.runs` and `stall.rest_point`."""
    fig, axes = canvas(1, 2, height=3.3)
    for ax, name in zip(axes[0], ("margin", "share"), strict=True):
        for optimizer, colour in zip(runs.optimizer.values, COLOURS, strict=True):
            one = runs[name].sel(optimizer=optimizer)
            ax.plot(one.step, one.median("seed"), color=colour, label=str(optimizer))
            ax.fill_between(one.step, one.min("seed"), one.max("seed"), color=colour, alpha=0.2)
        ax.set(xscale="log", xlabel="step")
    axes[0, 0].set(yscale="symlog", ylabel="smallest margin")
    axes[0, 0].axhline(0, color=REFERENCE, lw=0.8)
    axes[0, 0].axhline(rest["margin"], color=REFERENCE, lw=1, ls=":")
    axes[0, 1].set(yscale="log", ylabel="drift share of an epoch")
    handles, names = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, names, ncols=3, loc="outside upper center", frameon=False)
    return fig


def kkt(points: xr.Dataset, names: dict[str, str]):
    """What the best multipliers leave, along training, and the smallest curvature at its end, a
    point per start. ``points`` is that of `kkt.judged`; ``names`` are the panels' titles."""
    fig, axes = canvas(1, 3, height=3.1)
    for ax, optimizer in zip(axes[0], points.optimizer.values, strict=False):
        for case, colour in zip(points.case.values, COLOURS, strict=False):
            one = points.residual.sel(case=case, optimizer=optimizer)
            ax.plot(one.step, one.median("seed"), color=colour, marker="o", ms=4, label=str(case))
            ax.fill_between(one.step, one.min("seed"), one.max("seed"), color=colour, alpha=0.15)
        ax.set(xscale="log", yscale="log", xlabel="step", title=names[str(optimizer)])
        ax.set_xticks(one.step.values, [f"{step:g}" for step in one.step.values])
        ax.set_xticks([], minor=True)
        round_ticks(ax.yaxis)
    axes[0, 0].set_ylabel("residual")
    last = axes[0, 2]
    found = points.curvature.isel(step=-1, optimizer=0)
    for at, (case, colour) in enumerate(zip(points.case.values, COLOURS, strict=False)):
        values = np.sort(found.sel(case=case).values)
        places = at + np.linspace(-0.25, 0.25, len(values))
        last.plot(places, values, "o", ms=4, color=colour)
    last.axhline(0, color=REFERENCE, lw=0.8)
    last.set(title="second order", ylabel="smallest curvature")
    last.set_xticks(range(points.sizes["case"]), [""] * points.sizes["case"])
    handles, labels = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, labels, ncols=3, loc="outside upper center", frameon=False)
    return fig


def averaged(growth: xr.Dataset, paths: xr.Dataset, signs: xr.Dataset):
    """Left: growth of the variance an epoch against eta, with the leading order. Middle: variance
    against epochs, with the level predicted. Right: what reshuffling leaves of the diffusion of
    signs, with the arcsine law."""
    fig, axes = canvas(1, 3, height=3.1)
    left, middle, right = axes[0]
    for beta, colour in zip(growth.beta.values, COLOURS, strict=False):
        one = growth.sel(beta=beta)
        left.plot(one.eta, one.growth, "o", ms=4, color=colour, label=rf"$\beta$ = {beta:g}")
        left.plot(one.eta, one.leading, color=colour, lw=1)
        path = paths.sel(beta=beta)
        middle.plot(path.epoch, path.variance, color=colour)
        middle.axhline(float(path.level), color=colour, ls=":", lw=1)
    left.set(xscale="log", yscale="log", xlabel=r"$\eta$", ylabel="growth an epoch")
    plain_powers(left)
    middle.set(xscale="log", xlabel="epoch", ylabel=r"variance / $\eta^2$")
    right.plot(1 - signs.beta, signs.measured, "o", ms=5, color=NORM_COLOURS["max"])
    right.plot(1 - signs.beta, signs.law, color=FAINT)
    right.set(xscale="log", yscale="log", xlabel=r"$1 - \beta$", ylabel="share left, sign steps")
    round_ticks(right.yaxis)
    handles, labels = left.get_legend_handles_labels()
    fig.legend(handles, labels, ncols=3, loc="outside upper center", frameon=False)
    return fig
