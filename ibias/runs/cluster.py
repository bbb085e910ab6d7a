"""A sweep on a Dask cluster: results come when ready, a dead worker's work goes to another."""

from collections.abc import Generator, Sequence

import torch

from .compute import compute, versions
from .key import source_hash
from .own_code import own_source
from .request import Request

RETRIES = 2  # of a task that raised; a task whose worker died is moved by the scheduler itself


class WorkerDiffers(RuntimeError):
    """A worker has another version or another source of the package, torch or numpy: its numbers
    would be stored under a key that does not describe them."""


def stream(
    client, request: Request, pieces: Sequence[Sequence[int]]
) -> Generator[tuple[int, list[tuple] | Exception], None, None]:
    """Send every piece (places of trajectories) to the cluster and yield its index and what
    `collect` returned, or the error, as the answers arrive.  Closed early, it cancels the rest."""
    from distributed import Client, as_completed

    if not isinstance(client, Client):
        wanted = "a dask.distributed.Client, for instance Client('tcp://host:8786')"
        raise TypeError(f"client= takes {wanted}; got {client!r}")
    here, how, futures = identity(request), dict(pure=False, retries=RETRIES), {}
    for index, piece in enumerate(pieces):
        futures[client.submit(collect, request, list(piece), here, **how)] = index
    try:
        for future in as_completed(list(futures)):
            try:  # waits once more where the worker died with a finished result
                answers = future.result()
            except Exception as error:
                lost = RuntimeError("the scheduler lost this work (was it restarted?)")
                answers = lost if future.status == "cancelled" else error
            yield futures[future], answers
            future.release()
    finally:
        left = [future for future in futures if not future.done()]
        if left:  # a client whose scheduler went away is closed and can cancel nothing
            client.cancel(left)


def identity(request: Request) -> dict[str, str]:
    """What must be equal on a worker and here for an answer to be believed."""
    own = own_source(request.methods, request.loss, texts=False)
    return versions() | {"source": source_hash(), "classes of your own": own}


def collect(request: Request, places: list[int], expected: dict[str, str]) -> list[tuple]:
    """`compute` for a Dask worker, which serves nobody else: all is returned, on one thread. Raises
    WorkerDiffers when its package, or the caller's module, is not the client's."""
    for name, value in identity(request).items():
        if value != expected[name]:
            raise WorkerDiffers(
                f"this worker has {name} {value[:12] or 'none'} and the client"
                f" {expected[name][:12] or 'none'}; install the same versions on both"
            )
    torch.set_num_threads(1)
    answers: list[tuple] = []
    compute(request, places, lambda *answer: answers.append(answer))
    return answers
