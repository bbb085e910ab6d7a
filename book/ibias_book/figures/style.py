"""Figures from labelled results.  Nothing here computes: numbers and labels come from xarray, the
look from ``STYLE``."""

import itertools
from collections.abc import Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import xarray as xr

from .. import words

WIDTH = 7.0  # inches; at phone width (390 px) the smallest text is then still about 8 px
STYLE = {
    "figure.figsize": (WIDTH, 0.5 * WIDTH),
    "figure.constrained_layout.use": True,
    "figure.dpi": 120,
    "savefig.dpi": 160,
    "font.size": 11,
    "axes.titlesize": 11,
    "axes.labelsize": 11,
    "legend.fontsize": 10,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#d9d9d9",
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.6,
    "legend.frameon": False,
    "svg.fonttype": "path",
    "axes.axisbelow": True,
}
# Okabe and Ito's colours, told apart by the colour-blind; one per norm throughout the book
NORM_COLOURS = {
    "max": "#D55E00",
    "frobenius": "#0072B2",
    "spectral": "#009E73",
    "sum": "#CC79A7",
    "nuclear": "#E69F00",
}
NORM_NAMES = {
    "max": "max norm",
    "frobenius": "Frobenius norm",
    "spectral": "spectral norm",
    "sum": "sum norm",
    "nuclear": "nuclear norm",
}
REFERENCE = "#444444"
FAINT = "#767676"


@contextmanager
def style():
    """The look of every figure in the book, for code that draws its own axes."""
    import matplotlib.pyplot as plt

    with plt.rc_context(STYLE):
        yield


def canvas(rows: int = 1, columns: int = 1, *, height: float = 2.6, **options):
    """A figure of the book's width with ``rows x columns`` axes (always a 2-D array), ``height``
    inches a row."""
    import matplotlib.pyplot as plt

    with style():
        return plt.subplots(rows, columns, figsize=(WIDTH, height * rows), squeeze=False, **options)


def batch_colours(sizes: Sequence[int]) -> dict[int, tuple]:
    """One colour per batch size, light to dark as batches grow; the full batch is black."""
    from matplotlib import colormaps

    sizes = sorted(int(b) for b in set(sizes))
    shades = colormaps["plasma"](np.linspace(0.74, 0.1, max(len(sizes) - 1, 1)))
    return {
        b: tuple(shades[i]) if i < len(sizes) - 1 else (0, 0, 0, 1) for i, b in enumerate(sizes)
    }


def band(ax, values: xr.DataArray, *, colour, label: str = "", dashes="-"):
    """Median over seeds as a line, smallest to largest as a band.  ``values`` has dims (seed, step)
    or (step,)."""
    values = values.where(values.step > 0, drop=True)  # a logarithmic axis has no zero
    seeds = values if "seed" in values.dims else values.expand_dims("seed")
    middle = seeds.median("seed")
    (line,) = ax.plot(values.step, middle, color=colour, label=label, ls=dashes)
    if seeds.sizes["seed"] > 1:
        ax.fill_between(
            values.step, seeds.min("seed"), seeds.max("seed"), color=colour, alpha=0.18, lw=0
        )
    return line


def label_ends(ax, labels: Mapping[object, str], *, gap: float = 0.085):
    """Write each label (line -> text) at the right end of its line, pushed apart where lines end
    together."""
    ax.get_ylim()  # settles the limits; the layout, which is dear, does not matter here
    to_axes = ax.transScale + ax.transLimits
    ends = []
    for line, text in labels.items():
        y = np.asarray(line.get_ydata(), float)
        last = y[np.isfinite(y)][-1]
        ends.append([to_axes.transform((1, last))[1], text, line.get_color()])
    ends.sort(key=lambda end: end[0])
    for previous, end in itertools.pairwise(ends):
        end[0] = max(end[0], previous[0] + gap)
    excess = max(0.0, ends[-1][0] - 1.0) if ends else 0.0
    for y, text, colour in ends:
        ax.text(
            1.02, y - excess, text, color=colour, transform=ax.transAxes, va="center", fontsize=9.5
        )


def legend_above(ax, *, columns: int = 1):
    """The legend over its panel, where no data are."""
    ax.legend(
        loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=columns, fontsize=8.5, frameon=False
    )


def legend_below(fig, ax, *, columns: int = 4):
    """One legend for all panels, under them, of what `ax` shows."""
    found = ax.get_legend_handles_labels()
    fig.legend(*found, loc="outside lower center", ncols=columns, fontsize=9, frameon=False)


