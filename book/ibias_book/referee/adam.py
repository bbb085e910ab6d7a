"""Adam without its stability constant in the linear model, run for many of its memories."""

from collections.abc import Sequence

import numpy as np
import torch
import xarray as xr

from ibias.data import Dataset
from ibias.maxmargin import max_margin
from ibias.norms import MAX
from ibias.problem import Problem, Scaled
from ibias.schedules import Power, step_sizes

from .sampling import averaged, rows, zero


def weights(
    problem: Problem, batches: torch.Tensor, beta1: float, beta2: torch.Tensor, schedule: Power
) -> torch.Tensor:
    """The last weights ``(runs, k, d)`` of bias-corrected Adam with epsilon = 0; ``batches``
    ``(steps, runs, size)``, ``beta2`` ``(runs,)``.

    Gradients fall below the smallest float long before the margin has settled, so both averages
    carry their scale as a logarithm. An entry whose gradient was zero throughout stays.
    """
    w = problem.start(len(beta2))
    mean = square = zero(w)
    slow = torch.full_like(beta2, beta1)
    for t, eta in enumerate(step_sizes(schedule, 0, len(batches)), start=1):
        g = problem.gradient(w, batches[t - 1]).rescaled()
        mean = averaged(mean, g, slow)
        square = averaged(square, Scaled(g.value**2, 2 * g.log_scale), beta2)
        scale = (mean.log_scale - square.log_scale / 2).exp()
        corrected = scale * (1 - beta2**t).sqrt() / (1 - beta1**t)
        size = torch.where(square.value > 0, square.value, 1.0).sqrt()
        w = w - eta * corrected[:, None, None] * mean.value / size
    return w


def memories(
    dataset: Dataset,
    beta2: Sequence[float],
    batch_sizes: Sequence[int],
    *,
    beta1: float,
    steps: int,
    seeds: Sequence[int],
) -> xr.Dataset:
    """Relative error of the max-norm margin and log10 of the loss after ``steps``, over (beta2,
    batch_size, seed); the first step is 1/gamma and steps fall as t^-1/2."""
    problem, gamma = Problem(dataset), max_margin(dataset, MAX).margin
    shape = len(beta2), len(seeds)
    error, loss = [], []
    decay = torch.as_tensor(np.repeat(np.asarray(beta2, dtype=float), len(seeds)))
    for b in batch_sizes:
        drawn = np.stack([rows("reshuffled", dataset.n, b, s, steps) for s in seeds], axis=1)
        batches = torch.as_tensor(np.tile(drawn, (1, len(beta2), 1)))
        w = weights(problem, batches, beta1, decay, Power(1 / gamma, 0.5))
        error.append((1 - problem.min_margin(w) / MAX.value(w) / gamma).numpy().reshape(shape))
        loss.append((problem.log_loss(w).numpy() / np.log(10)).reshape(shape))
    return xr.Dataset(
        {
            "error": (("batch_size", "beta2", "seed"), np.array(error)),
            "log_loss": (("batch_size", "beta2", "seed"), np.array(loss)),
        },
        {"beta2": list(beta2), "batch_size": list(batch_sizes), "seed": list(seeds)},
    )
