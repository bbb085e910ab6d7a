"""Steepest descent in any norm, with optional momentum, as a torch optimizer."""

from math import isnan
from typing import TypedDict, Unpack

import torch

from ..norms import FROBENIUS, MAX, Norm, Schatten
from .base import CheckedOptimizer, Rule, averaged, averages, describe, move, rate
from .directions import each, is_spectral, joint, normalized, safe_lengths
from .fused import Fused, available
from .matrices import ADJUST, check_matrices
from .newton_schulz import NewtonSchulz
from .options import refuse_unknown, require_choice, require_flag, require_fraction
from .sharded import is_sharded


class Options(TypedDict, total=False):
    """The keyword arguments of the steepest steps, explained at ``SteepestDescent``."""

    weight_decay: float
    nesterov: bool
    maximize: bool
    across: str
    polar: object
    adjust_lr: str | None
    matrices: str
    split: int | tuple[int, ...] | None
    split_axis: int
    fused: bool
    share_work: bool
    check_finite: bool


DEFAULTS = dict(momentum=0.0, nesterov=False, across="max", polar="exact", adjust_lr=None)
DEFAULTS |= dict(matrices="flat", split=None, split_axis=0, fused=False, share_work=False)


class SteepestDescent(CheckedOptimizer):
    r"""``theta <- (1 - lr weight_decay) theta - lr * D``, ``D = argmax <m, D>`` over
    ``||D|| <= 1``, ``m <- momentum m + (1 - momentum) g``, m_0 = 0.

    ``norm``: a norm of ``ibias.norms``, for each parameter group.  It acts on matrices: a Schatten
    norm takes parameters with two or more axes and refuses vectors; an entry-wise norm takes any
    shape.  ``across`` says what a group's norm is: ``"max"``, the largest of its matrices' norms,
    so that every one takes its own unit step; or ``"joint"``, one entry-wise norm of all the
    group's entries.

    ``lr``: the length of one step in that norm, not a factor on the gradient: scaling the loss
    changes nothing.  Groups with different norms and rates step along the norm
    ``max_g (lr_max / lr_g) N_g``.  The norm decides which margin is maximised
    on separable data: arXiv:2602.11557 (linear), arXiv:2602.16340 (smooth homogeneous networks).

    Options, each for a parameter group too:

    - ``weight_decay``: decoupled, before the step.  The weights then stay in (or shrink towards)
      the ball of radius ``1 / weight_decay`` of the norm, and on separable data the limit is no
      longer the scale-free maximum margin.
    - ``nesterov``: the step is made of ``momentum m + (1 - momentum) g`` in place of m.
    - ``maximize``: climbs instead of descending.
    - ``matrices``: ``"flat"`` sees a tensor ``(rows, ...)`` as one matrix ``(rows, rest)``, as is
      usual for convolutions; ``"batched"`` sees ``(..., rows, columns)`` as a stack, each matrix
      with its own unit step (experts, heads).
    - ``split``: cuts each matrix along ``split_axis`` (0 rows, 1 columns): an integer into that
      many equal ones (heads), sizes such as ``(d, d, d)`` into those (a fused query, key and value
      of shape ``(3 d, d)``).
    - ``polar``: ``"exact"`` (singular values on the CPU, matrix products and Cholesky factors for
      float32 on CUDA), or a ``NewtonSchulz`` value (spectral norm only).
    - ``adjust_lr``: see ``Muon`` (spectral norm only).
    - ``fused``: steps of plain float32 or float64 tensors on the CPU in one compiled pass (max norm
      and joint Frobenius norm only; needs numba).
    - ``share_work``: under DistributedDataParallel, where all processes have the same gradients,
      each tensor's step is computed by one process and sent to the others.  Shards of FSDP2 are
      always shared so.

    Equal shapes are decomposed in one batch.  16-bit gradients are mapped in float32; parameters
    and the average ``m`` keep their dtype: in bfloat16 steps below 0.4 % of an entry are rounded
    away, and m stops about ``0.002 / (1 - momentum)`` of itself short of a steady gradient.  The
    map of a zero gradient is zero.

    Raises ValueError for an empty group, a parameter given twice, a group key that is not read,
    ``lr <= 0``, a momentum outside [0, 1), a decay outside [0, 1 / lr], vectors under a Schatten
    norm, options that do not fit the norm or the shapes, and a saved state of another optimizer;
    TypeError for lazy, sparse or complex tensors and for arguments of another kind;
    FloatingPointError for a gradient with NaN or infinity.  When one of these is raised, no
    parameter has moved.
    """

    def __init__(
        self, params, lr: float, norm: Norm, momentum: float = 0.0, **options: Unpack[Options]
    ):
        refuse_unknown(type(self).__name__, options, Options.__annotations__, "argument")
        check_finite = options.pop("check_finite", True)
        defaults = {**DEFAULTS, **options, "lr": lr, "norm": norm, "momentum": momentum}
        super().__init__(params, defaults, check_finite)

    def _rule(self, group):
        return STEEPEST


