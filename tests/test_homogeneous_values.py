"""Every closed form and measure of the part on homogeneous networks against a number by hand or a
loop written from its definition. 1e-12 is rounding of a few dozen operations throughout."""

from math import exp, log, sqrt

import numpy as np
import pytest
import torch
import xarray as xr
from ibias_book import homogeneous as h
from ibias_book.homogeneous import families, laws, observables
from ibias_book.homogeneous.rules import Stepper

import ibias as ib
from ibias.losses import CROSS_ENTROPY, EXPONENTIAL
from ibias.problem import Scaled

close = {"rel": 1e-12, "abs": 1e-15}


def blocks(*matrices):
    return [torch.tensor(m, dtype=torch.float64) for m in matrices]


# a network of two layers with one output: W = diag(3, 4) / 2, v = (1, 2)
TWO = blocks([[1.5, 0.0], [0.0, 2.0]], [[1.0, 2.0]])


# --- laws --------------------------------------------------------------------------------------


def test_laws_by_hand():
    assert laws.average_ratio(0.5, log(1.5)) == pytest.approx(0.5 / 0.25, **close)
    assert np.isinf(laws.average_ratio(0.5, log(2)))
    assert laws.adam_unit(0.0, 0.75, log(1.1)) == pytest.approx(
        sqrt((1 - 0.75 * 1.21) / 0.25), **close
    )
    assert laws.adam_unit(0.5, 0.75, log(1.1)) == pytest.approx(
        0.5 / 0.45 * sqrt((1 - 0.75 * 1.21) / 0.25), **close
    )
    assert laws.speed_limit(exp(-0.2)) == pytest.approx(0.1, **close)
    assert laws.cusp(3.0, 2.0, 54.0) == pytest.approx(54 * 3 / 27, **close)
    assert laws.cusp(2.0, 3.0, 54.0) == pytest.approx(54 * 2 / 27, **close)


def test_the_spectral_margin_of_gradient_descent_by_hand():
    """At an l2 KKT point |W|_F^2 = 2 |v|^2, so N_2^3 = (3 |v|^2)^(3/2); the spectral norm of W is
    |W|_F / sqrt(sr), the larger block decides."""
    for sr in (1.0, 1.7, 2.0, 3.0):
        v, w = 1.0, sqrt(2)
        spectral = max(w / sqrt(sr), v) ** 3
        assert laws.spectral_from_l2(1.0, sr) == pytest.approx(3**1.5 / spectral, **close)


def test_an_audit_by_hand():
    """Three steps of degree 2: ready from the second on, falling at the last with r < A."""
    steps = np.arange(4)
    runs = xr.Dataset(
        {
            "smoothed_margin": ("step", [-1.0, 1.0, 3.0, 3.3]),
            "min_margin": ("step", [-1.0, 1.5, 3.5, 4.0]),
            "own_norm": ("step", [1.0, 2.0, 3.0, 4.0]),
            "own_kkt": ("step", [0.1, 0.5, 0.6, 0.7]),
            "alignment": ("step", [1.0, 0.9, 0.4, 1.0]),
            "eta0": 1.5,
            "a": 0.5,
        },
        {"step": steps},
        {"degree": 2},
    )
    found = laws.audit(runs)
    gamma = [1 / 4, 3 / 9, 3.3 / 16]
    eta = 1.5 / np.sqrt(steps + 1)
    left = 2 * (eta[1] * 0.9 / (2 * 0.5) - log(3 / 2)) + 2 * (eta[2] * 0.4 / (3 * 0.6) - log(4 / 3))
    assert found.left.item() == pytest.approx(left, **close)
    assert found.right.item() == pytest.approx(log(gamma[2] / gamma[0]), **close)
    assert found.excess.item() == pytest.approx(-0.2, **close)
    assert (found.steps, found.falls, found.broken) == (2, 1, 0)
    assert found.rising.item() == 0.5
    # the same fall with an aligned step breaks the theory
    runs.alignment[2] = 0.6
    assert laws.audit(runs).broken == 1


# --- measures ----------------------------------------------------------------------------------


