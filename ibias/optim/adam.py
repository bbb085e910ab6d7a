"""Adam without a stability constant."""

import torch

from .base import CheckedOptimizer, averaged, require_fraction, require_number


class Adam(CheckedOptimizer):
    """``theta <- theta - lr m^ / sqrt(v^)``, m^ and v^ the bias-corrected averages of g and g^2, with ``eps = 0`` by default.

    Where a gradient entry has always been zero, 0/0 counts as 0.  ``sqrt(v)`` is carried instead of v and squared only after
    division by its tensor's mean size, so tiny gradients keep their direction: plain g^2 underflows at 1e-19 in float32.  (An entry
    1e-19 times smaller than its tensor's mean, in float64 1e-154, counts as 0.)  ``lr`` is, up to a factor near one, the change of
    every entry in the long run.

    Bias: the l-infinity margin, given full batches, ``eps = 0`` and ``beta1 <= beta2`` (arXiv:2602.16340); with
    ``eps > 0`` only until gradients reach eps, and with mini-batches no longer (notebook M2).  Over many times ``1 / (1 - beta2)`` steps
    the loss cannot fall faster than ``beta2 ** (t/2)``: the usual beta2 = 0.999 hides the limit for tens of thousands of steps.

    Raises what every optimizer here raises (see ``SteepestDescent``), and ValueError for betas outside [0, 1) or a negative eps.
    """

    def __init__(self, params, lr, betas=(0.9, 0.999), eps=0.0, *, check_finite=True):
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps), check_finite)

    def _check_group(self, group, number):
        check_adam(type(self).__name__, group)

    def _advance(self, group, params, grads, memory):
        advance_adam(self.state, group, params, grads)


def check_adam(owner, group):
    if not (isinstance(group["betas"], (tuple, list)) and len(group["betas"]) == 2):
        raise ValueError(f"{owner}(betas=...) are two numbers, for the gradient and for its square; got {group['betas']!r}")
    for beta in group["betas"]:
        require_fraction(owner, "betas", beta)
    if not require_number(owner, "eps", group["eps"]) >= 0:
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
        scratch = _update_root(own["root"], g, beta2)  # one temporary per tensor, used for three things
        correction = (1 - beta2**t) ** 0.5
        scale = own["root"] if not group["eps"] else own["root"] + group["eps"] * correction
        # where scale is 0 so is m: any positive divisor makes it the 0 it should be (masking would take most of the step's time)
        torch.div(m, torch.clamp(scale, min=torch.finfo(p.dtype).tiny, out=scratch), out=scratch)
        p.add_(scratch, alpha=-float(group["lr"]) * correction / (1 - beta1**t))


def _update_root(root, g, beta2):
    """``root <- sqrt(beta2 root^2 + (1 - beta2) g^2)`` in place, in units of the tensor's mean size; returns a scratch tensor."""
    scratch = g.abs()
    # root is never negative; norm(1) would be ten times slower than these two sums
    unit = ((root.sum() + scratch.sum()) / g.numel()).clamp_min(torch.finfo(g.dtype).tiny)
    torch.div(g, unit, out=scratch)
    root.div_(unit).square_().mul_(beta2).addcmul_(scratch, scratch, value=1 - beta2).sqrt_().mul_(unit)
    return scratch
