"""Real runs on which the proofs' recursion is checked at every step, with everything the
inequalities need."""

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from ibias.data import Dataset, gaussian, scale_skewed
from ibias.engine import backend_named
from ibias.losses import CROSS_ENTROPY
from ibias.maxmargin import max_margin
from ibias.methods import SteepestDescent, Trajectory
from ibias.norms import FROBENIUS, MAX, SPECTRAL, Norm
from ibias.problem import Problem
from ibias.schedules import Power
from ibias.signals import Minibatch, Momentum, VarianceReduced

from ...batches import batch_rows
from ..theory.recursion import Recursion
from ..theory.replay import Replay, replay

LOG2 = float(np.log(2))
STEP = Power(0.02)


@dataclass(frozen=True, eq=False)
class TracedRun:
    """One run to be followed step by step: data, norm, batch size, momentum, variance reduction,
    schedule, length."""

    dataset: Dataset
    norm: Norm
    batch_size: int
    beta: float = 0.0
    variance_reduction: bool = False
    schedule: Power = STEP
    steps: int = 600
    seed: int = 0
    form: str = "sharper"

    @property
    def method(self):
        """The method as the simulator takes it."""
        signal = Minibatch(self.batch_size)
        signal = VarianceReduced(signal) if self.variance_reduction else signal
        return SteepestDescent(
            self.norm, Momentum(self.beta, signal) if self.beta else signal, self.schedule
        )

    @property
    def kind(self):
        """plain, momentum, VR or VR+momentum: the appendix (D, E, F, G) that treats it."""
        return {(0, 0): "plain", (1, 0): "momentum", (0, 1): "VR", (1, 1): "VR+momentum"}[
            self.beta > 0, self.variance_reduction
        ]

    @cached_property
    def recursion(self):
        """The a-priori constants, with the certified lower end of gamma."""
        return Recursion(
            _gamma(self.dataset, self.norm),
            self.dataset.radius,
            self.dataset.n // self.batch_size,
            self.schedule.eta0,
            self.schedule.a,
            self.beta,
            self.variance_reduction,
            self.form,
        )

    @cached_property
    def weights(self):
        """Every iterate, (T+1, k, d), from the engine that a sweep would use."""
        return path(self.dataset, self.method, self.steps, self.seed)

    @cached_property
    def replay(self) -> Replay:
        """Signals and errors recomputed from the weights, away from the engine."""
        rows = batch_rows(self.dataset.n, self.batch_size, self.seed, self.steps)
        return replay(
            Problem(self.dataset),
            self.weights,
            rows,
            beta=self.beta,
            variance_reduction=self.variance_reduction,
        )

    @cached_property
    def eta(self):
        return self.schedule.steps(self.steps)

    @cached_property
    def error(self):
        """Measured eps_t, (T,)."""
        return self.replay.error(self.norm)

    @cached_property
    def change(self):
        """(L(W_{t+1}) - L(W_t)) / (eta_t G(W_t)), (T,)."""
        r = self.replay
        after, before = (
            np.exp(r.log_loss[1:] - r.log_proxy[:-1]),
            np.exp(r.log_loss[:-1] - r.log_proxy[:-1]),
        )
        return (after - before) / self.eta

    @cached_property
    def ratio(self):
        """G/L at every step but the last, (T,)."""
        return np.exp(self.replay.log_proxy - self.replay.log_loss)[:-1]

    @property
    def threshold(self):
        """log(log 2 / n): the logarithm of the loss below which every sample is classified."""
        return float(np.log(LOG2 / self.dataset.n))

    def separated_from(self, start=0):
        """t_1: the first step >= start with L <= log 2 / n, or None."""
        below = np.flatnonzero(self.replay.log_loss[start:] <= self.threshold)
        return int(below[0]) + start if len(below) else None

    @cached_property
    def own_norm(self):
        """||W_t|| in the norm of the method, (T+1,)."""
        return self.norm.value(self.weights).numpy()

    def curvature(self):
        """2 R^2 e^(2 R eta_t) eta_t, the second-order part of (M) per eta_t G, (T,)."""
        r = self.dataset.radius
        return 2 * r**2 * np.exp(2 * r * self.eta) * self.eta


@cache
def _gamma(dataset, norm):
    return max_margin(dataset, norm).margin


def path(dataset, method, steps, seed=0, loss=CROSS_ENTROPY, record=None):
    """The weights of a run at the steps ``record`` (every step by default), (len(record), k, d),
    measuring nothing else."""
    return paths(dataset, [Trajectory(method, seed)], steps, loss, record)[0]


