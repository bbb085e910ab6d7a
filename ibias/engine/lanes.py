"""The readable fast engine: all runs of a block as one tensor, on any device, in any float dtype,
for any norm and loss.

Runs that share seed and batch size share their samples, so their logits and their gradients are one
matrix product each. Signals decay like exp(-margin); each is kept as ``value * exp(log_scale)``
with one log-scale per run (statements A, point 4), carried through momentum and variance reduction.
Once classes may lie e^-600 apart (``reach``), it is one per class: the max norm takes the sign of a
row however small it is.  Nothing in a step waits for the device.
"""

from functools import lru_cache
from math import inf
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..norms import Entrywise, Norm, Schatten
from .driver import drive
from .reach import Reach


def run(
    problem,
    lanes,
    steps,
    record,
    observe,
    progress=None,
    state=None,
    checkpoint=None,
    *,
    workers=1,
    dedupe=True,
):
    """Advance ``lanes``; see ``engine.driver.drive``."""
    drive(
        LaneBlock,
        problem,
        lanes,
        steps,
        record,
        observe,
        progress,
        state,
        checkpoint,
        workers=workers,
        dedupe=dedupe,
    )


class Snapshot(NamedTuple):
    """At an epoch's first iterate: residuals of all samples, full gradient, and their log-scale."""

    residual: Tensor  # (runs, k, n)
    gradient: Tensor  # (runs, k, d)
    log_scale: Tensor  # (runs, 1 or k, 1)


