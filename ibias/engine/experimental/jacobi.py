"""Schatten maps by a fixed number of one-sided Jacobi sweeps over a batch: no decomposition waits
for the host.

The rows of a signal, in the k - 1 coordinates orthogonal to the vector of ones, are rotated until
they are orthogonal: ``J A`` has rows ``sigma_r v_r``.  Then
``U f(sigma) V^T = J^T diag(f / sigma) J A``.  Only products, sums and square roots: the steps can
be captured in a CUDA graph, and the same code runs on CPU tensors.
"""

from functools import lru_cache
from math import inf

import torch
from torch import Tensor

from ...norms import Schatten
from ..lanes import helmert

SWEEPS = 10  # quadratic convergence: random signals take 7, and the last sweeps cost no accuracy


def steepest(norm: Schatten, signal: Tensor) -> Tensor:
    """``norm.steepest(signal)`` for ``(runs, k, d)`` signals whose columns sum to zero; zero for a
    zero signal."""
    basis = helmert(signal.shape[-2], signal.dtype, signal.device)
    top = signal.abs().amax((-2, -1), keepdim=True)
    rows = basis @ (signal / torch.where(top > 0, top, torch.ones_like(top)))
    count = rows.shape[-2]
    identity = torch.eye(count, dtype=rows.dtype, device=rows.device).expand(
        *rows.shape[:-1], count
    )
    turned = rotate_to_orthogonal(torch.cat([rows, identity], -1))
    rows, rotation = turned[..., : signal.shape[-1]], turned[..., signal.shape[-1] :]
    sigma = rows.square().sum(-1).sqrt()
    return basis.mT @ (rotation.mT @ (_weights(norm, sigma)[..., None] * rows))


def rotate_to_orthogonal(a: Tensor) -> Tensor:
    """Rows of ``a`` = [A | I] rotated in pairs until the rows of A are orthogonal; I becomes the
    rotation."""
    count = a.shape[-2]
    width = a.shape[-1] - count
    for _ in range(SWEEPS):
        for first, second in _rounds(count, a.device):
            p, r = a[..., first, :], a[..., second, :]
            cos, sin = _angle(p[..., :width], r[..., :width])
            a = a.index_copy(-2, first, cos * p - sin * r).index_copy(-2, second, sin * p + cos * r)
    return a


def _angle(p, r):
    """Cosine and sine of the rotation that makes rows ``p`` and ``r`` orthogonal,
    ``|theta| <= pi/4``."""
    dot, gap = (
        2 * (p * r).sum(-1, keepdim=True),
        r.square().sum(-1, keepdim=True) - p.square().sum(-1, keepdim=True),
    )
    radius = torch.hypot(dot, gap)
    tangent = (
        dot
        * torch.where(gap >= 0, 1.0, -1.0)
        / torch.where(radius > 0, gap.abs() + radius, torch.ones_like(radius))
    )
    cos = (1 + tangent.square()).rsqrt()
    return cos, tangent * cos


@lru_cache
def _rounds(count: int, device) -> list[tuple[Tensor, Tensor]]:
    """All pairs in rounds of disjoint pairs, as index tensors (made once per device: a capture must
    not copy from the host)."""
    players, rounds = list(range(count + count % 2)), []
    for _ in range(len(players) - 1):
        pairs = [
            (p, r)
            for p, r in zip(players[: len(players) // 2], players[::-1], strict=False)
            if max(p, r) < count
        ]
        if pairs:
            rounds.append(
                tuple(torch.tensor(side, device=device) for side in zip(*pairs, strict=True))
            )
        players = [players[0], players[-1], *players[1:-1]]
    return rounds


def _weights(norm, sigma):
    """``f / sigma`` of each row, 0 below the numerical rank; f is the vector map of the conjugate
    exponent."""
    largest = sigma.amax(-1, keepdim=True)
    cut = (
        norm.rtol
        if sigma.dtype == torch.float64
        else max(norm.rtol, 8 * torch.finfo(sigma.dtype).eps)
    )
    kept = (sigma > cut * largest) & (sigma > 0)
    safe = torch.where(kept, sigma, torch.ones_like(sigma))
    if norm.p == 1:
        top = torch.zeros_like(sigma).scatter(-1, sigma.argmax(-1, keepdim=True), 1.0)
        return torch.where(kept, top / safe, torch.zeros_like(sigma))
    share = torch.where(
        kept,
        safe / torch.where(largest > 0, largest, torch.ones_like(largest)),
        torch.zeros_like(sigma),
    )
    q = 1.0 if norm.p == inf else norm.p / (norm.p - 1)
    length = share.pow(q).sum(-1, keepdim=True).pow((q - 1) / q)
    return torch.where(kept, share.pow(q - 1) / (length * safe), torch.zeros_like(sigma))
