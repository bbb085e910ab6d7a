"""The torch lanes on CUDA without waiting for the host: one captured graph per kind of step,
replayed.

A step on the device is some fifty small kernels, and launching them from Python costs more than
running them.  A CUDA graph launches them at once.  Sample orders and step sizes are made on the
host and copied once per chunk of steps; a replay reads its own from two fixed buffers.  Schatten
maps are batched Jacobi sweeps (``jacobi``), because batched decompositions synchronise.

Without CUDA the class runs the same steps eagerly on CPU tensors, which is how its arithmetic is
tested.
"""

import numpy as np
import torch

from ...norms import Schatten
from ..driver import drive
from ..lanes import LaneBlock
from . import jacobi

WARM_UP = 3  # eager steps before a capture: libraries allocate their workspaces then


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
    """Advance ``lanes`` on the problem's CUDA device; see ``engine.driver.drive``.  Blocks run one
    after the other."""
    drive(
        GraphBlock,
        problem,
        lanes,
        steps,
        record,
        observe,
        progress,
        state,
        checkpoint,
        workers=1,
        dedupe=dedupe,
    )


class GraphBlock(LaneBlock):
    """A ``LaneBlock`` whose steps are captured once and replayed."""

    def __init__(self, problem, block):
        super().__init__(problem, block)
        device = self.w.device
        self.captures = device.type == "cuda"
        self.rows = (
            None if self.b == self.n else torch.zeros(self.b, dtype=torch.long, device=device)
        )
        self.eta = self.w.new_zeros(len(self.w), 1, 1)
        self.graphs = {}

    def steepest(self, norm, signal):
        return (
            jacobi.steepest(norm, signal) if isinstance(norm, Schatten) else norm.steepest(signal)
        )

    def split_classes(self, split=True):
        super().split_classes(split)
        self.graphs.clear()  # they write to the scales of before

    def take_steps(self, orders: np.ndarray, rates: np.ndarray, first: int, last: int) -> None:
        device = self.w.device
        orders = torch.as_tensor(orders, device=device)
        rates = torch.as_tensor(rates, dtype=self.w.dtype, device=device)[self.schedule].T[
            :, :, None, None
        ]
        for t in range(first, last):
            epoch, j = t // self.per_epoch - first // self.per_epoch, t % self.per_epoch
            if self.rows is not None:
                self.rows.copy_(orders[epoch, j * self.b : (j + 1) * self.b])
            self.eta.copy_(rates[t - first])
            self._replay(opening=bool(self.reduced) and j == 0)

    def _replay(self, opening: bool) -> None:
        if not self.captures:
            self._whole_step(opening)
            return
        if opening not in self.graphs:
            self.graphs[opening] = self._capture(opening)
        self.graphs[opening].replay()

    def _whole_step(self, opening: bool) -> None:
        if opening:
            self.take_snapshot()
        self.step(self.rows, self.eta, opening)

    def _capture(self, opening: bool) -> torch.cuda.CUDAGraph:
        """The graph of one step.  Warm-up steps move the weights, so all that a step writes is put
        back."""
        written = (self.w, self.m, self.log_scale, *self.snapshot)
        before = [tensor.clone() for tensor in written]
        aside = torch.cuda.Stream(self.w.device)
        aside.wait_stream(torch.cuda.current_stream(self.w.device))
        with torch.cuda.stream(aside):
            for _ in range(WARM_UP):
                self._whole_step(opening)
        torch.cuda.current_stream(self.w.device).wait_stream(aside)
        for tensor, value in zip(written, before, strict=True):
            tensor.copy_(value)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._whole_step(opening)
        return graph
