"""Lemmas about mini-batch noise (C.11-C.15): sampling, its accumulation by momentum, variance
reduction, and the step-size sums."""

import numpy as np
import torch

from ibias.data import Dataset
from ibias.norms import CATALOG
from ibias.problem import Problem

from ...batches import batch_rows
from ..theory import constants
from ..theory.replay import replay
from .catalog import Bound, Collector
from .instances import instances

MOMENTA = (0.0, 0.3, 0.7, 0.9, 0.97, 0.99, 0.999)


def sampling_noise(loss=None):
    """C.11: ||Xi||_* <= ||Xi||_sum <= 2 (m-1) R G for every batch; over the m batches of an epoch
    the sum is <= 4 (m-1) R G."""
    out, chosen = Collector(), {} if loss is None else {"loss": loss}
    for instance in instances(**chosen):
        each = instance.gradients(instance.w, instance.problem.log_proxy(instance.w))
        for m in instance.batch_counts():
            total, own = _noise_of_partition(instance, each, m)
            out.add("any dual norm below the sum norm", own, total)
            one, epoch = 2 * (m - 1) * instance.radius, 4 * (m - 1) * instance.radius
            out.add("one batch", total, one)
            out.add("a whole epoch (sharper)", total.sum(1), epoch)
            if instance.problem.dataset.name == "attaining":
                worst = np.array([total.max() / one, total.sum(1).max() / epoch])
                out.same("attained at every m", np.abs(worst - 1), 1e-9)
    return out.bounds()


