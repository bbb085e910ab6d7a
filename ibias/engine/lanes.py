"""The readable fast engine: a group's runs as one tensor, for any device, dtype, norm and loss.

Runs that share seed and batch size share their samples, so their logits and their gradients are one
matrix product each. Signals decay like exp(-margin); each is kept as ``value * exp(log_scale)``
with one log-scale per run (statements A, point 4), carried through momentum and variance reduction.
Once classes may lie e^-600 apart (``reach``), it is one per class: the max norm takes the sign of a
row however small it is.  Nothing in a step waits for the device.
"""

from functools import partial
from itertools import groupby
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..norms import Norm
from ..problem import Problem
from .driver import drive
from .planner import Group
from .reach import Reach
from .unit_steps import power_steepest, steepest


class Snapshot(NamedTuple):
    """At an epoch's first iterate: residuals of all samples, full gradient, and their log-scale."""

    residual: Tensor  # (runs, k, n)
    gradient: Tensor  # (runs, k, d)
    log_scale: Tensor  # (runs, 1 or k, 1)


class LaneWorkspace:
    """A group's runs: ``w``, ``m`` are ``(runs, k, d)``; ``corrected`` have variance reduction."""

    steepest = staticmethod(steepest)  # the unit step of a norm along a signal

    def __init__(self, problem: Problem, group: Group):
        self.problem, self.b, self.n = problem, group.batch_size, problem.dataset.n
        self.per_epoch = self.n // self.b
        runs, k = group.runs, problem.dataset.k
        self.own = torch.nn.functional.one_hot(problem.y, k).T.bool()  # (k, n)
        self.reduced = sum(run.reduced for run in runs) if self.per_epoch > 1 else 0
        self.corrected = slice(len(runs) - self.reduced, None)
        self.averaged = any(run.momentum for run in runs)
        self.schedule = torch.tensor(group.schedule_rows, device=problem.y.device)
        self.norm_slices = _norm_slices([run.norm for run in runs])
        self.w, self.m = problem.start(len(runs)), problem.start(len(runs))
        self.beta = self.w.new_tensor([run.momentum for run in runs])
        self.log_scale = self.w.new_full((len(runs), 1, 1), -torch.inf)
        # written in place at every epoch start, so that a captured step finds it where it was
        zeros, shapes = self.w.new_zeros, ((self.reduced, k, self.n), (self.reduced, 1, 1))
        self.snapshot = Snapshot(zeros(shapes[0]), self.w[self.corrected].clone(), zeros(shapes[1]))
        self.split = False  # whether there is a log-scale per class
        limits = np.finfo(str(problem.dtype).removeprefix("torch."))
        self.reach = Reach(problem.dataset.x, group, limits)

    def advance(self, orders: np.ndarray, rates: np.ndarray, first: int, last: int) -> None:
        pieces = self.reach.pieces(orders, rates, first, last, self.weights, self.split_classes)
        for begin, end, orders, rates in pieces:
            self._take_steps(orders, rates, begin, end)

    def split_classes(self, split: bool = True) -> None:
        """From here on a log-scale per class, or one for all."""
        self.split, k = split, self.w.shape[1] if split else 1
        self.log_scale = self.log_scale[:, :1].repeat(1, k, 1)
        repeated = self.snapshot.log_scale[:, :1].repeat(1, k, 1)
        self.snapshot = self.snapshot._replace(log_scale=repeated)

    def _take_steps(self, orders, rates, first, last):
        orders = torch.as_tensor(orders, device=self.w.device)
        rates = torch.as_tensor(rates, dtype=self.w.dtype, device=self.w.device)
        rates = rates[self.schedule].T[:, :, None, None]
        for t in range(first, last):
            epoch, j = t // self.per_epoch - first // self.per_epoch, t % self.per_epoch
            rows = None if self.b == self.n else orders[epoch, j * self.b : (j + 1) * self.b]
            self.step(rows, rates[t - first], opening=bool(self.reduced) and j == 0)

    def step(self, rows: Tensor | None, eta: Tensor, opening: bool) -> None:
        """One update on the samples ``rows`` (all when None), with step sizes ``eta`` of shape
        ``(runs, 1, 1)``; ``opening``: it opens an epoch of variance-reduced runs."""
        if opening:
            self.take_snapshot()
        gradient, log_scale = self.signal(rows, opening)
        if self.averaged:
            gradient, log_scale = self.average(gradient, log_scale)
        for norm, runs in self.norm_slices:
            self.w[runs] -= eta[runs] * self.direction(norm, gradient[runs], log_scale[runs])

    def direction(self, norm: Norm, signal: Tensor, log_scale: Tensor) -> Tensor:
        """The unit step of ``norm`` along ``signal * exp(log_scale)``."""
        if self.split and norm.family == "entrywise" and norm.flatness > 1:
            return power_steepest(norm, signal, log_scale)
        if self.split:
            signal = signal * (log_scale - log_scale.amax(1, keepdim=True)).exp()
        return self.steepest(norm, signal)

    def signal(self, rows: Tensor | None, opening: bool) -> tuple[Tensor, Tensor]:
        """The gradients of a mini-batch, corrected where they are to be: ``(value, log_scale)``."""
        x = self.problem.samples(rows)
        own = self.own if rows is None else self.own[:, rows]
        if not self.reduced:
            residual, log_scale = self.residuals(self.w, x, own)
            return sums(residual, x) / self.b, log_scale
        old, runs = self.snapshot, self.corrected
        padding = (0, 0, 0, 0, len(self.w) - self.reduced, 0)
        floor = torch.nn.functional.pad(old.log_scale, padding, value=-torch.inf)
        residual, log_scale = self.residuals(self.w, x, own, floor)
        fade = (old.log_scale - log_scale[runs]).exp()
        # at an epoch start the iterate is the snapshot: the correction cancels exactly, not just up
        # to rounding
        residual[runs] = 0 if opening else residual[runs] - fade * old.residual[:, :, rows]
        gradient = sums(residual, x) / self.b
        gradient[runs] += fade * old.gradient
        return gradient, log_scale

    def take_snapshot(self) -> None:
        x = self.problem.x
        residual, log_scale = self.residuals(self.w[self.corrected], x, self.own)
        fresh = Snapshot(residual, sums(residual, x) / self.n, log_scale)
        for kept, value in zip(self.snapshot, fresh, strict=True):
            kept.copy_(value)

    def residuals(self, w, x, own, floor=-torch.inf):
        z = logits(w.flatten(0, 1), x).view(*w.shape[:2], -1)
        return (split_residuals if self.split else residuals)(self.problem.loss, z, own, floor)

    def average(self, gradient: Tensor, log_scale: Tensor) -> tuple[Tensor, Tensor]:
        """``M <- beta M + (1 - beta) g`` on the larger scale, then to a largest entry of 1."""
        beta = self.beta[:, None, None]
        old = torch.where(beta > 0, self.log_scale, -torch.inf)
        new = torch.maximum(old, log_scale)
        # both scales are -inf only while every signal so far was zero
        anchor = torch.where(new > -torch.inf, new, 0)
        past, fresh = beta * (old - anchor).exp(), (1 - beta) * (log_scale - anchor).exp()
        m = past * self.m + fresh * gradient
        top = m.abs().amax(2 if self.split else (1, 2), keepdim=True)
        top = torch.where(top > 0, top, 1)
        self.m.copy_(m / top)
        self.log_scale.copy_(new + top.log())
        return self.m, self.log_scale

    def weights(self) -> Tensor:
        return self.w.clone()

    def arrays(self) -> dict[str, np.ndarray]:
        state = {name: getattr(self, name).cpu().numpy().copy() for name in ("w", "m", "log_scale")}
        return state | {"reach": self.reach.array()}

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        self.reach.restore(arrays["reach"])
        split = arrays["log_scale"].shape[1] > 1
        if split != self.split:
            self.split_classes(split)
        for name in ("w", "m", "log_scale"):
            getattr(self, name).copy_(torch.as_tensor(arrays[name]))


