"""The direction that raises the margins, with loss weights free of cancellation and underflow."""

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from ibias.losses import CROSS_ENTROPY, Loss
from ibias.probe.stationarity import joined, margins_of, separated
from ibias.problem import Scaled

from .networks import HomogeneousModel, Parameters


@dataclass(frozen=True)
class Ascent:
    """``u = sum_i lambda_i grad q_i = -grad (sum of losses)``, and what it was made of.

    ``u`` holds all blocks in one row, of these ``shapes`` (see `joined`).  ``weights`` are
    lambda_i / exp(u.log_scale), ``margins`` the hard margins q_i (``(*lanes, n)``), ``soft`` the
    margins inside the loss: the same for one output, ``z_y - logsumexp of the others`` for several.
    """

    u: Scaled
    shapes: tuple[tuple[int, int], ...]
    weights: Tensor
    margins: Tensor
    soft: Tensor
    # sum_i weights_i <z_i, d soft_i / d z_i>: equals <theta, u> / degree by Euler's identity
    euler: Tensor

    @property
    def blocks(self) -> Parameters:
        """The blocks of ``u``, without its scale."""
        return separated(self.u.value, self.shapes)


# optimizers are pushed through in groups whose activations stay in the processor's cache (measured:
# twice as fast at n = 512)
CACHED = 2**16


def ascent(
    model: HomogeneousModel, theta: Parameters, x: Tensor, y: Tensor, loss: Loss = CROSS_ENTROPY
) -> Ascent:
    """``x`` ``(seeds, n, d)``, ``y`` ``(seeds, n)`` labels (0/1 for one output), theta
    ``(*lanes, seeds, rows, columns)``."""
    lanes = theta[0].shape[:-2]
    flat = [p.reshape(-1, len(x), *p.shape[-2:]) for p in theta]
    optimizers = torch.arange(len(flat[0]))
    size = CACHED // (x.shape[-2] * max(r for r, _ in model.shapes))
    if size >= len(optimizers) * len(x):
        columns = _ascent(flat, x, y, model, loss)
    else:  # seed by seed: the optimizers share its data, and one large product serves several
        columns = _combined(
            [
                _combined(
                    [
                        _ascent([p[i, s] for p in flat], x[s], y[s], model, loss)
                        for i in optimizers.split(max(1, size))
                    ],
                    torch.cat,
                )
                for s in range(len(x))
            ],
            partial(torch.stack, dim=1),
        )
    row, scale, *others = (column.reshape(*lanes, *column.shape[2:]) for column in columns)
    return Ascent(Scaled(row, scale), model.shapes, *others)


def _combined(groups, join):
    return [join(column) for column in zip(*groups, strict=True)]


def _ascent(theta, x, y, model, loss):
    z, pullback = model.linearized(theta, x)
    margins, soft, slope = margins_of(z, y)
    log_weights = loss.log_residual(soft)
    scale = log_weights.amax(-1)
    weights = (log_weights - scale[..., None]).exp()
    blocks = pullback(weights[..., None] * slope)
    euler = (weights[..., None] * slope * z).sum((-2, -1))
    return joined(blocks), scale, weights, margins, soft, euler
