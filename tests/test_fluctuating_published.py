"""The third paper's own experiments: the formula along the path, their networks and their numbers."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from ibias_book.batches import batches_per_epoch
from ibias_book.fluctuating import RESHUFFLING, WITH_REPLACEMENT, run_replicas
from ibias_book.fluctuating.closure import geometric, predict_variance
from ibias_book.fluctuating.networks import digits_network
from ibias_book.fluctuating.published import (
    ensembles,
    langevin,
    language,
    mlp386,
    path,
    stationary,
    step_sizes,
    table,
    toys,
)
from ibias_book.fluctuating.published import transformer as text_network
from ibias_book.fluctuating.published.repeating import WITH_REPETITION, noise_factor
from ibias_book.fluctuating.reshuffling import area_variance, linear_epoch_variance
from ibias_book.fluctuating.statistics import frame_at, noise_statistics
from ibias_book.fluctuating.training import early_point
from ibias_book.repository import archives


class Parabola:
    """Losses (theta - a_s) A (theta - a_s) / 2: one Hessian A for every sample, and noise that does
    not change along the path."""

    def __init__(self, n=12, p=3):
        rng = np.random.default_rng(0)
        root = torch.tensor(rng.standard_normal((p, p)))
        self.matrix, self.x = root @ root.T / p, torch.tensor(rng.standard_normal((n, p)))
        self.y, self.n, self.p = torch.zeros(n), n, p

    def sample_loss(self, theta, x, y):
        return (theta - x) @ self.matrix @ (theta - x) / 2

    def loss(self, theta):
        away = theta - self.x
        return ((away @ self.matrix) * away).sum(1).mean() / 2

    def sample_gradients(self, theta):
        return (theta - self.x) @ self.matrix


def modes(parabola):
    values, vectors = np.linalg.eigh(parabola.matrix.numpy())
    b = path.deviations(parabola, parabola.x[0]).numpy() @ vectors
    return values, vectors, (b**2).mean(0)


def test_with_replacement_a_parabolas_cloud_is_exact():
    parabola, eta, steps = Parabola(), 0.1, 30
    l, vectors, c = modes(parabola)
    every = path.clouds(parabola, parabola.x[0], eta, 4, [7, steps], WITH_REPETITION, longest=8)
    early, late = every
    for cloud in (early, late):
        exact = eta**2 * c / 4 * geometric((1 - eta * l) ** 2, cloud.step)
        # the same sums in another order
        np.testing.assert_allclose(cloud.along(vectors), exact, rtol=1e-10)
    walked = parabola.x[0].clone()
    for _ in range(steps):
        walked = walked - eta * (walked - parabola.x.mean(0)) @ parabola.matrix
    torch.testing.assert_close(late.mean, walked, rtol=1e-10, atol=1e-12)


def test_reshuffled_a_parabolas_cloud_is_exact():
    parabola, eta, epochs = Parabola(), 0.1, 3
    l, vectors, c = modes(parabola)
    m, f = 3, (12 - 4) / (11 * 4)
    one = linear_epoch_variance(eta, l, f * c, m)
    exact = one * geometric((1 - eta * l) ** (2 * m), epochs)
    (cloud,) = path.clouds(parabola, parabola.x[0], eta, 4, [m * epochs], RESHUFFLING)
    np.testing.assert_allclose(cloud.along(vectors), exact, rtol=1e-9)  # as above
    with pytest.raises(ValueError, match="ends of epochs|epochs' ends"):
        next(path.clouds(parabola, parabola.x[0], eta, 4, [m + 1], RESHUFFLING))


def test_the_area_is_that_of_every_samples_hessian():
    network = digits_network(samples=24, hidden=2)
    theta = early_point(network, steps=30)
    n, batch = network.n, 4
    exact = noise_statistics(network, theta, reshuffling=True)
    basis = path.eigenbasis(path.hessian_in_parts(network.loss, theta))
    found = path.area(network, theta, basis, batch, strong=network.p, pairs=n - 1)
    a, cross, z = exact.area
    # over all pairs of different samples, n^2 tr(K^2) without its diagonal
    pairs = (n**2 * cross - z) / (n * (n - 1))
    wanted = area_variance(n, batch, a, pairs, z, n * exact.force)
    kept = exact.noisy & (np.abs(exact.curvature) > 1e-8)  # elsewhere eigenvectors turn freely
    np.testing.assert_allclose(found[kept], wanted[kept], rtol=1e-6)


def test_directions_taken_together_agree_with_them_one_by_one():
    network = digits_network(samples=48, hidden=2)
    theta = early_point(network, steps=30)
    basis = path.eigenbasis(path.hessian_in_parts(network.loss, theta))
    every, some = (
        path.area(network, theta, basis, 4, strong=strong, pairs=8) for strong in (network.p, 12)
    )
    # what is left after the strong ones is small, and its random signs leave an error of a few %
    assert some.sum() == pytest.approx(every.sum(), rel=0.03)


@pytest.mark.parametrize("scheme", [WITH_REPLACEMENT, RESHUFFLING], ids=lambda s: s.text)
def test_away_from_a_minimum_the_path_is_needed_and_enough(scheme):
    network, eta, batch, runs = digits_network(0.0, samples=128, hidden=3), 0.1, 16, 400
    theta = early_point(network, steps=20)
    frame, steps = frame_at(network, theta), 12 * batches_per_epoch(network.n, batch)
    noise = np.diag(frame.covariance)
    noisy = noise > 1e-12 * noise.max()
    run = run_replicas(
        network, theta, frame.vectors, eta, scheme, batch, steps, [steps], range(runs)
    )
    (cloud,) = path.clouds(network, theta, eta, batch, [steps], scheme)
    found = stationary.compared(
        run.variance.values[0, noisy], cloud.along(frame.vectors)[noisy], runs
    )
    # 4 standard errors of 7 %: the next order in eta must fit in as well
    assert found["z below 4"] > 0.95 and abs(found["median ratio"] - 1) < 0.1
    moved = np.linalg.norm(run["mean"].values[0])
    assert np.linalg.norm((cloud.mean - theta).numpy()) == pytest.approx(moved, rel=0.05)
    if scheme is WITH_REPLACEMENT:
        statistics = noise_statistics(network, theta)
        frozen = predict_variance(statistics, eta, batch, [steps]).variance.values[0]
        still = stationary.compared(run.variance.values[0, noisy], frozen[noisy], runs)
        assert still["z below 4"] < found["z below 4"] - 0.1, "the point itself does not say it"


def test_batches_with_repetition():
    rows = WITH_REPETITION.batches(5, 4, range(2_000), 3)
    assert rows.shape == (2_000, 3, 4) and set(np.unique(rows)) == set(range(5))
    assert (np.sort(rows, -1)[..., 1:] == np.sort(rows, -1)[..., :-1]).any()
    means = np.arange(5.0)[rows].mean(-1).ravel()
    factor = noise_factor(WITH_REPETITION, 5, 4)
    # 6,000 means: a standard error of 1.8 %
    assert means.var() / np.arange(5.0).var() == pytest.approx(factor, rel=0.08)
    assert factor == 1 / 4 and noise_factor(RESHUFFLING, 5, 4) == pytest.approx(1 / 16)
    np.testing.assert_array_equal(WITH_REPETITION.batches(5, 4, [7], 3)[0], rows[7])


def without_archives(monkeypatch):
    def missing():
        raise archives.Unavailable("nothing was downloaded")

    monkeypatch.setattr(archives, "images", missing)
    monkeypatch.setattr(archives, "plays", missing)


def test_without_the_archives_other_data_are_named(monkeypatch):
    without_archives(monkeypatch)
    there, network = mlp386.digits(), mlp386.mlp386(2_048, 0)
    assert there.without == "nothing was downloaded" and "scikit-learn" in network.name
    assert network.p == 386 and network.n == 1_792  # 1,797 digits in whole batches of 64
    text = text_network.transformer()
    assert text.without == "nothing was downloaded" and "Gettysburg" in text.name


def test_the_public_codes_pooling_and_first_weights():
    network = mlp386.mlp386(128, 3)
    ramp = np.arange(28.0)[None, :, None] + np.zeros((1, 28, 28))
    rows = mlp386._pooled(ramp).reshape(6, 6)[:, 0]
    # windows from floor(28 i / 6) to ceil(28 (i + 1) / 6)
    assert rows.tolist() == [2.0, 6.5, 11.0, 16.0, 20.5, 25.0]
    weights = network.unpack(mlp386.start(network, 1))
    for name, width in (("w1", 36), ("b1", 36), ("w2", 8), ("b2", 8)):
        assert 0.7 < weights[name].abs().max() * width**0.5 <= 1
    point = mlp386.reference(network, 0, 5)
    assert network.loss(point) < network.loss(mlp386.start(network, 0))


def test_no_batch_moves_a_symmetry_and_single_precision_does(monkeypatch):
    monkeypatch.setattr(step_sizes, "ETAS", (0.1,))
    run = step_sizes.measured(0, runs=4)
    still, noisy, sharp = (run.plateau.values[0, :, 0]).tolist()
    leak = float(run.single.sel(number="plateau").values[0])
    # rounding in double precision; in single at least its square; and real noise
    assert still < 1e-22 < 1e-16 < leak < noisy * 100 and noisy < 1e-3 * sharp


def test_late_numbers():
    line = np.outer(step_sizes.LATE, [1.0, 3.0]) + 5
    assert step_sizes.late(line) == pytest.approx((2 * 360 + 5, 2.0))


def test_scores_are_those_of_the_public_code():
    a, b = np.array([1.0, 4.0, 16.0]), np.array([2.0, 8.0, 32.0])
    found = stationary.scores(a, b)
    assert found == pytest.approx({"log-correlation": 1.0, "relative error": 1.0})
    assert stationary.top_modes(np.array([0.1, -3.0, 2.0]), 2).tolist() == [2, 1]


def test_compared_counts_what_it_says():
    rng = np.random.default_rng(0)
    formula = np.exp(rng.uniform(-5, 5, 4_000))
    runs = 101
    drawn = formula * rng.chisquare(runs - 1, 4_000) / (runs - 1)
    found = stationary.compared(drawn, formula, runs)
    # 4,000 modes: 1.1 % in a spread, 0.3 % in a median
    assert found["spread of z"] == pytest.approx(1, abs=0.06) and found["z below 4"] > 0.998
    assert found["median ratio"] == pytest.approx(1, abs=0.03)
    assert stationary.compared(3 * drawn, formula, runs)["z below 4"] < 0.01


def test_the_diagonals_share():
    assert ensembles.diagonal_mass(np.eye(4)) == 1
    assert ensembles.diagonal_mass(np.ones((4, 4))) == pytest.approx(1 / 4)


def test_a_frozen_walk_corrected_this_way_is_too_fast(monkeypatch):
    monkeypatch.setattr(langevin, "STEPS", 20)
    found = langevin.comparison(0, many=128)
    # SGD falls behind both walks, so the faster one is further off; the path is near
    assert 0.85 < found["mean, without sampling error"] < 1
    assert found["mean, plain over the path"] > 2


def test_the_strip_and_its_growth():
    points = toys.strip()
    assert len(points) == 7 and (0.7, 2.0) in points and (0.8, 2.8) not in points
    assert (toys.growth_in_strip() > 1).all()
    rng = np.random.default_rng(0)
    assert toys._unstable(0.8, 8.0, 500, rng) and not toys._unstable(0.2, 0.5, 500, rng)


def test_the_exact_recursion_of_the_drift(monkeypatch):
    exact = toys.drift_formulas()
    assert exact["published formula"] == pytest.approx(7.7702448)  # its nine digits are public
    assert exact["pure diffusion"] == pytest.approx(0.0072)
    mean, variance, eta = 0.0, 0.0, toys.DRIFT["eta"]
    for _ in range(toys.DRIFT["steps"]):
        fluctuation = toys.DRIFT["fluctuation"]
        variance += eta**2 * (toys.DRIFT["noise"] + fluctuation * (variance + mean**2))
        mean -= eta * toys.DRIFT["slope"]
    assert exact["exact recursion"] == pytest.approx(variance, rel=1e-12)


def test_a_published_number_is_compared_with_a_further_draw():
    ours = [1.0, 1.2, 1.1]
    assert table.agrees(1.2, ours, "x") and not table.agrees(2.0, ours, "x")
    # t (2 degrees of freedom) = 4.30, s.d. 0.1, sqrt(4 / 3): 0.497
    assert table.agrees(1.59, ours, "x") and not table.agrees(1.61, ours, "x")
    assert table.agrees(0.857, [6 / 7], "x") and not table.agrees(0.9, [6 / 7], "x")
    spread = [1e-4, 1e-3, 1e-2]
    assert table.agrees(2e-6, spread, "trace ratio") and not table.agrees(1.0, spread, "x")


def test_a_row_for_every_published_number():
    found = {
        k: pd.concat([pd.DataFrame([v]), 1.01 * pd.DataFrame([v])])
        for k, v in table.PUBLISHED.items()
    }
    rows = table.rows(found)
    assert len(rows) == sum(map(len, table.PUBLISHED.values())) and rows["agrees"].all()
    wrong = table.rows({"EXP33": pd.DataFrame({"diagonal mass, Hessian's basis": [0.1, 0.11]})})
    text = table.markdown(wrong)
    assert "verdict-not-reproduced" in text and "0.105 ± 0.005 | 2" in text
    away = table.rows(found, no_mnist="not here").set_index("experiment").verdict
    assert set(away["EXP5-lr"]) == {"not tested"} and set(away["EXP29"]) == {"reproduced"}
    away = table.rows(found, no_plays="not here").set_index("experiment").verdict
    assert set(away["EXP2, transformer"]) == {"not tested"}
    assert "verdict-not-tested" in table.markdown(table.rows(found, "not here"))


def test_a_slope_of_rounding_that_falls_is_no_exponent_and_the_row_says_not_tested():
    """On another processor the rounding along the flattest directions has another sign."""
    single = xr.DataArray([[1e-10, 1e-13]] * 3 + [[1e-10, -1e-13]], dims=("eta", "number"))
    run = xr.Dataset({"single": single, "plateau": (("eta", "group", "of"), np.ones((4, 1, 1)))})
    run = run.assign_coords(
        eta=list(step_sizes.ETAS), number=["plateau", "slope"], group=["sharpest"], of=["measured"]
    )
    scores = step_sizes.published_scores(run)
    assert np.isnan(scores["exponent, flat slope (float32)"])
    rows = table.rows({"EXP5-lr": pd.DataFrame([scores] * 2)}).set_index("quantity")
    assert rows.verdict["exponent, flat slope (float32)"] == "not tested"
    assert rows.seeds["exponent, flat slope (float32)"] == 0
    assert rows.verdict["sharp plateau at 0.1"] == "not reproduced"


# --- the transformer


def small():
    return text_network.transformer().part(slice(6))


def test_the_transformer_has_the_papers_size_and_looks_back_only():
    network = small()
    assert network.p == 960
    theta = network.start(0)[None] + 0.1
    ahead = network.x.clone()
    ahead[:, 10] = (ahead[:, 10] + 1) % 25
    one, other = (network.logits(theta, x[None])[0] for x in (network.x, ahead))
    torch.testing.assert_close(one[:, :10], other[:, :10], rtol=0, atol=1e-12)
    assert (one[:, 10:] - other[:, 10:]).abs().amax((0, 2)).min() > 1e-6


def test_the_transformers_replicas_are_apart_and_its_gradients_means():
    network, rows = small(), torch.tensor([[0, 3, 3], [5, 1, 2]])
    theta = torch.stack([network.start(0), network.start(1)]) * 3
    found = network.batch_gradients(theta, rows)
    for own, batch, gradient in zip(theta, rows, found, strict=True):
        wanted = network.sample_gradients(own)[batch].mean(0)
        torch.testing.assert_close(gradient, wanted, rtol=1e-9, atol=1e-12)  # sums reordered


def test_the_text_is_of_25_letters(monkeypatch):
    network = text_network.transformer()
    assert network.x.max() < 25 and (network.x[1:, :-1] == network.x[:-1, 1:]).all()
    torch.testing.assert_close(network.y[:, :-1], network.x[:, 1:])
    without_archives(monkeypatch)
    assert text_network.transformer().n % 64 == 0


def test_what_ships_of_the_transformer():
    kept = language.shipped()
    assert len(language.FILE.read_bytes()) < 500_000
    assert {key.partition(":")[0] for key in kept} == {"0", "1", "2"}
    assert all(np.isfinite(row).all() for row in kept.values())


def test_a_file_of_other_settings_is_refused(monkeypatch):
    language.shipped.cache_clear()
    monkeypatch.setattr(language, "SETTINGS", language.SETTINGS | {"runs": 47})
    with pytest.raises(ValueError, match="another runs; call `python -m"):
        language.shipped()
    monkeypatch.undo()
    monkeypatch.setattr(language, "text_hash", lambda network: "another text")
    if not text_network.transformer().without:
        with pytest.raises(ValueError, match="another text; call"):
            language.shipped()


def test_the_file_is_not_made_from_another_text(monkeypatch, tmp_path):
    without_archives(monkeypatch)
    with pytest.raises(ValueError, match="Shakespeare's text: nothing was downloaded"):
        language.make(tmp_path / "file.npz")
    assert not list(tmp_path.iterdir())


def test_the_file_holds_what_is_measured(monkeypatch, tmp_path):
    monkeypatch.setattr(text_network.archives, "plays", lambda: text_network.OPENING + " ab" * 90)
    small = {"steps": 4, "runs": 3, "gradient_batches": 3, "hessian_windows": 8, "early": 2}
    small |= {"reference_steps": 3, "thinned": 4}
    monkeypatch.setattr(language, "SETTINGS", language.SETTINGS | small)
    monkeypatch.setattr(language, "SEEDS", (0,))
    monkeypatch.setattr(language, "FILE", tmp_path / "file.npz")
    language.make(tmp_path / "file.npz")
    language.shipped.cache_clear()
    assert json.loads(str(np.load(tmp_path / "file.npz")["settings"]))["runs"] == 3
    run = language.run(0)
    # the same draws and sums; the file keeps the vectors in float32
    assert language.first_steps_again() < 1e-4 and run.sizes["mode"] == 960
    assert set(language.published_scores(run)) == set(table.PUBLISHED["EXP2, transformer"])
    assert set(language.agreement(run)) == set(stationary.compared(*np.ones((2, 3)), 3))
    language.shipped.cache_clear()


@pytest.mark.slow
def test_the_transformers_file_can_be_made_again():
    network = text_network.transformer()
    if network.without:
        pytest.skip(network.without)
    fresh, kept = language.measure(network, language.AGAIN), language.run(language.AGAIN)
    top = stationary.top_modes(fresh["curvature"])
    # another linear-algebra library turns eigenvectors of close eigenvalues a little
    np.testing.assert_allclose(fresh["variance"][top], kept.variance.values[top], rtol=0.05)
    np.testing.assert_allclose(fresh["path"][top], kept.path.values[top], rtol=0.05)