def test_margins_of_two_layers_by_hand():
    net, q = h.Layers(2, (2,)), torch.tensor(6.0).double()
    norms = {"l2": sqrt(1.5**2 + 4 + 5), "linf": 2.0, "spectral": sqrt(5), "hybrid": 2.0}
    for norm in h.WHOLE:
        found = observables.normalized_margin(net, norm, TWO, q)
        assert float(found) == pytest.approx(6 / norms[norm.text] ** 3, **close)
    # rescaled layers: block-max norms make both blocks equal, q / (|W|^2 |v|); l2 has |W|^2 = 2 |v|^2
    best = {
        "l2": 6 / (6.25 * sqrt(5)) * (2 / 3) * sqrt(1 / 3),
        "linf": 6 / (2**2 * 2),
        "spectral": 6 / (2**2 * sqrt(5)),
        "hybrid": 6 / (2**2 * 2),
    }
    for norm in h.WHOLE:
        found = observables.balanced_margin(net, norm, TWO, q)
        assert float(found) == pytest.approx(best[norm.text], rel=1e-9), norm.text


def test_alignment_by_hand():
    u = blocks([[3.0, 0.0], [0.0, 4.0]], [[0.0, 12.0]])
    d = blocks([[0.6, 0.0], [0.0, 0.0]], [[0.0, 0.8]])
    assert float(observables.alignment(h.L2, d, u)) == pytest.approx((1.8 + 9.6) / 13, **close)
    # duals: sum of all entries; nuclear norm of the matrix plus that of the row
    assert float(observables.alignment(h.LINF, d, u)) == pytest.approx(11.4 / 19, **close)
    assert float(observables.alignment(h.MAX_SPECTRAL, d, u)) == pytest.approx(11.4 / 19, **close)


def test_smoothed_margins_by_hand():
    soft = torch.tensor([[2.0, 3.0, 5.0]]).double()
    s = exp(-2) + exp(-3) + exp(-5)
    assert float(observables.smoothed_margin(EXPONENTIAL, soft)) == pytest.approx(-log(s), **close)
    s = sum(log(1 + exp(-q)) for q in (2, 3, 5))
    found = observables.smoothed_margin(CROSS_ENTROPY, soft)
    assert float(found) == pytest.approx(-log(exp(s) - 1), **close)
    # one sample carries the loss that psi would: its own margin, early and very late
    for q in (0.5, 30.0, 200.0):
        one = torch.tensor([[q]]).double()
        assert float(observables.smoothed_margin(CROSS_ENTROPY, one)) == pytest.approx(q, rel=1e-12)
    assert torch.isnan(observables.smoothed_margin(CROSS_ENTROPY, torch.zeros(1, 1).double()))


def test_median_over_large_entries_by_hand():
    u = blocks([[1.0, -10.0, 2.0, 0.5]], [[8.0, 1.5]])
    values = blocks([[100.0, 20.0, -6.0, 100.0]], [[32.0, 9.0]])
    # a tenth of 10 is not above it: left are 20/10, 6/2, 32/8, 9/1.5, and the lower median of four
    found = observables.median_over_large(values, u, u)
    assert float(found) == pytest.approx(3, **close)


def test_measures_of_a_run_at_its_start():
    """One hidden unit by hand: f = v (w x)^2, two samples, logistic loss."""
    task = h.Task(torch.tensor([[[2.0], [-1.0]]]).double(), torch.tensor([[1, 0]]), (0,), "two")
    net = h.Layers(1, (1,))
    (w,), (v,) = (p.flatten().tolist() for p in net.initial([0], 1.0))
    runs = h.train(net, task, [h.Rule("NGD", h.L2, 0.5)], steps=1, record=[0, 1], scale=1.0)
    active = [max(w * x, 0.0) for x in (2.0, -1.0)]
    z = [v * a * a for a in active]
    q = [z[0], -z[1]]
    loss = np.mean([log(1 + exp(-m)) for m in q])
    weight = [1 / (1 + exp(m)) for m in q]
    # u = sum of weight * sign * gradient of f
    u = [
        sum(
            r * s * 2 * v * a * x
            for r, s, a, x in zip(weight, (1, -1), active, (2, -1), strict=True)
        ),
        sum(r * s * a * a for r, s, a in zip(weight, (1, -1), active, strict=True)),
    ]
    start, size = runs.isel(optimizer=0, seed=0, step=0), sqrt(w * w + v * v)
    assert start.log_loss.item() == pytest.approx(log(loss), rel=1e-12)
    assert start.min_margin.item() == pytest.approx(min(q), **close)
    assert start.gamma.sel(norm="l2").item() == pytest.approx(min(q) / size**3, **close)
    assert start.own_norm.item() == pytest.approx(size, **close)
    kkt = (w * u[0] + v * u[1]) / (size * np.hypot(*u))
    assert start.own_kkt.item() == pytest.approx(kkt, **close)
    assert start.alignment.item() == pytest.approx(1, **close)
    moved = [p + 0.5 * g / np.hypot(*u) for p, g in zip((w, v), u, strict=True)]
    after = runs.isel(optimizer=0, seed=0, step=1)
    assert after.own_norm.item() == pytest.approx(np.hypot(*moved), **close)


