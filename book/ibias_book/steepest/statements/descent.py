"""The descent lemmas D.1, E.1, F.1, G.1 and the recursion (M) behind them, at every step of real
runs."""

import numpy as np

from ibias.norms import SUM

from ..theory import constants
from .catalog import Collector
from .trajectories import of_kind, short_runs


def master(runs=None):
    """(M) with the measured eps_t: (L(W+) - L(W))/(eta G) + gamma <= eps_t + 2 R^2 e^(2 R eta_t)
    eta_t."""
    out = Collector()
    for run in short_runs() if runs is None else runs:
        out.add(
            f"{run.kind}, measured error",
            run.change + run.recursion.margin,
            run.error + run.curvature(),
        )
    return out.bounds(noise=1e-10)


def _descent(kind, out, runs):
    """The measured error below the a-priori one, and (M) with the a-priori error."""
    for run in runs:
        prior, r = run.recursion.error(run.steps), run.recursion
        if r.batches > 1 or run.beta > 0:
            out.add("measured error below the a-priori error", run.error, prior)
        out.add("descent with the a-priori error", run.change + r.margin, prior + run.curvature())
        late = np.arange(run.steps) >= r.valid_from
        if late.any():
            right = r.margin - r.rho + r.nu(np.arange(run.steps)) + r.alpha * run.eta
            out.add(
                "(M') with the constants of the table", (run.change + r.margin)[late], right[late]
            )
    return out


def plain(runs=None):
    """D.1: rho = gamma - 4 (m-1) R, alpha = 2 R^2 e^(2 R eta_0)."""
    runs = of_kind("plain", short_runs()) if runs is None else runs
    return _descent("plain", Collector(), runs).bounds(noise=1e-10)


def momentum(runs=None):
    """E.1: stale gradients (E.2), sampling (E.3) and the zero start (E.4), each under its bound."""
    runs = of_kind("momentum", short_runs()) if runs is None else runs
    out = _descent("momentum", Collector(), runs)
    for run in runs:
        r, beta, norm = run.recursion, run.beta, run.norm
        size = {name: SUM.value(part).numpy() for name, part in run.replay.parts.items()}
        sums = constants.phi(run.eta, beta, 2 * r.radius)
        out.add(
            "(E.2) stale gradients", size["stale"], 2 * r.radius * r.batches * (1 - beta) * sums
        )
        out.add(
            "(E.3) sampling, N(beta, m) (sharper)",
            size["sampling"],
            2 * r.radius * constants.sampling_error(beta, r.batches),
        )
        out.add(
            "(E.3) sampling, polynomial",
            size["sampling"],
            2 * r.radius * constants.sampling_error_paper(beta, r.batches),
        )
        start = norm.dual(run.replay.parts["start"]).numpy()
        out.add("(E.4) zero start", start, r.nu(np.arange(run.steps)) / 2)
        whole = sum(run.replay.parts.values()) - (run.replay.signal - run.replay.gradient)
        out.same("the three parts add up", np.abs(whole).max((1, 2)), 1e-10 * (1 + r.radius))
    return out.bounds(noise=1e-10)


def variance_reduced(runs=None):
    """F.1: the error grows with the age of the snapshot, and is O(eta_t) once the step sizes are
    small."""
    runs = of_kind("VR", short_runs()) if runs is None else runs
    out = _descent("VR", Collector(), runs)
    for run in runs:
        r, t = run.recursion, np.arange(run.steps)
        size = SUM.value(run.replay.parts["batch"]).numpy()
        out.add("age of the snapshot", size, r.error(run.steps) / 2)
        late = t >= r.valid_from
        if late.any():
            out.add(
                "late: O(eta_t) (sharper)",
                size[late],
                (2 ** (r.a + 3) * r.radius**2 * (r.batches - 1) ** 2 * run.eta)[late],
            )
        out.same("full gradient at an epoch start", size[t % r.batches == 0], 1e-10 * r.radius)
    return out.bounds(noise=1e-10)


def variance_reduced_momentum(runs=None):
    """G.1: estimator (C.14), stale full gradients (no factor m), zero start."""
    runs = of_kind("VR+momentum", short_runs()) if runs is None else runs
    out = _descent("VR+momentum", Collector(), runs)
    for run in runs:
        r, beta = run.recursion, run.beta
        size = {name: SUM.value(part).numpy() for name, part in run.replay.parts.items()}
        stale = constants.phi(run.eta, beta, 2 * r.radius)
        lagged = constants.phi(run.eta, beta, 2 * r.radius, r.batches - 1)
        out.add(
            "estimator (C.14)",
            size["estimator"],
            2 * (r.batches - 1) * r.radius * (1 - beta) * lagged,
        )
        out.add("stale full gradients", size["stale"], 2 * r.radius * (1 - beta) * stale)
        out.add(
            "zero start",
            run.norm.dual(run.replay.parts["start"]).numpy(),
            r.nu(np.arange(run.steps)) / 2,
        )
        whole = sum(run.replay.parts.values()) - (run.replay.signal - run.replay.gradient)
        out.same("the three parts add up", np.abs(whole).max((1, 2)), 1e-10 * (1 + r.radius))
    return out.bounds(noise=1e-10)
