"""Gradients, losses and margins against autograd where autograd is right, and against mpmath where
it is not."""

import math

import mpmath
import numpy as np
import pytest
import torch

import ibias as ib
from ibias.problem import Scaled, weighted_sum

DATA = ib.data.mixture(classes=4, per_class=3, dim=5, seed=0)
BOTH = pytest.mark.parametrize(
    "loss", [ib.CROSS_ENTROPY, ib.EXPONENTIAL], ids=lambda loss: loss.text
)


def weights(scale, *lanes, seed=0):
    return scale * torch.tensor(
        np.random.default_rng(seed).standard_normal((*lanes, DATA.k, DATA.d))
    )


def plain_loss(w, loss, x, y):
    z = x @ w.mT
    if loss is ib.CROSS_ENTROPY:
        return torch.nn.functional.cross_entropy(z, y)
    gaps = z - z.gather(1, y[:, None])
    return (gaps.exp().sum(1) - 1).mean()


@BOTH
@pytest.mark.parametrize("rows", [None, [3, 0, 7]])
def test_loss_and_gradient_match_autograd_at_moderate_weights(loss, rows):
    problem, w = ib.Problem(DATA, loss), weights(0.5).requires_grad_()
    rows = None if rows is None else torch.tensor(rows)
    chosen = slice(None) if rows is None else rows
    expected = plain_loss(w, loss, problem.x[chosen], problem.y[chosen])
    expected.backward()
    with torch.no_grad():
        # autograd itself cancels: margins here are below 3, so a few ulp of the largest entry
        torch.testing.assert_close(problem.log_loss(w, rows).exp(), expected, rtol=1e-12, atol=0)
        torch.testing.assert_close(
            problem.gradient(w, rows).plain(), w.grad, rtol=1e-10, atol=1e-14
        )


@BOTH
@pytest.mark.parametrize("scale", [1, 30, 300, 3000])
def test_every_entry_is_right_at_any_margin(loss, scale):
    """60 digits as the judge; margins from -1e4 to 1e4, where softmax - onehot and exp are
    useless."""
    problem, w = ib.Problem(DATA, loss), weights(scale)
    mpmath.mp.dps = 60
    g, exact = problem.gradient(w), _exact_gradient(w, loss)
    factor = mpmath.exp(mpmath.mpf(float(g.log_scale)))
    largest = max(abs(v) for row in exact for v in row)
    for i in range(DATA.k):
        for j in range(DATA.d):
            got = mpmath.mpf(float(g.value[i, j])) * factor
            # logits carry 1e-16 * scale * |x| of rounding, which exponentials turn into relative
            # error
            assert abs(got - exact[i][j]) <= (1e-14 * (1 + 10 * scale)) * largest


def _exact_gradient(w, loss):
    x, total = DATA.x, [[mpmath.mpf(0)] * DATA.d for _ in range(DATA.k)]
    for xi, yi in zip(x, DATA.y, strict=False):
        z = [
            mpmath.fsum(
                mpmath.mpf(float(a)) * mpmath.mpf(float(b)) for a, b in zip(row, xi, strict=False)
            )
            for row in w.numpy()
        ]
        e = [mpmath.exp(zc - z[yi]) for zc in z]
        norm = mpmath.fsum(e) if loss is ib.CROSS_ENTROPY else 1
        for c in range(DATA.k):
            r = (
                e[c] / norm
                if c != yi
                else -mpmath.fsum(e[a] for a in range(DATA.k) if a != yi) / norm
            )
            for j in range(DATA.d):
                total[c][j] += r * mpmath.mpf(float(xi[j])) / DATA.n
    return total


@BOTH
def test_directions_survive_margins_of_ten_thousand(loss):
    best = weights(0) + torch.eye(DATA.k, DATA.k).double() @ torch.tensor(
        np.stack([DATA.x[DATA.y == c].mean(0) for c in range(DATA.k)])
    )
    problem = ib.Problem(DATA, loss)
    far = best * (1e4 / problem.min_margin(best).clamp(min=1e-3))
    assert problem.log_loss(far).isfinite()
    g = problem.gradient(far)
    assert g.log_scale.isfinite() and g.value.abs().max() > 0 and g.value.isfinite().all()


