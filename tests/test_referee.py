"""The referee's chapter: each formula by another method, each experiment small enough to know its
answer."""

from itertools import permutations as orders

import numpy as np
import pytest
import torch
import xarray as xr
from ibias_book.referee import accuracy, adam, dimension, law, plateau, sampling, separation

import ibias as ib

NORMS = (ib.MAX, ib.FROBENIUS, ib.SPECTRAL)


# --- sampling ------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", sampling.SCHEMES)
def test_rows_are_batches_of_distinct_samples(scheme):
    rows = sampling.rows(scheme, 12, 3, 5, 40)
    assert rows.shape == (40, 3)
    assert all(len(set(batch)) == 3 for batch in rows)
    assert set(rows.ravel()) == set(range(12))


def test_schemes_differ_in_what_an_epoch_holds():
    whole = {s: sampling.rows(s, 12, 3, 5, 40).reshape(10, 12) for s in sampling.SCHEMES}
    epochs = {s: [tuple(sorted(e)) == tuple(range(12)) for e in whole[s]] for s in whole}
    assert all(epochs["reshuffled"]) and all(epochs["cyclic"]) and not all(epochs["independent"])
    assert (whole["cyclic"] == whole["cyclic"][0]).all()
    assert not (whole["reshuffled"] == whole["reshuffled"][0]).all()


def test_independent_batches_are_uniform():
    pairs = np.sort(sampling.rows("independent", 6, 2, 1, 30_000), axis=1)
    _, counts = np.unique(pairs, axis=0, return_counts=True)
    # fifteen pairs, 2,000 each, standard deviation 43: five of them
    assert len(counts) == 15 and np.abs(counts - 2000).max() < 216


def enumerated(scheme, beta, m, epochs):
    """The same variance by enumerating orders: values of mean 0 and variance 1, ``epochs`` epochs
    back, which leaves beta^(m epochs)."""
    values = np.arange(m) - (m - 1) / 2
    values /= values.std()
    every = [values[list(order)] for order in orders(range(m))]
    # an epoch's weighted sum has mean zero over orders; different epochs are independent
    total = []
    for seen in range(1, m + 1):  # position in the running epoch
        running = (1 - beta) * beta ** np.arange(seen)[::-1]
        variance = np.mean([(e[:seen] @ running) ** 2 for e in every])
        if scheme == "reshuffled":
            for back in range(epochs):
                w = (1 - beta) * beta ** (seen + back * m + np.arange(m)[::-1])
                variance += np.mean([(e @ w) ** 2 for e in every])
        else:  # one order for ever: the sums of all epochs add before they are squared
            older = sum(
                (1 - beta) * beta ** (seen + back * m + np.arange(m)[::-1])
                for back in range(epochs)
            )
            variance = np.mean([(e[:seen] @ running + e @ older) ** 2 for e in every])
        total.append(variance)
    return np.mean(total)


@pytest.mark.parametrize("scheme", ("reshuffled", "cyclic"))
@pytest.mark.parametrize(("beta", "m"), [(0.5, 3), (0.8, 5), (0.9, 2)])
def test_remaining_variance_by_enumeration(scheme, beta, m):
    # 0.9^(2 * 200) = 5e-19: the epochs left out are below rounding
    assert sampling.remaining_variance(scheme, beta, m) == pytest.approx(
        enumerated(scheme, beta, m, 200), rel=1e-12
    )


def test_remaining_variance_of_independent_batches_is_a_geometric_sum():
    squares = sum((0.1 * 0.9**t) ** 2 for t in range(500))
    assert sampling.remaining_variance("independent", 0.9, 4) == pytest.approx(squares, rel=1e-12)


def test_a_scheme_nobody_knows_is_refused():
    with pytest.raises(ValueError, match="reshuffled, cyclic, independent"):
        sampling.rows("shuffled", 4, 2, 0, 3)
    with pytest.raises(ValueError, match="reshuffled, cyclic, independent"):
        sampling.remaining_variance("shuffled", 0.5, 3)
    with pytest.raises(ValueError, match="m = 1"):
        sampling.remaining_variance("cyclic", 0.5, 1)


