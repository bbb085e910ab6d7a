"""What version 2 corrects: Lemma V, Propositions V.1-V.5 and R, as programs."""

import numpy as np
import torch

from ibias.data import Dataset, counterexample
from ibias.maxmargin import max_margin
from ibias.methods import SteepestDescent
from ibias.norms import CATALOG, FROBENIUS, MAX, SPECTRAL, SUM
from ibias.problem import Problem
from ibias.schedules import Power
from ibias.signals import Minibatch

from ..theory import constants
from .catalog import Collector
from .instances import instances
from .trajectories import path

STEP = Power(0.1)


def margin_ceiling():
    """V: every unit W has q(W) <= min_i ||(e_y - e_c) x_i^T||_* <= 2R, so gamma - 4(m-1)R < 0 for
    every m >= 2."""
    out = Collector()
    for instance in instances():
        data = instance.problem.dataset
        for norm in CATALOG:
            ceiling = constants.finer_margin_ceiling(norm, data.x)
            out.add("finer ceiling below 2R", ceiling, constants.margin_ceiling(data.radius))
        unit = instance.w[1:] / instance.norm.value(instance.w[1:])[:, None, None]
        size = 2 * data.radius
        q = instance.problem.min_margin(unit).numpy() / size
        out.add(
            "q of a unit matrix below the finer ceiling",
            q + 1,
            constants.finer_margin_ceiling(instance.norm, data.x) / size + 1,
        )
    for norm in CATALOG[:5]:
        for k in (2, 3):
            data = Dataset(np.eye(k), np.arange(k))
            out.add(
                "gamma of the axes below 2R",
                max_margin(data, norm).margin,
                constants.margin_ceiling(data.radius),
            )
    return out.bounds()


def _weights(name, norm, b, seed, steps=1500, copies=None, schedule=STEP):
    data = counterexample(name, copies)
    return data, path(data, SteepestDescent(norm, Minibatch(b), schedule), steps, seed)


def never_classified():
    """V.1: SignSGD on one sample at a time moves along (1, -1) only: q(W_t) <= 0 and L(W_t) >= log
    2 for ever."""
    return _stuck("X.1", MAX)


def sum_norm_never_classified():
    """V.4: the sum norm on one sample at a time moves the first coordinate only."""
    return _stuck("X.4", SUM)


def _stuck(name, norm):
    out = Collector()
    for seed in range(6):
        data, w = _weights(name, norm, 1, seed)
        problem, w = Problem(data), torch.as_tensor(w)
        size = 1 + np.cumsum(np.r_[0, STEP.steps(len(w) - 1)])
        out.add(
            "min margin <= 0 (shifted by 1 + sum eta)",
            problem.min_margin(w).numpy() / size + 1,
            1.0,
        )
        out.add("L >= log 2", np.log(2), problem.log_loss(w).exp().numpy())
    return out.bounds()


PURE = {MAX: (6.0, 1.0), FROBENIUS: (np.sqrt(10), 0.8), SPECTRAL: (np.sqrt(10), 0.8)}
"""V.2: c and kappa of each norm."""
THIRDS = [
    (norm, copies, b, seed, STEP, 1500)
    for norm in PURE
    for copies, b in ((2, 1), (5, 1), (5, 2))
    for seed in range(3)
]
HALVES = [
    (MAX, copies, b, seed, STEP, 1500)
    for copies, b in ((1, 1), (3, 2), (7, 4))
    for seed in range(6)
]
"""Norm, copies of A, batch size, seed, schedule and steps of the runs of V.2 and V.3."""


