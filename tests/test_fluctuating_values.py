"""Every closed form of the part on fluctuating landscapes against a number by hand, an enumeration
or another way of computing it. 1e-12 is rounding of a few dozen operations throughout."""

from itertools import permutations, product
from math import exp, log, log2, pi, sqrt
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from ibias_book import fluctuating as fl
from ibias_book.exponents import fit_exponent
from ibias_book.fluctuating import closure, modes, reshuffling, spectra
from ibias_book.fluctuating.circle import Circle, CircleLandscape
from ibias_book.fluctuating.statistics import NoiseStatistics, batch_factor
from ibias_book.fluctuating.studies import modes as mode_studies
from ibias_book.fluctuating.studies import schemes

close = {"rel": 1e-12, "abs": 1e-15}
OFFSETS, SLOPES = np.array([1.0, -2.0, 0.5, 0.5]), np.array([0.3, -0.4, 1.5, 0.2])


def every_path(offsets, slopes, eta, steps, start=0.0):
    """theta after every sequence of single batches, equally likely: (len^steps,)."""
    ends = []
    for order in product(range(len(offsets)), repeat=steps):
        theta = start
        for i in order:
            theta -= eta * (slopes[i] * theta + offsets[i])
        ends.append(theta)
    return np.array(ends)


# --- one mode ----------------------------------------------------------------------------------


def test_a_mode_by_hand():
    one = fl.Mode(2.0, 5.0, 3.0, 1.0)
    assert one.growth(0.1) == pytest.approx(0.8**2 + 0.01 * 3, **close)
    assert one.langevin_growth(0.1) == pytest.approx(exp(-0.4 + 0.03), **close)
    assert one.stationary_variance(0.1) == pytest.approx(0.5 / (4 - 0.1 * (4 + 3)), **close)


def test_moments_of_a_mode_over_every_path():
    landscape = fl.Landscape(OFFSETS, SLOPES)
    mean, variance = landscape.mode().mean_variance(0.2, 4, start=0.7)
    raw = fl.raw_moments(OFFSETS, SLOPES, 0.2, 4, start=0.7)
    for t in range(5):
        ends = every_path(OFFSETS, SLOPES, 0.2, t, 0.7)
        assert mean[t] == pytest.approx(ends.mean(), **close)
        assert variance[t] == pytest.approx(ends.var(), **close)
        np.testing.assert_allclose(raw[t], [np.mean(ends**j) for j in range(5)], rtol=1e-12)
        wanted = [ends.mean(), *(np.mean((ends - ends.mean()) ** j) for j in (2, 3, 4))]
        # differences of raw moments near one
        np.testing.assert_allclose(modes.central_moments(raw[t]), wanted, rtol=1e-11, atol=1e-14)


def test_batches_of_a_landscape_over_all_batches():
    from itertools import combinations

    batches = [list(rows) for rows in combinations(range(4), 2)]
    b, h = (np.array([v[rows].mean() for rows in batches]) for v in (OFFSETS, SLOPES))
    one = fl.Landscape(OFFSETS, SLOPES).mode(batch=2)
    found = [one.curvature, one.noise, one.fluctuation, one.covariance]
    wanted = [h.mean(), b.var(), h.var(), np.mean(b * (h - h.mean()))]
    np.testing.assert_allclose(found, wanted, rtol=1e-12)
    assert batch_factor(10, 4) == pytest.approx(6 / 36, **close)


def test_landscapes_have_the_moments_they_were_asked_for():
    wanted = fl.Mode(0.3, 2.0, 0.5, -0.6)
    four = fl.four_batches(wanted)
    assert set(np.round(four.slopes[:, 0] - 0.3, 12)) == {
        round(s, 12) for s in (-(0.5**0.5), 0.5**0.5)
    }
    many = fl.sampled_landscape(50, 0.3, 0.5, -0.6)
    for landscape, noise, k in ((four, 2.0, -0.6), (many, 1.0, -0.6 * sqrt(0.5))):
        found = landscape.mode()
        assert (found.curvature, found.noise) == (pytest.approx(0.3), pytest.approx(noise))
        assert (found.fluctuation, found.covariance) == (pytest.approx(0.5), pytest.approx(k))
    normal = fl.gaussian_batches(fl.Mode(0.3, 2.0, 0.5)).mode()
    assert (normal.noise, normal.fluctuation) == (pytest.approx(2), pytest.approx(0.5))
    # two columns of normal quantiles, shuffled: a correlation of size 1/sqrt(4096)
    assert abs(normal.covariance) < 0.06


