"""Losses of a linear classifier, as functions of one soft margin per sample.

With logits z and label y let ``mu = z_y - logsumexp(z_c, c != y)``.  Both losses here have the
logit gradient ``r (pi - e_y)``, ``pi`` the softmax over the other classes: only the weight ``r``
and the loss itself differ.  Everything is returned as a logarithm, because both decay like exp(-mu)
and margins beyond 745 underflow float64.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor


class Loss(ABC):
    """Maps soft margins ``mu`` (any shape) to logarithms of the same shape."""

    text: str

    @abstractmethod
    def log_loss(self, mu: Tensor) -> Tensor:
        """``log l_i``."""

    @abstractmethod
    def log_residual(self, mu: Tensor) -> Tensor:
        """``log r_i``; the proxy G of the paper is the mean of the r_i."""


@dataclass(frozen=True)
class CrossEntropy(Loss):
    """``l = log(1 + exp(-mu))``, ``r = 1 - softmax_y = 1 / (1 + exp(mu))`` (Section 3)."""

    text: str = "cross-entropy"

    def log_loss(self, mu):
        # log(log(1 + x)) = log x - x/2 + ...: past mu = 35 the correction is below rounding
        late = mu > 35
        return torch.where(late, -mu, _softplus(-mu.clamp(max=36)).log())

    def log_residual(self, mu):
        return -_softplus(mu)


@dataclass(frozen=True)
class Exponential(Loss):
    """``l = r = sum_(c != y) exp(z_c - z_y) = exp(-mu)`` (Appendix I)."""

    text: str = "exponential"

    def log_loss(self, mu):
        return -mu

    log_residual = log_loss


def _softplus(x):
    # not torch's softplus: that one turns linear at 20 and is 2e-9 off there
    return torch.logaddexp(x, torch.zeros_like(x))


CROSS_ENTROPY, EXPONENTIAL = CrossEntropy(), Exponential()
LOSSES = {loss.text: loss for loss in (CROSS_ENTROPY, EXPONENTIAL)}
