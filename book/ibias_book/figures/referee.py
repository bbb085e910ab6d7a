"""Figures of the chapter "What a referee would ask".  Reads xarray only."""

import numpy as np
import xarray as xr

from .style import FAINT, NORM_COLOURS, NORM_NAMES, REFERENCE, canvas, round_ticks

MARKERS = ("o", "s", "^", "D", "v", "P")
ATTACKS = {"l1": r"$\ell_1$", "l2": r"$\ell_2$", "l-infinity": r"$\ell_\infty$"}
SCHEME_COLOURS = {"reshuffled": "#0072B2", "cyclic": "#E69F00", "independent": "#D55E00"}


def predicted_plateaus(cells: xr.Dataset):
    """Measured against predicted error, a colour per norm and a marker per batch size; hollow where
    the flow itself has not settled. ``cells`` is that of `plateau.plateaus`, with ``settled``."""
    fig, axes = canvas(height=4.4)
    ax = axes[0, 0]
    for norm in cells.norm.values:
        for b, marker in zip(cells.batch_size.values, MARKERS, strict=False):
            one = cells.sel(norm=norm, batch_size=b)
            for settled in (True, False):
                chosen = (one.settled == settled).values
                ax.errorbar(
                    one.predicted.values[chosen],
                    one.measured.median("seed").values[chosen],
                    _spread(one.measured)[:, chosen],
                    color=NORM_COLOURS[str(norm)],
                    marker=marker,
                    ls="",
                    ms=7,
                    capsize=2,
                    mfc=None if settled else "none",
                    label=f"{NORM_NAMES[str(norm)]}, b = {b}" if settled else None,
                )
    low, high = float(cells.predicted.min()) / 2, float(cells.measured.max()) * 1.6
    ends = np.array([low, high])
    ax.plot(ends, ends, color=REFERENCE, lw=1)
    ax.fill_between(ends, 0.9 * ends, 1.1 * ends, color=FAINT, alpha=0.2, lw=0)
    ax.set(
        xscale="log",
        yscale="log",
        xlim=(low, high),
        xlabel="predicted relative margin error",
        ylabel="measured at the end of the run",
        title="the mean flow predicts the plateau",
    )
    ax.legend(ncols=1, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    return fig


def _ticks(ax, values):
    """Ticks at these values alone, in plain numbers: a short logarithmic axis writes its minor ones
    over each other."""
    ax.set_xticks(np.asarray(values), [f"{v:g}" for v in np.round(values, 6)])
    ax.set_xticks([], minor=True)


def _spread(values: xr.DataArray):
    middle = values.median("seed")
    return np.abs(np.stack([middle - values.min("seed"), values.max("seed") - middle]))


def gap_law(cells: xr.Dataset, fits: xr.Dataset):
    """What the batches cost against two numbers that should say so: a column per norm, a row per
    predictor, with the fitted power drawn. ``cells`` and ``fits`` are `law.excess` and
    `law.agreement`."""
    rows = ("N(beta, m)", "noise")
    names = ("$N(\\beta, m)$", "variance of the average")
    fig, axes = canvas(len(rows), cells.sizes["norm"], height=2.7, sharey=True)
    for row, name, label in zip(axes, rows, names, strict=True):
        for ax, norm in zip(row, cells.norm.values, strict=True):
            x = cells.predictor.sel(quantity=name)
            y = cells.excess.sel(norm=norm).median("seed")
            shades = np.log10(1 / (1 - x.momentum)).broadcast_like(x)
            ax.scatter(x, y.where(y > 0), c=shades, cmap="cividis", s=16, lw=0)
            fit = fits.sel(norm=norm, quantity=name)
            ax.set(xscale="log", yscale="log", xlabel=label, ylim=(3e-5, 2))
            ax.text(
                0.04,
                0.9,
                f"rank {float(fit['rank']):.2f}, power {float(fit.slope):.2f}",
                transform=ax.transAxes,
                fontsize=9.5,
            )
            if name == rows[0]:
                ax.set_title(NORM_NAMES[str(norm)])
        row[0].set_ylabel("excess error")
    return fig


def sampling(ends: xr.Dataset):
    """Excess error against momentum for three schemes, a panel per norm; dashed, what theory makes
    of the independent runs."""
    fig, axes = canvas(1, ends.sizes["norm"], height=3.1, sharey=True)
    excess = ends.error - ends.full
    ratio = ends.noise / ends.noise.sel(scheme="independent")
    for ax, norm in zip(axes[0], ends.norm.values, strict=True):
        base = excess.sel(norm=norm, scheme="independent").median("seed")
        for scheme, colour in SCHEME_COLOURS.items():
            one = excess.sel(norm=norm, scheme=scheme)
            ax.errorbar(
                1 - ends.momentum,
                one.median("seed"),
                _spread(one),
                color=colour,
                marker="o",
                ms=4,
                ls="",
                capsize=2,
                label=scheme,
            )
            promise = base * ratio.sel(scheme=scheme)
            ax.plot(1 - ends.momentum, promise, color=colour, ls="--", lw=1.2)
        ax.set(xscale="log", yscale="log", xlabel=r"$1 - \beta$", title=NORM_NAMES[str(norm)])
        _ticks(ax, 1 - ends.momentum.values)
    axes[0, 0].set_ylabel("excess error")
    handles, names = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, names, ncols=3, loc="outside upper center", frameon=False)
    return fig


