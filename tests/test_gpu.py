"""The CUDA path: its arithmetic on CPU tensors here, and the captured graphs where there is a
device."""

import numpy as np
import pytest
import torch
from engine_cells import cells, clusters, final, worst
from ibias_book.steepest.agreement import agreement

import ibias as ib
from ibias.engine import backend_named
from ibias.engine.driver import drive
from ibias.engine.experimental import jacobi
from ibias.engine.experimental.gpu import GraphWorkspace
from ibias.norms import Schatten
from ibias.problem import Problem

needs_cuda = pytest.mark.skipif(
    not torch.cuda.is_available(),
    reason="torch sees no CUDA device: graph capture has not run here",
)
SCHATTEN = [norm for norm in ib.CATALOG if isinstance(norm, Schatten)]


def signals(rank, lanes=6, k=7, d=12, scale=1.0):
    """Matrices of the given rank whose columns sum to zero."""
    g = torch.Generator().manual_seed(rank)
    a = torch.randn(lanes, k, rank, generator=g, dtype=torch.float64) @ torch.randn(
        lanes, rank, d, generator=g, dtype=torch.float64
    )
    return scale * (a - a.mean(-2, keepdim=True))


@pytest.mark.parametrize("norm", SCHATTEN, ids=lambda norm: norm.text)
@pytest.mark.parametrize("rank", [1, 3, 6])
@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
def test_jacobi_gives_the_map_of_the_svd(norm, rank, scale):
    signal = signals(rank, scale=scale)
    # singular values of random factors spread over two orders of magnitude: 1e-13 is their
    # condition times rounding
    torch.testing.assert_close(
        jacobi.steepest(norm, signal), norm.steepest(signal), rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("norm", SCHATTEN, ids=lambda norm: norm.text)
def test_jacobi_drops_what_is_below_the_numerical_rank(norm):
    signal = signals(2) + 1e-16 * signals(6)
    torch.testing.assert_close(
        jacobi.steepest(norm, signal), norm.steepest(signals(2)), rtol=0, atol=1e-12
    )
    assert not jacobi.steepest(norm, torch.zeros(2, 5, 3, dtype=torch.float64)).any()
    assert (
        jacobi.steepest(norm, signals(3, k=7, d=3)).isfinite().all()
    )  # fewer features than classes


def test_jacobi_resolves_singular_values_over_twelve_orders_of_magnitude():
    g = torch.Generator().manual_seed(0)
    u, _ = torch.linalg.qr(torch.randn(8, 8, generator=g, dtype=torch.float64))
    v, _ = torch.linalg.qr(torch.randn(12, 7, generator=g, dtype=torch.float64))
    left = _centred(u)
    signal = (left * torch.logspace(0, -12, 7, dtype=torch.float64)) @ v.T
    # directions of a singular value s are known to 1e-16 / s
    torch.testing.assert_close(
        jacobi.steepest(ib.SPECTRAL, signal[None])[0], left @ v.T, rtol=0, atol=1e-3
    )
    top = jacobi.steepest(ib.NUCLEAR, signal[None])[0]
    torch.testing.assert_close(top, left[:, :1] @ v.T[:1], rtol=0, atol=1e-12)


def _centred(u):
    """Seven orthonormal columns orthogonal to the vector of ones."""
    q, _ = torch.linalg.qr(torch.cat([torch.ones(8, 1, dtype=torch.float64), u[:, :7]], 1))
    return q[:, 1:]


def test_the_graph_s_steps_agree_with_the_lanes_on_cpu_tensors():
    problem, steps = Problem(clusters()), 120
    trajectories = cells(ib.CATALOG, (1, 6, 60))
    w = torch.empty(len(trajectories), 5, 8, dtype=torch.float64)

    def observe(index, indices, weights):
        w[indices] = weights

    drive(GraphWorkspace, problem, trajectories, steps, np.array([steps]), observe)
    expected = final("lanes", problem, trajectories, steps)
    smooth = [
        i for i, trajectory in enumerate(trajectories) if trajectory.method.norm != ib.NUCLEAR
    ]  # the nuclear map jumps at ties: test_engine
    assert (
        worst(w[smooth], expected[smooth]) < 1e-11
    )  # Jacobi and LAPACK differ by the condition of the signal times rounding


def test_the_agreement_report_has_a_row_per_device_and_precision():
    methods = ib.grid(norms=[ib.MAX, ib.FROBENIUS], batch_sizes=[6], schedule=ib.Power(0.1))
    rows = {row["variant"]: row for row in agreement(clusters(), methods, steps=50)}
    assert rows["CPU float64 (kernel)"]["largest"] == 0
    assert rows["CPU float64 (lanes)"]["largest"] < 1e-12
    assert "skipped" in (row := rows["CPU float64 (persistent)"]) or row["largest"] < 1e-12
    assert 1e-9 < rows["CPU float32 (lanes)"]["largest"] < 1e-2
    assert torch.cuda.is_available() or "no CUDA device" in rows["GPU float64"]["skipped"]


@needs_cuda
@pytest.mark.parametrize("dtype, tolerance", [(torch.float64, 1e-10), (torch.float32, 1e-2)])
def test_captured_steps_agree_with_the_cpu(dtype, tolerance):
    methods = ib.grid(
        norms=[ib.MAX, ib.FROBENIUS, ib.SPECTRAL],
        batch_sizes=[1, 6, 60],
        momenta=[0.0, 0.9],
        variance_reduction=[False, True],
    )
    problem = Problem(clusters(), device="cuda", dtype=dtype)
    trajectories = [ib.methods.Trajectory(method, 0) for method in methods]
    name, run = backend_named("auto", problem, trajectories)
    assert name == "gpu"
    w = torch.empty(len(trajectories), 5, 8, dtype=torch.float64)
    run(
        problem,
        trajectories,
        200,
        np.array([200]),
        lambda index, indices, v: w.index_copy_(0, torch.tensor(indices), v.cpu().double()),
    )
    assert worst(w, final("kernel", Problem(clusters()), trajectories, 200)) < tolerance
