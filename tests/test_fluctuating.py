"""Fluctuating landscapes: sampling schemes, ensembles, spectra, and what happens to bad input."""

from hashlib import sha256

import numpy as np
import pytest
import torch
from ibias_book import fluctuating as fl
from ibias_book.fluctuating.sampling import SCHEMES
from ibias_book.fluctuating.spectra import hessian_vector
from ibias_book.fluctuating.statistics import batch_factor

from ibias import streams


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda s: s.text)
def test_a_batch_repeats_no_sample_and_stays_in_range(scheme):
    rows = scheme.batches(12, 4, range(50), 9)
    assert rows.shape == (50, 9, 4) and rows.min() >= 0 and rows.max() < 12
    assert all(len(set(batch)) == 4 for batch in rows.reshape(-1, 4).tolist())


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda s: s.text)
def test_a_replica_is_the_same_alone_and_in_company(scheme):
    together = scheme.batches(12, 4, [5, 6, 7], 9)
    assert (scheme.batches(12, 4, [6], 9)[0] == together[1]).all()
    assert (scheme.batches(12, 4, [6], 4)[0] == together[1, :4]).all(), (
        "a shorter run must be a prefix"
    )


def test_index_streams_are_those_of_the_stored_runs():
    """The shipped ensembles were drawn in these orders: one changed index is another run."""
    digest = sha256()
    for scheme in SCHEMES:
        for n, size, steps in ((12, 4, 9), (512, 32, 50), (40_000, 8, 5)):
            rows = scheme.batches(n, size, range(5), steps)
            digest.update(str((rows.shape, rows.dtype)).encode() + rows.tobytes())
    assert digest.hexdigest()[:16] == "ca9842a077f91048"


def test_reshuffling_draws_the_house_permutations():
    rows = fl.RESHUFFLING.batches(12, 4, [3], 6)[0]
    assert (rows.reshape(2, 12) == streams.permutations(12, 3, 2)).all()


def test_own_order_repeats_and_common_order_is_common():
    own, common = (s.batches(12, 4, range(5), 6) for s in (fl.OwnOrder(), fl.CommonOrder()))
    assert (own[:, :3] == own[:, 3:]).all() and len(
        {tuple(r) for r in own[:, :3].reshape(5, -1).tolist()}
    ) > 1
    assert (common == common[:1]).all()


def test_every_pair_of_samples_is_equally_likely():
    rows = np.sort(fl.WITH_REPLACEMENT.batches(6, 2, range(30_000), 1)[:, 0], axis=1)
    _, count = np.unique(rows, axis=0, return_counts=True)
    assert len(count) == 15
    # chi-square with 14 degrees of freedom exceeds 45 with probability 4e-5; fixed seeds
    assert ((count - 2000) ** 2 / 2000).sum() < 45


@pytest.mark.parametrize("b", [1, 2, 3, 6, 11, 12])
def test_batch_factor_is_exact(b):
    from itertools import combinations

    values = streams.generator(0).standard_normal(12)
    means = [values[list(batch)].mean() for batch in combinations(range(12), b)]
    # an identity over all batches: rounding only
    assert np.var(means) == pytest.approx(batch_factor(12, b) * values.var(), abs=1e-14)


def plain_loop(landscape, eta, rows, momentum=0.0, reduced=False, epoch=1):
    """One replica in plain Python, written from the definition."""
    theta, average, anchor = 0.3, 0.0, 0.3
    b, h = landscape.offsets[:, 0], landscape.slopes[:, 0]
    for t, batch in enumerate(rows):
        if t % epoch == 0:
            anchor = theta
        g = np.mean(h[batch] * theta + b[batch])
        if reduced:
            g = g - np.mean(h[batch] * anchor + b[batch]) + np.mean(h * anchor + b)
        average = momentum * average + (1 - momentum) * g
        theta -= eta * average
    return theta


