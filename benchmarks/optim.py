"""Cost of one optimizer step on a network of a million parameters: ``python -m benchmarks.optim``
writes ``benchmarks/optim.json``.

An MLP 784-600-600-256-10 with biases in float32, one thread; and the cheapest updates once more on
as many parameters in 100 equal tensors, where the cost per tensor shows.  Sign and normalised steps
are compiled (``fused=True``) unless it says "foreach".  All optimizers take
turns, each right after a backward pass of its own network (batch of 128), so that each finds the
caches as a training step leaves them; the figure is the median of the rounds in CPU time.
"""

import csv
import json
import os
import platform
from datetime import date
from pathlib import Path
from statistics import median
from time import process_time

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

RESULTS = Path(__file__).with_name("optim.json")
TABLE = Path(__file__).with_name("optim.csv")  # what the book's page shows
# each of ours beside the optimizer of torch that does the nearest thing
PEERS = {
    "SignSGD": "torch SGD",
    "SignSGD, unchecked": "torch SGD",
    "NormalizedSGD": "torch SGD",
    "NormalizedSGD, unchecked": "torch SGD",
    "Signum": "torch SGD, momentum",
    "Signum, unchecked": "torch SGD, momentum",
    "NormalizedSGD, momentum": "torch SGD, momentum",
    "NormalizedSGD, momentum, unchecked": "torch SGD, momentum",
    "SignSGD, foreach": "torch SGD",
    "Signum, foreach": "torch SGD, momentum",
    "NormalizedSGD, foreach": "torch SGD",
    "Signum, weight decay": "torch SGD, momentum",
    "Signum, Nesterov": "torch SGD, momentum",
    "Adam": "torch Adam",
    "Muon, exact polar": "torch Muon",
    "Muon, Newton-Schulz bf16": "torch Muon",
    "Muon, Newton-Schulz f32": "torch Muon",
    "MuonSignum": "torch Muon",
    "MuonAdam": "torch Muon",
    "SignSGD, 100 tensors": "torch SGD, 100 tensors",
    "NormalizedSGD, 100 tensors": "torch SGD, 100 tensors",
    "Signum, 100 tensors": "torch SGD, momentum, 100 tensors",
}
QUICK, SLOW = 120, 4  # rounds for element-wise steps and for those that decompose matrices


def network():
    import torch
    from torch import nn

    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(784, 600),
        nn.ReLU(),
        nn.Linear(600, 600),
        nn.ReLU(),
        nn.Linear(600, 256),
        nn.ReLU(),
        nn.Linear(256, 10),
    )
    x, y = torch.randn(128, 784), torch.randint(0, 10, (128,))
    nn.functional.cross_entropy(model(x), y).backward()
    return model, x, y


class Network:
    """What is trained: `backward` leaves gradients behind, and the caches as a training step finds
    them."""

    def __init__(self):
        self.model, self.x, self.y = network()
        self.params = list(self.model.parameters())

    def backward(self):
        from torch.nn.functional import cross_entropy

        self.model.zero_grad()
        cross_entropy(self.model(self.x), self.y).backward()


class Many:
    """A million parameters in 100 equal tensors, with the gradients of a quadratic."""

    def __init__(self):
        import torch

        self.params = [torch.nn.Parameter(torch.randn(100, 100)) for _ in range(100)]

    def backward(self):
        for p in self.params:
            p.grad = 0.1 * p.detach()


