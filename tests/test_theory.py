"""Constants, recursion, replay and rates: against hand computation, definitions by loops, and the
engines."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from ibias_book.batches import batch_rows
from ibias_book.exponents import fit_exponent
from ibias_book.steepest import theory
from ibias_book.steepest.statements import statement
from ibias_book.steepest.statements.trajectories import path
from ibias_book.steepest.statements.version_two import largest_min_margin
from ibias_book.steepest.theory import constants, skewed

import ibias as ib

DATA = ib.data.gaussian(classes=3, per_class=2, dim=8, variance=0.1, seed=1)
momenta = st.floats(0, 0.999)
counts = st.integers(1, 300)


@settings(derandomize=True)
@given(momenta, counts)
def test_sampling_error_lies_below_both_simpler_bounds(beta, m):
    n = constants.sampling_error(beta, m)
    # rounding of 1 - beta^m near beta = 1
    assert -1e-9 <= n <= 2 * (m - 1) * (1 - beta) + 1e-9
    assert n <= constants.sampling_error_paper(beta, m) + 1e-9


def test_sampling_error_ends():
    assert [constants.sampling_error(0.0, m) for m in (1, 2, 7)] == [0, 1, 6]
    np.testing.assert_allclose(constants.sampling_error([0.3, 0.99], 1), 0, atol=1e-14)
    # near beta = 1 it is 3/2 (m-1)(1-beta); the next term is smaller by m (1-beta) = 1e-5
    np.testing.assert_allclose(constants.sampling_error(1 - 1e-6, 10) / (1.5 * 9e-6), 1, atol=1e-4)


@pytest.mark.parametrize(
    ("m", "least"), [(2, 0.641), (3, 0.830), (5, 0.917), (10, 0.964), (50, 0.9934)]
)
def test_least_momentum_in_the_best_case(m, least):
    found = theory.least_momentum(2.0, 1.0, m)
    assert found == pytest.approx(least, abs=1e-3)  # the table rounds up to three or four digits
    assert (
        theory.effective_margin(2.0, 1.0, m, found + 1e-6)
        > 0
        > theory.effective_margin(2.0, 1.0, m, found - 1e-6)
    )
    assert theory.least_momentum(2.0, 1.0, m, form="paper") > found


@settings(derandomize=True)
@given(st.floats(0.01, 2.0), st.integers(2, 1000))
def test_large_batch_condition_is_never_met(share, m):
    assert theory.effective_margin(share, 1.0, m) < 0
    assert theory.least_batch_size(share, 1.0, 3 * m) >= 2 * m * (1 - 1e-12)


def test_effective_margin_forms():
    assert theory.effective_margin(2.0, 1.0, 5, 0.9, variance_reduction=True) == 2.0
    assert theory.effective_margin(2.0, 1.0, 2, 0.95, form="paper") == pytest.approx(
        2 - 2 * 0.05 * 6
    )
    with pytest.raises(ValueError, match=r"paper.*sharper"):
        theory.effective_margin(2.0, 1.0, 2, form="other")
    with pytest.raises(ValueError, match=r"\[0, 1\)"):
        theory.effective_margin(2.0, 1.0, 2, 1.0)


@pytest.mark.parametrize("lag", [0, 1, 4])
@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9])
def test_phi_is_the_double_sum_of_its_definition(beta, lag):
    eta, c = 0.2 * (np.arange(25) + 1.0) ** -0.5, 1.3
    for t, found in enumerate(theory.phi(eta, beta, c, lag)):
        window = [
            sum(eta[t - s] for s in range(1, tau + lag + 1) if t - s >= 0) for tau in range(t + 1)
        ]
        assert found == pytest.approx(
            sum(beta**tau * (np.exp(c * w) - 1) for tau, w in enumerate(window)),
            rel=1e-12,
            abs=1e-14,
        )


def test_recursion_refuses_impossible_margins():
    with pytest.raises(ValueError, match="Lemma V"):
        theory.Recursion(2.5, 1.0, 2, 0.1, 0.5)
    with pytest.raises(ValueError, match="beta"):
        theory.Recursion(1.0, 1.0, 2, 0.1, 0.5, beta=1.0)


def test_recursion_by_hand():
    r = theory.Recursion(2.0, 1.0, 3, 0.1, 0.5, variance_reduction=True)
    assert r.rho == 2.0
    assert r.alpha == pytest.approx(2 * np.exp(0.2) + 2**4.5 * 4)
    assert theory.Recursion(2.0, 1.0, 3, 0.1, 0.5).settled_from is None
    late = np.arange(r.settled_from, r.settled_from + 50)
    assert (r.alpha * r.step_sizes(late[-1] + 1)[late] <= r.rho / 2 + 1e-12).all()
    assert r.drift_sum(10) == 0


def test_drift_sum_bounds_the_sum():
    r = theory.Recursion(2.0, 1.0, 2, 0.1, 0.5, beta=0.9)
    t = np.arange(20, 400)
    assert (
        (r.nu(t) * r.step_sizes(400)[t]).sum()
        <= r.drift_sum(20)
        <= 1.5 * (r.nu(t) * r.step_sizes(400)[t]).sum()
    )


@pytest.mark.parametrize("beta", [0.0, 0.8])
@pytest.mark.parametrize("reduced", [False, True])
def test_replayed_signals_drive_the_engine(beta, reduced):
    signal = ib.VarianceReduced(ib.Minibatch(2)) if reduced else ib.Minibatch(2)
    method = ib.SteepestDescent(
        ib.FROBENIUS, ib.Momentum(beta, signal) if beta else signal, ib.Power(0.1)
    )
    weights = path(DATA, method, 40, seed=3)
    run = theory.replay(
        ib.Problem(DATA),
        weights,
        batch_rows(DATA.n, 2, 3, 40),
        beta=beta,
        variance_reduction=reduced,
    )
    steps = ib.FROBENIUS.steepest(run.signal).numpy() * ib.Power(0.1).steps(40)[:, None, None]
    np.testing.assert_allclose(
        weights[:-1] - steps, weights[1:], atol=1e-12
    )  # two orders of summation


def test_replay_of_the_wrong_batches_does_not():
    method = ib.SteepestDescent(ib.FROBENIUS, ib.Minibatch(2), ib.Power(0.1))
    weights = path(DATA, method, 40, seed=3)
    run = theory.replay(ib.Problem(DATA), weights, batch_rows(DATA.n, 2, 4, 40))
    steps = ib.FROBENIUS.steepest(run.signal).numpy() * ib.Power(0.1).steps(40)[:, None, None]
    assert np.abs(weights[:-1] - steps - weights[1:]).max() > 1e-3


def test_replay_refuses_missing_steps():
    with pytest.raises(ValueError, match="weights at all 5 points of 4 steps"):
        theory.replay(ib.Problem(DATA), np.zeros((4, 3, 8)), batch_rows(DATA.n, 2, 0, 4))


@pytest.mark.parametrize(
    ("a", "power", "log"), [(0.25, 0.25, 0), (0.5, 0.5, 1), (0.75, 0.25, 0), (1.0, 0.0, -1)]
)
def test_rates_have_the_stated_exponents(a, power, log):
    assert theory.exponent(a) == power
    t = np.geomspace(1e16, 1e20, 20)  # far enough out that the n-term has died
    slope, _ = fit_exponent(t, theory.gap_rate(t, a, 10) / np.log(t) ** log)
    assert slope == pytest.approx(-power, abs=0.01)


def test_fitted_slope_of_a_power_is_exact():
    slope, error = fit_exponent([1, 2, 4, 8], [3.0, 1.5, 0.75, 0.375])
    assert slope == pytest.approx(-1) and error == pytest.approx(0, abs=1e-12)
    with pytest.raises(ValueError, match="at least 3 points"):
        fit_exponent([1, 2], [1, 2])


def test_scale_skewed_closed_forms_refuse_other_data():
    with pytest.raises(ValueError, match="scale_skewed"):
        skewed.scales(DATA.x, DATA.y)


def test_thin_svd_would_break_h_1():
    """Without the rank cut a one-sample step would not be the normalised gradient."""
    g = torch.as_tensor(np.outer([1.0, -0.5, -0.5], [1.0, 2.0, 3.0, 4.0]))
    u, _, vh = torch.linalg.svd(g, full_matrices=False)
    assert (u @ vh - ib.FROBENIUS.steepest(g)).abs().max() > 0.1
    torch.testing.assert_close(
        ib.SPECTRAL.steepest(g), ib.FROBENIUS.steepest(g), atol=1e-12, rtol=0
    )


def test_unknown_statement_is_named():
    with pytest.raises(ValueError, match=r"C.99.*C.1"):
        statement("C.99")


def test_x_1_margin_is_never_positive():
    """A hundred shuffles, every one of 100 000 steps."""
    top = largest_min_margin("X.1", seeds=range(100), steps=100_000)
    assert (top <= 1e-9).all()  # rounding of sums of 100 000 steps of 0.1 and less


def test_the_running_sum_of_x_1_agrees_with_the_engine():
    data, method = (
        ib.data.counterexample("X.3"),
        ib.SteepestDescent(ib.MAX, ib.Minibatch(1), ib.Power(0.1)),
    )
    for seed in (0, 1):
        q = ib.Problem(data).min_margin(torch.as_tensor(path(data, method, 500, seed)[1:])).numpy()
        assert largest_min_margin("X.3", seeds=[seed], steps=500).item() == pytest.approx(
            q.max(), abs=1e-12
        )
    # with momentum the data of X.1 are classified: the margin can be positive
    repaired = ib.SteepestDescent(ib.MAX, ib.Momentum(0.99, ib.Minibatch(1)), ib.Power(0.1))
    data = ib.data.counterexample("X.1")
    assert ib.Problem(data).min_margin(torch.as_tensor(path(data, repaired, 2000)[-1])) > 0


def test_rates_by_hand():
    log, rate = np.log(100), lambda a, d: theory.gap_rate(100, a, 10, d)
    assert rate(0.25, 3) == pytest.approx((3 * 100**0.5 + 10 * 27) / 100**0.75)
    assert rate(0.5, 3) == pytest.approx((3 * log + 10 * 3) / 10)
    assert rate(0.75, 3) == pytest.approx((3 + 10 * 3 ** (1 / 3)) / 100**0.25)
    assert rate(1, 3) == pytest.approx((3 + 10 * np.log(3)) / log) and rate(1, 1) == pytest.approx(
        11 / log
    )


def test_the_error_of_a_slope_is_that_of_least_squares():
    linregress = pytest.importorskip("scipy.stats").linregress
    t, gap = np.arange(1.0, 9), 1 / np.arange(1.0, 9) + 0.1
    wanted = linregress(np.log(t), np.log(gap))
    assert fit_exponent(t, gap) == pytest.approx((wanted.slope, wanted.stderr), rel=1e-9)


def test_bounds_at_their_first_step_by_hand():
    r = theory.Recursion(2.0, 1.0, 2, 0.1, 0.5, beta=0.9)
    eta = 0.1 / np.sqrt(np.arange(8) + 1)
    assert r.nu(np.array([0, 1])) == pytest.approx([4 * 0.9, 4 * 0.81])
    assert r.ratio_floor(7, 9)[0] == pytest.approx(1 - np.log(2) / 2)
    top = (
        r.rho * (3 + eta[:7].sum())
        + r.rho * np.log(2) / 2 * eta[7]
        + r.alpha * eta[7] ** 2
        + r.drift_sum(7)
    )
    assert r.gap_bound(7, 8, start_norm=3) == pytest.approx([top / (3 + eta.sum())])


def test_where_the_recursion_settles_both_parts_have_their_share():
    r = theory.Recursion(2.0, 1.0, 2, 0.1, 0.5, beta=0.9)
    assert (
        r.alpha * 0.1 * (r.settled_from + 1) ** -0.5 <= r.rho / 4 * (1 + 1e-12)
        and r.nu(r.settled_from) <= r.rho / 4
    )
    assert (
        theory.Recursion(2.0, 1.0, 3, 0.1, 0.5, variance_reduction=True).valid_from == 6
    )  # two epochs of three
