"""The same answer as `simulate`, from a store where it is known, computed and stored where it is
not, here or on a cluster."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
import xarray as xr

from ..data import Dataset
from ..losses import CROSS_ENTROPY, Loss
from ..methods import SteepestDescent
from ..progress import bar
from .simulation import assemble, chosen_device, logspaced
from .store import Store
from .memory import Found, opened
from .resume import Journal, blocks, by_method, is_standard
from .plan import Job, plan
from .work import compute

LOG = logging.getLogger("ibias.sweep")


class SweepIncomplete(RuntimeError):
    """Some runs could not be computed. What was is in the store; `reasons` maps "optimizer, seed"
    to what went wrong."""

    def __init__(self, done: int, total: int, reasons: dict[str, str]):
        self.done, self.total, self.reasons = done, total, reasons
        first = next(iter(reasons.items()), ("", ""))
        super().__init__(
            f"{done} of {total} runs are done; {len(reasons)} failed, the first ({first[0]}):"
            f" {first[1]}. Another call tries only those again; allow_missing=True returns what"
            " there is."
        )


def sweep(
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
    directions=None,
    progress: bool = True,
    store: Store | str | Path | None = "auto",
    client=None,
    allow_missing: bool = False,
) -> xr.Dataset:
    """`simulate`, remembering every finished run.

    Args (beyond those of `simulate`):
        store: a folder, or None to remember nothing. "auto" is the folder named by the environment
        variable IBIAS_STORE, else
            ``_build/store`` when the working folder is inside the companion's repository, else
            None.
        client: a ``dask.distributed.Client``; the runs are then computed by its workers, and stored
        here as they arrive.
        allow_missing: return NaN for runs that failed, and their reasons in the variable
        ``status``, instead of raising.

    Returns the dataset of `simulate`; ``attrs["from_store"]`` counts the runs that were not
    computed anew.

    Raises what `simulate` raises; SweepIncomplete when runs failed; OSError when the store cannot
    be written. Runs finished before an error, Ctrl-C or a power cut are in the store, and the next
    call computes the rest.
    """
    job = plan(
        dataset,
        methods,
        seeds=seeds,
        steps=steps,
        record=record,
        loss=loss,
        backend=backend,
        device=device,
        dtype=dtype,
        weights=weights,
        directions=directions,
    )
    if client is None:
        chosen_device(
            device
            # a device that is not here is an error before anything is written; workers look at
            # their own
        )
    began, found = perf_counter(), Found(opened(store), job)
    if found.runs:
        LOG.info(
            "%d of %d runs were found in %s", len(found.runs), len(job.keys), found.store.folder
        )
    known = len(found.runs)
    with _told_what_is_safe(job, found):
        if not found.missing():
            pass
        elif client is None:
            _here(job, found, progress)
        else:
            _on_cluster(job, found, progress, client)
    if found.failed and not allow_missing:
        raise SweepIncomplete(len(found.runs), len(job.keys), found.reasons())
    with _told_what_is_safe(job, found):
        return _labelled(job, found, allow_missing).assign_attrs(
            from_store=known, wall_seconds=round(perf_counter() - began, 3)
        )


def status(
    dataset: Dataset,
    methods,
    *,
    seeds=(0,),
    steps=20_000,
    record=logspaced(200),
    loss=CROSS_ENTROPY,
    backend="auto",
    device="auto",
    dtype=torch.float64,
    weights=False,
    directions=None,
    store="auto",
) -> xr.DataArray:
    """ "done" or "missing" for each run of a sweep, over (optimizer, seed), computing nothing."""
    job = plan(
        dataset,
        methods,
        seeds=seeds,
        steps=steps,
        record=record,
        loss=loss,
        backend=backend,
        device=device,
        dtype=dtype,
        weights=weights,
        directions=directions,
    )
    return _status(job, Found(opened(store), job))


@contextmanager
def _told_what_is_safe(job: Job, found: Found):
    """Whatever ends the call says how much of it the next one will find."""
    try:
        yield
    except BaseException as error:
        if found.store is not None:
            error.add_note(
                f"{len(found.runs)} of {len(job.keys)} runs are in {found.store.folder}; the next"
                " call goes on from there"
            )
        raise


def _here(job: Job, found: Found, progress: bool) -> None:
    journal = Journal(found.store, job)
    state, its_keys = journal.begin(found.missing())
    standard = [key for key in journal.keys if is_standard(job, key)]
    others = by_method(job, [key for key in journal.keys if not is_standard(job, key)])
    with bar(len(found.missing()) * job.request.steps, _label(job, found), progress) as advance:
        if state is not None:
            _attempt(job, found, its_keys, advance, journal, state)
        for group in [standard, *others]:
            whole = {
                key for block in blocks(job, group) if not found.has_all(block) for key in block
            }
            _attempt(job, found, [key for key in group if key in whole], advance, journal)
    if not found.missing():
        journal.end()


def _attempt(
    job: Job, found: Found, keys: list[str], advance, journal: Journal, state=None
) -> None:
    """Compute the runs `keys` in one call of a backend; a run that is known by now is not stored a
    second time."""
    if not keys:
        return

    def finished(rows, arrays, provenance):
        found.add_all([keys[row] for row in rows], arrays, provenance)

    try:
        compute(job.work(keys), finished, advance, state, lambda new: journal.save(keys, new))
    except (OSError, ValueError, TypeError, MemoryError):
        raise  # the store's disk, or arguments that no other run would like better
    except Exception as error:
        found.fail(keys, error)


def _on_cluster(job: Job, found: Found, progress: bool, client) -> None:
    from .cluster import stream

    journal = Journal(found.store, job)
    journal.begin(found.missing())
    pieces = [block for block in blocks(job, journal.keys) if not found.has_all(block)]
    with bar(sum(map(len, pieces)) * job.request.steps, _label(job, found), progress) as advance:

        def done(index, answers):
            for rows, arrays, provenance in answers:
                found.add_all([pieces[index][row] for row in rows], arrays, provenance)
            advance(len(pieces[index]) * job.request.steps)

        def failed(index, error):
            found.fail(pieces[index], error)

        stream(client, [job.work(piece) for piece in pieces], done, failed)
    if not found.missing():
        journal.end()


def _label(job: Job, found: Found) -> str:
    known = f" ({len(found.runs)} of them known)" if found.runs else ""
    return f"{len(job.lanes)} runs{known}"


def _status(job: Job, found: Found) -> xr.DataArray:
    words = [
        (
            "done"
            if key in found.runs
            else f"failed: {found.failed[key]}"
            if key in found.failed
            else "missing"
        )
        for key in job.keys
    ]
    shape = (len(job.methods), len(job.seeds))
    coords = {"optimizer": [column["optimizer"] for column in job.columns], "seed": list(job.seeds)}
    return xr.DataArray(
        np.array(words, dtype=object).reshape(shape), coords, ("optimizer", "seed"), name="status"
    )


def _labelled(job: Job, found: Found, with_status: bool) -> xr.Dataset:
    if not found.runs:
        raise SweepIncomplete(0, len(job.keys), found.reasons())
    example = next(iter(found.runs.values()))
    blank = {
        name: np.zeros_like(a) if a.dtype == bool else np.full_like(a, np.nan)
        for name, a in example.items()
    }
    runs = [found.runs.get(key, blank) for key in job.keys]
    result = assemble(
        {name: np.stack([run[name] for run in runs]) for name in example},
        job.columns,
        list(job.seeds),
        job.request.grid,
        job.request.directions,
    )
    request, origins = job.request, sorted(found.origins)
    if with_status:
        result["status"] = _status(job, found)
    return result.assign_attrs(
        dataset=request.dataset.name,
        digest=request.dataset.digest,
        loss=request.loss.text,
        backend=", ".join(sorted({b for b, _ in origins})),
        device=", ".join(sorted({d for _, d in origins})),
        dtype=request.dtype,
        seconds=round(sum(found.seconds.values()), 3),
    )