# --- models ------------------------------------------------------------------------------------


def test_outputs_by_hand():
    x = torch.tensor([[2.0, -1.0], [1.0, 1.0]]).double()
    # W x = (3, -2), (1.5, 2); squared: (9, 0), (2.25, 4)
    wanted = {2: [9.0, 2.25 + 8], 1: [3.0, 1.5 + 4], 0: [3 - 4.0, 1.5 + 4]}
    for power, values in wanted.items():
        net = h.Layers(2, (2,), power=power)
        assert net.degree == (3 if power == 2 else 2)
        np.testing.assert_allclose(net.logits(TWO, x)[:, 0], values, rtol=1e-12)
    assert h.Layers(4, (3, 2)).degrees == (4, 2, 1) and h.Layers(4, (3, 2)).degree == 7
    factored = h.Factored(1, 2, 1)
    found = factored.logits(blocks([[2.0]], [[3.0], [5.0]]), x)
    np.testing.assert_allclose(found[:, 0], [2 * (6 - 5), 2 * 8.0], rtol=1e-12)
    assert factored.degree == 2


def test_pullbacks_by_differences():
    x, weight = (
        torch.tensor([[2.0, -1.0], [1.0, 1.0]]).double(),
        torch.tensor([[0.7], [-0.4]]).double(),
    )
    for net in (h.Layers(2, (2,)), h.Layers(2, (2,), power=1), h.Layers(2, (2,), power=0)):
        pulled = net.linearized(TWO, x)[1](weight)
        for block, gradient in zip(range(2), pulled, strict=True):
            for place in np.ndindex(*TWO[block].shape):
                ends = []
                for shift in (1e-5, -1e-5):
                    moved = [p.clone() for p in TWO]
                    moved[block][place] += shift
                    ends.append(float((net.logits(moved, x) * weight).sum()))
                # central differences of cubics: 1e-10 of curvature, 1e-11 of rounding
                assert float(gradient[place]) == pytest.approx((ends[0] - ends[1]) / 2e-5, abs=1e-8)


def test_optima_of_deep_linear_networks_by_hand():
    """depth 3: w = product of layers; l2 balances |W_j|^2 = N^2/3, so |w| <= (N^2/3)^(3/2)."""
    found = h.deep_linear_optima(h.Layers(5, (4, 7), power=0), 2.0, 3.0)
    wanted = {"l2": 2 / 3**1.5, "linf": 3 * 28.0, "spectral": 2.0, "hybrid": 2 * sqrt(7)}
    assert found == pytest.approx(wanted, rel=1e-12)


# --- rules -------------------------------------------------------------------------------------


def test_three_adam_steps_by_hand():
    rule = h.Rule("Adam", h.LINF, 0.1, 0.9, betas=(0.8, 0.7), eps=1e-2)
    gradients = np.array([[2.0, -0.5], [1.0, 0.25], [-3.0, 0.0]])
    stepper = Stepper(rule, [torch.zeros(1, 1, 2).double()])
    m, v = np.zeros(2), np.zeros(2)
    for t, g in enumerate(gradients, start=1):
        u = Scaled(
            torch.tensor(g).reshape(1, 1, 2) / 4, torch.tensor([log(4.0)], dtype=torch.float64)
        )
        (step,) = stepper.direction(u, samples=5)
        m, v = 0.8 * m + 0.2 * g, 0.7 * v + 0.3 * g * g
        # u is a sum over 5 samples, eps belongs to the mean
        wanted = m / (1 - 0.8**t) / (np.sqrt(v / (1 - 0.7**t)) + 5e-2)
        np.testing.assert_allclose(step.flatten(), wanted, rtol=1e-12)


def test_momentum_and_hybrid_steps_by_hand():
    rule = h.Rule("Muon-Signum", h.hybrid(2.0), 0.1, 0.75)
    start = blocks([[[0.0, 0.0], [0.0, 0.0]]], [[[0.0, 0.0]]])
    stepper = rule.start(start)
    first = Scaled(torch.tensor([[[4.0, 0, 0, 8, 1, -1]]]).double(), torch.zeros(1).double())
    second = Scaled(torch.tensor([[[-1.0, 0, 0, -2, -1, -1]]]).double(), torch.zeros(1).double())
    stepper.direction(first, 1)
    matrix, row = stepper.direction(second, 1)
    # averages: 0.75 (0.25 g1) + 0.25 g2: diag(0.5, 1) > 0 and (-0.0625, -0.4375)
    np.testing.assert_allclose(matrix[0], np.eye(2) / 2, atol=1e-12)
    np.testing.assert_allclose(row[0], [[-1, -1]], rtol=1e-12)
    assert rule.schedule(3) == pytest.approx(0.1 * 4**-0.8, **close)


