"""`simulate`: methods and seeds to measurements; `sweep` also remembers; `status` only looks."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
import xarray as xr

from .._checks import Carried
from ..data import Dataset
from ..losses import CROSS_ENTROPY, Loss
from ..methods import SteepestDescent
from ..progress import bar
from .compute import compute
from .memory import LOG, Memory, opened
from .request import Request, chosen_device, logspaced
from .results import labelled
from .resume import Journal, calls
from .store import Store


class SweepIncomplete(Carried, RuntimeError):
    """Some runs failed: `reasons` says by "optimizer, seed" why; the others are in the store."""

    def __init__(self, done: int, total: int, reasons: dict[str, str]):
        self.done, self.total, self.reasons = done, total, reasons
        first = next(iter(reasons.items()), ("", ""))
        super().__init__(
            f"{done} of {total} runs are done; {len(reasons)} failed, the first ({first[0]}):"
            f" {first[1]}. Another call tries only those again; allow_missing=True returns what"
            " there is."
        )


def simulate(
    dataset: Dataset,
    methods: Sequence[SteepestDescent] | SteepestDescent,
    *,
    seeds: Iterable[int] = (0,),
    steps: int = 20_000,
    record: Any = logspaced(200),
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
    ``margin`` is NaN at ``W = 0``.  Coordinates ``norm``, ``batch_size``, ``momentum``,
    ``variance_reduction``, ``eta0``, ``a`` belong to ``optimizer``.  ``weights=True`` adds
    ``(optimizer, seed, step, class, feature)``; ``directions={"name": matrix (k, d)}`` adds
    ``cosine`` over ``(..., direction)``.  A seed fixes the shuffles and nothing else; its
    trajectory is the same alone or in company.  Divergence is data: ``diverged_at``.

    ``record``: ``ib.logspaced(count)`` or increasing steps.  ``backend``: "auto" (the compiled
    kernel on CPU for what it supports, torch lanes otherwise), or "kernel", "gpu", "lanes",
    "composed", "persistent"; the environment variable IBIAS_BACKEND says what "auto" tries first.
    ``device``: "auto" takes CUDA when there is one.

    Raises ValueError for names that coincide and batch sizes that do not divide n, MemoryError,
    with the estimate, for runs that need too much.
    """
    request = Request(
        dataset, methods, seeds, steps, record, loss, backend, device, dtype, weights, directions
    )
    began, count = perf_counter(), len(request.trajectories)
    with bar(count * request.steps, f"{count} runs", progress) as advance:
        values, origin = compute(request, range(count), advance=advance)
    runs = labelled(request, values, {origin})
    return runs.assign_attrs(seconds=round(perf_counter() - began, 3))


def sweep(
    dataset: Dataset,
    methods: Sequence[SteepestDescent] | SteepestDescent,
    *,
    seeds: Iterable[int] = (0,),
    steps: int = 20_000,
    record: Any = logspaced(200),
    loss: Loss = CROSS_ENTROPY,
    backend: str = "auto",
    device: str = "auto",
    dtype: torch.dtype = torch.float64,
    weights: bool = False,
    directions: Mapping[str, np.ndarray] | None = None,
    progress: bool = True,
    store: Store | str | Path | None = "auto",
    client: Any = None,
    allow_missing: bool = False,
) -> xr.Dataset:
    """`simulate`, remembering every finished run.

    Beyond the arguments of `simulate`:

    - ``store``: a folder, or None to remember nothing.  "auto" is the folder named by the
      environment variable IBIAS_STORE, else nothing is remembered.
    - ``client``: a ``dask.distributed.Client``, whose workers then compute the runs, stored here as
      they arrive.  A worker with another version or source of the package is refused.
    - ``allow_missing``: return NaN for runs that failed, and their reasons in the variable
      ``status``, instead of raising.

    Returns the dataset of `simulate`; ``attrs["from_store"]`` counts the runs that it had.

    Raises what `simulate` raises; SweepIncomplete when runs failed; OSError when the store cannot
    be written; ValueError for a schedule, norm, signal or loss of your own whose source cannot be
    read.  Runs finished before an error, Ctrl-C or a power cut are in the store, and the next call
    computes the rest.
    """
    request = Request(
        dataset, methods, seeds, steps, record, loss, backend, device, dtype, weights, directions
    )
    if client is None:  # an error before anything is written; workers look at their own devices
        chosen_device(request.device)
    began, memory = perf_counter(), Memory(request, opened(store))
    known, total = len(memory.runs), len(memory.keys)
    if known and memory.store is not None:
        LOG.info("%d of %d runs were found in %s", known, total, memory.store.folder)
    try:
        if memory.missing():
            _fill(memory, progress, client)
        elif known:  # a call killed between its last run and its end left its journal
            Journal(memory).forget()
        if not memory.runs or (memory.failures and not allow_missing):
            raise SweepIncomplete(len(memory.runs), total, memory.reasons())
        runs = labelled(request, memory.stacked(), memory.origins)
    except BaseException as error:  # whatever ends the call says how much of it is kept
        if memory.store is not None:
            safe = f"{len(memory.runs)} of {total} runs are in {memory.store.folder}"
            error.add_note(f"{safe}; the next call goes on from there")
        raise
    if allow_missing:
        runs["status"] = _states(memory)
    times = {"seconds": memory.seconds, "wall_seconds": perf_counter() - began}
    return runs.assign_attrs({name: round(t, 3) for name, t in times.items()}, from_store=known)


