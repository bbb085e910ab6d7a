"""The problem and the cells that everything here is measured on: n = 500 samples of 10 classes, d =
25 or 200 features."""

from dataclasses import dataclass

import numpy as np

import ibias as ib
from ibias.methods import Trajectory

N, K = 500, 10
NORMS = (ib.MAX, ib.FROBENIUS, ib.SPECTRAL)
BATCH_SIZES = (1, 10, 50, 100, N)
MOMENTA = (0.0, 0.5, 0.9, 0.99)
LANES = 24  # runs in the block of a cell: four momenta, six step sizes
SEEDS = 5


@dataclass(frozen=True)
class Cell:
    """What a step costs depends on: norm, batch size, variance reduction, features."""

    norm: ib.Norm
    b: int
    reduced: bool
    d: int

    def methods(self, momenta=MOMENTA, step_sizes=(0.1,)):
        core = ib.VarianceReduced(ib.Minibatch(self.b)) if self.reduced else ib.Minibatch(self.b)
        return [
            ib.SteepestDescent(self.norm, ib.Momentum(beta, core) if beta else core, ib.Power(eta))
            for beta in momenta
            for eta in step_sizes
        ]


def dataset(d: int, n: int = N, k: int = K) -> ib.Dataset:
    """Clusters on a sphere: separable, and margins grow far past what autograd resolves only after
    the steps timed here."""
    rng = np.random.default_rng(1234)
    centres = rng.standard_normal((k, d))
    y = np.arange(n) % k
    x = 2.5 * (centres / np.linalg.norm(centres, axis=1, keepdims=True))[
        y
    ] + 0.35 * rng.standard_normal((n, d))
    return ib.Dataset(
        x / np.sqrt((x**2).sum(1).mean()), y, f"benchmark clusters, n = {n}, k = {k}, d = {d}"
    )


def cells(d: int) -> list[Cell]:
    return [
        Cell(norm, b, reduced, d)
        for norm in NORMS
        for b in BATCH_SIZES
        for reduced in (False, True)
    ]


def cell_lanes(cell: Cell) -> list[Trajectory]:
    return [
        Trajectory(method, 0)
        for method in cell.methods(step_sizes=np.linspace(0.05, 0.3, LANES // len(MOMENTA)))
    ]


def sweep_lanes(d: int) -> list[Trajectory]:
    """The 600 runs of the paper's experiment: 3 norms, 5 batch sizes, 4 momenta, variance reduction
    or not, 5 seeds."""
    return [
        Trajectory(method, seed)
        for cell in cells(d)
        for method in cell.methods()
        for seed in range(SEEDS)
    ]


def flops(cell: Cell) -> float:
    """Floating-point work no implementation avoids, per step and run: two products and about 40
    operations for each residual entry (again for the snapshot, spread over its epoch), and seven
    for each weight.  The polar factor is not counted.
    """
    gradients = 2 if cell.reduced and cell.b < N else 1
    return gradients * cell.b * K * (4 * cell.d + 40) + 7 * K * cell.d