class LaneBlock:
    """The runs of one block.  ``w`` and ``m`` are ``(runs, k, d)``; the last ``reduced`` runs have
    variance reduction."""

    def __init__(self, problem, block):
        self.problem, self.b, self.n = problem, block.batch_size, problem.dataset.n
        self.per_epoch = self.n // self.b
        runs = block.runs
        self.own = torch.nn.functional.one_hot(problem.y, problem.dataset.k).T.bool()  # (k, n)
        self.reduced = sum(run.reduced for run in runs) if self.per_epoch > 1 else 0
        self.averaged = any(run.momentum for run in runs)
        self.schedule = torch.tensor(block.schedule_rows, device=problem.x.device)
        self.parts = _norm_slices([run.norm for run in runs])
        self.w, self.m = problem.start(len(runs)), problem.start(len(runs))
        self.beta = self.w.new_tensor([run.momentum for run in runs])
        self.log_scale = self.w.new_full((len(runs), 1, 1), -torch.inf)
        late = (
            self.reduced
        )  # written in place at every epoch start, so that a captured step finds it where it was
        self.snapshot = Snapshot(
            self.w.new_zeros(late, problem.dataset.k, self.n),
            self.w[:late].clone(),
            self.w.new_zeros(late, 1, 1),
        )
        self.split, self.reach = (
            False,
            Reach(problem.dataset.x, block, np.finfo(str(problem.dtype).removeprefix("torch."))),
        )

    def advance(self, orders: np.ndarray, rates: np.ndarray, first: int, last: int) -> None:
        for begin, end in self.reach.pieces(
            rates, first, last, lambda: self.w.cpu().double().numpy(), self.split_classes
        ):
            skipped = begin // self.per_epoch - first // self.per_epoch if len(orders) > 1 else 0
            self.take_steps(orders[skipped:], rates[:, begin - first :], begin, end)

    def split_classes(self, split: bool = True) -> None:
        """From here on a log-scale per class, or one for all."""
        self.split, k = split, self.w.shape[1] if split else 1
        self.log_scale, late = (
            scale[:, :1].repeat(1, k, 1) for scale in (self.log_scale, self.snapshot.log_scale)
        )
        self.snapshot = self.snapshot._replace(log_scale=late)

    def take_steps(self, orders: np.ndarray, rates: np.ndarray, first: int, last: int) -> None:
        orders = torch.as_tensor(orders, device=self.w.device)
        rates = torch.as_tensor(rates, dtype=self.w.dtype, device=self.w.device)[self.schedule].T[
            :, :, None, None
        ]
        for t in range(first, last):
            epoch, j = t // self.per_epoch - first // self.per_epoch, t % self.per_epoch
            rows = None if self.b == self.n else orders[epoch, j * self.b : (j + 1) * self.b]
            if self.reduced and j == 0:
                self.take_snapshot()
            self.step(rows, rates[t - first], opening=j == 0)

    def step(self, rows: Tensor | None, eta: Tensor, opening: bool) -> None:
        """One update on the samples ``rows`` (all when None), with step sizes ``eta`` of shape
        ``(runs, 1, 1)``."""
        gradient, log_scale = self.signal(rows, opening)
        if self.averaged:
            gradient, log_scale = self.average(gradient, log_scale)
        for norm, part in self.parts:
            self.w[part] -= eta[part] * self.direction(norm, gradient[part], log_scale[part])

    def direction(self, norm: Norm, signal: Tensor, log_scale: Tensor) -> Tensor:
        """The unit step of ``norm`` along ``signal * exp(log_scale)``."""
        if self.split and isinstance(norm, Entrywise) and norm.p > 2:
            return power_steepest(norm, signal, log_scale)
        return self.steepest(
            norm,
            signal * (log_scale - log_scale.amax(1, keepdim=True)).exp() if self.split else signal,
        )

    def steepest(self, norm: Norm, signal: Tensor) -> Tensor:
        """The unit step of ``norm`` along ``signal``."""
        return steepest(norm, signal)

    def signal(self, rows, opening):
        """The mini-batch gradient of every run, corrected where variance is reduced, as
        ``(value, log_scale)``."""
        x = self.problem.samples(rows)
        own = self.own if rows is None else self.own[:, rows]
        floor = None
        if self.reduced:
            floor = torch.nn.functional.pad(
                self.snapshot.log_scale,
                (0, 0, 0, 0, len(self.w) - self.reduced, 0),
                value=-torch.inf,
            )
        residual, log_scale = self.residuals(self.w, x, own, floor)
        if not self.reduced:
            return sums(residual, x) / self.b, log_scale
        late = slice(len(self.w) - self.reduced, None)
        fade = (self.snapshot.log_scale - log_scale[late]).exp()
        # at an epoch start the iterate is the snapshot: the correction cancels exactly, not just up
        # to rounding
        residual[late] = (
            0 if opening else residual[late] - fade * self.snapshot.residual[:, :, rows]
        )
        gradient = sums(residual, x) / self.b
        gradient[late] += fade * self.snapshot.gradient
        return gradient, log_scale

    def take_snapshot(self):
        late = slice(len(self.w) - self.reduced, None)
        residual, log_scale = self.residuals(self.w[late], self.problem.x, self.own, None)
        for kept, fresh in zip(
            self.snapshot,
            (residual, sums(residual, self.problem.x) / self.n, log_scale),
            strict=True,
        ):
            kept.copy_(fresh)

    def residuals(self, w, x, own, floor):
        return (split_residuals if self.split else residuals)(self.problem.loss, w, x, own, floor)

    def average(self, gradient, log_scale):
        """``M <- beta M + (1 - beta) g`` on the larger of the two scales, renormalised to a largest
        entry of 1."""
        beta = self.beta[:, None, None]
        old = torch.where(beta > 0, self.log_scale, -torch.inf)
        new = torch.maximum(old, log_scale)
        # both scales are -inf only while every signal so far was zero
        anchor = torch.where(new > -torch.inf, new, 0)
        m = (
            beta * (old - anchor).exp() * self.m
            + (1 - beta) * (log_scale - anchor).exp() * gradient
        )
        top = m.abs().amax(2 if self.split else (1, 2), keepdim=True)
        top = torch.where(top > 0, top, 1)
        self.m.copy_(m / top)
        self.log_scale.copy_(new + top.log())
        return self.m, self.log_scale

    def weights(self) -> Tensor:
        return self.w.clone()

    def arrays(self) -> dict[str, np.ndarray]:
        return {
            name: getattr(self, name).cpu().numpy().copy() for name in ("w", "m", "log_scale")
        } | {"reach": self.reach.array()}

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        self.reach.restore(arrays["reach"])
        split = arrays["log_scale"].shape[1] > 1
        if split != self.split:
            self.split_classes(split)
        for name in ("w", "m", "log_scale"):
            getattr(self, name).copy_(torch.as_tensor(arrays[name]))


