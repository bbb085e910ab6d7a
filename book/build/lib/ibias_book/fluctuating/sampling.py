"""Sampling schemes: which batch of ``size`` out of ``n`` samples each replica meets at each step.

A scheme is a frozen value with one method,
``batches(n, size, seeds, steps) -> (len(seeds), steps, size)`` integers.  The rows of a replica
depend on its own seed alone, so a replica is the same in company, in blocks, and on every device.
"""

from dataclasses import dataclass

import numpy as np

from ibias.signals import Minibatch

from ..batches import batch_rows, batches_per_epoch
from .draws import bounded_integers


@dataclass(frozen=True)
class Independent:
    """With replacement: every step draws its batch afresh, without repetition inside the batch
    (label WR)."""

    text = "with replacement"

    def batches(self, n, size, seeds, steps):
        size = Minibatch(size, ragged=True).batch_size(n)  # it need not divide n
        rows = bounded_integers(seeds, steps, np.arange(n - size + 1, n + 1), _compact(n))
        # Floyd's sampling: place j draws from the first n - size + j + 1 samples, and takes the
        # newest of them if its draw is already in.
        for j in range(1, size):
            taken = (rows[..., :j] == rows[..., j, None]).any(-1)
            rows[..., j][taken] = n - size + j
        return rows


@dataclass(frozen=True)
class Reshuffled:
    """Random reshuffling: each epoch is a fresh order of all samples, cut into batches (label RR;
    Appendix A of arXiv:2602.11557)."""

    text = "random reshuffling"

    def batches(self, n, size, seeds, steps):
        return np.stack([batch_rows(n, size, s, steps).astype(_compact(n)) for s in seeds])


@dataclass(frozen=True)
class OwnOrder:
    """Shuffle once: every replica keeps the order of its first epoch for ever."""

    text = "own fixed order"

    def batches(self, n, size, seeds, steps):
        m = batches_per_epoch(n, size)
        first = Reshuffled().batches(n, size, seeds, m)
        return np.take(first, np.arange(steps) % m, axis=1)


@dataclass(frozen=True)
class CommonOrder:
    """One fixed order for all replicas, that of ``seed``: nothing random is left."""

    seed: int = 0
    text = "one fixed order"

    def batches(self, n, size, seeds, steps):
        one = OwnOrder().batches(n, size, [self.seed], steps)
        return np.broadcast_to(one, (len(list(seeds)), steps, size))


WITH_REPLACEMENT, RESHUFFLING = Independent(), Reshuffled()
SCHEMES = (WITH_REPLACEMENT, RESHUFFLING, CommonOrder(), OwnOrder())


def _compact(n: int):
    return np.int16 if n < 2**15 else np.int64
