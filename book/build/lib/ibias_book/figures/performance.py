"""Figures of speed, from the committed benchmark results as labelled data."""

import xarray as xr

from .style import FAINT, NORM_COLOURS, NORM_NAMES, REFERENCE, canvas

CONTENDERS = {"naive": "naive torch loop", "lanes": "torch lanes", "kernel": "compiled kernel"}
DASHES = {"naive": ":", "lanes": "--", "kernel": "-"}


def step_costs(cells: xr.Dataset):
    """Microseconds per step and run against batch size; one panel per number of features and use of
    variance reduction.

    ``cells``: variables naive, lanes, kernel, limit over (d, norm, b, variance_reduction).
    """
    fig, axes = canvas(len(cells.d), 2, sharex=True, sharey=True)
    for row, d in zip(axes, cells.d.values, strict=True):
        for ax, reduced in zip(row, (False, True), strict=True):
            panel = cells.sel(d=d, variance_reduction=reduced)
            for norm in panel.norm.values:
                for name in CONTENDERS:
                    ax.loglog(
                        panel.b,
                        panel[name].sel(norm=norm),
                        DASHES[name],
                        color=NORM_COLOURS[norm],
                        marker="o",
                        ms=3,
                    )
            ax.loglog(panel.b, panel.limit.isel(norm=0), color=FAINT, lw=1)
            ax.set_title(f"d = {d}" + (", variance reduction" if reduced else ""))
    for ax in axes[-1]:
        ax.set_xlabel("batch size")
    for ax in axes[:, 0]:
        ax.set_ylabel("µs per step and run")
    _legend(fig, axes[0, 0], cells.norm.values)
    return fig


def _legend(fig, ax, norms):
    handles = [ax.plot([], [], color=REFERENCE, ls=DASHES[name])[0] for name in CONTENDERS] + [
        ax.plot([], [], color=FAINT, lw=1)[0]
    ]
    handles += [ax.plot([], [], color=NORM_COLOURS[norm])[0] for norm in norms]
    labels = [
        *CONTENDERS.values(),
        "work at matrix-product speed",
        *(NORM_NAMES[norm] for norm in norms),
    ]
    fig.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)


def growth(scaling: xr.Dataset):
    """Cost against each size, relative to the smallest, with the line of exactly linear cost.

    ``scaling``: variables ratio and cost over (quantity, point), and slope over (quantity,).
    """
    fig, ((ax,),) = canvas(height=3.2)
    for quantity in scaling.quantity.values:
        one = scaling.sel(quantity=quantity)
        ax.loglog(
            one.ratio, one.cost, marker="o", ms=4, label=f"{quantity}: slope {float(one.slope):.2f}"
        )
    ax.loglog([1, 8], [1, 8], color=FAINT, lw=1, label="slope 1")
    sizes = [1, 2, 4, 8]
    ax.set_xticks(sizes, [f"{size}" for size in sizes])
    ax.set_yticks(sizes, [f"{size}" for size in sizes])
    ax.minorticks_off()
    ax.set_xlabel("size, relative to the smallest")
    ax.set_ylabel("CPU time, relative")
    ax.legend(frameon=False)
    return fig
