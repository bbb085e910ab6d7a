"""Every closed form of the theory against numbers by hand, exact fractions or its definition as a
loop.

A tolerance of 1e-12 is rounding of a few dozen operations throughout; hand values are quoted to the
digits that their tolerance asks for.
"""

from fractions import Fraction
from math import e, exp, log, sqrt

import numpy as np
import pytest
from ibias_book.steepest import theory
from ibias_book.steepest.theory import constants, skewed

import ibias as ib

close = {"rel": 1e-12, "abs": 1e-14}
METHODS = {
    "plain": {},
    "momentum": {"beta": 0.8},
    "paper": {"beta": 0.8, "form": "paper"},
    "VR": {"variance_reduction": True},
    "VR+momentum": {"beta": 0.8, "variance_reduction": True},
}


def recursion(method, **changes):
    values = {"margin": 1.5, "radius": 0.75, "batches": 3, "eta0": 0.2, "a": 0.6}
    return theory.Recursion(**(values | METHODS[method] | changes))


# --- constants ---------------------------------------------------------------------------------


@pytest.mark.parametrize("m", [1, 2, 3, 7])
@pytest.mark.parametrize("beta", [Fraction(0), Fraction(1, 2), Fraction(9, 10)])
def test_sampling_error_is_the_worst_placement_of_one_sample(beta, m):
    """A sample sits in one batch of every epoch; its weight is largest in the newest of each."""
    past = beta**m / (1 - beta**m) if beta else Fraction(0)  # the epochs before the last whole one
    worst = max(
        # j batches of the running epoch are done; ages 0, then j, j + m, j + 2m, ...
        (1 - beta) * m * (1 + (beta**j if j else 0) * (1 + past)) - 1
        for j in range(1, m + 1)
    )
    assert constants.sampling_error(float(beta), m) == pytest.approx(float(worst), **close)
    # an array of momenta goes another way round than one momentum of zero
    both = constants.sampling_error(np.array([0.0, float(beta)]), m)
    assert both[1] == pytest.approx(float(worst), **close)
    assert constants.sampling_error_paper(float(beta), m) == pytest.approx(
        float((1 - beta) * m * (m**2 - 1) / 2), **close
    )


def test_margins_and_batches_by_hand():
    assert theory.margin_ceiling(1.25) == 2.5
    x = np.array([[3.0, -4.0], [1.0, 1.0]])
    # rows (x, -x): the dual of the max norm adds all entries, of Frobenius takes sqrt(2) |x|, of
    # the sum norm the largest entry; the second sample is the smaller one
    for norm, ceiling in ((ib.MAX, 4.0), (ib.FROBENIUS, 2.0), (ib.SUM, 1.0)):
        assert theory.finer_margin_ceiling(norm, x) == pytest.approx(ceiling, **close)
    assert theory.least_batch_size(1.0, 2.0, 30) == pytest.approx(80 / 3, **close)
    assert theory.curvature(2.0, 0.1) == pytest.approx(8 * exp(0.4), **close)
    np.testing.assert_allclose(theory.drift(2.0, 0.5, [0, 3]), [4, 0.5], rtol=1e-12)


def test_effective_margins_by_hand():
    margin = {"margin": 1.5, "radius": 0.5, "batches": 3}
    n = 0.3 * (1 + 0.9 / 0.271) - 1  # N(0.9, 3)
    assert theory.effective_margin(**margin, beta=0.9) == pytest.approx(1.5 - 2 * n, **close)
    assert theory.effective_margin(**margin) == pytest.approx(1.5 - 4, **close)
    paper = {"form": "paper"}
    assert theory.effective_margin(**margin, beta=0.9, **paper) == pytest.approx(-0.9, **close)
    assert theory.effective_margin(**margin, beta=0.0, **paper) == pytest.approx(-2.5, **close)
    for form in ("paper", "sharper"):
        reduced = theory.effective_margin(**margin, beta=0.9, variance_reduction=True, form=form)
        assert reduced == 1.5


