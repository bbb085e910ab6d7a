"""Lemmas about the loss and its proxy (C.5-C.10): everything is divided by G(W), so early and late
phases weigh the same."""

import numpy as np
import torch

from ibias.data import Dataset, gaussian, scale_skewed
from ibias.norms import FROBENIUS, MAX, SPECTRAL
from ibias.problem import Problem

from .catalog import Collector
from .instances import LANES, Instance, instances

LOG2 = float(np.log(2))


def gradient_norm(loss=None):
    """C.5: gamma G <= ||grad L||_* <= 2 R G, on all samples and on mini-batches."""
    out, chosen = Collector(), {} if loss is None else {"loss": loss}
    for instance in instances(**chosen):
        for rows in _row_sets(instance):
            out.add(
                "‖grad L‖_* <= 2 R G",
                _dual_over_proxy(instance.problem, instance.w, rows, instance.norm),
                2 * instance.radius,
            )
    for problem, norm, best, w in _margin_instances(**chosen):
        for rows in (
            None,
            torch.arange(problem.dataset.n // 2),
            torch.tensor([problem.dataset.n - 1]),
        ):
            out.add("gamma G <= ‖grad L‖_*", best.margin, _dual_over_proxy(problem, w, rows, norm))
    return out.bounds()


def _row_sets(instance):
    n = instance.problem.dataset.n
    return (None, torch.arange(n // 2), torch.tensor([int(instance.rng.integers(n))]))


def _dual_over_proxy(problem, w, rows, norm):
    g = problem.gradient(w, rows)
    log_g = problem.log_proxy(w, rows)
    return norm.dual(g.value * (g.log_scale - log_g).exp()[:, None, None]).numpy()


def _margin_instances(**loss):
    """Separable data with certified maximum margins, and weights near the max-margin direction,
    where C.5 is tightest."""
    from ibias.maxmargin import max_margin

    rng = np.random.default_rng(5)
    sets = [gaussian(classes=3, per_class=2, dim=8, variance=1.0, seed=s) for s in range(4)]
    sets += [scale_skewed(classes=3, samples=6, seed=s) for s in range(3)]
    sets.append(Dataset(np.eye(2), np.arange(2)))
    for data in sets:
        for norm in (MAX, FROBENIUS, SPECTRAL):
            best = max_margin(data, norm)
            noise = (
                rng.normal(size=(LANES, *best.weights.shape))
                * np.geomspace(1e-3, 1, LANES)[:, None, None]
            )
            w = (best.weights + noise * norm.value(best.weights).item()) * np.geomspace(
                30, 0.1, LANES
            )[:, None, None]
            yield Problem(data, **loss), norm, best, torch.as_tensor(w)


def loss_lipschitz():
    """C.6: |L(W') - L(W)| <= 2 R ||W' - W||."""
    out = Collector()
    for instance in instances():
        change = (
            (
                instance.problem.log_loss(instance.other).exp()
                - instance.problem.log_loss(instance.w).exp()
            )
            .abs()
            .numpy()
        )
        kept = (
            instance.distance()[0] * instance.radius > 1e-4
        )  # below, the difference of two losses has few digits left
        out.add(
            "loss difference",
            change[kept] / (2 * instance.radius * instance.distance()[1][kept]),
            np.ones(kept.sum()),
        )
    return out.bounds(noise=1e-9)


def proxy_and_loss():
    """C.7: 1 - nL/2 <= G/L <= 1, and L <= 2G once L <= log 2 / n or G <= 1/(2n).

    Sharper: 2 log 2 in place of 2. Either condition makes every loss at most log 2, and 1 - e^-l is
    concave, so r >= l / (2 log 2) there; attained by one sample at its tie.
    """
    out = Collector()
    for instance in _loss_instances():
        n, log_l, log_g = (
            instance.problem.dataset.n,
            instance.problem.log_loss(instance.w),
            instance.problem.log_proxy(instance.w),
        )
        ratio, loss = (log_g - log_l).exp().numpy(), log_l.exp().numpy()
        out.add("(i) G <= L", ratio, 1.0)
        # the deficit of G/L is at most nL/2: near loss 0 the ratio itself is 1 and says nothing
        out.add("(i) 1 - nL/2 <= G/L, as deficits", 1 - ratio, n * loss / 2)
        small = (loss <= LOG2 / n) | (np.exp(log_g.numpy()) <= 0.5 / n)
        if small.any():
            out.add("(ii) L <= 2 G", 1 / ratio[small], 2.0)
            out.add("(ii) L <= 2 log(2) G (sharper)", 1 / ratio[small], 2 * LOG2)
    return out.bounds()


def low_loss_separates():
    """C.8: a misclassified (or tied) sample keeps n L >= log 2."""
    out = Collector()
    for instance in _loss_instances():
        wrong = (instance.problem.min_margin(instance.w) <= 0).numpy()
        if wrong.any():
            total = instance.problem.dataset.n * instance.problem.log_loss(instance.w).exp().numpy()
            out.add("log 2 <= n L where q <= 0", LOG2, total[wrong])
    return out.bounds()


def _loss_instances():
    """The instances, and weights with all the loss on one sample (k = 2): at its tie n L = log 2,
    at small loss nL/2 is G's deficit."""
    yield from instances(count=128)
    rng = np.random.default_rng(7)
    for copies in range(1, 12):
        data = Dataset(
            np.r_[np.eye(2)[[0]], np.tile(np.eye(2)[1], (copies, 1))],
            np.r_[0, np.ones(copies, int)],
        )
        w = torch.zeros(LANES, 2, 2, dtype=torch.float64)
        w[:, 1, 1] = 60.0
        w[:, 0, 0] = torch.as_tensor(np.r_[0.0, np.geomspace(1e-3, 40, LANES - 1)])
        problem = Problem(data)
        yield Instance(problem, MAX, w, w, rng)


def proxy_stability(loss=None):
    """C.9: |log G(W') - log G(W)| <= 2 R ||W' - W||_max, hence the same with any of the norms."""
    out, chosen = Collector(), {} if loss is None else {"loss": loss}
    for instance in instances(**chosen):
        change = (
            (instance.problem.log_proxy(instance.other) - instance.problem.log_proxy(instance.w))
            .abs()
            .numpy()
        )
        top, own = instance.distance()
        kept = top * instance.radius > 1e-4
        size = 2 * instance.radius * top[kept]
        out.add("max norm", change[kept] / size, 1.0)
        out.add("the method's norm", change[kept] / size, own[kept] / top[kept])
    return out.bounds(noise=1e-9)


def gradient_stability(loss=None):
    """C.10: ||grad L(W') - grad L(W)||_sum <= 2 R (e^(2 R ||W'-W||_max) - 1) G(W), also sample by
    sample with r_i(W)."""
    out, chosen = Collector(), {} if loss is None else {"loss": loss}
    for instance in instances(**chosen):
        problem, top = instance.problem, instance.distance()[0]
        kept = top * instance.radius > 1e-4
        growth = 2 * instance.radius * np.expm1(2 * instance.radius * top[kept])
        log_g = problem.log_proxy(instance.w)
        each = instance.gradients(instance.other, log_g) - instance.gradients(instance.w, log_g)
        out.add("whole gradient", each.mean(1).abs().sum((-2, -1)).numpy()[kept] / growth, 1.0)
        own = instance.gradients(instance.w, log_g).abs().sum((-2, -1)).numpy()[kept]
        lengths = np.abs(problem.dataset.x).sum(1)
        residual = own / (2 * lengths)  # ||grad l_i||_sum = 2 r_i ||x_i||_1
        change = each.abs().sum((-2, -1)).numpy()[kept]
        seen = residual > 1e-9 * residual.max(1, keepdims=True)
        out.add("each sample", (change / (growth[:, None] * residual.clip(1e-300)))[seen], 1.0)
    return out.bounds(noise=1e-9)
