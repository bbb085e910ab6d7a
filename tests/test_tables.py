"""Tables, slices of unit balls, fitted rates and maps: small cases with known answers."""

import numpy as np
import pytest
import torch
from ibias_book.figures import margins as plots_margins
from ibias_book.figures import style as plots
from ibias_book.steepest import fits, tables
from ibias_book.steepest.balls import plane

import ibias as ib
from ibias.optim.newton_schulz import CONVERGENT, NewtonSchulzSpectral


def test_unit_balls_are_closed_forms_on_the_plane():
    shown = plane([ib.MAX, ib.SPECTRAL, ib.FROBENIUS, ib.NUCLEAR], [(1.0, 0.3)])
    a, b = (np.abs(shown.ball.sel(axis=j)) for j in (0, 1))
    # aI + bJ has entries a, b and singular values |a + b|, |a - b|; a few roundings
    np.testing.assert_allclose(np.maximum(a, b).sel(norm="max"), 1, rtol=1e-12)
    np.testing.assert_allclose((a + b).sel(norm="spectral"), 1, rtol=1e-12)
    np.testing.assert_allclose((2 * a**2 + 2 * b**2).sel(norm="frobenius"), 1, rtol=1e-12)
    np.testing.assert_allclose(2 * np.maximum(a, b).sel(norm="nuclear"), 1, rtol=1e-12)
    np.testing.assert_allclose(shown.steepest.sel(norm="max").values, [[1, 1]], rtol=1e-12)
    np.testing.assert_allclose(shown.steepest.sel(norm="spectral").values, [[1, 0]], atol=1e-12)


def test_margin_table_marks_what_is_not_separable():
    apart = ib.data.counterexample("X.1")
    tangled = ib.Dataset([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], [0, 1, 1], name="tangled")
    table = tables.margins({"apart": apart, "tangled": tangled}, [ib.MAX, ib.FROBENIUS])
    assert table.separable.values.tolist() == [True, False]
    assert table.lower.sel(data="apart", norm="max").item() == pytest.approx(
        2, rel=1e-9
    )  # Proposition X: gamma_max = 2
    assert table.radius.sel(data="apart").item() == 3
    assert table.ratio.sel(data="apart", norm="max").item() == pytest.approx(2 / (2 * 3), rel=1e-9)
    np.testing.assert_allclose(table.gap, (table.upper - table.lower) / table.lower, rtol=1e-9)
    assert "not" in str(tables.not_separable(tangled, ib.MAX))
    with pytest.raises(ValueError, match="can be separated"):
        tables.not_separable(apart, ib.MAX)


def test_least_momenta_are_those_of_the_statements():
    needed = tables.least_momenta([2, 3, 5, 10, 50])
    # the printed values are rounded up in the last digit, so that the condition is met
    np.testing.assert_allclose(
        needed["sharper form"], [0.641, 0.830, 0.917, 0.964, 0.9934], atol=1e-3
    )
    np.testing.assert_allclose(needed["paper's form"].values[[0, 3]], [0.8333, 0.99899], atol=6e-5)


def test_duality_table_is_small_and_can_fail():
    table = tables.duality(ib.CATALOG, trials=20, classes=3, dim=4)
    assert (table.difference < 1e-10).all() and (table.excess < 1e-10).all()
    spoiled = tables.duality([NewtonSchulzSpectral(5)], trials=20, classes=3, dim=4)
    assert (spoiled.difference > 1e-3).all()
    g = torch.tensor(np.random.default_rng(0).standard_normal((20, 3, 4)))
    assert spoiled.excess.item() == pytest.approx(
        max(ib.SPECTRAL.value(NewtonSchulzSpectral(5).steepest(m)).item() for m in g) - 1, rel=1e-9
    )


