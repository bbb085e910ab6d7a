"""Replicas of SGD, position by position."""

from collections.abc import Iterator

import numpy as np
import torch


def walk(network, theta, eta, scheme, batch, seeds, steps) -> Iterator[torch.Tensor]:
    """Positions ``(R, p)`` of the replicas, all at ``theta (p,)`` at first and after every step;
    replica r draws its batches from ``seeds[r]`` alone."""
    rows = torch.from_numpy(scheme.batches(network.n, batch, seeds, steps).astype(np.int64))
    now = theta.expand(len(seeds), -1)
    yield now
    for step in range(steps):
        now = now - eta * network.batch_gradients(now, rows[:, step])
        yield now


def end(*arguments) -> torch.Tensor:
    """The last positions of ``walk``."""
    *_, last = walk(*arguments)
    return last
