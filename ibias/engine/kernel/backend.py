"""The compiled engine behind the common contract: which runs it takes, and how a block of them is
laid out.

Signals decay like exp(-margin); a run keeps one binary exponent for all entries of its signal.
Sign-like norms need more once entries lie e^-600 apart: their runs are then handed to ``WideRuns``,
which has an exponent per entry.
"""

from math import inf

import numpy as np
import torch

from ...losses import EXPONENTIAL
from ...norms import Entrywise
from ..driver import drive
from ..reach import Reach
from . import block as layout
from .wide_runs import WideRuns


def run(
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
    """Advance ``lanes`` on the CPU in float64; see ``engine.driver.drive``.  ``workers`` threads
    share the blocks (one each)."""
    drive(
        KernelBlock,
        problem,
        lanes,
        steps,
        record,
        observe,
        progress,
        state,
        checkpoint,
        workers=workers,
        dedupe=dedupe,
    )


class KernelBlock:
    """A block of runs in lanes-last arrays, padded in front to a multiple of 8 with idle lanes."""

    def __init__(self, problem, block):
        data, runs = problem.dataset, block.runs
        self.n, self.d, self.k, self.runs = data.n, data.d, data.k, len(runs)
        self.idle, self.per_epoch = -len(runs) % 8, data.n // block.batch_size
        width = self.idle + len(runs)
        x = layout.aligned(data.n, data.d)
        x[:] = data.x
        reduced = np.array(
            [False] * self.idle + [run.reduced and block.batch_size < data.n for run in runs]
        )
        self.state = layout.state(data.d, data.k, width)
        self.fixed = (
            layout.batch(data.n, data.d, data.k, width, block.batch_size),
            layout.snapshot(data.n, data.d, data.k, reduced),
            layout.weights(width),
            layout.tables(data.k),
            layout.scratch(data.d, data.k),
        )
        self.data = layout.Data(x, np.array(data.y, np.int64))
        self.exponential = problem.loss == EXPONENTIAL
        self.block, self.lanes = block, _lanes(block, self.idle)
        self.reach, self.wide = Reach(data.x, block), []

    def advance(self, orders, rates, first, last):
        orders, rates = (
            np.ascontiguousarray(orders, np.int64),
            np.ascontiguousarray(rates, np.float64),
        )
        for begin, end in self.reach.pieces(rates, first, last, self._weights, self._hand_over):
            skipped = begin // self.per_epoch - first // self.per_epoch if len(orders) > 1 else 0
            self._steps(
                orders[skipped:], np.ascontiguousarray(rates[:, begin - first :]), begin, end
            )

    def _steps(self, orders, rates, first, last):
        if (self.lanes.kind != layout.IDLE).any():
            layout.advance(
                self.data,
                self.exponential,
                self.lanes,
                self.state,
                *self.fixed,
                orders,
                rates,
                first,
                last,
            )
        for runs in self.wide:
            runs.advance(orders, rates, first, last)

    def _hand_over(self):
        """The sign-like runs go on elsewhere, from the state they are in, and become idle lanes
        here."""
        self._divide()
        for runs in self.wide:
            runs.take(self.state, self.fixed[1])

    def _divide(self):
        chosen, snapshot = self.idle + np.array(self.reach.runs), self.fixed[1]
        late = snapshot.mask[chosen] > 0
        self.wide = [
            WideRuns(
                self.data,
                self.exponential,
                self.lanes,
                chosen[late == reduced],
                self.n // self.per_epoch,
                self.k,
                reduced,
            )
            for reduced in (False, True)
            if (late == reduced).any()
        ]
        self.lanes.kind[chosen] = layout.IDLE

    def _weights(self):
        width = self.idle + self.runs
        w = (
            self.state.w[: self.d]
            .reshape(self.d, self.k, width)[..., self.idle :]
            .transpose(2, 1, 0)
            .copy()
        )
        for runs in self.wide:
            w[runs.chosen - self.idle] = runs.weights()
        return w

    def weights(self):
        return torch.from_numpy(self._weights())

    def arrays(self):
        parts = {"": self.state} | {f"wide{i}/": runs.state for i, runs in enumerate(self.wide)}
        saved = {
            prefix + name: value.copy()
            for prefix, part in parts.items()
            for name, value in part._asdict().items()
        }
        return saved | {"reach": self.reach.array()}

    def restore(self, arrays):
        arrays = dict(arrays)
        self.reach.restore(arrays.pop("reach"))
        self.lanes, self.wide = _lanes(self.block, self.idle), []
        if "wide0/w" in arrays:
            self._divide()
        for name, value in arrays.items():
            part, _, field = name.rpartition("/")
            getattr(self.wide[int(part.removeprefix("wide"))].state if part else self.state, field)[
                ...
            ] = value


def _lanes(block, idle):
    kinds, conjugates, cuts = [layout.IDLE] * idle, [1.0] * idle, [0.0] * idle
    for run in block.runs:
        norm = run.norm
        if type(norm) is Entrywise:
            kind, cut = {inf: layout.SIGN, 2: layout.RAY}.get(norm.p, layout.POWER), 0.0
        else:
            kind, cut = layout.SCHATTEN, norm.rtol
        kinds.append(kind)
        conjugates.append(norm.q)
        cuts.append(cut)
    beta = [0.0] * idle + [run.momentum for run in block.runs]
    return layout.lanes(kinds, beta, conjugates, cuts, [0] * idle + block.schedule_rows)