@pytest.mark.parametrize("reduced", [False, True])
def test_mini_batches_by_a_plain_loop(reduced):
    """Linear model, logistic loss, normalised steps: theta + eta d / |d| along the batch's signal,
    recentred at the start of the epoch with variance reduction."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(6, 3)), np.array([0, 1, 0, 1, 1, 0])
    task = h.Task(torch.tensor(x)[None], torch.tensor(y)[None], (4,), "six")
    batches = ib.VarianceReduced(ib.Minibatch(2)) if reduced else ib.Minibatch(2)
    runs = h.train(h.Layers(3), task, [h.Rule("N", h.L2, 0.3)], 7, record=range(8), batches=batches)
    from ibias_book.batches import batch_rows

    theta = h.Layers(3).initial([4], 0.1)[0].numpy().ravel()
    sign = 2.0 * y - 1

    def pull(at, rows):
        q = sign[rows] * (x[rows] @ at)
        return (sign[rows] / (1 + np.exp(q))) @ x[rows]

    everyone, size = np.arange(6), [np.linalg.norm(theta)]
    for t, rows in enumerate(batch_rows(6, 2, 4, 7)):
        if t % 3 == 0:
            anchor = theta.copy()
        d = pull(theta, rows)
        if reduced:
            d = d - pull(anchor, rows) + pull(anchor, everyone) / 3
        theta = theta + 0.3 * (t + 1) ** -0.8 * d / np.linalg.norm(d)
        size.append(np.linalg.norm(theta))
    np.testing.assert_allclose(runs.own_norm.values.ravel(), size, rtol=1e-11)


# --- tables ------------------------------------------------------------------------------------


def ended(first, last, margin):
    kinds = ["l2", "linf", "spectral"]
    return xr.Dataset(
        {
            "block_norm": (("optimizer", "seed", "block", "kind"), [[[first, last]]]),
            "min_margin": (("optimizer", "seed"), [[margin]]),
        },
        {"block": [0, 1], "kind": kinds},
    )


def test_balance_by_hand():
    found = families.balance(ended([6.0, 2.0, 4.0], [3.0, 1.0, 3.0], 1.0)).squeeze()
    wanted = {"l2": 4.0, "linf": 2.0, "spectral": 4 / 3, "hybrid": 4.0}
    assert {str(n): float(v) for n, v in zip(found.norm.values, found.values, strict=True)} == (
        pytest.approx(wanted)
    )


def test_hybrid_margins_by_hand():
    found = families.hybrid_margins(ended([9.0, 9.0, 2.0], [9.0, 3.0, 9.0], 48.0), [0.5]).squeeze()
    assert found.margin.item() == pytest.approx(48 / 27, **close)  # max(0.5 * 2, 3)^3
    assert found.balance.item() == pytest.approx(3 / (0.5 * 2), **close)
    assert found["product"].item() == pytest.approx(48 / (4 * 3), **close)
    wide = families.hybrid_margins(ended([9.0, 9.0, 2.0], [9.0, 3.0, 9.0], 48.0), [4.0]).squeeze()
    assert wide.margin.item() == pytest.approx(48 / 8**3, **close)


def test_rates_of_a_sweep_grow_alike():
    rules = families.rate_sweep([0.25, 4.0], 0.2)
    # eta_M^2 eta_A with eta_A = rho eta_M and eta_M = eta0 rho^(2/3) / rho
    for rho, rule in zip((0.25, 4.0), rules, strict=True):
        matrix, last = rule.eta0 / rho, rule.eta0
        assert matrix**2 * last == pytest.approx(0.2**3, **close)


def test_interval_of_a_table_by_hand():
    values = xr.DataArray(
        [[[1.0], [3.0]]],
        dims=("optimizer", "seed", "norm"),
        coords={"norm": ["l2"], "optimizer": ["A"]},
    )
    # t(0.975; 1) = 12.706, standard error sqrt(2)/sqrt(2) = 1
    assert "2.00 ± 12.71" in families.table(values)
