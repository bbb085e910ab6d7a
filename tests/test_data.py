"""Data sets: shapes, reproducibility, what is refused."""

import numpy as np
import pytest
import scipy.sparse

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


# --- what people hold their data in
X = np.array([[2.0, 1.0], [1.5, 0.0], [-2.0, -1.0], [-1.0, -1.5]])
Y = [0, 0, 1, 1]


@pytest.mark.parametrize("kind", ["csr", "csc", "coo", "dok", "lil", "bsr", "dia"])
@pytest.mark.parametrize("family", ["array", "matrix"])
def test_sparse_data_stay_sparse(kind, family):
    x = getattr(scipy.sparse, f"{kind}_{family}")(X.astype(np.float32))
    data = ib.Dataset(x, Y)
    assert isinstance(data.x, scipy.sparse.csr_array) and data.x.dtype == np.float64
    assert data.is_sparse and not ib.Dataset(X, Y).is_sparse
    assert (data.n, data.d, data.k, data.x.nnz) == (4, 2, 2, 7)
    np.testing.assert_array_equal(data.x.toarray(), X)
    assert data.radius == ib.Dataset(X, Y).radius == 3
    with pytest.raises(ValueError, match="read-only"):
        data.x.data[0] = 2


def test_equal_sparse_data_have_one_digest_and_others_another():
    one = scipy.sparse.csr_array(X)
    zeros = scipy.sparse.coo_array((X.ravel(), np.indices((4, 2)).reshape(2, -1)))
    assert zeros.nnz == 8  # one of them is stored and 0
    halves = scipy.sparse.coo_array(
        (np.r_[one.data, one.data] / 2, [np.r_[i, i] for i in one.tocoo().coords])
    )
    # CSR may name an entry twice; the two are to be added
    twice = scipy.sparse.csr_array((one.data.repeat(2) / 2, one.indices.repeat(2), 2 * one.indptr))
    same = (one, zeros, halves, twice, one.astype(np.float32))
    digests = [ib.Dataset(x, Y).digest for x in same]
    assert len(set(digests)) == 1
    moved = scipy.sparse.csr_array(X[:, ::-1])
    wider = scipy.sparse.csr_array(np.column_stack([X, np.zeros(4)]))
    others = [ib.Dataset(moved, Y), ib.Dataset(wider, Y), ib.Dataset(one * 2, Y), ib.Dataset(X, Y)]
    assert len({digests[0], *(data.digest for data in others)}) == 5


def test_sparse_data_are_never_made_dense():
    """10^5 x 10^6 entries would be 800 GB."""
    rows, columns = np.arange(10**5), np.arange(10**5) * 10
    x = scipy.sparse.coo_array((np.ones(10**5), (rows, columns)), shape=(10**5, 10**6))
    data = ib.data.with_bias(ib.Dataset(x, rows % 2, "tall"))
    assert data.radius == 2 and data.d == 10**6 + 1 and len(data.digest) == 64
    assert data.name == "tall (bias)" and data.x.nnz == 2 * 10**5


def test_a_bias_is_a_last_feature_of_ones():
    for x in (X, scipy.sparse.csr_array(X)):
        data = ib.data.with_bias(ib.Dataset(x, ["u", "u", "v", "v"]))
        dense = data.x.toarray() if data.is_sparse else data.x
        np.testing.assert_array_equal(dense, np.column_stack([X, np.ones(4)]))
        assert data.label_names == ("u", "v") and data.name == ""


def frames():
    """(frame, series, missing-value) makers of pandas and polars, whichever are there."""
    return [pytest.param(name, id=name) for name in ("pandas", "polars")]


@pytest.mark.parametrize("library", frames())
def test_frames_and_series_are_taken(library):
    lib = pytest.importorskip(library)
    frame = lib.DataFrame({"a": X[:, 0], "b": [1, 0, -1, -2], "c": [True, False, True, True]})
    for labels in (lib.Series(list("uuvv")), lib.Series([5, 5, 7, 7])):
        data = ib.Dataset(frame, labels)
        np.testing.assert_array_equal(data.x[:, 1:], [[1, 1], [0, 0], [-1, 1], [-2, 1]])
        assert data.y.tolist() == Y and data.label_names in (("u", "v"), (5, 7))


