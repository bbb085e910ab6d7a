"""What a call asks for, checked once, for `simulate`, `sweep`, `status`, workers and the store."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from .._checks import whole
from ..data import Dataset
from ..engine import BACKENDS, check_memory
from ..losses import CROSS_ENTROPY, Loss
from ..methods import SteepestDescent, Trajectory, coordinates
from ..problem import Problem
from ..signals import recipe


class logspaced:
    """A recording grid: 0 and about ``count`` steps to the last, evenly spaced in the logarithm."""

    def __init__(self, count: int):
        self.count = whole("logspaced(count) counts points", count, least=1)

    def __call__(self, steps: int) -> np.ndarray:
        if steps == 0:
            return np.array([0])
        spaced = np.geomspace(1, steps, self.count).round().astype(np.int64)
        return np.unique(np.r_[0, spaced, steps])

    def __repr__(self) -> str:
        return f"logspaced({self.count})"


def recording(record: Any, steps: int) -> np.ndarray:
    """The increasing steps, in 0..steps, of ``logspaced(count)`` or of a list."""
    given = record(steps) if callable(record) else record
    try:
        grid = np.array([whole("a step", step) for step in given], dtype=np.int64)
    except (TypeError, ValueError, OverflowError):
        grid = np.array([], dtype=np.int64)
    if not len(grid) or (np.diff(grid) <= 0).any() or grid[-1] > steps:
        allowed = f"increasing steps between 0 and {steps}, whole numbers"
        raise ValueError(f"record must be ib.logspaced(count) or {allowed}; got {record!r}")
    return grid


@dataclass(frozen=True, eq=False)
class Request:
    """The runs that a call asks for: every method with every seed on one data set.

    Made by keyword; what was given is checked and put into plain forms (``methods`` and ``seeds``
    as tuples, ``record`` as the increasing steps to measure at, ``directions`` as float64
    matrices).  Raises what `simulate` documents.
    """

    dataset: Dataset
    methods: Any
    seeds: Any = (0,)
    steps: int = 20_000
    record: Any = field(default_factory=lambda: logspaced(200))
    loss: Loss = CROSS_ENTROPY
    backend: str = "auto"
    device: str = "auto"
    dtype: torch.dtype = torch.float64
    weights: bool = False
    directions: Mapping[str, np.ndarray] | None = None
    trajectories: tuple[Trajectory, ...] = field(init=False, repr=False)  # optimizer, then seed
    columns: list[dict] = field(init=False, repr=False)  # the labels of each method

    def __post_init__(self) -> None:
        steps = whole("steps counts updates", self.steps)
        methods, seeds = _lists(self)
        plain = {
            "steps": steps,
            "methods": methods,
            "seeds": seeds,
            "record": recording(self.record, steps),
            "directions": _directions(self.directions, (self.dataset.k, self.dataset.d)),
            "weights": bool(self.weights),
            "trajectories": tuple(Trajectory(m, seed) for m in methods for seed in seeds),
            "columns": _columns(methods, self.dataset.n),
        }
        for name, value in plain.items():
            object.__setattr__(self, name, value)
        if self.backend not in ("auto", *BACKENDS):
            known = ", ".join(map(repr, BACKENDS))
            raise ValueError(f"unknown backend {self.backend!r}; use 'auto' or one of {known}")
        check_memory(self.dataset, list(self.trajectories), self.record, self.weights)
        _warn_of_short_averages(methods, self.dataset.n, steps)

    @property
    def precision(self) -> str:
        """The dtype as a word: "float64"."""
        return str(self.dtype).removeprefix("torch.")

    def problem(self) -> Problem:
        """The data and the loss on the device asked for."""
        device = chosen_device(self.device)
        return Problem(self.dataset, self.loss, device=device, dtype=self.dtype)


def chosen_device(device: str) -> str:
    """ "auto": CUDA when there is one; where it is asked for and is not, an error, no fallback."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if str(device).startswith("cuda") and not torch.cuda.is_available():
        what = f"device={device!r} was asked for, but torch sees no CUDA device here"
        raise ValueError(f"{what}; use device='cpu' or 'auto'")
    try:
        # "meta", and accelerators that are not here, have names too
        torch.zeros(1, device=device, dtype=torch.float64).cpu()
        return str(torch.device(device))
    except (RuntimeError, TypeError, AssertionError):
        raise ValueError(
            f"device={device!r} is no device on which torch computes in float64 here; use 'auto',"
            " 'cpu', 'cuda' or 'cuda:0'"
        ) from None