def test_newton_schulz_converges_only_with_convergent_coefficients():
    g = torch.tensor(np.random.default_rng(0).standard_normal((5, 4, 6)))
    exact = ib.SPECTRAL.steepest(g)
    near = NewtonSchulzSpectral(40, CONVERGENT).steepest(g)
    torch.testing.assert_close(
        near, exact, rtol=0, atol=1e-9
    )  # condition about 10: forty quintic steps suffice
    tuned = NewtonSchulzSpectral(40).steepest(g)
    assert (tuned - exact).abs().max() > 0.05
    singular = torch.linalg.svdvals(tuned)
    assert 0.6 < singular.min() < singular.max() < 1.25


def test_fitted_exponents_recover_the_full_batch_rate(tmp_path, monkeypatch):
    monkeypatch.setenv("IBIAS_STORE", str(tmp_path))
    data = ib.data.mixture(classes=3, per_class=5, dim=8, seed=0)
    found = fits.gap_exponents(
        [data],
        [ib.FROBENIUS],
        {0.5: {"frobenius": 1.0}, 1.0: {"frobenius": 1.0}},
        ib.FullBatch(),
        steps=20_000,
    )
    # the gap falls like 1/sum of steps, t^-1/2; logarithms bend the slope by about 1/log t = 0.1
    assert found.slope.sel(a=0.5).item() == pytest.approx(-0.5, abs=0.12)
    assert found.promised.values.tolist() == [-0.5, -1.0]
    late = found.isel(data=0, norm=0).where(
        found.step >= 20_000 / 30, drop=True
    )  # a decade and a half
    for a, time in {0.5: np.log(late.step), 1.0: np.log(np.log(late.step))}.items():
        assert found.slope.sel(a=a).item() == pytest.approx(
            np.polyfit(time, np.log(late.gap.sel(a=a)), 1)[0], rel=1e-9
        )


def test_momentum_map_has_the_effective_margin_on_its_axis(tmp_path, monkeypatch):
    monkeypatch.setenv("IBIAS_STORE", str(tmp_path))
    data = ib.data.mixture(classes=2, per_class=4, dim=5, seed=0)
    grid = fits.momentum_map(
        data, {ib.MAX: ib.Power(0.1)}, batch_sizes=[1, 2, 8], forgetting=[1, 0.1, 1e-4], steps=50
    )
    assert grid.error.dims == (
        "norm",
        "forgetting",
        "batches",
    ) and grid.batches.values.tolist() == [1, 4, 8]
    gamma = ib.max_margin(data, ib.MAX).lower
    from ibias_book.steepest.theory import constants

    for m in (4, 8):
        beta = 1 - grid.least.sel(norm="max", form="sharper", batches=m).item()
        # bisection to 2^-80 of the zero of the effective margin
        assert constants.effective_margin(gamma, data.radius, m, beta) == pytest.approx(0, abs=1e-9)
        # near one N is 3/2 (m - 1)(1 - beta); 1e-3 is the next term, of size m (1 - beta)
        left = 4 * data.radius * 1.5 * (m - 1) * 1e-4 / gamma
        found = grid.promised.sel(norm="max", form="sharper", batches=m, forgetting=1e-4).item()
        assert found == pytest.approx(left, rel=1e-3)
        paper = grid.promised.sel(norm="max", form="paper", batches=m, forgetting=1e-4).item()
        polynomial = 2 * data.radius * 1e-4 * m * (m**2 - 1) / gamma
        assert paper == pytest.approx(polynomial, rel=1e-9) or (np.isnan(paper) and polynomial > 1)
        assert np.isnan(grid.promised.sel(norm="max", form="sharper", batches=m, forgetting=1))
    single = ib.simulate(
        data,
        ib.SteepestDescent(ib.MAX, ib.Momentum(0.9, ib.Minibatch(2)), ib.Power(0.1)),
        steps=50,
        record=[50],
        progress=False,
    )
    expected = 1 - single.margin.item() / ib.max_margin(data, ib.MAX).margin
    assert grid.error.sel(norm="max", forgetting=0.1, batches=4).item() == pytest.approx(
        expected, rel=1e-9
    )