def paths(dataset, lanes, steps, loss=CROSS_ENTROPY, record=None):
    """The weights of several runs on one data set, (lanes, len(record), k, d): together they cost
    little more than one."""
    problem = Problem(dataset, loss)
    grid = np.arange(steps + 1) if record is None else np.asarray(record)
    out = np.empty((len(lanes), len(grid), dataset.k, dataset.d))

    def keep(index, indices, w):
        out[indices, index] = w.numpy()

    backend_named("auto", problem, lanes)[1](problem, lanes, steps, grid, keep)
    return out


def _together(runs):
    """The same runs, with the weights of those that share data and length already run."""
    groups = {}
    for run in runs:
        groups.setdefault((run.dataset, run.steps), []).append(run)
    for (dataset, steps), group in groups.items():
        found = paths(dataset, [Trajectory(run.method, run.seed) for run in group], steps)
        for run, weights in zip(group, found, strict=True):
            run.__dict__["weights"] = weights  # where `cached_property` keeps its value
    return tuple(runs)


def axes(classes=2, copies=2) -> Dataset:
    """Unit vectors as samples, ``copies`` of each: gamma = 2R for the max norm, the best case that
    Lemma V leaves."""
    return Dataset(
        np.tile(np.eye(classes), (copies, 1)),
        np.tile(np.arange(classes), copies),
        f"axes({classes}, {copies})",
    )


@cache
def short_runs():
    """Every kind of method, three norms, all batch sizes, on four data sets: 600 steps each, no
    condition on rho."""
    out = []
    sets = [
        axes(),
        gaussian(classes=3, per_class=2, dim=8, variance=0.1, seed=1),
        scale_skewed(classes=3, samples=6, seed=2),
        Dataset(np.array([[2.0, -1.0]] * 3 + [[1.0, -2.0]]), np.array([0, 0, 0, 1]), "X.3"),
    ]
    for data in sets:
        for norm in (MAX, FROBENIUS, SPECTRAL):
            step = Power({MAX: 0.03, FROBENIUS: 0.3, SPECTRAL: 0.1}[norm] / data.radius)
            for b in [b for b in range(1, data.n + 1) if data.n % b == 0]:
                out.append(TracedRun(data, norm, b, schedule=step))
                if b < data.n:
                    out.append(TracedRun(data, norm, b, beta=0.9, schedule=step))
                    out.append(TracedRun(data, norm, b, variance_reduction=True, schedule=step))
                    out.append(
                        TracedRun(data, norm, b, beta=0.7, variance_reduction=True, schedule=step)
                    )
    return _together(out)


@cache
def certified_runs():
    """Runs whose effective margin is positive before they start, long enough to pass t_0 and
    t_1."""
    best, cloud = axes(), gaussian(classes=3, per_class=2, dim=8, variance=0.1, seed=1)
    skewed, mid, quick = scale_skewed(classes=3, samples=6, seed=2), Power(0.1), Power(0.3, a=0.75)
    full = [
        TracedRun(data, norm, data.n, schedule=schedule, steps=4000)
        for data in (best, skewed)
        for norm in (MAX, FROBENIUS, SPECTRAL)
        for schedule in (mid, quick)
    ]
    full += [
        TracedRun(cloud, MAX, 6, schedule=mid, steps=4000),
        TracedRun(cloud, SPECTRAL, 6, schedule=mid, steps=8000),
    ]
    average = [
        TracedRun(best, MAX, 2, beta=0.9, steps=8000),
        TracedRun(best, MAX, 4, beta=0.5, steps=4000),
        TracedRun(best, MAX, 2, beta=0.95, steps=12_000, schedule=Power(0.005), form="paper"),
        TracedRun(skewed, MAX, 6, beta=0.5, steps=5000, schedule=Power(0.03)),
    ]
    reduced = [
        TracedRun(
            data, norm, data.n // 2, variance_reduction=True, schedule=Power(0.05), steps=6000
        )
        for data in (best, skewed)
        for norm in (MAX, SPECTRAL, FROBENIUS)
    ]
    reduced += [
        TracedRun(skewed, MAX, 2, variance_reduction=True, schedule=Power(0.05), steps=4000),
        TracedRun(cloud, MAX, 3, variance_reduction=True, schedule=Power(0.05), steps=4000),
    ]
    both = [
        TracedRun(
            best, norm, 2, beta=0.5, variance_reduction=True, schedule=Power(0.03), steps=6000
        )
        for norm in (MAX, SPECTRAL)
    ]
    both.append(TracedRun(skewed, MAX, 3, beta=0.5, variance_reduction=True, steps=12_000))
    return _together([*full, *average, *reduced, *both])


def of_kind(kind, runs):
    """The runs of one appendix."""
    return [run for run in runs if run.kind == kind]
