"""Adam without a stability constant."""

import torch

from .base import CheckedOptimizer, averaged, require_fraction, require_number


class Adam(CheckedOptimizer):
    """``theta <- theta - lr m^ / sqrt(v^)``, m^ and v^ the bias-corrected averages of g and g^2,
    with ``eps = 0`` by default.

    Where a gradient entry has always been zero, 0/0 counts as 0.  ``sqrt(v)`` is carried instead of
    v, as a hypotenuse that is never squared, so each entry keeps its direction and pace whatever
    its size or the others' (below 1e-36 in float32 it moves less): plain g^2 underflows at 1e-19.
    ``lr`` is, up to a factor near one, the change of every entry in the long run.

    Bias: the l-infinity margin, given full batches, ``eps = 0`` and ``beta1 <= beta2``
    (arXiv:2602.16340); with ``eps > 0`` only until gradients reach eps, and with mini-batches no
    longer (notebook M2).  Over many times ``1 / (1 - beta2)`` steps the loss cannot fall faster
    than ``beta2 ** (t/2)``: the usual beta2 = 0.999 hides the limit for tens of thousands of steps.

    Raises what every optimizer here raises (see ``SteepestDescent``), and ValueError for betas
    outside [0, 1) or a negative eps.
    """

    def __init__(self, params, lr, betas=(0.9, 0.999), eps=0.0, *, check_finite=True):
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps), check_finite)

    def _check_group(self, group, number):
        check_adam(type(self).__name__, group)

    def _advance(self, group, params, grads, memory):
        advance_adam(self.state, group, params, grads)


def check_adam(owner, group):
    if not (isinstance(group["betas"], (tuple, list)) and len(group["betas"]) == 2):
        raise ValueError(
            f"{owner}(betas=...) are two numbers, for the gradient and for its square; got"
            f" {group['betas']!r}"
        )
    for beta in group["betas"]:
        require_fraction(owner, "betas", beta)
    if not 0 <= require_number(owner, "eps", group["eps"]) < float("inf"):
        raise ValueError(
            f"{owner}(eps=...) must be finite and must not be negative; got {group['eps']}"
        )


def advance_adam(state, group, params, grads):
    """One step of a group; ``state`` is the optimizer's."""
    beta1, beta2 = group["betas"]
    averages = averaged(state, params, grads, beta1, "exp_avg")
    for p, g, m in zip(params, grads, averages, strict=True):
        own = state[p]
        if "root" not in own:
            own["root"] = torch.zeros_like(p, memory_format=torch.preserve_format)
            own["step"] = torch.tensor(0.0, dtype=torch.float32)
        own["step"] += 1
        t = float(own["step"])
        scratch = g * (1 - beta2) ** 0.5  # one temporary per tensor, used for three things
        torch.hypot(own["root"].mul_(beta2**0.5), scratch, out=own["root"])
        correction = (1 - beta2**t) ** 0.5
        scale = own["root"] if not group["eps"] else own["root"] + group["eps"] * correction
        # where scale is below the least normal number m is hardly above: the quotient is small
        # there, and 0 where m is 0
        torch.div(m, torch.clamp(scale, min=torch.finfo(p.dtype).tiny, out=scratch), out=scratch)
        p.add_(scratch, alpha=-float(group["lr"]) * correction / (1 - beta1**t))
