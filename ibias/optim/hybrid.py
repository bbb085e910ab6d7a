"""Muon on the matrices, something entry-wise on the rest."""

from ibias.norms import MAX, SPECTRAL

from .adam import advance_adam, check_adam
from .base import CheckedOptimizer
from .steepest import SteepestDescent, advance_steepest, check_steepest


class MuonSignum(SteepestDescent):
    """Muon's step on ``matrices`` at rate ``lr``, Signum's on ``rest`` at ``rest_lr`` (default: ``lr``): two explicit groups.

    Together one steepest step, of length ``rest_lr``, in the norm ``max((rest_lr / lr) max_j ||W_j||_spectral, ||rest||_inf)``.
    Bias: the margin in that norm.  The ratio of the rates sets the balance between the groups, not the classifier (notebook M1).
    """

    def __init__(self, matrices, rest, lr, momentum=0.95, *, rest_lr=None, polar="exact", check_finite=True):
        groups = [
            {"params": list(matrices), "norm": SPECTRAL, "polar": polar},
            {"params": list(rest), "norm": MAX, "lr": lr if rest_lr is None else rest_lr},
        ]
        super().__init__(groups, lr, MAX, momentum, check_finite=check_finite)


class MuonAdam(CheckedOptimizer):
    """Muon's step on ``matrices`` at rate ``lr``, Adam's without stability constant on ``rest`` at ``rest_lr`` (default: ``lr``).

    Bias: the margin in ``max((rest_lr / lr) max_j ||W_j||_spectral, ||rest||_inf)``, once Adam's entries have reached unit size.
    The first group has the settings of ``Muon``, the second those of ``Adam``.
    """

    def __init__(self, matrices, rest, lr, momentum=0.95, *, rest_lr=None, betas=(0.9, 0.95), eps=0.0, polar="exact", check_finite=True):
        groups = [
            {"params": list(matrices), "norm": SPECTRAL, "momentum": momentum, "across": "max", "polar": polar},
            {"params": list(rest), "lr": lr if rest_lr is None else rest_lr, "betas": tuple(betas), "eps": eps},
        ]
        super().__init__(groups, dict(lr=lr), check_finite)

    def _check_group(self, group, number):
        if "betas" in group:
            check_adam(type(self).__name__, group)
        else:
            check_steepest(type(self).__name__, group, number)

    def _advance(self, group, params, grads, memory):
        if "betas" in group:
            advance_adam(self.state, group, params, grads)
        else:
            advance_steepest(self.state, group, params, grads, memory)
