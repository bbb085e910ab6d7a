"""Figures of the chapter on reshuffling: epochs, long runs, sampling schemes; reads xarray only."""

import numpy as np
import xarray as xr

from .fluctuating import COLOURS, INDEPENDENT, SHUFFLED
from .style import FAINT, REFERENCE, canvas, legend_above, legend_below, plain_powers


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
        schemes = {
            "with replacement": (row.independent, INDEPENDENT),
            "reshuffled": (row.variance, SHUFFLED),
        }
        for scheme, (variance, colour) in schemes.items():
            label = f"{scheme}, $\\rho={rho:g}$"
            left.semilogy(found.time, variance, color=colour, ls=("-", ":")[index % 2], label=label)
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
