"""Where mini-batches without momentum converge: the plateau of the margin error, predicted.

Many small steps act like their mean. As ``eta -> 0`` the iterates of the mini-batch method follow
the *mean flow* ``dW/ds = -E_B[steepest(grad L_B(W))]`` in the path length ``s = sum eta``, in which
neither the schedule nor the order of the batches nor the seed is left. Once the flow grows along a
direction ``D`` for ever, ``D`` is the limit direction and ``1 - q(D) / (gamma |D|)`` the plateau.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import comb

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from ibias.data import Dataset
from ibias.maxmargin import max_margin
from ibias.methods import SteepestDescent
from ibias.norms import FROBENIUS, SPECTRAL, Norm
from ibias.problem import Problem
from ibias.runs import sweep
from ibias.schedules import Power
from ibias.signals import Minibatch
from ibias.streams import permutations

PIECE = 0.1
"""Length of one Euler step of the mean flow times gamma: a margin grows by at most that much."""


def subsets(n: int, size: int, most: int = 2000) -> np.ndarray:
    """All batches of ``size`` out of ``n`` samples, ``(count, size)``; where they are more than
    ``most``, that many of them, from whole random epochs so that each sample occurs equally
    often."""
    if comb(n, size) <= most:
        return np.array(list(combinations(range(n), size)))
    epochs = -(-most // (n // size))
    return permutations(n, 0, epochs)[:, : n // size * size].reshape(-1, size)


def mean_flow(problem: Problem, norm: Norm, rows: np.ndarray, piece: float, marks: Sequence[int]):
    """Weights of the mean flow after the numbers of Euler steps in ``marks``, ``(marks, k, d)``."""
    steepest, w, seen = _steepest(norm, problem), problem.start(), []
    outside = torch.ones(len(rows), problem.dataset.n, dtype=torch.bool)
    outside.scatter_(1, torch.as_tensor(rows), False)
    for t in range(1, max(marks) + 1):
        # each sample's gradient once; a batch's sum is taken relative to its largest residual
        margins, others = problem.soft_margin(problem.logits(w))
        residual = others - problem.own.to(others)
        each = (residual[..., None] * problem.x[:, None]).flatten(1)
        logs = problem.loss.log_residual(margins).expand(outside.shape)
        logs = logs.masked_fill(outside, -torch.inf)
        shares = (logs - logs.amax(1, keepdim=True)).exp()
        gradients = (shares @ each).view(-1, *w.shape)
        w = w - piece * steepest(gradients).mean(0)
        if t in marks:
            seen.append(w)
    return torch.stack(seen)


def _steepest(norm: Norm, problem: Problem):
    """``norm.steepest`` for gradients of ``problem``, whose columns sum to zero: of two classes
    they have rank one, and the spectral map is the Frobenius map (Lemma H.1)."""
    cheaper = {2: FROBENIUS.steepest, 3: polar_of_two} if norm == SPECTRAL else {}
    return cheaper.get(problem.dataset.k, norm.steepest)


def polar_of_two(g: Tensor) -> Tensor:
    """``SPECTRAL.steepest`` of matrices ``(*lanes, 3, d)`` of ordinary size whose columns sum to
    zero, without a singular value decomposition.

    In an orthonormal basis two rows a, b are left. With u the unit vector along a, v the one along
    ``b - c u``, ``c = <b, u>``, and ``h = <b, v>``, the polar factor has the rows ``a + h u - c v``
    and ``b + |a| v`` over the sum of the singular values, the root of ``|a|^2 + |b|^2 + 2 |a| h``.
    """
    basis = torch.tensor([[1.0, -1.0, 0.0], [1.0, 1.0, -2.0]]).to(g)
    basis = basis / basis.norm(dim=1, keepdim=True)
    a, b = (basis @ g).unbind(-2)
    length, total = a.norm(dim=-1, keepdim=True), (a * a + b * b).sum(-1, keepdim=True)
    u = a / torch.where(length > 0, length, 1.0)
    c = (b * u).sum(-1, keepdim=True)
    v = b - c * u
    v = v - (v * u).sum(-1, keepdim=True) * u  # where b is nearly along a, once leaves rounding
    h = v.norm(dim=-1, keepdim=True)
    # as in ``steepest``, a singular value below the numerical rank counts as zero
    kept = length * h > SPECTRAL.rtol * total
    v, h = torch.where(kept, v / h, 0.0), torch.where(kept, h, 0.0)
    nuclear = (total + 2 * length * h).sqrt()
    rows = torch.stack([a + h * u - c * v, b + length * v], -2)
    return basis.T @ (rows / torch.where(nuclear > 0, nuclear, 1.0)[..., None])


def predicted(dataset: Dataset, norm: Norm, size: int, gamma: float, pieces: int) -> np.ndarray:
    """The relative margin error of the flow's drift over its second half, for a flow of ``pieces``
    Euler steps and one of a quarter of them: two equal numbers are a plateau, a falling pair is
    none."""
    problem = Problem(dataset)
    marks = [pieces // 8, pieces // 4, pieces // 2, pieces]
    w = mean_flow(problem, norm, subsets(dataset.n, size), PIECE / gamma, marks)
    drift = torch.stack([w[3] - w[2], w[1] - w[0]])
    return (1 - problem.min_margin(drift) / norm.value(drift) / gamma).numpy()


def plateaus(
    datasets: Mapping[str, Dataset],
    norms: Sequence[Norm],
    batch_sizes: Sequence[int],
    *,
    pieces: int,
    steps: int,
    seeds: Sequence[int],
) -> xr.Dataset:
    """Predicted and measured relative margin errors over (data, norm, batch_size).

    ``predicted``: of the mean flow of ``pieces`` steps; ``shorter``: of a flow a quarter as long.
    ``measured`` (also over seed): at the end of runs with ``eta_t = (0.5/gamma) (t + 1)^-1/2``;
    ``earlier``: of the same runs after a quarter of the steps.
    """
    shape = len(datasets), len(norms), len(batch_sizes)
    flow, runs = np.empty((2, *shape)), np.empty((2, *shape, len(seeds)))
    for i, dataset in enumerate(datasets.values()):
        gammas = [max_margin(dataset, norm).margin for norm in norms]
        methods = [
            SteepestDescent(norm, Minibatch(b), Power(0.5 / gamma, 0.5))
            for norm, gamma in zip(norms, gammas, strict=True)
            for b in batch_sizes
        ]
        # one sweep for all norms: runs of one batch size and seed are computed side by side
        record = [steps // 4, steps]
        ends = sweep(dataset, methods, seeds=seeds, steps=steps, record=record, progress=False)
        margins = ends.margin.transpose("step", "optimizer", "seed").values
        margins = margins.reshape(2, *shape[1:], len(seeds))
        runs[:, i] = 1 - margins / np.reshape(gammas, (-1, 1, 1))
        for j, l in np.ndindex(shape[1:]):
            flow[:, i, j, l] = predicted(dataset, norms[j], batch_sizes[l], gammas[j], pieces)
    cell = ("data", "norm", "batch_size")
    return xr.Dataset(
        {
            "predicted": (cell, flow[0]),
            "shorter": (cell, flow[1]),
            "measured": ((*cell, "seed"), runs[1]),
            "earlier": ((*cell, "seed"), runs[0]),
        },
        {
            "data": list(datasets),
            "norm": [norm.text for norm in norms],
            "batch_size": list(batch_sizes),
            "seed": list(seeds),
        },
    )


def unreachable(dataset: Dataset, size: int, rounds: int = 300) -> float:
    """How far the Frobenius optimum is from every direction that mini-batches can keep.

    The smallest ``|E_B[g_B / |g_B|] - c W*| / |c W*|`` over positive weights of all (sample, class)
    pairs, ``g_B`` the batch's weighted sum, found by descent on the logarithms of the weights. Zero
    means that some weighting of the residuals steps along ``W*`` on average; a positive value that
    no weighting does, so that the method cannot settle on ``W*``.
    """
    optimum = torch.as_tensor(max_margin(dataset, FROBENIUS).canonical)
    problem, batches = Problem(dataset), torch.as_tensor(subsets(dataset.n, size))
    own = torch.nn.functional.one_hot(problem.y, dataset.k).bool()
    logs = torch.zeros(dataset.n, dataset.k, dtype=torch.float64, requires_grad=True)
    descent = torch.optim.LBFGS([logs], max_iter=rounds, line_search_fn="strong_wolfe")

    def distance():
        # weights relative to the batch's largest: a step sees ratios inside a batch only
        picked = logs.masked_fill(own, -torch.inf)[batches]
        pairs = (picked - picked.amax((-2, -1), keepdim=True)).exp()
        residual = pairs - own[batches] * pairs.sum(-1, keepdim=True)
        sums = residual.mT @ problem.x[batches]
        mean = -(sums / torch.linalg.matrix_norm(sums)[:, None, None]).mean(0)
        along = (mean * optimum).sum() / (optimum * optimum).sum()
        return torch.linalg.matrix_norm(mean / along - optimum) / torch.linalg.matrix_norm(optimum)

    def closure():
        descent.zero_grad()
        value = distance()
        value.backward()
        return value

    descent.step(closure)
    return float(distance().detach())
