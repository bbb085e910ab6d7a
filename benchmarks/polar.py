"""What a polar factor costs in time and in spectral margin: ``python -m benchmarks.polar`` writes
``benchmarks/polar.csv``.

Time: CPU milliseconds of one thread for one random 512 x 1024 float32 matrix, the median of five.
Singular values: the least and the largest of what a random 256 x 256 matrix becomes (an exact
factor has ones).  Margin: a linear classifier of 6 classes in 30 dimensions on separable data,
started at zero and trained by ``Muon(momentum=0.9)`` with that factor on full batches in float64
with ``lr = 5 (t + 1)^-1/2``; the share of the certified largest spectral margin after 500 and
2,000 steps.
"""

import csv
import os
from pathlib import Path
from statistics import median
from time import process_time

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import torch

import ibias as ib
from ibias.optim import Muon, NewtonSchulz
from ibias.optim.exact_polar import polar_factor

TABLE = Path(__file__).with_suffix(".csv")
BF16 = torch.bfloat16
FACTORS = {
    "exact, singular values": "exact",
    "exact, Cholesky (as on CUDA)": None,
    "classic 5, float32": NewtonSchulz(),
    "classic 5, bfloat16": NewtonSchulz(dtype=BF16),
    "classic 10, float32": NewtonSchulz(10),
    "Polar Express 5, float32": NewtonSchulz(5, "polar-express"),
    "Polar Express 5, bfloat16": NewtonSchulz(5, "polar-express", BF16),
    "Polar Express 8, float32": NewtonSchulz(8, "polar-express"),
    "convergent 8, float32": NewtonSchulz(8, "convergent"),
    "convergent 16, float32": NewtonSchulz(16, "convergent"),
}
MARGIN_STEPS = (500, 2000)


def as_map(factor):
    if factor is None:
        return lambda g: polar_factor(g, 8 * torch.finfo(torch.float32).eps)
    return ib.SPECTRAL.steepest if factor == "exact" else factor


def milliseconds(factor):
    g = torch.randn(512, 1024, generator=torch.Generator().manual_seed(0))
    spent = []
    for _ in range(6):
        began = process_time()
        as_map(factor)(g)
        spent.append(1e3 * (process_time() - began))
    return median(spent[1:])


def singular_values(factor):
    g = torch.randn(256, 256, generator=torch.Generator().manual_seed(0))
    s = torch.linalg.svdvals(as_map(factor)(g).double())
    return float(s.min()), float(s.max())


def margins(factor, data, best):
    """The share of the largest spectral margin after MARGIN_STEPS."""
    x, y = torch.tensor(data.x), torch.tensor(data.y)
    w = torch.nn.Parameter(torch.zeros(data.k, data.d, dtype=torch.float64))
    optimizer = Muon([w], 5.0, 0.9, polar=factor)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: (t + 1) ** -0.5)
    problem, shares = ib.Problem(data), []
    for step in range(1, MARGIN_STEPS[-1] + 1):
        w.grad = problem.gradient(w.detach(), slice(None)).plain()
        optimizer.step()
        schedule.step()
        if step in MARGIN_STEPS:
            z = x @ w.detach().T
            own = torch.nn.functional.one_hot(y, data.k).bool()
            gap = (z[own] - z.masked_fill(own, -torch.inf).amax(1)).min()
            shares.append(float(gap / ib.SPECTRAL.value(w.detach())) / best)
    return shares


def main():
    data = ib.data.gaussian(classes=6, per_class=10, dim=30, variance=0.1, seed=0)
    best = ib.max_margin(data, ib.SPECTRAL).margin
    rows = [["polar factor", "ms", "least singular value", "largest"]]
    rows[0] += [f"margin after {steps:,} steps" for steps in MARGIN_STEPS]
    for name, factor in FACTORS.items():
        least, largest = singular_values(factor)
        shares = [""] * len(MARGIN_STEPS)
        if factor is not None:  # the same map as the first row's
            shares = [f"{100 * share:.1f} %" for share in margins(factor, data, best)]
        rows.append(
            [name, f"{milliseconds(factor):.0f}", f"{least:.3f}", f"{largest:.3f}", *shares]
        )
        print(*rows[-1], sep="\t", flush=True)
    with TABLE.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


if __name__ == "__main__":
    main()