def test_least_momenta_by_hand():
    assert theory.least_momentum(2.0, 1.0, 1) == theory.least_momentum(2.0, 1.0, 1, form="paper")
    assert theory.least_momentum(2.0, 1.0, 1) == 0
    assert theory.least_momentum(2.0, 1.0, 2, form="paper") == pytest.approx(5 / 6, **close)
    # m = 2: 2 (1 - b)(1 + b / (1 - b^2)) - 1 = 1/2 is 2 b^2 - b/2 - 1/2 = 0
    assert theory.least_momentum(2.0, 1.0, 2) == pytest.approx((0.5 + sqrt(4.25)) / 4, **close)
    # only gamma / R counts
    assert theory.least_momentum(1.0, 0.5, 2) == theory.least_momentum(2.0, 1.0, 2)
    assert theory.least_momentum(1.0, 0.5, 2, form="paper") == pytest.approx(5 / 6, **close)
    # a small enough N needs none, and no beta is below zero
    assert theory.least_momentum(40.0, 1.0, 2, form="paper") == 0
    assert theory.least_momentum(40.0, 1.0, 2) == pytest.approx(0, abs=1e-12)


def test_averaging_constants_by_hand():
    assert theory.averaging_constant(0.5, 2.0, 0.5) == pytest.approx(32 * sqrt(2) + 2, **close)
    lagged = sqrt(2) * 2 * e * (16 + 12) + 2
    assert theory.averaging_constant(0.5, 2.0, 0.5, 3) == pytest.approx(lagged, **close)
    one = sqrt(2) * 2 * e * (16 + 4) + 2
    assert theory.averaging_constant(0.5, 2.0, 0.5, 1) == pytest.approx(one, **close)
    assert theory.averaging_constant(0.75, 3.0, 1.0) == pytest.approx(6 * 64 + 4, **close)


@pytest.mark.parametrize(
    ("arguments", "start"),
    [
        # 1 + 8/ln 2 (1/2 ln(4/ln 2) - 1/2 + ln 10) = 31.92, the power
        ((0.5, 2, 0.1, 0.5, 0), 32),
        # 8 lag
        ((0.5, 2, 0.1, 0.5, 8), 64),
        ((0.0, 2, 0.1, 0.5, 8), 64),
        # (sqrt(2) 2 2.5 10)^2, the window
        ((0.1, 2, 2.5, 0.5, 10), 5000),
        ((0.0, 2, 2.5, 0.5, 10), 5000),
        ((0.0, 2, 2.5, 0.5, 0), 0),
        # (8 2 / (1/2 ln(10/9)))^2 = 92245.3, the growth below a = 1
        ((0.9, 2, 1, 0.5, 0), 92246),
        # 32/ln(10/9) ln(32/ln(10/9)) = 1736.09, the growth at a = 1
        ((0.9, 2, 1, 1, 0), 1737),
        # 144/ln 10 ln(144/ln 10) = 258.65, the same
        ((0.1, 3, 3, 1, 1), 259),
        ((0.5, 2, 0.1, 0.5), 32),
    ],
    ids=str,
)
def test_each_condition_on_the_start_of_an_average_by_hand(arguments, start):
    # rounding before the ceiling may pass an integer that is attained
    assert theory.averaging_start(*arguments) in ({start, start + 1} if start == 5000 else {start})


# --- rates -------------------------------------------------------------------------------------


def test_slowing_constants_by_hand():
    assert theory.scale() == theory.scale(5) == 1
    assert theory.scale(5, 0.9) == pytest.approx(50, **close)
    assert theory.scale(5, variance_reduction=True) == 25
    assert theory.scale(5, 0.9, variance_reduction=True) == pytest.approx(75, **close)


@pytest.mark.parametrize("a", [0.0, -0.5, 1.01])
def test_other_powers_are_refused(a):
    for ask in (theory.exponent, lambda a: theory.gap_rate(10, a, 4)):
        with pytest.raises(ValueError, match=r"lie in \(0, 1\]"):
            ask(a)


# --- the recursion -----------------------------------------------------------------------------


def steps_of(r, count):
    return [r.eta0 * (t + 1) ** -r.a for t in range(count)]


def phi(r, t, lag):
    """Phi_t(beta, 2R, lag) from its definition."""
    eta = steps_of(r, t)
    total = 0.0
    for tau in range(t + 1):
        window = sum(eta[t - s] for s in range(1, tau + lag + 1) if t - s >= 0)
        total += r.beta**tau * (exp(2 * r.radius * window) - 1)
    return total


