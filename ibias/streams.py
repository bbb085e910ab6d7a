"""The order in which samples are drawn: one generator per seed, for every backend and method."""

from collections.abc import Iterator

import numpy as np

from ._checks import whole


def generator(seed: int) -> np.random.Generator:
    """The counter-based generator that owns a seed (an integer in 0 .. 2^128 - 1)."""
    key = whole("a seed", seed)
    if key >= 2**128:
        raise ValueError(f"a seed is an integer below 2^128, the generator's key; got {seed!r}")
    return np.random.Generator(np.random.Philox(key=key))


def permutations(n: int, seed: int, epochs: int) -> np.ndarray:
    """Random reshuffling: row r of the ``(epochs, n)`` int64 is epoch r's order (Appendix A).

    Batch j of epoch r is columns ``j*b .. (j+1)*b``.  Shorter requests are prefixes of longer ones.
    """
    return _shuffled(generator(seed), whole("n counts samples", n), whole("epochs", epochs))


def epoch_chunks(
    n: int, seed: int, epochs: int, start: int = 0, size: int = 0
) -> Iterator[np.ndarray]:
    """Rows ``start .. epochs`` of ``permutations``, ``size`` at a time: it needs little memory."""
    rng, size = generator(seed), size or max(1, 2**19 // n)
    for first in range(0, epochs, size):
        rows = _shuffled(rng, n, min(size, epochs - first))
        if first + len(rows) > start:
            yield rows[max(0, start - first) :]


def _shuffled(rng, n, epochs):
    return rng.permuted(np.tile(np.arange(n, dtype=np.int64), (epochs, 1)), axis=1)
