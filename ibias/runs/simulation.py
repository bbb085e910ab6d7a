"""One call from methods and seeds to labelled measurements, on any backend."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from time import perf_counter

import numpy as np
import torch
import xarray as xr

from .._checks import whole
from ..data import Dataset
from ..engine import backend_named, check_memory
from ..losses import CROSS_ENTROPY, Loss
from ..measures import LABELS, measure
from ..methods import Trajectory, SteepestDescent, coordinates
from ..problem import Problem
from ..progress import bar
from ..signals import recipe
from ..engine.threads import one_thread


class logspaced:
    """A recording grid: 0, and about ``count`` distinct steps up to the last one, evenly spaced in
    the logarithm."""

    def __init__(self, count: int):
        self.count = whole("logspaced(count) counts points", count, least=1)

    def __call__(self, steps: int) -> np.ndarray:
        if steps == 0:
            return np.array([0])
        return np.unique(
            np.r_[0, np.geomspace(1, steps, self.count).round().astype(np.int64), steps]
        )

    def __repr__(self):
        return f"logspaced({self.count})"


def recording(record, steps: int) -> np.ndarray:
    """The increasing steps at which to measure, from ``logspaced(count)`` or a list of steps in
    0..steps."""
    given = record(steps) if callable(record) else record
    try:
        grid = np.array([whole("a step", step) for step in given], dtype=np.int64)
    except (TypeError, ValueError, OverflowError):
        grid = np.array([], dtype=np.int64)
    if not len(grid) or (np.diff(grid) <= 0).any() or grid[-1] > steps:
        raise ValueError(
            f"record must be ib.logspaced(count) or increasing steps between 0 and {steps}, whole"
            f" numbers; got {record!r}"
        )
    return grid


def simulate(
    dataset: Dataset,
    methods: Sequence[SteepestDescent] | SteepestDescent,
    *,
    seeds: Iterable[int] = (0,),
    steps: int = 20_000,
    record=logspaced(200),
    loss: Loss = CROSS_ENTROPY,
    backend: str = "auto",
    device: str = "auto",
    dtype: torch.dtype = torch.float64,
    weights: bool = False,
    directions: Mapping[str, np.ndarray] | None = None,
    progress: bool = True,
) -> xr.Dataset:
    """Run every method with every seed from ``W_0 = 0`` and measure along the way.

    Returns a dataset over ``(optimizer, seed, step)``; step t is measured after t updates,
    ``margin`` is NaN at ``W = 0``. Coordinates ``norm``, ``batch_size``, ``momentum``,
    ``variance_reduction``, ``eta0``, ``a`` belong to ``optimizer``.  ``weights=True`` adds
    ``(optimizer, seed, step, class, feature)``; ``directions={"name": matrix (k, d)}`` adds
    ``cosine`` over ``(..., direction)``. A seed fixes the shuffles and nothing else; its trajectory
    is the same alone or in company.  Divergence is data: ``diverged_at``.

    ``backend``: "auto" (the compiled kernel on CPU for what it supports, torch lanes otherwise), or
    "kernel", "gpu", "lanes", "composed", "persistent"; the environment variable IBIAS_BACKEND says
    what "auto" tries first.  ``device``: "auto" takes CUDA when there is one.

    Raises ValueError for names that coincide and batch sizes that do not divide n, MemoryError,
    with the estimate, for runs that need too much.
    """
    steps = whole("steps counts updates", steps)
    methods, seeds = requested(dataset, methods, seeds, loss, dtype)
    grid = recording(record, steps)
    columns = describe(methods, dataset.n)
    lanes = [Trajectory(method, seed) for method in methods for seed in seeds]
    check_memory(dataset, lanes, grid, weights)
    warn_of_short_averages(methods, dataset.n, steps)
    directions = checked_directions(directions, dataset)
    problem = Problem(dataset, loss, device=chosen_device(device), dtype=dtype)
    engine, run = backend_named(backend, problem, lanes)

    found = Snapshots(problem, lanes, len(grid), weights, directions)
    began = perf_counter()
    with one_thread(), bar(len(lanes) * steps, f"{len(lanes)} runs", progress) as advance:
        run(problem, lanes, steps, grid, found.observe, progress=advance)
    result = assemble(found.values, columns, seeds, grid, directions)
    return result.assign_attrs(
        dataset=dataset.name,
        digest=dataset.digest,
        loss=loss.text,
        backend=engine,
        device=str(problem.device),
        dtype=str(dtype).removeprefix("torch."),
        seconds=round(perf_counter() - began, 3),
    )


def requested(dataset, methods, seeds, loss, dtype) -> tuple[list[SteepestDescent], list[int]]:
    """Methods and seeds as lists; ValueError or TypeError, with what to pass instead, for what no
    backend can run."""
    methods = [methods] if isinstance(methods, SteepestDescent) else methods
    kinds = {
        "dataset": (dataset, Dataset, "ib.Dataset(x, y)"),
        "loss": (loss, Loss, "ib.CROSS_ENTROPY or ib.EXPONENTIAL"),
        "methods": (methods, Iterable, "ib.SteepestDescent objects"),
        "seeds": (seeds, Iterable, "a list of integers such as range(5)"),
    }
    for name, (value, kind, wanted) in kinds.items():
        if not isinstance(value, kind):
            raise TypeError(f"{name} takes {wanted}; got {value!r}")
    if dtype not in (torch.float64, torch.float32):
        raise ValueError(f"dtype is torch.float64 or torch.float32; got {dtype!r}")
    methods, seeds = list(methods), [whole("a seed", seed) for seed in seeds]
    for method in methods:
        if not isinstance(method, SteepestDescent):
            raise TypeError(f"methods takes ib.SteepestDescent objects; got {method!r} among them")
    if not methods or not seeds:
        raise ValueError("nothing to run: give at least one method and one seed")
    if len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds must be distinct, an equal one adds nothing; got {seeds}")
    return methods, seeds


def checked_directions(directions, dataset: Dataset) -> dict[str, np.ndarray]:
    """``directions`` as float64 matrices of the weights' shape; raises ValueError for another shape
    and for zero."""
    found = {
        str(name): np.asarray(matrix, dtype=np.float64)
        for name, matrix in (directions or {}).items()
    }
    for name, matrix in found.items():
        if (
            matrix.shape != (dataset.k, dataset.d)
            or not np.isfinite(matrix).all()
            or not matrix.any()
        ):
            raise ValueError(
                f"directions[{name!r}] must be a finite non-zero matrix of shape"
                f" {(dataset.k, dataset.d)}; got shape {matrix.shape}"
            )
    return found


def describe(methods, n: int) -> list[dict]:
    """The labels of each method; raises where two methods share a name."""
    columns = [{"optimizer": method.label} | coordinates(method, n) for method in methods]
    names = [column["optimizer"] for column in columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(
            f"optimizers need distinct names; {twice[0]!r} occurs {names.count(twice[0])} times."
            " Pass name=... to tell them apart."
        )
    return columns


def warn_of_short_averages(methods, n: int, steps: int) -> None:
    """A momentum whose memory is longer than a tenth of the run never leaves its start: said, not
    refused."""
    for method in methods:
        flat = recipe(method.signal, n)
        if flat and flat.momentum and steps and round((1 - flat.momentum) * steps, 6) < 10:
            warnings.warn(
                f"{method.label}: (1 - beta) * steps = {(1 - flat.momentum) * steps:.3g} is below"
                " 10, so the average of gradients is still filling when the run ends; take more"
                " steps or a smaller beta",
                stacklevel=3,
            )


def chosen_device(device: str) -> str:
    """ "auto" is CUDA when there is one; asking for CUDA where there is none is an error, not a
    fallback."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if str(device).startswith("cuda") and not torch.cuda.is_available():
        raise ValueError(
            f"device={device!r} was asked for, but torch sees no CUDA device here; use device='cpu'"
            " or 'auto'"
        )
    try:
        torch.zeros(
            1, device=device, dtype=torch.float64
        ).cpu()  # "meta", and accelerators that are not here, have names too
        return str(torch.device(device))
    except (RuntimeError, TypeError, AssertionError):
        raise ValueError(
            f"device={device!r} is no device on which torch computes in float64 here; use 'auto',"
            " 'cpu', 'cuda' or 'cuda:0'"
        ) from None


