"""Margins, loss weights free of cancellation, and how near a network is to a stationary direction
(arXiv:2602.16340)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ibias.losses import Loss

from .network_norms import WholeNorm


@dataclass(frozen=True)
class ScaledBlocks:
    """The blocks times ``exp(log_scale)``, ``log_scale`` of shape ``(*lanes,)``: gradients far
    below the smallest float."""

    blocks: list[Tensor]
    log_scale: Tensor

    def rescaled(self):
        """The same, with a largest entry of 1 over all blocks of a lane (zero stays zero)."""
        top = torch.stack([b.abs().amax((-2, -1)) for b in self.blocks]).amax(0)
        safe = torch.where(top > 0, top, 1.0)
        return ScaledBlocks(
            [b / safe[..., None, None] for b in self.blocks],
            torch.where(top > 0, self.log_scale + safe.log(), -torch.inf),
        )


def combination(*terms: tuple[float, ScaledBlocks]) -> ScaledBlocks:
    """``sum_j c_j S_j`` on the largest of the scales."""
    scale = torch.stack([s.log_scale for _, s in terms]).amax(0)
    scale = torch.where(scale > -torch.inf, scale, 0.0)
    factors = [(c * (s.log_scale - scale).exp())[..., None, None] for c, s in terms]
    columns = zip(*(s.blocks for _, s in terms), strict=True)
    return ScaledBlocks(
        [sum(f * b for f, b in zip(factors, column, strict=True)) for column in columns], scale
    )


def margins_of(z, y):
    """Hard margins, soft margins, and the gradient of the soft ones in the logits."""
    if z.shape[-1] == 1:
        sign = (2 * y - 1).to(z.dtype)
        q = sign * z[..., 0]
        return q, q, sign[..., None]
    own = torch.nn.functional.one_hot(y, z.shape[-1]).bool()
    others = z.masked_fill(own, -torch.inf)
    z_y = (z * own).sum(-1)
    return z_y - others.amax(-1), z_y - others.logsumexp(-1), own.to(z.dtype) - others.softmax(-1)


def inner(a, b):
    """``<a, b>`` over all blocks, ``(*lanes,)``."""
    return sum((x * y).sum((-2, -1)) for x, y in zip(a, b, strict=True))


def kkt_alignment(norm: WholeNorm, theta, u):
    """``A_N = <theta, u> / (N(theta) N*(u))`` in [-1, 1]: 1 where theta is stationary for the
    weights lambda that made u.

    These need not be KKT multipliers; A_N -> 1 together with ``slackness`` -> 0 makes the limit a
    KKT direction of margin maximisation in N.
    """
    return inner(theta, u) / (norm.value(theta) * norm.dual(u))


def slackness(weights, margins):
    """``sum_i lambda_i (q_i - q_min) / (q_min sum lambda)``, 0 where all weight is on the least
    margins; NaN while some sample is misclassified."""
    least = margins.amin(-1)
    slack = (weights * (margins - least[..., None])).sum(-1) / (least * weights.sum(-1))
    return torch.where(least > 0, slack, torch.nan)


def log_sum_loss(loss: Loss, soft):
    """The logarithm of the *sum* of losses, ``(*lanes,)``."""
    return loss.log_loss(soft).logsumexp(-1)
