"""The compiled engine behind the common contract: how a group of runs is laid out.

Signals decay like exp(-margin); a run keeps one binary exponent for all entries of its signal.
Sign-like norms need more once entries lie e^-600 apart: their runs are then handed to a
``WideWorkspace``, which has an exponent per entry.
"""

from functools import partial

import numpy as np
import torch

from ...losses import EXPONENTIAL
from ...problem import Problem
from ..driver import drive
from ..planner import Group
from ..reach import Reach
from .advance import advance
from .arrays import IDLE, Data, Task, filled, make_arrays, slots_of, task_of
from .wide_workspace import WideWorkspace


class KernelWorkspace:
    """A group of runs in slots-last arrays, padded in front to a multiple of 8 with idle slots."""

    def __init__(self, problem: Problem, group: Group):
        data, runs, b = problem.dataset, group.runs, group.batch_size
        self.idle = -len(runs) % 8
        reduced = np.array([False] * self.idle + [run.reduced and b < data.n for run in runs])
        samples = Data(filled(data.x, data.n, data.d), np.array(data.y, np.int64))
        task = task_of(Task(data.k, 0, problem.loss == EXPONENTIAL), len(runs))
        self.common = make_arrays(samples, task, slots_of(group, self.idle), b, reduced)
        self.kinds = self.common.slots.kind.copy()
        self.reach = Reach(data.x, group)
        self.wide: list[WideWorkspace] = []

    def advance(self, orders: np.ndarray, rates: np.ndarray, first: int, last: int) -> None:
        pieces = self.reach.pieces(orders, rates, first, last, self.weights, self._hand_over)
        for begin, end, orders, rates in pieces:
            orders, rates = np.ascontiguousarray(orders), np.ascontiguousarray(rates)
            if (self.common.slots.kind != IDLE).any():
                advance(self.common, orders, rates, begin, end)
            for runs in self.wide:
                runs.advance(orders, rates, begin, end)

    def _hand_over(self):
        """The sign-like runs go on elsewhere, from the state they are in."""
        self._divide()
        for runs in self.wide:
            runs.take_over(self.common)

    def _divide(self):
        """The sign-like runs get workspaces of their own, and become idle slots here."""
        chosen = self.idle + np.array(self.reach.runs)
        reduced = self.common.snapshot.mask[chosen] > 0
        self.wide = [
            WideWorkspace(self.common, chosen[reduced == value], value)
            for value in (False, True)
            if (reduced == value).any()
        ]
        self.common.slots.kind[chosen] = IDLE

    def weights(self) -> torch.Tensor:
        d, k, width = self.common.data.x.shape[1], self.common.task.k, self.common.task.width
        w = self.common.state.w[:d].reshape(d, k, width).transpose(2, 1, 0)[self.idle :].copy()
        for runs in self.wide:
            w[runs.chosen - self.idle] = runs.weights()
        return torch.from_numpy(w)

    def _states(self):
        wide = {f"wide{i}": runs.arrays.state for i, runs in enumerate(self.wide)}
        return {"common": self.common.state} | wide

    def arrays(self) -> dict[str, np.ndarray]:
        return {"reach": self.reach.array()} | {
            f"{owner}/{name}": value.copy()
            for owner, state in self._states().items()
            for name, value in state._asdict().items()
        }

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        self.reach.restore(arrays["reach"])
        self.common.slots.kind[:], self.wide = self.kinds, []
        if "wide0/w" in arrays:
            self._divide()
        for owner, state in self._states().items():
            for name, value in state._asdict().items():
                value[...] = arrays[f"{owner}/{name}"]


# see ``driver.drive``; ``workers`` threads share the groups, one at a time each
run = partial(drive, KernelWorkspace)