class Snapshots:
    """Collects measurements per lane from the engine's ``observe`` calls, without keeping weights
    unless asked."""

    def __init__(
        self, problem: Problem, lanes: list[Trajectory], records: int, weights: bool, directions=None
    ):
        self.problem, self.lanes, self.keep, self.records, self.directions = (
            problem,
            lanes,
            weights,
            records,
            directions,
        )
        self.values: dict[str, np.ndarray] = {"diverged": np.zeros((len(lanes), records), bool)}

    def observe(self, index: int, indices: Sequence[int], w: torch.Tensor) -> None:
        """Measure the lanes ``indices`` at record ``index``; w has shape
        ``(len(indices), k, d)``."""
        found = measure(
            self.problem, w, [self.lanes[j].method.norm for j in indices], self.directions
        )
        if self.keep:
            found["weights"] = w.cpu().double().numpy()
        for name, value in found.items():
            if name not in self.values:
                self.values[name] = np.full(
                    (len(self.lanes), self.records, *value.shape[1:]), np.nan
                )
            self.values[name][indices, index] = value
        self.values["diverged"][indices, index] = ~w.isfinite().all(-1).all(-1).cpu().numpy()


def assemble(
    values: dict[str, np.ndarray],
    columns: list[dict],
    seeds: list[int],
    grid: np.ndarray,
    directions=(),
) -> xr.Dataset:
    """Arrays ``(lanes, step, ...)``, lanes ordered by optimizer and then seed, as one labelled
    dataset."""
    shape, dims = (len(columns), len(seeds)), ("optimizer", "seed", "step", "class", "feature")
    values = {name: value.reshape(*shape, *value.shape[1:]) for name, value in values.items()}
    diverged = values.pop("diverged")
    first = np.where(diverged.any(-1), grid[diverged.argmax(-1)], -1)
    axes = {"cosine": (*dims[:3], "direction")}
    variables = {
        name: (axes.get(name, dims[: v.ndim]), v, {"long_name": LABELS[name]})
        for name, v in values.items()
    }
    variables["diverged_at"] = (dims[:2], first, {"long_name": LABELS["diverged_at"]})
    coords = {"seed": seeds, "step": ("step", grid, {"long_name": "iterations"})}
    coords |= {"direction": list(directions)} if directions else {}
    coords |= {key: ("optimizer", [column[key] for column in columns]) for key in columns[0]}
    return xr.Dataset(variables, coords=coords)
