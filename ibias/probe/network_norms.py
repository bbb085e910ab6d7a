"""Norms of all parameters of a network: a list of matrices rather than one."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch

from ..norms import FROBENIUS, SPECTRAL, Norm


def of_block(norm: Norm, block) -> Norm:
    """``norm``; for one row or one column the Euclidean one, which needs no SVD."""
    return FROBENIUS if norm == SPECTRAL and 1 in block.shape[-2:] else norm


class WholeNorm(ABC):
    """A norm N of blocks ``(*lanes, rows, columns)``: ``max_j weight_j norm_j(W_j)``, unless a
    subclass combines them in another way.  ``value`` and ``dual`` are ``(*lanes,)``.

    ``blocks(theta)`` are the weighted norms of the blocks, stacked in the last axis; ``combine``
    makes N of them, ``balanced`` the least N over all rescalings that keep the function.
    """

    text: str

    @abstractmethod
    def parts(self, count: int) -> list[tuple[Norm, float]]:
        """The norm and the weight of each of ``count`` blocks."""

    def weighed(self, blocks):
        """(block, its norm, its weight) of each."""
        parts = zip(blocks, self.parts(len(blocks)), strict=True)
        return [(block, of_block(norm, block), weight) for block, (norm, weight) in parts]

    def blocks(self, theta):
        return torch.stack([weight * n.value(p) for p, n, weight in self.weighed(theta)], -1)

    def dual_blocks(self, u):
        return torch.stack([n.dual(g) / weight for g, n, weight in self.weighed(u)], -1)

    def value(self, theta):
        return self.combine(self.blocks(theta))

    def dual(self, u):
        return self.combine_dual(self.dual_blocks(u))

    def combine(self, blocks):
        return blocks.amax(-1)

    def combine_dual(self, blocks):
        return blocks.sum(-1)

    def balanced(self, blocks, degrees):
        """``min N`` over rescalings of blocks of these degrees that keep f (``(*lanes,)``)."""
        p = torch.as_tensor(degrees, dtype=blocks.dtype)
        return ((p * blocks.log()).sum(-1) / p.sum()).exp()

    def steepest(self, u):
        return [n.steepest(g) / weight for g, n, weight in self.weighed(u)]


@dataclass(frozen=True)
class Euclidean(WholeNorm):
    """The l2 norm of all entries."""

    text = "l2"

    def parts(self, count):
        return [(FROBENIUS, 1.0)] * count

    def combine(self, blocks):
        return FROBENIUS.value(blocks[..., None, :])

    combine_dual = combine

    def balanced(self, blocks, degrees):
        p = torch.as_tensor(degrees, dtype=blocks.dtype)
        total = p.sum()
        # minimise sum c_j^2 N_j^2 with prod c_j^(p_j) = 1: all c_j^2 N_j^2 / p_j are equal
        return ((p * (blocks.log() - p.log() / 2)).sum(-1) / total + total.log() / 2).exp()

    def steepest(self, u):
        largest = torch.stack([g.abs().amax((-2, -1)) for g in u]).amax(0)
        unit = [g / torch.where(largest > 0, largest, 1.0)[..., None, None] for g in u]
        length = torch.stack([g.square().sum((-2, -1)) for g in unit]).sum(0).sqrt()
        return [g / torch.where(length > 0, length, 1.0)[..., None, None] for g in unit]


@dataclass(frozen=True)
class EachOwn(WholeNorm):
    """``max_j norms_j(W_j)``, a norm for each block."""

    norms: tuple[Norm, ...]
    text: str = ""

    def parts(self, count):
        return [(norm, 1.0) for norm in self.norms]


L2 = Euclidean()