def separation(times: dict[str, xr.Dataset]):
    """Times of lasting separation against memory, batches per epoch and samples; full lines a =
    1/2, dashed a = 3/4."""
    titles = {
        "memory": r"memory $1/(1-\beta)$",
        "batches": "batches per epoch $m$",
        "samples": "samples $n$, $m$ fixed",
    }
    fig, axes = canvas(1, len(times), height=3.1, sharey=True)
    for ax, (name, one) in zip(axes[0], times.items(), strict=True):
        for norm in one.norm.values:
            for a, dashes in zip(one.a.values, ("-", "--"), strict=False):
                ax.plot(
                    one.factor,
                    one.time.sel(norm=norm, a=a).median("seed"),
                    color=NORM_COLOURS[str(norm)],
                    ls=dashes,
                    marker="o",
                    ms=4,
                    label=NORM_NAMES[str(norm)] if dashes == "-" else None,
                )
        ax.set(xscale="log", yscale="log", xlabel=titles[name])
        _ticks(ax, one.factor.values)
        round_ticks(ax.yaxis)
    axes[0, 0].set_ylabel("steps until separation lasts")
    handles, names = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, names, ncols=3, loc="outside upper center", frameon=False)
    return fig


def dimension(by_axis: dict[str, xr.Dataset]):
    """The gap after equal steps against d and against k; dotted, how a bound would grow that
    measures curvature in the Frobenius norm, from the first point on."""
    fig, axes = canvas(1, len(by_axis), height=3.2, sharey=True)
    for ax, (axis, one) in zip(axes[0], by_axis.items(), strict=True):
        for norm in one.norm.values:
            colour = NORM_COLOURS[str(norm)]
            gap = one.gap.sel(norm=norm)
            ax.errorbar(
                one[axis],
                gap.median("seed"),
                _spread(gap),
                color=colour,
                marker="o",
                ms=4,
                capsize=2,
                label=NORM_NAMES[str(norm)],
            )
            factor = one.factor.sel(norm=norm)
            ax.plot(
                one[axis],
                gap.median("seed").values[0] * factor / factor.values[0],
                color=colour,
                ls=":",
            )
        ax.set(xscale="log", yscale="log", xlabel={"d": "features $d$", "k": "classes $k$"}[axis])
        _ticks(ax, one[axis].values)
    axes[0, 0].set_ylabel("relative margin error")
    handles, names = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, names, ncols=3, loc="outside upper center", frameon=False)
    return fig


def accuracy(judged: xr.Dataset, matching: dict[str, str]):
    """Accuracy under attack against the margin that guards against it, a panel per attack; hollow:
    small batches without momentum. ``matching`` names each attack's margin."""
    fig, axes = canvas(1, len(matching), height=3.3, sharey=True)
    bare = (judged.momentum == 0) & (judged.batch_size < judged.batch_size.max())
    for ax, (attack, measured) in zip(axes[0], matching.items(), strict=True):
        for norm in dict.fromkeys(judged.norm.values):
            for hollow in (False, True):
                chosen = ((judged.norm == norm) & (bare == hollow)).values
                x = judged.margin.sel(measured=measured).mean("split").values[chosen]
                y = judged.robust.sel(attack=attack).mean("split").values[chosen]
                label = NORM_NAMES[str(norm)] if not hollow else None
                colour = NORM_COLOURS[str(norm)]
                ax.plot(x, y, "o", color=colour, mfc="none" if hollow else colour, label=label)
        ax.axvline(0, color=FAINT, lw=0.8, ls=":")
        ax.set(
            xlabel=f"{NORM_NAMES[measured].removesuffix(' norm')} margin",
            title=f"{ATTACKS[attack]} attack",
        )
    axes[0, 0].set_ylabel("robust accuracy, unseen images")
    handles, names = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, names, ncols=3, loc="outside upper center", frameon=False)
    return fig