def _noise_of_partition(instance, each, m):
    """||Xi_j||_sum and ||Xi_j||_* for the batches of one random partition; half the lanes keep the
    order of the samples."""
    n = each.shape[1]
    order = np.stack(
        [instance.rng.permutation(n) if lane % 2 else np.arange(n) for lane in range(len(each))]
    )
    shuffled = torch.take_along_dim(each, torch.as_tensor(order)[..., None, None], 1)
    batches = shuffled.reshape(len(each), m, n // m, *each.shape[2:]).mean(2)
    noise = batches - each.mean(1, keepdim=True)
    return noise.abs().sum((-2, -1)).numpy(), instance.norm.dual(noise).numpy()


def accumulated_noise():
    """C.12: (1-beta) ||E_t||_sum <= 2 R N(beta, m) G (sharper), which is below version 1's
    polynomial and 2 (m-1)(1-beta)."""
    out, rng = Collector(), np.random.default_rng(12)
    for instance in instances(count=24):
        each = instance.gradients(instance.w[:6], instance.problem.log_proxy(instance.w[:6]))
        for m in instance.batch_counts():
            for beta in MOMENTA:
                size = _accumulated(each, _coefficients(instance.problem.dataset.n, m, beta, rng))
                _compare(out, size, m, beta, instance.radius)
    for m in (2, 3, 5, 8, 20):
        for beta in MOMENTA:
            hot = _hot_sample(m, beta)
            _compare(out, hot, m, beta, 1.0)
            worst = 2 * constants.sampling_error(beta, m)
            out.same("N attained at every m and beta", abs(hot.max() / worst - 1), 1e-9)
    betas, counts = np.meshgrid(np.r_[MOMENTA, 0.9999], np.r_[2:200], indexing="ij")
    exact = constants.sampling_error(betas, counts)
    out.add("N <= 2 (m-1)(1-beta)", exact, 2 * (counts - 1) * (1 - betas))
    out.add("N <= (1-beta) m (m^2-1) / 2", exact, constants.sampling_error_paper(betas, counts))
    out.add("the negative side is never larger", _negative_side(betas, counts), exact)
    return out.bounds()


def _compare(out, size, m, beta, radius):
    out.add(
        "exact constant N(beta, m) (sharper)", size, 2 * radius * constants.sampling_error(beta, m)
    )
    out.add("version 1's polynomial", size, 2 * radius * constants.sampling_error_paper(beta, m))


def _coefficients(n, m, beta, rng, epochs=8):
    """Weights of the samples in (1-beta) n E_t, after whole and unfinished epochs, (times, n):
    random reshuffling."""
    rows = np.concatenate([rng.permutation(n).reshape(m, n // m) for _ in range(epochs)])
    weights, out = np.zeros(n), []
    for batch in rows:
        drawn = np.full(n, -1.0)
        drawn[batch] += m
        weights = beta * weights + (1 - beta) * drawn
        out.append(weights)
    return torch.as_tensor(np.array(out[-m - 1 :]))


def _accumulated(each, coefficients):
    error = torch.einsum("tn,lnkd->tlkd", coefficients, each) / each.shape[1]
    return error.abs().sum((-2, -1)).numpy()


def _hot_sample(m, beta):
    """The worst case: one sample holds all the residual and sits in the newest batch of the running
    and of every past epoch.

    Its coefficient over n, with ||g||_sum = 2 r and G = r/n, gives ||E||_sum / G; a thousand epochs
    reach the limit, and the other running lengths are included.
    """
    ages = np.arange(int(min(40 * m + 40 / (1 - beta), 2e5)))
    mass = (1 - beta) * np.power(beta, ages) if beta else np.where(ages == 0, 1.0, 0.0)
    lengths = np.arange(
        1, m + 1
    )  # how many batches of the running epoch are done; the hot one is the newest
    coefficient = [m * (mass[0] + mass[j::m].sum()) - mass.sum() for j in lengths]
    return 2 * np.abs(coefficient)


def _negative_side(beta, m):
    """1 - mass of the sample when it sits in the oldest batch of every past epoch and is still to
    come in this one."""
    oldest = (
        m * (1 - beta) * np.power(beta, 2 * m - 2) / -np.expm1(m * np.log(np.maximum(beta, 1e-300)))
    )
    return 1 - np.where(beta > 0, oldest, 0.0)


def reduced_noise():
    """C.13: ||V - grad L(W)||_sum <= 2 (m-1) R (e^(2R||W-Wt||_max) - 1) G, with G at W and with G
    at the snapshot Wt."""
    out = Collector()
    for instance in instances():
        top = instance.distance()[0]
        kept = top * instance.radius > 1e-4
        growth = np.expm1(2 * instance.radius * top[kept])
        for name, unit in (("G(W)", instance.w), ("G at the snapshot", instance.other)):
            log_g = instance.problem.log_proxy(unit)
            change = instance.gradients(instance.w, log_g) - instance.gradients(
                instance.other, log_g
            )
            for m in instance.batch_counts():
                total, _ = _noise_of_partition(instance, change, m)
                out.add(name, total[kept].max(1) / (2 * (m - 1) * instance.radius * growth), 1.0)
    return out.bounds(noise=1e-9)


def averaged_reduced_noise():
    """C.14: ||E_t||_sum <= 2 (m-1) R (1-beta) Phi_t(beta, 2R, m-1) G(W_t) along arbitrary paths
    with steps of length eta_t."""
    out = Collector()
    for index in range(36):
        rng = np.random.default_rng([14, index])
        data = _small_data(rng, index)
        n, b = data.n, [1, 2, 3][index % 3]
        beta, eta = (
            (0.3, 0.7, 0.9)[index // 3 % 3],
            0.3 / data.radius * (np.arange(80) + 1.0) ** -0.5,
        )
        steps = _path_steps(rng, data, len(eta), CATALOG[index % len(CATALOG)], aligned=index % 2)
        path = np.concatenate(
            [np.zeros((1, data.k, data.d)), np.cumsum(-eta[:, None, None] * steps, 0)]
        )
        run = replay(
            Problem(data),
            path,
            batch_rows(n, b, index, len(eta)),
            beta=beta,
            variance_reduction=True,
        )
        size = np.abs(run.parts["estimator"]).sum((1, 2))
        m = n // b
        out.add(
            "exact sums Phi_t",
            size,
            2
            * (m - 1)
            * data.radius
            * (1 - beta)
            * constants.phi(eta, beta, 2 * data.radius, m - 1),
        )
    for beta, m, t, eta in (
        (0.01, 2, 1, np.full(3, 1e-3)),
        (0.01, 10, 8, np.full(10, 1e-3)),
        (0.3, 2, 8, np.full(10, 2.0)),
        *((beta, 2, 8, 2 * (np.arange(10) + 1.0) ** -0.5) for beta in (0.7, 0.9)),
    ):
        size, bound = _hot_path(beta, m, t, eta)
        out.add("exact sums Phi_t", size, bound)
        if t == 8 and beta > 0.01:
            out.add(f"exact sums Phi_t, at t = 8 and beta = {beta}", size, bound)
    return out.bounds()


def _hot_path(beta, m, t, eta):
    """Both sides of C.14 at step t for a path built against it: one sample holds all the residual,
    every step raises its margin as far as the max norm allows, so that snapshots weigh most, and it
    is met where all errors of the sum have one sign.

    Found by enumeration of orders, m, schedules and directions for t = 1, 2 and 8. As beta -> 0 and
    the steps shrink the bound is attained, at any t: the sample is in the newest of m > t batches.
    """
    data = Dataset(np.eye(2)[[0] + [1] * (m - 1)], np.array([0] + [1] * (m - 1)))
    moved = np.concatenate([[0], np.cumsum(eta)])[: t + 2]
    w = np.zeros((t + 2, 2, 2))
    w[:, 0, 0], w[:, 1, 1] = 30 + moved, 120
    w[:, 1, 0], w[:, 0, 1] = -30 - moved, -120
    # for two batches the first of every epoch (its error is zero, the other's is not), else batch t
    first = np.roll(np.arange(m), 0 if m == 2 else t)
    rows = np.tile(first, 1 + t // m)[: t + 1, None]
    run = replay(Problem(data), w, rows, beta=beta, variance_reduction=True)
    size = np.abs(run.parts["estimator"]).sum((1, 2))[t]
    sums = constants.phi(eta[: t + 1], beta, 2.0, m - 1)[t]
    return size, 2 * (m - 1) * (1 - beta) * sums


def _small_data(rng, index):
    k, n = 3, 6
    x = rng.normal(size=(n, 4))
    if index % 3 == 0:
        x[0] *= 10
    return Dataset(x, np.arange(n) % k)


def _path_steps(rng, data, count, norm, aligned):
    """Unit steps: random ones, or always the one that hurts the sample of largest ||x||_1 most."""
    if aligned:
        i = int(np.argmax(np.abs(data.x).sum(1)))
        side = np.where(np.arange(data.k) == data.y[i], 1.0, -1.0)
        return np.repeat(norm.steepest(np.outer(side, np.sign(data.x[i]))).numpy()[None], count, 0)
    return norm.steepest(rng.normal(size=(count, data.k, data.d))).numpy()


def step_size_sums():
    """C.15: Phi_t(beta, c, lag) <= c_2 eta_t at t_0, just after and long after, for a grid of beta,
    c, a, lag and eta_0."""
    lhs, rhs = [], []
    for beta in (0.0, 0.3, 0.7, 0.9, 0.97):
        for a in (0.25, 0.5, 0.75, 1.0):
            for c in (0.2, 2.0, 8.0):
                for lag in (0, 1, 5):
                    for eta0 in (0.003, 0.02, 0.1):
                        start = constants.averaging_start(beta, c, eta0, a, lag)
                        if start > 150_000:
                            continue
                        for t in (start, start + 1, start + 7, 2 * start + 20):
                            lhs.append(_phi_at(t, eta0, a, beta, c, lag))
                            rhs.append(
                                constants.averaging_constant(beta, c, a, lag) * eta0 * (t + 1) ** -a
                            )
    return (Bound("Phi_t <= c_2 eta_t from t_0 on", np.array(lhs) / rhs, np.ones(len(lhs))),)


def _phi_at(t, eta0, a, beta, c, lag):
    """One Phi_t from its definition: eta_s = 0 before the start."""
    sums = np.concatenate([[0.0], np.cumsum(eta0 * (np.arange(t) + 1.0) ** -a)])
    tau = np.arange(t + 1)
    weights = np.power(beta, tau) if beta else np.where(tau == 0, 1.0, 0.0)
    with np.errstate(over="ignore", invalid="ignore"):
        grown = np.expm1(c * (sums[t] - sums[np.maximum(t - tau - lag, 0)]))
        terms = np.where(weights > 0, weights * grown, 0.0)
    return float(terms.sum())