def contenders():
    """Name -> (what is trained, its optimizer, rounds)."""
    import torch

    from ibias.optim import (
        Adam,
        Muon,
        MuonAdam,
        MuonSignum,
        NewtonSchulz,
        NormalizedSGD,
        SignSGD,
        Signum,
    )

    def on(build, matrices_only=False):
        task = Network()
        return task, build(
            [p for p in task.params if p.ndim == 2] if matrices_only else task.params
        )

    def split(build):
        task = Network()
        return task, build(
            [p for p in task.params if p.ndim == 2], [p for p in task.params if p.ndim != 2]
        )

    def many(build):
        task = Many()
        return task, build(task.params)

    quick = {
        "torch SGD": on(lambda p: torch.optim.SGD(p, lr=1e-3, foreach=True)),
        "torch SGD, momentum": on(
            lambda p: torch.optim.SGD(p, lr=1e-3, momentum=0.9, foreach=True)
        ),
        "torch Adam": on(lambda p: torch.optim.Adam(p, lr=1e-3, foreach=True)),
        "SignSGD": on(lambda p: SignSGD(p, lr=1e-3, fused=True)),
        "SignSGD, unchecked": on(lambda p: SignSGD(p, lr=1e-3, fused=True, check_finite=False)),
        "Signum": on(lambda p: Signum(p, lr=1e-3, fused=True)),
        "Signum, unchecked": on(lambda p: Signum(p, lr=1e-3, fused=True, check_finite=False)),
        "NormalizedSGD": on(lambda p: NormalizedSGD(p, lr=1e-3, fused=True)),
        "NormalizedSGD, unchecked": on(
            lambda p: NormalizedSGD(p, lr=1e-3, fused=True, check_finite=False)
        ),
        "NormalizedSGD, momentum": on(
            lambda p: NormalizedSGD(p, lr=1e-3, fused=True, momentum=0.9)
        ),
        "NormalizedSGD, momentum, unchecked": on(
            lambda p: NormalizedSGD(p, lr=1e-3, fused=True, momentum=0.9, check_finite=False)
        ),
        "SignSGD, foreach": on(lambda p: SignSGD(p, lr=1e-3)),
        "Signum, foreach": on(lambda p: Signum(p, lr=1e-3)),
        "NormalizedSGD, foreach": on(lambda p: NormalizedSGD(p, lr=1e-3)),
        "Signum, weight decay": on(lambda p: Signum(p, lr=1e-3, weight_decay=0.1, fused=True)),
        "Signum, Nesterov": on(lambda p: Signum(p, lr=1e-3, nesterov=True, fused=True)),
        "Adam": on(lambda p: Adam(p, lr=1e-3)),
        "torch SGD, 100 tensors": many(lambda p: torch.optim.SGD(p, lr=1e-3, foreach=True)),
        "torch SGD, momentum, 100 tensors": many(
            lambda p: torch.optim.SGD(p, lr=1e-3, momentum=0.9, foreach=True)
        ),
        "SignSGD, 100 tensors": many(lambda p: SignSGD(p, lr=1e-3, fused=True)),
        "NormalizedSGD, 100 tensors": many(lambda p: NormalizedSGD(p, lr=1e-3, fused=True)),
        "Signum, 100 tensors": many(lambda p: Signum(p, lr=1e-3, fused=True)),
    }
    slow = {
        "torch Muon": on(lambda p: torch.optim.Muon(p, lr=1e-3), matrices_only=True),
        "Muon, exact polar": on(lambda p: Muon(p, lr=1e-3), matrices_only=True),
        "Muon, Newton-Schulz bf16": on(
            lambda p: Muon(p, lr=1e-3, polar=NewtonSchulz(dtype=torch.bfloat16)), matrices_only=True
        ),
        "Muon, Newton-Schulz f32": on(
            lambda p: Muon(p, lr=1e-3, polar=NewtonSchulz()), matrices_only=True
        ),
        "MuonSignum": split(lambda m, r: MuonSignum(m, r, lr=1e-3, fused=True)),
        "MuonAdam": split(lambda m, r: MuonAdam(m, r, lr=1e-3)),
    }
    return {n: (*c, QUICK) for n, c in quick.items()} | {n: (*c, SLOW) for n, c in slow.items()}


def measure():
    """CPU milliseconds per step: medians over interleaved rounds, each step right after its own
    backward pass, as in training."""
    import torch

    torch.set_num_threads(1)
    entries = contenders()
    spent, work = {name: [] for name in entries}, []
    for round_ in range(QUICK):
        for name, (task, optimizer, rounds) in entries.items():
            if round_ >= rounds:
                continue
            begun = process_time()
            task.backward()
            ready = process_time()
            optimizer.step()
            spent[name].append(1e3 * (process_time() - ready))
            if isinstance(task, Network):
                work.append(1e3 * (ready - begun))
    spent["forward and backward, batch 128"] = work
    return {
        "parameters": sum(p.numel() for p in Network().params),
        "milliseconds": {name: round(median(ms), 4) for name, ms in spent.items()},
        "machine": platform.processor() or platform.machine(),
        "torch": torch.__version__,
        "threads": 1,
        "date": date.today().isoformat(),
    }


def table(milliseconds):
    """Rows of text: ours, ms, the peer in torch, its ms, the ratio, and the step's share of a
    training step."""
    work = milliseconds["forward and backward, batch 128"]
    rows = [["update", "ms a step", "beside", "ms", "ratio", "share of a training step"]]
    for name, peer in PEERS.items():
        if name not in milliseconds:  # added since the last measurement
            continue
        own, theirs = milliseconds[name], milliseconds[peer]
        share = "" if "tensors" in name else f"{own / (own + work):.0%}"
        rows.append([name, f"{own:.2f}", peer, f"{theirs:.2f}", f"{own / theirs:.2f}", share])
    return rows


if __name__ == "__main__":
    found = measure()
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    with TABLE.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(table(found["milliseconds"]))
    for name, ms in found["milliseconds"].items():
        print(f"{name:40s}{ms:9.3f} ms")
