"""The reference backend: any signal by its own ``emit``, the seeds of a method as lanes.

It runs every signal that can be written, the user's included, on any device.  The others are faster
and must agree.  A signal has one scale per run: below e^-745 of its largest, entries are 0.
"""

from collections.abc import Callable
from itertools import groupby

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
    order = sorted(range(len(trajectories)), key=lambda j: repr(trajectories[j].method))
    for method, same in groupby(order, key=lambda j: trajectories[j].method):
        indices = list(same)

        def observe_these(index, w, indices=indices):
            observe(index, indices, w)

        seeds = [trajectories[j].seed for j in indices]
        _run_method(problem, method, seeds, steps, grid, observe_these, progress)


def _run_method(problem, method, seeds, steps, grid, observe, progress):
    n = problem.dataset.n
    b = method.signal.batch_size(n)
    w = problem.start(len(seeds))
    state = method.signal.init(problem, w)
    due = {int(t): r for r, t in enumerate(grid)}
    batches = _batches(n, b, seeds, steps, problem.x.device)
    for t in range(steps + 1):
        if t in due:
            observe(due[t], w)
        if t == steps:
            return
        signal, state = method.signal.emit(problem, w, state, next(batches))
        w = w - step_sizes(method.schedule, t, 1)[0] * method.norm.steepest(signal.value)
        if progress:
            progress(len(seeds))


def _batches(n, b, seeds, steps, device):
    """One ``Batch`` per step, rows ``(seeds, b)``; ``None`` for the whole data set."""
    per_epoch = -(-n // b)
    epochs = -(-steps // per_epoch)
    if b == n:
        yield from (Batch(None, True) for _ in range(steps))
        return
    for chunk in zip(*(epoch_chunks(n, seed, epochs) for seed in seeds), strict=True):
        for orders in np.stack(chunk, 1):
            rows = torch.as_tensor(orders, device=device)
            for j in range(per_epoch):
                yield Batch(rows[:, j * b : (j + 1) * b], j == 0)
