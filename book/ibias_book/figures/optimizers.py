"""Figures about optimizers on networks of one's own.  Reads xarray only."""

import xarray as xr

from .style import canvas

TITLES = {"l2": r"$\ell_2$", "linf": r"$\ell_\infty$", "spectral": "spectral", "hybrid": "hybrid"}
COLOURS = ("#0072B2", "#009E73", "#D55E00", "#CC79A7")


def probed(panels: dict[str, xr.Dataset], norms=("l2", "linf", "spectral")):
    """Normalised margins of each network (a row) in each norm (a column) against the step, over the
    largest of the panel; a line per optimizer, from where it separates the data."""
    fig, axes = canvas(len(panels), len(norms), height=2.0, sharex=True, sharey=True)
    for row, (title, runs) in zip(axes, panels.items(), strict=True):
        for ax, norm in zip(row, norms, strict=True):
            margins = runs.margin.sel(norm=norm)
            margins = margins.where(margins > 0) / float(margins.max())
            for name, colour in zip(runs.optimizer.values, COLOURS, strict=False):
                one = margins.sel(optimizer=name)
                ax.plot(one.step, one, marker="o", ms=3, color=colour, label=str(name))
            ax.set(xlim=(0, None), ylim=(0, 1.05))
        row[0].set_ylabel(title)
    for ax, norm in zip(axes[0], norms, strict=True):
        ax.set_title(TITLES[norm])
    for ax in axes[-1]:
        ax.set_xlabel("step")
    handles, names = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, names, ncols=len(names), loc="outside lower center")
    return fig


def loss_curves(runs: xr.Dataset, zoom: float = 2.6):
    """Validation losses below ``zoom`` against the step, of runs of equally many steps, and against
    CPU seconds, of runs of equally many seconds; mean over seeds, from the least to the largest as
    a band.  ``runs``: ``loss`` and ``seconds`` over (optimizer, equal, seed, point)."""
    fig, axes = canvas(1, 2, height=3.2, sharey=True)
    for ax, equal, label in zip(
        axes[0], ("steps", "seconds"), ("step", "CPU seconds"), strict=True
    ):
        for name, colour in zip(runs.optimizer.values, COLOURS, strict=False):
            one = runs.sel(optimizer=name, equal=equal)
            x = (one.step if equal == "steps" else one.seconds).mean("seed")
            ax.plot(x, one.loss.mean("seed"), color=colour, label=str(name))
            ax.fill_between(
                x, one.loss.min("seed"), one.loss.max("seed"), color=colour, alpha=0.2, lw=0
            )
        ax.set(xlabel=label, ylim=(None, zoom), title=f"equal {equal}")
    axes[0, 0].set_ylabel("validation loss")
    handles, names = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, names, ncols=len(names), loc="outside lower center")
    return fig