def status(
    dataset: Dataset,
    methods: Sequence[SteepestDescent] | SteepestDescent,
    *,
    store: Store | str | Path | None = "auto",
    **options: Any,
) -> xr.DataArray:
    """ "done" or "missing" for each run of such a sweep over (optimizer, seed); computes none."""
    return _states(Memory(Request(dataset, methods, **options), opened(store)))


def _fill(memory: Memory, progress: bool, client: Any) -> None:
    """Compute what is missing, here or on a cluster."""
    journal, steps = Journal(memory), memory.request.steps
    state, its_keys = journal.begin()
    known = f" ({len(memory.runs)} of them known)" if memory.runs else ""
    groups = calls(memory, journal.keys)
    label = f"{len(memory.place)} runs{known}"
    with bar(len(memory.missing()) * steps, label, progress) as advance:
        if client is not None:
            _on_cluster(memory, [company for call in groups for company in call], advance, client)
        else:
            if state is not None:
                _attempt(memory, its_keys, advance, journal, state)
            for call in groups:
                again = {key for company in _unfinished(memory, call) for key in company}
                keys = [key for key in journal.keys if key in again]
                _attempt(memory, keys, advance, journal)
    if not memory.missing():
        journal.forget()


def _unfinished(memory: Memory, companies: list[list[str]]) -> list[list[str]]:
    """Those in which a run is missing."""
    return [keys for keys in companies if not all(key in memory.runs for key in keys)]


def _attempt(memory: Memory, keys: list[str], advance, journal: Journal, state=None) -> None:
    """Compute the runs `keys` in one call of a backend; known ones are not stored twice."""
    if not keys:
        return

    def finished(rows, arrays, provenance):
        memory.add([keys[row] for row in rows], arrays, provenance)

    places, save = [memory.place[key] for key in keys], partial(journal.save, keys)
    try:
        compute(memory.request, places, finished, advance, state, save)
    except (OSError, ValueError, TypeError, MemoryError):
        raise  # the store's disk, or arguments that no other run would like better
    except Exception as error:
        memory.fail(keys, error)


def _on_cluster(memory: Memory, companies: list[list[str]], advance, client) -> None:
    from .cluster import stream

    pieces = _unfinished(memory, companies)
    places = [[memory.place[key] for key in keys] for keys in pieces]
    with closing(stream(client, memory.request, places)) as arriving:
        for index, answers in arriving:
            if isinstance(answers, Exception):
                memory.fail(pieces[index], answers)
                continue
            for rows, arrays, provenance in answers:
                memory.add([pieces[index][row] for row in rows], arrays, provenance)
            advance(len(pieces[index]) * memory.request.steps)


def _states(memory: Memory) -> xr.DataArray:
    request = memory.request
    failed = {key: f"failed: {why}" for key, why in memory.failures.items()}
    words = ["done" if key in memory.runs else failed.get(key, "missing") for key in memory.keys]
    names = [column["optimizer"] for column in request.columns]
    coords = {"optimizer": names, "seed": list(request.seeds)}
    grid = np.array(words, dtype=object).reshape(len(names), -1)
    return xr.DataArray(grid, coords, ("optimizer", "seed"), name="status")