def error(method, r, t):
    """eps_t: twice the deviation of the signal in units of G, term by term (D.1, E.1, F.1, G.1)."""
    m, radius, beta = r.batches, r.radius, r.beta
    zero_start = 4 * radius * beta ** (t + 1) if beta else 0
    if method == "plain":
        return 4 * (m - 1) * radius
    if method == "VR":
        age = sum(steps_of(r, t)[t - t % m : t])
        return 4 * (m - 1) * radius * (exp(2 * radius * age) - 1)
    if method == "VR+momentum":
        estimator, stale = (m - 1) * phi(r, t, m - 1), phi(r, t, 0)
        return 4 * radius * (1 - beta) * (estimator + stale) + zero_start
    n = m * (1 - beta) * (1 + beta / (1 - beta**m)) - 1  # N(beta, m)
    n = (1 - beta) * m * (m**2 - 1) / 2 if method == "paper" else n
    return 4 * radius * (m * (1 - beta) * phi(r, t, 0) + n) + zero_start


@pytest.mark.parametrize("method", METHODS)
def test_a_priori_errors_term_by_term(method):
    r = recursion(method)
    np.testing.assert_allclose(r.step_sizes(9), steps_of(r, 9), rtol=1e-12)
    np.testing.assert_allclose(r.error(9), [error(method, r, t) for t in range(9)], rtol=1e-11)


def test_effective_margins_of_the_methods_by_hand():
    n = 0.6 * (1 + 0.8 / 0.488) - 1  # N(0.8, 3)
    rho = {"plain": 1.5 - 6, "momentum": 1.5 - 3 * n, "paper": 1.5 - 3 * 2.4, "VR": 1.5}
    for method, value in (rho | {"VR+momentum": 1.5}).items():
        assert recursion(method).rho == pytest.approx(value, **close)


def test_curvature_and_staleness_by_hand():
    """alpha; beta = 0.8, R = 3/4, m = 3, a = 0.6, eta_0 = 0.2, so 2R = 1.5 and 1 - beta = 0.2."""
    curvature = 2 * 0.75**2 * exp(0.3)
    constant = 2**0.6 * 1.5 * 100 + 5
    lagged = 2**0.6 * 1.5 * e * (100 + 20) + 5  # m - 1 = 2 steps behind
    alpha = {
        "plain": curvature,
        "momentum": curvature + 3 * 0.6 * constant,
        "paper": curvature + 3 * 0.6 * constant,
        "VR": curvature + 2**4.6 * 0.75**2 * 4,
        "VR+momentum": curvature + 0.6 * constant + 1.2 * lagged,
    }
    for method, value in alpha.items():
        assert recursion(method).alpha == pytest.approx(value, **close)


def test_the_constants_hold_from_their_start():
    r = {method: recursion(method) for method in METHODS}
    assert r["plain"].valid_from == 0
    start = theory.averaging_start(0.8, 1.5, 0.2, 0.6)
    assert r["momentum"].valid_from == r["paper"].valid_from == start
    behind = recursion("VR+momentum", batches=90)
    assert behind.valid_from == 8 * 89 > start
    assert r["VR+momentum"].valid_from == start > 8 * 2
    # two epochs, or one epoch after 2 R m eta_t has fallen below 1: 3 eta_0^(5/3) - 1 more steps
    assert r["VR"].valid_from == 6
    long = recursion("VR", eta0=20.0)
    # 2 R m eta_0 = 90, and 90^(1/0.6) - 1 = 1806.2
    assert long.valid_from == 3 + 1807
    assert recursion("VR", batches=1).valid_from == 0


