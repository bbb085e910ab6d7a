"""The samples of every mini-batch under random reshuffling: one order of draws for all chapters."""

import numpy as np

from ibias.signals import Minibatch
from ibias.streams import permutations


def batches_per_epoch(n: int, size: int) -> int:
    """m = n / size; ValueError, with the nearest divisors, when batches of ``size`` do not fill an
    epoch of ``n`` samples."""
    return n // Minibatch(size).batch_size(n)


def batch_rows(n: int, size: int, seed: int, steps: int) -> np.ndarray:
    """The rows of every step, ``(steps, size)`` int64: epoch r is the r-th permutation of the seed,
    cut into ``n / size`` pieces (Appendix A of arXiv:2602.11557).

    Shorter requests are prefixes of longer ones.  Raises ValueError like `batches_per_epoch`.
    """
    epochs = -(-steps // batches_per_epoch(n, size))
    return permutations(n, seed, epochs).reshape(-1, size)[:steps]