def _check(owner, group, number):
    """Refuse settings of a steepest step that cannot be, in a sentence."""
    norm, across, polar, adjust = (group[key] for key in ("norm", "across", "polar", "adjust_lr"))
    if not isinstance(norm, Norm):
        wanted = "a norm such as ib.SPECTRAL or ib.Entrywise(1.5), or ib.norm(text)"
        raise TypeError(f"{owner}(norm=...) takes {wanted}; got {norm!r}")
    require_fraction(owner, "momentum", group["momentum"])
    for flag in ("nesterov", "fused", "share_work"):
        require_flag(owner, flag, group[flag])
    if group["nesterov"] and not float(group["momentum"]):
        raise ValueError(f"{owner}(nesterov=True) looks ahead along a momentum, and there is none")
    require_choice(owner, "across", across, ("max", "joint"))
    if across == "joint" and isinstance(norm, Schatten):
        instead = f"use across='max' with {norm}"
        raise ValueError(f"{owner}: a group has no joint singular values; {instead}")
    if across == "joint" and (group["matrices"] != "flat" or group["split"] is not None):
        raise ValueError(f"{owner}: matrices and split have no meaning for a joint norm")
    if polar != "exact" and not isinstance(polar, NewtonSchulz):
        allowed = "'exact' or an ibias.optim.NewtonSchulz value"
        raise TypeError(f"{owner}(polar=...) is {allowed}; got {polar!r}")
    require_choice(owner, "adjust_lr", adjust, (None, *ADJUST))
    if (polar != "exact" or adjust) and not is_spectral(norm):
        given = f"polar={polar}, adjust_lr={adjust!r}"
        about = "makes or scales steps under the spectral norm"
        raise ValueError(f"{owner}: {given} {about}; got {norm}")
    if group["fused"]:
        _check_fused(owner, group, number)
    check_matrices(owner, group, number)
    if isinstance(norm, Schatten):
        for i, p in enumerate(group["params"]):
            if p.ndim < 2:
                raise ValueError(
                    f"{owner}: {describe(group, number, i)} and {norm.text} steps need matrices."
                    " Put biases, gains and other vectors into a group with norm=ib.MAX, or take"
                    " MuonSignum or MuonAdam: there they belong into rest, the second argument."
                )


def _check_fused(owner, group, number):
    if not (group["norm"] == MAX or _is_euclidean(group)):
        raise ValueError(
            f"{owner}(fused=True): there are compiled steps for the max norm and the joint"
            f" Frobenius norm; leave fused out with {group['norm']}"
        )
    if not available():
        raise ImportError(f"{owner}(fused=True) needs numba: pip install 'ibias[fast]'")
    for i, p in enumerate(group["params"]):
        if is_sharded(p) or not p.is_cpu or p.dtype not in (torch.float32, torch.float64):
            raise ValueError(
                f"{owner}(fused=True): {describe(group, number, i)} is {p.dtype} on {p.device};"
                " compiled steps take plain float32 or float64 tensors on the CPU"
            )


def _is_euclidean(group):
    return group["across"] == "joint" and group["norm"] == FROBENIUS


def _memory(state, group, params, grads):
    """The group's memory where kernels may work on it; None where torch's operations have to."""
    if not group.get("fused"):
        return None
    memory = Fused.of(params, grads)
    if memory is None or not group["momentum"]:
        return memory
    kept = [own["momentum"] for own in map(state.get, params) if own and "momentum" in own]
    if len(kept) == len(params):
        return memory.averaged_in(kept)
    so_far = (state.get(p, {}).get("momentum", p) for p in params)  # a first step for some
    return memory if all(m.shape == p.shape for m, p in zip(so_far, params, strict=True)) else None


def _advance(state, group, params, grads, memory):
    norm, momentum = group["norm"], float(group["momentum"])
    if memory is not None and momentum and len(memory.roles) == 2:
        memory = memory.averaged_in(averages(state, params))
    if memory is not None:
        return _advance_fused(memory, group, momentum)
    sources = averaged(state, params, grads, momentum, nesterov=group["nesterov"])
    if _is_euclidean(group):
        return move(params, *normalized(params, sources), group)
    if norm == MAX:
        steps = torch._foreach_sign(sources)
    elif group["across"] == "joint":
        steps = joint(norm, params, sources)
    else:
        steps = each(group, params, sources)
    move(params, steps, 1.0, group)


def _advance_fused(memory, group, momentum):
    lr = rate(group)
    keep, ahead = 1 - lr * float(group["weight_decay"]), momentum if group["nesterov"] else 1.0
    lr = -lr if group["maximize"] else lr
    if group["norm"] == MAX:
        return memory.sign_step(keep, lr, 1 - momentum, ahead)
    length = (memory.average(1 - momentum, ahead) if momentum else memory.squares()) ** 0.5
    least, most = safe_lengths(memory.roles[0][0].dtype)
    if isnan(length) or least < length < most:
        return memory.add(keep, -lr / length, ahead)
    params, grads, *_ = memory.roles
    sources = memory.roles[-1]
    if group["nesterov"]:
        sources = torch._foreach_lerp(grads, sources, momentum)
    move(params, *normalized(params, sources), group)


STEEPEST = Rule(("norm", *DEFAULTS), _check, _advance, _memory)