def _lists(request: Request) -> tuple[tuple[SteepestDescent, ...], tuple[int, ...]]:
    """Methods and seeds; ValueError or TypeError, with what to pass, for what cannot run."""
    methods = request.methods
    methods = [methods] if isinstance(methods, SteepestDescent) else methods
    kinds = {
        "dataset": (request.dataset, Dataset, "ib.Dataset(x, y)"),
        "loss": (request.loss, Loss, "ib.CROSS_ENTROPY or ib.EXPONENTIAL"),
        "methods": (methods, Iterable, "ib.SteepestDescent objects"),
        "seeds": (request.seeds, Iterable, "a list of integers such as range(5)"),
    }
    for name, (value, kind, wanted) in kinds.items():
        if not isinstance(value, kind):
            raise TypeError(f"{name} takes {wanted}; got {value!r}")
    if request.dtype not in (torch.float64, torch.float32):
        raise ValueError(f"dtype is torch.float64 or torch.float32; got {request.dtype!r}")
    methods, seeds = tuple(methods), tuple(whole("a seed", seed) for seed in request.seeds)
    for method in methods:
        if not isinstance(method, SteepestDescent):
            raise TypeError(f"methods takes ib.SteepestDescent objects; got {method!r} among them")
        try:
            hash(method)
        except TypeError as error:
            raise TypeError(
                f"{method.label}: what a method is made of must be frozen, a tuple in place of a"
                f" list or an array ({error})"
            ) from None
    if not methods or not seeds:
        raise ValueError("nothing to run: give at least one method and one seed")
    if len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds must be distinct, an equal one adds nothing; got {list(seeds)}")
    return methods, seeds


def _directions(given: Mapping | None, shape: tuple[int, int]) -> dict[str, np.ndarray]:
    """Float64 matrices of the weights' shape; raises ValueError for another shape and for zero."""
    if given is not None and not isinstance(given, Mapping):
        raise TypeError(f"directions takes a mapping of names to matrices; got {given!r}")
    matrices = {str(name): np.asarray(m, dtype=np.float64) for name, m in (given or {}).items()}
    for name, matrix in matrices.items():
        if matrix.shape != shape or not np.isfinite(matrix).all() or not matrix.any():
            wanted = f"a finite non-zero matrix of shape {shape}; got shape {matrix.shape}"
            raise ValueError(f"directions[{name!r}] must be {wanted}")
    return matrices


def _columns(methods: Sequence[SteepestDescent], n: int) -> list[dict]:
    """The labels of each method; raises where two methods share a name."""
    columns = [{"optimizer": method.label} | coordinates(method, n) for method in methods]
    names = [column["optimizer"] for column in columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        found = f"{twice[0]!r} occurs {names.count(twice[0])} times"
        remedy = "Pass name=... to tell them apart."
        raise ValueError(f"optimizers need distinct names; {found}. {remedy}")
    return columns


def _warn_of_short_averages(methods: Sequence[SteepestDescent], n: int, steps: int) -> None:
    """Warn of a momentum whose memory exceeds a tenth of the run: it never leaves its start."""
    for method in methods:
        flat = recipe(method.signal, n)
        if flat and flat.momentum and steps and round((1 - flat.momentum) * steps, 6) < 10:
            warnings.warn(
                f"{method.label}: (1 - beta) * steps = {(1 - flat.momentum) * steps:.3g} is below"
                " 10, so the average of gradients is still filling when the run ends; take more"
                " steps or a smaller beta",
                stacklevel=5,
            )
