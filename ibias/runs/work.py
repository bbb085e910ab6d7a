"""Computing some of a sweep's runs: the same function here and on a distant worker."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from time import perf_counter

import numpy as np
import torch

from ..data import Dataset
from ..engine import backend_named
from ..losses import Loss
from ..methods import Trajectory
from ..problem import Problem
from .simulation import Snapshots, chosen_device
from ..engine.threads import one_thread


@dataclass(frozen=True, eq=False)
class Work:
    """Runs that are computed by one call of a backend."""

    dataset: Dataset
    lanes: tuple[Trajectory, ...]
    loss: Loss
    steps: int
    grid: np.ndarray
    backend: str
    device: str
    dtype: torch.dtype
    weights: bool
    directions: dict[str, np.ndarray] = field(default_factory=dict)


Finished = Callable[[list[int], dict[str, np.ndarray], dict], None]


def compute(
    work: Work,
    finished: Finished,
    advance=None,
    state: dict | None = None,
    save: Callable[[dict], None] | None = None,
) -> None:
    """Run `work` and call ``finished(lane_indices, arrays, provenance)`` as lanes reach their last
    record.

    The arrays have the given lanes as first axis. ``save`` hears, now and then, what is needed to
    go on from there; given back as `state` (for the same work) the run continues bit for bit, and
    lanes that were finished by then are not reported again.
    """
    problem = Problem(work.dataset, work.loss, device=chosen_device(work.device), dtype=work.dtype)
    lanes = list(work.lanes)
    engine, run = backend_named(work.backend, problem, lanes)
    found, clock = (
        Snapshots(problem, lanes, len(work.grid), work.weights, work.directions),
        _Clock(),
    )
    if state is not None:
        found.values.update(state["values"])

    def observe(index, indices, w):
        found.observe(index, indices, w)
        if index == len(work.grid) - 1:
            rows = list(indices)
            where = {
                "backend": engine,
                "device": str(problem.device),
                "seconds": clock.lap() / len(rows),
            }
            finished(
                rows, {name: value[rows] for name, value in found.values.items()}, where | origin()
            )

    with one_thread():
        run(
            problem,
            lanes,
            work.steps,
            work.grid,
            observe,
            progress=advance,
            state=None if state is None else state["engine"],
            checkpoint=(
                (lambda engine_state: save({"engine": engine_state, "values": found.values}))
                if save
                else None
            ),
        )


def collect(work: Work) -> list[tuple[list[int], dict[str, np.ndarray], dict]]:
    """`compute` for a Dask worker: everything returned; the worker, which serves nobody else, stays
    on one thread."""
    torch.set_num_threads(1)
    pieces = []
    compute(work, lambda *piece: pieces.append(piece))
    return pieces


class _Clock:
    """Seconds since the last lap: shared out among the lanes that finish together, they add up to
    the time of the whole."""

    def __init__(self):
        self.last = perf_counter()

    def lap(self) -> float:
        before, self.last = self.last, perf_counter()
        return self.last - before


@cache
def _versions() -> dict[str, str]:
    return {name: metadata.version(name) for name in ("ibias", "torch", "numpy")} | {
        "python": platform.python_version()
    }


@cache
def _commit() -> str:
    """The commit of the package's own repository, or "" where there is none."""
    from .key import PACKAGE

    try:
        answer = subprocess.run(
            ["git", "-C", str(PACKAGE), "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
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
