"""Certified maximum margins: the interval, both optima, closed forms, hard inputs."""

import numpy as np
import pytest

import ibias.data as data
from ibias.data import Dataset
from ibias.maxmargin import certify, max_margin, solve
from ibias.maxmargin.newton.interior import interior
from ibias.maxmargin.newton.pairs import Pairs
from ibias.norms import CATALOG, FROBENIUS, MAX, NUCLEAR, SPECTRAL, SUM, Entrywise, Schatten

NORMS = (*CATALOG, Schatten(10))
each_norm = pytest.mark.parametrize("norm", NORMS, ids=lambda norm: norm.text)


def promised_gap(norm):
    """The house's targets; measured gaps are 2e-14 to 1e-13 (2e-14 of which the certificate adds
    itself)."""
    if norm in (MAX, SUM, FROBENIUS):
        return 1e-12
    if norm in (SPECTRAL, NUCLEAR):
        return 1e-9
    return 1e-7 if norm.p < 2 else 1e-10


def vector_norm(v, p):
    return np.linalg.norm(np.ravel(v), p)


def plain_norm(w, norm, p):
    """An independent norm: numpy only."""
    return vector_norm(w if isinstance(norm, Entrywise) else np.linalg.svd(w, compute_uv=False), p)


def plain_bounds(dataset, norm, best):
    """Lower and upper bound by loops over the definition of the problem and of weak duality."""
    smallest, s = np.inf, np.zeros((dataset.k, dataset.d))
    for x, y, a in zip(dataset.x, dataset.y, best.dual, strict=True):
        for c in range(dataset.k):
            if c != y:
                smallest = min(smallest, (best.weights[y] - best.weights[c]) @ x)
                s[y] += a[c] * x
                s[c] -= a[c] * x
    return smallest / plain_norm(best.weights, norm, norm.p), plain_norm(s, norm, norm.q)


SETS = {
    "set II": data.mixture(classes=10, per_class=10, dim=25, spread=0.6),
    "clusters": data.mixture(classes=4, per_class=8, dim=6, spread=0.3),
    "k = 2": data.mixture(classes=2, per_class=20, dim=20, spread=0.6),
    "d < k - 1": Dataset(
        np.c_[np.cos(np.arange(24) * np.pi / 4), np.sin(np.arange(24) * np.pi / 4)],
        np.arange(24) % 8,
    ),
    "X.5": data.counterexample("X.5"),
    "scale-skewed": data.scale_skewed(classes=5, samples=50),
}


@pytest.mark.parametrize("dataset", SETS.values(), ids=SETS.keys())
@each_norm
def test_interval_is_as_narrow_as_promised_and_independently_confirmed(dataset, norm):
    best = max_margin(dataset, norm)
    assert 0 < best.lower <= best.margin <= best.upper
    assert best.gap <= promised_gap(norm)
    lower, upper = plain_bounds(dataset, norm, best)
    # 1e-12: two orders of summation of the same numbers, and p-th powers
    assert lower == pytest.approx(best.margin, rel=1e-12)
    assert upper == pytest.approx(best.upper, rel=1e-12)
    assert plain_norm(best.weights, norm, norm.p) == pytest.approx(1, rel=1e-12)


@pytest.mark.parametrize("norm", [MAX, FROBENIUS, SPECTRAL], ids=lambda norm: norm.text)
def test_set_one(norm):
    assert max_margin(
        data.gaussian(classes=10, per_class=10, dim=100, variance=1 / 100), norm
    ).gap <= promised_gap(norm)


@each_norm
def test_digits_three_and_eight(norm):
    pytest.importorskip("sklearn")
    assert max_margin(data.digits((3, 8)), norm).gap <= promised_gap(norm)


@pytest.mark.parametrize("norm", [SUM, Entrywise(3)], ids=lambda norm: norm.text)
def test_digits_of_ten_classes(norm):
    """The two norms whose interior point alone stops early here (1e-6 and 1e-10): the polish must
    do the rest."""
    pytest.importorskip("sklearn")
    assert max_margin(data.digits(), norm).gap <= promised_gap(norm)