@pytest.mark.parametrize("norm", NORMS, ids=lambda n: n.text)
def test_the_loop_is_the_engines(norm):
    """Reshuffled runs of this chapter against the library's own."""
    data = ib.data.mixture(classes=3, per_class=4, dim=5, spread=0.4, seed=1)
    problem = ib.Problem(data)
    batches = torch.as_tensor(sampling.rows("reshuffled", data.n, 2, 3, 200))[:, None]
    mine = sampling.final_weights(problem, norm, ib.Power(0.3), [0.9], batches)
    method = ib.SteepestDescent(norm, ib.Momentum(0.9, ib.Minibatch(2)), ib.Power(0.3))
    runs = ib.simulate(data, method, seeds=[3], steps=200, record=[200], weights=True)
    # both round differently, and 200 steps of a contracting map do not magnify it
    assert np.abs(mine[0].numpy() - runs.weights.values.squeeze()).max() < 1e-9


def test_end_errors_are_relative_to_the_margin():
    data = ib.data.mixture(classes=3, per_class=4, dim=5, spread=0.3, seed=2)
    found = sampling.end_errors(
        data, {ib.SPECTRAL: ib.Power(0.5)}, [0.0, 0.5], batch_size=3, steps=100, seeds=[0, 4]
    )
    best = ib.max_margin(data, ib.SPECTRAL)

    def error(signal):
        method = ib.SteepestDescent(ib.SPECTRAL, signal, ib.Power(0.5))
        runs = ib.simulate(data, method, seeds=[4], steps=100, record=[100])
        return ib.relative_error(runs, {"spectral": best}).error.item()

    cell = {"norm": "spectral", "momentum": 0.5}
    # both round differently, and the polar factor's error is far below this
    assert found.full.sel(cell).item() == pytest.approx(
        error(ib.Momentum(0.5, ib.FullBatch())), abs=1e-9
    )
    mine = found.error.sel(scheme="reshuffled", seed=4, **cell).item()
    assert mine == pytest.approx(error(ib.Momentum(0.5, ib.Minibatch(3))), abs=1e-9)
    assert found.noise.sel(momentum=0.5, scheme="independent") == pytest.approx(1 / 3)


# --- plateaus ------------------------------------------------------------------------------------


def test_subsets_are_all_of_them_or_whole_epochs():
    assert len(plateau.subsets(6, 3)) == 20
    some = plateau.subsets(30, 4, most=70)
    assert some.shape[1] == 4 and len(some) >= 70
    assert all(len(set(batch)) == 4 for batch in some)
    assert np.ptp(np.bincount(some.ravel(), minlength=30)) <= len(some) // 7


