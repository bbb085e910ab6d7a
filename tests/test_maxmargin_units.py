"""Raw units: columns of very different size, the ends of float64, and the certificate's own
arithmetic."""

from fractions import Fraction

import numpy as np
import pytest

from ibias.data import Dataset
from ibias.maxmargin import UndecidedSeparability, certify, max_margin
from ibias.maxmargin.certificate import columns_scaled, combination, least_margin, product
from ibias.maxmargin.newton import Pairs, interior
from ibias.maxmargin.units import without_columns
from ibias.norms import FROBENIUS, MAX, NUCLEAR, SPECTRAL, SUM, Schatten

NORMS = (MAX, FROBENIUS, SPECTRAL)


def raw_set(seed):
    """Labels of a random teacher, samples near its boundaries left out.  Even seeds: a column is a
    time in milliseconds; odd seeds: columns times 10^-9 .. 10^8."""
    rng = np.random.default_rng(seed)
    while True:
        n, d, k = (int(rng.integers(*ends)) for ends in ((8, 41), (3, 8), (2, 5)))
        x, w = rng.normal(size=(20 * n, d)), rng.normal(size=(k, d))
        if seed % 2 == 0:
            x[:, 0] = 1
        z = np.sort(x @ w.T, 1)
        x = x[np.flatnonzero(z[:, -1] - z[:, -2] > 0.3)[:n]]
        y = (x @ w.T).argmax(1)
        if len(y) == n and len(np.unique(y)) == k:
            break
    if seed % 2 == 0:
        x[:, 0] = 1.7e12 + rng.uniform(0, 2e4, n)
        return Dataset(x, y)
    return Dataset(x * 10.0 ** rng.uniform(-9, 8, d), y)


def gaps(norm, seeds):
    """Certified gaps of raw sets; a wide interval must not be called unique."""
    found = []
    for seed in seeds:
        best = max_margin(raw_set(seed), norm)
        assert 0 < best.lower <= best.margin <= best.upper
        assert best.unique is None or best.gap <= 1e-6
        found.append(best.gap)
    return np.array(found)


@pytest.mark.filterwarnings("ignore:the certified interval is wide")
@pytest.mark.parametrize("norm", NORMS, ids=lambda norm: norm.text)
def test_raw_units_are_bounded_narrowly(norm):
    """No NotSeparable, nine of ten narrower than 1e-9, the middle one near rounding (2e-14 of which
    the certificate adds); the promise for 200 sets is tested in the slow one."""
    found = gaps(norm, range(20))
    assert (found < 1e-9).mean() >= 0.9 and np.median(found) < 1e-12


@pytest.mark.slow
@pytest.mark.filterwarnings("error::RuntimeWarning")  # candidates that overflow are nobody's news
@pytest.mark.filterwarnings("ignore:the certified interval is wide")
@pytest.mark.parametrize("norm", NORMS, ids=lambda norm: norm.text)
def test_two_hundred_raw_sets(norm):
    found = gaps(norm, range(200))
    assert (found < 1e-9).mean() >= 0.95 and np.median(found) < 2e-13


MILLISECONDS = Dataset(
    [
        [1700000000123, 0.31, -0.20, 0.74],
        [1700000004567, -0.44, 0.10, 0.52],
        [1700000007777, 0.12, 0.90, -0.33],
        [1700000009001, -0.65, -0.11, 0.08],
        [1700000012345, 0.48, 0.37, -0.91],
        [1700000015555, -0.27, 0.66, 0.29],
    ],
    [1, 0, 1, 0, 1, 0],
)


@pytest.mark.parametrize(
    "norm", [FROBENIUS, SPECTRAL, NUCLEAR, Schatten(1.5), Schatten(4)], ids=lambda norm: norm.text
)
def test_a_table_with_unix_milliseconds(norm):
    """Two classes: every Schatten norm has the margin of Frobenius."""
    best = max_margin(MILLISECONDS, norm)
    assert best.margin == pytest.approx(0.380509081832076, rel=1e-13)  # digits of the reference
    assert best.gap < 1e-12


@pytest.mark.parametrize("scale", [1e-170, 1e154])
def test_the_ends_of_float64(scale):
    dataset = Dataset(np.array([[2.0, 0], [3, 1], [-2, 0], [-3, 1]]) * scale, [1, 1, 0, 0])
    for norm, value in ((MAX, 4), (FROBENIUS, 8**0.5)):
        best = max_margin(dataset, norm)
        # the scaled entries themselves are rounded
        assert best.margin / scale == pytest.approx(value, rel=1e-14) and best.gap < 1e-13


def spread_set(seed, exponents):
    """Separable samples whose columns are multiplied by powers of ten."""
    x, y = np.random.default_rng(seed).normal(size=(14, 5)), np.arange(14) % 3
    x[np.arange(14), y] += 3
    return Dataset(x * 10.0 ** np.array(exponents), y)


@pytest.mark.filterwarnings("ignore:the certified interval is wide")
@pytest.mark.parametrize("norm", NORMS, ids=lambda norm: norm.text)
def test_columns_far_apart_are_bounded_without_an_error(norm):
    dataset = spread_set(0, [-150, -100, -50, 0, 50])
    best = max_margin(dataset, norm)
    assert 0 < best.lower <= float(exact_bounds(dataset, best.weights, best.dual)[0])