def test_error_of_a_variance_by_hand():
    # Var of the sample variance: (m4 - v^2 (R - 3)/(R - 1)) / R
    assert modes.variance_error(2.0, 20.0, 5) == pytest.approx(sqrt((20 - 4 * 0.5) / 5), **close)
    gauss = modes.variance_error(1.5, 3 * 1.5**2, 101)
    assert gauss == pytest.approx(1.5 * sqrt(2 / 100), **close)


def test_tails_by_hand():
    assert modes.lyapunov([1.0, 3.0], 0.5) == pytest.approx(log(0.5), **close)
    # factors 2 and 1/4: x = 2^a solves x + 1/x^2 = 2, so x is the golden ratio
    assert modes.tail_index([-1.0, 0.75], 1.0) == pytest.approx(log2((1 + sqrt(5)) / 2), rel=1e-9)
    values = np.r_[np.full(20, exp(0.5)), np.ones(980)]
    assert modes.hill(values) == pytest.approx(2, **close)
    assert modes.hill(-values) == pytest.approx(2, **close)


def test_lyapunov_exponent_of_a_gaussian_curvature_at_one_point():
    # x = 1: E log|sqrt(y) z| = log(y)/2 - (gamma + log 2)/2; the quadrature is good to 1e-5
    wanted = log(3) / 2 - (np.euler_gamma + log(2)) / 2
    assert mode_studies.gaussian_lyapunov(1.0, 3.0) == pytest.approx(wanted, abs=1e-5)


def test_slopes_of_powers():
    x = np.array([1.0, 2.0, 4.0, 8.0])
    assert fit_exponent(x, 3 * x**1.7).value == pytest.approx(1.7, **close)
    # residuals +-d at slope zero: error = sqrt(4 d^2 / 2 / sum u^2) with u = (-1.5 .. 1.5) log 2
    up = np.exp([0.1, -0.1, -0.1, 0.1])
    assert fit_exponent(x, up).error == pytest.approx(sqrt(0.02 / (5 * log(2) ** 2)), **close)
    curve = fl.universal_curve([0.7], [0.3, 0.6, 1.0])[0]
    by_hand = fit_exponent([0.3, 0.6, 1.0], [1 - exp(-1.4 * s) for s in (0.3, 0.6, 1.0)]).value
    assert curve == pytest.approx(by_hand, **close)


# --- networks ----------------------------------------------------------------------------------


def statistics(gradient=0.4, slopes=SLOPES):
    """The landscape above as the statistics of a network with one parameter."""
    h = slopes - slopes.mean()
    return NoiseStatistics(
        n=4,
        curvature=np.array([slopes.mean()]),
        gradient=np.array([gradient]),
        noise=np.array([OFFSETS.var()]),
        coupling=np.array([[h.var()]]),
        diagonal=np.array([np.mean(h * OFFSETS)]),
        force=np.array([np.mean(h * OFFSETS)]),
        area=np.array(
            [[h.var() * OFFSETS.var()], [np.mean(h * OFFSETS) ** 2], [((h * OFFSETS) ** 2).sum()]]
        ),
    )


def test_the_finite_time_formula_over_every_path():
    found = closure.predict_variance(statistics(), 0.2, 1, [0, 1, 2, 3, 4])
    frozen = closure.predict_variance(statistics(), 0.2, 1, [4], fluctuating=False)
    for t in range(5):
        ends = every_path(OFFSETS + 0.4, SLOPES, 0.2, t)
        assert found["mean"].values[t, 0] == pytest.approx(ends.mean(), **close)
        assert found.variance.values[t, 0] == pytest.approx(ends.var(), **close)
    still = every_path(OFFSETS, np.full(4, SLOPES.mean()), 0.2, 4)
    assert frozen.variance.item() == pytest.approx(still.var(), **close)


def test_the_finite_time_formula_couples_modes_by_hand():
    two = SimpleNamespace(
        n=5, curvature=np.array([1.0, 2.0]), gradient=np.array([0.5, -1.0]), noise=np.array([3.0, 4.0]),
        coupling=np.array([[1.0, 2.0], [3.0, 4.0]]), diagonal=np.array([0.1, 0.2]),
    )  # fmt: skip
    found = closure.predict_variance(two, 0.1, 2, [2])
    f = 3 / 8  # (n - b) / ((n - 1) b)
    v, mu = 0.01 * f * np.array([3.0, 4.0]), np.array([-0.05, 0.1])
    noise = [3 + 0.2 * -0.05 + v[0] + mu[0] ** 2 + 2 * (v[1] + mu[1] ** 2),
             4 + 0.4 * 0.1 + 3 * (v[0] + mu[0] ** 2) + 4 * (v[1] + mu[1] ** 2)]  # fmt: skip
    wanted = np.array([0.81, 0.64]) * v + 0.01 * f * np.array(noise)
    np.testing.assert_allclose(found.variance.values[0], wanted, rtol=1e-12)
    np.testing.assert_allclose(found["mean"].values[0], [0.9 * -0.05 - 0.05, 0.8 * 0.1 + 0.1])