@pytest.mark.parametrize(
    ("method", "changes"),
    [
        ("plain", {"batches": 1, "eta0": 2.0}),
        ("VR", {}),
        ("momentum", {"margin": 1.5, "beta": 0.95, "eta0": 0.002, "a": 0.9}),
        ("momentum", {"margin": 1.5, "beta": 0.95, "eta0": 0.1, "a": 0.9}),
        ("VR+momentum", {"eta0": 0.002, "a": 0.9}),
        ("VR+momentum", {"eta0": 1e-9, "beta": 0.99, "margin": 1e-3}),
    ],
    ids=str,
)
def test_settled_is_the_first_step_at_which_both_costs_are_small(method, changes):
    r = recursion(method, **changes)
    share = 4 if r.beta else 2  # with momentum, curvature and drift have half of rho / 2 each
    t = np.arange(0, 5_000_000 if r.eta0 > 1e-3 else 10_000)
    small = r.alpha * r.eta0 * (t + 1.0) ** -r.a <= r.rho / share * (1 + 1e-12)
    if r.beta:
        small &= 4 * r.radius * r.beta ** (t + 1) <= r.rho / 4 * (1 + 1e-12)
    assert r.settled_from == max(r.valid_from, int(np.argmax(small))) and small.any()


def test_step_sizes_to_be_spent_by_hand():
    r = recursion("VR", a=1.0)
    assert r.step_sum(2, 5) == pytest.approx(0.2 * (1 / 3 + 1 / 4 + 1 / 5), **close)
    early = 0.2 * sum(1 / (t + 1) for t in range(r.settled_from))
    # 4 n / (rho log 2) (L_0 + 2 R sum eta)
    spent = 4 * 6 / (1.5 * log(2)) * (0.9 + 1.5 * early)
    assert r.spend(6, 0.9) == pytest.approx(spent, rel=1e-11)  # a sum of some hundred steps


def test_drift_by_hand():
    r = recursion("momentum")
    np.testing.assert_allclose(r.nu(np.array([0, 2])), [3 * 0.8, 3 * 0.512], rtol=1e-12)
    assert r.drift_sum(2) == pytest.approx(3 * 0.2 * 3**-0.6 * 0.512 / 0.2, **close)
    assert recursion("VR").drift_sum(2) == 0
    assert not recursion("VR").nu(np.arange(3)).any() and recursion("VR").nu(np.arange(3)).size == 3


@pytest.mark.parametrize("method", METHODS)
def test_floors_and_gap_as_running_sums(method):
    r, ratio, first, last = recursion(method), [0.7, 0.8, 0.85, 0.95], 2, 6
    eta, drift = steps_of(r, last), r.drift_sum(first)
    floors, ratios, gaps = [-drift], [], []
    gain = paid = weighted = 0.0
    for s, share in zip(range(first, last), ratio, strict=True):
        decay = exp(-r.rho / 4 * sum(eta[first:s]))
        ratios.append(1 - log(2) / 2 * decay)
        gain, paid = gain + r.rho * eta[s] * share, paid + r.alpha * eta[s] ** 2
        weighted += r.rho * log(2) / 2 * eta[s] * decay
        floors.append(gain - paid - drift)
        early = r.rho * (0.3 + sum(eta[:first]))
        gaps.append((early + weighted + paid + drift) / (0.3 + sum(eta[: s + 1])))
    np.testing.assert_allclose(r.margin_floor(first, np.array(ratio)), floors, rtol=1e-11)
    np.testing.assert_allclose(r.ratio_floor(first, last), ratios, rtol=1e-12)
    np.testing.assert_allclose(r.gap_bound(first, last, start_norm=0.3), gaps, rtol=1e-12)
    # from the origin, as every run here: the first step alone
    early = r.rho * (sum(eta[:first]) + log(2) / 2 * eta[first])
    top = early + r.alpha * eta[first] ** 2 + drift
    one = top / sum(eta[: first + 1])
    assert r.gap_bound(first, last)[0] == pytest.approx(one, **close)


def test_measured_floor_as_a_running_sum():
    eta, ratio, measured = [0.3, 0.2, 0.1], [0.7, 0.8, 0.9], [0.5, 0.0, 1.0]
    floor, total = [0.0], 0.0
    for h, g, eps in zip(eta, ratio, measured, strict=True):
        total += h * (1.5 - eps) * g - 2 * 0.5**2 * exp(2 * 0.5 * h) * h**2 * g
        floor.append(total)
    found = theory.measured_margin_floor(eta, np.array(ratio), measured, 1.5, 0.5)
    np.testing.assert_allclose(found, floor, rtol=1e-12)


@pytest.mark.parametrize(
    "wrong",
    [{"margin": 0.0}, {"radius": -1.0}, {"eta0": 0.0}, {"a": 0.0}, {"a": 1.1}, {"beta": -0.1}],
    ids=str,
)
def test_recursions_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match="Recursion needs"):
        recursion("momentum", **wrong)


