"""Loss convergence, unnormalised margin and margin gap (D.2-D.4, E.2-E.4, F.2-F.4, G.2-G.4) on runs
with rho > 0."""

import numpy as np
import torch

from ibias.data import gaussian, scale_skewed
from ibias.norms import FROBENIUS, MAX, SPECTRAL
from ibias.problem import Problem
from ibias.schedules import Power

from ...exponents import fit_exponent
from ..theory import rates
from ..theory.recursion import measured_margin_floor
from .catalog import Collector
from .trajectories import TracedRun, certified_runs, of_kind, path, short_runs


def loss_convergence(kind, runs=None):
    """x.2: from t_0 on the loss falls by rho/2 eta G per step; it is below log 2 / n before (D.3)
    runs out, and stays there."""
    out = Collector()
    for run in of_kind(kind, certified_runs() if runs is None else runs):
        r, start = run.recursion, run.recursion.settled_from
        out.add("descent of rho/2 eta G from t_0 on", r.rho / 2, -run.change[start:])
        t1 = run.separated_from(start)
        spent = r.step_sum(start, t1)
        out.add(
            "(D.3): step sizes spent before L <= log 2 / n",
            spent,
            r.spend(run.dataset.n, float(np.exp(run.replay.log_loss[0]))),
        )
        out.add(
            "the loss stays below log 2 / n", np.exp(run.replay.log_loss[t1:] - run.threshold), 1.0
        )
    return out.bounds(noise=1e-10)


def unnormalised_margin(kind, runs=None):
    """x.3: q(W_t) + alpha sum eta^2 + K >= rho sum eta G/L from the measured t_1 on; and G/L above
    its floor (D.9)."""
    out = Collector()
    for run in of_kind(kind, certified_runs() if runs is None else runs):
        r, t1 = run.recursion, run.separated_from(run.recursion.settled_from)
        ratio = run.ratio[t1:]
        paid = r.alpha * np.cumsum(run.eta[t1:] ** 2) + r.drift_sum(t1)
        gained = r.rho * np.cumsum(run.eta[t1:] * ratio)
        out.add("a-priori constants", gained, run.replay.min_margin[t1 + 1 :] + paid)
        out.add("ratio G/L (D.9)", r.ratio_floor(t1, run.steps), ratio)
    for run in of_kind(kind, short_runs() if runs is None else runs):
        _add_measured(out, run)
    return out.bounds(noise=1e-10)


def _add_measured(out, run):
    """The a-posteriori version needs only q >= 0, so it also covers runs whose rho is negative."""
    t1 = run.separated_from()
    if t1 is None or t1 >= run.steps:
        return
    r = run.recursion
    floor = measured_margin_floor(run.eta[t1:], run.ratio[t1:], run.error[t1:], r.margin, r.radius)[
        1:
    ]
    q = run.replay.min_margin[t1 + 1 :]
    size = r.margin * np.cumsum(
        run.eta[t1:]
    )  # adding it to both sides makes both positive without changing the test
    kept = q >= 0
    out.add("a-posteriori, measured error", (floor + size)[kept], (q + size)[kept])


def margin_gap(kind, runs=None):
    """x.4: the boxed bound on rho - q(W_t)/||W_t||."""
    out = Collector()
    for run in of_kind(kind, certified_runs() if runs is None else runs):
        r, t1 = run.recursion, run.separated_from(run.recursion.settled_from)
        margin = run.replay.min_margin[t1 + 1 :] / run.own_norm[t1 + 1 :]
        box = r.gap_bound(t1, run.steps)
        out.add("boxed bound, as rho <= margin + bound", r.rho, margin + box)
        # nothing is left to bound where the margin has passed rho
        gap = r.rho - margin
        out.add("the gap itself", np.where(gap > 1e-9, gap, 0), box)
        out.add("‖W_t‖ at most the step sizes spent", run.own_norm[1:], np.cumsum(run.eta))
    return out.bounds(noise=1e-10)


FIRST_STEPS = {
    0.25: 0.03,
    0.5: 0.2,
    0.75: 0.6,
    1.0: 1.5,
}  # roughly equal sums of step sizes after 40 000 steps
_RATE_SETTINGS = {
    "plain": (6, 0.0, False),
    "momentum": (3, 0.95, False),
    "VR": (3, 0.0, True),
    "VR+momentum": (3, 0.5, True),
}


SKEWED = scale_skewed(classes=3, samples=6, seed=2)
CLOUD = gaussian(classes=3, per_class=2, dim=8, variance=0.1, seed=1)
# on the skewed data the max-norm gap is zero to rounding, so it has no slope
RATES = [
    (data, norm, a, 0)
    for a in FIRST_STEPS
    for data, norm in ((CLOUD, MAX), (SKEWED, FROBENIUS), (SKEWED, SPECTRAL))
]
"""Data, norm, power of the step sizes and seed of the runs of a corollary."""


def corollary(kind, runs=RATES):
    """x.5: log gap falls at least 0.7 times (0.6 at a = 1) as fast as the logarithm of the stated
    rate, in every late window.

    Not 1, because lower-order terms have not died out: c/(log t + 5) is O(1/log t) and has slope
    0.67 at t = 40 000. A power of t that is wrong by 1/4 would show as a share of 0.67 or less.
    """
    out, steps = Collector(), 40_000
    record = np.unique(np.geomspace(2000, steps, 160).astype(int))
    b, beta, reduced = _RATE_SETTINGS[kind]
    for data, norm, a, seed in runs:
        run = TracedRun(data, norm, b, beta, reduced, Power(FIRST_STEPS[a], a), steps)
        w = torch.as_tensor(path(data, run.method, steps, seed, record=record))
        gap = run.recursion.margin - (Problem(data).min_margin(w) / norm.value(w)).numpy()
        constant = rates.scale(data.n // b, beta, variance_reduction=reduced)
        stated = rates.gap_rate(record, a, data.n, constant)
        slopes = [
            fit_exponent(stated[i : i + 60], gap[i : i + 60]).value for i in range(len(record) - 60)
        ]
        out.add(f"share of the stated slope, a = {a:g}", 0.6 if a == 1 else 0.7, slopes)
    return out.bounds(noise=1e-10)
