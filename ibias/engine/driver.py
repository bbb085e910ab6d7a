"""Drives groups of runs through their steps: batches, step sizes, records, progress, checkpoints,
threads.  A backend brings a ``Workspace``; what is between two records is its business alone."""

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from functools import partial
from threading import Event, Lock
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ..maxmargin.threads import one_thread
from ..methods import Trajectory
from ..problem import Problem
from ..schedules import step_sizes
from ..streams import epoch_chunks
from .planner import Group, plan

# between two checkpoints: 4 MB of sample order, a fraction of a second of work
CHUNK_SAMPLES, CHUNK_STEPS = 2**19, 2**16


class Workspace(Protocol):
    """A group of runs at some step, at the start W = 0.  Made by ``make(problem, group)``."""

    def advance(self, orders: np.ndarray, rates: np.ndarray, first: int, last: int) -> None:
        """Take steps ``first .. last-1``; ``orders[0]`` ``(n,)`` is the sample order of the epoch
        of ``first``, ``rates[s, 0]`` the step size of schedule s there.  With b = n there is one
        order for all epochs."""

    def weights(self) -> Tensor:
        """``(runs, k, d)``."""

    def arrays(self) -> dict[str, np.ndarray]:
        """All that an epoch boundary carries, bit for bit."""

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Go back to where ``arrays()`` was called."""


def drive(
    make: Callable[..., Workspace],
    problem: Problem,
    trajectories: list[Trajectory],
    steps: int,
    grid,
    observe: Callable,
    progress: Callable | None = None,
    state: dict | None = None,
    checkpoint: Callable | None = None,
    *,
    workers: int = 1,
    dedupe: bool = True,
) -> None:
    """Run ``trajectories`` for ``steps`` updates; the contract of ``engine``, plus how many threads
    share the groups, and whether equal runs are computed once.

    ``observe``, ``progress`` and ``checkpoint`` are called one at a time, from any thread.  Given a
    ``state``, records up to it are not observed again.
    """
    data = problem.dataset
    groups = plan(trajectories, data.n, data.d, data.k, dedupe=dedupe)
    caller = _Caller(observe, progress, checkpoint, dict(state or {}))
    common = make, problem, steps, np.asarray(grid), caller
    group_runs = [partial(_run_group, f"group{i}", g, *common) for i, g in enumerate(groups)]
    with one_thread():
        if workers == 1 or len(group_runs) == 1:
            for group_run in group_runs:
                group_run()
            return
        with ThreadPoolExecutor(workers) as pool:
            futures = [pool.submit(group_run) for group_run in group_runs]
            try:
                wait(futures, return_when=FIRST_EXCEPTION)
            finally:
                # after an error or Ctrl-C the others stop at their next record
                caller.stopping.set()
            for future in futures:
                future.result()


def at_step(
    orders: np.ndarray, rates: np.ndarray, first: int, begin: int, per_epoch: int
) -> tuple[np.ndarray, np.ndarray]:
    """The sample orders and step sizes from step ``begin`` on, given those from ``first`` on."""
    # one order serves all epochs when batches are whole
    skipped = begin // per_epoch - first // per_epoch if len(orders) > 1 else 0
    return orders[skipped:], rates[:, begin - first :]


class _Caller:
    """What groups report to the caller, one at a time."""

    def __init__(self, observe, progress, checkpoint, saved):
        self._observe, self._progress, self._checkpoint = observe, progress, checkpoint
        self.saved, self.stopping, self._lock = saved, Event(), Lock()

    def observe(self, index, labels, weights):
        """Fan the runs out to every trajectory they answer."""
        indices = [label for answered in labels for label in answered]
        if len(indices) > len(labels):
            repeats = torch.tensor([len(answered) for answered in labels], device=weights.device)
            weights = weights.repeat_interleave(repeats, 0, output_size=len(indices))
        with self._lock:
            self._observe(index, indices, weights)

    def progress(self, count):
        if self._progress:
            with self._lock:
                self._progress(count)

    def checkpoint(self, name, t, workspace):
        if self._checkpoint:
            with self._lock:
                fresh = {f"{name}/{key}": value for key, value in workspace.arrays().items()}
                self.saved = self.saved | fresh | {f"{name}/t": np.array(t)}
                self._checkpoint(self.saved)

    def saved_for(self, name) -> dict[str, np.ndarray]:
        """What ``checkpoint`` saved under ``name`` ({} if nothing)."""
        start, saved = f"{name}/", self.saved.items()
        return {key.removeprefix(start): value for key, value in saved if key.startswith(start)}


def _run_group(name, group: Group, make, problem, steps, grid, caller: _Caller):
    """One group from its start, or from its saved state, to the last step."""
    if caller.stopping.is_set():
        return
    workspace, start, per_epoch = make(problem, group), 0, problem.dataset.n // group.batch_size
    if saved := caller.saved_for(name):
        start = int(saved.pop("t"))
        workspace.restore(saved)
    elif len(grid) and grid[0] == 0:
        caller.observe(0, group.labels, workspace.weights())
    for first, orders, rates in _chunks(problem.dataset.n, group, start, steps):
        last = first + rates.shape[1]
        for begin, end, index in _segments(grid, first, last):
            if caller.stopping.is_set():
                return
            workspace.advance(*at_step(orders, rates, first, begin, per_epoch), begin, end)
            caller.progress((end - begin) * sum(map(len, group.labels)))
            if index is not None:
                caller.observe(index, group.labels, workspace.weights())
        if last % per_epoch == 0:
            caller.checkpoint(name, last, workspace)


def _chunks(n, group, start, steps) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """``(first step, sample orders, step sizes)`` of whole epochs; with b = n the order does not
    matter and is left out."""
    whole, per_epoch = group.batch_size == n, n // group.batch_size
    size = max(1, min(CHUNK_SAMPLES // n, CHUNK_STEPS // per_epoch))
    chunks = epoch_chunks(n, group.seed, -(-steps // per_epoch), start // per_epoch, size)
    first = start
    while first < steps:
        orders = np.arange(n)[None] if whole else next(chunks)
        count = min((size if whole else len(orders)) * per_epoch, steps - first)
        yield first, orders, np.stack([step_sizes(s, first, count) for s in group.schedules])
        first += count


def _segments(grid, first, last):
    """``(begin, end, record index or None)``: the chunk cut at its records."""
    begin = first
    for index in np.flatnonzero((grid > first) & (grid <= last)):
        yield begin, int(grid[index]), int(index)
        begin = int(grid[index])
    if begin < last:
        yield begin, last, None
