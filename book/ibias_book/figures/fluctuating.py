"""Figures of the chapter on fluctuating landscapes: theory of one direction.  Reads xarray only."""

import numpy as np
import xarray as xr

from .style import FAINT, REFERENCE, canvas, legend_above, legend_below

INDEPENDENT, SHUFFLED, THIRD, FOURTH = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
COLOURS = (INDEPENDENT, SHUFFLED, THIRD, FOURTH, "#E69F00", "#56B4E9", REFERENCE)


def orders(errors: xr.Dataset):
    """L1 error of one step against eta for every equation, and the prefactor of the signed weak
    errors where it is predicted."""
    fig, axes = canvas(1, 2, height=3.0)
    left, right = axes[0]
    for colour, equation in zip(COLOURS, errors.equation.values, strict=False):
        row = errors.sel(equation=equation)
        left.loglog(
            errors.eta,
            row.l1,
            "o-",
            ms=3.5,
            color=colour,
            label=f"{equation} (order {int(row.order)})",
        )
        scaled = row.error / errors.eta ** float(row.order) / row.coefficient
        if np.isfinite(scaled).all():
            right.semilogx(errors.eta, scaled.transpose("eta", "test"), color=colour, lw=1)
    right.axhline(1, color=REFERENCE, lw=0.8)
    left.set(xlabel="step size $\\eta$", ylabel="L1 error after one step")
    right.set(xlabel="step size $\\eta$", ylabel="error / prediction", ylim=(0.4, 1.6))
    legend_above(left)
    return fig


def narrow_density(narrow: xr.Dataset, widths: xr.Dataset):
    """A density narrower than one rms step, exactly and truncated; and the width at which
    positivity is lost."""
    fig, axes = canvas(1, 2, height=2.9)
    left, right = axes[0]
    centre = float(narrow.theta[int(narrow.start.values.argmax())])
    zoom = narrow.sel(theta=slice(centre - 0.25, centre + 0.25))
    left.plot(zoom.theta, zoom.exact, color=INDEPENDENT, label="exact")
    left.plot(zoom.theta, zoom.truncated, color=SHUFFLED, label="discrete Fokker-Planck")
    left.axhline(0, color=REFERENCE, lw=0.8)
    left.set(xlabel="$\\theta$", ylabel="density after one step")
    legend_above(left)
    line = np.linspace(0, max(3.0, float(widths.drift.max())), 100)
    right.plot(
        line, np.sqrt((1 + line**2) / (2 + line**2)), color=REFERENCE, label="$\\sqrt{S/(S+C)}$"
    )
    right.plot(widths.drift, widths.measured, "o", color=SHUFFLED, label="measured")
    right.set(xlabel="$|L'|/\\sqrt{C}$", ylabel="smallest width / rms step")
    legend_above(right)
    return fig


def mode_checks(cases: xr.Dataset, strip: xr.Dataset):
    """Every z value of the mode equations against replicas: bars at 4 would be a failure."""
    fig, axes = canvas(1, 2, height=2.9, sharey=True)
    for ax, found, title in zip(
        axes[0], (cases, strip), ("eight cases", "points around the strip"), strict=False
    ):
        along = "case" if "case" in found.dims else "point"
        for offset, name, colour in (
            (-0.12, "z_variance", INDEPENDENT),
            (0.12, "z_mean", SHUFFLED),
        ):
            z = found[name].transpose(along, ...)
            place = np.repeat(np.arange(z.shape[0]) + offset, z.shape[1])
            ax.plot(place, z.values.ravel(), ".", ms=4, color=colour, label=name.split("_")[1])
        ax.axhspan(-4, 4, color=FAINT, alpha=0.12, lw=0)
        ax.set(title=title, xlabel=along)
    axes[0, 0].set_ylabel("z (exact standard error)")
    legend_below(fig, axes[0, 0])
    return fig


def phase_plane(diagram: xr.Dataset, strip: xr.Dataset, showcase: xr.Dataset):
    """Regimes in the plane (eta l, eta^2 s2), Langevin's boundary, the tested points; and one point
    followed in time."""
    from matplotlib.colors import ListedColormap

    fig, axes = canvas(1, 2, height=3.2)
    left, right = axes[0]
    left.pcolormesh(
        diagram.x,
        diagram.y,
        diagram.regime,
        cmap=ListedColormap(["#cfe3f3", "#fbe3c8", "#efd0dd"]),
        rasterized=True,
    )
    line = diagram.x.where(diagram.x >= 0)
    left.plot(line, line * (2 - line).clip(0), color=INDEPENDENT, label="variance settles below")
    left.plot(line, 2 * line, color=SHUFFLED, ls="--", label="Langevin: settles below")
    left.plot(strip.x, strip.y, "k.", ms=4)
    left.set(xlabel="$\\eta\\,l$", ylabel="$\\eta^2 s_2$", ylim=(0, 4), xlim=(-0.5, 2.5))
    legend_above(left)
    for text, x, y in (
        ("variance settles", 1.0, 0.25),
        ("law without\nvariance", 0.25, 1.5),
        ("no law", 2.15, 3.7),
    ):
        left.text(x, y, text, fontsize=9, ha="center", color=REFERENCE)
    right.semilogy(showcase.step, showcase.variance, "o", ms=4, color=INDEPENDENT, label="replicas")
    right.semilogy(showcase.step, showcase.exact_variance, color=INDEPENDENT, label="mode equation")
    right.semilogy(showcase.step, showcase.langevin, color=SHUFFLED, ls="--", label="Langevin")
    right.set(xlabel="step", ylabel="variance", title="$\\eta l = 1,\\ \\eta^2 s_2 = 1.5$")
    right.legend()
    return fig


def tails(found: xr.Dataset, skew: xr.Dataset):
    """Laws without a variance (medians stand still, variances do not), tail indices, and the third
    cumulant of skewed noise."""
    fig, axes = canvas(1, 3, height=2.7)
    for colour, l in zip(COLOURS, found.curvature.values, strict=False):
        row = found.sel(curvature=l)
        axes[0, 0].semilogy(
            found.step, row["median"], "o-", ms=3, color=colour, label=f"$l = {l:g}$"
        )
        axes[0, 0].semilogy(found.step, row.variance, "x:", ms=4, lw=0.9, color=colour)
    axes[0, 0].set(xlabel="step", ylabel="median $|\\theta|$ (o), variance (x)")
    legend_above(axes[0, 0])
    ends = [0, float(found["index"].max()) * 1.15]
    axes[0, 1].plot(ends, ends, color=REFERENCE, lw=0.8)
    axes[0, 1].plot(found["index"], found.hill, "o", color=INDEPENDENT)
    axes[0, 1].set(xlabel="solves $E|1-\\eta h|^\\alpha = 1$", ylabel="Hill's estimate")
    axes[0, 2].errorbar(
        skew.step, skew.third, skew.error, fmt="o", ms=4, color=INDEPENDENT, label="replicas"
    )
    axes[0, 2].plot(skew.step, skew.exact, color=INDEPENDENT, label="exact")
    axes[0, 2].plot(skew.step, skew.second_order, color=SHUFFLED, ls="--", label="any second order")
    axes[0, 2].set(xlabel="step", ylabel="third cumulant")
    legend_above(axes[0, 2])
    return fig
