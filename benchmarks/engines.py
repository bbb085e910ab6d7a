"""Our engines as work to be timed."""

import numpy as np

from ibias.engine.driver import drive
from ibias.engine.kernel.backend import KernelWorkspace
from ibias.engine.lanes import LaneWorkspace
from ibias.schedules import step_sizes
from ibias.streams import permutations

WORKSPACES = {"kernel": KernelWorkspace, "lanes": LaneWorkspace}


def whole(backend, problem, trajectories, dedupe=False):
    """``work(steps)``: all trajectories through planner and driver, nothing recorded but the
    end."""

    def work(steps):
        drive(
            WORKSPACES[backend],
            problem,
            trajectories,
            steps,
            np.array([steps]),
            lambda *record: None,
            dedupe=dedupe,
        )

    return work


def steps_of(backend, problem, group):
    """``work(steps)`` from the start on a group that exists already: the cost of steps alone,
    without set-up."""
    workspace, n = WORKSPACES[backend](problem, group), problem.dataset.n
    start = workspace.arrays()

    def work(steps):
        workspace.restore(start)
        per_epoch = n // group.batch_size
        orders = (
            np.arange(n)[None]
            if per_epoch == 1
            else permutations(n, group.seed, -(-steps // per_epoch))
        )
        workspace.advance(
            orders,
            np.stack([step_sizes(schedule, 0, steps) for schedule in group.schedules]),
            0,
            steps,
        )

    return work
