"""Random integers for many seeds at once: stream r is SplitMix64 (Steele, Lea, Flood 2014) started
at a hash of ``seeds[r]``.

A generator object per replica costs 30 microseconds; here 50 000 replicas share a few array
operations, and a replica's numbers still depend on its own seed alone.
"""

import numpy as np

from ibias._checks import whole

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_ROWS_BYTES = 2**18  # numbers worked on at a time, so that they stay in cache


def bounded_integers(seeds, steps: int, bounds, dtype) -> np.ndarray:
    """Integers in ``0 .. bounds[j] - 1``, ``(len(seeds), steps, len(bounds))``; their bias of 2^-32
    is far below any ensemble's error."""
    seeds = np.asarray(
        [_checked(s) for s in seeds] if not isinstance(seeds, range) else seeds, dtype=np.uint64
    )
    bounds = np.asarray(bounds, dtype=np.uint64)
    counters = (np.arange(1, steps * len(bounds) + 1, dtype=np.uint64)) * _GOLDEN
    limits = np.tile(bounds, steps)
    keys = _mixed(_mixed(seeds + _GOLDEN))
    drawn = np.empty((len(seeds), len(counters)), dtype=dtype)
    rows = max(1, _ROWS_BYTES // (8 * len(counters)))
    for first in range(0, len(seeds), rows):
        bits = _mixed(keys[first : first + rows, None] + counters) >> np.uint64(32)
        drawn[first : first + rows] = (bits * limits) >> np.uint64(32)
    return drawn.reshape(len(seeds), steps, len(bounds))


def _checked(seed) -> int:
    if (number := whole("a seed", seed)) >= 2**63:
        raise ValueError(f"a seed is an integer below 2^63; got {seed!r}")
    return number


def _mixed(z):
    """The finaliser of SplitMix64; unsigned arithmetic wraps on purpose."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
