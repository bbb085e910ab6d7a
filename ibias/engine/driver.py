"""Drives blocks of runs through their steps: batches, step sizes, records, progress, checkpoints,
threads.

A backend brings one class with four methods; what is between two records is its business alone:

- ``Block(problem, block)``                    at the start, W = 0
- ``advance(orders, rates, first, last)``      steps ``first .. last-1``; ``orders[0]`` is the epoch
  of ``first``, ``rates[s, 0]`` the step size of schedule s there
- ``weights()``                                ``(runs, k, d)`` tensor
- ``arrays()`` and ``restore(arrays)``         all that an epoch boundary carries, as named numpy
  arrays; bit for bit
"""

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from threading import Event, Lock

import numpy as np
import torch

from ..schedules import step_sizes
from ..streams import epoch_chunks
from .planner import Block, plan
from .threads import one_thread

CHUNK_SAMPLES, CHUNK_STEPS = (
    2**19,
    2**16,
)  # between two checkpoints: 4 MB of sample order, a fraction of a second of work


def drive(
    make: Callable,
    problem,
    lanes,
    steps,
    record,
    observe,
    progress=None,
    state=None,
    checkpoint=None,
    *,
    workers=1,
    dedupe=True,
):
    """Run ``lanes`` for ``steps`` updates; the backend contract of ``engine``, plus how many
    threads share the blocks.

    ``observe(record_index, lane_indices, W)``, ``progress(count)`` and ``checkpoint(state)`` are
    called one at a time, from any thread.  A state is a flat dict of numpy arrays; given back, it
    continues bit for bit, and records up to it are not observed again.
    """
    data = problem.dataset
    blocks = plan(lanes, data.n, data.d, data.k, dedupe=dedupe)
    calls = _Calls(observe, progress, checkpoint, dict(state or {}))
    jobs = [
        _Job(f"block{i}", block, make, problem, steps, np.asarray(record), calls)
        for i, block in enumerate(blocks)
    ]
    with one_thread():
        if workers == 1 or len(jobs) == 1:
            for job in jobs:
                job.run()
            return
        with ThreadPoolExecutor(workers) as pool:
            futures = [pool.submit(job.run) for job in jobs]
            try:
                wait(futures, return_when=FIRST_EXCEPTION)
            finally:
                # after an error or Ctrl-C the others stop at their next record
                calls.stopping.set()
                if all(f.done() and not f.exception() for f in futures):
                    calls.stopping.clear()
            for future in futures:
                future.result()


class _Calls:
    """What blocks tell the caller, one at a time."""

    def __init__(self, observe, progress, checkpoint, saved):
        self._observe, self._progress, self._checkpoint = observe, progress, checkpoint
        self.saved, self.stopping, self._lock = saved, Event(), Lock()

    def observe(self, index, labels, weights):
        """Fan the runs out to every lane they answer."""
        lanes = [lane for group in labels for lane in group]
        repeats = torch.tensor([len(group) for group in labels], device=weights.device)
        with self._lock:
            self._observe(
                index, lanes, weights.repeat_interleave(repeats, 0, output_size=len(lanes))
            )

    def progress(self, count):
        if self._progress:
            with self._lock:
                self._progress(count)

    def checkpoint(self, name, t, backend):
        if self._checkpoint:
            with self._lock:
                fresh = {f"{name}/{key}": value for key, value in backend.arrays().items()}
                self.saved = self.saved | fresh | {f"{name}/t": np.array(t)}
                self._checkpoint(self.saved)


class _Job:
    """One block from its start, or from its saved state, to the last step."""

    def __init__(self, name, block: Block, make, problem, steps, record, calls):
        self.name, self.block, self.make, self.problem = name, block, make, problem
        self.steps, self.record, self.calls = steps, record, calls

    def run(self):
        if self.calls.stopping.is_set():
            return
        backend, start = self.make(self.problem, self.block), 0
        saved = {
            key.partition("/")[2]: value
            for key, value in self.calls.saved.items()
            if key.partition("/")[0] == self.name
        }
        if saved:
            start = int(saved.pop("t"))
            backend.restore(saved)
        elif len(self.record) and self.record[0] == 0:
            self.calls.observe(0, self.block.labels, backend.weights())
        for first, orders, rates in self._chunks(start):
            last = first + rates.shape[1]
            for begin, end, index in self._segments(first, last):
                if self.calls.stopping.is_set():
                    return
                rows = (
                    orders[begin // self.per_epoch - first // self.per_epoch :]
                    if len(orders) > 1
                    else orders
                )
                backend.advance(rows, rates[:, begin - first :], begin, end)
                self.calls.progress((end - begin) * sum(map(len, self.block.labels)))
                if index is not None:
                    self.calls.observe(index, self.block.labels, backend.weights())
            if last % self.per_epoch == 0:
                self.calls.checkpoint(self.name, last, backend)

    @property
    def per_epoch(self):
        return self.problem.dataset.n // self.block.batch_size

    def _chunks(self, start) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """``(first step, sample orders, step sizes)`` of whole epochs; with b = n the order does
        not matter and is left out."""
        n, per_epoch = self.problem.dataset.n, self.per_epoch
        epochs = -(-self.steps // per_epoch)
        size = max(1, min(CHUNK_SAMPLES // n, CHUNK_STEPS // per_epoch))
        if self.block.batch_size == n:
            natural = np.arange(n)[None]
            chunks = (natural for _ in range(start, epochs, size))
        else:
            chunks = epoch_chunks(n, self.block.seed, epochs, start // per_epoch, size)
        first = start
        for orders in chunks:
            covered = size if self.block.batch_size == n else len(orders)
            count = min(covered * per_epoch, self.steps - first)
            yield (
                first,
                orders,
                np.stack([step_sizes(schedule, first, count) for schedule in self.block.schedules]),
            )
            first += count

    def _segments(self, first, last):
        """``(begin, end, record index or None)``: the chunk cut at its records."""
        inside = np.flatnonzero((self.record > first) & (self.record <= last))
        begin = first
        for index in inside:
            yield begin, int(self.record[index]), int(index)
            begin = int(self.record[index])
        if begin < last:
            yield begin, last, None
