"""Data sets: shapes, reproducibility, what is refused."""

import numpy as np
import pytest

import ibias as ib

MADE = {
    "gaussian": lambda seed: ib.data.gaussian(classes=3, per_class=4, dim=7, seed=seed),
    "mixture": lambda seed: ib.data.mixture(classes=3, per_class=4, dim=7, seed=seed),
    "scale_skewed": lambda seed: ib.data.scale_skewed(classes=3, samples=12, seed=seed),
}


@pytest.mark.parametrize("make", MADE.values(), ids=MADE.keys())
def test_a_seed_fixes_the_data_and_its_digest(make):
    assert make(1).digest == make(1).digest != make(2).digest
    np.testing.assert_array_equal(make(1).x, make(1).x)
    assert (make(1).n, make(1).k) == (12, 3)


def test_the_digest_is_of_features_labels_and_shape():
    x = np.arange(1.0, 13).reshape(4, 3)
    others = [
        ib.Dataset(x, [0, 1, 1, 0]),
        ib.Dataset(x + 1e-15 * (x == 1), [0, 1, 0, 1]),
        ib.Dataset(x[::-1], [0, 1, 0, 1]),
    ]
    one = ib.Dataset(x, [0, 1, 0, 1], "one")
    assert one.digest == ib.Dataset(x, ["a", "b", "a", "b"], "other name").digest
    assert len({one.digest, *(other.digest for other in others)}) == 4


def test_gaussian_has_the_variance_asked_for():
    data = ib.data.gaussian(classes=10, per_class=100, dim=100, variance=0.25)
    # 1e5 draws: the sample variance has a relative standard error of 0.0045; five of them
    assert data.x.var() == pytest.approx(0.25, rel=0.0225)
    assert (np.bincount(data.y) == 100).all()


def test_mixture_spreads_around_its_centres():
    data = ib.data.mixture(classes=2, per_class=5000, dim=4, spread=0.5)
    for c in range(2):
        within = data.x[data.y == c].var(0).mean()
        assert within == pytest.approx(0.25 / 4, rel=0.05)  # 20 000 draws, standard error 0.01


def test_scale_skewed_is_a_scaled_unit_vector_per_sample():
    data = ib.data.scale_skewed(classes=5, samples=50)
    assert (np.count_nonzero(data.x, axis=1) == 1).all()
    assert (data.x[np.arange(50), data.y] > 0).all()
    assert set(data.y) == set(range(5))
    for c in range(5):
        scales = data.x[data.y == c, c]
        assert scales.max() <= 2 * scales.min() * (1 + 1e-12)
    many = ib.data.scale_skewed(classes=2, samples=2000)
    for c in range(2):
        scales = many.x[many.y == c, c]
        # the extremes of n uniform draws miss the ends of [l, 2l] by about l/n; fifteen times that,
        # for both ends together
        assert scales.max() / scales.min() > 2 - 30 / len(scales)


def test_counterexamples_are_as_in_proposition_x():
    one = ib.data.counterexample("X.1")
    np.testing.assert_array_equal(one.x, [[2, -1], [1, -2]])
    assert one.radius == 3
    assert ib.data.counterexample("X.2", copies=7).n == 8
    with pytest.raises(ValueError, match="X.1, X.2"):
        ib.data.counterexample("Y")


@pytest.mark.parametrize(
    "make, say",
    [
        (lambda: ib.data.gaussian(seed=-1), "seed: an integer >= 0; got -1"),
        (lambda: ib.data.mixture(seed=1.5), "seed: an integer >= 0; got 1.5"),
        (lambda: ib.data.scale_skewed(seed="a"), "seed: an integer >= 0; got 'a'"),
        (lambda: ib.data.gaussian(classes=1), "classes: an integer >= 2; got 1"),
        (lambda: ib.data.mixture(dim="25"), "dim: an integer >= 1; got '25'"),
        (
            lambda: ib.data.gaussian(variance=float("inf")),
            "variance must be a positive finite number; got inf",
        ),
        (lambda: ib.data.mixture(spread=None), "spread must be a positive finite number; got None"),
        (lambda: ib.data.digits(3), "two or more of 0..9; got 3"),
        (lambda: ib.data.counterexample(["X.1"]), "unknown counterexample"),
    ],
)
def test_impossible_sizes_are_refused_by_name(make, say):
    with pytest.raises(ValueError, match=say):
        make()


