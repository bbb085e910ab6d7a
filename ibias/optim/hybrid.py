"""Muon on the matrices, something entry-wise on the rest."""

from typing import Any

import torch

from ..norms import MAX, SPECTRAL
from .adam import ADAM
from .base import CheckedOptimizer, listed
from .options import refuse_unknown, require_choice, require_positive
from .steepest import DEFAULTS, STEEPEST

SIDES = ("matrices", "rest")
SHARED = ("weight_decay", "maximize", "check_finite")
"""Arguments that both sides have."""


def _two_sides(owner, matrices, rest, rest_lr):
    """The parameter groups of the two sides, each marked with its ``side``."""
    sides = {"matrices": _groups(owner, matrices), "rest": _groups(owner, rest)}
    for given, other in zip(SIDES, (owner.removeprefix("Muon"), "Muon"), strict=True):
        if not any(group["params"] for group in sides[given]):
            raise ValueError(
                f"{owner}: {given} is empty. Take {other} for one kind of parameters alone, give"
                " some layers' weights (the last one's, say) to the other group, or look whether a"
                " generator was used up before."
            )
    if rest_lr is not None:
        require_positive(owner, "rest_lr", rest_lr)
    return [{"side": side, **group} for side in SIDES for group in sides[side]]


def _groups(owner, given):
    """Parameter groups as they are, parameters (or name and parameter pairs) as one group."""
    given = listed(owner, given)
    if not (given and all(isinstance(entry, dict) for entry in given)):
        return [{"params": given}]
    own = [group["params"] for group in given]
    own = [[p] if isinstance(p, torch.Tensor) else list(p) for p in own]  # torch takes both
    return [{**group, "params": p} for group, p in zip(given, own, strict=True) if p]


class _Hybrid(CheckedOptimizer):
    """A group of a hybrid is for one of two sides; ``_sides`` has the settings of each."""

    def __init__(self, matrices, rest, lr, muon, other, rest_lr, rest_weight_decay, shared):
        own = dict(lr=rest_lr, weight_decay=rest_weight_decay)
        other = other | {key: value for key, value in own.items() if value is not None}
        self._sides = dict(matrices=muon, rest=other)
        groups = _two_sides(type(self).__name__, matrices, rest, rest_lr)
        super().__init__(groups, dict(shared, lr=lr), shared.get("check_finite", True))

    def add_param_group(self, param_group):
        """A group of the side that its key ``side`` names, "matrices" or "rest"."""
        if isinstance(param_group, dict):
            param_group = self._with_side(dict(param_group))
        super().add_param_group(param_group)

    def _with_side(self, group):
        name, adam = type(self).__name__, "betas" in self._sides["rest"]
        side = group.pop("side", None)
        if not {"norm", "betas"} & set(group):
            if side is None:
                raise ValueError(
                    f"{name}: group {len(self.param_groups)} needs side='matrices' or side='rest',"
                    " which says what step it takes (or norm=ib.SPECTRAL, or another norm, for a"
                    f" steepest step{', or betas=(...) for Adam' if adam else ''})."
                )
            require_choice(name, "side", side, SIDES)
            group = {**self._sides[side], **group}
        defaults = dict(eps=0.0) if adam and "betas" in group else dict(DEFAULTS, momentum=0.95)
        return {**defaults, **group}

    def __getstate__(self):
        return super().__getstate__() | {"_sides": self._sides}

    def _rule(self, group):
        return ADAM if "betas" in self._sides["rest"] and "betas" in group else STEEPEST


class MuonSignum(_Hybrid):
    """Muon's step on ``matrices`` at rate ``lr``, Signum's on ``rest`` at ``rest_lr`` (default:
    ``lr``): two explicit sides, each a list of parameters or of parameter groups.

    Together one steepest step, of length ``rest_lr``, in the norm
    ``max((rest_lr / lr) max_j ||W_j||_spectral, ||rest||_inf)``.
    Bias: the margin in that norm.  The ratio of the rates sets the balance between the groups, not
    the classifier (notebook M1). The hybrid of the measurements in notebook M2 has the last layer's
    weights in ``rest``.  ``rest_weight_decay`` is ``weight_decay`` unless given; ``fused`` is about
    the rest; the other options are Muon's.  A later group says with ``side`` where it belongs.

    Raises what ``SteepestDescent`` raises, and ValueError for an empty ``matrices`` or ``rest``.
    Source: arXiv:2602.16340.
    """

    def __init__(
        self,
        matrices,
        rest,
        lr: float,
        momentum: float = 0.95,
        *,
        rest_lr: float | None = None,
        rest_weight_decay: float | None = None,
        fused: bool = False,
        **options: Any,
    ):
        muon, shared = _muon(type(self).__name__, momentum, options)
        signum = {**muon, "norm": MAX, "polar": "exact", "adjust_lr": None, "fused": fused}
        super().__init__(matrices, rest, lr, muon, signum, rest_lr, rest_weight_decay, shared)


class MuonAdam(_Hybrid):
    """Muon's step on ``matrices`` at rate ``lr``, Adam's without stability constant on ``rest`` at
    ``rest_lr`` (default: ``lr``).

    Bias: the margin in ``max((rest_lr / lr) max_j ||W_j||_spectral, ||rest||_inf)``, once Adam's
    entries have reached unit size. The first side has the settings of ``Muon``, the second those
    of ``Adam``; ``rest_weight_decay`` is ``weight_decay`` unless given.  Both sides are lists of
    parameters or of parameter groups.  A later group says with ``side`` where it belongs.

    Raises what ``MuonSignum`` and ``Adam`` raise.  Source: arXiv:2602.16340.
    """

    def __init__(
        self,
        matrices,
        rest,
        lr: float,
        momentum: float = 0.95,
        *,
        rest_lr: float | None = None,
        rest_weight_decay: float | None = None,
        betas: tuple[float, float] = (0.9, 0.95),
        eps: float = 0.0,
        **options: Any,
    ):
        muon, shared = _muon(type(self).__name__, momentum, options)
        adam = dict(betas=betas, eps=eps)
        super().__init__(matrices, rest, lr, muon, adam, rest_lr, rest_weight_decay, shared)


def _muon(owner, momentum, options):
    """The settings of Muon's side, and those that both sides share."""
    known = ("polar", "adjust_lr", "nesterov", "share_work", *SHARED)
    refuse_unknown(owner, options, known, "argument")
    shared = {key: options.pop(key) for key in SHARED if key in options}
    return {"norm": SPECTRAL, "momentum": momentum, **options}, shared
