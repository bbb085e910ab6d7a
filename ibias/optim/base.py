"""What every optimizer here shares: checks at construction, gradients checked before anything
moves, one step per group."""

from abc import abstractmethod
from inspect import isgenerator
from math import isfinite
from numbers import Real

import torch
from torch.optim import Optimizer

from .fused import Fused


class CheckedOptimizer(Optimizer):
    """A ``torch.optim.Optimizer`` whose step either moves every parameter or, on bad input, none.

    Subclasses fill in ``_check_group`` (called once per parameter group) and ``_advance`` (called
    once per group and step with the parameters that have a gradient, and with their memory where
    kernels may work on it: see ``fused``).  Raises ValueError for an empty group or ``lr <= 0`` at
    construction (a scheduler may lower ``lr`` to 0 later) and for a saved state of another
    optimizer, TypeError for sparse or complex tensors and for what is no number, FloatingPointError
    for a NaN or infinite gradient. ``check_finite=False`` leaves the last one out: it costs one
    pass over the gradients and, on CUDA, one synchronisation with the host.
    """

    def __init__(self, params, defaults, check_finite=True):
        super().__init__(
            _listed(type(self).__name__, params), {**defaults, "check_finite": bool(check_finite)}
        )

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        group, number = self.param_groups[-1], len(self.param_groups) - 1
        try:
            self._check(group, number)
        except BaseException:
            self.param_groups.pop()
            raise

    def load_state_dict(self, state_dict):
        """torch's own, after a look whether ``state_dict`` is of such an optimizer, whose
        hyperparameters are taken from it, and fits."""
        for number, (own, saved) in enumerate(
            zip(self.param_groups, state_dict.get("param_groups", []))
        ):
            wanted = [key for key in own if key in self.defaults or key in RULE]
            if missing := [key for key in wanted if key not in saved]:
                raise ValueError(
                    f"{type(self).__name__}: the saved state is of another optimizer: its group"
                    f" {number} has no {missing[0]!r}."
                )
            for key in RULE:
                if own.get(key) != saved.get(key):
                    raise ValueError(
                        f"{type(self).__name__}: the saved state is of another optimizer: group"
                        f" {number} has {key} {saved.get(key)}, this one {own.get(key)}. Load it"
                        " into an optimizer built like the one that was saved."
                    )
            self._check(
                {**saved, "params": own["params"], "lr": saved["lr"] or 1.0}, number
            )  # a scheduler may have ended at 0
            for i, index in enumerate(saved["params"][: len(own["params"])]):
                self._require_shapes(own, number, i, state_dict["state"].get(index, {}))
        super().load_state_dict(state_dict)

    def _check(self, group, number):
        name = type(self).__name__
        if not group["params"]:
            raise ValueError(
                f"{name}: parameter group {number} is empty; give it at least one tensor or leave"
                " the group out."
            )
        require_positive(name, "lr", group["lr"])
        for i, p in enumerate(group["params"]):
            if p.dtype not in DTYPES:
                raise TypeError(
                    f"{name}: {describe(group, number, i)} has dtype {p.dtype}; only real floating"
                    " point tensors of 16, 32 or 64 bits can be optimized."
                )
        self._check_group(group, number)

    @abstractmethod
    def _check_group(self, group, number): ...

    @abstractmethod
    def _advance(self, group, params, grads, memory): ...

    def step(self, closure=None):
        """One update; ``closure``, if given, recomputes the loss and the gradients and its value is
        returned."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        recording = torch.is_grad_enabled()
        torch.set_grad_enabled(
            False
        )  # right after a backward pass half as long as ``with torch.no_grad()``
        try:
            self._update()
        finally:
            torch.set_grad_enabled(recording)
        return loss

    def _update(self):
        work = [
            (group, *self._gradients(group, number))
            for number, group in enumerate(self.param_groups)
        ]
        self._require_finite(work)
        for group, params, grads, memory in work:
            if params:
                self._advance(group, params, grads, memory)

    def _gradients(self, group, number):
        params = group["params"]
        grads = [g for p in params if (g := p.grad) is not None]
        if len(grads) < len(params):
            params = [p for p in params if p.grad is not None]
        memory = Fused.of(params, grads)
        if memory is None and any(g.is_sparse for g in grads):
            i = next(
                i for i, p in enumerate(group["params"]) if p.grad is not None and p.grad.is_sparse
            )
            raise TypeError(
                f"{type(self).__name__}: {describe(group, number, i)} has a sparse gradient; a"
                " steepest step needs the dense one. Build the embedding with sparse=False."
            )
        if memory is None:
            for i, p in enumerate(group["params"]):
                self._require_shapes(
                    group, number, i, {"gradient": p.grad, **self.state.get(p, {})}
                )
        return params, grads, memory

    def _require_shapes(self, group, number, i, tensors):
        """What was exchanged by ``p.data = ...`` or comes with a saved state may not fit; it has to
        show before another group has moved."""
        for name, other in tensors.items():
            if (
                isinstance(other, torch.Tensor)
                and other.ndim
                and other.shape != group["params"][i].shape
            ):
                raise ValueError(
                    f"{type(self).__name__}: {describe(group, number, i)} has a {name} of shape"
                    f" {tuple(other.shape)}. Nothing was updated. Clear the gradient, or load a"
                    " state that was saved for these parameters."
                )

    def _require_finite(self, work):
        # sums (of squares) are finite only if every entry is, up to overflow: a cheap filter, and
        # the exact look only when it fires
        squares, sums = 0.0, []
        for group, _, grads, memory in work:
            if group["check_finite"]:
                if memory is not None:
                    squares += memory.squares()
                else:
                    sums += [g.sum(dtype=torch.float32 if g.dtype in HALF else None) for g in grads]
        if isfinite(squares) and (not sums or isfinite(total(sums))):
            return
        for number, group in enumerate(self.param_groups):
            for i, p in enumerate(group["params"]) if group["check_finite"] else ():
                if p.grad is not None and not bool(torch.isfinite(p.grad).all()):
                    raise FloatingPointError(
                        f"{type(self).__name__}: {describe(group, number, i)} has"
                        f" {int((~torch.isfinite(p.grad)).sum())} NaN or infinite entries in its"
                        " gradient. Nothing was updated. Look at the loss of this batch, or clip"
                        " the activations; sign and polar maps would turn such a gradient into a"
                        " full step."
                    )


HALF = (torch.float16, torch.bfloat16)
DTYPES = (*HALF, torch.float32, torch.float64)
RULE = ("norm", "across")
"""The settings of a group that say which optimizer it is; others (lr, momentum, ...) are tuned, and
a saved state brings its own."""


def _listed(owner, params):
    """``params`` as a list, unless it is a tensor (which torch refuses); what newcomers pass
    instead is named."""
    if isinstance(params, torch.nn.Module):
        raise TypeError(
            f"{owner} takes parameters and got a module: write {owner}(model.parameters(), ...)"
        )
    if isinstance(params, torch.Tensor):
        return params
    params = list(params)
    if any(isgenerator(p) for p in params):
        raise TypeError(
            f"{owner} takes one list of parameters and got a list of generators: write"
            " [*a.parameters(), *b.parameters()]"
        )
    return params


def total(scalars, combine=torch.sum):
    """The sum (or norm) of 0-d tensors as a float: one transfer to the host, whatever their
    number."""
    device = scalars[0].device
    return float(combine(torch.stack([s.to(device) for s in scalars])))


def describe(group, number, i):
    """How an error names parameter i of a group: its own name where the optimizer was given named
    parameters."""
    names = group.get("param_names")
    called = f" '{names[i]}'" if names else ""
    return f"parameter {i}{called} of group {number}, shape {tuple(group['params'][i].shape)},"


def require_number(owner, argument, value):
    """Its value, of a tensor with one entry too; NaN is a number and fails whatever is asked of it
    next."""
    number = value.item() if isinstance(value, torch.Tensor) and value.numel() == 1 else value
    if not isinstance(number, Real) or isinstance(number, bool):
        raise TypeError(f"{owner}({argument}=...) must be a number; got {value!r}")
    return number


def require_positive(owner, argument, value):
    if not 0 < require_number(owner, argument, value) < float("inf"):
        raise ValueError(
            f"{owner}({argument}=...) is the length of one step and must be positive and finite;"
            f" got {value}"
        )


def require_fraction(owner, argument, value):
    if not 0 <= require_number(owner, argument, value) < 1:
        raise ValueError(f"{owner}({argument}=...) must lie in [0, 1); got {value}")


def averages(state, params, name="momentum"):
    """The averages kept under ``state[p][name]``, zero at first."""
    for p in params:
        if name not in state[p]:
            state[p][name] = torch.zeros_like(p, memory_format=torch.preserve_format)
    return [state[p][name] for p in params]


def averaged(state, params, grads, decay, name="momentum"):
    """Exponential average ``m = decay m + (1 - decay) g`` from m = 0, kept under
    ``state[p][name]``; the list of m's."""
    if decay == 0:
        return grads
    kept = averages(state, params, name)
    torch._foreach_lerp_(kept, grads, 1 - decay)
    return kept
