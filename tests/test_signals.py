"""Signals compose, cancel where they must, keep their scale, and refuse what the theory does not
cover."""

import numpy as np
import pytest
import torch

import ibias as ib
from ibias.signals import Batch, recipe

DATA = ib.data.mixture(classes=3, per_class=4, dim=5, seed=0)
PROBLEM = ib.Problem(DATA)
W = torch.tensor(np.random.default_rng(0).standard_normal((2, 3, 5)))
ROWS = torch.tensor([[0, 5, 7, 9], [3, 2, 11, 6]])


def emit(signal, w=W, epoch_start=True, state=None, rows=ROWS):
    state = signal.init(PROBLEM, w) if state is None else state
    return signal.emit(PROBLEM, w, state, Batch(rows, epoch_start))


def test_minibatch_is_the_mean_over_its_rows():
    one = emit(ib.Minibatch(4))[0].plain()
    for lane in range(2):
        torch.testing.assert_close(
            one[lane], PROBLEM.gradient(W[lane], ROWS[lane]).plain(), rtol=1e-13, atol=1e-16
        )


def test_variance_reduction_is_exactly_the_full_gradient_at_an_epoch_start():
    signal, _ = emit(ib.VarianceReduced(ib.Minibatch(4)))
    full = PROBLEM.gradient(W)
    # one rounding when the scales are joined, one when the classes are centred
    torch.testing.assert_close(signal.plain(), full.plain(), rtol=1e-14, atol=1e-17)


def test_variance_reduction_follows_its_formula_and_keeps_the_snapshot():
    signal = ib.VarianceReduced(ib.Minibatch(4))
    _, state = emit(signal)
    later = W + 0.3 * torch.ones(3, 5).double().cumsum(0)
    got, state = emit(signal, w=later, epoch_start=False, state=state)
    expected = (
        PROBLEM.gradient(later, ROWS).plain()
        - PROBLEM.gradient(W, ROWS).plain()
        + PROBLEM.gradient(W).plain()
    )
    torch.testing.assert_close(got.plain(), expected, rtol=1e-12, atol=1e-15)  # sums of O(1) terms
    torch.testing.assert_close(state[0], W, rtol=0, atol=0)


def test_momentum_is_the_average_from_zero():
    signal, beta = ib.Momentum(0.7, ib.Minibatch(4)), 0.7
    first, state = emit(signal)
    g0 = PROBLEM.gradient(W, ROWS).plain()
    torch.testing.assert_close(first.plain(), (1 - beta) * g0, rtol=1e-12, atol=0)
    second, _ = emit(signal, w=2 * W, state=state)
    g1 = PROBLEM.gradient(2 * W, ROWS).plain()
    torch.testing.assert_close(
        second.plain(), beta * (1 - beta) * g0 + (1 - beta) * g1, rtol=1e-12, atol=1e-16
    )


def test_momentum_weighs_batches_by_their_true_scale():
    """A batch with a margin of 1000 must not count beside one that is misclassified, and must count
    alone."""
    far = torch.stack([1e4 * W[0], 1e4 * W[0]])
    signal = ib.Momentum(0.5, ib.Minibatch(4))
    first, state = emit(signal, w=far)
    second, _ = emit(signal, w=W, state=state)
    gap = second.log_scale - PROBLEM.gradient(W, ROWS).log_scale
    assert gap.isfinite().all() and first.log_scale.isfinite().all()


@pytest.mark.parametrize(
    "signal, expected",
    [
        (ib.FullBatch(), (12, 0, False)),
        (ib.Minibatch(4), (4, 0, False)),
        (ib.Momentum(0.9, ib.Minibatch(3)), (3, 0.9, False)),
        (ib.VarianceReduced(ib.Minibatch(2)), (2, 0, True)),
        (ib.Momentum(0.5, ib.VarianceReduced(ib.FullBatch())), (12, 0.5, True)),
        (ib.Momentum(0.5, ib.Momentum(0.5, ib.FullBatch())), None),
        (ib.Minibatch(5, ragged=True), None),
    ],
)
def test_recipes(signal, expected):
    assert recipe(signal, 12) == expected


def test_a_batch_size_that_does_not_divide_names_its_neighbours():
    with pytest.raises(ValueError, match="nearest divisors are 4 and 6"):
        ib.Minibatch(5).batch_size(12)
    assert ib.Minibatch(5, ragged=True).batch_size(12) == 5
    with pytest.raises(ValueError, match="at most 12"):
        ib.Minibatch(13).batch_size(12)


@pytest.mark.parametrize("b", [0, -1, 2.5, True, None, "3", float("nan"), float("inf")])
def test_batch_sizes_are_positive_integers(b):
    with pytest.raises(ValueError, match=">= 1"):
        ib.Minibatch(b)


@pytest.mark.parametrize("beta", [1, -0.1, 1.5, float("nan"), "0.9", None])
def test_momentum_lies_in_its_interval(beta):
    with pytest.raises(ValueError, match=r"\[0, 1\)"):
        ib.Momentum(beta, ib.FullBatch())


def test_wrapping_in_the_wrong_order_says_the_right_one():
    with pytest.raises(TypeError, match=r"Momentum\(beta, VarianceReduced"):
        ib.VarianceReduced(ib.Momentum(0.9, ib.Minibatch(3)))
    with pytest.raises(TypeError, match="averages a signal"):
        ib.Momentum(0.9, 3)


def test_signals_are_values():
    assert ib.Momentum(0.9, ib.Minibatch(3)) == ib.Momentum(0.9, ib.Minibatch(3))
    assert len({ib.FullBatch(), ib.FullBatch(), ib.Minibatch(3)}) == 2


@pytest.mark.parametrize(
    "wrong", [("a",), (None,), (0.1, "b"), (0.1, float("nan")), (float("inf"),)]
)
def test_schedules_take_numbers(wrong):
    with pytest.raises(ValueError, match="Power"):
        ib.Power(*wrong)