def test_classes_sum_to_zero():
    for scale in (1, 100, 1e4):
        g = ib.Problem(DATA).gradient(weights(scale))
        assert g.value.sum(-2).abs().max() <= 1e-15 * DATA.n  # one rounding per sample


@BOTH
def test_lanes_shared_rows_and_own_rows_agree(loss):
    problem, w = ib.Problem(DATA, loss), weights(2, 3)
    rows = torch.tensor([5, 1, 9])
    shared = problem.gradient(w, rows)
    own = problem.gradient(w, rows.expand(3, 3))
    for j in range(3):
        alone = problem.gradient(w[j], rows)
        for other in (
            Scaled(shared.value[j], shared.log_scale[j]),
            Scaled(own.value[j], own.log_scale[j]),
        ):
            torch.testing.assert_close(other.plain(), alone.plain(), rtol=1e-12, atol=1e-15)


def test_margin_is_the_worst_gap():
    w = weights(1)
    z = DATA.x @ w.numpy().T
    gaps = [z[i, DATA.y[i]] - np.delete(z[i], DATA.y[i]).max() for i in range(DATA.n)]
    assert ib.Problem(DATA).min_margin(w).item() == pytest.approx(min(gaps), rel=1e-13)


def test_proxy_is_the_mean_residual():
    w = weights(1)
    s = torch.softmax(torch.tensor(DATA.x) @ w.mT, 1)[torch.arange(DATA.n), torch.tensor(DATA.y)]
    assert ib.Problem(DATA).log_proxy(w).exp().item() == pytest.approx(
        (1 - s).mean().item(), rel=1e-12
    )
    exponential = ib.Problem(DATA, ib.EXPONENTIAL)
    torch.testing.assert_close(exponential.log_proxy(w), exponential.log_loss(w), rtol=0, atol=0)


def test_weighted_sum_works_across_scales():
    one = Scaled(torch.ones(2, 2).double(), torch.tensor(-2000.0).double())
    two = Scaled(torch.full((2, 2), 3.0).double(), torch.tensor(-2001.0).double())
    total = weighted_sum((0.5, one), (-2, two))
    expected = 0.5 - 6 * np.exp(-1)
    assert (total.log_scale + total.value[0, 0].abs().log()).item() == pytest.approx(
        -2000 + np.log(abs(expected)), rel=1e-14
    )
    assert total.value[0, 0] < 0
    zero = Scaled(torch.zeros(2, 2).double(), torch.tensor(-torch.inf).double())
    assert (weighted_sum((1, zero), (1, zero)).value == 0).all()
    torch.testing.assert_close(weighted_sum((0.9, zero), (1, one)).value, one.value, rtol=0, atol=0)


def test_rescaled_keeps_the_matrix():
    s = Scaled(torch.tensor([[4.0, -8.0]]).double(), torch.tensor(-900.0).double()).rescaled()
    assert s.value.abs().max() == 1 and s.log_scale.item() == pytest.approx(
        -900 + np.log(8), rel=1e-14
    )


def test_the_logarithm_of_the_loss_keeps_its_digits_on_both_branches():
    mu = [-800.0, -40.0, -1.0, 0.0, 3.5, 20.0, 34.9, 35.1, 36.5, 700.0]
    plain = [
        math.log(-m if m < -700 else math.log1p(math.exp(-m))) for m in mu
    ]  # log1p and exp are exact to an ulp here
    found = ib.CROSS_ENTROPY.log_loss(torch.tensor([*mu, 5000.0], dtype=torch.float64))
    np.testing.assert_allclose(found, [*plain, -5000.0], rtol=4e-15)
    slopes = [-math.log1p(math.exp(m)) if m < 700 else -m for m in mu]
    np.testing.assert_allclose(
        ib.CROSS_ENTROPY.log_residual(torch.tensor(mu, dtype=torch.float64)), slopes, rtol=4e-15
    )
