"""The reference backend: any signal by its own ``emit``, the seeds of a method as lanes.

It runs every signal that can be written, the user's included, on any device.  The others are faster
and must agree.  A signal has one scale per run: below e^-745 of its largest, entries are 0.
"""

from collections.abc import Callable
from itertools import groupby, islice, repeat

import numpy as np
import torch

from ..methods import Trajectory
from ..problem import Problem
from ..schedules import step_sizes
from ..signals import Batch
from ..streams import epoch_chunks


def run(
    problem: Problem,
    trajectories: list[Trajectory],
    steps: int,
    grid,
    observe: Callable,
    progress: Callable | None = None,
    state: dict | None = None,
    checkpoint: Callable | None = None,
    **options,
) -> None:
    """The contract of ``engine``, but that this backend makes no checkpoints and continues from
    none; ``options`` of the others are ignored."""
    if state is not None:
        instead = "use backend='lanes' or 'kernel'"
        raise ValueError(f"the composed engine cannot continue from a saved state; {instead}")
    due = {int(t): r for r, t in enumerate(grid)}
    order = sorted(range(len(trajectories)), key=lambda j: repr(trajectories[j].method))
    for method, same in groupby(order, key=lambda j: trajectories[j].method):
        indices = list(same)
        seeds = [trajectories[j].seed for j in indices]
        for t, w in enumerate(_iterates(problem, method, seeds, steps)):
            if t in due:
                observe(due[t], indices, w)
            if progress and t:
                progress(len(seeds))


def _iterates(problem, method, seeds, steps):
    """The weights ``(seeds, k, d)`` at the start and after every step."""
    n, w = problem.dataset.n, problem.start(len(seeds))
    state = method.signal.init(problem, w)
    yield w
    batches = _batches(n, method.signal.batch_size(n), seeds, steps, problem.x.device)
    for t, batch in enumerate(islice(batches, steps)):
        signal, state = method.signal.emit(problem, w, state, batch)
        w = w - step_sizes(method.schedule, t, 1)[0] * method.norm.steepest(signal.value)
        yield w


def _batches(n, b, seeds, steps, device):
    """At least ``steps`` of ``Batch``, rows ``(seeds, b)``; ``None`` for the whole data set."""
    per_epoch = -(-n // b)
    epochs = -(-steps // per_epoch)
    if b == n:
        yield from repeat(Batch(None, True))
    for chunk in zip(*(epoch_chunks(n, seed, epochs) for seed in seeds), strict=True):
        for orders in np.stack(chunk, 1):
            rows = torch.as_tensor(orders, device=device)
            for j in range(per_epoch):
                yield Batch(rows[:, j * b : (j + 1) * b], j == 0)
