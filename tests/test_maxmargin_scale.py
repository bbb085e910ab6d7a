"""Real size: the routes agree, stop where they were told to, and certify the whole from a part."""

import numpy as np
import pytest
from mnist import mnist
from scipy import sparse
from slow import mostly_slow

import ibias.data as data
from ibias.data import Dataset
from ibias.maxmargin import NotSeparable, certify, max_margin
from ibias.maxmargin.certificate import least_margin, simplex
from ibias.maxmargin.first_order import first_order, onto_ball, onto_simplex
from ibias.maxmargin.newton import Pairs, interior
from ibias.maxmargin.newton.equations import UnknownMultipliers, UnknownWeights, normal_matrix
from ibias.maxmargin.newton.interior import InteriorPoint
from ibias.maxmargin.search import Samples, Search, in_units
from ibias.norms import CATALOG, FROBENIUS, MAX, NUCLEAR, SPECTRAL, SUM, Entrywise, Schatten

CLOUDS = data.mixture(classes=5, per_class=60, dim=12, spread=0.3)
NAMED = [MAX, FROBENIUS, SUM, SPECTRAL, NUCLEAR]
each_norm = pytest.mark.parametrize("norm", CATALOG, ids=lambda norm: norm.text)


def stand_in(x, y, k):
    """A data set whose x is sparse, whatever ``Dataset`` accepts by itself."""
    dataset = object.__new__(Dataset)
    names = tuple(range(k))
    for key, value in {"x": x, "y": y, "name": "sparse", "label_names": names}.items():
        object.__setattr__(dataset, key, value)
    return dataset


@pytest.mark.parametrize(
    "norm", mostly_slow(CATALOG, [*NAMED, Entrywise(1.5)]), ids=lambda norm: norm.text
)
def test_the_working_set_has_the_optimum_of_the_whole(norm):
    whole = max_margin(CLOUDS, norm, solver="interior")
    part = max_margin(CLOUDS, norm, solver="working-set")
    assert part.route == "working set" and part.samples < CLOUDS.n
    # certified: the intervals hold the same number; 1e-7 is the promise for 1 < p < 2
    assert part.gap < 1e-7 and part.lower <= whole.upper and whole.lower <= part.upper
    assert part.dual.shape == (CLOUDS.n, CLOUDS.k)
    assert certify(CLOUDS, norm, part.weights, part.dual) == (part.lower, part.upper)


@pytest.mark.parametrize("norm", mostly_slow(CATALOG, NAMED), ids=lambda norm: norm.text)
def test_the_first_order_route_stops_at_the_tolerance(norm):
    best = max_margin(CLOUDS, norm, solver="first-order", tolerance=1e-2)
    exact = max_margin(CLOUDS, norm)
    assert best.complete and best.gap <= 1e-2 and best.route == "first order"
    assert best.lower <= exact.upper and exact.lower <= best.upper


@pytest.mark.parametrize("norm", [MAX, FROBENIUS, SUM], ids=lambda norm: norm.text)
def test_both_sides_of_the_linear_system_agree(norm):
    """100 samples in 100 features: a row a pair (the smaller side) or a row a weight."""
    dataset = data.gaussian(classes=4, per_class=10, dim=100)
    pairs = Pairs.of(dataset, norm)
    assert pairs.few
    small = interior(pairs, norm)
    wide = type("Wide", (Pairs,), {"few": False})(pairs.x, pairs.y, pairs.rows)
    large = interior(wide, norm)
    assert small.gap < 1e-9 and small.lower == pytest.approx(large.lower, rel=1e-9)


@pytest.mark.parametrize("norm", [MAX, FROBENIUS, SUM], ids=lambda norm: norm.text)
def test_both_systems_of_a_step_have_the_same_solution(norm):
    """The method converges with a wrong step too, only later."""
    point = InteriorPoint(Pairs.of(data.gaussian(classes=4, per_class=10, dim=100), norm), norm)
    for _ in range(3):
        point.advance()
    point.ball.factor()
    pairs, border = point.pairs, point.ball.border or (None, 0.0)
    weight = np.where(point.off, 0, point.a / point.slack)
    rng = np.random.default_rng(0)
    r, p = rng.normal(size=pairs.size), np.where(point.off, 0, rng.random(point.off.shape))
    e = [0.3] if point.ball.border else []
    small = UnknownMultipliers(pairs, point.ball.diagonal, weight, point.unit, *border)
    large = UnknownWeights(
        normal_matrix(pairs, point.ball, weight),
        lambda a: pairs.adjoint(a).ravel(),
        weight,
        point.unit,
        *border,
    )
    dw, z, a = small.solve(r, p, e)
    same_dw, same_z, _ = large.solve(r, p, e)
    size = np.abs(same_dw).max()
    # the systems' condition, some 1e4 after three steps, times rounding, and room
    np.testing.assert_allclose(dw, same_dw, rtol=0, atol=1e-9 * size)
    np.testing.assert_allclose(z, same_z, rtol=1e-9)
    change = pairs.margins(dw.reshape(pairs.shape), 0) - np.where(point.off, 0, z[0] * point.unit)
    np.testing.assert_allclose(a, p - weight * change, rtol=0, atol=1e-9 * np.abs(a).max())
    assert (point.unit * a).sum() == pytest.approx(1, rel=1e-9)  # equation (2')


