"""Margins, loss weights free of cancellation, nearness to stationarity (arXiv:2602.16340)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ..losses import Loss
from .network_norms import WholeNorm


def joined(blocks: Sequence[Tensor]) -> Tensor:
    """All blocks ``(*lanes, rows, columns)`` side by side as one row, ``(*lanes, 1, p)``: the form
    in which a `Scaled` holds a whole parameter."""
    return torch.cat([b.flatten(-2) for b in blocks], -1)[..., None, :]


def separated(row: Tensor, shapes: Sequence[tuple[int, int]]) -> list[Tensor]:
    """The blocks of `joined` again, as views."""
    pieces = row.squeeze(-2).split([rows * columns for rows, columns in shapes], -1)
    return [piece.unflatten(-1, shape) for piece, shape in zip(pieces, shapes, strict=True)]


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
    """``A_N = <theta, u> / (N(theta) N*(u))``, 1 where theta is stationary for u's weights.

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
