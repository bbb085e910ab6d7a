"""The acceptance table of the homogeneous networks at its stated size: 512 digits, ten seeds, 5000
steps.  All slow.

The bounds are those written down before these runs, each beside its reason.  One expectation was
missed, on degree seven; its test keeps the number that was expected, says what was measured, and
asserts what does hold.  The same claims at a smaller size, with bounds fitted to that size, are in
``test_homogeneous_runs``.  About seven minutes of one core.
"""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from ibias_book import homogeneous as h
from ibias_book.homogeneous import families, laws

import ibias as ib

pytestmark = pytest.mark.slow

STEPS, NETWORK = 5000, h.Layers(64, (32,))
FIRST_STEPS = {"l2": 0.4, "linf": 0.02, "spectral": 0.1, "hybrid": 0.07}
BATCH_STEPS = 4000


@pytest.fixture(scope="module")
def table():
    """Nine optimizers side by side, from the same ten starts."""
    record = sorted({*ib.logspaced(60)(STEPS).tolist(), BATCH_STEPS})
    return h.train(
        NETWORK, h.digits(512, range(10)), h.family_rules(**FIRST_STEPS), STEPS, record=record
    )


@pytest.fixture(scope="module")
def end(table):
    return table.isel(step=-1)


def per_norm(l2, linf, spectral, hybrid):
    return xr.DataArray([l2, linf, spectral, hybrid], coords={"norm": [n.text for n in h.WHOLE]})


def test_every_run_reaches_1e_8(end):
    assert (end.log_loss <= np.log(1e-8)).all()  # half of the run to spare where this was planned


def test_euler_and_the_bound_of_the_alignment(table):
    assert float(table.euler.max()) <= 1e-12  # sums of thousands of terms: a hundred roundings
    assert float(np.abs(table.kkt).max()) <= 1 + 1e-12  # Hoelder


def test_families_win_plain_margins(table, end):
    # half again as large: members of a family differ by a tenth, seeds by a fifth
    for gamma in (end.gamma, families.at_loss(table).gamma):
        assert ((families.winning_ratio(gamma) >= 1.5).sum("seed") >= 9).all()


def test_families_win_balanced_margins(end):
    ratio = families.winning_ratio(end.gamma_balanced)
    assert (ratio.sel(norm=["l2", "linf"]) >= 1.5).all() and (ratio.sel(norm="hybrid") >= 1.2).all()
    assert (
        float(ratio.sel(norm="spectral").mean()) > 1
    )  # spectral and hybrid steps agree on the matrix: a near tie


def test_spectral_margin_of_gradient_descent_is_known(end):
    descent = end.sel(optimizer=["NGD", "MomentumGD"])
    rank = (descent.block_norm.sel(kind="l2") / descent.block_norm.sel(kind="spectral")).isel(
        block=0
    ) ** 2
    law = laws.spectral_from_l2(descent.gamma.sel(norm="l2"), rank)
    assert (
        np.abs((descent.gamma.sel(norm="spectral") / law).mean("seed") - 1) <= 0.05
    ).all()  # exact at a KKT point


def test_layers_saturate(end):
    ratio = families.own(families.balance(end).assign_coords(family=end.family)).mean("seed")
    target, room = (
        xr.where(ratio.family == "l2", 2.0, 1.0),
        xr.where(ratio.family == "l2", 0.1, 0.06),
    )
    assert (
        np.abs(ratio - target) <= room
    ).all()  # the start is still a few per cent of the parameters


def test_averages_align(end):
    r = end.alignment
    assert (
        r.drop_sel(optimizer=["Adam", "Muon-Adam"]) >= 0.999
    ).all()  # 1 - r is of second order in the fall of the loss
    assert (r.sel(optimizer="Adam") >= 0.98).all()  # |D| = 1 - O(delta / (1 - beta2)): first order


def test_own_alignment_with_stationarity(end):
    kkt = end.kkt.mean("seed").assign_coords(family=end.family)
    assert (kkt.norm[kkt.argmax("norm")].values == end.family.values).all()
    assert (
        families.own(kkt - per_norm(0.94, 0.70, 0.87, 0.83)) >= 0
    ).all()  # no more than 1 - A ~ 1 / log N is guaranteed


def test_relu_stays_misaligned():
    """Kinks: the gradient jumps and the average lags, between 0.85 and 0.97."""
    rules = [r for r in h.family_rules(0.8, 0.04, 0.25, 0.12, plain=False) if r.betas is None]
    runs = h.train(
        h.Layers(64, (32,), power=1), h.digits(512, range(10)), rules, STEPS, record=[1350, STEPS]
    )
    r = runs.alignment.mean("seed")
    assert (runs.log_loss.isel(step=-1) <= np.log(1e-8)).all()
    assert ((r.isel(step=-1) >= 0.85) & (r.isel(step=-1) <= 0.97)).all()


