"""Small batches, momentum and variance reduction: the table of a grid, and MNIST beyond the page."""

import pytest
import xarray as xr
from ibias_book.steepest import tables
from ibias_book.steepest.remedies import by_norm, by_remedy
from mnist import mnist

import ibias as ib

CLOUDS = ib.data.mixture(classes=3, per_class=4, dim=10, seed=1)
TREATMENTS = {"momenta": [0, 0.9], "variance_reduction": [False, True]}


def ends(dataset, best, batches, schedule, steps, seeds=(0,)):
    """Error of each method at the end, median over the seeds."""
    grid = ib.grid(norms=list(schedule), batch_sizes=batches, schedule=schedule, **TREATMENTS)
    runs = ib.simulate(dataset, grid, seeds=list(seeds), steps=steps, record=[0, steps])
    return ib.relative_error(runs, best).error.isel(step=-1).median("seed")


def test_each_cell_of_the_table_is_its_own_optimizer():
    norms = {ib.MAX: ib.Power(0.1), ib.FROBENIUS: ib.Power(0.5)}
    best = {norm.text: ib.max_margin(CLOUDS, norm) for norm in norms}
    error = ends(CLOUDS, best, [3, 12], norms, 200)
    table = by_remedy(error)
    assert table.sizes == {"norm": 2, "remedy": 4, "batch_size": 2}
    one = {"norm": "max", "batch_size": 3}
    for remedy, name in {
        "none": "SignSGD b=3",
        "momentum": "Signum b=3 beta=0.9",
        "variance reduction": "VR-SignSGD b=3",
        "both": "VR-Signum b=3 beta=0.9",
    }.items():
        assert float(table.sel(remedy=remedy, **one)) == float(error.sel(optimizer=name))
    with pytest.raises(ValueError, match="no grid of 2 norms"):
        by_remedy(error.isel(optimizer=slice(1, None)))
    first = by_norm(table.sel(remedy="none", batch_size=12))
    assert "(frobenius)" in first and "(max)" in first


def test_numbers_by_norm_are_told_to_three_digits():
    numbers = xr.DataArray([771.4, 0.01234], dims="norm", coords={"norm": ["max", "spectral"]})
    assert by_norm(numbers) == "771 (max), 0.0123 (spectral)"


def test_the_table_of_certified_margins_says_what_is_proved():
    best = {"max": ib.max_margin(CLOUDS, ib.MAX)}
    row = tables.certified({"clouds": best}).iloc[0]
    assert row["margin"] == best["max"].lower and row["proved to"] == best["max"].gap
    assert row["support vectors"] == len(best["max"].support_vectors)


@pytest.mark.slow
@pytest.mark.parametrize("classes, n", [((3, 8), 1960), (None, 1000)], ids=["pair", "ten"])
def test_a_larger_mnist_shows_the_same(classes, n):
    """Every three and eight of the package, and a thousand digits: chapter X has 200 of each."""
    dataset = mnist(classes, n)
    norms = {ib.MAX: ib.Power(0.02), ib.FROBENIUS: ib.Power(0.5)}
    # a certified width of 1e-3 is far below the errors that are told apart (0.05 and more)
    best = {norm.text: ib.max_margin(dataset, norm, tolerance=1e-3) for norm in norms}
    table = by_remedy(ends(dataset, best, [8, 40, n], norms, 4000))
    none = table.sel(remedy="none")
    assert bool((none.diff("batch_size") < 0).all())
    small = table.isel(batch_size=slice(None, -1))
    helped = small.sel(remedy=["momentum", "variance reduction"]) / small.sel(remedy="none")
    assert bool((helped < 1).all()), helped.values
