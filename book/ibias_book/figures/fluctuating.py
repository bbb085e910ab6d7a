"""Figures of the chapter on fluctuating landscapes: theory of one direction, and sampling schemes.
Reads xarray only."""

import numpy as np
import xarray as xr

from .style import FAINT, REFERENCE, canvas, legend_above, legend_below, plain_powers

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


def epoch_map(bridge: xr.Dataset, epochs: xr.Dataset, area: xr.Dataset):
    """All orders of seven batches: the bridge and the orders in eta; random epochs: measured over
    exact variance of the area."""
    fig, axes = canvas(1, 3, height=2.7)
    axes[0, 0].plot(
        bridge.position, bridge.exact, color=REFERENCE, label="$\\eta^2 c\\,J(m-J)/(m-1)$"
    )
    axes[0, 0].plot(bridge.position, bridge.measured, "o", color=SHUFFLED, label="all 5040 orders")
    axes[0, 0].set(xlabel="batches $J$ of the epoch", ylabel="variance")
    axes[0, 0].set_ylim(bottom=-0.5 * float(bridge.exact.max()))
    legend_above(axes[0, 0])
    flat = epochs.sel(curvature=0.0)
    for colour, (name, order) in zip(
        COLOURS,
        {"mean": 2, "remainder_2": 3, "variance": 4, "remainder_3": 4}.items(),
        strict=False,
    ):
        axes[0, 1].loglog(
            epochs.eta,
            np.abs(flat[name]),
            "o-",
            ms=3,
            color=colour,
            label=f"{name.replace('_', ' after ')}: {order}",
        )
    axes[0, 1].set_ylim(bottom=1e-14)
    plain_powers(axes[0, 1])
    axes[0, 1].set(xlabel="$\\eta$", ylabel="after one epoch")
    legend_above(axes[0, 1])
    place = np.arange(area.sizes["batch"])
    axes[0, 2].errorbar(
        place,
        area.measured / area.exact,
        4 * area.error / area.exact,
        fmt="o",
        color=SHUFFLED,
        label="random epochs, 4 s.e.",
    )
    axes[0, 2].plot(
        place, area.gaussian_limit / area.exact, "_", ms=14, color=FAINT, label="Gaussian batches"
    )
    axes[0, 2].axhline(1, color=REFERENCE, lw=0.8)
    axes[0, 2].set(
        xlabel="batch size",
        ylabel="Var X / exact formula",
        xticks=place,
        xticklabels=area.batch.values,
    )
    legend_above(axes[0, 2])
    return fig


def long_runs(found: xr.Dataset):
    """Variance against epochs, both schemes, at epoch ends (solid) and mid-epoch (dots), with the
    parameter-free theory (black)."""
    cases = ["flat", "flat, fluctuating", "confined"]
    fig, axes = canvas(1, 3, height=2.9, sharey=True)
    for ax, case in zip(axes[0], cases, strict=False):
        for colour, scheme in zip((INDEPENDENT, SHUFFLED), found.scheme.values, strict=False):
            row = found.sel(case=case, scheme=scheme)
            visible = row.end.where(row.end > 1e-12)
            ax.loglog(found.epoch, visible, color=colour, label=scheme)
            ax.loglog(found.epoch, row.mid, ".", ms=3, color=colour)
            ax.loglog(
                found.epoch,
                row.end_theory.where(row.end_theory > 1e-12),
                color="k",
                lw=0.8,
                ls="--",
            )
        ax.axhline(float(found.bridge.sel(case=case)), color=FAINT, lw=0.8)
        ax.set(title=case, xlabel="epochs")
    axes[0, 0].set_ylabel("variance over replicas")
    legend_below(fig, axes[0, 0])
    return fig


