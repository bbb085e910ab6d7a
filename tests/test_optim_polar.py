"""The polar factor by Cholesky factors against numpy's SVD, and what the Newton-Schulz schedules
leave."""

from math import inf

import numpy as np
import pytest
import torch
from torch import nn

import ibias as ib
from ibias.optim import Muon, NewtonSchulz, directions
from ibias.optim.exact_polar import polar_factor
from ibias.optim.newton_schulz import CONVERGENT, POLAR_EXPRESS, SCHEDULES

CUT = 8 * torch.finfo(torch.float32).eps  # the numerical rank of float32 matrices


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def by_svd(g, rtol):
    u, s, vh = np.linalg.svd(g.double().numpy(), full_matrices=False)
    kept = s > rtol * s.max(-1, keepdims=True)
    return torch.from_numpy((u * kept[..., None, :]) @ vh)


MATRICES = {
    "wide": lambda: randn(5, 7),
    "tall": lambda: randn(9, 3),
    "square stack": lambda: randn(3, 64, 64),
    "deep stack": lambda: randn(2, 3, 4, 6),
    "row": lambda: randn(1, 6),
    "one entry": lambda: randn(1, 1),
    "rank 3 of 20": lambda: randn(20, 3) @ randn(3, 30, seed=1),
    "rank 16 of 17": lambda: randn(40, 16) @ randn(16, 17, seed=1),
    "rank one": lambda: randn(30, 1) @ randn(1, 8, seed=1),
    "repeated singular values": lambda: torch.eye(6, 9),
    "a softmax layer's": lambda: (g := randn(10, 50)) - g.mean(0),
    "tiny": lambda: 1e-30 * randn(6, 8),
    "huge": lambda: 1e30 * randn(6, 8),
    "six decades": lambda: (
        torch.diag(torch.logspace(0, -5.5, 8)) @ torch.linalg.qr(randn(9, 8)).Q.T
    ),
}


@pytest.mark.parametrize("make", MATRICES.values(), ids=MATRICES)
def test_the_polar_factor_is_that_of_the_svd(make):
    """float32 in and out; the issue asks for 1e-5 (what was seen: 3e-8)."""
    g = make()
    ours = polar_factor(g, CUT)
    assert ours.dtype == torch.float32
    torch.testing.assert_close(ours.double(), by_svd(g, CUT), rtol=0, atol=1e-5)


def test_zero_stays_zero_also_beside_others():
    g = torch.stack([torch.zeros(2, 3), randn(2, 3)])
    ours = polar_factor(g, CUT)
    assert torch.equal(ours[0], torch.zeros(2, 3))
    torch.testing.assert_close(ours[1].double(), by_svd(g[1], CUT), rtol=0, atol=1e-6)


@pytest.mark.parametrize("above, below", [(1.02, 0.98), (1.5, 0.5)])
@pytest.mark.parametrize("rtol", [1e-6, 1e-3, 0.1])
def test_the_rank_is_cut_where_it_was_said(rtol, above, below):
    """Singular values 2 % above the cut become one, 2 % below zero; float64 rounding over a cut of
    1e-6 leaves 1e-9."""
    u = torch.linalg.qr(randn(30, 10).double()).Q
    v = torch.linalg.qr(randn(40, 10, seed=1).double()).Q
    s = torch.tensor([1, 0.9, 0.5, *[above * rtol] * 3, *[below * rtol] * 4]).double()
    ours = polar_factor((u * s) @ v.T, rtol)
    torch.testing.assert_close(ours, u[:, :6] @ v[:, :6].T, rtol=0, atol=1e-8)


def test_cuda_takes_the_polar_factor_and_the_rest_the_svd():
    """There is no CUDA device in every test; which map is taken is."""

    def taken(norm, dtype, device, polar="exact"):
        return directions._map_of({"norm": norm, "polar": polar}, dtype, torch.device(device))

    assert taken(ib.SPECTRAL, torch.float32, "cuda").func is polar_factor
    cut = ib.Schatten(inf, rtol=1e-3)
    assert taken(cut, torch.float32, "cuda").keywords == {"rtol": 1e-3}
    for norm, dtype, device in (
        (ib.SPECTRAL, torch.float32, "cpu"),
        (ib.SPECTRAL, torch.float64, "cuda"),
        (ib.NUCLEAR, torch.float32, "cuda"),
        (ib.MAX, torch.float32, "cuda"),
    ):
        assert taken(norm, dtype, device) == norm.steepest


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@pytest.mark.parametrize("make", MATRICES.values(), ids=MATRICES)
def test_on_cuda_the_polar_factor_is_that_of_the_cpu(make):
    g = make()
    ours = polar_factor(g.cuda(), CUT).cpu()
    torch.testing.assert_close(ours.double(), by_svd(g, CUT), rtol=0, atol=1e-5)