def test_the_stationary_formula_by_hand():
    one = SimpleNamespace(n=12, noise=np.array([2.0]), curvature=np.array([-4.0]))
    found = closure.stationary_variance(one, 0.1, 3)
    assert found[0] == pytest.approx(0.1 * (9 / 33 * 2) / 8, **close)


def test_the_reshuffled_formula_approaches_every_order():
    """Leading order: halving eta halves the relative distance to the enumeration of two epochs."""
    gaps = []
    for eta in (0.02, 0.01):
        found = closure.predict_reshuffled(statistics(0.0), eta, 1, [1, 2])
        one = []
        for order in permutations(range(4)):
            theta, slope = 0.0, 1.0
            for i in order:
                theta, slope = (
                    (1 - eta * SLOPES[i]) * theta - eta * OFFSETS[i],
                    slope * (1 - eta * SLOPES[i]),
                )
            one.append((theta, slope))
        one = np.array(one)
        assert np.ptp(one[:, 1]) < 1e-15  # a product does not know its order
        factor = one[0, 1]
        exact_v = one[:, 0].var() * np.array([1, 1 + factor**2])
        exact_m = one[:, 0].mean() * np.array([1, 1 + factor])
        gaps.append(
            [found.variance.values[:, 0] / exact_v - 1, found["mean"].values[:, 0] / exact_m - 1]
        )
    gaps = np.abs(np.array(gaps))
    assert (gaps[0] < 0.1).all()
    # second order would quarter it; 20 % is the next order's share at these step sizes
    np.testing.assert_allclose(gaps[0] / gaps[1], 2, rtol=0.2)


def test_geometric_sums():
    ratio = np.array([0.5, 1.0, 1.0 - 1e-12, -0.25])
    wanted = [sum(r**j for j in range(5)) for r in ratio]
    np.testing.assert_allclose(closure.geometric(ratio, 5), wanted, rtol=1e-10)


def test_entropic_drift_of_a_cubic_valley():
    """loss = theta^3/6: third derivative one, so the force is the variance itself."""
    cubic = SimpleNamespace(loss=lambda theta: (theta**3).sum() / 6)
    frame = SimpleNamespace(
        n=4, curvature=np.array([0.5]), vectors=np.eye(1), covariance=np.array([[2.0]])
    )
    found = closure.entropic_drift(cubic, torch.tensor([0.5]).double(), frame, 0.2, 2, 3, knots=60)
    f, q, mu, v = 1 / 3, 0.9, 0.0, 0.0
    for _ in range(3):
        mu, v = q * mu - 0.1 * v, q**2 * v + 0.04 * f * 2
    assert found[0] == pytest.approx(mu, **close)


def test_stationary_covariance_by_hand():
    found = spectra.stationary_covariance([[2.0, 0], [0, 1.0]], [[5.0, 1.0], [1.0, 3.0]], 0.1)
    wanted = 0.01 * np.array([[5 / (1 - 0.64), 1 / (1 - 0.72)], [1 / (1 - 0.72), 3 / (1 - 0.81)]])
    np.testing.assert_allclose(found, wanted, rtol=1e-12)
    basis = spectra.eigenbasis([[0.0, -1.0], [-1.0, 0.0]])
    np.testing.assert_allclose(basis.values, [-1, 1], rtol=1e-12)
    np.testing.assert_allclose(np.abs(basis.vectors), np.full((2, 2), sqrt(0.5)), rtol=1e-12)


# --- reshuffling -------------------------------------------------------------------------------


def orders_end(offsets, slopes, eta, epochs=1):
    """theta at the end of ``epochs`` of every order, all combinations."""
    ends = [0.0]
    for _ in range(epochs):
        ends = [
            _through(order, theta, offsets, slopes, eta)
            for theta in ends
            for order in permutations(range(len(offsets)))
        ]
    return np.array(ends)


def _through(order, theta, offsets, slopes, eta):
    for i in order:
        theta -= eta * (slopes[i] * theta + offsets[i])
    return theta


