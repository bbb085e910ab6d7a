"""Adam without a stability constant."""

import torch

from .base import CheckedOptimizer, Rule, averaged, averages, rate
from .options import require_fraction, require_number
from .sharded import held


class Adam(CheckedOptimizer):
    """``theta <- (1 - lr weight_decay) theta - lr m^ / sqrt(v^)``, m^ and v^ the bias-corrected
    averages of g and g^2, with ``eps = 0`` by default.

    Where a gradient entry has always been zero, 0/0 counts as 0.  ``sqrt(v)`` is carried instead of
    v, as a hypotenuse that is never squared, so each entry keeps its direction and pace whatever
    its size or the others' (below 1e-36 in float32 it moves less): plain g^2 underflows at 1e-19.
    ``lr`` is, up to a factor near one, the change of every entry in the long run.
    ``weight_decay`` is AdamW's, ``maximize`` climbs.

    Bias: the l-infinity margin, given full batches, ``eps = 0`` and ``beta1 <= beta2``
    (arXiv:2602.16340); with ``eps > 0`` only until gradients reach eps, and with mini-batches no
    longer (notebook M2).  Over many times ``1 / (1 - beta2)`` steps the loss cannot fall faster
    than ``beta2 ** (t/2)``: the usual beta2 = 0.999 hides the limit for tens of thousands of steps.

    Raises what every optimizer here raises (see ``SteepestDescent``), and ValueError for betas
    outside [0, 1), a negative eps, and ``beta1^2 > beta2`` with ``eps = 0``, where steps of an
    entry whose gradient became 0 would have no bound.
    """

    def __init__(
        self,
        params,
        lr: float,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 0.0,
        *,
        weight_decay: float = 0.0,
        maximize: bool = False,
        check_finite: bool = True,
    ):
        defaults = dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, maximize=maximize)
        super().__init__(params, defaults, check_finite)

    def _rule(self, group):
        return ADAM


def _check(owner, group, number):
    betas, eps = group["betas"], group["eps"]
    if not (isinstance(betas, (tuple, list)) and len(betas) == 2):
        allowed = "are two numbers, for the gradient and for its square"
        raise ValueError(f"{owner}(betas=...) {allowed}; got {betas!r}")
    for beta in betas:
        require_fraction(owner, "betas", beta)
    if not 0 <= require_number(owner, "eps", eps) < float("inf"):
        raise ValueError(f"{owner}(eps=...) must be finite and must not be negative; got {eps}")
    if not eps and float(betas[0]) ** 2 > float(betas[1]):  # m outlives sqrt(v), without a bound
        raise ValueError(
            f"{owner}(betas=...): where a gradient stays 0, steps grow as (beta1 / sqrt(beta2))^t"
            f" and have no bound; take beta2 >= beta1^2, or eps > 0; got {betas} and eps = {eps}"
        )


def _advance(state, group, params, grads, memory):
    beta1, beta2 = group["betas"]
    lr = rate(group)
    keep, sign = 1 - lr * group["weight_decay"], 1 if group["maximize"] else -1
    means = averaged(state, params, grads, beta1, "exp_avg")
    roots = held(averages(state, params, "root"))
    for p, q, g, m, root in zip(params, held(params), held(grads), means, roots, strict=True):
        own = state[p]
        if "step" not in own:
            own["step"] = torch.tensor(0.0, dtype=torch.float32)
        own["step"] += 1
        # a compiled graph must not bind the count: there it stays a tensor
        t = own["step"].double() if torch.compiler.is_compiling() else float(own["step"])
        scratch = g * (1 - beta2) ** 0.5  # one temporary per tensor, used for three things
        root.mul_(beta2**0.5)
        torch.hypot(root, scratch, out=root)
        correction = (1 - beta2**t) ** 0.5
        scale = root if not group["eps"] else root + group["eps"] * correction
        # where scale is below the least normal number m is hardly above: the quotient is small
        # there, and 0 where m is 0
        torch.div(m, torch.clamp(scale, min=torch.finfo(q.dtype).tiny, out=scratch), out=scratch)
        factor = sign * lr * correction / (1 - beta1**t)
        if group["weight_decay"]:
            q.mul_(keep)
        if isinstance(factor, torch.Tensor):
            q.add_(scratch * factor.to(q))
        else:
            q.add_(scratch, alpha=factor)


ADAM = Rule(("betas", "eps"), _check, _advance)
