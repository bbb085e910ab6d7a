"""Two batches an epoch: can a run stall? Adversarial search for data on which the mean step of an
epoch dies out before all samples are classified.

With frozen weights the two steps D_1, D_2 of an epoch and its two batch gradients have
<D_1 + D_2, g_1 + g_2> >= 0. Divided by |g_1|_* + |g_2|_* it is the *drift share*, between 0 and 2;
0 where D_1 = -D_2.
"""

import json
import sys
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
import xarray as xr
from scipy.optimize import least_squares, linprog
from torch import Tensor

from ibias import norms
from ibias.data import Dataset
from ibias.methods import SteepestDescent
from ibias.runs import simulate
from ibias.runs.store import write_whole
from ibias.schedules import Power
from ibias.signals import FullBatch, Minibatch, Momentum, VarianceReduced

from ..repository import target

SETTLED = 1e-3
"""A drift share below which a flow that has not separated its samples counts as stalled."""


@dataclass(frozen=True)
class Cell:
    """What is searched: a norm, the shape of the data (two batches of n/2), and whether all
    partitions into halves occur (``reshuffled``) or one."""

    norm: str
    classes: int
    features: int
    n: int
    reshuffled: bool


CELLS = [
    Cell(norm, k, d, n, reshuffled)
    for norm, k, d, n in (
        ("spectral", 3, 2, 4),
        ("spectral", 3, 3, 4),
        ("spectral", 3, 2, 6),
        ("spectral", 4, 3, 6),
        ("max", 3, 2, 4),
        ("schatten:4", 3, 2, 4),
        ("frobenius", 3, 2, 4),
    )
    for reshuffled in (False, True)
]