def test_a_step_by_the_polar_factor_is_the_step_by_the_svd(monkeypatch):
    ends = []
    for as_on_cuda in (False, True):
        p = nn.Parameter(randn(6, 4))
        p.grad = randn(6, 4, seed=1)
        if as_on_cuda:
            monkeypatch.setattr(directions, "_map_of", lambda *_: lambda g: polar_factor(g, CUT))
        Muon([p], 0.1).step()
        ends.append(p.detach())
    torch.testing.assert_close(*ends, rtol=0, atol=1e-6)  # float32 entries of about 3


def minimax_quintic(low, high):
    """The odd quintic nearest to one on an interval: its error has equal size and alternating sign
    at the ends and at two extrema between (Remez exchange)."""
    inner = [low + (high - low) * f for f in (0.25, 0.75)]
    for _ in range(50):
        x = np.array([low, *inner, high])
        rows = np.column_stack([x, x**3, x**5, [1, -1, 1, -1]])
        a, b, c, _ = np.linalg.solve(rows, np.ones(4))
        inner = sorted(np.sqrt(np.roots([5 * c, 3 * b, a]).real))
    return np.array([a, b, c])


def test_polar_express_coefficients_are_minimax_compositions():
    """Recomputed: the best quintic of each interval, which the one before it leaves; the interval's
    lower end is cushioned at 0.0241 of the upper one, the safety factor divides the argument."""
    low, high = 1e-3, 1.0
    for i, ours in enumerate(POLAR_EXPRESS[:6]):
        powers = np.array([1, 3, 5])
        best = minimax_quintic(max(low, 0.02407327424182761 * high), high)
        ends = [best @ low**powers, best @ high**powers]
        best *= 2 / sum(ends)
        np.testing.assert_allclose(np.array(ours) * 1.01**powers, best, rtol=1e-5, err_msg=str(i))
        low, high = best @ low**powers, 2 - best @ low**powers
    assert POLAR_EXPRESS[-1] == CONVERGENT


@pytest.mark.parametrize(
    "schedule, steps, least, most",
    [
        ("classic", 5, 0.65, 1.25),  # five steps, singular values down to .01 of the norm
        ("polar-express", 5, 0.85, 1.15),
        ("polar-express", 8, 1 - 1e-4, 1 + 1e-4),
        ("convergent", 16, 1 - 1e-4, 1 + 1e-4),
    ],
)
def test_what_each_schedule_leaves_of_the_singular_values(schedule, steps, least, most):
    u, v = torch.linalg.qr(randn(20, 20)).Q, torch.linalg.qr(randn(30, 20)).Q
    s = torch.logspace(0, -1.5, 20)
    s = s / s.norm()
    left = torch.linalg.svdvals(NewtonSchulz(steps, schedule)((u * s) @ v.T))
    assert least <= float(left.min()) and float(left.max()) <= most


def test_a_schedule_repeats_its_last_quintic():
    g = randn(6, 8)
    longer = NewtonSchulz(10, "polar-express", None)(g.double())
    by_hand = NewtonSchulz(10, (*POLAR_EXPRESS, CONVERGENT, CONVERGENT), None)(g.double())
    assert torch.equal(longer, by_hand)
    assert NewtonSchulz(5, "classic") == NewtonSchulz() and set(SCHEDULES) == {
        "classic",
        "polar-express",
        "convergent",
    }


def test_the_iteration_is_in_float32_unless_asked():
    g = randn(6, 8)
    in_16 = NewtonSchulz(dtype=torch.bfloat16)(g)
    reference = NewtonSchulz(dtype=None)(g.double())
    near = float((NewtonSchulz()(g) - reference).abs().max())
    # five steps multiply rounding (6e-8, 4e-3) by up to 3.4^5 = 460
    assert near < 3e-5 < 1e-3 < float((in_16 - reference).abs().max())