@pytest.mark.parametrize("seed", [14, 20, 28])
def test_columns_beyond_each_others_float64_are_no_proof(seed):
    """Divided by the largest entry the smallest columns become 0, where nothing separates."""
    dataset = spread_set(seed, [-200, 190, -190, 150, 200])
    with pytest.raises(UndecidedSeparability, match="far larger than the others"):
        max_margin(dataset, FROBENIUS)


def test_a_column_beyond_itself_is_no_proof():
    """Rows 2 and 3 differ by 1e-330 of their column's largest entry, and are two classes."""
    dataset = Dataset([[1e300, 1.0], [0.0, 1.0], [1e-30, 1.0]], [1, 0, 1])
    with pytest.raises(UndecidedSeparability):
        max_margin(dataset, MAX)


def test_products_are_exact_where_terms_cancel():
    rng = np.random.default_rng(0)
    a = rng.normal(size=(5, 40)) * 10.0 ** rng.integers(-12, 12, (5, 40))
    b = rng.normal(size=(40, 3))
    b[-1] = -(a[0, :-1] @ b[:-1]) / a[0, -1]  # the first row nearly vanishes
    high, low = product(a, b)
    for i in range(5):
        for j in range(3):
            terms = [
                Fraction(float(u)) * Fraction(float(v)) for u, v in zip(a[i], b[:, j], strict=True)
            ]
            error = abs(sum(terms) - Fraction(float(high[i, j])) - Fraction(float(low[i, j])))
            assert error <= Fraction(1, 2**95) * sum(map(abs, terms))  # 31 digits less some bits


def exact_bounds(dataset, w, a):
    """Least margin and combination in fractions."""
    x = [[Fraction(float(v)) for v in row] for row in dataset.x]
    w = [[Fraction(float(v)) for v in row] for row in w]
    smallest, s = None, [[Fraction(0)] * dataset.d for _ in range(dataset.k)]
    for row, y, weights in zip(x, dataset.y, a, strict=True):
        z = [sum(u * v for u, v in zip(row, r, strict=True)) for r in w]
        for c in set(range(dataset.k)) - {int(y)}:
            smallest = z[y] - z[c] if smallest is None else min(smallest, z[y] - z[c])
            for l in range(dataset.d):
                s[y][l] += Fraction(float(weights[c])) * row[l]
                s[c][l] -= Fraction(float(weights[c])) * row[l]
    return smallest, s


@pytest.mark.parametrize("seed", range(4))
def test_both_sides_of_the_certificate_are_rounded_once(seed):
    dataset = raw_set(seed)
    best = max_margin(dataset, MAX)
    smallest, s = exact_bounds(dataset, best.weights, best.dual)
    assert least_margin(dataset, best.weights) == pytest.approx(float(smallest), rel=4e-16)
    largest = np.abs(dataset.x).max(0)
    np.testing.assert_allclose(
        combination(dataset, best.dual) / largest,
        np.array(s, float) / largest,
        rtol=4e-16,
        atol=1e-29,
    )  # 1e-29: certificate.TINY of the largest term
    upper = sum(abs(v) for row in s for v in row) / sum(
        Fraction(float(v)) for v in best.dual.ravel()
    )
    assert best.lower <= smallest and upper <= best.upper  # |W| <= 1: lower is below the margin


@pytest.mark.parametrize("seed, norm", [(53, FROBENIUS), (7, SPECTRAL), (157, SPECTRAL)])
def test_columns_beyond_the_norm_are_solved_as_free_and_polished(seed, norm):
    """Bounds of 6e-4, 1e-4 and 1e-6 where the bound of an iterate whose S does not vanish in the
    free columns is believed, or where no Newton step knows of them."""
    best = max_margin(raw_set(seed), norm)
    assert best.gap < 1e-9


def test_an_iterate_bounds_nothing_before_s_vanishes_in_the_free_columns():
    """The first iterate's dual norm of the other columns is below the margin: no upper bound."""
    samples = raw_set(53)
    x = columns_scaled(samples.x)[0]  # its first column is the small one, the others are free
    pairs = Pairs(x, samples.y, Pairs.rows_of(SPECTRAL, samples.k))
    best = interior(pairs, SPECTRAL, free=2, careful=True)
    s = pairs.adjoint(best.a)
    # 1e-10: where the iterates end; the multipliers sum to one
    assert np.abs(s[:, 1:]).max() < 1e-10
    assert SPECTRAL.dual(s[:, :1]) == pytest.approx(best.lower * best.a.sum(), rel=1e-10)


def test_a_multiplier_has_too_few_digits_and_others_supply_them():
    """Without the small multipliers the milliseconds alone leave 1e-5 of the bound."""
    best = max_margin(MILLISECONDS, MAX)
    free = np.arange(MILLISECONDS.d) == 0
    rough = np.where(best.dual > 1e-9, best.dual, 0)
    upper = certify(MILLISECONDS, MAX, best.weights, rough)[1]
    assert upper > best.upper * (1 + 1e-8)
    tuned = without_columns(MILLISECONDS, rough, free)
    assert certify(MILLISECONDS, MAX, best.weights, tuned)[1] < best.upper * (1 + 1e-11)


def test_a_margin_far_below_every_column_is_found():
    """No column is left then that the ball bounds, and there is nothing to solve as free."""
    x = [[24, 24, 12], [0, -(2**17), 2**17], [160, 256, 0], [1152, 640, -1152], [10, 10, 6]]
    best = max_margin(Dataset(x, [0, 1, 0, 1, 1]), SUM)
    # of a simplex method in fractions; its last digit is that of the certificate's own rounding
    assert best.lower <= 2**10 * 9.371485692865175e-05 <= best.upper and best.gap < 1e-12