def residuals(loss, z: Tensor, own: Tensor, floor) -> tuple[Tensor, Tensor]:
    """``(value, log_scale)`` of ``dl_i/dz`` at logits z: value ``(runs, k, b)`` as z, at most about
    1; ``log_scale`` ``(runs, 1, 1)``, at least ``floor``.

    No cancellation: with mu the soft margin, an entry is ``exp(log_residual(mu))`` times the
    softmax over the other classes, and the own-class entry (``own``: ``(k, b)``) is minus the sum
    of the others.
    """
    rest = z.masked_fill(own, -torch.inf)
    top = rest.amax(1, keepdim=True)
    value = (rest - top).exp()
    total = value.sum(1, keepdim=True)
    mu = z.masked_fill(~own, 0).sum(1, keepdim=True) - top - total.log()
    log_r = loss.log_residual(mu)
    log_scale = log_r.amax((1, 2), keepdim=True).clamp(floor)
    weight = (log_r - log_scale).exp()
    value *= weight / total
    return torch.where(own, -weight, value), log_scale


def split_residuals(loss, z: Tensor, own: Tensor, floor) -> tuple[Tensor, Tensor]:
    """The same with log-scales ``(runs, k, 1)``: dearer, every entry is a logarithm first."""
    rest = z.masked_fill(own, -torch.inf)
    others = rest.logsumexp(1, keepdim=True)
    log_r = loss.log_residual(z.masked_fill(~own, 0).sum(1, keepdim=True) - others)
    logs = torch.where(own, log_r, rest + (log_r - others))
    log_scale = logs.amax(2, keepdim=True).clamp(floor)
    value = (logs - log_scale).exp()
    return torch.where(own, -value, value), log_scale


def logits(w: Tensor, x: Tensor) -> Tensor:
    """``W x_i``, ``(rows of w, b)``; a sparse ``x`` stands on the left of its products."""
    return (x @ w.T).T.contiguous() if x.layout == torch.sparse_csr else w @ x.T


def sums(residual: Tensor, x: Tensor) -> Tensor:
    """``sum over samples of residual x^T``, ``(runs, k, d)``: one matrix product for all runs."""
    runs, k, b = residual.shape
    return (residual.reshape(runs * k, b) @ x).view(runs, k, -1)


def _norm_slices(norms: list[Norm]) -> list[tuple[Norm, slice]]:
    """Neighbours with the same norm share one call of its map."""
    slices, first = [], 0
    for norm, neighbours in groupby(norms):
        last = first + len(list(neighbours))
        slices.append((norm, slice(first, last)))
        first = last
    return slices


# see ``driver.drive``
run = partial(drive, LaneWorkspace)
