"""Computing some of a sweep's runs: the same function here and on a distant worker."""
from __future__ import annotations

import platform
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from threading import Lock
from time import perf_counter

import numpy as np
import torch

from .data import Dataset
from .engine import backend_named
from .losses import Loss
from .methods import Lane
from .problem import Problem
from .signals import recipe
from .simulate import Snapshots, chosen_device


@dataclass(frozen=True, eq=False)
class Work:
    """Runs that are computed by one call of a backend."""

    dataset: Dataset
    lanes: tuple[Lane, ...]
    loss: Loss
    steps: int
    grid: np.ndarray
    backend: str
    device: str
    dtype: torch.dtype
    weights: bool
    directions: dict[str, np.ndarray] = field(default_factory=dict)


def together(lanes: Sequence[Lane], n: int) -> list[list[int]]:
    """The fewest calls: all runs of the standard form at once (the engine's planner takes it from there), the others by method,
    so that an error in a user's own signal ends the runs of that signal only."""
    return _grouped(lanes, lambda lane: None if recipe(lane.method.signal, n) else lane.method)


def apart(lanes: Sequence[Lane], n: int) -> list[list[int]]:
    """The smallest calls that lose nothing: runs that share their mini-batches (seed and batch size) stay together."""

    def shared(lane):
        flat = recipe(lane.method.signal, n)
        return (flat.batch_size, None if flat.batch_size == n else lane.seed) if flat else lane.method

    return _grouped(lanes, shared)


def compute(work: Work, finished: Callable[[Sequence[int], dict[str, np.ndarray], dict], None], advance=None, state=None, checkpoint=None):
    """Run `work` and call ``finished(lane_indices, arrays, provenance)`` as lanes reach their last record.

    The arrays have the given lanes as first axis. `state` and `checkpoint` (which hears a dict of the engine's state and what was
    measured so far) continue a run that was cut.
    """
    problem = Problem(work.dataset, work.loss, device=chosen_device(work.device), dtype=work.dtype)
    engine, run = backend_named(work.backend, problem, list(work.lanes))
    found, lock, began = Snapshots(problem, list(work.lanes), len(work.grid), work.weights, work.directions), Lock(), perf_counter()
    if state is not None:
        found.values.update(state["values"])

    def observe(index, indices, w):
        with lock:  # a backend may use threads
            found.observe(index, indices, w)
            if index == len(work.grid) - 1:
                rows = list(indices)
                seconds = round((perf_counter() - began) / len(work.lanes), 4)
                where = {"backend": engine, "device": str(problem.device), "seconds": seconds}
                finished(rows, {name: value[rows] for name, value in found.values.items()}, where | origin())

    def save(engine_state):
        with lock:
            checkpoint({"engine": engine_state, "values": found.values})

    run(problem, list(work.lanes), work.steps, work.grid, observe, progress=advance,
        state=None if state is None else state["engine"], checkpoint=None if checkpoint is None else save)


def collect(work: Work) -> list[tuple[list[int], dict[str, np.ndarray], dict]]:
    """`compute` for a Dask worker: one thread, everything returned."""
    torch.set_num_threads(1)
    pieces = []
    compute(work, lambda *piece: pieces.append(piece))
    return pieces


@cache
def _versions() -> dict[str, str]:
    return {name: metadata.version(name) for name in ("ibias", "torch", "numpy")} | {"python": platform.python_version()}


@cache
def _commit() -> str:
    """The commit of the package's own repository, or "" where there is none."""
    from .sweep_key import PACKAGE

    try:
        answer = subprocess.run(["git", "-C", str(PACKAGE), "rev-parse", "HEAD"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""


def origin() -> dict[str, str]:
    """When and with what a run was computed; kept beside the numbers and outside their checksum."""
    return _versions() | {
        "machine": f"{platform.system()} {platform.machine()}",
        "commit": _commit(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _grouped(lanes, name) -> list[list[int]]:
    groups: dict = {}
    for index, lane in enumerate(lanes):
        groups.setdefault(name(lane), []).append(index)
    return list(groups.values())