def test_the_polar_factor_of_two_rows_agrees_with_singular_values():
    """Generic matrices whose columns sum to zero, of rank two, nearly one, one and zero."""
    g = torch.randn(300, 3, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    g = g - g.mean(1, keepdim=True)
    parallel = g[:, :1] * torch.tensor([[1.0], [1.0], [-2.0]])
    # both are right to rounding over the smaller singular value
    for tested, tolerance in ((g, 1e-12), (parallel + 1e-3 * g, 1e-10), (parallel, 1e-12)):
        apart = plateau.polar_of_two(tested) - ib.SPECTRAL.steepest(tested)
        assert apart.abs().max() < tolerance
    assert not plateau.polar_of_two(0 * g).any()


def test_the_plateau_of_orthogonal_samples_is_known_by_hand():
    """Two classes, one sample each, lengths 1 and 3, single samples: N-SGD keeps the mean of the
    unit directions. z1 = e1, z2 = 3 e2 (after the sign): the drift is (1, 1)/2 in the difference of
    rows, so q = 1 * |.|, and the maximum margin puts 1/l^2 on each: error computed below."""
    data = ib.Dataset(np.array([[1.0, 0.0], [0.0, -3.0]]), np.array([0, 1]), "two")
    gamma = ib.max_margin(data, ib.FROBENIUS).margin
    # W = (w, -w): margins 2 w1 and 6 w2, norm sqrt2 |w|: the optimum has w1 = 3 w2
    assert gamma == pytest.approx(6 / np.sqrt(20), rel=1e-12)
    error = 1 - (2 / np.sqrt(2) / np.sqrt(2)) / gamma  # w = (1, 1)
    predicted = plateau.predicted(data, ib.FROBENIUS, 1, gamma, 400)
    assert predicted == pytest.approx([error, error], abs=1e-12)
    assert plateau.unreachable(data, 1) > 0.1
    # both samples in one batch: the full gradient, no plateau
    assert plateau.unreachable(data, 2) < 1e-6


def test_a_batch_without_support_samples_cannot_reach_the_margin():
    """The proposition: the third sample is far beyond the margin and alone in a batch."""
    x = np.array([[1.0, 0, 0], [0, -1.0, 0], [0.2, 0.2, 5.0]])
    data = ib.Dataset(x, np.array([0, 1, 0]), "idle third")
    assert plateau.unreachable(data, 1) > 0.05
    assert plateau.unreachable(data, 3) < 1e-6


def test_a_direction_that_single_samples_keep_is_reachable_however_short_their_mean():
    """Samples of equal length at right angles: the mean of their unit directions is along the
    optimum and shorter than one."""
    data = ib.Dataset(np.array([[1.0, 0.0], [0.0, -1.0]]), np.array([0, 1]), "even")
    assert plateau.unreachable(data, 1) < 1e-6


def test_the_drift_settles_faster_than_the_weights():
    data = ib.Dataset(np.array([[1.0, 0.0], [0.0, -3.0]]), np.array([0, 1]), "two")
    gamma = ib.max_margin(data, ib.FROBENIUS).margin
    # the full gradient reaches the margin: exponentially in the drift, as 1/s in the weights,
    # which are still about 1/80 away
    long, short = plateau.predicted(data, ib.FROBENIUS, 2, gamma, 800)
    assert abs(long) < 1e-12 < abs(short) < 1e-4  # rounding; e^-10


def test_prediction_and_run_agree_on_a_small_set():
    data = ib.data.mixture(classes=2, per_class=4, dim=3, spread=0.3, seed=11)
    cells = plateau.plateaus({"m": data}, NORMS[:2], [1, 2], pieces=800, steps=40_000, seeds=[0])
    apart = np.abs(cells.measured.squeeze() / cells.predicted.squeeze() - 1)
    settled = np.abs(cells.predicted / cells.shorter - 1).squeeze() < 0.02
    # what the run had before it settled is a hundredth of its margin by now; 5 % leaves room
    assert settled.sum() >= 2 and float(apart.where(settled).max()) < 0.05


# --- the law, times, sizes -----------------------------------------------------------------------


def test_the_excess_is_what_batches_cost_beyond_the_full_batch():
    data = ib.data.mixture(classes=3, per_class=4, dim=5, spread=0.3, seed=2)
    lengths = {ib.MAX: ib.Power(0.2), ib.FROBENIUS: ib.Power(0.5)}
    cells = law.excess(data, lengths, [2, 6], [0, 0.5], steps=300, seeds=[0, 1])
    best = ib.max_margin(data, ib.FROBENIUS)

    def error(signal):
        method = ib.SteepestDescent(ib.FROBENIUS, signal, ib.Power(0.5))
        runs = ib.simulate(data, method, seeds=[1], steps=300, record=[300])
        return ib.relative_error(runs, {"frobenius": best}).error.item()

    whole = error(ib.Momentum(0.5, ib.FullBatch()))
    assert abs(whole) > 1e-3  # what is subtracted is no zero
    mine = cells.excess.sel(norm="frobenius", momentum=0.5, batch_size=2, seed=1).item()
    # the same runs, and the same margins up to their certified width
    assert mine == pytest.approx(error(ib.Momentum(0.5, ib.Minibatch(2))) - whole, abs=1e-10)
    noise = cells.predictor.sel(quantity="noise", momentum=0)
    # n = 12: the variance of a batch's mean without repetition, (n - b) / (b (n - 1))
    assert noise.values == pytest.approx([10 / 22, 6 / 66], rel=1e-12)


def test_agreement_finds_a_planted_law():
    x = np.geomspace(0.01, 10, 40).reshape(5, 8)
    cell = ("momentum", "batch_size")
    cells = xr.Dataset(
        {
            "excess": (("norm", *cell, "seed"), 0.03 * x[None, ..., None] ** 0.7),
            "predictor": (("quantity", *cell), np.stack([x, 1 / x])),
        },
        {"norm": ["max"], "quantity": ["right", "backwards"]},
    )
    found = law.agreement(cells, resolved=0.002, draws=50)
    assert found.slope.values[0] == pytest.approx([0.7, -0.7], abs=1e-10)
    assert found["rank"].values[0] == pytest.approx([1, -1], abs=1e-12)
    assert found.behind_low.values[0] == pytest.approx([0, 2], abs=1e-12)
    readable = (0.03 * x**0.7 > 0.002) & (0.03 * x**0.7 < 0.5)
    assert (found.used == readable.sum()).all() and readable.sum() < 40


def test_copies_keep_margin_and_radius():
    data = ib.data.mixture(classes=2, per_class=4, dim=3, spread=0.3, seed=1)
    thrice = separation.copies(data, 3)
    assert thrice.n == 3 * data.n and thrice.radius == data.radius
    # the same problem to rounding: margins are certified to 1e-13
    assert ib.max_margin(thrice, ib.MAX).margin == pytest.approx(
        ib.max_margin(data, ib.MAX).margin, rel=1e-12
    )


def test_lasting_separation_is_the_last_time_wrong():
    data = ib.data.mixture(classes=2, per_class=4, dim=3, spread=0.3, seed=1)
    method = ib.SteepestDescent(ib.MAX, ib.Minibatch(2), ib.Power(0.3))
    (time,) = separation.lasting(data, [method], 300, [4])[0]
    every = ib.simulate(data, method, seeds=[4], steps=300, record=np.arange(301)).min_margin
    wrong = np.flatnonzero(every.values.squeeze() <= 0).max()
    # recorded 3 % apart
    assert wrong < time <= 1.04 * wrong + 1


def test_matched_data_have_the_margin_asked_for():
    for d in (40, 200):
        data, margin = dimension.matched(ib.MAX, 12, d, 3, 0.4, seed=0)
        assert np.abs(data.x).sum(1) == pytest.approx(np.ones(12), rel=1e-12)
        assert margin == pytest.approx(0.4, rel=0.01)  # what was asked for
        assert ib.max_margin(data, ib.MAX).margin == pytest.approx(margin, rel=2e-4)
    with pytest.raises(ValueError, match="ask for less"):
        dimension.matched(ib.MAX, 12, 40, 3, 1.9, seed=0)


def test_euclidean_factor_is_attained():
    for norm, w in ((ib.MAX, np.ones((3, 5))), (ib.SPECTRAL, np.eye(3, 5))):
        w = torch.as_tensor(w, dtype=torch.float64)
        ratio = float(ib.FROBENIUS.value(w) / norm.value(w))
        assert dimension.euclidean_factor(norm, 5, 3) == pytest.approx(ratio, rel=1e-12)


# --- accuracy ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("attack", "order"), [("l1", 1), ("l2", 2), ("l-infinity", np.inf)])
def test_no_perturbation_beats_the_closed_form_and_one_attains_it(attack, order):
    rng = np.random.default_rng(3)
    w, x = rng.normal(size=(3, 4)), rng.normal(size=(200, 4))
    y = (x @ w.T).argmax(1)
    test = ib.Dataset(x, y, "t")
    budget = 0.3
    tough = np.array(
        [accuracy.robust_accuracy(w[None], _one(x[i], y[i]), attack, budget)[0] for i in range(200)]
    )
    assert accuracy.robust_accuracy(w[None], test, attack, budget)[0] == tough.mean()
    for i in range(200):
        moves = list(_worst(w, y[i], order))
        flipped = any(((x[i] + 1.0001 * budget * v) @ w.T).argmax() != y[i] for v in moves)
        held = all(((x[i] + 0.9999 * budget * v) @ w.T).argmax() == y[i] for v in moves)
        assert flipped if not tough[i] else held


def _one(x, label):
    """A set of three so that all classes occur; the sample thrice is judged once for its own."""
    return type("T", (), {"x": x[None], "y": np.array([label])})()


def _worst(w, own, order):
    """The worst unit perturbation towards each other class."""
    for c in range(len(w)):
        if c != own:
            a = w[c] - w[own]
            if order == np.inf:
                yield np.sign(a)
            elif order == 2:
                yield a / np.linalg.norm(a)
            else:
                yield np.where(np.abs(a) == np.abs(a).max(), np.sign(a), 0)


def test_split_takes_equally_many_of_each_class():
    data = ib.data.digits()
    seen, unseen = accuracy.split(data, 100, 2)
    assert (np.bincount(seen.y) == 10).all() and seen.n + unseen.n == data.n
    rows = {r.tobytes() for r in seen.x}
    assert not rows & {r.tobytes() for r in unseen.x}
    with pytest.raises(ValueError, match="multiple of 10"):
        accuracy.split(data, 105, 2)


# --- Adam ----------------------------------------------------------------------------------------


def test_adam_is_adam():
    """Against ten lines of numpy, while nothing underflows."""
    data = ib.data.mixture(classes=3, per_class=4, dim=5, spread=0.4, seed=1)
    problem = ib.Problem(data)
    rows = sampling.rows("reshuffled", data.n, 3, 2, 60)
    decay = torch.tensor([0.95], dtype=torch.float64)
    mine = adam.weights(problem, torch.as_tensor(rows)[:, None], 0.9, decay, ib.Power(0.1))
    w, m, v = np.zeros((3, data.k, data.d))
    for t, batch in enumerate(rows, start=1):
        x, y = data.x[batch], data.y[batch]
        p = np.exp(x @ w.T) / np.exp(x @ w.T).sum(1, keepdims=True)
        g = (p - np.eye(data.k)[y]).T @ x / len(batch)
        m, v = 0.9 * m + 0.1 * g, 0.95 * v + 0.05 * g * g
        w = w - 0.1 * t**-0.5 * (m / (1 - 0.9**t)) / np.sqrt(v / (1 - 0.95**t))
    # sixty steps, each with a quotient of two rounded averages
    assert mine[0].numpy() == pytest.approx(w, abs=1e-10)


def test_memories_are_the_errors_and_the_decades_of_the_loss():
    data = ib.data.mixture(classes=2, per_class=3, dim=4, spread=0.2, seed=1)
    found = adam.memories(data, [0.5, 0.9], [2], beta1=0.5, steps=40, seeds=[0, 3])
    problem, gamma = ib.Problem(data), ib.max_margin(data, ib.MAX).margin
    rows = torch.as_tensor(sampling.rows("reshuffled", data.n, 2, 3, 40))[:, None]
    decay = torch.tensor([0.9], dtype=torch.float64)
    w = adam.weights(problem, rows, 0.5, decay, ib.Power(1 / gamma))
    one = found.sel(batch_size=2, beta2=0.9, seed=3)
    margin = problem.min_margin(w) / ib.MAX.value(w)
    # the same operations on the same numbers
    assert one.error.item() == pytest.approx(1 - margin.item() / gamma, abs=1e-12)
    assert 10 ** one.log_loss.item() == pytest.approx(problem.log_loss(w).exp().item(), rel=1e-10)


def test_adam_outlives_the_smallest_float():
    data = ib.data.mixture(classes=2, per_class=3, dim=4, spread=0.2, seed=1)
    problem = ib.Problem(data)
    rows = torch.arange(data.n).expand(600, 1, data.n)
    decay = torch.tensor([0.05], dtype=torch.float64)  # loss falls by at most this root a step
    w = adam.weights(problem, rows, 0.2, decay, ib.Power(5.0, 0.1))
    assert float(problem.log_loss(w)) < -800  # exp(-745) is the smallest float
    assert float(problem.min_margin(w) / ib.MAX.value(w)) > 0
