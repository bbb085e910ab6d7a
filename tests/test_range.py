"""Signs and magnitudes far below the largest entry: a class or a feature may be e^-1000 of the others, and its map is not 0."""

import itertools

import numpy as np
import pytest
import torch

import ibias as ib
from ibias.engine import backend_named
from ibias.losses import LOSSES
from ibias.methods import Lane
from ibias.problem import Problem
from long_reference import LONG_ENOUGH, trajectory
from test_engine import FAST, final, method, worst

pytestmark = pytest.mark.skipif(not LONG_ENOUGH, reason="np.longdouble has no more exponents than float64 on this machine")
P50 = ib.Entrywise(50)  # entries of e^-700 weigh e^(-700/49) = 6e-7: not nothing


def uneven(k, d=8, n=40, sparse=False):
    """Two near classes among far ones; ``sparse``: half of the entries of x are exactly 0, others in other samples."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((k, d)) * np.geomspace(1, 4, k)[:, None]
    centres[1] = centres[0] + 0.3 * rng.standard_normal(d)
    y = np.arange(n) % k
    x = centres[y] + 0.05 * rng.standard_normal((n, d))
    return ib.Dataset(np.where(rng.random((n, d)) < 0.5, 0, x) if sparse else x, y)


def grid(norms, batch_sizes, momenta, **options):
    cells = itertools.product(norms, batch_sizes, momenta, (False, True))
    return [Lane(method(*cell, **options), 0) for cell in cells]


def expected(problem, lanes, steps):
    """Final weights in extended precision, and the largest ``-log`` of a residual that each run has met."""
    data, found = problem.dataset, []
    for lane in lanes:
        norm, signal, eta = lane.method.norm, lane.method.signal, lane.method.schedule
        b, beta, reduced = ib.signals.recipe(signal, data.n)
        found.append(trajectory(data.x, data.y, data.k, norm.p, b, beta, reduced, steps, eta.eta0, eta.a, lane.seed, problem.loss.text))
    return torch.as_tensor(np.stack([w for w, _ in found])), [depth for _, depth in found]


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize("k, eta0", [(3, 16.0), (5, 16.0), (10, 8.0)])
def test_directions_are_right_when_classes_lie_thousands_apart(k, eta0, loss):
    problem = Problem(uneven(k), loss)
    lanes = grid([ib.MAX, P50], [1, 10, 40], [0.0, 0.9], eta0=eta0)
    right, depth = expected(problem, lanes, 100)
    assert np.median(depth) > 1000 and max(depth) > 3000
    for backend in FAST:
        # SignSGD is exact; for p = 50, 1e-11 is what one ulp of eta0 does to a run at margins of 1e4
        assert worst(final(backend, problem, lanes, 100), right) < 1e-11, backend
