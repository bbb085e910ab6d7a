"""What replaces the gradient, by wrapping: batches, variance reduction, momentum (Appendix A)."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ._checks import is_number, whole
from .problem import Problem, Scaled, weighted_sum


class Batch(NamedTuple):
    """The samples of one step: ``rows`` (see ``Problem``), and whether the step opens an epoch."""

    rows: Tensor | None
    epoch_start: bool


class Recipe(NamedTuple):
    """A signal of the paper's form, flattened, for the fast engines and the labels of results."""

    batch_size: int
    momentum: float
    variance_reduction: bool


class Signal(ABC):
    """A stream of matrices computed from the iterates.  Pure: state goes in and comes out.

    ``emit`` returns the signal at ``w`` (``(*lanes, k, d)``), ``Scaled``, and the next state.
    """

    @abstractmethod
    def batch_size(self, n: int) -> int:
        """Samples a step uses of n.  Raises ValueError where that is impossible."""

    def init(self, problem: Problem, w: Tensor) -> Any:
        """The state before the first step; None where a signal needs none."""
        return None

    @abstractmethod
    def emit(self, problem: Problem, w: Tensor, state: Any, batch: Batch) -> tuple[Scaled, Any]: ...


@dataclass(frozen=True)
class FullBatch(Signal):
    """The gradient of all samples."""

    def batch_size(self, n):
        return n

    def emit(self, problem, w, state, batch):
        return problem.gradient(w), None


@dataclass(frozen=True)
class Minibatch(Signal):
    """The gradient of ``b`` samples by random reshuffling: every epoch partitions the data.

    b should divide n; ``ragged=True`` allows a smaller last batch, outside the theorems.
    """

    b: int
    ragged: bool = False

    def __post_init__(self):
        object.__setattr__(self, "b", whole("Minibatch(b) counts samples", self.b, least=1))

    def batch_size(self, n):
        if self.b > n:
            what = f"Minibatch({self.b}) asks for more samples than the {n} there are"
            raise ValueError(f"{what}; use at most {n}, or FullBatch()")
        if n % self.b and not self.ragged:
            below = max(b for b in range(1, self.b + 1) if n % b == 0)
            above = min(b for b in range(self.b, n + 1) if n % b == 0)
            raise ValueError(
                f"Minibatch({self.b}) does not divide n = {n}; the nearest divisors are {below} and"
                f" {above}. Minibatch({self.b}, ragged=True) allows a smaller last batch, outside"
                " the theorems."
            )
        return self.b

    def emit(self, problem, w, state, batch):
        return problem.gradient(w, batch.rows), None


@dataclass(frozen=True)
class VarianceReduced(Signal):
    """``V = g_B(W) - g_B(snapshot) + g(snapshot)``, snapshots at epoch starts (Section 4.3)."""

    source: Signal

    def __post_init__(self):
        if not isinstance(self.source, (Minibatch, FullBatch)):
            raise TypeError(
                f"VarianceReduced corrects a mini-batch gradient; got {self.source!r}. "
                "Momentum goes outside: Momentum(beta, VarianceReduced(Minibatch(b)))"
            )

    def batch_size(self, n):
        return self.source.batch_size(n)

    def emit(self, problem, w, state, batch):
        snapshot, full = (w, problem.gradient(w)) if batch.epoch_start else state
        here, _ = self.source.emit(problem, w, None, batch)
        there, _ = self.source.emit(problem, snapshot, None, batch)
        # in this order the first two cancel exactly at an epoch start, where V is the full gradient
        v = weighted_sum((1, here), (-1, there), (1, full))
        # classes sum to zero (Lemma C.2 ii); the cancellation leaves noise there that could pass
        # for a singular direction
        return Scaled(v.value - v.value.mean(-2, keepdim=True), v.log_scale), (snapshot, full)


@dataclass(frozen=True)
class Momentum(Signal):
    """Average ``M = beta M + (1 - beta) S`` of another signal, from ``M = 0`` (Section 3.1).

    ``beta`` in [0, 1): the past's weight.  Bias correction changes no step: maps ignore scale.
    """

    beta: float
    source: Signal

    def __post_init__(self):
        if not (is_number(self.beta) and 0 <= self.beta < 1):
            raise ValueError(f"Momentum(beta=...) must lie in [0, 1); got {self.beta!r}")
        if not isinstance(self.source, Signal):
            what = "Momentum(beta, source) averages a signal"
            raise TypeError(f"{what}; got source = {self.source!r}")

    def batch_size(self, n):
        return self.source.batch_size(n)

    def init(self, problem, w):
        zero = Scaled(torch.zeros_like(w), w.new_full(w.shape[:-2], -torch.inf))
        return zero, self.source.init(problem, w)

    def emit(self, problem, w, state, batch):
        average, inner = state
        signal, inner = self.source.emit(problem, w, inner, batch)
        average = weighted_sum((self.beta, average), (1 - self.beta, signal)).rescaled()
        return average, (average, inner)


def layers(signal: Signal) -> tuple[FullBatch | Minibatch, float, bool] | None:
    """A signal of the paper's form as (batch, momentum, variance reduction), None for another."""
    momentum = 0.0
    if type(signal) is Momentum:
        momentum, signal = float(signal.beta), signal.source
    reduced = False
    if type(signal) is VarianceReduced:
        reduced, signal = True, signal.source
    # not isinstance: a subclass may compute something else
    if type(signal) is FullBatch or type(signal) is Minibatch:
        return signal, momentum, reduced
    return None


def recipe(signal: Signal, n: int) -> Recipe | None:
    """``signal`` as (batch size, momentum, variance reduction); None if not of the paper's form."""
    flat = layers(signal)
    if flat is None:
        return None
    core, momentum, reduced = flat
    b = core.batch_size(n)
    return Recipe(b, momentum, reduced) if n % b == 0 else None
