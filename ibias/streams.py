"""The order in which samples are drawn: one generator per seed, the same for every backend and method."""

from collections.abc import Iterator

import numpy as np


def generator(seed: int) -> np.random.Generator:
    """The counter-based generator that owns a seed (any integer >= 0)."""
    if isinstance(seed, bool) or int(seed) != seed or seed < 0:
        raise ValueError(f"a seed is an integer >= 0; got {seed!r}")
    return np.random.Generator(np.random.Philox(key=int(seed)))


def permutations(n: int, seed: int, epochs: int) -> np.ndarray:
    """Random reshuffling: row r of the ``(epochs, n)`` int64 result is the order of epoch r (Appendix A).

    Batch j of epoch r is columns ``j*b .. (j+1)*b``.  Shorter requests are prefixes of longer ones.
    """
    return _shuffled(generator(seed), n, epochs)


def epoch_chunks(n: int, seed: int, epochs: int, start: int = 0, size: int = 0) -> Iterator[np.ndarray]:
    """The rows ``start .. epochs`` of ``permutations`` in pieces of ``size`` epochs, so that long runs need little memory."""
    rng, size = generator(seed), size or max(1, 2**19 // n)
    for first in range(0, epochs, size):
        rows = _shuffled(rng, n, min(size, epochs - first))
        if first + len(rows) > start:
            yield rows[max(0, start - first):]


def _shuffled(rng, n, epochs):
    return rng.permuted(np.tile(np.arange(n, dtype=np.int64), (epochs, 1)), axis=1)
