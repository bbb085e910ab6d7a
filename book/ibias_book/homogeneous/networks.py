"""Homogeneous networks as values: shapes, degree, outputs and the pullback of a gradient, for many
lanes at once."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import prod, sqrt

import torch
from torch import Tensor

Parameters = list[Tensor]  # one tensor (*lanes, rows, columns) per block


class HomogeneousModel(ABC):
    """A model with ``f(c theta; x) = c^degree f(theta; x)`` for c > 0.

    ``logits(theta, x)``: theta a list of blocks ``(*lanes, rows, columns)``, x
    ``(*lanes or (), n, d)``, result ``(*lanes, n, k)``. ``degrees`` has the degree in each block
    alone; they sum to ``degree``.  One output (k = 1) is a binary classifier by sign.
    """

    smooth: bool = True  # continuously differentiable in theta, as arXiv:2602.16340 asks

    @property
    @abstractmethod
    def shapes(self) -> tuple[tuple[int, int], ...]: ...

    @property
    @abstractmethod
    def degrees(self) -> tuple[int, ...]: ...

    @property
    def degree(self) -> int:
        return sum(self.degrees)

    @abstractmethod
    def logits(self, theta: Parameters, x: Tensor) -> Tensor: ...

    def linearized(self, theta: Parameters, x: Tensor):
        """The logits and their pullback, a function
        ``cotangent -> sum_i <cotangent_i, d logits_i / d theta>`` per lane.

        By ``torch.func``: vmap over lanes of a reverse pass.  Subclasses may do better by hand.
        """

        def one(theta, x, cotangent):
            return torch.func.vjp(lambda *blocks: self.logits(list(blocks), x), *theta)[1](
                cotangent
            )

        def pullback(cotangent):
            lanes = theta[0].shape[:-2]
            flat = [p.reshape(-1, *p.shape[-2:]) for p in theta]
            xs = x.expand(*lanes, *x.shape[-2:]).reshape(-1, *x.shape[-2:])
            pulled = torch.func.vmap(one)(flat, xs, cotangent.reshape(-1, *cotangent.shape[-2:]))
            return [g.view_as(p) for g, p in zip(pulled, theta, strict=True)]

        return self.logits(theta, x), pullback

    def initial(self, seeds, scale: float = 0.1) -> Parameters:
        """``scale * N(0, 1/columns)`` entries, float64, one generator per seed: blocks
        ``(seeds, rows, columns)``."""
        drawn = []
        for seed in seeds:
            generator = torch.Generator().manual_seed(int(seed))
            drawn.append(
                [
                    scale / sqrt(c) * torch.randn(r, c, generator=generator, dtype=torch.float64)
                    for r, c in self.shapes
                ]
            )
        return [torch.stack(block) for block in zip(*drawn, strict=True)]


@dataclass(frozen=True)
class Layers(HomogeneousModel):
    """Bias-free layers ``z <- W_j phi(z)`` with ``phi(z) = max(z, 0)^power``, or no activation for
    power 0 (deep linear).

    ``hidden=()`` is the linear model.  With power p the degree in block j of D is ``p^(D - j)``:
    two layers of squared ReLU have degree 3 = 2 + 1, three have 7 = 4 + 2 + 1.  power 1 (ReLU) has
    kinks and is outside the smooth theory.
    """

    inputs: int
    hidden: tuple[int, ...] = ()
    outputs: int = 1
    power: int = 2

    def __post_init__(self):
        if self.power not in (0, 1, 2):
            raise ValueError(
                f"Layers(power=...) is 0 (linear), 1 (ReLU) or 2 (squared ReLU); got {self.power}"
            )
        if min((self.inputs, *self.hidden, self.outputs)) < 1:
            raise ValueError(
                f"Layers needs positive widths; got {(self.inputs, *self.hidden, self.outputs)}"
            )

    @property
    def smooth(self):
        return self.power != 1 or not self.hidden

    @property
    def shapes(self):
        widths = (self.inputs, *self.hidden, self.outputs)
        return tuple(zip(widths[1:], widths[:-1], strict=True))

    @property
    def degrees(self):
        depth = len(self.hidden)
        return tuple(max(self.power, 1) ** (depth - j) for j in range(depth + 1))

    def logits(self, theta, x):
        return self.linearized(theta, x)[0]

    def linearized(self, theta, x):
        """The reverse pass by hand, a quarter of autograd's time at these sizes; a test compares it
        with ``torch.func``.

        Inside, samples are the last axis: where all lanes share x ``(n, d)``, torch makes one large
        product of theirs.
        """
        entering, positive = [x.mT], []
        for w in theta[:-1]:
            z = w @ entering[-1]
            if self.power:
                positive.append(z.clamp_min_(0))
                z = z * z if self.power == 2 else z
            entering.append(z)

        def pullback(cotangent):
            cotangent = cotangent.mT
            pulled = [None] * len(theta)
            for j in reversed(range(len(theta))):
                pulled[j] = cotangent @ entering[j].mT
                if j:
                    back = self.power * cotangent if self.power else cotangent
                    cotangent = theta[j].mT @ back if theta[j].shape[-2] > 1 else theta[j].mT * back
                    if self.power:
                        slope = positive[j - 1] if self.power == 2 else positive[j - 1].sign()
                        cotangent = cotangent.mul_(slope)
            return pulled

        return (theta[-1] @ entering[-1]).mT, pullback


@dataclass(frozen=True)
class SingleLayers(Layers):
    """The same with the products of weights and samples in single precision, for half of the time.

    What goes in and comes out is in double precision, as is everything done with it: loss weights,
    averages, norms.
    """

    def linearized(self, theta, x):
        logits, pull = super().linearized([w.float() for w in theta], x.float())

        def pullback(cotangent):
            return [g.double() for g in pull(cotangent.float())]

        return logits.double(), pullback


@dataclass(frozen=True)
class Factored(HomogeneousModel):
    """``f(U, V; x) = <U V^T, X>`` with x reshaped to a rows x columns matrix X: two blocks, both
    matrices, degree 2.

    The bilinear core of an attention head without its softmax.  Binary.
    """

    rows: int
    columns: int
    rank: int

    @property
    def shapes(self):
        return (self.rows, self.rank), (self.columns, self.rank)

    @property
    def degrees(self):
        return 1, 1

    def logits(self, theta, x):
        u, v = theta
        images = x.reshape(*x.shape[:-1], self.rows, self.columns)
        return torch.einsum("...nrc,...rm,...cm->...n", images, u, v)[..., None]


def deep_linear_optima(network: Layers, margin_l2: float, margin_linf: float) -> dict[str, float]:
    """The largest normalised margins of a deep linear network with one output, from its linear-SVM
    margins.

    J layers, the last hidden one of width w: l2 ``g2 J^(-J/2)``, l-infinity
    ``ginf prod(widths)``, spectral ``g2``, hybrid ``sqrt(w) g2``.
    """
    if network.power or network.outputs != 1 or not network.hidden:
        raise ValueError(
            f"the closed form is for deep linear networks with one output; got {network}"
        )
    depth = len(network.hidden) + 1
    return {
        "l2": margin_l2 * depth ** (-depth / 2),
        "linf": margin_linf * prod(network.hidden),
        "spectral": margin_l2,
        "hybrid": sqrt(network.hidden[-1]) * margin_l2,
    }
