"""Variance-reduced gradients around any optimizer."""

import torch
from torch.optim import Optimizer

from .sharded import held


class VarianceReduced(Optimizer):
    """Replaces a batch gradient by ``g_B(theta) - g_B(anchor) + g_full(anchor)`` and lets another
    optimizer take the step (SVRG).

    ``anchor(closure)`` stores the parameters and the full gradient, once per epoch;
    ``step(closure)`` runs its closure twice, at the anchor and at the present parameters.  Both
    closures compute their loss and call ``backward``, on gradients that have been cleared; the
    closure of a step must use the same batch both times, and nothing random (dropout, batch
    statistics) in between::

        optimizer = VarianceReduced(Muon(model.parameters(), lr=0.02))
        for epoch in range(epochs):
            optimizer.anchor(full_loss)
            for batch in batches: optimizer.step(batch_loss)

    ``param_groups`` and ``state`` are the inner optimizer's; give schedulers either of the two.  A
    step computes its own gradients, so clipping and loss scaling have no place between.  Raises
    TypeError for an inner optimizer that is none, RuntimeError for a step before the first anchor,
    a closure that leaves no gradient, and a step called by a GradScaler (three gradients of three
    scales).
    Source: Johnson and Zhang (2013); arXiv:2602.11557, section 4.3.
    """

    _step_supports_amp_scaling = True  # a GradScaler then says so before a step, and can be refused

    def __init__(self, inner: Optimizer):
        if not isinstance(inner, Optimizer):
            kind = type(inner).__name__
            raise TypeError(f"VarianceReduced wraps a torch.optim.Optimizer; got {kind}")
        self.inner = inner
        self._anchored = None  # one (parameters, full gradient) pair per parameter
        super().__init__(inner.param_groups, dict(inner.defaults))
        self._share()

    def _share(self):
        self.param_groups, self.state = self.inner.param_groups, self.inner.state

    def __getstate__(self):
        return super().__getstate__() | {"inner": self.inner, "_anchored": self._anchored}

    def __setstate__(self, state):
        super().__setstate__(state)
        self._share()

    def add_param_group(self, param_group):
        """Gives the group to the inner optimizer; the next step needs a new anchor."""
        # called by Optimizer.__init__ for each of them
        if not any(param_group is group for group in self.inner.param_groups):
            self.inner.add_param_group(param_group)
            self._anchored = None
        self._share()

    def _params(self):
        return [p for group in self.inner.param_groups for p in group["params"]]

    def anchor(self, closure):
        """Stores the present parameters and ``closure``'s gradient there; returns its loss."""
        loss, gradients = self._evaluated(closure)
        copies = [p.detach().clone() for p in self._params()]
        self._anchored = list(zip(copies, gradients, strict=True))
        return loss

    def _evaluated(self, closure):
        """The closure's loss and gradients; None for a parameter without a part in it."""
        params = self._params()
        for p in params:
            p.grad = None
        with torch.enable_grad():
            loss = closure()
        if all(p.grad is None for p in params):
            remedy = "it must compute its loss and call backward()."
            raise RuntimeError(f"VarianceReduced: the closure left no gradient; {remedy}")
        return loss, [None if p.grad is None else p.grad.detach().clone() for p in params]

    @torch.no_grad()
    def step(self, closure):
        """One inner step on the corrected gradient; returns ``closure``'s loss at present."""
        if self._anchored is None:
            remedy = "call .anchor(closure_of_the_full_loss) at the start of each epoch."
            raise RuntimeError(f"VarianceReduced.step needs an anchor: {remedy}")
        if hasattr(self, "grad_scale"):
            raise RuntimeError(
                "VarianceReduced cannot be stepped by a GradScaler: its three gradients would have"
                " three scales. Call step(closure) itself."
            )
        self._share()  # the inner one makes new lists where it loads a state
        params = self._params()
        present = [p.detach().clone() for p in params]
        try:
            torch._foreach_copy_(held(params), held(anchor for anchor, _ in self._anchored))
            _, there = self._evaluated(closure)
        finally:
            torch._foreach_copy_(held(params), held(present))
        loss, here = self._evaluated(closure)
        for p, (_, full), *both in zip(params, self._anchored, here, there, strict=True):
            parts = *both, full
            if any(g is not None for g in parts):  # None counts as 0 beside a gradient
                g, g_anchor, g_full = (torch.zeros_like(p) if g is None else g for g in parts)
                # in this order the first two cancel exactly right after an anchor
                p.grad = (g - g_anchor) + g_full
        self.inner.step()
        return loss

    def state_dict(self):
        """The inner optimizer's state and the anchor."""
        return {"inner": self.inner.state_dict(), "anchored": self._anchored}

    def load_state_dict(self, state_dict):
        """What `state_dict` returned.  Raises ValueError for the state of a plain optimizer."""
        if "inner" not in state_dict:
            what = "VarianceReduced: this is the saved state of a plain optimizer"
            raise ValueError(f"{what}; load it into the inner one, before wrapping it.")
        self.inner.load_state_dict(state_dict["inner"])
        anchored = state_dict["anchored"]
        self._anchored = anchored and [
            (a.to(p).clone(), None if g is None else g.to(p).clone())
            for p, (a, g) in zip(self._params(), anchored, strict=True)
        ]
        self._share()
