"""A sweep's work on a Dask cluster: results come back as they are ready, a dead worker's work is
done by another."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .work import Work, collect

RETRIES = 2  # of a task that raised; a task whose worker died is moved by the scheduler itself


def stream(
    client,
    works: Sequence[Work],
    done: Callable[[int, list], None],
    failed: Callable[[int, Exception], None],
) -> None:
    """Send every work to the cluster and call ``done(index, pieces)`` or ``failed(index, error)``
    as the answers arrive."""
    from distributed import Client, as_completed

    if not isinstance(client, Client):
        raise TypeError(
            "client= takes a dask.distributed.Client, for instance Client('tcp://host:8786'); got"
            f" {client!r}"
        )
    futures = {
        client.submit(collect, work, pure=False, retries=RETRIES): index
        for index, work in enumerate(works)
    }
    try:
        for future in as_completed(list(futures)):
            index = futures[future]
            if future.status == "finished":
                done(index, future.result())
            else:
                failed(index, _reason(future))
            future.release()
    finally:
        client.cancel([future for future in futures if not future.done()])


def _reason(future) -> Exception:
    if future.status == "cancelled":
        return RuntimeError("the scheduler lost this work (was it restarted?)")
    error = future.exception()
    return error if isinstance(error, Exception) else RuntimeError(str(error))