@each_norm
def test_any_weights_and_multipliers_bound_the_margin(norm):
    """certify proves intervals from arbitrary input, negative and own-class multipliers
    included."""
    dataset, rng = SETS["clusters"], np.random.default_rng(0)
    best = max_margin(dataset, norm)
    for noise in (1e-9, 1e-3, 1.0):
        weights = 3 * best.weights + noise * rng.normal(size=best.weights.shape)
        dual = 5 * best.dual + noise * rng.normal(size=best.dual.shape)
        lower, upper = certify(dataset, norm, weights, dual)
        assert lower <= best.upper and upper >= best.lower
    assert certify(dataset, norm, 0 * best.weights, best.dual)[0] == 0
    own, dual = best.dual + np.eye(dataset.k)[dataset.y], best.dual - (best.dual == 0)
    # entries that are not admissible count for nothing; 1e-13: the sum to one is rounded twice
    assert certify(dataset, norm, best.weights, own)[1] == pytest.approx(best.upper, rel=1e-13)
    assert certify(dataset, norm, best.weights, dual)[1] == pytest.approx(best.upper, rel=1e-13)


@each_norm
def test_multipliers_are_simplex_weights_on_active_constraints(norm):
    dataset = SETS["set II"]
    best = max_margin(dataset, norm)
    rows = np.arange(dataset.n)
    assert (best.dual >= 0).all() and (best.dual[rows, dataset.y] == 0).all()
    assert best.dual.sum() == pytest.approx(1, rel=1e-13)
    logits = dataset.x @ best.weights.T
    slack = logits[rows, dataset.y][:, None] - logits - best.margin
    slack[rows, dataset.y] = 0
    # duality: the gap is exactly sum a * slack plus the slack of Hoelder's inequality, both
    # non-negative
    assert 0 <= (best.dual * slack).sum() <= 1.01 * (best.upper - best.lower)
    inactive = np.setdiff1d(rows, best.support_vectors)
    slack[rows, dataset.y] = np.inf
    assert (
        slack[best.support_vectors].min(1).max() < 1e-4 * best.margin
    )  # 1e-4: the square root of the widest gap, and room
    assert best.dual[inactive].sum() < 1e-6 and len(best.support_vectors) >= dataset.k


@each_norm
def test_interior_point_alone_needs_few_rounds(norm):
    """Without the polish, which would hide a wrong Newton system: measured 2e-10 or less after 18
    rounds for every norm."""
    assert interior(Pairs.of(SETS["clusters"], norm), norm, rounds=20).gap < 1e-9


@pytest.mark.parametrize("shape", [(2, 2), (2, 3), (3, 2), (1, 3)])
def test_the_singular_basis_written_out(shape):
    """The mixed unit matrices of ``W -> [0 W; W' 0]``, rotated to p_i, m_i: by the definition."""
    from ibias.maxmargin.balls import SpectralBall

    ball, (q, r) = SpectralBall(np.ones(shape)), shape
    for index in range(q * r):
        w = ball.mix(np.eye(q * r)[index]).reshape(shape)
        dilated = np.block([[np.zeros((q, q)), w], [w.T, np.zeros((r, r))]])
        dilated = ball.to_pm.T @ dilated @ ball.to_pm
        built = np.zeros_like(dilated)
        for x, y, s in ball.images:
            built[x[index], y[index]] += s[index] / np.sqrt(2)
            built[y[index], x[index]] += s[index] / np.sqrt(2)
        np.testing.assert_allclose(built, dilated, atol=1e-15)  # entries are 0, 1/2 and roots of it


@pytest.mark.parametrize("classes", [2, 3, 5, 8])
def test_closed_forms_on_scale_skewed_data(classes):
    """Section 4.4: gamma_max = 2 min s and gamma_F = sqrt(k / (k - 1)) (sum s_c^-2)^(-1/2), s_c the
    least scale of class c."""
    dataset = data.scale_skewed(classes=classes, samples=40, seed=classes)
    scale = dataset.x.max(1)
    least = np.array([scale[dataset.y == c].min() for c in range(classes)])
    frobenius = np.sqrt(classes / (classes - 1) / (least**-2.0).sum())
    solution = (np.eye(classes) - 1 / classes) / least
    for norm, value in ((MAX, 2 * least.min()), (FROBENIUS, frobenius), (Schatten(2), frobenius)):
        best = max_margin(dataset, norm)
        assert best.lower <= value * (1 + 1e-15) and best.upper >= value * (
            1 - 1e-15
        )  # the closed form's own rounding
        assert best.gap < 1e-13
    assert (
        np.abs(best.weights - solution / np.linalg.norm(solution)).max() < 1e-6
    )  # the square root of the gap


