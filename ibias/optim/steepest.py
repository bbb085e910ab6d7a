"""Steepest descent in any norm, with optional momentum, as a torch optimizer."""

from collections import defaultdict
from functools import cache
from math import isnan

import torch

from ..norms import FROBENIUS, MAX, SPECTRAL, Entrywise, Norm, Schatten
from .base import HALF, CheckedOptimizer, averaged, averages, describe, require_fraction, total
from .newton_schulz import NewtonSchulz

# optimizer states hold norms and maps; torch.load(weights_only=True), the default, reads them back
torch.serialization.add_safe_globals([Entrywise, Schatten, NewtonSchulz])

ACROSS = ("max", "joint")


class SteepestDescent(CheckedOptimizer):
    r"""``theta <- theta - lr * D``, ``D = argmax <m, D>`` over ``||D|| <= 1``,
    ``m <- momentum m + (1 - momentum) g``, m_0 = 0.

    ``norm``: a norm of ``ibias.norms``, for each parameter group.  It acts on matrices: a Schatten
    norm takes parameters with two or more axes (more are flattened to (first, rest), as is usual
    for convolutions) and refuses vectors; an entry-wise norm takes any shape.  ``across`` says what
    a group's norm is: ``"max"``, the largest of its tensors' norms, so that every tensor takes its
    own unit step; or ``"joint"``, one entry-wise norm of all the group's entries.

    ``lr``: the length of one step in that norm, not a factor on the gradient: scaling the loss
    changes nothing.  Groups with different norms and rates step along the norm
    ``max_g (lr_max / lr_g) N_g``.  The norm decides which margin is maximised
    on separable data: arXiv:2602.11557 (linear), arXiv:2602.16340 (smooth homogeneous networks).

    ``polar``: ``"exact"``, from a singular value decomposition, or a ``NewtonSchulz`` value
    (spectral norm only). Equal shapes are decomposed in one batch.  float16 and bfloat16 gradients
    are mapped in float32; parameters and the average ``m``
    keep their dtype: in bfloat16 steps below 0.4 % of an entry are rounded away, and m stops about
    ``0.002 / (1 - momentum)`` of itself short of a steady gradient.  The map of a zero gradient is
    zero.

    Raises ValueError for an empty group, ``lr <= 0``, a momentum outside [0, 1), vectors under a
    Schatten norm and a saved state of another optimizer; TypeError for sparse or complex tensors
    and for arguments of another kind; FloatingPointError for a gradient with NaN or infinity.  When
    one of these is raised, no parameter has moved.
    """

    def __init__(
        self,
        params,
        lr,
        norm: Norm,
        momentum=0.0,
        *,
        across="max",
        polar="exact",
        check_finite=True,
    ):
        super().__init__(
            params,
            dict(lr=lr, norm=norm, momentum=momentum, across=across, polar=polar),
            check_finite,
        )

    def _check_group(self, group, number):
        check_steepest(type(self).__name__, group, number)

    def _advance(self, group, params, grads, memory):
        advance_steepest(self.state, group, params, grads, memory)


def check_steepest(owner, group, number):
    norm, across, polar = group["norm"], group["across"], group["polar"]
    if not isinstance(norm, Norm):
        raise TypeError(
            f"{owner}(norm=...) takes a norm such as ib.SPECTRAL or ib.Entrywise(1.5), or"
            f" ib.norm(text); got {norm!r}"
        )
    require_fraction(owner, "momentum", group["momentum"])
    if across not in ACROSS:
        raise ValueError(f"{owner}(across=...) must be one of {ACROSS}; got {across!r}")
    if across == "joint" and isinstance(norm, Schatten):
        raise ValueError(
            f"{owner}: a group has no joint singular values; use across='max' with {norm}"
        )
    if polar != "exact" and not (isinstance(polar, NewtonSchulz) and norm == SPECTRAL):
        raise ValueError(
            f"{owner}(polar=...) is 'exact', or a NewtonSchulz(...) under the spectral norm; got"
            f" {polar!r} under {norm}"
        )
    if isinstance(norm, Schatten):
        for i, p in enumerate(group["params"]):
            if p.ndim < 2:
                raise ValueError(
                    f"{owner}: {describe(group, number, i)} and {norm.text} steps need matrices."
                    " Put biases, gains and other vectors into a group with norm=ib.MAX (as"
                    " MuonSignum does) or give them to MuonAdam's rest."
                )


