"""Muon on the matrices, something entry-wise on the rest."""

from ..norms import MAX, SPECTRAL
from .adam import advance_adam, check_adam
from .base import CheckedOptimizer, require_positive
from .steepest import SteepestDescent, advance_steepest, check_steepest


def _two_groups(owner, matrices, rest, lr, rest_lr):
    """The parameters of the two groups as lists, and the rate of the second."""
    matrices, rest = list(matrices), list(rest)
    if not matrices or not rest:
        given, other = (
            ("matrices", owner.removeprefix("Muon")) if not matrices else ("rest", "Muon")
        )
        raise ValueError(
            f"{owner}: {given} is empty. Take {other} for one kind of parameters alone, give some"
            " layers' weights (the last one's, say) to the other group, or look whether a"
            " generator was used up before."
        )
    for i, p in enumerate(matrices):
        if getattr(p, "ndim", 2) < 2:
            raise ValueError(
                f"{owner}: parameter {i} of matrices has shape {tuple(p.shape)}, and spectral steps"
                " need matrices; vectors belong into rest, the second argument."
            )
    if rest_lr is not None:
        require_positive(owner, "rest_lr", rest_lr)
    return matrices, rest, lr if rest_lr is None else rest_lr


class MuonSignum(SteepestDescent):
    """Muon's step on ``matrices`` at rate ``lr``, Signum's on ``rest`` at ``rest_lr`` (default:
    ``lr``): two explicit groups.

    Together one steepest step, of length ``rest_lr``, in the norm
    ``max((rest_lr / lr) max_j ||W_j||_spectral, ||rest||_inf)``.
    Bias: the margin in that norm.  The ratio of the rates sets the balance between the groups, not
    the classifier (notebook M1). The hybrid of the measurements in notebook M2 has the last layer's
    weights in ``rest``.

    Raises what ``SteepestDescent`` raises, and ValueError for an empty ``matrices`` or ``rest`` or
    a vector among the matrices.
    Source: arXiv:2602.16340.
    """

    def __init__(
        self, matrices, rest, lr, momentum=0.95, *, rest_lr=None, polar="exact", check_finite=True
    ):
        matrices, rest, rest_lr = _two_groups(type(self).__name__, matrices, rest, lr, rest_lr)
        groups = [
            {"params": matrices, "norm": SPECTRAL, "polar": polar},
            {"params": rest, "norm": MAX, "lr": rest_lr},
        ]
        super().__init__(groups, lr, MAX, momentum, check_finite=check_finite)


class MuonAdam(CheckedOptimizer):
    """Muon's step on ``matrices`` at rate ``lr``, Adam's without stability constant on ``rest`` at
    ``rest_lr`` (default: ``lr``).

    Bias: the margin in ``max((rest_lr / lr) max_j ||W_j||_spectral, ||rest||_inf)``, once Adam's
    entries have reached unit size. The first group has the settings of ``Muon``, the second those
    of ``Adam``.

    Raises what ``MuonSignum`` and ``Adam`` raise.  Source: arXiv:2602.16340.
    """

    def __init__(
        self,
        matrices,
        rest,
        lr,
        momentum=0.95,
        *,
        rest_lr=None,
        betas=(0.9, 0.95),
        eps=0.0,
        polar="exact",
        check_finite=True,
    ):
        matrices, rest, rest_lr = _two_groups(type(self).__name__, matrices, rest, lr, rest_lr)
        groups = [
            {
                "params": matrices,
                "norm": SPECTRAL,
                "momentum": momentum,
                "across": "max",
                "polar": polar,
            },
            {"params": rest, "lr": rest_lr, "betas": betas, "eps": eps},
        ]
        super().__init__(groups, dict(lr=lr), check_finite)

    def _check_group(self, group, number):
        name = type(self).__name__
        if "betas" not in group and "norm" not in group:
            raise ValueError(
                f"{name}: group {number} needs norm=ib.SPECTRAL, or another norm, for a steepest"
                " step, or betas=(...) for Adam's"
            )
        for key, value in (
            dict(eps=0.0).items()
            if "betas" in group
            else dict(momentum=0.95, across="max", polar="exact").items()
        ):
            group.setdefault(key, value)
        if "betas" in group:
            check_adam(name, group)
        else:
            check_steepest(name, group, number)

    def _advance(self, group, params, grads, memory):
        if "betas" in group:
            advance_adam(self.state, group, params, grads)
        else:
            advance_steepest(self.state, group, params, grads, memory)
