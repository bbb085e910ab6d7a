"""Tables of constants: what a data set is like in each norm."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

import numpy as np
import pandas as pd
import torch
import xarray as xr

from ibias.data import Dataset
from ibias.maxmargin import MaxMargin, NotSeparable, checker, max_margin, random_optima
from ibias.norms import Norm

from .theory import constants


def margins(datasets: Mapping[str, Dataset], norms: Sequence[Norm]) -> xr.Dataset:
    """Certified maximum margins over (data, norm), and the constants of Assumptions 3.1 and 3.2 per
    data set.

    Variables ``lower``, ``upper``, ``gap`` (relative), ``unique``, ``face_dim``, ``ratio`` = gamma
    / 2R (at most 1, Lemma V), ``seconds`` of CPU; ``n``, ``d``, ``k``, ``radius`` (R),
    ``separable`` per data set.  Margins of data that are not separable are NaN.
    """
    names = ("lower", "upper", "gap", "unique", "face_dim", "ratio", "seconds")
    cells = np.array([[_cell(data, norm) for norm in norms] for data in datasets.values()])
    table = xr.Dataset(
        {name: (("data", "norm"), cells[..., j]) for j, name in enumerate(names)},
        coords={"data": list(datasets), "norm": [norm.text for norm in norms]},
    )
    for name in ("n", "d", "k", "radius"):
        table[name] = "data", [getattr(data, name) for data in datasets.values()]
    return table.assign(separable=table.lower.notnull().all("norm"))


def certified(found: Mapping[str, Mapping[str, MaxMargin]]) -> pd.DataFrame:
    """A row per data set and norm of maximum margins at hand: the lower bound, the relative width
    proved, and how many samples are support vectors."""
    rows = [
        (name, norm, best.lower, best.gap, len(best.support_vectors))
        for name, by_norm in found.items()
        for norm, best in by_norm.items()
    ]
    return pd.DataFrame(rows, columns=["data", "norm", "margin", "proved to", "support vectors"])


@cache
def _solved(data: Dataset, norm: Norm) -> tuple[MaxMargin | NotSeparable, float]:
    """What `max_margin` finds and the seconds of CPU it took, once for each data set and norm."""
    began = process_time()
    try:
        found: MaxMargin | NotSeparable = max_margin(data, norm)
    except NotSeparable as refusal:
        found = refusal
    return found, process_time() - began


def _cell(data, norm):
    best, seconds = _solved(data, norm)
    if isinstance(best, NotSeparable):
        return [np.nan] * 6 + [seconds]
    began = process_time()
    gap = (best.upper - best.lower) / best.lower
    return [
        best.lower,
        best.upper,
        gap,
        best.unique,
        best.face_dim,
        best.margin / (2 * data.radius),
        seconds + process_time() - began,
    ]


def not_separable(data: Dataset, norm: Norm) -> NotSeparable:
    """The certificate that ``data`` cannot be separated; raises ValueError when they can."""
    best, _ = _solved(data, norm)
    if isinstance(best, NotSeparable):
        return best
    raise ValueError(
        f"{data.name or 'the data'} can be separated: their {norm.text} margin is {best.margin:g}"
    )


def proofs(datasets: Mapping[str, Dataset], norms: Sequence[Norm]) -> xr.Dataset:
    """Exact proofs over (data, norm): of every maximum margin, or that there is none, each read by
    the stand-alone checker in a process without this package.

    Variables ``lower`` (proved; 0: not separable), ``width`` (relative) and ``seconds`` of the
    checker's CPU.  Raises ValueError with the checker's sentence where it refuses one.
    """
    with TemporaryDirectory() as folder:
        cells = np.array(
            [[_proved(data, norm, Path(folder)) for norm in norms] for data in datasets.values()]
        )
    return xr.Dataset(
        {n: (("data", "norm"), cells[..., j]) for j, n in enumerate(("lower", "width", "seconds"))},
        coords={"data": list(datasets), "norm": [norm.text for norm in norms]},
    )


def _proved(data, norm, folder):
    np.savez(folder / "data.npz", x=data.x, y=data.y)
    solved, _ = _solved(data, norm)
    claim = json.loads(solved.proof(folder / "proof"))
    lower, upper = (float.fromhex(claim[end]) for end in ("lower", "upper"))
    command = [sys.executable, "-I", "-S", checker.__file__, "proof", "data.npz"]
    before = os.times()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    after = os.times()
    if done.returncode:
        raise ValueError(f"{data.name}, {norm.text}: the checker says {done.stderr.strip()}")
    seconds = sum(after[2:4]) - sum(before[2:4])  # of child processes
    return lower, (upper - lower) / upper if upper else 0.0, seconds


def least_momenta(batches: Sequence[int]) -> xr.Dataset:
    """The momentum below which Theorem 4.3 is empty on any data (gamma = 2R, Lemma V), in both
    forms, over m = n/b."""
    forms = {"paper's form": "paper", "sharper form": "sharper"}
    found = {
        name: ("m", [constants.least_momentum(2.0, 1.0, m, form=form) for m in batches])
        for name, form in forms.items()
    }
    return xr.Dataset(found, coords={"m": list(batches)})


def duality(
    norms: Sequence[Norm], *, trials: int, classes: int = 10, dim: int = 25, seed: int = 0
) -> xr.Dataset:
    """Worst ``|<g, steepest(g)> / dual(g) - 1|`` and ``value(steepest(g)) - 1`` per norm, over
    Gaussian matrices."""
    g = torch.tensor(np.random.default_rng(seed).standard_normal((trials, classes, dim)))
    steps = [norm.steepest(g) for norm in norms]
    off = [
        float(((g * v).sum((-2, -1)) / norm.dual(g) - 1).abs().max())
        for norm, v in zip(norms, steps, strict=True)
    ]
    excess = [float(norm.value(v).max()) - 1 for norm, v in zip(norms, steps, strict=True)]
    return xr.Dataset(
        {"difference": ("norm", off), "excess": ("norm", excess)},
        coords={"norm": [norm.text for norm in norms]},
    )


def faces(
    datasets: Mapping[str, Dataset], norms: Sequence[Norm], *, draws: int, seed: int = 0
) -> xr.Dataset:
    """``face_dim`` of the optimal set and ``smallest_cosine`` between two of ``draws`` random
    extreme points, over (data, norm)."""
    dims, cosines = [], []
    for data in datasets.values():
        best = [max_margin(data, norm) for norm in norms]
        dims.append([b.face_dim for b in best])
        cosines.append([random_optima(data, b, count=draws, seed=seed).cosines[0] for b in best])
    coords = {"data": list(datasets), "norm": [norm.text for norm in norms]}
    return xr.Dataset(
        {"face_dim": (("data", "norm"), dims), "smallest_cosine": (("data", "norm"), cosines)},
        coords=coords,
    )
