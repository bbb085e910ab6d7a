"""What all optimizers here share: checks when built and of gradients, one step per group."""

from abc import abstractmethod
from collections.abc import Callable, Iterable
from inspect import isgenerator
from math import isfinite
from typing import NamedTuple

import torch
from torch.nn.parameter import UninitializedParameter
from torch.optim import Optimizer

from .options import ADDED, SHARED, refuse_unknown, require_decay, require_flag, require_positive
from .saved import matched_group, plain
from .sharded import held, summed


class Rule(NamedTuple):
    """How a parameter group steps: the ``keys`` it reads; ``check(owner, group, number)`` refuses
    settings that cannot be; ``memory`` is what compiled kernels may work on, or None; ``advance``
    is one step of the parameters with a gradient.  ``state`` is the optimizer's."""

    keys: tuple[str, ...]
    check: Callable
    advance: Callable  # (state, group, params, grads, memory)
    memory: Callable = lambda state, group, params, grads: None


class CheckedOptimizer(Optimizer):
    """A ``torch.optim.Optimizer`` whose step either moves every parameter or, on bad input, none.

    Subclasses say with ``_rule`` how a group steps.  Gradients of another float type than their
    parameter are converted to its.  Raises what ``SteepestDescent`` lists (a scheduler may lower
    ``lr`` to 0 later; inside ``torch.compile`` a gradient that is not finite is a RuntimeError).
    ``check_finite=False`` leaves the look for NaN out: it costs one pass over the gradients and,
    on CUDA, one synchronisation with the host.
    """

    def __init__(self, params, defaults, check_finite=True):
        defaults = {**ADDED, **defaults, "check_finite": bool(check_finite)}
        super().__init__(listed(type(self).__name__, params), defaults)

    def add_param_group(self, param_group):
        """torch's own, after a look whether this optimizer reads its keys and takes its tensors."""
        refuse_unknown(type(self).__name__, param_group, {*SHARED, *self._rule(param_group).keys})
        # a copy: torch writes into it what the caller's next optimizer would read
        super().add_param_group(dict(param_group) if isinstance(param_group, dict) else param_group)
        group, number = self.param_groups[-1], len(self.param_groups) - 1
        try:
            self._check(group, number)
        except BaseException:
            self.param_groups.pop()
            raise

    def state_dict(self):
        """torch's own, in plain values: norms and maps become texts and numbers."""
        state = super().state_dict()
        groups = [{key: plain(v) for key, v in g.items()} for g in state["param_groups"]]
        return {**state, "param_groups": groups}

    def load_state_dict(self, state_dict):
        """torch's own, after a look whether ``state_dict``, which brings its settings, fits."""
        read = list(state_dict.get("param_groups", []))
        pairs = zip(self.param_groups, read, strict=False)  # torch says when their numbers differ
        for number, (own, saved) in enumerate(pairs):
            group = matched_group(type(self).__name__, number, own, saved, self.defaults)
            lr = saved["lr"] or 1.0  # a scheduler may have ended at 0
            self._check({**group, "params": own["params"], "lr": lr}, number)
            for i, index in enumerate(saved["params"][: len(own["params"])]):
                self._require_shapes(own, number, i, state_dict["state"].get(index, {}))
            read[number] = group
        super().load_state_dict({**state_dict, "param_groups": read})

    def _check(self, group, number):
        name = type(self).__name__
        if not group["params"]:
            remedy = "give it at least one tensor or leave the group out."
            raise ValueError(f"{name}: parameter group {number} is empty; {remedy}")
        require_positive(name, "lr", group["lr"])
        require_decay(name, group["lr"], group["weight_decay"])
        require_flag(name, "maximize", group["maximize"])
        places = {}
        for i, p in enumerate(group["params"]):
            if places.setdefault(id(p), i) != i:  # torch warns, and moves it twice
                raise ValueError(
                    f"{name}: {describe(group, number, i)} is parameter {places[id(p)]} again and"
                    " would move twice in a step; give it once."
                )
            if isinstance(p, UninitializedParameter):
                raise TypeError(
                    f"{name}: parameter {i} of group {number} belongs to a lazy module and has no"
                    " shape yet. Run one batch through the model first."
                )
            if p.dtype not in DTYPES:
                raise TypeError(
                    f"{name}: {describe(group, number, i)} has dtype {p.dtype}; only real floating"
                    " point tensors of 16, 32 or 64 bits can be optimized."
                )
        self._rule(group).check(name, group, number)

    @abstractmethod
    def _rule(self, group) -> Rule: ...

    def step(self, closure=None):
        """One update; ``closure`` recomputes the loss, which is returned, and the gradients."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        work = []
        for number, group in enumerate(self.param_groups):  # dynamo reads no cells of a closure
            work.append((group, *self._gradients(group, number)))
        self._require_finite(work)  # first: a compiled graph that raises runs no ``finally``
        recording = torch.is_grad_enabled()
        torch.set_grad_enabled(False)  # after a backward pass half as long as ``torch.no_grad()``
        try:
            for group, params, grads, memory in work:
                if params:
                    self._rule(group).advance(self.state, group, params, grads, memory)
        finally:
            torch.set_grad_enabled(recording)
        return loss

    def _gradients(self, group, number):
        """(parameters with a gradient, gradients in their type, memory for kernels or None)."""
        params, grads = group["params"], [p.grad for p in group["params"]]
        if any(g is None for g in grads):
            params = [p for p in params if p.grad is not None]
            grads = [p.grad for p in params]
        memory = self._rule(group).memory(self.state, group, params, grads)
        if memory is not None:  # all was looked at there
            return params, grads, memory
        for i, p in enumerate(group["params"]):
            if p.grad is None:
                continue
            if p.grad.is_sparse:
                raise TypeError(
                    f"{type(self).__name__}: {describe(group, number, i)} has a sparse gradient; a"
                    " steepest step needs the dense one. Build the embedding with sparse=False."
                )
            self._require_shapes(group, number, i, {"gradient": p.grad})
            if p in self.state:
                self._require_shapes(group, number, i, self.state[p])
        pairs = zip(params, grads, strict=True)
        return params, [g if g.dtype == p.dtype else g.to(p.dtype) for p, g in pairs], None

    def _require_shapes(self, group, number, i, tensors):
        """What was exchanged by ``p.data = ...`` or comes with a saved state may not fit; it has to
        show before another group has moved."""
        shape = group["params"][i].shape
        for name, other in tensors.items():
            if isinstance(other, torch.Tensor) and other.shape != shape and other.ndim:
                raise ValueError(
                    f"{type(self).__name__}: {describe(group, number, i)} has a {name} of shape"
                    f" {tuple(other.shape)}. Nothing was updated. Clear the gradient, or load a"
                    " state that was saved for these parameters."
                )

    def _require_finite(self, work):
        # sums (of squares) are finite only if every entry is, up to overflow: a cheap filter, and
        # the exact look only when it fires
        squares, sums, looked_at = 0.0, [], []
        for group, params, grads, memory in work:
            if group["check_finite"]:
                if memory is not None:
                    squares += memory.squares()
                else:
                    looked_at += params
                    for g in held(grads):
                        sums.append(g.sum(dtype=torch.float32 if g.dtype in HALF else None))
        if torch.compiler.is_compiling():
            for s in sums:
                torch._assert_async(torch.isfinite(s), NOT_FINITE)
            return
        if isfinite(squares) and (not sums or isfinite(summed(stacked(sums).sum(), looked_at))):
            return
        for number, (group, params, grads, _) in enumerate(work):
            for p, g in zip(params, grads, strict=False) if group["check_finite"] else ():
                bad = sum((~torch.isfinite(local)).sum() for local in held([g]))
                if int(summed(bad, [p])):
                    i = next(i for i, q in enumerate(group["params"]) if q is p)
                    raise FloatingPointError(
                        f"{type(self).__name__}: {describe(group, number, i)} has {int(bad)} NaN or"
                        f" infinite entries in its gradient. {NOT_FINITE}"
                    )


NOT_FINITE = (
    "Nothing was updated. Look at the loss of this batch, or clip the activations; sign and polar"
    " maps would turn such a gradient into a full step."
)
HALF = (torch.float16, torch.bfloat16)
DTYPES = (*HALF, torch.float32, torch.float64)


def listed(owner, params):
    """``params`` as a list; newcomers' mistakes are named."""
    if isinstance(params, torch.nn.Module):
        instead = f"{owner}(model.parameters(), ...)"
        raise TypeError(f"{owner} takes parameters and got a module: write {instead}")
    if isinstance(params, (torch.Tensor, dict)) or not isinstance(params, Iterable):
        wanted = "an iterable of Tensors or of parameter groups (dictionaries)"
        raise TypeError(f"{owner} takes {wanted}; got one {type(params).__name__}")
    params = list(params)
    if any(map(isgenerator, params)):
        given = "a list of generators: write [*a.parameters(), *b.parameters()]"
        raise TypeError(f"{owner} takes one list of parameters and got {given}")
    return params


