"""Figures of the second paper's experiments on its own data.  Reads xarray only."""

import numpy as np
import xarray as xr

from .homogeneous import DASHES, FAMILY_COLOURS, TITLES
from .style import FAINT, canvas


def along_runs(
    panels: dict[str, xr.DataArray], *, ylabel: str, target: float | None = None, log: bool = False
):
    """Against the share of each run's length: means over seeds with their 95 % t-intervals, a panel
    per entry, two a row, a line per optimizer in its family's colour."""
    rows = (len(panels) + 1) // 2
    fig, axes = canvas(rows, 2, height=3.0, sharex=True, sharey=len(panels) == 2)
    for ax, (title, values) in zip(axes.flat, panels.items(), strict=True):
        seen: dict[str, int] = {}
        for name in values.optimizer.values:
            one = values.sel(optimizer=name)
            family = str(one.family.values)
            seen[family] = seen.get(family, -1) + 1
            _band(ax, one, FAMILY_COLOURS[family], DASHES[seen[family]], str(name))
        if target is not None:
            ax.axhline(target, color=FAINT, lw=0.8, ls=":")
        ax.set(yscale="log" if log else "linear", title=title)
    for ax in axes[-1]:
        ax.set_xlabel("share of the run")
    for ax in axes[:, 0]:
        ax.set_ylabel(ylabel)
    handles, names = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, names, ncols=4, loc="outside lower center", fontsize=9)
    return fig


def _band(ax, values: xr.DataArray, colour: str, dash: str, label: str) -> None:
    """Of the seeds that have values; from where all of these are above 0, so that a logarithmic
    axis can hold them."""
    from scipy.stats import t

    there = values.dropna("seed")
    shown = there.where((there > 0).all("seed"), drop=True)
    mean, count = shown.mean("seed"), shown.sizes["seed"]
    half = t.ppf(0.975, count - 1) * shown.std("seed", ddof=1) / np.sqrt(count)
    ax.plot(mean.share, mean, color=colour, ls=dash, label=label)
    ax.fill_between(mean.share, mean - half, mean + half, color=colour, alpha=0.2, lw=0)


def by_norm(margins: xr.DataArray) -> dict[str, xr.DataArray]:
    """A panel of ``along_runs`` for each norm."""
    return {
        f"{TITLES[str(norm)]} margin": margins.sel(norm=norm, drop=True)
        for norm in margins.norm.values
    }