def residuals(
    loss, w: Tensor, x: Tensor, own: Tensor, floor: Tensor | None
) -> tuple[Tensor, Tensor]:
    """``(value, log_scale)`` of ``dl_i/dz``: value ``(runs, k, b)``, at most about 1; ``log_scale``
    ``(runs, 1, 1)``, at least ``floor``.

    No cancellation: with mu the soft margin, an entry is ``exp(log_residual(mu))`` times the
    softmax over the other classes, and the own-class entry (``own``: ``(k, b)``) is minus the sum
    of the others.
    """
    runs, k, _ = w.shape
    z = logits(w.reshape(runs * k, -1), x).view(runs, k, -1)
    rest = z.masked_fill(own, -torch.inf)
    top = rest.amax(1, keepdim=True)
    value = (rest - top).exp()
    total = value.sum(1, keepdim=True)
    mu = z.masked_fill(~own, 0).sum(1, keepdim=True) - top - total.log()
    log_r = loss.log_residual(mu)
    log_scale = log_r.amax((1, 2), keepdim=True)
    if floor is not None:
        log_scale = torch.maximum(log_scale, floor)
    weight = (log_r - log_scale).exp()
    value *= weight / total
    return torch.where(own, -weight, value), log_scale


def split_residuals(
    loss, w: Tensor, x: Tensor, own: Tensor, floor: Tensor | None
) -> tuple[Tensor, Tensor]:
    """The same with a log-scale per class, ``(runs, k, 1)``: dearer, as every entry is a logarithm
    before it is a number."""
    runs, k, _ = w.shape
    z = logits(w.reshape(runs * k, -1), x).view(runs, k, -1)
    rest = z.masked_fill(own, -torch.inf)
    others = rest.logsumexp(1, keepdim=True)
    log_r = loss.log_residual(z.masked_fill(~own, 0).sum(1, keepdim=True) - others)
    logs = torch.where(own, log_r, rest + (log_r - others))
    log_scale = logs.amax(2, keepdim=True)
    if floor is not None:
        log_scale = torch.maximum(log_scale, floor)
    value = (logs - log_scale).exp()
    return torch.where(own, -value, value), log_scale


def logits(w: Tensor, x: Tensor) -> Tensor:
    """``W x_i``, ``(rows of w, b)``; a sparse ``x`` stands on the left of its products."""
    return (x @ w.T).T.contiguous() if x.layout == torch.sparse_csr else w @ x.T


def sums(residual: Tensor, x: Tensor) -> Tensor:
    """``sum over samples of residual x^T``, ``(runs, k, d)``: one matrix product for all runs."""
    runs, k, b = residual.shape
    return (residual.reshape(runs * k, b) @ x).view(runs, k, -1)


def power_steepest(norm: Entrywise, signal: Tensor, log_scale: Tensor) -> Tensor:
    """``norm.steepest`` of ``signal * exp(log_scale)`` for p > 2, in logarithms: entries of e^-1000
    count by sign, or by a small power."""
    if norm.p == inf:
        return signal.sign()
    height = signal.abs().log() + log_scale
    top = height.amax((1, 2), keepdim=True)
    height = height - torch.where(top > -torch.inf, top, 0)
    length = (norm.q * height).exp().sum((1, 2), keepdim=True) ** (1 / norm.p)
    return signal.sign() * ((norm.q - 1) * height).exp() / torch.where(length > 0, length, 1)


def steepest(norm: Norm, signal: Tensor) -> Tensor:
    """``norm.steepest`` for a signal whose columns sum to zero; Schatten maps go through a small
    square factor."""
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
    """``(k-1, k)``: orthonormal rows orthogonal to the vector of ones, which hold the whole class
    space of a signal."""
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
