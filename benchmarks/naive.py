"""The peer: what a researcher writes first.  One run at a time, eager torch, autograd, an optimizer
class."""

import torch
import torch.nn.functional as F

import ibias as ib


class SteepestDescent(torch.optim.Optimizer):
    def __init__(self, params, eta0, a=0.5, beta=0.0, norm="max"):
        super().__init__(params, {"eta0": eta0, "a": a, "beta": beta, "norm": norm})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                if not state:
                    state.update(t=0, m=torch.zeros_like(p))
                state["t"] += 1
                m = state["m"].mul_(group["beta"]).add_(p.grad, alpha=1 - group["beta"])
                p.add_(
                    _direction(m, group["norm"]), alpha=-group["eta0"] * state["t"] ** -group["a"]
                )


def _direction(m, norm):
    if norm == "max":
        return m.sign()
    if norm == "frobenius":
        return m / torch.linalg.norm(m)
    u, s, vh = torch.linalg.svd(m, full_matrices=False)
    kept = s > 1e-10 * s[0]
    return u[:, kept] @ vh[kept]


def train(x, y, k, cell, steps, optimizer=None, eta0=0.1):
    """``steps`` updates on tensors ``x``, ``y``; returns the weights.  Valid while margins stay
    below about 15 (autograd)."""
    n, d = x.shape
    per_epoch = n // cell.b
    orders = torch.from_numpy(ib.permutations(n, 0, -(-steps // per_epoch)))
    w = torch.zeros(k, d, dtype=x.dtype, requires_grad=True)
    optimizer = optimizer([w]) if optimizer else SteepestDescent([w], eta0, norm=cell.norm.text)
    for t in range(steps):
        epoch, j = divmod(t, per_epoch)
        if cell.reduced and j == 0:
            then = w.detach().clone().requires_grad_(True)
            (full,) = torch.autograd.grad(F.cross_entropy(x @ then.T, y), then)
        rows = orders[epoch, j * cell.b : (j + 1) * cell.b]
        optimizer.zero_grad()
        F.cross_entropy(x[rows] @ w.T, y[rows]).backward()
        if cell.reduced:
            (stale,) = torch.autograd.grad(F.cross_entropy(x[rows] @ then.T, y[rows]), then)
            w.grad += full - stale
        optimizer.step()
    return w.detach()
