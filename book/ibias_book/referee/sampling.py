"""Three ways to draw mini-batches, and what each leaves of the noise in a momentum average.

Lemma C.12 of arXiv:2602.11557 is about random reshuffling. Here the same methods also draw their
batches independently, and in one order for ever.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
import xarray as xr

from ibias.data import Dataset
from ibias.maxmargin import max_margin
from ibias.methods import SteepestDescent
from ibias.norms import Norm
from ibias.problem import Problem, Scaled, weighted_sum
from ibias.runs import sweep
from ibias.schedules import Power, step_sizes
from ibias.signals import FullBatch, Momentum
from ibias.streams import generator

from ..batches import batch_rows, batches_per_epoch

SCHEMES = ("reshuffled", "cyclic", "independent")


def rows(scheme: str, n: int, size: int, seed: int, steps: int) -> np.ndarray:
    """The samples of every step, ``(steps, size)`` int64, drawn by one of `SCHEMES`.

    "reshuffled": a new order every epoch; "cyclic": the first of these orders for ever;
    "independent": every batch drawn anew, without repetition inside a batch.
    """
    m = batches_per_epoch(n, size)
    if scheme == "reshuffled":
        return batch_rows(n, size, seed, steps)
    if scheme == "cyclic":
        return np.tile(batch_rows(n, size, seed, m), (-(-steps // m), 1))[:steps]
    if scheme == "independent":
        # the smallest of n uniform numbers: a subset drawn without repetition, all equally likely
        return np.argpartition(generator(seed).random((steps, n)), size - 1, axis=1)[:, :size]
    raise ValueError(f"a scheme of sampling is one of {', '.join(SCHEMES)}; got {scheme!r}")


def remaining_variance(scheme: str, beta: float, m: int) -> float:
    """Variance of a momentum average over that of one batch, in the long run and over all orders.

    The weights of the average are ``w_tau = (1 - beta) beta^tau``. Independent batches:
    ``(1 - beta)/(1 + beta)``. Otherwise two batches of one epoch correlate by ``-1/(m - 1)``, so an
    epoch's weights enter as ``(m sum w^2 - (sum w)^2)/(m - 1)``; reshuffled, epochs add up and the
    position inside the epoch is averaged over; cyclic, equal positions share one batch. ``m`` is
    the number of batches an epoch, at least 2.
    """
    if m < 2:
        raise ValueError(f"one batch an epoch has no noise to be averaged; got m = {m}")
    if scheme == "independent":
        return (1 - beta) / (1 + beta)
    within = beta ** np.arange(m) * (1 - beta)
    if scheme == "cyclic":
        shares = within / (1 - beta**m)
        return float((m * shares @ shares - 1) / (m - 1))
    if scheme != "reshuffled":
        raise ValueError(f"a scheme of sampling is one of {', '.join(SCHEMES)}; got {scheme!r}")
    seen = np.arange(1, m + 1)  # batches of the running epoch that are in the average
    running = (1 - beta**seen) ** 2
    whole = beta ** (2 * seen) * (1 - beta**m) ** 2 / (1 - beta ** (2 * m))
    squares = (1 - beta) / (1 + beta)
    return float((m * squares - (running + whole).mean()) / (m - 1))


def end_errors(
    dataset: Dataset,
    lengths: Mapping[Norm, Power],
    momenta: Sequence[float],
    *,
    batch_size: int,
    steps: int,
    seeds: Sequence[int],
) -> xr.Dataset:
    """Relative margin errors at the end of runs, over (norm, momentum, scheme, seed), beside the
    full batch's (``full`` over norm and momentum) and the noise that theory leaves (``noise`` over
    momentum and scheme)."""
    problem = Problem(dataset)
    m = batches_per_epoch(dataset.n, batch_size)
    drawn = np.stack(
        [rows(s, dataset.n, batch_size, seed, steps) for s in SCHEMES for seed in seeds], axis=1
    )
    error = np.empty((len(lengths), len(momenta), len(SCHEMES), len(seeds)))
    full = np.empty((len(lengths), len(momenta)))
    for i, (norm, power) in enumerate(lengths.items()):
        gamma = max_margin(dataset, norm).margin
        batches = torch.as_tensor(np.tile(drawn, (1, len(momenta), 1)))
        betas = np.repeat(momenta, drawn.shape[1])
        ends = final_weights(problem, norm, power, betas, batches)
        error[i] = _error(problem, norm, gamma, ends).reshape(error.shape[1:])
        methods = [
            SteepestDescent(norm, Momentum(beta, FullBatch()), power, name=f"{beta}")
            for beta in momenta
        ]
        whole = sweep(dataset, methods, steps=steps, record=[steps], progress=False)
        full[i] = 1 - whole.margin.values.ravel() / gamma
    return xr.Dataset(
        {
            "error": (("norm", "momentum", "scheme", "seed"), error),
            "full": (("norm", "momentum"), full),
            "noise": (
                ("momentum", "scheme"),
                [[remaining_variance(s, beta, m) for s in SCHEMES] for beta in momenta],
            ),
        },
        {
            "norm": [norm.text for norm in lengths],
            "momentum": list(momenta),
            "scheme": list(SCHEMES),
            "seed": list(seeds),
        },
    )


def final_weights(problem, norm, schedule, betas, batches) -> torch.Tensor:
    """The last weights ``(runs, k, d)`` of normalised steepest descent with momentum.

    ``betas`` holds the momentum of each run, ``(runs,)``; ``batches`` ``(steps, runs, size)`` the
    samples of each step.
    """
    w = problem.start(len(betas))
    average, beta = zero(w), torch.as_tensor(np.asarray(betas, dtype=float))
    for t, eta in enumerate(step_sizes(schedule, 0, len(batches))):
        average = averaged(average, problem.gradient(w, batches[t]), beta)
        w = w - eta * norm.steepest(average.value)
    return w


def zero(w: torch.Tensor) -> Scaled:
    """An average of nothing, for runs with weights ``w`` ``(runs, k, d)``."""
    return Scaled(torch.zeros_like(w), w.new_full((len(w),), -torch.inf))


def averaged(old: Scaled, new: Scaled, beta: torch.Tensor) -> Scaled:
    """``beta old + (1 - beta) new`` with a ``beta`` for each run, ``(runs,)``."""
    return weighted_sum(
        (1, Scaled(old.value, old.log_scale + beta.log())),
        (1, Scaled(new.value, new.log_scale + (1 - beta).log())),
    ).rescaled()


def _error(problem, norm, gamma, w):
    return (1 - problem.min_margin(w) / norm.value(w) / gamma).numpy()