@pytest.mark.parametrize("library", frames())
def test_columns_that_are_no_numbers_and_missing_values_are_named(library):
    lib = pytest.importorskip(library)
    days = np.array(["2020-01-01"] * 4, dtype="datetime64[us]")
    frame = lib.DataFrame({"a": X[:, 0], "city": list("uvwx"), "day": days})
    with pytest.raises(ValueError, match=r"not hold numbers: 'city' \(.*\), 'day' \("):
        ib.Dataset(frame, Y)
    for column in ([1.0, 2.0, None, 3.0], [1, 2, None, 3]):
        frame = lib.DataFrame({"a": X[:, 0], "b": column})
        with pytest.raises(ValueError, match="column 'b', row 2 is missing"):
            ib.Dataset(frame, Y)
    with pytest.raises(ValueError, match=r"column 'b', row 1 is inf"):
        ib.Dataset(lib.DataFrame({"a": X[:, 0], "b": [1.0, np.inf, 2.0, 3.0]}), Y)
    with pytest.raises(ValueError, match="'Unnamed: 0'.*index=False"):
        ib.Dataset(lib.DataFrame({"Unnamed: 0": [0, 1, 2, 3], "b": X[:, 0]}), Y)
    for labels in (["u", None, "v", "v"], [1, None, 2, 2]):
        with pytest.raises(ValueError, match=r"y\[1\] is .*, a missing label"):
            ib.Dataset(X, lib.Series(labels))


def test_pandas_own_kinds():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": pandas.array([1, None, 2, 3], dtype="Int64")})
    with pytest.raises(ValueError, match="column 'a', row 1 is missing"):
        ib.Dataset(frame, Y)
    assert ib.Dataset(frame.fillna(4), pandas.Categorical(list("uuvv"))).x[1, 0] == 4
    for kind in ("string", "category", object):
        with pytest.raises(ValueError, match=r"y\[1\] is .*, a missing label"):
            ib.Dataset(X, pandas.Series(["u", None, "v", "v"], dtype=kind))
    with pytest.raises(ValueError, match="two columns are named 'a'"):
        ib.Dataset(pandas.DataFrame(X, columns=["a", "a"]), Y)


def test_a_frame_that_is_not_computed_is_refused():
    polars = pytest.importorskip("polars")
    with pytest.raises(ValueError, match=r"pass x\.collect\(\)"):
        ib.Dataset(polars.DataFrame({"a": X[:, 0]}).lazy(), Y)


@pytest.mark.parametrize(
    "value", ["", " ", "nan", "NaN", "NA", "N/A", "null", "None", "<NA>", "inf"]
)
def test_text_for_nothing_is_no_label(value):
    with pytest.raises(ValueError, match=r"y\[2\] is .*, a missing label"):
        ib.Dataset(X, ["u", "u", value, "v"])


@pytest.mark.parametrize(
    "x, y, say",
    [
        (np.ma.array(X, mask=X == 1.5), Y, r"x\[1, 0\] is masked"),
        (X, np.ma.array(Y, mask=[0, 0, 1, 0]), r"y\[2\] is masked"),
        (X, ["1", "1", "2", 2], r"mix text and numbers: y\[0\] is '1', y\[3\] is 2"),
        (X, np.array([1, 1, "2", 2], object), r"mix text and numbers: y\[2\] is '2', y\[0\] is 1"),
        (X, ["u", "u", None, "v"], r"y\[2\] is None, a missing label"),
        (X, ["u", "u", float("nan"), "v"], r"y\[2\] is nan, a missing label"),
        (X, [0, 0, float("inf"), 1], r"y\[2\] is inf, a missing label"),
        (X, [0, 0, [1], 1], r"y\[2\] is \[1\], but labels must be whole numbers or text"),
        (np.array([["1"], ["2"]]), [0, 1], "dates or text among the numbers"),
        (np.array([[1], ["2"]], object), [0, 1], "dates or text among the numbers"),
        (np.array([["2020"], ["2021"]], "datetime64[D]"), [0, 1], "dates or text"),
        (scipy.sparse.csr_array(X * 1j), Y, "sparse matrix of complex128"),
        (scipy.sparse.csr_array(np.where(X == -1.5, np.nan, X)), Y, r"x\[3, 1\] is nan \(1 such"),
        (scipy.sparse.csr_array(X), Y[:3], r"\(4, 2\) and \(3,\)"),
        (scipy.sparse.csr_array((0, 2)), [], "not empty"),
    ],
)
def test_what_is_hidden_missing_or_mixed_is_refused_with_the_place(x, y, say):
    with pytest.raises(ValueError, match=say):
        ib.Dataset(x, y)