@pytest.mark.parametrize(
    ("momentum", "reduced"), [(0.0, False), (0.9, False), (0.0, True), (0.5, True)]
)
def test_ensemble_agrees_with_a_plain_loop(momentum, reduced):
    landscape = fl.sampled_landscape(12, 0.3, 1.0, 0.4)
    found = fl.evolve(landscape, 0.1, fl.RESHUFFLING, 3, 20, [20], [7, 8], 0.3, momentum, reduced)
    for seed, value in zip([7, 8], found.values[:, 0, 0], strict=True):
        rows = fl.RESHUFFLING.batches(12, 3, [seed], 20)[0]
        # the same sums in another order
        assert value == pytest.approx(
            plain_loop(landscape, 0.1, rows, momentum, reduced, 4), rel=1e-12
        )


def test_blocks_of_replicas_do_not_change_them(monkeypatch):
    landscape = fl.sampled_landscape(8, 0.5)
    whole = fl.evolve(landscape, 0.1, fl.WITH_REPLACEMENT, 2, 11, [0, 5, 11], range(9))
    monkeypatch.setattr("ibias_book.fluctuating.ensemble.DRAWS_AT_ONCE", 70)
    monkeypatch.setattr("ibias_book.fluctuating.ensemble.NUMBERS_AT_ONCE", 12)
    assert whole.equals(fl.evolve(landscape, 0.1, fl.WITH_REPLACEMENT, 2, 11, [0, 5, 11], range(9)))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_replicas_are_the_same_on_a_gpu():
    landscape = fl.sampled_landscape(8, 0.5)
    runs = [
        fl.evolve(landscape, 0.1, fl.WITH_REPLACEMENT, 2, 50, [50], range(9), device=d)
        for d in ("cpu", "cuda")
    ]
    # same batches, same operations; fused multiply-adds may round once less
    np.testing.assert_allclose(runs[0], runs[1], rtol=1e-11)


def test_hessian_spectrum_exact_by_lanczos_and_by_finite_differences():
    network = fl.digits_network(samples=64, hidden=3)
    theta = network.start(0)
    matrix = fl.exact_hessian(network.loss, theta)
    basis = fl.eigenbasis(matrix)
    # Lanczos runs to machine precision of the largest eigenvalue
    np.testing.assert_allclose(fl.lanczos(network.loss, theta, 5), basis.values[-5:], rtol=1e-9)
    v = torch.from_numpy(streams.generator(1).standard_normal(network.p))
    gradient = torch.func.grad(network.loss)
    central = (gradient(theta + 1e-5 * v) - gradient(theta - 1e-5 * v)) / 2e-5
    # second-order differences: h^2 = 1e-10 times third derivatives
    torch.testing.assert_close(
        hessian_vector(network.loss, theta, v), central, rtol=1e-6, atol=1e-8
    )
    torch.testing.assert_close(torch.from_numpy(matrix) @ v, central, rtol=1e-6, atol=1e-8)


def test_stationary_covariance_of_a_diagonal_landscape_is_the_mode_formula():
    l, c = np.array([0.5, 2.0]), np.array([1.0, 3.0])
    found = fl.stationary_covariance(np.diag(l), np.diag(c), 0.1)
    expected = [fl.Mode(a, b).stationary_variance(0.1) for a, b in zip(l, c, strict=True)]
    np.testing.assert_allclose(
        found, np.diag(expected), rtol=1e-12, atol=1e-14
    )  # linear algebra of a 2 x 2 system


