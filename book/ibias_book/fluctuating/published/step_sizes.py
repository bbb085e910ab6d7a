"""EXP5-lr: variance along flat and sharp directions against the step size."""

from typing import NamedTuple

import numpy as np
import torch
import xarray as xr

from ..exponents import Exponent, fit_exponent
from ..replicas import run_replicas
from .mlp386 import BATCH, mlp386, reference
from .path import clouds, hessian_in_parts
from .repeating import WITH_REPETITION
from .stationary import frame_of

ETAS = (0.0125, 0.025, 0.05, 0.1)
LATE = (320, 360, 400)  # the last third of the recorded steps
RUNS, EACH, SAMPLES, REFERENCE_STEPS = 24, 8, 1_024, 100
GROUPS = ("flattest", "flattest noisy", "sharpest")


class Late(NamedTuple):
    """What the public code keeps of a group of directions: mean variance, and its slope in time."""

    plateau: float
    slope: float


def late(variances) -> Late:
    """Of the variances ``(time, direction)`` at the steps ``LATE``."""
    mean = np.asarray(variances, dtype=float).mean(1)
    return Late(mean.mean(), np.polyfit(LATE, mean, 1)[0])


def measured(seed: int, runs=RUNS, formula=False) -> xr.Dataset:
    """Three groups of eight directions, four step sizes, in double precision; with ``formula`` (12
    s) the one along the path beside them, else nan.

    ``single`` is the flattest group as the public code had it, in float32.
    """
    network = mlp386(SAMPLES, seed)
    theta = reference(network, seed, REFERENCE_STEPS)
    frame = frame_of(network, theta)
    noise = np.diag(frame.covariance)
    flat = np.argsort(np.abs(frame.curvature))
    noisy = flat[noise[flat] > 1e-12 * noise.max()]
    chosen = [flat[:EACH], noisy[:EACH], np.argsort(frame.curvature)[-EACH:]]
    vectors = frame.vectors[:, np.concatenate(chosen)]
    rows = np.full((len(ETAS), len(GROUPS), 2, 2), np.nan)
    for i, eta in enumerate(ETAS):
        run = run_replicas(network, theta, vectors, eta, *_protocol(seed, runs))
        both = [run.variance.values]
        if formula:
            path = clouds(network, theta, eta, BATCH, LATE, WITH_REPETITION)
            both.append(np.array([cloud.along(vectors) for cloud in path]))
        for k, variances in enumerate(both):
            groups = np.split(variances, len(GROUPS), axis=1)
            rows[i, :, k] = [late(group) for group in groups]
    kept = {
        "plateau": (("eta", "group", "of"), rows[..., 0]),
        "slope": (("eta", "group", "of"), rows[..., 1]),
        "single": (("eta", "number"), _single(seed, runs)),
    }
    labels = {"eta": list(ETAS), "group": list(GROUPS), "of": ["measured", "predicted"]}
    labels |= {"number": ["plateau", "slope"]}
    return xr.Dataset(kept, labels, {"network": network.name, "seed": seed, "runs": runs})


def _protocol(seed, runs):
    return WITH_REPETITION, BATCH, LATE[-1], LATE, range(seed * runs, (seed + 1) * runs)


def _single(seed, runs) -> np.ndarray:
    """Plateau and slope of the eight smallest |l|, all of it in single precision on purpose."""
    network = mlp386(SAMPLES, seed, torch.float32)
    theta = reference(network, seed, REFERENCE_STEPS)
    values, vectors = np.linalg.eigh(hessian_in_parts(network.loss, theta))
    flat = vectors[:, np.argsort(np.abs(values))[:EACH]]
    found = [run_replicas(network, theta, flat, eta, *_protocol(seed, runs)) for eta in ETAS]
    return np.array([late(run.variance.values) for run in found])


def published_scores(run: xr.Dataset) -> dict[str, float]:
    """The numbers of EXP5-lr from one run, by the names of the table.

    The slopes in single precision are rounding, of either sign on another processor: where one is
    not positive they have no exponent, and it is nan.
    """
    slopes = run.single.sel(number="slope").values
    rising = bool((slopes > 0).all())
    plateau = run.plateau.sel(group="sharpest", of="measured").values
    return {
        "exponent, flat slope (float32)": fit_exponent(ETAS, slopes).value if rising else np.nan,
        "correlation, flat slope and eta (float32)": float(np.corrcoef(ETAS, slopes)[0, 1]),
        "exponent, sharp plateau": fit_exponent(ETAS, plateau).value,
        "sharp plateau at 0.1": float(plateau[-1]),
    }


def slope_exponents(run: xr.Dataset, group="flattest noisy") -> dict[str, Exponent]:
    """Exponent in eta of the late slope of one group, measured and predicted, with error bars."""
    slopes = run.slope.sel(group=group)
    return {str(of): fit_exponent(ETAS, slopes.sel(of=of).values) for of in run.of.values}


def plateau_exponent(run: xr.Dataset, group="sharpest") -> Exponent:
    """Exponent in eta of the measured plateau of one group."""
    return fit_exponent(ETAS, run.plateau.sel(group=group, of="measured").values)
