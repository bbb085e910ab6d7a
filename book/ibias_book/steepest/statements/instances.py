"""Random and adversarial classification problems on which the lemmas are evaluated, always the same
ones."""

from dataclasses import dataclass

import numpy as np
import torch

from ibias.data import Dataset, counterexample, scale_skewed
from ibias.losses import CROSS_ENTROPY
from ibias.norms import CATALOG, MAX, Norm
from ibias.problem import Problem

LANES = 24


@dataclass(frozen=True, eq=False)
class Instance:
    """A problem, a norm, and 24 pairs of weights ``w`` and ``other`` (24, k, d); the distances go
    from 1e-6/R to 3/R."""

    problem: Problem
    norm: Norm
    w: torch.Tensor
    other: torch.Tensor
    rng: np.random.Generator

    @property
    def radius(self):
        return self.problem.dataset.radius

    def distance(self):
        """||other - w||_max and ||other - w|| in the instance's norm, each (24,)."""
        gap = self.other - self.w
        return gap.abs().amax((-2, -1)).numpy(), self.norm.value(gap).numpy()

    def gradients(self, w, log_unit):
        """Per-sample gradients of the lanes, (24, n, k, d), divided by exp(log_unit)."""
        r = self.problem.residual(w)
        value = r.value * (r.log_scale - log_unit).exp()[:, None, None]
        return value[..., None] * self.problem.x[:, None, :]

    def batch_counts(self):
        """The m >= 2 that divide n."""
        n = self.problem.dataset.n
        return [m for m in range(2, n + 1) if n % m == 0]


def instances(count=64, loss=CROSS_ENTROPY, seed=20260211):
    """``count`` instances: Gaussian, integer, sparse, hot-sample, scale-skewed and nearly
    antiparallel data; norms in turn."""
    for index in range(count):
        rng = np.random.default_rng([seed, index])
        problem = Problem(_dataset(index, rng), loss)
        w = _weights(problem, rng)
        yield Instance(problem, CATALOG[index % len(CATALOG)], w, w + _moves(problem, w, rng), rng)
    yield from attaining(loss)


def attaining(loss=CROSS_ENTROPY):
    """Where bounds on losses, proxies and gradients are attained in the limit (R = 1, max norm).

    One sample of class 0 on its own axis and five of class 1 on theirs. Late: the first has the
    margin 60 and so nearly all the residual, the others 120; a step moves the first alone, as far
    as the max norm allows. Confused: all margins are -60, and a step moves all of them.
    """
    data = Dataset(np.eye(2)[[0, 1, 1, 1, 1, 1]], np.array([0, 1, 1, 1, 1, 1]), "attaining")
    sizes = np.geomspace(1e-3, 3, LANES // 4)
    w, move = np.zeros((2, LANES, 2, 2))
    w[: LANES // 2] = np.array([[30.0, -60.0], [-30.0, 60.0]])
    w[LANES // 2 :] = np.array([[-30.0, 30.0], [30.0, -30.0]])
    move[: LANES // 2] = np.array([[1.0, 0.0], [-1.0, 0.0]])
    move[LANES // 2 :] = np.array([[1.0, -1.0], [-1.0, 1.0]])
    move *= np.r_[sizes, -sizes, sizes, -sizes][:, None, None]
    pair = torch.as_tensor(w), torch.as_tensor(w + move)
    yield Instance(Problem(data, loss), MAX, *pair, np.random.default_rng(60))


def _dataset(index, rng):
    k, n = int(rng.integers(2, 5)), int(rng.choice([6, 8, 12]))
    d = int(rng.integers(2, 5)) if index % 2 else n + 1
    y = np.r_[np.arange(k), rng.integers(0, k, n - k)]
    family = index % 6
    if family == 4:
        return scale_skewed(classes=k, samples=n, seed=index)
    if family == 5:
        return counterexample(rng.choice(["X.1", "X.3", "X.5"]), copies=n - 1)
    x = rng.normal(size=(n, d)) * 10 ** rng.uniform(-1, 1)
    if family == 1:
        x = rng.integers(-2, 3, (n, d)).astype(float)
        x[:, 0] += x[:, 0] == 0
    elif family == 2:
        x *= rng.random((n, d)) < 0.4
        x[:, 0] += 0.1
    elif family == 3:
        x[0] *= 30
    return Dataset(x, y)


def _weights(problem, rng):
    """Zero, random weights of many sizes, and multiples of a least-squares classifier: early,
    confused and late phases."""
    data, k = problem.dataset, problem.dataset.k
    sizes = 10 ** rng.uniform(-3, 1.3, LANES) / data.radius
    w = rng.normal(size=(LANES, k, data.d)) * sizes[:, None, None]
    fit = np.linalg.lstsq(data.x, np.eye(k)[data.y] - 1 / k, rcond=None)[0].T
    w[LANES // 2 :] = (
        0.05 * w[LANES // 2 :] + np.geomspace(0.1, 60, LANES - LANES // 2)[:, None, None] * fit
    )
    w[0] = 0
    return torch.as_tensor(w)


def _moves(problem, w, rng):
    """Half random, half built to shift one sample's logits as far as the max norm allows (both
    signs)."""
    data = problem.dataset
    sizes = 10 ** rng.uniform(-6, 0.5, LANES) / data.radius
    moves = rng.choice([-1.0, 1.0], (LANES, data.k, data.d)) * rng.random(
        (LANES, 1, 1)
    ) ** rng.integers(0, 2, (LANES, 1, 1))
    for lane in range(0, LANES, 2):
        i = int(np.argmax(np.abs(data.x).sum(1))) if lane % 4 else int(rng.integers(data.n))
        side = np.where(np.arange(data.k) == data.y[i], 1.0, -1.0) * rng.choice([-1, 1])
        moves[lane] = np.outer(side, np.sign(data.x[i]))
    return torch.as_tensor(moves * sizes[:, None, None])
