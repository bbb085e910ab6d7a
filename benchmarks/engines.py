"""Our engines as work to be timed."""

import numpy as np

from ibias.engine.driver import drive
from ibias.engine.kernel.backend import KernelWorkspace
from ibias.engine.lanes import LaneWorkspace
from ibias.schedules import step_sizes
from ibias.streams import permutations

BLOCKS = {"kernel": KernelWorkspace, "lanes": LaneWorkspace}


def whole(backend, problem, lanes, dedupe=False):
    """``work(steps)``: all lanes, through the planner and the driver, nothing recorded but the
    end."""

    def work(steps):
        drive(
            BLOCKS[backend],
            problem,
            lanes,
            steps,
            np.array([steps]),
            lambda *found: None,
            dedupe=dedupe,
        )

    return work


def steps_of(backend, problem, block):
    """``work(steps)`` from the start on a block that exists already: the cost of steps alone,
    without set-up."""
    made, n = BLOCKS[backend](problem, block), problem.dataset.n
    start = made.arrays()

    def work(steps):
        made.restore(start)
        per_epoch = n // block.batch_size
        orders = (
            np.arange(n)[None]
            if per_epoch == 1
            else permutations(n, block.seed, -(-steps // per_epoch))
        )
        made.advance(
            orders,
            np.stack([step_sizes(schedule, 0, steps) for schedule in block.schedules]),
            0,
            steps,
        )

    return work