@pytest.mark.parametrize(
    "norm", [SPECTRAL, NUCLEAR, Schatten(1.5), Schatten(4)], ids=lambda n: n.text
)
def test_two_classes_answer_through_frobenius(norm):
    dataset = data.mixture(classes=2, per_class=20, dim=20, spread=0.6)
    best, frobenius = max_margin(dataset, norm), max_margin(dataset, FROBENIUS)
    assert best.norm == norm and best.gap < 1e-12 and best.unique
    assert best.margin == pytest.approx(frobenius.margin, rel=1e-12)
    assert (best.lower, best.upper) == certify(dataset, norm, best.weights, best.dual)


@pytest.mark.parametrize("solver", ["working-set", "first-order", "auto"])
def test_sparse_samples_have_the_margin_of_dense_ones(solver):
    rng = np.random.default_rng(0)
    x = sparse.random_array((90, 400), density=0.05, rng=rng, format="csr")
    y = np.arange(90) % 3
    dense = max_margin(Dataset(x.toarray(), y), FROBENIUS)
    best = max_margin(stand_in(x, y, 3), FROBENIUS, solver=solver, tolerance=1e-3)
    assert best.gap <= 1e-3
    assert best.lower <= dense.upper and dense.lower <= best.upper


def test_a_sparse_subset_keeps_every_column_that_is_not_zero_in_it():
    x = sparse.csr_array(np.array([[0.0, 1e-9, 0, 2], [3, 0, 0, 0], [0, 0, 5, -1e-9]]))
    some, columns = Samples(x, np.array([0, 1, 0]), 2).subset(np.array([0, 2]))
    assert columns.tolist() == [1, 2, 3]
    np.testing.assert_array_equal(some.x, [[1e-9, 0, 2], [0, 5, -1e-9]])


@pytest.mark.parametrize("norm, tolerance", [(SPECTRAL, None), (FROBENIUS, None), (SPECTRAL, 1e-6)])
def test_polished_pairs_follow_the_first_exact_one_where_a_face_is_read_off(
    norm, tolerance, monkeypatch
):
    """The gap sees errors of multipliers squared: the canonical point of a face depends on the order
    of the samples by 2e-10 without them, by 3e-12 with."""
    offer, ended = Search.offer, []

    def noted(self, w, a):
        ended.append(self.ended)
        offer(self, w, a)

    monkeypatch.setattr(Search, "offer", noted)
    max_margin(data.mixture(), norm, tolerance=tolerance)
    assert sum(ended) == {(SPECTRAL, None): 9, (FROBENIUS, None): 1}.get((norm, tolerance), 0)


def test_sparse_contradictions_are_named():
    x = sparse.csr_array(np.array([[1.0, 0, 2], [0, 1, 0], [1, 0, 2], [0, 3, 1]]))
    with pytest.raises(NotSeparable, match="rows 0 and 2 are equal"):
        max_margin(stand_in(x, np.array([0, 1, 1, 0]), 2), FROBENIUS)


def test_the_working_set_refutes_the_whole():
    rng = np.random.default_rng(0)
    dataset = Dataset(rng.normal(size=(3000, 6)), rng.integers(0, 3, 3000))
    with pytest.raises(NotSeparable) as caught:
        max_margin(dataset, FROBENIUS, solver="working-set")
    assert caught.value.certificate.shape == (3000, 3) and caught.value.check(dataset) < 1e-13


def test_the_first_order_route_hands_hopeless_data_to_an_exact_one(monkeypatch):
    monkeypatch.setattr("ibias.maxmargin.first_order.PATIENCE", 200)
    rng = np.random.default_rng(0)
    dataset = Dataset(rng.normal(size=(300, 6)), rng.integers(0, 3, 300))
    with pytest.raises(NotSeparable):
        max_margin(dataset, FROBENIUS, solver="first-order", tolerance=1e-3)


