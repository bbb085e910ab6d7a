"""Data, methods and runs that the tests of the engine share."""

import itertools

import numpy as np
import torch
from numpy_reference import trajectory as numpy_weights

import ibias as ib
from ibias.engine import backend_named
from ibias.engine.experimental.persistent.build import missing
from ibias.methods import Trajectory

# the persistent kernel runs on the CPU where there is a compiler for it
FAST = (
    ("lanes", "kernel", "persistent") if not missing(torch.device("cpu")) else ("lanes", "kernel")
)
STEPS = 1000


def clusters(n=60, k=5, d=8, spread=0.35, seed=0):
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((k, d))
    y = np.arange(n) % k
    return ib.Dataset(
        2 * centres[y] / np.linalg.norm(centres, axis=1)[y, None]
        + spread * rng.standard_normal((n, d)),
        y,
    )


def method(norm, b, beta=0.0, reduced=False, eta0=0.1, a=0.5):
    signal = ib.VarianceReduced(ib.Minibatch(b)) if reduced else ib.Minibatch(b)
    return ib.SteepestDescent(
        norm, ib.Momentum(beta, signal) if beta else signal, ib.Power(eta0, a)
    )


def final(backend, problem, trajectories, steps=STEPS, **options):
    """W of every trajectory after the last step."""
    w = torch.full(
        (len(trajectories), problem.dataset.k, problem.dataset.d), torch.nan, dtype=problem.dtype
    )

    def observe(index, indices, weights):
        w[indices] = weights

    backend_named(backend, problem, trajectories)[1](
        problem, trajectories, steps, np.array([steps]), observe, **options
    )
    return w


def reference(problem, trajectory, steps=STEPS):
    data, (m, seed) = problem.dataset, trajectory
    b, beta, reduced = ib.signals.recipe(m.signal, data.n)
    family = type(m.norm).__name__.lower()
    return numpy_weights(
        data.x,
        data.y,
        data.k,
        family,
        m.norm.p,
        b,
        beta,
        reduced,
        steps,
        m.schedule.eta0,
        m.schedule.a,
        seed,
        problem.loss.text,
    )


def worst(w, v):
    """Largest relative Frobenius distance over trajectories."""
    return float(((w - v).flatten(1).norm(dim=1) / v.flatten(1).norm(dim=1)).max())


def cells(norms, batch_sizes, seeds=(0,), **options):
    grid = itertools.product(norms, batch_sizes, (0.0, 0.9), (False, True))
    return [Trajectory(method(*cell, **options), seed) for cell in grid for seed in seeds]