def loss_diverges(runs=THIRDS):
    """V.2: with n/b >= 3 the logit gap of B after E epochs is below an explicit bound that goes to
    -infinity."""
    out = Collector()
    for norm, copies, b, seed, schedule, steps in runs:
        c, kappa = PURE[norm]
        data, w = _weights("X.2", norm, b, seed, steps, copies, schedule)
        m, gap = data.n // b, (w[:, 0] - w[:, 1]) @ np.array([-1.0, 2.0])
        epochs = np.arange(1, len(w[1:]) // m + 1)
        sums = np.cumsum(schedule.steps(len(w))[::m])[: len(epochs)]
        bound = c * (sums * (1 - (m - 1) * kappa) + (m - 1) * kappa * schedule.eta0)
        # the largest |gap| there can be: added so that both sides are positive
        size = c * m * sums
        out.add("logit gap of B", gap[epochs * m] + size, bound + size)
        late = Problem(data).log_loss(torch.as_tensor(w[-1:])).exp().numpy()
        out.add("the loss has grown past its start", np.log(2), late)
    return out.bounds()


def half_batches(runs=HALVES):
    """V.3: two batches an epoch, SignSGD: u_2 <= 2 eta_0 at every step, so the margin never
    grows."""
    out = Collector()
    for norm, copies, b, seed, schedule, steps in runs:
        data, w = _weights("X.3", norm, b, seed, steps, copies, schedule)
        problem, w, top = Problem(data), torch.as_tensor(w), 2 * schedule.eta0
        out.add("second coordinate of u", (w[:, 0] - w[:, 1])[:, 1].numpy(), top)
        out.add("min margin", problem.min_margin(w).numpy(), top)
        floor = np.log1p(np.exp(-top)) / data.n
        out.add("loss floor", floor, problem.log_loss(w).exp().numpy())
    return out.bounds()


def nearly_antiparallel():
    """V.5: with A and B nearly antiparallel, <Delta_A, B> is close to -||B||_* in every norm, and
    for m >= 3 the loss grows."""
    out = Collector()
    for norm in CATALOG:
        for spread in np.geomspace(0.003, 0.2, 12):
            a, b = np.array([1.0, -1 + spread]), np.array([-1 + spread, 1.0])
            g = np.stack([a, -a])[None]
            drift = float((norm.steepest(g)[0].numpy() * np.stack([b, -b])).sum())
            best = float(norm.dual(np.stack([b, -b])[None]))
            out.add("<Delta_A, B> within spread of -‖B‖_*", drift / best + 1, spread)
        for seed in range(2):
            _data, w = _weights("X.5", norm, 1, seed, steps=600)
            gap = (w[:, 0] - w[:, 1]) @ np.array([-0.9, 1.0])
            late = gap[len(gap) // 10 :]
            out.add(
                "B stays misclassified (gap per unit of path)", late / np.abs(gap).max() + 1, 1.0
            )
    return out.bounds()


def frozen_epoch():
    """Refinement: <sum_j Delta_j, sum_l g_l> >= (2-m) sum_l ||g_l||_*; for the Frobenius norm and m
    = 2 strictly positive."""
    out = Collector()
    for instance in instances():
        each = -instance.gradients(instance.w, instance.problem.log_proxy(instance.w))
        for m in instance.batch_counts():
            g = each.reshape(len(each), m, -1, *each.shape[2:]).mean(2)
            step, dual = instance.norm.steepest(g), instance.norm.dual(g).sum(1).numpy()
            inner = (step.sum(1) * g.sum(1)).sum((-2, -1)).numpy() / dual
            out.add("drift of an epoch, any norm", 2 - m + 2 * m, inner + 2 * m)
    for data in (counterexample("X.3", 3), counterexample("X.1"), counterexample("X.5", 3)):
        theta = (
            max_margin(data, FROBENIUS).margin / np.sqrt(2) / np.linalg.norm(data.x, axis=1).max()
        )
        w = (
            np.random.default_rng(9).normal(size=(300, 2, 2))
            * np.geomspace(1e-3, 20, 300)[:, None, None]
        )
        problem, half = Problem(data), data.n // 2
        g = torch.stack(
            [
                -problem.gradient(
                    torch.as_tensor(w), torch.arange(j * half, (j + 1) * half)
                ).plain()
                for j in range(2)
            ],
            1,
        )
        size = FROBENIUS.value(g).sum(1).numpy()
        kept = size > 0
        inner = (FROBENIUS.steepest(g).sum(1) * g.sum(1)).sum((-2, -1)).numpy()
        out.add(
            "Frobenius, m = 2: drift >= 2 theta^2 (‖g_1‖ + ‖g_2‖)",
            2 * theta**2,
            inner[kept] / size[kept],
        )
    for turn in np.linspace(0.1, 3, 20):  # the spectral norm can be neutral at m = 2
        q, _ = np.linalg.qr(np.array([[np.cos(turn), 1.0], [np.sin(turn), 0.3]]))
        pair = torch.as_tensor(np.stack([q @ np.diag([2.0, 1.0]), -q @ np.diag([1.0, 2.0])]))
        out.same(
            "spectral norm, m = 2: neutral pairs exist",
            SPECTRAL.steepest(pair).sum(0).abs().amax().reshape(1),
            1e-12,
        )
    return out.bounds()


def momentum_zero():
    """4.4: with N(beta, m) the momentum theorem at beta = 0 is Theorem 4.1, and it leaves it
    continuously; version 1's does not."""
    out, counts = Collector(), np.arange(2, 1002)
    plain = 4.0 * (counts - 1)
    out.same(
        "N(0, m) = m - 1", np.abs(4 * constants.sampling_error(0.0, counts) / plain - 1), 1e-12
    )
    out.same(
        "continuous at beta = 0",
        np.abs(4 * constants.sampling_error(1e-9, counts) / plain - 1),
        1e-8,
    )
    out.add(
        "version 1's penalty is at least three times Theorem 4.1's",
        3.0,
        4 * constants.sampling_error_paper(0.0, counts) / plain,
    )
    return out.bounds()