def test_rates_set_the_balance_and_leave_the_margin():
    ratios = [0.25, 0.5, 1.0, 2.0, 4.0]
    runs = h.train(
        NETWORK, h.digits(512, range(5)), families.rate_sweep(ratios, 0.075), 4000, record=[4000]
    )
    found = families.hybrid_margins(runs.isel(step=-1), ratios)
    assert (np.abs(found.balance.mean("seed") - 1) <= 0.1).all()
    product = found["product"].mean("seed")
    assert float(product.max() / product.min()) <= 1.1  # seeds differ by a twentieth
    winners = found.margin.mean("seed").idxmax("rho")
    assert (winners == winners.sigma).all()


def test_adam_turns_into_gradient_descent_where_gradients_reach_eps():
    rules = [
        h.Rule(f"{e:g}", h.LINF, 0.02, 0.9, betas=(0.9, 0.95), eps=e)
        for e in (0.0, 1e-20, 1e-12, 1e-8, 1e-6)
    ]
    end = h.train(NETWORK, h.digits(512, range(5)), rules, 6000, record=[6000]).isel(step=-1)
    assert (
        np.diff(end.gamma.sel(norm="linf").mean("seed")) < 0
    ).all()  # order only: where it turns depends on the length
    assert (end.log_loss.isel(optimizer=-1) > np.log(1e-8)).all()


def test_averages_follow_their_laws():
    """Median over entries of m / g and |D| at t = 3000; by then the fall of the loss is steady over
    the averages' memory.

    That is what the laws ask for.  One of these twenty runs (width 16, starts of 0.3) does not
    fall: it sits at a loss of log(2) / n, one image on which every unit is off.  From starts of 0.1
    two such runs and three that left such a place late are beside their laws.
    """
    momenta = [
        r
        for r in h.family_rules(**FIRST_STEPS, plain=False)
        if r.name in ("MomentumGD", "Muon", "Muon-Signum")
    ]
    adams = [h.Rule(f"Adam {b2}", h.LINF, 0.02, 0.9, betas=(0.9, b2)) for b2 in (0.9, 0.95)]
    runs = h.train(
        h.Layers(64, (16,)),
        h.digits(128, range(4)),
        momenta + adams,
        3000,
        scale=0.3,
        record=[2900, 2999, 3000],
    )
    falls = -runs.log_loss.diff("step")
    delta, last = falls.isel(step=-1), runs.isel(step=-1)
    steady = delta * 99 >= 0.5 * falls.isel(step=0)
    steady &= falls.isel(step=0) > 0.01  # at rest nothing is steady
    assert int(steady.sum()) >= 19
    assert (
        float(
            np.abs(last.average_ratio / laws.average_ratio(0.9, delta.values) - 1)
            .where(steady)
            .max()
        )
        <= 0.03
    )  # measured: 0.003
    for j, beta2 in ((3, 0.9), (4, 0.95)):
        assert (
            float(
                np.abs(last.unit[j] / laws.adam_unit(0.9, beta2, delta[j].values) - 1)
                .where(steady[j])
                .max()
            )
            <= 0.03
        )


def test_deep_linear_networks_approach_the_global_optimum():
    """Fraction of the closed-form optimum after 20000 steps, eight data sets: at least 0.995 (NGD),
    0.93 (Signum), 0.98 (Muon), 0.96 (Muon-Signum).

    The gap closes like 1 / log t where the average keeps the gradient, as the theory asks.  Sign
    steps twice as long (first 0.1 and 0.2) do
    not: the loss falls so fast that the average lags (alignments of 0.70 to 1) and the fractions
    are .757 and .957.
    """
    model, task = h.Layers(10, (8,), power=0), h.aniso(n=24, d=10, seeds=range(8))
    best = []
    for x, y in zip(task.x.numpy(), task.y.numpy(), strict=True):
        svm = (
            ib.max_margin(ib.Dataset(x, y), ib.FROBENIUS).upper / 2**0.5,
            ib.max_margin(ib.Dataset(x, y), ib.MAX).upper / 2,
        )
        best.append(list(h.deep_linear_optima(model, *svm).values()))
    expected = {"NGD": 0.995, "Signum": 0.93, "Muon": 0.98, "Muon-Signum": 0.96}
    rules = {r.name: r for r in h.family_rules(0.5, 0.05, 0.2, 0.1, a=0.6)}
    longer = [
        replace(rules[name], name=f"{name}, twice", eta0=2 * rules[name].eta0)
        for name in ("Signum", "Muon-Signum")
    ]
    runs = h.train(model, task, [rules[name] for name in expected] + longer, 20_000)
    optimum = xr.DataArray(best, coords={"seed": runs.seed, "norm": runs.norm})
    fraction = families.own((runs.gamma / optimum).assign_coords(family=runs.family))
    assert float(fraction.max()) <= 1 + 1e-9  # a global maximum is one
    found, r = fraction.isel(step=-1).mean("seed"), runs.alignment.isel(step=-1)
    assert (found[:4] >= list(expected.values())).all() and (r[:4] >= 0.999).all()
    assert (
        (found[4:] >= [0.70, 0.94]).all()
        and (found[4:].values < found[[1, 3]].values).all()
        and (r[4:].mean("seed") < 0.97).all()
    )