@pytest.mark.parametrize("best", [{}, {"spectral": None}, {"max": 0.1}, 0.1])
def test_relative_error_says_which_margin_it_lacks(best):
    runs = ib.simulate(
        ib.data.counterexample("X.3"),
        ib.SteepestDescent(ib.MAX),
        steps=2,
        record=[0, 2],
        progress=False,
        backend="composed",
    )
    with pytest.raises(ValueError, match="for 'max' there is none in"):
        ib.relative_error(runs, best)


def test_relative_error_is_one_minus_the_ratio_of_margins():
    data = ib.data.mixture(classes=3, per_class=4, dim=5, seed=0)
    best = ib.max_margin(data, ib.MAX)
    runs = ib.simulate(
        data,
        ib.SteepestDescent(ib.MAX, schedule=ib.Power(0.1)),
        steps=30,
        record=[0, 30],
        progress=False,
        directions={"spectral": ib.max_margin(data, ib.SPECTRAL).weights, "max": best.weights},
    )
    found = ib.relative_error(runs, {"max": best})
    assert found.error.values[0, 0, 1] == pytest.approx(
        1 - runs.margin.values[0, 0, 1] / best.margin, rel=1e-14
    )
    assert (found.error_below <= found.error_above).isel(step=1).all()
    assert found.cosine.dims == ("optimizer", "seed", "step")
    np.testing.assert_array_equal(
        found.cosine, runs.cosine.sel(direction="max")
    )  # its own norm's direction, wherever in the list
    wrong = ib.relative_error(
        runs.assign(margin=-abs(runs.margin)), {"max": best}
    )  # a negative margin turns the interval round
    assert (wrong.error_below < wrong.error_above).isel(step=1).all()


def test_figures_refuse_rows_that_select_nothing():
    data = ib.data.mixture(classes=3, per_class=4, dim=5, seed=0)
    best = ib.max_margin(data, ib.MAX)
    methods = ib.grid(norms=[ib.MAX], batch_sizes=[3, 12])
    runs = ib.simulate(
        data,
        methods,
        seeds=[0, 1],
        steps=20,
        record=[0, 5, 20],
        directions={"max": best.weights},
        progress=False,
    )
    runs = ib.relative_error(runs, {"max": best})
    with pytest.raises(ValueError, match=r"momentum 0.9"):
        plots.by_recipe({"error": runs.error}, [plots.RECIPES[0] | {"momentum": 0.9}])
    fig = plots.by_recipe({"error": runs.error, "cosine": runs.cosine}, plots.RECIPES[:1])
    for ax, name in zip(fig.axes, ("error", "cosine"), strict=True):
        np.testing.assert_allclose(
            ax.get_lines()[0].get_ydata(),
            runs[name].sel(optimizer="SignSGD b=3").median("seed")[1:],
        )
    assert plots_margins.error_by_batch(runs.error.isel(step=-1)).axes


def test_colours_of_batches_are_distinct_and_the_full_batch_is_black():
    colours = plots.batch_colours([1, 10, 100])
    assert colours[100] == (0, 0, 0, 1) and len(set(colours.values())) == 3


def test_proofs_of_margins_are_read_by_the_checker_alone(monkeypatch):
    sets = {
        "pair": ib.Dataset([[1.0, 2], [-1, 0.5]], [0, 1]),
        "one line": ib.Dataset([[1.0], [2], [3]], [0, 1, 0]),
    }
    table = tables.proofs(sets, [ib.MAX, ib.SPECTRAL])
    for norm in (ib.MAX, ib.SPECTRAL):
        best, cell = ib.max_margin(sets["pair"], norm), table.sel(data="pair", norm=norm.text)
        assert best.lower <= float(cell.lower) <= best.upper and 0 <= cell.width <= best.gap
    assert (table.lower.sel(data="one line") == 0).all() and (table.seconds > 0).all()

    def forged(self, path):
        text = proof(self, path).replace(self.norm.text, ib.SUM.text)
        path.write_text(text)
        return text

    proof = ib.maxmargin.MaxMargin.proof
    monkeypatch.setattr(ib.maxmargin.MaxMargin, "proof", forged)
    with pytest.raises(ValueError, match="the checker says refused"):
        tables.proofs(sets, [ib.MAX])