def confinement(found: xr.Dataset, ratio: xr.Dataset):
    """Left: a flat fluctuating direction runs away with replacement and settles reshuffled. Right:
    confined modes, reshuffled over independent."""
    fig, axes = canvas(1, 2, height=2.9)
    left, right = axes[0]
    for index, rho in enumerate(found.correlation.values):
        row = found.sel(correlation=rho)
        left.semilogy(
            found.time,
            row.independent,
            color=INDEPENDENT,
            ls=("-", ":")[index % 2],
            label=f"with replacement, $\\rho={rho:g}$",
        )
        left.semilogy(
            found.time,
            row.variance,
            color=SHUFFLED,
            ls=("-", ":")[index % 2],
            label=f"reshuffled, $\\rho={rho:g}$",
        )
        left.axhline(float(row.stationary_theory), color="k", lw=0.8, ls="--")
    left.set(xlabel="time $\\eta^2 s_2 t$", ylabel="variance, flat direction")
    legend_above(left)
    right.loglog(ratio.x, ratio.ratio, color=SHUFFLED, label="exact")
    right.loglog(ratio.x, ratio.leading, color="k", lw=0.8, ls="--", label="$\\eta^2l^2m(m+1)/12$")
    right.set(xlabel="$\\eta\\,l\\,m$", ylabel="stationary variance, RR / WR", ylim=(1e-6, 3))
    right.legend()
    return fig


def scheme_curves(still: xr.Dataset, fluctuating: xr.Dataset):
    """Variance of a flat direction at epoch ends for every scheme, without (left) and with (right)
    a fluctuating curvature."""
    fig, axes = canvas(1, 2, height=3.6, sharey=True)
    for ax, table, title in zip(
        axes[0], (still, fluctuating), ("curvature 0", "curvature fluctuates about 0"), strict=False
    ):
        for colour, name in zip(COLOURS, table.sampling.values, strict=False):
            row = table.sel(sampling=name)
            if not bool((row.end > 1e-12).any()):
                continue  # no variance at all: nothing to draw, and the caption says so
            ax.loglog(table.epoch, row.end.where(row.end > 1e-12), color=colour, label=name)
            ax.loglog(table.epoch, row.theory.where(row.theory > 1e-12), color="k", lw=0.7, ls=":")
        ax.set(title=title, xlabel="epochs")
    axes[0, 0].set_ylabel("variance at epoch ends")
    legend_below(fig, axes[0, 1], columns=2)
    return fig


def other_norms(found: xr.Dataset, momentum: xr.Dataset):
    """Share of the diffusion that reshuffling leaves, by the map of the step, with 1 - kappa as
    ticks; and the sign with momentum."""
    fig, axes = canvas(1, 2, height=3.0)
    left, right = axes[0]
    batches = found.where(found.batch > 1, drop=True)
    kinds = [
        f"{g}\n{int(s)} × {int(s)}"
        for g, s in zip(batches.geometry.values, batches["size"].values, strict=False)
    ]
    unique = list(dict.fromkeys(kinds))
    place = [unique.index(kind) for kind in kinds]
    left.barh(
        range(len(unique)),
        [np.mean(batches.ratio.values[[k == u for k in kinds]]) for u in unique],
        color=SHUFFLED,
        alpha=0.5,
    )
    left.plot(batches.ratio, place, "o", ms=4, color=SHUFFLED, label="measured")
    left.plot(batches.theory, place, "k|", ms=14, label="$1-\\kappa$")
    left.set(yticks=range(len(unique)), yticklabels=unique, xlabel="variance, RR / WR")
    left.tick_params(axis="y", labelsize=7.5)
    left.legend(fontsize=8)
    forget = 1 - momentum.beta
    for colour, scheme in zip((INDEPENDENT, SHUFFLED), momentum.scheme.values, strict=False):
        right.loglog(
            forget, momentum.rate.sel(scheme=scheme), "o-", ms=4, color=colour, label=scheme
        )
    right.loglog(forget, momentum.theory, "k--", lw=0.8, label="long times, WR")
    right.set(xlabel="$1-\\beta$", ylabel="variance per step / $\\eta^2$")
    right.invert_xaxis()
    right.legend(fontsize=8)
    return fig
