"""Adam without a stability constant."""

import torch

from .base import CheckedOptimizer, averaged, require_fraction


class Adam(CheckedOptimizer):
    """``theta <- theta - lr m^ / sqrt(v^)``, m^ and v^ the bias-corrected averages of g and g^2, with ``eps = 0`` by default.

    Where a gradient entry has always been zero, 0/0 counts as 0.  ``sqrt(v)`` is carried instead of v (a hypotenuse at
    each step), so gradients down to the smallest normal number of the dtype keep their direction: g^2 would underflow at
    1e-19 in float32.  ``lr`` is, up to a factor near one, the change of every entry in the long run.

    Bias: the l-infinity margin, given full batches, ``eps = 0`` and ``beta1 <= beta2`` (arXiv:2602.16340); with
    ``eps > 0`` only until gradients reach eps, and with mini-batches no longer (notebook M2).  The loss cannot fall faster than
    ``beta2 ** (t/2)``: the usual beta2 = 0.999 hides the limit for tens of thousands of steps, 0.9 or 0.95 show it.
    """

    def __init__(self, params, lr, betas=(0.9, 0.999), eps=0.0, *, check_finite=True):
        super().__init__(params, dict(lr=lr, betas=tuple(betas), eps=eps), check_finite)

    def _check_group(self, group, number):
        check_adam(type(self).__name__, group)

    def _advance(self, group, params, grads):
        advance_adam(self.state, group, params, grads)


def check_adam(owner, group):
    if len(group["betas"]) != 2:
        raise ValueError(f"{owner}(betas=...) are two numbers, for the gradient and for its square; got {group['betas']}")
    for beta in group["betas"]:
        require_fraction(owner, "betas", beta)
    if not group["eps"] >= 0:
        raise ValueError(f"{owner}(eps=...) must not be negative; got {group['eps']}")


def advance_adam(state, group, params, grads):
    """One step of a group; ``state`` is the optimizer's."""
    beta1, beta2 = group["betas"]
    averages = averaged(state, params, grads, beta1, "exp_avg")
    for p, g, m in zip(params, grads, averages, strict=True):
        own = state[p]
        if "root" not in own:
            own["root"] = torch.zeros_like(p, memory_format=torch.preserve_format)
            own["step"] = torch.tensor(0.0)
        own["step"] += 1
        t = float(own["step"])
        torch.hypot(own["root"] * beta2**0.5, g * (1 - beta2) ** 0.5, out=own["root"])
        scale = own["root"] / (1 - beta2**t) ** 0.5 + group["eps"]
        step = torch.where(scale > 0, m / scale, 0)
        p.add_(step, alpha=-float(group["lr"]) / (1 - beta1**t))
