"""The compiled engine behind the common contract: which runs it takes, and how a block of them is laid out."""

from math import inf

import numpy as np
import torch

from ...losses import EXPONENTIAL
from ...norms import Entrywise
from ..driver import drive
from . import block as layout


def run(problem, lanes, steps, record, observe, progress=None, state=None, checkpoint=None, *, workers=1, dedupe=True):
    """Advance ``lanes`` on the CPU in float64; see ``engine.driver.drive``.  ``workers`` threads share the blocks (one each)."""
    drive(KernelBlock, problem, lanes, steps, record, observe, progress, state, checkpoint, workers=workers, dedupe=dedupe)


class KernelBlock:
    """A block of runs in lanes-last arrays, padded in front to a multiple of 8 with idle lanes."""

    def __init__(self, problem, block):
        data, runs = problem.dataset, block.runs
        self.n, self.d, self.k, self.runs = data.n, data.d, data.k, len(runs)
        self.idle = -len(runs) % 8
        width = self.idle + len(runs)
        x = layout.aligned(data.n, data.d)
        x[:] = data.x
        reduced = np.array([False] * self.idle + [run.reduced and block.batch_size < data.n for run in runs])
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
        self.lanes = _lanes(block, self.idle)

    def advance(self, orders, rates, first, last):
        orders, rates = np.ascontiguousarray(orders, np.int64), np.ascontiguousarray(rates, np.float64)
        layout.advance(self.data, self.exponential, self.lanes, self.state, *self.fixed, orders, rates, first, last)

    def weights(self):
        width = self.idle + self.runs
        w = self.state.w[: self.d].reshape(self.d, self.k, width)[..., self.idle :]
        return torch.from_numpy(np.ascontiguousarray(w.transpose(2, 1, 0)))

    def arrays(self):
        return {name: value.copy() for name, value in self.state._asdict().items()}

    def restore(self, arrays):
        for name, value in arrays.items():
            getattr(self.state, name)[...] = value


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
