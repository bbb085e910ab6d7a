"""One dimension and one mode: orders in eta, mode equations, strip, tails.  Gates from the
chapter's specification; fixed seeds."""

import numpy as np
import pytest
from ibias_book import fluctuating as fl
from ibias_book.fluctuating.exponents import fit_exponent
from ibias_book.fluctuating.modes import central_moments
from ibias_book.fluctuating.studies import modes, one_step


@pytest.fixture(scope="module")
def errors():
    return one_step.one_step_errors()


def test_push_forward_is_exact(errors):
    # trapezoid rule on analytic periodic functions: rounding of a 128-term sum
    assert errors.mass_error.max() <= 1e-13
    assert errors.push_error.max() <= 1e-13


def test_one_step_orders(errors):
    orders = one_step.fitted_orders(errors)
    # 0.1: the next order in eta still bends the line at eta = 0.02; measured deviations are below
    # 0.08
    assert (abs(orders.l1 - orders.order) < 0.1).all()
    assert (abs(orders.weak - orders.order) < 0.1).all()


def test_leading_coefficients_are_the_predicted_ones(errors):
    ratio = one_step.prefactors(errors).dropna("equation")
    assert ratio.size == 10
    # after Richardson extrapolation the remainder is O(eta^2) = 3e-5 relative; 1 % leaves room for
    # small coefficients
    assert (abs(ratio - 1) < 0.01).all()


def test_global_error_loses_one_order():
    found = one_step.global_errors()
    slopes = [fit_exponent(found.eta[-3:], row[-3:]).value for row in found.values]
    # orders 2, 1, 1, 2; eta down to 1/128 leaves deviations of 0.02
    np.testing.assert_allclose(slopes, [2, 1, 1, 2], atol=0.1)


def test_the_discrete_equation_keeps_two_moments_of_a_flat_landscape_and_loses_the_third():
    found = modes.skewed_noise()
    # 5 z values at once, |z| > 4 has probability 3e-4; zero, the second-order value, is more than 5
    # errors away at every time
    assert (abs(found.z) < 4).all()
    assert (abs(found.exact - found.second_order) > 5 * found.error).all()


def test_truncated_density_goes_negative_exactly_below_the_predicted_width():
    found = one_step.positivity_widths()
    # the criterion is exact up to a factor 1 + O(eta), eta = 0.05
    np.testing.assert_allclose(found.measured, found.predicted, rtol=0.05)
    narrow = one_step.narrow_density()
    assert narrow.truncated.min() < -1 and narrow.exact.min() > -1e-6


def test_iterating_the_truncated_equation_is_ill_posed():
    found = one_step.iterated_radius((32, 64, 128))
    np.testing.assert_allclose(found.exact, 1, atol=1e-10)  # a stochastic matrix
    assert (np.diff(found.truncated) > 1).all() and found.truncated[-1] > 10


def test_mode_equations_against_replicas():
    found = modes.mode_cases()
    # 128 values with exact standard errors: |z| > 4 happens to one of them with probability 0.8 %;
    # fixed seeds
    assert (abs(found.z_variance) < 4).all()
    assert (abs(found.z_mean) < 4).all()


def test_strip_between_the_two_theories():
    found = modes.strip_points()
    assert found.sizes["point"] == 24
    assert (abs(found.z_variance) < 4).all()
    inside = (found.growth > 1) & (found.langevin_growth < 1)
    assert inside.sum() >= 10
    assert (found.measured_growth[inside] > 1).all(), (
        "in the strip the variance grows where Langevin says it decays"
    )


@pytest.mark.parametrize("case", modes.CASES)
def test_two_line_recursion_equals_the_exact_moments(case):
    *moments, start = modes.CASES[case]
    one = modes.mode(*moments)
    landscape = fl.four_batches(one)
    mean, variance = one.mean_variance(0.1, 50, start)
    exact = central_moments(
        fl.raw_moments(landscape.offsets[:, 0], landscape.slopes[:, 0], 0.1, 50, start)
    )
    np.testing.assert_allclose(mean, exact[0], rtol=1e-9, atol=1e-15)
    # raw moments cancel: variance is a difference of numbers up to mean^2
    np.testing.assert_allclose(variance, exact[1], rtol=1e-9, atol=1e-13)


def test_regimes_at_their_boundaries():
    assert fl.Mode(0.0, 1.0).regime(0.1) == "diffusive"
    assert (
        fl.Mode(1.0, 1.0, 18.9).regime(0.1) == "confined"
        and fl.Mode(1.0, 1.0, 19.1).regime(0.1) == "unstable"
    )
    assert fl.Mode(1.0, 1.0, 19.1).langevin_growth(0.1) < 1, (
        "the same mode is confined in the continuous-time theory"
    )
    assert fl.Mode(-0.1, 1.0).regime(0.1) == "unstable"


def test_a_law_without_a_variance():
    found = modes.kesten()
    medians = found["median"]
    # a median of 12 000 heavy-tailed values has an error of 1 to 3 %
    assert (abs(medians.isel(step=-1) / medians.isel(step=-2) - 1) < 0.08).all()
    # Hill's estimate on 2 % of 12 000 values: 6 % sampling error and a bias of the same size
    assert (abs(found.hill - found["index"]) < 0.25).all()
    # expanding E|1 - eta h|^a = 1 in eta: next terms are below 0.02 at eta = 0.2
    assert (abs(found.leading_index - found["index"]) < 0.02).all()
    assert (found.lyapunov < 0).all()


def test_universal_curve_has_its_two_ends():
    ends = fl.universal_curve([1e-6, 1e3], [0.25, 0.5, 0.75, 1.0])
    np.testing.assert_allclose(ends, [1, 0], atol=1e-5)  # 1 - exp(-2xs) -> 2xs and 1


@pytest.mark.parametrize(("x", "y"), [(0.0, 0.5), (1.0, 1.0), (1.9, 3.0), (0.3, 0.02)])
def test_gaussian_lyapunov_by_quadrature(x, y):
    from scipy.integrate import quad

    spread = np.sqrt(y)
    pole = (1 - x) / spread

    def weight(z):
        return np.exp(-z * z / 2) / np.sqrt(2 * np.pi) * np.log(abs(1 - x - spread * z))

    direct = sum(quad(weight, *ends, limit=200)[0] for ends in ((-12, pole), (pole, pole + 24)))
    # trapezoid rule with step 0.002 on a smooth integrand
    assert modes.gaussian_lyapunov(x, y) == pytest.approx(direct, abs=1e-5)
