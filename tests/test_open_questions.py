"""The last three questions of the referee's chapter: stalls, KKT points, averaged reshuffling; and
data on which only a size moves."""

from dataclasses import asdict
from itertools import permutations, product
from pathlib import Path

import numpy as np
import pytest
import torch
from ibias_book.fluctuating.reshuffling import partition_variance, sign_kept
from ibias_book.homogeneous import L2, LINF, Layers, Rule, aniso
from ibias_book.referee import dimension, kkt, memory, stall

import ibias as ib

ROOT = Path(__file__).parents[1]
FOUND = stall.recorded(ROOT / "book" / "stall.json")
HARD = stall.Cell("spectral", 3, 2, 4, reshuffled=True)
NORMS = (ib.MAX, ib.FROBENIUS, ib.SPECTRAL)


# --- stalls --------------------------------------------------------------------------------------


def test_halves_are_partitions():
    for n, count in ((4, 3), (6, 10)):
        parts = stall.halves(n, True)
        assert parts.shape == (count, 2, n // 2) and len(stall.halves(n, False)) == 1
        assert all(sorted(one.ravel().tolist()) == list(range(n)) for one in parts)
        assert len({tuple(one[0].tolist()) for one in parts}) == count


@pytest.mark.parametrize("norm", NORMS, ids=lambda n: n.text)
def test_moves_are_the_librarys_gradients_and_steps(norm):
    """Many sets at once against the library's problem, one set and one batch at a time."""
    x, y = stall.drawn(np.random.default_rng(1), HARD, 5)
    w = torch.from_numpy(np.random.default_rng(2).normal(size=(5, 3, 2)))
    step, share, margin = stall.moves(w, x, y, norm, stall.halves(4, True))
    for i in range(5):
        problem = ib.Problem(ib.Dataset(x[i].numpy(), y[i].numpy(), "t"))
        gained, size, total = 0.0, 0.0, torch.zeros(3, 2, dtype=torch.float64)
        for parts in stall.halves(4, True):
            g = [-problem.gradient(w[i], part).plain() for part in parts]
            d = [norm.steepest(one) for one in g]
            gained += float(((d[0] + d[1]) * (g[0] + g[1])).sum())
            size += float(norm.dual(g[0]) + norm.dual(g[1]))
            total += (d[0] + d[1]) / 6
        # sums of a few products of numbers of size 1
        assert step[i].numpy() == pytest.approx(total.numpy(), abs=1e-12)
        assert float(share[i]) == pytest.approx(gained / size, abs=1e-12)
        assert float(margin[i]) == pytest.approx(float(problem.min_margin(w[i])), abs=1e-12)


def test_the_drift_is_preconditioned_descent():
    """The proposition's formula, with the gradient of L by autograd: in the plane D_1 + D_2 = -(4/N)
    D <grad L, D> where both polar factors are rotations."""
    x, y = stall.drawn(np.random.default_rng(5), HARD, 40)
    basis = torch.from_numpy(np.linalg.svd(np.ones((1, 3)))[2][1:].T.copy())
    checked = 0
    for i in range(40):
        w = (0.3 * torch.randn(3, 2, dtype=torch.float64)).requires_grad_()
        loss = torch.nn.functional.cross_entropy(x[i] @ w.mT, y[i])
        (gradient,) = torch.autograd.grad(loss, w)
        residual = torch.nn.functional.one_hot(y[i], 3) - (x[i] @ w.mT).softmax(-1).detach()
        g = [residual[part].mT @ x[i][part] / 2 for part in ([0, 1], [2, 3])]
        flat = [basis.T @ one for one in g]
        factors = [u @ v for u, _, v in map(torch.linalg.svd, flat)]
        if min(torch.linalg.det(f) for f in factors) < 0:
            continue
        angles = [torch.atan2(f[1, 0], f[0, 0]) for f in factors]
        half = (angles[0] + angles[1]) / 2
        mean = torch.tensor(
            [[half.cos(), -half.sin()], [half.sin(), half.cos()]], dtype=torch.float64
        )
        size = sum(ib.SPECTRAL.dual(one) for one in g)
        along = (gradient * (basis @ mean)).sum()
        # four products; the mean angle may be off by pi, which changes the sign of D twice
        assert (factors[0] + factors[1]).numpy() == pytest.approx(
            (-4 / size * mean * along).numpy(), abs=1e-12
        )
        checked += 1
    assert checked > 5


def test_the_recorded_set_is_separable_and_has_a_neutral_rest_point():
    x, y = stall.worst(FOUND, HARD)
    data = ib.Dataset(x[0].numpy(), y[0].numpy(), "stalls")
    assert ib.max_margin(data, ib.SPECTRAL).margin > 0.1
    w, share, margin = stall.flow(x, y, HARD, 800)
    assert float(share) < 1e-6 and float(margin) < -0.5
    rest = stall.rest_point(x, y, w[0].numpy(), HARD)
    # zero to rounding; three directions draw back, the fourth is free
    assert abs(rest["share"]) < 1e-12 and rest["margin"] < -0.5
    assert (rest["rates"][:3] < -1e-6).all() and abs(rest["rates"][3]) < 1e-8


def test_separable_by_hand():
    line = torch.tensor([[[1.0], [2.0], [3.0]]], dtype=torch.float64).repeat(2, 1, 1)
    bent = torch.cat([line, torch.ones_like(line)], -1)
    y = torch.tensor([[0, 0, 1], [0, 1, 0]])
    # with a constant feature a line is cut once: 0 0 1 can be had, 0 1 0 cannot
    assert stall.separable(bent, y).tolist() == [True, False]


@pytest.mark.parametrize(
    "row",
    FOUND,
    ids=lambda r: f"{r['norm']}-{r['n']}-{r['classes']}-{r['features']}-{r['reshuffled']}",
)
def test_a_recorded_set_does_what_the_record_says(row):
    cell = stall.Cell(**{name: row[name] for name in asdict(HARD)})
    x, y = stall.worst(FOUND, cell)
    _, share, margin = stall.flow(x, y, cell, 800)
    # shares go down to rounding, and a flow of 800 pieces magnifies rounding near flat faces
    assert float(share) == pytest.approx(row["share"], rel=0.1, abs=1e-6)
    assert float(margin) == pytest.approx(row["margin"], abs=0.02)
    assert bool(stall.separable(x, y)[0])


@pytest.mark.slow
@pytest.mark.parametrize("norm, reshuffled", [("spectral", False), ("frobenius", True)])
def test_a_search_finds_what_was_recorded(norm, reshuffled):
    """Where a flow dies out its share is rounding, and rounding, another on each processor, decides
    which of the sets that stall is the least; other shares choose the same set everywhere."""
    cell = stall.Cell(norm, 3, 2, 4, reshuffled)
    (row,) = (one for one in FOUND if asdict(cell).items() <= one.items())
    again = stall.search(cell, draws=200, rounds=3, pieces=800)
    assert again["stalled"] == row["stalled"] and again["unclassified"] and row["unclassified"]
    if row["share"] > 1e-12:
        assert again == row
    else:
        assert abs(again["share"]) < 1e-12


def test_a_table_of_the_search_has_a_row_for_two_cells():
    lines = stall.as_text(FOUND).splitlines()
    assert len(lines) == 2 + len(FOUND) // 2
    assert lines[2].startswith("| spectral | 3 | 2 | 4 | 29 of 200 | 2 of 200 |")


# --- KKT -----------------------------------------------------------------------------------------

LINEAR = Layers(3, ())
DATA = ib.data.mixture(classes=2, per_class=5, dim=3, spread=0.3, seed=2)


def linear_point(norm, moved=0.0):
    w = ib.max_margin(DATA, norm).canonical
    theta = torch.tensor(w[1:] - w[:1]) + moved * torch.tensor([[1.0, -2.0, 0.5]])
    return kkt.Point(LINEAR, [theta], torch.tensor(DATA.x), torch.tensor(DATA.y))


def test_a_support_vector_machine_is_a_kkt_point():
    """A linear network's problem is convex: the certified optimum has multipliers, another weight
    has not."""
    multipliers, rest = linear_point(ib.FROBENIUS).euclidean()
    # the solver's margin is certified to 1e-6, its classifier to the root of that
    assert rest < 2e-3 and (multipliers >= 0).all()
    assert linear_point(ib.FROBENIUS, 0.3).euclidean()[1] > 0.05
    assert linear_point(ib.FROBENIUS).curvature(multipliers) == pytest.approx(1, abs=1e-12)
    assert abs(linear_point(ib.MAX).largest_entry()) < 2e-3
    assert linear_point(ib.MAX, 0.3).largest_entry() > 0.05


def test_two_units_on_one_sample_are_a_saddle():
    """One sample e_1: v w^2 is largest for w = sqrt(2) v. Two such units satisfy KKT, and the
    proposition gives curvature -1; one unit is a strict optimum."""
    x, y = torch.tensor([[1.0, 0.0]], dtype=torch.float64), torch.tensor([1])
    for units, expected in ((2, -1.0), (1, None)):
        w = torch.tensor([[2.0**0.5, 0.0]] * units, dtype=torch.float64)
        v = torch.ones(1, units, dtype=torch.float64)
        point = kkt.Point(Layers(2, (units,)), [w, v], x, y)
        multipliers, rest = point.euclidean()
        assert rest < 1e-12  # by hand, to rounding
        curvature = point.curvature(multipliers)
        assert curvature > 0 if expected is None else curvature == pytest.approx(-1, abs=1e-10)


def test_only_samples_near_the_smallest_margin_are_active():
    x = torch.tensor([[1.0], [1.04], [1.06], [-1.0]], dtype=torch.float64)
    y = torch.tensor([1, 1, 1, 0])
    point = kkt.Point(Layers(1, ()), [torch.tensor([[2.0]], dtype=torch.float64)], x, y)
    assert point.active.tolist() == [True, True, False, True]
    assert float(point.q.min()) == pytest.approx(1, rel=1e-15)


def test_subsets_are_disjoint():
    task = aniso(40, 12, [0])
    parts = kkt.subsets(task, 12)
    assert parts.x.shape == (3, 12, 12) and len(parts.seeds) == 3
    assert len({tuple(row) for row in parts.x.reshape(-1, 12).numpy().tolist()}) == 36
    assert torch.equal(parts.y[1], task.y[0, 12:24])


def test_judged_runs_are_those_of_the_chapters():
    """The same updates as `homogeneous.train`, whose kkt is 1 - cos with the loss's own weights:
    fitted multipliers leave at most the sine."""
    from ibias_book import homogeneous as h

    task, model = aniso(20, 6, range(2)), Layers(6, (4,))
    rules = [Rule("NGD", L2, 0.4, a=0.8), Rule("Signum", LINF, 0.05, 0.9, a=0.8)]
    points = kkt.judged({"one": (model, task)}, rules, [100, 400])
    runs = h.train(model, task, rules, 400, record=[100, 400])
    gamma = runs.gamma.sel(norm="l2", step=400, optimizer="NGD").values
    assert points.norm.sel(optimizer="NGD", step=400)[0].values == pytest.approx(
        gamma ** (-1 / 3), rel=1e-9
    )
    assert points.curvature.sel(step=100).isnull().all()
    assert (points.residual > 0).all() and (points.residual < 1).all()
    assert kkt.falls(points).sizes["step"] == 1 and len(kkt.said(points)) == 2
    assert "of 2 (one)" in kkt.positive(points.curvature.sel(step=400, optimizer="NGD"))
    assert kkt.spread(points).endswith("% (one)")


# --- averaged reshuffling ------------------------------------------------------------------------


def walked(b, h, eta, beta, epochs):
    """theta after ``epochs`` epochs for every choice of orders, in a plain loop."""
    ends = []
    for orders in product(permutations(range(len(b))), repeat=epochs):
        theta = average = 0.0
        for j in sum(orders, ()):
            average = beta * average + (1 - beta) * (b[j] + h[j] * theta)
            theta -= eta * average
        ends.append(theta)
    return np.array(ends)


@pytest.mark.parametrize("beta", [0.0, 0.7])
def test_second_moments_by_enumerating_two_epochs(beta):
    b, h = memory.landscape(4, seed=3)
    found = memory.variances(b, h, 0.2, beta, 2)
    for epochs in (1, 2):
        ends = walked(b, h, 0.2, beta, epochs)
        assert found[epochs - 1] == pytest.approx(ends.var(), rel=1e-10)


def test_growth_and_pull_without_momentum_are_those_of_chapter_b3():
    for m in (4, 6):
        b, h = memory.landscape(m, seed=1)
        assert [b.mean(), h.mean(), b @ h] == pytest.approx([0, 0, 0], abs=1e-12)
        assert memory.growth_coefficient(b, h, 0.0) == pytest.approx(
            partition_variance(m, 0.0, 1.0, 1.0, 0.0), rel=1e-12
        )
        assert memory.pull(h, 0.0) == pytest.approx(m / 2, rel=1e-12)


def test_growth_with_momentum_is_the_limit_of_the_exact_moments():
    """m = 5, far beyond the transient: the step size to the fourth and nothing fitted."""
    b, h = memory.landscape(5, seed=2)
    v = memory.variances(b, h, 1e-3, 0.6, 60)
    growth = (v[-1] - v[39]) / 20
    # what is left out is relative eta
    assert growth / 1e-12 == pytest.approx(memory.growth_coefficient(b, h, 0.6), rel=2e-3)


def test_the_level_is_reached():
    b, h = memory.landscape(5, seed=2)
    paths = memory.settling(b, h, [0.0, 0.6], 0.01, 40_000)
    # the next order, relative eta
    assert paths.variance.isel(epoch=-1).values == pytest.approx(paths.level.values, rel=0.01)


def test_the_pull_is_the_mean_map():
    """An epoch from theta = 1 without offsets, averaged over orders."""
    _, h = memory.landscape(5, seed=4)
    for beta in (0.0, 0.8):
        maps = memory.epoch_maps(0 * h, h, 1e-4, beta)
        start = np.array([1.0, 0.0, 1.0])
        theta, average, _ = (maps @ start).mean(0)
        z = theta - 1e-4 * beta / (1 - beta) * average
        # differences of 1e-8 of numbers of size 1
        assert (1 - z) / 1e-8 == pytest.approx(memory.pull(h, beta), rel=1e-3)


def test_arcsines_by_hand():
    assert memory.sign_variance(5, 0.0, 20, False) == pytest.approx(20, rel=1e-12)
    assert memory.sign_variance(5, 0.0, 20, True) == pytest.approx(20 * sign_kept(5), rel=1e-12)
    # two batches an epoch have opposite signs, so that whole epochs cancel
    assert memory.sign_variance(2, 0.0, 20, True) == pytest.approx(0, abs=1e-10)
    longest = 1 + 4 / np.pi * np.arcsin(0.5 ** np.arange(1, 60)).sum()
    rate = memory.sign_variance(4, 0.5, 800, False) - memory.sign_variance(4, 0.5, 400, False)
    assert rate / 400 == pytest.approx(longest, rel=1e-12)


def test_signs_are_measured_on_the_law():
    found = memory.sign_shares(4, [0.0, 0.9], 20, 4000)
    # four standard errors of a ratio of two variances over 4,000 runs: 4 * 2 / sqrt(4000)
    assert found.measured.values == pytest.approx(found.law.values, rel=0.127)


# --- sizes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("norm", NORMS, ids=lambda n: n.text)
def test_embedded_runs_are_the_runs_of_their_core(norm):
    """Nothing moves but d: the same margins along a run, the same radius, the same maximum margin."""
    ratio = 0.4 if norm == ib.MAX else 0.06
    method = ib.SteepestDescent(norm, ib.Momentum(0.9, ib.Minibatch(4)), ib.Power(0.5))
    wide, margin = dimension.embedded(norm, 12, 300, 3, ratio, 1)
    rng = np.random.default_rng([1, 300, 3, dimension.CORE])
    core, own = dimension.matched(norm, 12, dimension.CORE, 3, ratio, int(rng.integers(2**31)))
    assert wide.d == 300 and margin == own
    assert np.abs(wide.x).sum(1) == pytest.approx(np.ones(12), rel=1e-12)
    assert ib.max_margin(wide, norm).margin == pytest.approx(margin, rel=2e-4)
    margins = [
        ib.simulate(data, method, seeds=[0], steps=150, record=[150]).min_margin.values
        for data in (core, wide)
    ]
    # sums over 300 instead of 30 products
    assert margins[1] == pytest.approx(margins[0], rel=1e-9)


def test_bystanders_leave_the_competition_alone():
    found = {k: dimension.bystanders(ib.FROBENIUS, 32, 72, k, 0.03, 0) for k in (5, 16)}
    for k, (data, margin) in found.items():
        assert data.k == k and data.n == 32 and margin == pytest.approx(0.03, rel=0.01)
        assert np.abs(data.x).sum(1) == pytest.approx(np.ones(32), rel=1e-12)
        assert not data.x[:20, 60:].any() and not data.x[20:, :60].any()
        assert set(data.y[:20]) == {0, 1, 2, 3} and data.y[20:].min() == 4
    shared = [
        data.x[:20] / np.linalg.norm(data.x[:20], axis=1)[:, None] for data, _ in found.values()
    ]
    assert (shared[0] != 0).tolist() == (shared[1] != 0).tolist()


def test_the_exponent_within_seeds_ignores_their_levels():
    sizes, levels = [2, 4, 8, 16], np.array([1.0, 5.0, 0.2])
    fit = dimension.within(sizes, np.outer(np.array(sizes) ** 0.3, levels))
    assert fit.value == pytest.approx(0.3, abs=1e-12) and fit.error < 1e-12
    noisy = np.outer(np.array(sizes) ** 0.3, levels) * np.exp(
        0.1 * np.random.default_rng(0).normal(size=(4, 3))
    )
    # the textbook: a line with a constant per seed
    design = np.column_stack([np.repeat(np.log(sizes), 3), np.tile(np.eye(3), (4, 1))])
    solution, rest, *_ = np.linalg.lstsq(design, np.log(noisy).ravel(), rcond=None)
    error = np.sqrt(rest[0] / (12 - 4) * np.linalg.inv(design.T @ design)[0, 0])
    fit = dimension.within(sizes, noisy)
    assert (fit.value, fit.error) == pytest.approx((solution[0], error), rel=1e-10)


def test_intervals_are_students():
    import xarray as xr

    cells = xr.Dataset(
        {"gap_slope": ("norm", [0.2, 0.3]), "gap_error": ("norm", [0.1, 0.1])},
        {"norm": ["max", "spectral"], "d": [1, 2, 3], "seed": [0, 1, 2]},
    )
    # 3 x 3 points, a line and three levels: 5 degrees of freedom, 2.571 standard errors
    assert dimension.half_width(cells, "gap").values == pytest.approx([0.2571] * 2, abs=1e-4)
    assert dimension.contains_zero(cells, "gap").values.tolist() == [True, False]
    assert dimension.said(cells, "gap") == "0.20 ± 0.26 (max), 0.30 ± 0.26 (spectral)"
