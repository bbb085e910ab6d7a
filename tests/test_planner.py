"""The planner: what shares work, what is not run twice, and what is refused before it starts."""

from itertools import product

import numpy as np
import pytest

import ibias as ib
from ibias.engine.planner import WIDEST, check_memory, plan, representative
from ibias.methods import Trajectory
from ibias.norms import Schatten

N, D, K = 500, 25, 10
NORMS = (ib.MAX, ib.FROBENIUS, ib.SPECTRAL)


def trajectory(norm=ib.MAX, b=10, beta=0.0, reduced=False, seed=0, eta0=0.1):
    signal = ib.VarianceReduced(ib.Minibatch(b)) if reduced else ib.Minibatch(b)
    return Trajectory(
        ib.SteepestDescent(norm, ib.Momentum(beta, signal) if beta else signal, ib.Power(eta0)),
        seed,
    )


def sweep():
    """The 600 runs of the paper's experiment."""
    return [
        trajectory(*cell)
        for cell in product(
            NORMS, (1, 10, 50, 100, 500), (0.0, 0.5, 0.9, 0.99), (False, True), range(5)
        )
    ]


def test_every_lane_is_answered_once():
    trajectories = sweep()
    answered = sorted(
        label
        for group in plan(trajectories, N, D, K)
        for labels in group.labels
        for label in labels
    )
    assert answered == list(range(600))


def test_the_paper_s_600_runs_are_487():
    # full batch: 120 trajectories are 3 norms x 4 momenta; b = 1 without momentum and variance
    # reduction: 5 spectral ones are Frobenius
    groups = plan(sweep(), N, D, K)
    assert sum(len(group.runs) for group in groups) == 600 - 108 - 5
    assert sum(len(group.runs) for group in plan(sweep(), N, D, K, dedupe=False)) == 600


def test_a_full_batch_has_neither_seed_nor_variance_reduction():
    full = representative(trajectory(b=N, beta=0.9, reduced=True, seed=7), N, D, K)
    assert full == representative(trajectory(b=N, beta=0.9, seed=0), N, D, K)
    assert full != representative(trajectory(b=N, beta=0.5), N, D, K)
    assert representative(trajectory(b=100, seed=7), N, D, K) != representative(
        trajectory(b=100, seed=0), N, D, K
    )


@pytest.mark.parametrize(
    "norm", [norm for norm in ib.CATALOG if isinstance(norm, Schatten)], ids=lambda norm: norm.text
)
def test_schatten_is_frobenius_exactly_where_signals_have_rank_one(norm):
    frobenius = representative(trajectory(ib.FROBENIUS, 1), N, D, K).norm
    assert representative(trajectory(norm, 1), N, D, K).norm == frobenius
    for several in (
        trajectory(norm, 1, beta=0.5),
        trajectory(norm, 1, reduced=True),
        trajectory(norm, 2),
    ):
        assert representative(several, N, D, K).norm == norm
        assert (
            representative(several, N, D, 2).norm == frobenius
        )  # two classes: the rows are opposite
        assert representative(several, N, 1, K).norm == frobenius


def test_blocks_share_seed_and_batch_size_and_hold_reduced_runs_last():
    for group in plan(
        sweep() + [trajectory(seed=3, eta0=eta) for eta in np.linspace(1, 2, 90)], N, D, K
    ):
        assert {(run.batch_size, run.seed) for run in group.runs} == {
            (group.batch_size, group.seed)
        }
        assert 0 < len(group.runs) <= WIDEST
        assert [run.reduced for run in group.runs] == sorted(run.reduced for run in group.runs)
        schatten = [i for i, run in enumerate(group.runs) if isinstance(run.norm, Schatten)]
        assert schatten == list(range(min(schatten, default=0), max(schatten, default=-1) + 1))
        assert [group.schedules[row] for row in group.schedule_rows] == [
            run.schedule for run in group.runs
        ]


def test_wide_groups_are_cut_into_nearly_equal_blocks():
    groups = plan([trajectory(eta0=eta) for eta in np.linspace(1, 2, 130)], N, D, K)
    assert sorted(len(group.runs) for group in groups) == [34, 48, 48]


def test_the_longest_block_comes_first():
    batch_sizes = [
        group.batch_size for group in plan([trajectory(b=b) for b in (1, 100, 10, 50)], N, D, K)
    ]
    assert batch_sizes == [100, 50, 10, 1]


def test_too_much_memory_is_refused_with_the_estimate():
    data = ib.data.gaussian(classes=3, per_class=4, dim=5)
    trajectories = [trajectory(b=4, seed=s) for s in range(100)]
    need = check_memory(data, trajectories, range(1000), weights=True)
    assert need > 100 * 1000 * 15 * 8  # the weights alone
    with pytest.raises(
        MemoryError,
        match=(
            r"100 runs with 1000 recorded steps on 12 x 5 data need about 0\.0 GiB.*weights=False"
        ),
    ):
        check_memory(data, trajectories, range(1000), weights=True, limit=need - 1)
    assert check_memory(data, trajectories, range(1000), weights=True, limit=need) == need
