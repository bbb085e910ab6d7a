"""EXP2: the stationary formula eta Var(G_i) / (2 |l_i|) on MLP-386, and ours on the same runs."""

import numpy as np
import torch
import xarray as xr

from ibias import streams

from ..replicas import run_replicas
from ..sampling import RESHUFFLING
from ..spectra import eigenbasis
from ..statistics import Frame
from .mlp386 import BATCH, REFERENCE, mlp386, reference
from .path import clouds, deviations, hessian_of
from .repeating import WITH_REPETITION

ETA, STEPS, RUNS, TOP = 0.05, 500, 128, 48
EPOCHS = 5  # ours: reshuffled, the formula holds at the ends of epochs
GRADIENTS, HESSIANS = 48, 12
EPSILON = 1e-12  # that the public code adds before it takes a logarithm


def measured(seed: int, runs=RUNS, samples=2_048, reference_steps=500) -> xr.Dataset:
    """Every mode of one network: variances measured and predicted, both ways of drawing batches.

    ``seed`` draws the digits, the weights and the batches.
    """
    network = mlp386(samples, seed)
    theta = reference(network, seed, reference_steps)
    frame = frame_of(network, theta)
    seeds = range(seed * runs, (seed + 1) * runs)
    kept = {
        "curvature": frame.curvature,
        "noise": np.diag(frame.covariance),
        "gradient": frame.gradient,
        "stationary": _stationary(network, theta, frame, seed),
    }
    epoch = network.n // BATCH
    for name, scheme, steps in (
        ("independent", WITH_REPETITION, STEPS),
        ("reshuffled", RESHUFFLING, EPOCHS * epoch),
    ):
        run = run_replicas(network, theta, frame.vectors, ETA, scheme, BATCH, steps, [steps], seeds)
        (cloud,) = clouds(network, theta, ETA, BATCH, [steps], scheme)
        kept[name] = run.variance.values[0]
        kept[f"{name}_predicted"] = cloud.along(frame.vectors)
    fraction = _diagonal_fraction(network, theta, frame.vectors, seed)
    labels = {"network": network.name, "seed": seed, "runs": runs, "diagonal": fraction}
    return xr.Dataset({name: ("mode", row) for name, row in kept.items()}, attrs=labels)


def frame_of(network, theta) -> Frame:
    """As ``statistics.frame_at`` on ``hessian_of``."""
    basis = eigenbasis(hessian_of(network, theta))
    u = torch.from_numpy(basis.vectors)
    gradients = network.sample_gradients(theta)
    mean, b = gradients.mean(0), deviations(network, theta) @ u
    covariance = (b.T @ b / network.n).numpy()
    return Frame(network.n, basis.values, basis.vectors, (mean @ u).numpy(), covariance)


def batch_gradients(network, theta, count: int, seed: int) -> torch.Tensor:
    """Gradients of ``count`` batches at ``theta``, ``(count, p)``."""
    rows = WITH_REPETITION.batches(network.n, BATCH, [2 * REFERENCE + seed], count)[0]
    return network.batch_gradients(theta.expand(count, -1), torch.from_numpy(rows.astype(np.int64)))


def _stationary(network, theta, frame, seed) -> np.ndarray:
    """The formula as the public code computes it, Var(G_i) from 48 batches."""
    gradients = batch_gradients(network, theta, GRADIENTS, seed) @ torch.from_numpy(frame.vectors)
    return ETA * gradients.var(0).numpy() / (2 * np.abs(frame.curvature) + 1e-6)


def _diagonal_fraction(network, theta, vectors, seed) -> float:
    """Share of the squared entries of a batch's Hessian that lies on its diagonal, in the basis of
    the mean Hessian; mean over 12 batches."""
    rows = WITH_REPETITION.batches(network.n, BATCH, [3 * REFERENCE + seed], HESSIANS)[0]
    shares = []
    for batch in rows.astype(np.int64):
        turned = vectors.T @ network.hessian(theta, batch).numpy() @ vectors
        shares.append((np.diag(turned) ** 2).sum() / (turned**2).sum())
    return float(np.mean(shares))


def scores(measured, predicted) -> dict[str, float]:
    """The public code's two numbers: correlation of logarithms, and |m - p| / |m|."""
    logs = np.log(measured + EPSILON), np.log(predicted + EPSILON)
    error = np.linalg.norm(measured - predicted) / np.linalg.norm(measured)
    return {"log-correlation": float(np.corrcoef(*logs)[0, 1]), "relative error": float(error)}


def top_modes(curvature, count=TOP) -> np.ndarray:
    """The ``count`` modes of largest |l|."""
    return np.argsort(np.abs(curvature))[-count:]


def published_scores(run: xr.Dataset) -> dict[str, float]:
    """The numbers of EXP2 from one run, by the names of the table."""
    variance, formula = run.independent.values, run.stationary.values
    top = top_modes(run.curvature.values)
    half = streams.generator(run.seed).permutation(top)[TOP // 2 :]
    held_out = scores(variance[half], formula[half])
    return {
        **{f"{k}, top 48": v for k, v in scores(variance[top], formula[top]).items()},
        "log-correlation, held-out half": held_out["log-correlation"],
        **{f"{k}, all": v for k, v in scores(variance, formula).items()},
        "Hessian on its diagonal": run.diagonal,
    }


def agreement(run: xr.Dataset) -> dict[str, float]:
    """The formula along the path against both kinds of runs, over every noisy mode."""
    noisy = run.noise.values > 1e-12 * run.noise.values.max()
    found = {"noisy modes": int(noisy.sum())}
    for name in ("independent", "reshuffled"):
        variance, formula = (run[k].values[noisy] for k in (name, f"{name}_predicted"))
        one = compared(variance, formula, run.runs)
        found |= {f"{name}: {quantity}": value for quantity, value in one.items()}
    return found


def compared(variance, formula, runs: int) -> dict[str, float]:
    """Variances over ``runs`` replicas against predicted ones, z on the Gaussian standard error of
    a variance."""
    ratio = variance / formula
    z = (ratio - 1) / np.sqrt(2 / (runs - 1))
    return {
        "z below 4": float((np.abs(z) < 4).mean()),
        "spread of z": float(z.std()),
        "median ratio": float(np.median(ratio)),
        "within 1.5": float((np.abs(np.log(ratio)) < np.log(1.5)).mean()),
        "log-correlation": float(np.corrcoef(np.log([variance, formula]))[0, 1]),
    }
