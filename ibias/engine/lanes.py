"""The readable fast engine: all runs of a block as one tensor, on any device, in any float dtype, for any norm and loss.

Runs that share seed and batch size share their samples, so their logits and their gradients are one matrix product each.
Signals decay like exp(-margin); each is kept as ``value * exp(log_scale)`` with one log-scale per run (statements A, point 4), carried
through momentum and variance reduction.  Nothing in a step waits for the device.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..norms import Norm, Schatten
from .driver import drive


def run(problem, lanes, steps, record, observe, progress=None, state=None, checkpoint=None, *, workers=1, dedupe=True):
    """Advance ``lanes``; see ``engine.driver.drive``."""
    drive(LaneBlock, problem, lanes, steps, record, observe, progress, state, checkpoint, workers=workers, dedupe=dedupe)


class Snapshot(NamedTuple):
    """At an epoch's first iterate: residuals of all samples, full gradient, and their log-scale."""

    residual: Tensor  # (runs, k, n)
    gradient: Tensor  # (runs, k, d)
    log_scale: Tensor  # (runs,)


class LaneBlock:
    """The runs of one block.  ``w`` and ``m`` are ``(runs, k, d)``; the last ``reduced`` runs have variance reduction."""

    def __init__(self, problem, block):
        self.problem, self.b, self.n = problem, block.batch_size, problem.dataset.n
        self.per_epoch = self.n // self.b
        x, runs = problem.x, block.runs
        self.own = torch.nn.functional.one_hot(problem.y, problem.dataset.k).T.bool()  # (k, n)
        self.reduced = sum(run.reduced for run in runs) if self.per_epoch > 1 else 0
        self.beta = x.new_tensor([run.momentum for run in runs])
        self.averaged = any(run.momentum for run in runs)
        self.schedule = torch.tensor(block.schedule_rows, device=x.device)
        self.parts = _norm_slices([run.norm for run in runs])
        self.w, self.m = problem.start(len(runs)), problem.start(len(runs))
        self.log_scale = x.new_full((len(runs),), -torch.inf)
        late = self.reduced  # written in place at every epoch start, so that a captured step finds it where it was
        self.snapshot = Snapshot(x.new_zeros(late, problem.dataset.k, self.n), self.w[:late].clone(), x.new_zeros(late))

    def advance(self, orders: np.ndarray, rates: np.ndarray, first: int, last: int) -> None:
        orders = torch.as_tensor(orders, device=self.w.device)
        rates = torch.as_tensor(rates, dtype=self.w.dtype, device=self.w.device)[self.schedule].T[:, :, None, None]
        for t in range(first, last):
            epoch, j = t // self.per_epoch - first // self.per_epoch, t % self.per_epoch
            rows = None if self.b == self.n else orders[epoch, j * self.b : (j + 1) * self.b]
            if self.reduced and j == 0:
                self.take_snapshot()
            self.step(rows, rates[t - first], opening=j == 0)

    def step(self, rows: Tensor | None, eta: Tensor, opening: bool) -> None:
        """One update on the samples ``rows`` (all when None), with step sizes ``eta`` of shape ``(runs, 1, 1)``."""
        gradient, log_scale = self.signal(rows, opening)
        if self.averaged:
            gradient, log_scale = self.average(gradient, log_scale)
        for norm, part in self.parts:
            self.w[part] -= eta[part] * self.steepest(norm, gradient[part])

    def steepest(self, norm: Norm, signal: Tensor) -> Tensor:
        """The unit step of ``norm`` along ``signal``."""
        return steepest(norm, signal)

    def signal(self, rows, opening):
        """The mini-batch gradient of every run, corrected where variance is reduced, as ``(value, log_scale)``."""
        x, own = (self.problem.x, self.own) if rows is None else (self.problem.x[rows], self.own[:, rows])
        floor = None
        if self.reduced:
            floor = torch.nn.functional.pad(self.snapshot.log_scale, (len(self.w) - self.reduced, 0), value=-torch.inf)
        residual, log_scale = residuals(self.problem.loss, self.w, x, own, floor)
        if not self.reduced:
            return sums(residual, x) / self.b, log_scale
        late = slice(len(self.w) - self.reduced, None)
        fade = (self.snapshot.log_scale - log_scale[late]).exp()[:, None, None]
        # at an epoch start the iterate is the snapshot: the correction cancels exactly, not just up to rounding
        residual[late] = 0 if opening else residual[late] - fade * self.snapshot.residual[:, :, rows]
        gradient = sums(residual, x) / self.b
        gradient[late] += fade * self.snapshot.gradient
        return gradient, log_scale

    def take_snapshot(self):
        late = slice(len(self.w) - self.reduced, None)
        residual, log_scale = residuals(self.problem.loss, self.w[late], self.problem.x, self.own, None)
        for kept, fresh in zip(self.snapshot, (residual, sums(residual, self.problem.x) / self.n, log_scale), strict=True):
            kept.copy_(fresh)

    def average(self, gradient, log_scale):
        """``M <- beta M + (1 - beta) g`` on the larger of the two scales, renormalised to a largest entry of 1."""
        old = torch.where(self.beta > 0, self.log_scale, -torch.inf)
        new = torch.maximum(old, log_scale)
        # both scales are -inf only while every signal so far was zero
        anchor = torch.where(new > -torch.inf, new, 0)
        fade, fresh = self.beta * (old - anchor).exp(), (1 - self.beta) * (log_scale - anchor).exp()
        m = fade[:, None, None] * self.m + fresh[:, None, None] * gradient
        top = m.abs().amax((1, 2))
        top = torch.where(top > 0, top, 1)
        self.m.copy_(m / top[:, None, None])
        self.log_scale.copy_(new + top.log())
        return self.m, self.log_scale

    def weights(self) -> Tensor:
        return self.w.clone()

    def arrays(self) -> dict[str, np.ndarray]:
        return {name: getattr(self, name).cpu().numpy().copy() for name in ("w", "m", "log_scale")}

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        for name, value in arrays.items():
            getattr(self, name).copy_(torch.as_tensor(value))


