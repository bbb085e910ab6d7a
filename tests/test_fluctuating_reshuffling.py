"""Random reshuffling and other schemes: enumerations to rounding, ensembles to their standard
errors.  Fixed seeds."""

import numpy as np
import pytest
from ibias_book.fluctuating import reshuffling as theory
from ibias_book.fluctuating.studies import reshuffling, schemes


def test_bridge_over_all_orders():
    found = reshuffling.enumerated_bridge()
    # an identity over 5040 orders: rounding
    np.testing.assert_allclose(found.measured, found.exact, atol=1e-12 * float(found.exact.max()))


def test_epoch_map_orders_over_all_orders():
    slopes = reshuffling.enumerated_orders(reshuffling.enumerated_epoch())
    # the four smallest step sizes, down to 0.0025: the next order bends the lines by less than 0.05
    assert (abs(slopes.slope - slopes.order) < 0.05).all()


@pytest.mark.parametrize(("n", "b"), [(7, 1), (6, 2), (6, 3), (8, 2), (8, 4)])
def test_area_variance_over_all_orders_of_vectors(n, b):
    enumerated, formula = reshuffling.enumerated_area(n, b)
    assert formula == pytest.approx(enumerated, rel=1e-12)  # an identity over n! orders


def test_partition_variance_over_all_orders():
    b, h0 = reshuffling.seven_batches()
    orders = theory.all_orders(7)
    area = theory.epoch_area((0.7 + h0)[orders], b[orders])
    assert area.var() == pytest.approx(
        theory.partition_variance(7, 0.7, b.var(), h0.var(), np.mean(b * h0)), rel=1e-12
    )


def test_area_variance_against_random_epochs():
    found = reshuffling.sampled_area()
    # four z values from exact standard errors
    assert (abs(found.z) < 4).all()


def test_long_runs_of_both_schemes():
    found = reshuffling.long_runs().isel(epoch=-1)
    ratio = found.end / found.end_theory
    independent = ratio.sel(scheme="with replacement")
    shuffled = ratio.sel(scheme="random reshuffling")
    one = np.sqrt(2 / (found.replicas - 1))
    # four Gaussian standard errors; at eta = 0.05 the kurtosis of all five cases is below 3.3
    assert (abs(independent - 1) < 4 * one).all()
    assert (abs(shuffled.sel(case=["confined", "steep"]) - 1) < 4 * one).all()
    # leading order in eta: the neglected contraction is of relative size eta m s2, 4 %
    assert (
        abs(shuffled.sel(case=["flat, fluctuating", "flat, correlated"]) - 1) < 0.06 + 2 * one
    ).all()
    flat = found.sel(case="flat", scheme="random reshuffling")
    assert flat.end < 1e-30 * found.sel(case="flat", scheme="with replacement").end, (
        "the offsets of an epoch sum to zero: rounding is left"
    )
    assert abs(flat.mid / flat.bridge - 1) < 4 * one


def test_reshuffling_confines_a_flat_direction():
    found = reshuffling.flat_stationary()
    # leading order in eta = 0.1 and the time average of 50 records of 1000 replicas (1 %)
    np.testing.assert_allclose(found.stationary, found.stationary_theory, rtol=0.05)
    np.testing.assert_allclose(found["mean"][:, 50:].mean("time"), found.mean_theory, atol=0.03)
    assert (found.independent[:, -1] > 1000 * found.stationary).all(), (
        "with replacement the same direction runs away"
    )


def test_crossover_ends():
    found = reshuffling.crossover()
    assert found.ratio[0] == pytest.approx(
        float(found.leading[0]), rel=1e-2
    )  # eta l = 1e-3: the next order is eta l m = 0.8 %
    assert found.ratio[-1] == pytest.approx(1, abs=0.3)


@pytest.fixture(scope="module")
def tables():
    return {spread: schemes.scheme_table(spread) for spread in (0.0, 1.0)}


def test_scheme_table_without_fluctuating_curvature(tables):
    last = tables[0.0].isel(epoch=-1)
    for name in ("with replacement", "with replacement, momentum", "reshuffling, momentum"):
        # 10 % is 4.5 standard errors of a variance over 4000 replicas
        assert last.end.sel(sampling=name) == pytest.approx(
            float(last.theory.sel(sampling=name)), rel=0.1
        ), name
    for name in (
        "random reshuffling",
        "one fixed order",
        "own fixed order",
        "reshuffling, variance reduction",
    ):
        assert last.end.sel(sampling=name) < 1e-28, name
    # the bridge ends at zero every epoch, momentum smooths it: middle and end agree to sampling
    momentum = last.sel(sampling="reshuffling, momentum")
    assert momentum.mid == pytest.approx(float(momentum.end), rel=0.1)


def test_scheme_table_with_fluctuating_curvature(tables):
    last = tables[1.0].isel(epoch=-1)
    for name in ("with replacement", "random reshuffling", "own fixed order"):
        assert last.end.sel(sampling=name) == pytest.approx(
            float(last.theory.sel(sampling=name)), rel=0.1
        ), name
    exponent = tables[1.0].exponent
    # exponents over 45 epochs: contraction bends them by 0.05, sampling by 0.05
    assert exponent.sel(sampling="own fixed order") == pytest.approx(2, abs=0.1), (
        "a fixed order repeats its displacement: ballistic"
    )
    assert exponent.sel(sampling="random reshuffling") == pytest.approx(1, abs=0.15)
    assert abs(exponent.sel(sampling="reshuffling, momentum")) < 0.15
    assert last.end.sel(sampling="reshuffling, variance reduction") == 0, (
        "from a critical point nothing moves"
    )


def test_other_norms_keep_one_minus_kappa():
    found = schemes.geometry_ratios()
    batches = found.where(found.batch > 1, drop=True)
    # 20 000 scalar or 1 500 matrix replicas: the ratio of two variances has an error of 1.4 % of
    # itself, and 1/m corrections
    assert (abs(batches.ratio - batches.theory) < 0.02).all()
    single = found.where(found.batch == 1, drop=True)
    assert (single.ratio < 1e-25).all(), (
        "with batches of one, an epoch has the same steps in every order"
    )


def test_sign_with_momentum():
    found = schemes.sign_momentum()
    # 4 standard errors of 4000 replicas are 9 %; the long-time formula needs 1/(1 - beta) << 480
    # steps, so not beta = 0.98
    independent = found.rate.sel(scheme="with replacement")
    np.testing.assert_allclose(independent[:3], found.theory[:3], rtol=0.1)
    share = found.rate.sel(scheme="random reshuffling") / independent
    assert (np.diff(share) < 0).all() and share[-1] < 0.03


def test_sign_descent_in_a_weak_valley():
    found = schemes.sign_valley()
    # linear response of sign to a small slope: corrections of relative size eta / sqrt(c) = 2 %,
    # plus correlated time averages
    np.testing.assert_allclose(found.variance, found.theory, rtol=0.1)