def test_degree_seven_loses_the_gradient_by_exponent_and_by_length():
    """Three layers of squared ReLU.  The fall of the loss per step is ``L (1 - a) q / t`` with q
    like the seventh power of the first step.

    Expected: the exponent decides; a = 0.9 (first step 0.56) ends more than 0.2 better aligned than
    a = 0.8 (0.35) after 6000 steps.  Measured from
    starts of 0.1: 1.000 against 1.000, nothing has happened yet.  From starts of 1: 0.09 against
    0.11, both have lost it.  In between, from starts of 0.3, four subsets of digits can give 0.76
    against 0.53; ten give 0.55 against 0.55.  The exponent decides what happens in the end; at 6000
    steps the length of the first step does so as well.
    """
    firsts = {(0.8, 0.13): True, (0.8, 0.26): False, (0.9, 0.35): True, (0.9, 0.56): False}
    rules = [h.Rule(f"{a}, {first}", h.L2, first, 0.9, a=a) for a, first in firsts]
    runs = h.train(
        h.Layers(64, (12, 12)), h.digits(128, range(4)), rules, 6000, scale=1.0, record=[6000]
    )
    r = runs.alignment.isel(step=-1)
    aligned = np.array(list(firsts.values()))
    # 1.0000; rounding decides at the edge: on one processor a seed of a = 0.9 ends at -0.16
    assert ((r[aligned] >= 0.999).sum("seed") >= 3).all()
    assert (
        r[~aligned].mean("seed") <= 0.5
    ).all()  # 0.30 and 0.09; a seed that never fits its data stays at 0.76
    assert float(r[2].mean() - r[1].mean()) > 0.2


def test_degree_one_is_certified():
    task = h.aniso(n=24, d=10, seeds=[0])
    data = ib.Dataset(task.x[0].numpy(), task.y[0].numpy())
    best = xr.DataArray(
        [ib.max_margin(data, ib.FROBENIUS).upper / 2**0.5, ib.max_margin(data, ib.MAX).upper / 2],
        coords={"norm": ["l2", "linf"]},
    )
    runs = h.train(h.Layers(10), task, h.family_rules(0.1, 0.05, 0.1, 0.1)[:4], 1500).isel(seed=0)
    certificate = (runs.own_kkt / (1 + runs.slackness)).where(runs.min_margin > 0)
    fraction = families.own((runs.gamma / best).assign_coords(family=runs.family))
    assert float((certificate - fraction).max()) <= 1e-9  # weak duality is exact
    assert (fraction.isel(step=-1) > 0.8).all()


def test_momentum_and_variance_reduction_repair_small_batches(table):
    """Share of the full batch's own margin at b = 32, after as many steps."""
    rules = [
        r
        for r in h.family_rules(**FIRST_STEPS, plain=False)
        if r.name in ("MomentumGD", "Signum", "Muon")
    ]
    task, seeds = h.digits(512, range(5)), slice(0, 5)
    full = families.own(
        table.gamma.sel(step=BATCH_STEPS, optimizer=[r.name for r in rules]).isel(seed=seeds)
    ).mean("seed")

    def share(rules, batches):
        runs = h.train(NETWORK, task, rules, BATCH_STEPS, record=[BATCH_STEPS], batches=batches)
        return families.own(runs.gamma).isel(step=-1).mean("seed") / full

    alone = families.without_momentum(rules)
    plain, reduced = ib.Minibatch(32), ib.VarianceReduced(ib.Minibatch(32))
    assert (share(alone, plain) < 0).all()  # not even separated
    assert (share(rules, plain) > 0.5).all() and (share(alone, reduced) > 0.5).all()