def test_what_looks_odd_and_is_clear_is_taken():
    assert ib.Dataset(np.ma.array(X), np.ma.array(Y)).digest == ib.Dataset(X, Y).digest
    assert ib.Dataset(X.astype(object), Y).digest == ib.Dataset(X, Y).digest
    assert ib.Dataset(X, ["none", "none", "mild", "mild"]).label_names == ("mild", "none")
    strings = np.array(["u", "u", "v", "v"], dtype=np.dtypes.StringDType())
    assert ib.Dataset(X, strings).label_names == ("u", "v")
    assert ib.Dataset(X, np.array([b"u", b"u", b"v", b"v"])).label_names == ("u", "v")


# --- sparse data in trajectories
@pytest.mark.parametrize("backend, steps", [("lanes", 60), ("composed", 30)])
def test_sparse_and_dense_trajectories_agree(backend, steps):
    rng = np.random.default_rng(0)
    x = scipy.sparse.random_array((24, 60), density=0.2, rng=rng, data_sampler=rng.normal)
    y = np.arange(24) % 3
    methods = ib.grid(
        norms=[ib.MAX, ib.SPECTRAL, ib.Entrywise(3)],
        batch_sizes=[1, 6, 24],
        momenta=[0.0, 0.5],
        variance_reduction=[False, True],
        schedule=ib.Power(0.1),
    )
    ask = dict(seeds=range(2), steps=steps, weights=True, progress=False)
    sparse = ib.simulate(ib.Dataset(x, y), methods, backend=backend, **ask)
    dense = ib.simulate(ib.Dataset(x.toarray(), y), methods, backend=backend, **ask)
    assert sparse.attrs["backend"] == backend
    # weights of size 1; sums of 24 products in another order, at most 60 times
    np.testing.assert_allclose(sparse.weights, dense.weights, rtol=0, atol=1e-12)
    for name in ("loss", "min_margin", "proxy"):
        np.testing.assert_allclose(sparse[name], dense[name], rtol=1e-11, atol=1e-12)


def test_backends_that_cannot_do_sparse_are_not_chosen_and_refuse_in_a_sentence():
    data = ib.Dataset(scipy.sparse.csr_array(X), Y)
    method = ib.SteepestDescent(ib.MAX)
    ask = dict(steps=5, progress=False)
    assert ib.simulate(data, [method], **ask).attrs["backend"] == "lanes"
    ragged = ib.SteepestDescent(ib.MAX, ib.Minibatch(3, ragged=True))
    assert ib.simulate(data, [ragged], **ask).attrs["backend"] == "composed"
    for backend in ("kernel", "gpu", "persistent"):
        with pytest.raises(ValueError, match="sparse, which 'lanes' and 'composed' can do"):
            ib.simulate(data, [method], backend=backend, **ask)


def test_memory_of_sparse_data_is_estimated_by_what_is_stored():
    from ibias.engine import check_memory
    from ibias.methods import Trajectory

    x = scipy.sparse.coo_array(
        (np.ones(1000), (np.arange(1000), np.arange(1000))), shape=(1000, 10**6)
    )
    data, lanes = ib.Dataset(x, np.arange(1000) % 2), [Trajectory(ib.SteepestDescent(ib.MAX), 0)]
    # dense, twice: 16 GB; of sparse data only a mini-batch is made dense, 10 rows of 8 MB, twice
    batches = [Trajectory(ib.SteepestDescent(ib.MAX, ib.Minibatch(10)), 0)]
    full = check_memory(data, lanes, [0], False, limit=10**9)
    more = check_memory(data, batches, [0], False, limit=10**9) - full
    assert more == pytest.approx(160e6, rel=1e-3)  # residuals of 990 samples fewer, 80 kB


def test_a_step_of_sparse_signs_keeps_its_reach():
    """Logits far apart: the exponents are one a class from there on, sparse as dense."""
    rng = np.random.default_rng(0)
    x = scipy.sparse.random_array((12, 30), density=0.3, rng=rng, data_sampler=rng.normal)
    data = [ib.Dataset(x, np.arange(12) % 3), ib.Dataset(x.toarray(), np.arange(12) % 3)]
    method = ib.SteepestDescent(ib.MAX, schedule=ib.Power(50.0, 0.1))
    ask = dict(steps=100, record=[0, 100], weights=True, progress=False, backend="lanes")
    runs = [ib.simulate(d, [method], **ask) for d in data]
    # steps of 50 along signs, at most 100 of them: equal unless a sign differs
    np.testing.assert_allclose(runs[0].weights, runs[1].weights, rtol=1e-12)