def test_epochs_over_every_order():
    c, flat, steep = OFFSETS.var(), np.zeros(4), np.full(4, 0.8)
    one = orders_end(OFFSETS, steep, 0.3).var()
    assert reshuffling.linear_epoch_variance(0.3, 0.8, c, 4) == pytest.approx(one, **close)
    assert reshuffling.confined_variance(0.3, 0.8, c, 4) == pytest.approx(
        one / (1 - 0.76**8), **close
    )
    half = np.array([-0.3 * OFFSETS[list(p)].sum() for p in permutations(range(4), 3)])
    assert reshuffling.bridge_variance(0.3, c, 4, 3) == pytest.approx(half.var(), **close)
    assert np.abs(orders_end(OFFSETS, flat, 0.3)).max() < 1e-15  # the zero sum of an epoch
    area = np.array(
        [reshuffling.epoch_area(SLOPES[list(p)], OFFSETS[list(p)]) for p in permutations(range(4))]
    )
    by_hand = [
        sum(SLOPES[p[i]] * OFFSETS[p[j]] for i in range(4) for j in range(i))
        for p in permutations(range(4))
    ]
    np.testing.assert_allclose(area, by_hand, rtol=1e-12)
    k = np.mean(OFFSETS * (SLOPES - SLOPES.mean()))
    wanted = reshuffling.partition_variance(4, SLOPES.mean(), c, SLOPES.var(), k)
    assert wanted == pytest.approx(np.var(by_hand), **close)
    h = SLOPES - SLOPES.mean()
    centred = np.var(
        [reshuffling.epoch_area(h[list(p)], OFFSETS[list(p)]) for p in permutations(range(4))]
    )
    assert reshuffling.sample_area_variance(h + 3, OFFSETS, 1) == pytest.approx(centred, **close)


def test_enumerated_paths_are_those_of_a_loop():
    found = reshuffling.enumerate_epoch(OFFSETS, SLOPES, 0.3)
    assert found.shape == (24, 5) and not found[:, 0].any()
    np.testing.assert_allclose(
        found[:, -1], orders_end(OFFSETS, SLOPES, 0.3), rtol=1e-12, atol=1e-15
    )


def test_curvature_under_reshuffling_is_that_of_an_epoch():
    # log of the mean factor of an epoch: sum log(1 - eta h) = -eta m l - eta^2 m (l^2 + s2)/2
    eta = 1e-3
    exact = -np.log1p(-eta * SLOPES).sum() / (4 * eta)
    found = reshuffling.effective_curvature(eta, SLOPES.mean(), SLOPES.var())
    assert found == pytest.approx(exact, abs=2 * eta**2)  # the next term is eta^2 E h^3 / 3


def test_variances_of_epochs_add_up():
    factor = 1 - 2 * 0.1 * 4 * (0.5 + 0.05 * (0.25 + 2))
    wanted = np.cumsum(0.3 * factor ** np.arange(3))
    found = reshuffling.epochs_variance(0.1, 0.5, 2.0, 4, 0.3, 3)
    np.testing.assert_allclose(found, wanted, rtol=1e-12)
    level = reshuffling.epochs_variance(0.1, 0.0, 0.0, 4, 0.3, 3)
    np.testing.assert_allclose(level, [0.3, 0.6, 0.9], rtol=1e-12)


def test_momentum_on_a_flat_direction_by_its_weights():
    """A gradient k steps before the end counts 1 - beta^(k+1) times."""
    eta, c, m, beta = 0.2, 1.5, 4, 0.7
    late = 1 - beta ** (np.arange(4 * 100) + 1.0).reshape(100, 4)
    # offsets of an epoch sum to zero: covariance c (m/(m - 1)) (1 - 1/m) of each pair of places
    one = (c * m / (m - 1) * ((late**2).sum(1) - late.sum(1) ** 2 / m)).sum()
    assert reshuffling.momentum_floor(eta, c, m, beta) == pytest.approx(eta**2 * one, **close)
    growth = reshuffling.momentum_growth(eta, c, beta, 6)
    weights = [sum((1 - beta) * beta**i for i in range(k + 1)) for k in range(6)]
    np.testing.assert_allclose(growth, eta**2 * c * np.cumsum(np.square(weights)), rtol=1e-12)