def bad_inputs():
    flat, line = fl.sampled_landscape(8), np.diag([1.0, 2.0])
    circle = fl.Circle(fl.random_circle(), 32)
    yield "eta is a step size", lambda: fl.evolve(flat, 0.0, fl.WITH_REPLACEMENT, 2, 4, [4], [0])
    yield "eta is a step size", lambda: fl.Mode(1.0, 1.0).growth(-0.1)
    yield "eta is a step size", lambda: circle.push_forward(float("nan"))
    yield "eta is a step size", lambda: fl.Mode(1.0, 1.0).growth("0.1")
    yield "eta is a step size", lambda: fl.Mode(1.0, 1.0).growth(np.ones(2))
    yield "eta is a step size", lambda: fl.stationary_covariance(line, line, -1)
    yield "singular or indefinite", lambda: fl.stationary_covariance(np.diag([0.0, 1.0]), line, 0.1)
    yield (
        "singular or indefinite",
        lambda: fl.stationary_covariance(np.diag([-1.0, 1.0]), line, 0.1),
    )
    yield "must stay below 2", lambda: fl.stationary_covariance(np.diag([1.0, 30.0]), line, 0.1)
    yield "not symmetric", lambda: fl.eigenbasis([[1.0, 0.5], [0.0, 1.0]])
    yield "square matrix", lambda: fl.eigenbasis(np.ones((2, 3)))
    yield "not finite", lambda: fl.eigenbasis([[1.0, np.nan], [np.nan, 1.0]])
    yield "too few for an exponent", lambda: fl.growth_exponents([1, 2, 4], np.ones((3, 2)), 12)
    yield "at least 3 points", lambda: fl.fit_exponent([1, 2], [1, 2])
    yield "noiseless modes", lambda: fl.fit_exponent([1, 2, 3], [0, 1, 2])
    yield "does not hold this density", lambda: circle.von_mises(400.0)
    yield "has mass", lambda: circle.step(circle.push_forward(0.1), np.ones(32))
    yield (
        "finite numbers, one per grid point",
        lambda: circle.step(circle.push_forward(0.1), np.ones(31)),
    )
    yield "must be even", lambda: fl.Circle(fl.random_circle(), 33)
    yield "does not divide n = 10", lambda: fl.RESHUFFLING.batches(10, 3, [0], 4)
    yield "more samples than the 10", lambda: fl.WITH_REPLACEMENT.batches(10, 11, [0], 4)
    yield "sum to zero", lambda: fl.Landscape(np.array([1.0, 1.0]), np.zeros(2))
    yield "one shape", lambda: fl.Landscape(np.zeros(3), np.zeros(2))
    yield (
        "increasing steps between 0 and 4",
        lambda: fl.evolve(flat, 0.1, fl.WITH_REPLACEMENT, 2, 4, [4, 2], [0]),
    )
    yield (
        "increasing steps between 0 and 4",
        lambda: fl.evolve(flat, 0.1, fl.WITH_REPLACEMENT, 2, 4, [5], [0]),
    )
    yield "at least one seed", lambda: fl.evolve(flat, 0.1, fl.WITH_REPLACEMENT, 2, 4, [4], [])
    yield (
        "momentum must lie",
        lambda: fl.evolve(flat, 0.1, fl.WITH_REPLACEMENT, 2, 4, [4], [0], momentum=1.0),
    )
    yield (
        "at least 2 of them",
        lambda: fl.sample_variance(fl.evolve(flat, 0.1, fl.WITH_REPLACEMENT, 2, 4, [4], [0])),
    )
    yield "a seed: an integer", lambda: fl.evolve(flat, 0.1, fl.WITH_REPLACEMENT, 2, 4, [4], [-1])
    yield "must not exceed", lambda: fl.Mode(0.0, 1.0, 1.0, 2.0)
    yield "use mean_variance", lambda: fl.Mode(0.0, 1.0).stationary_variance(0.1)
    yield "no stationary law", lambda: fl.tail_index(np.array([-1.0, -1.0]), 0.1)
    yield "run more replicas", lambda: fl.hill(np.ones(100))
    yield "no shipped point", lambda: fl.Point("digits", 17)
    yield (
        "eigenvalues",
        lambda: fl.lanczos(lambda x: (x**2).sum(), torch.ones(3, dtype=torch.float64), 3),
    )


@pytest.mark.parametrize(("words", "call"), list(bad_inputs()))
def test_bad_input_is_refused_with_a_sentence(words, call):
    with pytest.raises(ValueError, match=words):
        call()