def halves(n: int, reshuffled: bool) -> Tensor:
    """The partitions of n samples into two batches, ``(partitions, 2, n/2)``; the first alone
    where batches never change."""
    firsts = [one for one in combinations(range(n), n // 2) if 0 in one]
    pairs = [[one, sorted(set(range(n)) - set(one))] for one in firsts]
    return torch.tensor(pairs if reshuffled else pairs[:1])


def drawn(rng: np.random.Generator, cell: Cell, count: int) -> tuple[Tensor, Tensor]:
    """``count`` separable sets, x ``(count, n, d)`` to one decimal and y: Gaussian samples,
    labelled by a Gaussian classifier; sets that miss a class are drawn anew."""
    x, y = np.empty((0, cell.n, cell.features)), np.empty((0, cell.n), dtype=int)
    while len(x) < count:
        new = rng.normal(size=(count, cell.n, cell.features)).round(1)
        own = labels(new, rng.normal(size=(count, cell.classes, cell.features)))
        kept = [len(set(one)) == cell.classes for one in own]
        x, y = np.concatenate([x, new[kept]])[:count], np.concatenate([y, own[kept]])[:count]
    return torch.from_numpy(x), torch.from_numpy(y)


def labels(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    return (x @ w.swapaxes(-1, -2)).argmax(-1)


def moves(w: Tensor, x: Tensor, y: Tensor, norm: norms.Norm, parts: Tensor) -> tuple[Tensor, ...]:
    """The mean step over partitions and batches, the drift share and the smallest margin of many
    sets at once: w ``(sets, k, d)``, x ``(sets, n, d)``, y ``(sets, n)``."""
    z = x @ w.mT
    own = torch.nn.functional.one_hot(y, w.shape[-2]).bool()
    margin = (z[own].view(y.shape)[..., None] - z).masked_fill(own, torch.inf).amin((-2, -1))
    residual = own.to(z) - z.softmax(-1)
    ascent = (residual[:, parts].mT @ x[:, parts]).contiguous()  # (sets, partitions, 2, k, d)
    steps = norm.steepest(ascent)
    gained = (steps.sum(2) * ascent.sum(2)).sum((-2, -1)).sum(1)
    share = gained / norm.dual(ascent).sum((1, 2))
    return steps.mean((1, 2)), share, margin


def flow(x: Tensor, y: Tensor, cell: Cell, pieces: int, length: float = 0.5):
    """Weights, drift share and smallest margin at the end of the mean flow from 0, in ``pieces``
    Euler steps of ``length / sqrt(t)``."""
    norm, parts = norms.norm(cell.norm), halves(cell.n, cell.reshuffled)
    w = x.new_zeros(len(x), cell.classes, cell.features)
    for t in range(1, pieces + 1):
        step, *_ = moves(w, x, y, norm, parts)
        w = w + length * t**-0.5 * step
    return w, *moves(w, x, y, norm, parts)[1:]


def search(cell: Cell, draws: int, rounds: int, pieces: int, seed: int = 0) -> dict:
    """The set with the smallest drift share among those left unclassified, after ``draws`` random
    sets and ``rounds`` of as many neighbours of the eight best; with how many of the random sets
    stall."""
    rng = np.random.default_rng([seed, cell.n, cell.classes, cell.features])
    x, y = drawn(rng, cell, draws)
    _, share, margin = flow(x, y, cell, pieces)
    stalled = int(((margin <= 0) & (share < SETTLED)).sum())
    best = _best(x, y, share, margin)
    for _ in range(rounds):
        near, own = (one.repeat(draws // 8, *[1] * (one.ndim - 1)) for one in best[:2])
        near = (near + 0.2 * torch.from_numpy(rng.normal(size=near.shape))).round(decimals=1)
        _, share, margin = flow(near, own, cell, pieces)
        margin = torch.where(torch.from_numpy(separable(near, own)), margin, torch.inf)
        best = _best(
            *(torch.cat(pair) for pair in zip(best, (near, own, share, margin), strict=True))
        )
    found: dict = {"stalled": stalled, "drawn": draws, "unclassified": bool(best[3][0] <= 0)}
    found |= {"share": float(f"{float(best[2][0]):.2g}"), "margin": round(float(best[3][0]), 2)}
    return asdict(cell) | found | {"x": best[0][0].tolist(), "y": best[1][0].tolist()}


def _best(x, y, share, margin):
    order = torch.where(margin <= 0, share, share + 2).argsort()[:8]
    return x[order], y[order], share[order], margin[order]


def separable(x: Tensor, y: Tensor) -> np.ndarray:
    """Which sets have a classifier with every sample on its side: a linear programme each."""

    def one(points, own):
        k, d = int(own.max()) + 1, points.shape[1]
        rows = [
            np.kron(np.eye(k)[c] - np.eye(k)[i], p)
            for p, i in zip(points, own, strict=True)
            for c in range(k)
            if c != i
        ]
        found = linprog(np.zeros(k * d), np.array(rows), -np.ones(len(rows)), bounds=(None, None))
        return found.status == 0

    return np.array([one(a, b) for a, b in zip(x.numpy(), y.numpy(), strict=True)])


def recorded(path: str | Path) -> list[dict]:
    """What `write` found, a dictionary per cell."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def worst(found: list[dict], cell: Cell) -> tuple[Tensor, Tensor]:
    """The recorded set of ``cell``: x ``(1, n, d)`` and y ``(1, n)``."""
    (one,) = (row for row in found if asdict(cell).items() <= row.items())
    return torch.tensor([one["x"]], dtype=torch.float64), torch.tensor([one["y"]])


def runs(x: Tensor, y: Tensor, cell: Cell, steps: int, seeds: range) -> xr.Dataset:
    """Reshuffled spectral runs on one set, and what does classify it: ``margin`` and ``share`` over
    (method, seed, step)."""
    half, few = Minibatch(cell.n // 2), Power(0.2, 0.75)
    methods = {
        "spectral, b = n/2": SteepestDescent(norms.SPECTRAL, half, Power(0.2)),
        "the same, steps of power 3/4": SteepestDescent(norms.SPECTRAL, half, few),
        "full batch": SteepestDescent(norms.SPECTRAL, FullBatch(), Power(0.2)),
        "momentum 0.9": SteepestDescent(norms.SPECTRAL, Momentum(0.9, half), Power(0.2)),
        "variance reduction": SteepestDescent(norms.SPECTRAL, VarianceReduced(half), Power(0.2)),
        "Frobenius, b = n/2": SteepestDescent(norms.FROBENIUS, half, Power(0.2)),
    }
    made = simulate(
        Dataset(x[0].numpy(), y[0].numpy(), "stalls"),
        [replace(method, name=name) for name, method in methods.items()],
        seeds=seeds,
        steps=steps,
        record=np.unique(np.geomspace(1, steps, 50).astype(int)),
        weights=True,
    )
    order = ("optimizer", "seed", "step")
    w = made.weights.transpose(*order, ...)
    flat = torch.from_numpy(w.values.reshape(-1, *w.shape[3:]).copy())
    parts = halves(cell.n, cell.reshuffled)
    share = [moves(one, x, y, norms.norm(cell.norm), parts)[1] for one in flat[:, None]]
    return xr.Dataset(
        {
            "margin": (order, made.min_margin.transpose(*order).values),
            "share": (order, torch.cat(share).numpy().reshape(w.shape[:3])),
        },
        {name: made[name].values for name in order},
    )


def rest_point(x: Tensor, y: Tensor, w: np.ndarray, cell: Cell) -> dict:
    """The rest point of the mean flow next to w: its ``share`` and ``margin``, and ``rates``, the
    eigenvalues (real parts, ascending) of the flow's derivative there, among matrices whose columns
    sum to zero."""
    norm, parts = norms.norm(cell.norm), halves(cell.n, cell.reshuffled)
    basis = np.linalg.svd(np.ones((1, len(w))))[2][1:].T  # (k, k - 1)

    def weights(v):
        return torch.from_numpy(basis @ v.reshape(-1, w.shape[1]))[None]

    def step(v):
        return (basis.T @ moves(weights(v), x, y, norm, parts)[0][0].numpy()).ravel()

    exact = {"jac": "3-point", "xtol": 1e-15, "ftol": 1e-15, "gtol": 1e-15}
    found = least_squares(step, (basis.T @ w).ravel(), **exact)
    _, share, margin = moves(weights(found.x), x, y, norm, parts)
    rates = np.sort(np.linalg.eigvals(found.jac).real)
    return {"share": float(share), "margin": float(margin), "rates": rates}


def as_text(found: list[dict]) -> str:
    """The outcome as a table: a row per shape of data, its two kinds of partitions side by side."""
    rows = []
    for fixed, shuffled in zip(found[::2], found[1::2], strict=True):
        counts = [f"{one['stalled']} of {one['drawn']}" for one in (fixed, shuffled)]
        least = [f"{max(one['share'], 0):.0e}" for one in (fixed, shuffled)]
        shape = f"{fixed['norm']} | {fixed['classes']} | {fixed['features']} | {fixed['n']}"
        rows.append(f"| {shape} | {counts[0]} | {counts[1]} | {least[0]} | {least[1]} |")
    head = "| norm | classes | features | n | one | all | least, one | least, all |"
    return "\n".join([head, "|---" * 8 + "|", *rows])


def write(path: Path) -> None:
    """Search every cell (two minutes) and write what was found to ``path``, a line each."""
    found = [search(cell, draws=200, rounds=3, pieces=800) for cell in CELLS]
    lines = ",\n ".join(json.dumps(one) for one in found)
    write_whole(path, f"[\n {lines}\n]\n".encode())


if __name__ == "__main__":
    command = "python -m ibias_book.referee.stall"
    write(target(sys.argv[1:], "book/stall.json", command, Path.cwd()))
