"""Unit steps along signals in torch, for ``(runs, k, d)`` at once."""

from functools import lru_cache
from math import inf

import torch
from torch import Tensor

from ..norms import Norm


def power_steepest(norm: Norm, signal: Tensor, log_scale: Tensor) -> Tensor:
    """``norm.steepest`` of ``signal * exp(log_scale)`` for p > 2, in logarithms: entries of e^-1000
    count by sign, or by a small power."""
    if norm.p == inf:
        return signal.sign()
    height = signal.abs().log() + log_scale
    top = height.amax((1, 2), keepdim=True)
    height = height - torch.where(top > -torch.inf, top, 0)
    length = (norm.q * height).exp().sum((1, 2), keepdim=True) ** (1 / norm.p)
    return signal.sign() * ((norm.q - 1) * height).exp() / torch.where(length > 0, length, 1)


def steepest(norm: Norm, signal: Tensor) -> Tensor:
    """``norm.steepest`` where columns sum to zero; Schatten maps go through a small factor."""
    if norm.family != "schatten":
        return norm.steepest(signal)
    k, d = signal.shape[-2:]
    basis = helmert(k, signal.dtype, signal.device)
    rows = basis @ signal
    if d < k:
        return basis.mT @ norm.steepest(rows)
    q, r = torch.linalg.qr(rows.mT)
    return basis.mT @ (norm.steepest(r.mT) @ q.mT)


@lru_cache
def helmert(k: int, dtype, device) -> Tensor:
    """``(k-1, k)``: orthonormal rows orthogonal to the vector of ones: a signal's class space."""
    j = torch.arange(1, k, dtype=dtype, device=device)[:, None]
    c = torch.arange(k, dtype=dtype, device=device)
    return ((c < j).to(dtype) - j * (c == j)) / (j * (j + 1)).sqrt()