# --- scale-skewed data -------------------------------------------------------------------------

LABELS = np.array([0, 1, 1, 2])
SCALES = np.array([3.0, 2.0, 4.0, 1.0])
POINTS = SCALES[:, None] * np.eye(3)[LABELS]


def test_scales_are_read_off_the_points():
    np.testing.assert_array_equal(skewed.scales(POINTS, LABELS), SCALES)
    for wrong in (-POINTS, POINTS + 0.1, POINTS * (SCALES[:, None] > 1), POINTS[:, :2]):
        with pytest.raises(ValueError, match="scale_skewed"):
            skewed.scales(wrong, LABELS)


def test_steps_and_bias_matrices_by_hand():
    np.testing.assert_array_equal(skewed.sign_step(1, 3), [[0, -1, 0], [0, 1, 0], [0, -1, 0]])
    unit = np.array([-1, 2, -1]) / sqrt(6)
    np.testing.assert_allclose(skewed.normalized_step(1, 3)[:, 1], unit, rtol=1e-12)
    assert not skewed.normalized_step(1, 3)[:, [0, 2]].any()
    sign = np.array([[1, -2, -1], [-1, 2, -1], [-1, -2, 1]]) / 4
    np.testing.assert_allclose(skewed.sign_bias(LABELS, 3), sign, rtol=1e-12)
    normalized = np.array([[2, -2, -1], [-1, 4, -1], [-1, -2, 2]]) / 4 / sqrt(6)
    np.testing.assert_allclose(skewed.normalized_bias(LABELS, 3), normalized, rtol=1e-12)


def test_margins_of_scale_skewed_data_by_hand():
    spent = np.array([[0.5, 1.0, 2.0], [1.0, 1.0, 1.0]])
    sign = skewed.sample_margins(SCALES, LABELS, spent, family="sign")
    np.testing.assert_allclose(sign, [[3, 4, 8, 4], [6, 4, 8, 2]], rtol=1e-12)
    normalized = skewed.sample_margins(SCALES, LABELS, spent, family="normalized")
    np.testing.assert_allclose(normalized, sign / 2 * sqrt(1.5), rtol=1e-12)
    assert skewed.max_norm_margin(SCALES) == 2 and skewed.max_norm_margin(3 * SCALES) == 6
    # smallest scales 3, 2, 1: sqrt(3/2) / sqrt(1/9 + 1/4 + 1)
    assert skewed.frobenius_margin(SCALES, LABELS) == pytest.approx(
        sqrt(1.5) / sqrt(49 / 36), **close
    )
    columns = np.array([[2, -1, -1], [-1, 2, -1], [-1, -1, 2]]) / 3 / np.array([3, 2, 1])
    # columns of length sqrt(2/3) / s
    np.testing.assert_allclose(
        skewed.frobenius_solution(SCALES, LABELS), columns / sqrt(2 / 3 * 49 / 36), rtol=1e-12
    )


def test_distances_to_the_bias_by_hand():
    assert skewed.position_bound(5, step_norm=1.5, eta0=0.1) == pytest.approx(0.6, **close)
    bias = np.array([[3.0, 0.0], [0.0, 4.0]])
    bound = skewed.direction_bound([0.5, 2.0], 5, bias, step_norm=1.5, eta0=0.1)
    # 2 4 1.5 0.1 / (5 S 5)
    np.testing.assert_allclose(bound, [1.2 / 12.5, 1.2 / 50], rtol=1e-12)


def test_the_horizon_of_the_sums_drops_nothing_that_counts():
    """Of 3000 steps with beta = 0.9 a few hundred terms are added up: the same as all."""
    eta = 0.05 * (np.arange(3000) + 1.0) ** -0.5
    found = theory.phi(eta, 0.9, 2.0, 1)
    t, tau = 2999, np.arange(3000)
    sums = np.r_[0.0, np.cumsum(eta)]
    window = sums[t] - sums[np.maximum(t - tau - 1, 0)]
    terms = 0.9**tau * np.expm1(2.0 * window)
    assert found[t] == pytest.approx(terms.sum(), rel=1e-12)
    assert theory.phi([], 0.9, 2.0).size == 0
