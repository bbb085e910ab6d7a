"""The direction that raises the margins, with loss weights free of cancellation and underflow."""

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from ibias.losses import CROSS_ENTROPY, Loss
from ibias.probe.stationarity import ScaledBlocks, margins_of

from .networks import HomogeneousModel, Parameters


@dataclass(frozen=True)
class Ascent:
    """``u = sum_i lambda_i grad q_i = -grad (sum of losses)``, and what it was made of.

    ``weights`` are lambda_i / exp(u.log_scale), ``margins`` the hard margins q_i (``(*lanes, n)``),
    ``soft`` the margins inside
    the loss: the same for one output, ``z_y - logsumexp of the others`` for several.
    """

    u: ScaledBlocks
    weights: Tensor
    margins: Tensor
    soft: Tensor
    # sum_i weights_i <z_i, d soft_i / d z_i>: equals <theta, u> / degree by Euler's identity
    euler: Tensor


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
        found = _ascent(flat, x, y, model, loss)
    else:  # seed by seed: the optimizers share its data, and one large product serves several
        found = _joined(
            [
                _joined(
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
    scale, weights, margins, soft, euler, *blocks = (
        part.reshape(*lanes, *part.shape[2:]) for part in found
    )
    return Ascent(ScaledBlocks(blocks, scale), weights, margins, soft, euler)


def _joined(parts, join):
    return [join(column) for column in zip(*parts, strict=True)]


def _ascent(theta, x, y, model, loss):
    z, pullback = model.linearized(theta, x)
    margins, soft, slope = margins_of(z, y)
    log_weights = loss.log_residual(soft)
    scale = log_weights.amax(-1)
    weights = (log_weights - scale[..., None]).exp()
    blocks = pullback(weights[..., None] * slope)
    return scale, weights, margins, soft, (weights[..., None] * slope * z).sum((-2, -1)), *blocks
