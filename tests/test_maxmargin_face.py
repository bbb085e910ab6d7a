"""The set of all optima: uniqueness, dimension, the canonical point, random extreme points."""

import numpy as np
import pytest

import ibias.data as data
from ibias.data import Dataset
from ibias.maxmargin import certify, max_margin, random_optima
from ibias.norms import CATALOG, FROBENIUS, MAX, NUCLEAR, SPECTRAL, SUM, Entrywise, Schatten

ENDS = (MAX, SUM, SPECTRAL, NUCLEAR)
each_end = pytest.mark.parametrize("norm", ENDS, ids=lambda norm: norm.text)
SETS = {
    "clusters": data.mixture(classes=4, per_class=8, dim=6, spread=0.3),
    "d < k - 1": Dataset(
        np.c_[np.cos(np.arange(18) * np.pi / 3), np.sin(np.arange(18) * np.pi / 3)],
        np.arange(18) % 6,
    ),
    "scale-skewed": data.scale_skewed(classes=4, samples=20),
    "k = 2": data.mixture(classes=2, per_class=10, dim=8, spread=0.6),
}
each_set = pytest.mark.parametrize("dataset", SETS.values(), ids=SETS.keys())


def normalised_margin(dataset, norm, w):
    logits = dataset.x @ w.T
    own = np.arange(dataset.k) == dataset.y[:, None]
    return np.where(own, np.inf, logits[own][:, None] - logits).min() / float(norm.value(w))


def test_max_norm_face_of_scale_skewed_data_has_dimension_k_times_k_minus_one():
    """Only the column of the class with the least scale is fixed, at (1, -1, ..., -1)."""
    for classes in (3, 5):
        best = max_margin(data.scale_skewed(classes=classes, samples=30, seed=3), MAX)
        assert not best.unique and best.face_dim == classes * (classes - 1)


def test_one_free_direction_found():
    """k = 2, d = 2, points +-(1, 0): the max norm leaves the second column free, the sum norm how
    the weight is split."""
    dataset = Dataset([[1.0, 0.0], [-1.0, 0.0]], [0, 1])
    assert max_margin(dataset, MAX).face_dim == 2
    assert max_margin(dataset, SUM).face_dim == 1
    best = max_margin(dataset, MAX)
    # the square root of float64's rounding is the stated accuracy of a canonical point
    np.testing.assert_allclose(best.canonical, [[1, 0], [-1, 0]], atol=1e-7)
    np.testing.assert_allclose(max_margin(dataset, SUM).canonical, [[0.5, 0], [-0.5, 0]], atol=1e-7)


@pytest.mark.parametrize(
    "norm", [n for n in CATALOG if 1 < n.p < np.inf], ids=lambda norm: norm.text
)
def test_strictly_convex_norms_have_one_optimum(norm):
    best = max_margin(SETS["clusters"], norm)
    assert best.unique and best.face_dim == 0
    np.testing.assert_array_equal(best.canonical, best.weights)


@pytest.mark.parametrize(
    "norm",
    [FROBENIUS, Entrywise(1.5), Entrywise(3), Schatten(1.5), Schatten(4)],
    ids=lambda n: n.text,
)
def test_stated_accuracy_covers_a_crude_optimum(norm):
    """The optimum of cvxpy, whose gap is a thousand to a million times larger, lies within its own
    larger bound."""
    pytest.importorskip("cvxpy")
    from ibias.maxmargin.face import convexity_bound

    dataset = SETS["clusters"]
    best, crude = max_margin(dataset, norm), max_margin(dataset, norm, solver="cvxpy")
    assert np.linalg.norm(best.weights - crude.weights) <= convexity_bound(
        norm, crude.gap, best.weights.size
    )


@each_set
@each_end
def test_canonical_point_is_optimal_and_shortest(dataset, norm):
    best = max_margin(dataset, norm)
    assert normalised_margin(dataset, norm, best.canonical) >= best.margin * (
        1 - 3e-9
    )  # face.TOLERANCE, on both sides
    assert np.linalg.norm(best.canonical) <= np.linalg.norm(best.weights) * (1 + 1e-8)
    assert best.canonical_accuracy < 1e-4


@each_set
@each_end
def test_canonical_point_against_a_quadratic_program(dataset, norm):
    cp = pytest.importorskip("cvxpy")
    best = max_margin(dataset, norm)
    w = cp.Variable((dataset.k, dataset.d))
    logits = dataset.x @ w.T
    # the face has no interior, so the solver needs room; on these sets it moves the answer by up to
    # 5e5 slack
    slack = 1e-9 if isinstance(norm, Entrywise) else 1e-7
    constraints = [norm.cvx(w) <= 1] + [
        logits[i, y] - logits[i, c] >= best.margin * (1 - slack)
        for i, y in enumerate(dataset.y.tolist())
        for c in range(dataset.k)
        if c != y
    ]
    cp.Problem(cp.Minimize(cp.sum_squares(w)), constraints).solve(solver=cp.CLARABEL)
    assert np.linalg.norm(w.value) <= np.linalg.norm(best.canonical) * (
        1 + 1e-6
    )  # a relaxation; Clarabel's accuracy
    assert np.linalg.norm(w.value - best.canonical) < 0.03 * np.linalg.norm(w.value)


@each_end
def test_random_optima_are_optimal_and_spread_exactly_when_there_is_a_face(norm):
    for dataset in (SETS["clusters"], SETS["scale-skewed"]):
        best = max_margin(dataset, norm)
        face = random_optima(dataset, best, count=6, seed=0)
        assert face.points.shape == (6, dataset.k, dataset.d)
        for point in face.points:
            assert certify(dataset, norm, point, best.dual)[0] >= best.margin * (1 - 1e-8)
        low, high = face.cosines
        assert low <= high <= 1 + 1e-12
        assert (low < 0.999) == (best.face_dim > 0)


@pytest.mark.parametrize("wrong", [{"count": 0}, {"count": 1}, {"count": 2.5}, {"seed": -1}])
def test_random_optima_refuse_a_number_of_points_without_cosines(wrong):
    best = max_margin(SETS["clusters"], MAX)
    with pytest.raises(ValueError, match="an integer >= "):
        random_optima(SETS["clusters"], best, **wrong)


@pytest.mark.parametrize(
    "x, y",
    [
        (np.ldexp([[9, -9, 4, 7], [5, 0, 0, -3], [-4, 5, 0, -3]], [2, 5, -6, -6]), [0, 1, 0]),
        (np.ldexp([[-8, 2, -9, 3], [-9, -2, 4, -9], [-4, -9, -2, -7]], [7, 8, -4, -6]), [0, 1, 0]),
    ],
)
def test_what_is_said_of_a_face_is_said_of_one_that_holds_the_optimum(x, y):
    """With columns of very different sizes the search may end before the face can be told: a
    canonical point stood there that had as little as a third of the margin."""
    best = max_margin(Dataset(x, y), SUM)
    assert (best.canonical is None) == (best.unique is None) == (best.face_dim is None)
    if best.canonical is not None:  # to the cut of the rank decisions, 1e-6
        assert normalised_margin(best.dataset, SUM, best.canonical) >= best.margin * (1 - 2e-6)


def test_random_optima_refuse_the_maximum_margin_of_other_data():
    best = max_margin(data.with_bias(SETS["clusters"]), MAX)
    with pytest.raises(ValueError, match="best is the maximum margin of other data"):
        random_optima(SETS["clusters"], best)
