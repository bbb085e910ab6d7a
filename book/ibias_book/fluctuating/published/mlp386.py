"""MLP-386: digits pooled to 6 x 6, eight SiLU units, ten classes; no weight decay."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from ibias import streams

from ...repository import archives
from ..networks import Network
from .repeating import WITH_REPETITION
from .walk import end

SIDE, BATCH = 6, 64


@dataclass(frozen=True, eq=False)
class Digits:
    """``pooled (n, 36)``, ``labels (n,)``, and why these are not MNIST's (or an empty text)."""

    pooled: torch.Tensor
    labels: torch.Tensor
    name: str
    without: str = ""


def digits() -> Digits:
    """MNIST where it is at hand, else scikit-learn's digits.

    Pooled as in the public code: torch's adaptive windows of five or six pixels, which overlap,
    since 28 is no multiple of 6.
    """
    try:
        there = archives.images()
        return Digits(_pooled(there.pixels), torch.tensor(there.labels), "MNIST")
    except archives.Unavailable as why:
        from sklearn.datasets import load_digits

        small = load_digits()
        labels = torch.tensor(small.target.astype(np.int64))
        return Digits(_pooled(small.images / 16), labels, "scikit-learn's digits", str(why))


def _pooled(pixels) -> torch.Tensor:
    return F.adaptive_avg_pool2d(torch.tensor(pixels)[:, None], SIDE).reshape(-1, SIDE**2)


def mlp386(samples: int, seed: int, dtype=torch.float64) -> Network:
    """The network on ``samples`` digits drawn by ``seed``; whole batches, if there are fewer."""
    there = digits()
    samples = min(samples, len(there.labels) // BATCH * BATCH)
    pick = streams.permutations(len(there.labels), seed, 1)[0, :samples]
    x, y = there.pooled[pick].to(dtype), there.labels[pick]
    return Network(x, y, 10, 8, F.silu, 0.0, name=f"MLP-386 on {there.name}")


def start(network: Network, seed: int) -> torch.Tensor:
    """Weights and biases as torch.nn.Linear draws them: uniform within 1 / sqrt(fan-in)."""
    rng = streams.generator(seed)
    widths = {"w1": network.x.shape[1], "w2": network.hidden}
    widths |= {"b1": widths["w1"], "b2": widths["w2"]}
    parts = [
        rng.uniform(-1, 1, shape).ravel() / widths[name] ** 0.5
        for name, shape in network.shapes.items()
    ]
    return torch.tensor(np.concatenate(parts)).to(network.x.dtype)


def reference(network: Network, seed: int, steps: int, rate: float = 0.1) -> torch.Tensor:
    """The point ``(p,)`` from which the replicas start: ``steps`` of SGD from random weights."""
    first = start(network, seed)
    return end(network, first, rate, WITH_REPETITION, BATCH, [REFERENCE + seed], steps)[0]


REFERENCE = 900_000_000
"""First seed of the batches that make reference points; those of replicas start at 0."""