def round_ticks(axis):
    """Numbers 1, 2 and 5 in each decade of a short logarithmic axis, none of them colliding."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(10, subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, place: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def plain_powers(ax):
    """Logarithmic axes over little more than a decade: numbers at powers of ten only."""
    from matplotlib.ticker import LogLocator, NullFormatter

    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(LogLocator(10))
        axis.set_minor_formatter(NullFormatter())


RECIPES = (
    {"title": "no memory", "momentum": 0.0, "variance_reduction": False},
    {"title": "momentum 0.5", "momentum": 0.5, "variance_reduction": False},
    {"title": "momentum 0.99", "momentum": 0.99, "variance_reduction": False},
    {"title": "variance reduction", "momentum": 0.0, "variance_reduction": True},
)


def by_recipe(rows: Mapping[str, xr.DataArray], recipes: Sequence[Mapping] = RECIPES):
    """A column of panels per recipe and a line per batch size: what Figures 1, 3 and 4 say.

    ``rows``: label of the vertical axis -> "error" or "cosine" over (optimizer, seed, step); each
    of ``recipes`` has a ``title`` and chooses by ``momentum`` and ``variance_reduction``.
    """
    fig, axes = canvas(len(rows), len(recipes), height=2.2, sharex=True, sharey="row")
    for pair, (label, values) in zip(axes, rows.items(), strict=True):
        for ax, recipe in zip(pair, recipes, strict=True):
            _batches(ax, values, recipe)
        pair[0].set_ylabel(label)
    for ax, recipe in zip(axes[0], recipes, strict=True):
        ax.set_title(recipe["title"], fontsize=10)
    for ax in axes[-1]:
        ax.set_xlabel("iterations")
    legend_below(fig, axes[0, 0], columns=5)
    return fig


def _batches(ax, values: xr.DataArray, recipe: Mapping):
    """One panel of ``by_recipe``."""
    colours = batch_colours(values.batch_size.values)
    mine = (values.momentum == recipe["momentum"]) & (
        values.variance_reduction == recipe["variance_reduction"]
    )
    if not mine.any():
        raise ValueError(
            f"no optimizer has momentum {recipe['momentum']} and variance_reduction"
            f" {recipe['variance_reduction']}"
        )
    for one in values.isel(optimizer=mine.values).transpose("optimizer", ...):
        b = int(one.batch_size)
        band(ax, one, colour=colours[b], label="full batch" if b == max(colours) else f"b = {b}")
    ax.set(xscale="log", xticks=[1, 1e2, 1e4])
    ax.minorticks_off()
    if values.name == "error":
        ax.set(yscale="log", ylim=(0.01, 2.2))
        ax.axhline(1, color=FAINT, lw=0.8, ls=":")
    else:
        ax.set_ylim(0, 1.03)


def unit_balls(curves: xr.Dataset):
    """Unit circles of norms in the plane with gradients (grey) and their steepest unit steps
    (colour).

    ``curves``: ``ball`` over (norm, angle, axis), ``gradient`` (arrow, axis), ``steepest`` (norm,
    arrow, axis); see ``balls.plane``.
    """
    names = list(curves.norm.values)
    fig, axes = canvas(-(-len(names) // 3), 3, height=2.5)
    for ax, name in zip(axes.flat, names, strict=False):
        one, colour = curves.sel(norm=name), NORM_COLOURS.get(str(name), REFERENCE)
        ax.fill(one.ball.sel(axis=0), one.ball.sel(axis=1), color=colour, alpha=0.18, lw=0)
        ax.plot(one.ball.sel(axis=0), one.ball.sel(axis=1), color=colour, lw=1.2)
        for g, v in zip(curves.gradient.values, one.steepest.values, strict=True):
            ax.annotate(
                "",
                1.45 * g / np.linalg.norm(g),
                (0, 0),
                arrowprops=dict(arrowstyle="->", color=FAINT, lw=1, ls=":"),
            )
            ax.annotate("", v, (0, 0), arrowprops=dict(arrowstyle="->", color=colour, lw=1.6))
            ax.plot(*v, "o", color=colour, ms=4)
        ax.set(
            aspect="equal",
            xlim=(-1.6, 1.6),
            ylim=(-1.6, 1.6),
            xticks=[-1, 0, 1],
            yticks=[-1, 0, 1],
            title=NORM_NAMES.get(str(name), words.norm(str(name))),
        )
    for ax in axes.flat[len(names) :]:
        ax.axis("off")
    return fig
