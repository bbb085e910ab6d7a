"""How long until every sample is classified for good, and how that time grows."""

from collections.abc import Sequence

import numpy as np
import torch
import xarray as xr

from ibias.data import Dataset
from ibias.maxmargin import max_margin
from ibias.methods import SteepestDescent, Trajectory
from ibias.norms import Norm
from ibias.problem import Problem
from ibias.schedules import Power
from ibias.signals import Minibatch, Momentum

from ..exponents import fit_exponent
from ..steepest.statements.trajectories import paths


def copies(dataset: Dataset, times: int) -> Dataset:
    """The same data ``times`` over: n grows, the margin and the radius stay to the bit."""
    return Dataset(
        np.tile(dataset.x, (times, 1)),
        np.tile(dataset.y, times),
        f"{times} copies of {dataset.name}",
    )


def lasting(dataset: Dataset, methods: Sequence[SteepestDescent], steps: int, seeds) -> np.ndarray:
    """The first recorded step after which the smallest margin stays positive, ``(methods, seeds)``;
    NaN where that has not happened after ``steps``.

    Steps are recorded 3 % apart, which is the error of a time.
    """
    record = np.unique(np.r_[0, np.geomspace(1, steps, 1 + int(np.log(steps) / 0.03)).astype(int)])
    lanes = [Trajectory(method, seed) for method in methods for seed in seeds]
    problem, weights = (
        Problem(dataset),
        torch.from_numpy(paths(dataset, lanes, steps, record=record)),
    )
    least = torch.stack([problem.min_margin(w) for w in weights]).numpy()
    wrong = least.reshape(len(methods), len(seeds), len(record)) <= 0
    after = wrong.shape[-1] - np.argmax(wrong[..., ::-1], axis=-1)
    return np.where(after < len(record), record[np.minimum(after, len(record) - 1)], np.nan)


def times(
    dataset: Dataset,
    norms: Sequence[Norm],
    powers: Sequence[float],
    *,
    memories: Sequence[int],
    batches: Sequence[int],
    sizes: Sequence[int],
    steps: int,
    seeds: Sequence[int],
) -> dict[str, xr.Dataset]:
    """Times of lasting separation, one factor moved at a time: "memory" 1/(1 - beta), "batches" m
    at fixed n, and "samples" n at a fixed number of batches (copies of the data).

    ``time`` over (norm, a, factor, seed); ``slope`` and ``slope_error`` over (norm, a): the
    exponent of the median time. The two factors at rest are the middle ones of their lists; the
    first step is 0.25/gamma.
    """
    memory, m = memories[len(memories) // 2], batches[len(batches) // 2]
    gamma = {norm: max_margin(dataset, norm).margin for norm in norms}

    def of(data, cells):
        methods = [
            SteepestDescent(
                norm,
                Momentum(1 - 1 / memory, Minibatch(data.n // m)),
                Power(0.25 / margin, a),
                f"{norm.text} a={a} m={m} memory={memory}",
            )
            for norm, margin in gamma.items()
            for a in powers
            for m, memory in cells
        ]
        found = lasting(data, methods, steps, seeds)
        return found.reshape(len(norms), len(powers), len(cells), len(seeds))

    repeated = [of(copies(dataset, times), [(m, memory)]) for times in sizes]
    cells = {
        "memory": (memories, of(dataset, [(m, value) for value in memories])),
        "batches": (batches, of(dataset, [(value, memory) for value in batches])),
        "samples": (dataset.n * np.array(sizes), np.concatenate(repeated, axis=2)),
    }
    labels = {"norm": [norm.text for norm in norms], "a": list(powers), "seed": list(seeds)}
    return {name: _table(*values, labels) for name, values in cells.items()}


def _table(factor, time, labels) -> xr.Dataset:
    fits = np.array([[fit_exponent(factor, np.median(c, -1)) for c in of_norm] for of_norm in time])
    return xr.Dataset(
        {
            "time": (("norm", "a", "factor", "seed"), time),
            "slope": (("norm", "a"), fits[..., 0]),
            "slope_error": (("norm", "a"), fits[..., 1]),
        },
        labels | {"factor": np.asarray(factor)},
    )