def test_tensors_are_taken_whatever_their_kind():
    import torch

    for x in (torch.eye(2, requires_grad=True), torch.eye(2, dtype=torch.bfloat16)):
        np.testing.assert_array_equal(ib.Dataset(x, torch.tensor([0, 1])).x, np.eye(2))


def test_digits_ship_with_scikit_learn():
    assert (ib.data.digits().n, ib.data.digits().d, ib.data.digits().k) == (1797, 64, 10)
    pair = ib.data.digits((3, 8))
    assert pair.label_names == (3, 8) and pair.x.max() == 1
    with pytest.raises(ValueError, match="two or more"):
        ib.data.digits((3,))


def test_radius_is_the_largest_l1_norm():
    assert ib.Dataset([[1, -2], [0.5, 0.5]], [0, 1]).radius == 3


def test_data_are_copied_and_frozen():
    x = np.eye(2)
    data = ib.Dataset(x, [0, 1])
    x[0, 0] = 5
    assert data.x[0, 0] == 1
    with pytest.raises(ValueError, match="read-only"):
        data.x[0, 0] = 2


@pytest.mark.parametrize(
    "labels, names",
    [
        ([1, 2, 1], (1, 2)),
        (["b", "a", "b"], ("a", "b")),
        ([-1, 1, 1], (-1, 1)),
        ([0.0, 5.0, 5.0], (0, 5)),
        ([True, False, True], (0, 1)),
        (np.array([7, 3, 7], object), (3, 7)),
    ],
)
def test_other_labels_are_numbered_and_the_names_kept(labels, names):
    data = ib.Dataset(np.eye(3), labels)
    assert data.label_names == names and data.k == 2
    assert [data.label_names[c] for c in data.y] == list(labels)


@pytest.mark.parametrize(
    "x, y, say",
    [
        (np.eye(3), [0, 1], r"\(3, 3\) and \(2,\)"),
        (np.ones(3), [0, 1, 1], "shape"),
        (np.ones((0, 2)), [], "not empty"),
        ([[1, np.nan], [0, 1]], [0, 1], r"x\[0, 1\] is nan"),
        ([[1, 0], [np.inf, 1]], [0, 1], r"x\[1, 0\] is inf"),
        (np.eye(2), [0, 0.5], r"y\[1\] is 0.5"),
        (np.eye(2), [0, np.nan], r"y\[1\] is nan"),
        (np.eye(2), [1, 1], "two classes"),
        (np.eye(2), np.array([None, 3], object), r"y\[0\] is None, a missing label"),
        (np.eye(2) * 1j, [0, 1], "real numbers; got complex"),
        ([["a", "b"], ["c", "d"]], [0, 1], "table of real numbers"),
        ([[1], [1, 2]], [0, 1], "rows of equal length"),
        (
            np.eye(3),
            [0, 1e300, 2e300],
            r"y\[1\] is 1e\+300, too large.*53 bits",
        ),  # these two became one class, and 2^63 became negative
        (
            np.eye(2),
            np.array([2**63, 0], np.uint64),
            r"y\[0\] is 9223372036854775808, too large.*64 bits",
        ),
        (np.eye(2), [1, 1], "every label is 1$"),
    ],
)
def test_bad_data_are_refused_with_the_place(x, y, say):
    with pytest.raises(ValueError, match=say):
        ib.Dataset(x, y)


@pytest.mark.parametrize(
    "call",
    [
        lambda: ib.data.gaussian(classes=0),
        lambda: ib.data.gaussian(variance=-1),
        lambda: ib.data.mixture(dim=2.5),
        lambda: ib.data.scale_skewed(classes=5, samples=3),
        lambda: ib.data.counterexample("X.2", copies=0),
    ],
)
def test_impossible_sizes_are_refused(call):
    with pytest.raises(ValueError):
        call()