def residuals(loss, w: Tensor, x: Tensor, own: Tensor, floor: Tensor | None) -> tuple[Tensor, Tensor]:
    """``(value, log_scale)`` of ``dl_i/dz``: value ``(runs, k, b)``, at most about 1; ``log_scale >= floor``.

    No cancellation: with mu the soft margin, an entry is ``exp(log_residual(mu))`` times the softmax over the other classes, and the
    own-class entry (``own``: ``(k, b)``) is minus the sum of the others.
    """
    runs, k, _ = w.shape
    z = (w.reshape(runs * k, -1) @ x.T).view(runs, k, -1)
    rest = z.masked_fill(own, -torch.inf)
    top = rest.amax(1, keepdim=True)
    value = (rest - top).exp()
    total = value.sum(1, keepdim=True)
    mu = z.masked_fill(~own, 0).sum(1, keepdim=True) - top - total.log()
    log_r = loss.log_residual(mu)
    log_scale = log_r.amax((1, 2))
    if floor is not None:
        log_scale = torch.maximum(log_scale, floor)
    weight = (log_r - log_scale[:, None, None]).exp()
    value *= weight / total
    return torch.where(own, -weight, value), log_scale


def sums(residual: Tensor, x: Tensor) -> Tensor:
    """``sum over samples of residual x^T``, ``(runs, k, d)``: one matrix product for all runs."""
    runs, k, b = residual.shape
    return (residual.reshape(runs * k, b) @ x).view(runs, k, -1)


def steepest(norm: Norm, signal: Tensor) -> Tensor:
    """``norm.steepest`` for a signal whose columns sum to zero; Schatten maps go through a small square factor."""
    if not isinstance(norm, Schatten):
        return norm.steepest(signal)
    k, d = signal.shape[-2:]
    basis = helmert(k, signal.dtype, signal.device)
    rows = basis @ signal
    if d < k:
        return basis.mT @ norm.steepest(rows)
    q, r = torch.linalg.qr(rows.mT)
    return basis.mT @ (norm.steepest(r.mT) @ q.mT)


@lru_cache
def helmert(k: int, dtype, device) -> Tensor:
    """``(k-1, k)``: orthonormal rows orthogonal to the vector of ones, which hold the whole class space of a signal."""
    j = torch.arange(1, k, dtype=dtype, device=device)[:, None]
    c = torch.arange(k, dtype=dtype, device=device)
    return ((c < j).to(dtype) - j * (c == j)) / (j * (j + 1)).sqrt()


def _norm_slices(norms: list[Norm]) -> list[tuple[Norm, slice]]:
    """Neighbours with the same norm share one call of its map."""
    parts, first = [], 0
    for i in range(1, len(norms) + 1):
        if i == len(norms) or norms[i] != norms[first]:
            parts.append((norms[first], slice(first, i)))
            first = i
    return parts