def stacked(scalars):
    """0-d tensors as one vector: one transfer to the host, whatever their number."""
    device = scalars[0].device
    return torch.stack([s.to(device) for s in scalars])


def describe(group, number, i):
    """How an error names parameter i of a group: by its own name too, where there is one."""
    names = group.get("param_names")
    called = f" '{names[i]}'" if names else ""
    return f"parameter {i}{called} of group {number}, shape {tuple(group['params'][i].shape)},"


def averages(state, params, name="momentum"):
    """The averages kept under ``state[p][name]``, zero at first, in the type that p has now."""
    for p in params:
        kept = state[p].get(name)
        if kept is None:
            state[p][name] = torch.zeros_like(p, memory_format=torch.preserve_format)
        elif kept.dtype != p.dtype:  # model.double() after some steps
            state[p][name] = kept.to(p.dtype)
    return [state[p][name] for p in params]


def averaged(state, params, grads, decay, name="momentum", nesterov=False):
    """Exponential average ``m = decay m + (1 - decay) g`` from m = 0, kept under
    ``state[p][name]``; the list of m's, or with ``nesterov`` of ``decay m + (1 - decay) g``, each
    what this process holds of it."""
    grads = held(grads)
    if decay == 0:
        return grads
    kept = held(averages(state, params, name))
    torch._foreach_lerp_(kept, grads, 1 - decay)
    return torch._foreach_lerp(grads, kept, decay) if nesterov else kept


def move(params, directions, length, group):
    """``p <- (1 - lr weight_decay) p - (lr / length) direction``, or ``+`` to maximize; on what
    this process holds."""
    params, lr = held(params), rate(group)
    if group["weight_decay"]:
        torch._foreach_mul_(params, 1 - lr * group["weight_decay"])
    factor = (lr if group["maximize"] else -lr) / length
    if isinstance(factor, torch.Tensor):
        torch._foreach_add_(params, torch._foreach_mul(directions, factor))
    else:
        torch._foreach_add_(params, directions, alpha=factor)


def rate(group):
    """``lr`` as a number; in a compiled graph a tensor, as a number would be bound for good."""
    lr = group["lr"]
    return lr if isinstance(lr, torch.Tensor) and torch.compiler.is_compiling() else float(lr)