def advance_steepest(state, group, params, grads, memory=None):
    """One step of a group; ``state`` is the optimizer's, ``memory`` the group's where kernels may
    work on it."""
    norm, lr, momentum = group["norm"], float(group["lr"]), float(group["momentum"])
    euclidean = group["across"] == "joint" and norm == FROBENIUS
    if memory and momentum and (euclidean or norm == MAX):
        memory = memory.averaged_in(averages(state, params))
    if memory and norm == MAX:
        return memory.sign_step(lr, 1 - momentum)
    if memory and euclidean:
        return _advance_normalized_fused(memory, lr, 1 - momentum)
    sources = averaged(state, params, grads, momentum)
    if euclidean:
        return _advance_normalized(params, sources, lr)
    if norm == MAX:
        steps = torch._foreach_sign(sources)
    elif group["across"] == "joint":
        steps = _joint(norm, sources)
    else:
        steps = _blockwise(norm if group["polar"] == "exact" else group["polar"], sources)
    torch._foreach_add_(params, steps, alpha=-lr)


def _advance_normalized_fused(memory, lr, weight):
    length = (memory.squares() if len(memory.roles) == 2 else memory.average(weight)) ** 0.5
    least, most = _safe(memory.roles[0][0].dtype)
    if isnan(length) or least < length < most:
        memory.add(-lr / length)
    else:
        _advance_normalized(memory.roles[0], memory.roles[-1], lr)


def _advance_normalized(params, sources, lr):
    """The joint Euclidean step without a temporary copy of the gradient: its length goes into the
    factor."""
    factor = _inverse_length(sources)
    if factor is None:  # squares under- or overflow: rescale first
        largest = max((float(s.abs().max()) for s in sources if s.numel()), default=0)
        if largest == 0:
            return
        sources = torch._foreach_div(sources, largest)
        factor = _inverse_length(sources)
    torch._foreach_add_(params, sources, alpha=-lr * factor)


def _inverse_length(sources):
    """``1 / ||all entries||_2``, or None where the squares are too small or too large for the dtype
    to carry."""
    lengths = torch._foreach_norm([_as_computed(s) for s in sources])
    length = total(lengths, torch.linalg.vector_norm)
    if isnan(length):
        return length  # check_finite=False: a NaN stays visible
    least, most = _safe(
        torch.float32 if any(s.dtype != torch.float64 for s in sources) else torch.float64
    )
    return 1 / length if least < length < most else None


@cache
def _safe(dtype):
    """Lengths whose squares the dtype carries: below the least, squares of typical entries are no
    normal numbers and lose digits."""
    info = torch.finfo(dtype)
    return (info.tiny / info.eps) ** 0.5, info.max**0.5


def _joint(norm, sources):
    flat = torch.cat([_as_computed(s).reshape(-1) for s in sources])
    if not flat.numel():
        return sources
    step = norm.steepest(flat[None])[0]
    return [
        piece.view(s.shape).to(s.dtype)
        for piece, s in zip(step.split([s.numel() for s in sources]), sources, strict=True)
    ]


def _blockwise(map_or_norm, sources):
    """Each tensor's own unit step; tensors of one shape are stacked and mapped together, and an
    empty one is its own step."""
    steepest = map_or_norm.steepest if isinstance(map_or_norm, Norm) else map_or_norm
    matrix = not isinstance(map_or_norm, Entrywise)
    alike = defaultdict(list)
    for i, s in enumerate(sources):
        if s.numel():
            alike[s.shape, s.dtype, s.device].append(i)
    steps = list(sources)
    for (shape, dtype, _), members in alike.items():
        stack = torch.stack(
            [
                _as_computed(sources[i]).reshape((shape[0], -1) if matrix else (1, -1))
                for i in members
            ]
        )
        mapped = steepest(stack)
        for i, step in zip(members, mapped.unbind(), strict=True):
            steps[i] = step.reshape(shape).to(dtype)
    return steps


def _as_computed(s):
    return s.float() if s.dtype in HALF else s
