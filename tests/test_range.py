"""Signs and magnitudes far below the largest entry: a class or a feature may be e^-1000 of the
others, and its map is not 0."""

import itertools

import numpy as np
import pytest
import torch
from engine_cells import FAST, final, method, worst
from long_reference import LONG_ENOUGH
from long_reference import trajectory as long_trajectory

import ibias as ib
from ibias.engine import backend_named
from ibias.engine.driver import drive
from ibias.engine.experimental.gpu import GraphWorkspace
from ibias.engine.kernel.backend import KernelWorkspace
from ibias.engine.lanes import LaneWorkspace
from ibias.engine.planner import bytes_needed, plan
from ibias.losses import LOSSES
from ibias.methods import Trajectory
from ibias.problem import Problem
from ibias.streams import permutations

pytestmark = pytest.mark.skipif(
    not LONG_ENOUGH, reason="np.longdouble has no more exponents than float64 on this machine"
)
P50 = ib.Entrywise(50)  # entries of e^-700 weigh e^(-700/49) = 6e-7: not nothing


def uneven(k, d=8, n=40, sparse=False):
    """Two near classes among far ones; ``sparse``: half of the entries of x are exactly 0, others
    in other samples."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((k, d)) * np.geomspace(1, 4, k)[:, None]
    centres[1] = centres[0] + 0.3 * rng.standard_normal(d)
    y = np.arange(n) % k
    x = centres[y] + 0.05 * rng.standard_normal((n, d))
    return ib.Dataset(np.where(rng.random((n, d)) < 0.5, 0, x) if sparse else x, y)


def grid(norms, batch_sizes, momenta, **options):
    cells = itertools.product(norms, batch_sizes, momenta, (False, True))
    return [Trajectory(method(*cell, **options), 0) for cell in cells]


def expected(problem, trajectories, steps):
    """Final weights in extended precision, and the largest ``-log`` of a residual that each run has
    met."""
    data, results = problem.dataset, []
    for trajectory in trajectories:
        norm, signal, eta = (
            trajectory.method.norm,
            trajectory.method.signal,
            trajectory.method.schedule,
        )
        b, beta, reduced = ib.signals.recipe(signal, data.n)
        results.append(
            long_trajectory(
                data.x,
                data.y,
                data.k,
                norm.p,
                b,
                beta,
                reduced,
                steps,
                eta.eta0,
                eta.a,
                trajectory.seed,
                problem.loss.text,
            )
        )
    return torch.as_tensor(np.stack([w for w, _ in results])), [depth for _, depth in results]


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize("k, eta0", [(3, 16.0), (5, 16.0), (10, 8.0)])
def test_directions_are_right_when_classes_lie_thousands_apart(k, eta0, loss):
    problem = Problem(uneven(k), loss)
    trajectories = grid([ib.MAX, P50], [1, 10, 40], [0.0, 0.9], eta0=eta0)
    right, depth = expected(problem, trajectories, 100)
    assert np.median(depth) > 1000 and max(depth) > 3000
    for backend in FAST:
        # SignSGD is exact; for p = 50, 1e-11 is what one ulp of eta0 does to a run at margins of
        # 1e4
        assert worst(final(backend, problem, trajectories, 100), right) < 1e-11, backend


def test_momentum_and_variance_reduction_keep_classes_apart():
    # a momentum of 0.05 forgets e^-3 a step, so that its average lets classes drift as far apart as
    # the gradients do
    problem = Problem(uneven(5))
    trajectories = grid([ib.MAX], [1, 10, 40], [0.05], eta0=1.0, a=0.01)
    right, depth = expected(problem, trajectories, 400)
    assert min(depth) > 3000
    for backend in FAST:
        assert worst(final(backend, problem, trajectories, 400), right) < 1e-13, (
            backend
        )  # rounding of 400 sums; a lost class: 0.2


def test_the_captured_steps_change_their_scales_too():
    # on CPU tensors the steps that a CUDA graph would hold run as they are
    problem, w = Problem(uneven(5)), {}
    trajectories = grid([ib.MAX, P50], [10], [0.0, 0.9], eta0=16.0)

    def observe(index, indices, weights):
        w.update(zip(indices, weights, strict=True))

    drive(GraphWorkspace, problem, trajectories, 100, np.array([100]), observe)
    right = expected(problem, trajectories, 100)[0]
    assert worst(torch.stack([w[i] for i in range(len(trajectories))]), right) < 1e-11


def test_the_kernel_is_right_where_a_feature_is_zero_in_the_samples_that_matter():
    # the sign of such an entry comes from samples that weigh e^-1000 of the others: an exponent per
    # class is not enough
    for k in (3, 5, 10):
        problem = Problem(uneven(k, sparse=True))
        trajectories = grid([ib.MAX, P50], [1, 10, 40], [0.0], eta0=16.0)
        right, depth = expected(problem, trajectories, 100)
        assert max(depth) > 2000
        assert worst(final("kernel", problem, trajectories, 100), right) < 1e-11, (
            k
        )  # an exponent per class: 1e-2


@pytest.mark.parametrize("backend", FAST)
def test_a_run_continues_bit_for_bit_across_the_change_of_exponents(backend, monkeypatch):
    monkeypatch.setattr("ibias.engine.driver.CHUNK_STEPS", 1)  # a checkpoint after every epoch
    problem, states, last = Problem(uneven(5)), [], np.array([60])
    trajectories = grid([ib.MAX, ib.SPECTRAL], [10, 40], [0.0, 0.9], eta0=16.0)
    run, whole = (
        backend_named(backend, problem, trajectories)[1],
        final(backend, problem, trajectories, 60),
    )
    assert torch.equal(
        _recorded(run, problem, trajectories, np.arange(61), None), whole
    )  # cut anywhere, mid-epoch too
    run(problem, trajectories, 60, last, lambda *record: None, checkpoint=states.append)
    for state in states[1::5]:
        again = _recorded(run, problem, trajectories, last, state)
        seen = ~again.isnan().any((1, 2))  # groups that had finished are not observed again
        assert torch.equal(again[seen], whole[seen])


def _recorded(run, problem, trajectories, record, state):
    w = torch.full(
        (len(trajectories), problem.dataset.k, problem.dataset.d), torch.nan, dtype=torch.float64
    )

    def observe(index, indices, weights):
        if index == len(record) - 1:
            w[indices] = weights

    run(problem, trajectories, int(record[-1]), record, observe, state=state)
    return w


def test_other_norms_and_small_margins_never_leave_the_common_exponents():
    problem = Problem(uneven(5))
    sign, others = (
        grid([ib.MAX], [10], [0.0], eta0=0.1),
        grid([ib.FROBENIUS, ib.SPECTRAL, ib.Entrywise(3)], [10], [0.0], eta0=50.0),
    )
    for trajectories, ends in (
        (sign, False),
        (others, False),
        (grid([ib.MAX], [10], [0.0], eta0=16.0), True),
    ):
        (group,) = plan(trajectories, 40, 8, 5)
        for workspace in (KernelWorkspace(problem, group), LaneWorkspace(problem, group)):
            orders, rates = (
                permutations(40, 0, 25),
                np.stack([schedule.steps(100, 0) for schedule in group.schedules]),
            )
            workspace.advance(orders, rates, 0, 100)
            assert workspace.reach.ended == (ends or trajectories is others)
            assert (
                bool(workspace.wide if isinstance(workspace, KernelWorkspace) else workspace.split)
                == ends
            )


def test_the_reach_is_safe_and_seldom_looked_at():
    """The range of the logits never passes the limit before the reach ends, and a slow run is
    measured a few times only."""
    problem = Problem(uneven(5))
    (group,) = plan(grid([ib.MAX], [40], [0.0], eta0=1.0), 40, 8, 5)
    workspace, looks, widest = LaneWorkspace(problem, group), 0, 0.0
    rates = np.stack([schedule.steps(3000, 0) for schedule in group.schedules])
    for t in range(3000):
        ended_before, used = workspace.reach.ended, workspace.reach.used
        workspace.advance(np.arange(40)[None], rates[:, t:], t, t + 1)
        looks += workspace.reach.used < used
        if workspace.reach.ended:
            break
        z = problem.logits(workspace.w)
        widest = max(widest, float((z.amax(-1) - z.amin(-1)).max()))
    assert workspace.reach.ended and not ended_before
    assert (
        0.5 * workspace.reach.limit
        < widest
        <= workspace.reach.limit + workspace.reach.speed[0] * rates[0, t]
    )
    assert looks < 20


@pytest.mark.parametrize("kind", [KernelWorkspace, LaneWorkspace, GraphWorkspace])
def test_a_block_can_be_sent_back_to_before_the_change(kind):
    problem = Problem(uneven(5))
    (group,) = plan(grid([ib.MAX], [10], [0.0, 0.9], eta0=16.0), 40, 8, 5)
    orders, rates = (
        permutations(40, 0, 25),
        np.stack([schedule.steps(100, 0) for schedule in group.schedules]),
    )
    workspace = kind(problem, group)
    start, ends = workspace.arrays(), []
    for _ in range(2):
        workspace.restore(start)
        workspace.advance(orders, rates, 0, 100)
        assert workspace.reach.ended
        ends.append(workspace.arrays())
    assert ends[0].keys() == ends[1].keys() != set()
    for name, array in ends[0].items():
        np.testing.assert_array_equal(ends[1][name], array)


def test_the_estimate_of_memory_counts_what_is_handed_over():
    problem, etas = Problem(uneven(5)), np.linspace(15, 16, 12)
    trajectories = {
        norm: [
            trajectory for eta in etas for trajectory in grid([norm], [10], [0.0, 0.9], eta0=eta)
        ]
        for norm in (ib.MAX, ib.FROBENIUS)
    }
    (group,) = plan(trajectories[ib.MAX], 40, 8, 5)
    workspace = KernelWorkspace(problem, group)
    workspace.advance(
        permutations(40, 0, 25),
        np.stack([schedule.steps(100, 0) for schedule in group.schedules]),
        0,
        100,
    )
    taken = sum(
        a.nbytes
        for runs in workspace.wide
        for a in (*runs.arrays.state, *runs.arrays.batch, *runs.arrays.snapshot)
    )
    counted = bytes_needed(40, 8, 5, trajectories[ib.MAX], 1, False) - bytes_needed(
        40, 8, 5, trajectories[ib.FROBENIUS], 1, False
    )
    assert (
        taken <= counted <= 2 * taken
    )  # snapshots are counted for all runs, kept for the half that needs them