def test_what_reshuffled_signs_keep():
    kept = [reshuffling.sign_kept(m) for m in (2, 3, 10**6)]
    np.testing.assert_allclose(kept, [0, 1 / 3, 1 - 2 / pi], rtol=1e-6, atol=1e-15)
    # m = 5 by the orthant formula P(both > 0) = 1/4 + arcsin(r)/2pi, r = -1/4
    agree = 4 * (0.25 + np.arcsin(-0.25) / (2 * pi)) - 1
    assert reshuffling.sign_kept(5) == pytest.approx(1 + 4 * agree, **close)


def test_linear_shares_of_steps():
    # sign: (E|g|)^2 / E g^2 = 2/pi; the normalised step of a 2 x 2 Gaussian: (E chi_4)^2 / 4
    sign = schemes._linear_share(fl_norm("MAX"), (1, 1))
    assert sign == pytest.approx(2 / pi, rel=0.02)  # 40 000 draws
    normalised = schemes._linear_share(fl_norm("FROBENIUS"), (2, 2))
    assert normalised == pytest.approx((3 / 4 * sqrt(2 * pi)) ** 2 / 4, rel=0.02)


def fl_norm(name):
    import ibias as ib

    return getattr(ib, name)


# --- the circle --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def circle():
    ones = np.ones(2)
    return Circle(
        CircleLandscape(2 * ones, np.array([0, pi / 2]), 0.5 * ones, 0 * ones, batch=1), 64
    )


def test_gradients_on_the_circle_by_hand(circle):
    # l_1 = 2 cos t + cos(2t)/2, l_2 = 2 cos(t - pi/2) + cos(2t)/2
    t = circle.theta
    first, second = -2 * np.sin(t) - np.sin(2 * t), 2 * np.cos(t) - np.sin(2 * t)
    np.testing.assert_allclose(circle.gradients, [first, second], atol=1e-14)
    np.testing.assert_allclose(circle.slope, (first + second) / 2, atol=1e-14)
    np.testing.assert_allclose(circle.second_moment, (first**2 + second**2) / 2, atol=1e-14)
    np.testing.assert_allclose(circle.covariance, (first - second) ** 2 / 4, atol=1e-13)
    np.testing.assert_allclose(circle.third_moment, (first**3 + second**3) / 2, atol=1e-13)
    np.testing.assert_allclose(circle.derivative @ np.sin(3 * t), 3 * np.cos(3 * t), atol=1e-12)
    np.testing.assert_allclose(
        circle.second_derivative @ np.sin(3 * t), -9 * np.sin(3 * t), atol=1e-11
    )


def test_one_step_on_the_circle_by_hand(circle):
    """Applied to P = (1 + cos t) / 2 pi, every equation by its own derivatives."""
    t, eta = circle.theta, 0.05
    density = (1 + np.cos(t)) / (2 * pi)
    d, dd = circle.derivative, circle.second_derivative
    s, slope, c = circle.second_moment, circle.slope, circle.covariance
    discrete = density + eta * (d @ (slope * density)) + eta**2 / 2 * (dd @ (s * density))
    np.testing.assert_allclose(circle.fokker_planck(eta) @ density, discrete, atol=1e-13)
    wrong = circle.fokker_planck(eta, moment=c) @ density
    np.testing.assert_allclose(
        wrong - discrete, eta**2 / 2 * (dd @ ((c - s) * density)), atol=1e-13
    )
    for modified in (False, True):
        drift = slope * (1 + eta / 2 * (d @ slope)) if modified else slope
        generator = eta * (d * drift) + eta**2 / 2 * dd * c
        series, term = density.copy(), density.copy()
        for k in range(1, 60):
            term = generator @ term / k
            series = series + term
        np.testing.assert_allclose(circle.langevin(eta, modified) @ density, series, atol=1e-10)
    pushed = circle.push_forward(eta) @ density
    for phi in (np.sin, np.cos, lambda x: np.sin(2 * x)):
        moved = circle.expectation(pushed, phi)
        by_hand = np.mean([np.mean(density * phi(t - eta * g)) for g in circle.gradients]) * 2 * pi
        assert moved == pytest.approx(by_hand, abs=1e-14)
        assert circle.exact_expectation(density, phi, eta) == pytest.approx(by_hand, abs=1e-14)


def test_bumps_on_the_circle(circle):
    from scipy.special import i0, i1

    bump = circle.von_mises(2.0, 1.0)
    peak = exp(2 * np.cos(circle.theta[0] - 1.0)) / (2 * pi * i0(2))
    assert bump[0] == pytest.approx(peak, rel=1e-12)
    assert circle.expectation(bump, np.cos) == pytest.approx(i1(2) / i0(2) * np.cos(1), rel=1e-12)
