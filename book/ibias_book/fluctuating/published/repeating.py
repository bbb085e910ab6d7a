"""The public code's way to draw a batch: every place of it from all samples, so that one may occur
twice."""

from dataclasses import dataclass

import numpy as np

from ..draws import bounded_integers
from ..statistics import batch_factor


@dataclass(frozen=True)
class Repeating:
    """Independent batches of independent samples; a scheme as in ``sampling``."""

    text = "with replacement, also within a batch"

    def batches(self, n, size, seeds, steps):
        return bounded_integers(seeds, steps, np.full(size, n), np.int32)


WITH_REPETITION = Repeating()


def noise_factor(scheme, n: int, size: int) -> float:
    """Variance of a batch mean over that of one sample: 1 / b with repetition in the batch."""
    return 1 / size if scheme == WITH_REPETITION else batch_factor(n, size)
