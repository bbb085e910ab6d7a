"""The claims of Figures 1, 3 and 4, asserted on the numbers behind them (the notebooks' own sweeps,
from the store when the book is built).

Never asserted: that a method without momentum fails for ever in the Frobenius norm on set I. It is
late there, not stuck.
"""

import numpy as np
import pytest

import ibias as ib

STEPS, SIZES = 20_000, [1, 10, 20, 50, 100]
NAMES = {
    "max": ("SignSGD", "Signum"),
    "frobenius": ("N-SGD", "N-MSGD"),
    "spectral": ("Spectral-SGD", "Muon"),
}
LENGTH = {
    ("max", 1): 0.05,
    ("max", 2): 0.1,
    ("frobenius", 1): 1.0,
    ("frobenius", 2): 1.0,
    ("spectral", 1): 0.3,
    ("spectral", 2): 0.3,
}


@pytest.fixture(
    scope="module",
    params=[(n, s) for n in NAMES for s in (1, 2)],
    ids=lambda p: f"{p[0]}-set{p[1]}",
)
def figure(request):
    """(norm text, set number, relative errors at a tenth and at the end of the run)."""
    text, number = request.param
    data = ib.data.gaussian() if number == 1 else ib.data.mixture()
    norm = ib.norm(text)
    best = ib.max_margin(data, norm)
    methods = ib.grid(
        norms=[norm],
        batch_sizes=SIZES,
        momenta=[0, 0.5, 0.99],
        variance_reduction=[False, True],
        schedule=ib.Power(LENGTH[text, number]),
    )
    direction = best.weights if text == "frobenius" else best.canonical
    runs = ib.sweep(
        data,
        methods,
        seeds=range(5),
        steps=STEPS,
        record=ib.logspaced(80),
        directions={text: direction},
        progress=False,
    )
    return text, number, ib.relative_error(runs, {text: best})


def final(runs, beta, reduced):
    chosen = runs.error.isel(step=-1).where(
        (runs.momentum == beta) & (runs.variance_reduction == reduced), drop=True
    )
    return (
        chosen.sortby("batch_size").transpose("seed", "optimizer").values
    )  # columns in the order of SIZES


def test_without_momentum_the_error_is_ordered_by_batch_size(figure):
    _, number, runs = figure
    median = np.median(final(runs, 0, False), axis=0)
    assert (np.diff(median) < 0).all()
    if number == 1:
        assert (
            final(runs, 0, False)[:, 0] > 1
        ).all()  # b = 1: some sample misclassified in every shuffle


def test_moderate_momentum_helps_and_leaves_gaps(figure):
    _text, _number, runs = figure
    none, half, full = (np.median(final(runs, beta, False), axis=0) for beta in (0, 0.5, 0))
    assert (half[:4] < none[:4]).all()
    assert (
        half[1] > 1.5 * full[4]
    )  # b = 10 keeps at least half as much again as the full batch's error


def test_momentum_near_one_reaches_the_full_batch(figure):
    _, _, runs = figure
    full = np.median(final(runs, 0, False)[:, 4])
    # momentum 0.99 delays even the full batch by up to 0.006
    assert (final(runs, 0.99, False)[:, 1:] - full < 0.02).all()


def test_variance_reduction_reaches_the_full_batch_at_every_momentum(figure):
    _, _, runs = figure
    full = np.median(final(runs, 0, False)[:, 4])
    for beta in (0, 0.5, 0.99):
        # beyond the delay of momentum 0.99, what is left is the m^2 transient of b = 10
        assert (final(runs, beta, True)[:, 1:] - full < (0.008 if beta == 0.99 else 0.016)).all()


def test_batches_of_one_lag_with_variance_reduction_and_momentum_closes_the_lag(figure):
    _, _, runs = figure
    alone, together = (np.median(final(runs, beta, True)[:, 0]) for beta in (0, 0.99))
    assert np.median(final(runs, 0, True)[:, 1]) < alone < 0.3
    assert together < alone


def test_set_two_shows_plateaus_where_set_one_need_not(figure):
    text, number, runs = figure
    if number == 1:
        pytest.skip("set I is over-parameterised: no plateau is claimed there")
    plain = NAMES[text][0]
    stuck = f"{plain} b={1 if text == 'frobenius' else 10}"
    early, late = (
        runs.error.sel(optimizer=stuck)
        .median("seed")
        .sel(step=[STEPS // 10, STEPS], method="nearest")
        .values
    )
    assert late > 0.9 * early and late > 0.2
    early, late = (
        runs.error.sel(optimizer=f"{plain} b=100")
        .median("seed")
        .sel(step=[STEPS // 10, STEPS], method="nearest")
        .values
    )
    assert late < 0.5 * early  # the full batch goes on converging


def test_the_full_batch_approaches_its_margin_in_direction_too(figure):
    text, _, runs = figure
    cosine = runs.cosine.sel(optimizer=f"{NAMES[text][0]} b=100").isel(step=-1)
    # unique in the Frobenius norm; elsewhere W* is one point of a face and only a bound well below
    # one is safe
    assert (cosine > (0.98 if text == "frobenius" else 0.8)).all()
    assert (np.abs(runs.cosine.values[..., 1:]) <= 1 + 1e-12).all()


@pytest.mark.slow
@pytest.mark.parametrize("text", NAMES)
def test_figures_do_not_depend_on_the_backend(text):
    """The curves under Figures 1, 3 and 4 (set II, one shuffle, every optimizer) from the kernel
    and from torch lanes."""
    data, norm = ib.data.mixture(), ib.norm(text)
    best = {text: ib.max_margin(data, norm)}
    methods = ib.grid(
        norms=[norm],
        batch_sizes=SIZES,
        momenta=[0, 0.5, 0.99],
        variance_reduction=[False, True],
        schedule=ib.Power(LENGTH[text, 2]),
    )
    runs = [
        ib.simulate(
            data, methods, steps=STEPS, record=ib.logspaced(80), backend=backend, progress=False
        )
        for backend in ("kernel", "lanes")
    ]
    kernel, lanes = (ib.relative_error(one, best).error.isel(step=slice(1, None)) for one in runs)
    # the tolerance of `ibias verify`; spectral cells without momentum are ill conditioned: one ulp
    # of eta0 moves them by 3e-7 at 1e5 steps
    assert np.abs(kernel - lanes).max() <= 1e-6 * np.abs(lanes).max()
