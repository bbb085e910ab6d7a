"""Experimental: torch lanes on CUDA without waiting for the host: a graph per kind of step.

A step on the device is some fifty small kernels, and launching them from Python costs more than
running them.  A CUDA graph launches them at once.  Sample orders and step sizes are made on the
host and copied once per chunk of steps; a replay reads its own from two fixed buffers.  Schatten
maps are batched Jacobi sweeps (``jacobi``), because batched decompositions synchronise.

Without CUDA the same steps run eagerly on CPU tensors, which tests their arithmetic.
"""

import torch
from torch import Tensor

from ...norms import Norm
from ...problem import Problem
from ..driver import drive
from ..lanes import LaneWorkspace
from ..planner import Group
from . import jacobi

WARM_UP = 3  # eager steps before a capture: libraries allocate their workspaces then


def run(*args, workers: int = 1, **options) -> None:
    """``driver.drive`` on CUDA, group after group, whatever ``workers``."""
    drive(GraphWorkspace, *args, **options)


class GraphWorkspace(LaneWorkspace):
    """A ``LaneWorkspace`` whose steps are captured once and replayed."""

    def __init__(self, problem: Problem, group: Group):
        super().__init__(problem, group)
        device = self.w.device
        self.captures = device.type == "cuda"
        # where a captured step finds its samples (all when None) and its step sizes
        whole = self.b == self.n
        self.rows = None if whole else torch.zeros(self.b, dtype=torch.long, device=device)
        self.eta = self.w.new_zeros(len(self.w), 1, 1)
        self.graphs: dict[bool, torch.cuda.CUDAGraph] = {}

    @staticmethod
    def steepest(norm: Norm, signal: Tensor) -> Tensor:
        matrix = norm.family == "schatten"
        return jacobi.steepest(norm, signal) if matrix else norm.steepest(signal)

    def split_classes(self, split: bool = True) -> None:
        super().split_classes(split)
        self.graphs.clear()  # they write to the scales of before

    def step(self, rows: Tensor | None, eta: Tensor, opening: bool) -> None:
        if self.rows is not None and rows is not None:
            self.rows.copy_(rows)
        self.eta.copy_(eta)
        if not self.captures:
            super().step(self.rows, self.eta, opening)
            return
        if opening not in self.graphs:
            self.graphs[opening] = self._capture(opening)
        self.graphs[opening].replay()

    def _capture(self, opening: bool) -> torch.cuda.CUDAGraph:
        """The graph of one step; what its warm-up steps have written is put back."""
        written = (self.w, self.m, self.log_scale, *self.snapshot)
        before = [tensor.clone() for tensor in written]
        aside = torch.cuda.Stream(self.w.device)
        aside.wait_stream(torch.cuda.current_stream(self.w.device))
        with torch.cuda.stream(aside):
            for _ in range(WARM_UP):
                super().step(self.rows, self.eta, opening)
        torch.cuda.current_stream(self.w.device).wait_stream(aside)
        for tensor, value in zip(written, before, strict=True):
            tensor.copy_(value)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            super().step(self.rows, self.eta, opening)
        return graph