def test_exact_values_on_two_points_and_on_a_line():
    """By hand: points +-(2, -1) after reflection have u proportional to (1, 1); on a line w =
    +-1/2-type solutions."""
    for name, norm, value in (
        ("X.1", MAX, 2),
        ("X.1", FROBENIUS, 1),
        ("X.1", SPECTRAL, 1),
        ("X.1", SUM, 0.5),
        ("X.4", SUM, 2),
    ):
        assert max_margin(data.counterexample(name), norm).margin == pytest.approx(value, rel=1e-13)
    line = Dataset([[1.0], [2.0], [-1.0], [-3.0]], [0, 0, 1, 1])
    for norm, value in (
        (MAX, 2),
        (SUM, 1),
        (FROBENIUS, 2**0.5),
        (NUCLEAR, 2**0.5),
        (Entrywise(3), 2 ** (2 / 3)),
    ):
        assert max_margin(line, norm).margin == pytest.approx(value, rel=1e-13)


@pytest.mark.parametrize("scale", [1e-150, 1e-6, 1e6, 1e150])
@each_norm
def test_margins_scale_with_the_data(norm, scale):
    dataset = SETS["clusters"]
    scaled = max_margin(Dataset(dataset.x * scale, dataset.y), norm)
    assert scaled.gap <= promised_gap(norm)
    # each certified interval must contain the other's margin up to the rounding of the scaling
    # itself
    assert scaled.margin / scale == pytest.approx(
        max_margin(dataset, norm).margin, rel=2 * promised_gap(norm)
    )


@each_norm
def test_features_and_samples_of_very_different_size(norm):
    dataset, rng = SETS["clusters"], np.random.default_rng(1)
    for orders, gap in ((2, 1e-6), (6, np.inf)):
        # measured for 4 orders of spread: 1e-7; 12 orders leave some norms a wide interval, never a
        # wrong one
        features = Dataset(dataset.x * 10.0 ** rng.uniform(-orders, orders, dataset.d), dataset.y)
        best = max_margin(features, norm)
        assert best.gap <= gap and 0 < best.lower <= best.upper
    samples = Dataset(dataset.x * 10.0 ** rng.uniform(-6, 6, (dataset.n, 1)), dataset.y)
    assert max_margin(samples, norm).gap <= 1e-3  # measured: 1e-12, and 1e-4 for entrywise:3


def test_duplicates_do_not_change_a_margin():
    dataset = SETS["clusters"]
    twice = Dataset(np.r_[dataset.x, dataset.x[::2]], np.r_[dataset.y, dataset.y[::2]])
    for norm in NORMS:
        best = max_margin(twice, norm)
        assert best.gap <= promised_gap(norm)
        assert best.margin == pytest.approx(
            max_margin(dataset, norm).margin, rel=2 * promised_gap(norm)
        )


def test_a_spectral_optimum_ends_with_equal_active_margins():
    """4e-14 is what the certificate's own rounding leaves, and 1e-14 room for another machine;
    Newton's steps alone end at 1e-13."""
    assert max_margin(data.digits(), SPECTRAL).gap <= 5e-14


def test_a_small_margin_asks_the_linear_algebra_for_one_thread(monkeypatch):
    """A second thread beside a busy neighbour made 200 digits 20 times slower."""
    threadpoolctl = pytest.importorskip("threadpoolctl")
    seen, inner = [], solve._search

    def threads():
        pools = threadpoolctl.threadpool_info()
        return {
            pool["filepath"]: pool["num_threads"] for pool in pools if pool["user_api"] == "blas"
        }

    def probe(search, solver):
        seen.append(threads())
        return inner(search, solver)

    small = data.gaussian(classes=3, per_class=4, dim=16, seed=1)
    max_margin(small, MAX, progress=False)  # every library is loaded from here on
    monkeypatch.setattr(solve, "_search", probe)
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        before = threads()
        max_margin(small, MAX, progress=False)
        assert set(seen[-1].values()) == {1} and 2 in before.values()
        assert threads() == before
        monkeypatch.setattr(solve, "THREADS", 0)  # every problem counts as large
        max_margin(small, MAX, progress=False)
        assert seen[-1] == before
