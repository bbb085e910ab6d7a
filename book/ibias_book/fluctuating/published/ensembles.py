"""EXP33 and EXP35: the covariance of a few runs in the Hessian's basis, and reshuffled."""

import numpy as np

from ..sampling import RESHUFFLING
from .mlp386 import BATCH, mlp386, reference
from .path import clouds, hessian_of
from .repeating import WITH_REPETITION
from .walk import end

ETA, REFERENCE_STEPS = 0.03, 30


def diagonal_mass(covariance) -> float:
    """Share of the squared entries that lies on the diagonal."""
    return float((np.diag(covariance) ** 2).sum() / (covariance**2).sum())


def eigenbasis_mass(seed: int, runs=32, steps=20, directions=12) -> dict[str, float]:
    """EXP33: diagonal mass along the six flattest and the six sharpest directions.

    Beside it the twelve first parameters, which the public code computes and does not report, and
    what the formula says of infinitely many runs.
    """
    network = mlp386(512, seed)
    theta = reference(network, seed, REFERENCE_STEPS)
    values, vectors = np.linalg.eigh(hessian_of(network, theta))
    half = directions // 2
    chosen = np.concatenate([np.argsort(np.abs(values))[:half], np.argsort(values)[-half:]])
    seeds = range(seed * runs, (seed + 1) * runs)
    found = (end(network, theta, ETA, WITH_REPETITION, BATCH, seeds, steps) - theta).numpy()
    (cloud,) = clouds(network, theta, ETA, BATCH, [steps], WITH_REPETITION)
    basis, axes = vectors[:, chosen], np.eye(network.p)[:, :directions]
    return {
        "diagonal mass, Hessian's basis": diagonal_mass(np.cov(found @ basis, rowvar=False)),
        "the same, infinitely many runs": diagonal_mass(basis.T @ cloud.covariance @ basis),
        "the same, first twelve parameters": diagonal_mass(np.cov(found @ axes, rowvar=False)),
        "the first twelve, infinitely many runs": diagonal_mass(axes.T @ cloud.covariance @ axes),
    }


def trace_ratio(seed: int, runs=8, steps=48) -> dict[str, float]:
    """EXP35: trace of the covariance reshuffled over that with replacement, at an epoch's end; and
    the formula's ratio."""
    network = mlp386(1_024, seed)
    theta = reference(network, seed, REFERENCE_STEPS)
    seeds = range(seed * runs, (seed + 1) * runs)
    traces, predicted = [], []
    for scheme in (RESHUFFLING, WITH_REPETITION):
        found = end(network, theta, ETA, scheme, BATCH, seeds, steps)
        (cloud,) = clouds(network, theta, ETA, BATCH, [steps], scheme)
        traces.append(found.var(0).sum().item())
        predicted.append(np.trace(cloud.covariance))
    return {
        "trace ratio": float(traces[0] / traces[1]),
        "trace ratio, formula": float(predicted[0] / predicted[1]),
    }
