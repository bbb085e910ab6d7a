"""The exponential loss (Appendix I): the lemmas that carry over, the one that does not, and its
corrected replacement."""

import numpy as np
import torch

from ibias.data import counterexample, gaussian
from ibias.losses import EXPONENTIAL
from ibias.methods import SteepestDescent
from ibias.norms import FROBENIUS, MAX, SPECTRAL
from ibias.problem import Problem
from ibias.schedules import Power
from ibias.signals import Minibatch, Momentum

from . import loss_and_proxy, noise
from .catalog import Collector
from .instances import instances
from .trajectories import path


def proxy_lemmas():
    """I.1: gamma G <= ||grad L||_* <= 2 R G; the Hessian form <= 4 R^2 ||D||_max^2 G; log G is
    2R-Lipschitz. Here G = L."""
    out = Collector()
    for instance in instances(loss=EXPONENTIAL):
        problem, move = instance.problem, instance.other - instance.w
        share = problem.residual(instance.w)
        log_g = problem.log_proxy(instance.w)
        weight = (share.value * (share.log_scale - log_g).exp()[:, None, None]).numpy()
        u = problem.logits(move).numpy()
        own = np.take_along_axis(
            u, np.broadcast_to(problem.dataset.y[None, :, None], (len(u), problem.dataset.n, 1)), 2
        )
        form = (np.maximum(weight, 0) * (own - u) ** 2).sum(2).mean(1)
        top = instance.distance()[0]
        out.add("(ii) Hessian form", form / (4 * instance.radius**2 * top**2), 1.0)
        out.same("G = L", (log_g - problem.log_loss(instance.w)).abs(), 1e-12)
    first = loss_and_proxy.gradient_norm(EXPONENTIAL)
    third = loss_and_proxy.proxy_stability(EXPONENTIAL)
    return (*first, *out.bounds(noise=1e-9), *third, *warm_up())


def warm_up():
    """What replaces C.6 (contradicts): log L moves by at most 2 R per unit of step size; |L(W') -
    L(W)| <= 2 R ||W' - W|| is false."""
    out = Collector()
    data = gaussian(classes=3, per_class=2, dim=8, variance=0.3, seed=1)
    for norm in (MAX, FROBENIUS, SPECTRAL):
        for b in (1, 2, 6):
            step = Power(0.05)
            w = path(data, SteepestDescent(norm, Minibatch(b), step), 300, loss=EXPONENTIAL)
            log_loss = Problem(data, EXPONENTIAL).log_loss(torch.as_tensor(w)).numpy()
            grown = np.abs(log_loss[1:] - log_loss[0])
            out.add(
                "corrected warm-up: L(W_t) <= L(W_0) e^(2R sum eta)",
                grown,
                2 * data.radius * np.cumsum(step.steps(300)),
            )
    # single samples of one class pull the other's away as fast as the max norm allows
    data, step = counterexample("X.2", 19), Power(0.3)
    for seed in range(5):
        method = SteepestDescent(MAX, Momentum(0.9985, Minibatch(1)), step)
        w = path(data, method, 40, seed, loss=EXPONENTIAL)
        log_loss = Problem(data, EXPONENTIAL).log_loss(torch.as_tensor(w)).numpy()
        out.add(
            "corrected warm-up: L(W_t) <= L(W_0) e^(2R sum eta)",
            np.maximum(log_loss[1:] - log_loss[0], 0),
            2 * data.radius * np.cumsum(step.steps(40)),
        )
    return out.bounds()


def gradient_stability():
    """I.2: C.10 for the exponential loss."""
    return loss_and_proxy.gradient_stability(EXPONENTIAL)


def sampling_noise():
    """I.3: C.11 for the exponential loss."""
    return noise.sampling_noise(EXPONENTIAL)
