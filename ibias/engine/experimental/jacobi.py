"""Schatten maps by a fixed number of one-sided Jacobi sweeps: nothing waits for the host.

The rows of a signal, in the k - 1 coordinates orthogonal to the vector of ones, are rotated until
they are orthogonal: ``J A`` has rows ``sigma_r v_r``.  Then
``U f(sigma) V^T = J^T diag(f / sigma) J A``.  Only products, sums and square roots: the steps can
be captured in a CUDA graph, and the same code runs on CPU tensors.
"""

from functools import lru_cache

import torch
from torch import Tensor

from ...norms import Entrywise, Norm
from ..tournament import tournament
from ..unit_steps import helmert

SWEEPS = 10  # quadratic convergence: random signals take 7, and the last sweeps cost no accuracy


def steepest(norm: Norm, signal: Tensor) -> Tensor:
    """``norm.steepest``, Schatten, of ``(runs, k, d)`` with columns that sum to zero; 0 for 0."""
    basis = helmert(signal.shape[-2], signal.dtype, signal.device)
    top = signal.abs().amax((-2, -1), keepdim=True)
    rows = basis @ (signal / torch.where(top > 0, top, torch.ones_like(top)))
    count = rows.shape[-2]
    identity = torch.eye(count, dtype=rows.dtype, device=rows.device)
    turned = rotate_to_orthogonal(torch.cat([rows, identity.expand(*rows.shape[:-1], count)], -1))
    rows, rotation = turned[..., : signal.shape[-1]], turned[..., signal.shape[-1] :]
    sigma = rows.square().sum(-1).sqrt()
    return basis.mT @ (rotation.mT @ (_weights(norm, sigma)[..., None] * rows))


def rotate_to_orthogonal(a: Tensor) -> Tensor:
    """Rows of ``a`` = [A | I] rotated in pairs until those of A are orthogonal, I with them."""
    count = a.shape[-2]
    width = a.shape[-1] - count
    for _ in range(SWEEPS):
        for first, second in _rounds(count, a.device):
            p, r = a[..., first, :], a[..., second, :]
            cos, sin = _angle(p[..., :width], r[..., :width])
            a = a.index_copy(-2, first, cos * p - sin * r).index_copy(-2, second, sin * p + cos * r)
    return a


def _angle(p, r):
    """Cosine and sine of the rotation, at most pi/4, that makes ``p`` and ``r`` orthogonal."""
    dot = 2 * (p * r).sum(-1, keepdim=True)
    gap = r.square().sum(-1, keepdim=True) - p.square().sum(-1, keepdim=True)
    radius = torch.hypot(dot, gap)
    size = torch.where(radius > 0, gap.abs() + radius, 1)
    tangent = dot * torch.where(gap >= 0, 1.0, -1.0) / size
    cos = (1 + tangent.square()).rsqrt()
    return cos, tangent * cos


@lru_cache
def _rounds(count: int, device) -> list[tuple[Tensor, Tensor]]:
    """Rounds of disjoint pairs as index tensors, cached: a capture must not copy from the host."""
    pairs = [torch.tensor(pairs, device=device).unbind(1) for pairs in tournament(count)]
    return [(first, second) for first, second in pairs if len(first)]


def _weights(norm, sigma):
    """``f / sigma`` of each row, 0 below the numerical rank; f: the map of the vector p-norm."""
    kept = sigma > norm.cut(sigma.dtype) * sigma.amax(-1, keepdim=True)
    sigma = torch.where(kept, sigma, 0)
    f = Entrywise(norm.p).steepest(sigma[..., None, :])[..., 0, :]
    return f / torch.where(kept, sigma, 1)