def test_the_first_order_route_hands_over_what_it_cannot_begin(monkeypatch):
    """No positive margin after forty steps, yet there is one: the exact route answers."""
    monkeypatch.setattr("ibias.maxmargin.first_order.PATIENCE", 0)
    dataset = data.gaussian(classes=5, per_class=20, dim=40)
    guess = Search(in_units(dataset)[0], FROBENIUS)
    first_order(guess, FROBENIUS, 1e-3)
    assert guess.w is None
    best = max_margin(dataset, FROBENIUS, solver="first-order", tolerance=1e-3)
    assert best.gap <= 1e-3 and best.lower > 0


def test_pairs_that_are_left_out_bound_no_margin():
    x, y = np.array([[1.0, 0], [0, 4], [1, 1]]), np.array([0, 1, 2])
    off = np.eye(3, dtype=bool)
    off[2, 0] = True
    some = Samples(x, y, 3, off)
    w = np.array([[4.0, -1], [-1, 1], [1, 0.5]])  # margins 5, 3; 8, 2; -1.5, 1.5
    assert least_margin(some, w) == pytest.approx(1.5, rel=1e-15)
    assert least_margin(Samples(x, y, 3), w) == pytest.approx(-1.5, rel=1e-15)
    assert (simplex(some, np.ones((3, 3)))[off] == 0).all()


def test_time_over_returns_what_is_certified():
    dataset = data.mixture(classes=10, per_class=100, dim=60, spread=0.3)
    best = max_margin(dataset, MAX, solver="first-order", tolerance=1e-12, seconds=1.0)
    assert not best.complete and 0 < best.lower <= best.upper
    assert best.unique is None


def interrupting(monkeypatch, after):
    """Ctrl-C at the n-th certified pair."""
    from ibias.maxmargin.search import Search

    offer, calls = Search.offer, []

    def counted(self, w, a):
        offer(self, w, a)
        calls.append(1)
        if len(calls) == after:
            raise KeyboardInterrupt

    monkeypatch.setattr(Search, "offer", counted)


def test_an_interrupt_returns_or_tells_what_is_known(monkeypatch):
    interrupting(monkeypatch, 1)
    best = max_margin(CLOUDS, FROBENIUS, solver="interior", on_interrupt="return")
    assert not best.complete and 0 < best.lower <= best.upper
    interrupting(monkeypatch, 1)
    with pytest.raises(KeyboardInterrupt) as caught:
        max_margin(CLOUDS, FROBENIUS, solver="interior")
    assert "certified so far" in caught.value.__notes__[0]


@pytest.mark.parametrize(
    "options, sentence",
    [
        ({"tolerance": 0.0}, "relative gap"),
        ({"seconds": -1}, "positive number"),
        ({"on_interrupt": "ignore"}, "'raise' or 'return'"),
    ],
)
def test_wrong_options_are_refused(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        max_margin(CLOUDS, FROBENIUS, **options)


def test_a_wide_interval_is_called_neither_unique_nor_not():
    best = max_margin(CLOUDS, FROBENIUS, solver="first-order", tolerance=1e-3)
    assert best.gap > 1e-6 and best.unique is None and best.face_dim is None


@each_norm
def test_projections_on_balls_are_nearest_points(norm):
    """Inside the ball, and no point of it makes an acute angle with what was cut off."""
    w = np.random.default_rng(0).normal(size=(4, 6)) * 3
    nearest = onto_ball(norm, w)
    assert float(norm.value(nearest)) == pytest.approx(1, rel=1e-6)  # measured: 4e-13
    support = (nearest * (w - nearest)).sum()
    assert support == pytest.approx(float(norm.dual(w - nearest)), rel=1e-5)
    np.testing.assert_allclose(onto_ball(norm, 1e-3 * w), 1e-3 * w)


def test_projection_on_the_simplex():
    v = np.array([0.3, -np.inf, 1.1, 0.9, -2.0])
    p = onto_simplex(v)
    np.testing.assert_allclose(p, [0, 0, 0.6, 0.4, 0], atol=1e-15)


@pytest.mark.parametrize("norm", [FROBENIUS, SPECTRAL], ids=lambda norm: norm.text)
def test_mnist_three_and_eight(norm):
    best = max_margin(mnist((3, 8), 600), norm)
    assert best.gap < 1e-12  # measured: 3e-14


@pytest.mark.slow
@pytest.mark.parametrize("norm", [FROBENIUS, MAX], ids=lambda norm: norm.text)
def test_mnist_ten_classes(norm):
    best = max_margin(mnist(range(10), 1000), norm)
    assert best.gap < 1e-12 and best.samples < 1000


def test_ties_of_the_entry_norms_survive_the_smaller_side():
    """More features than pairs, p = 3: neither polyhedral nor Frobenius, a row a weight."""
    dataset = data.gaussian(classes=3, per_class=5, dim=40)
    assert max_margin(dataset, Entrywise(3)).gap < 1e-10
