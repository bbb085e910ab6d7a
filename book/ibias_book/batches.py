"""The mini-batches of the chapters: their samples under random reshuffling, in one order of draws,
and which sizes are compared."""

from collections.abc import Iterable

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


def compared(sizes: Iterable[int], n: int, *, elsewhere: str = "") -> list[int]:
    """The batch sizes of a chapter on ``n`` samples, ascending: ``sizes``, and the full batch, with
    which they are compared.

    ValueError, with the nearest divisors, for a size that does not divide ``n``; where the sizes
    were chosen for other data, ``elsewhere`` names these here, and such a size is left out. What
    comes and goes is printed.
    """
    divide = [b for b in sizes if n % b == 0] if elsewhere else list(sizes)
    kept = sorted({n // batches_per_epoch(n, b) for b in divide} | {n})
    if set(kept) != set(sizes):
        print(f"{elsewhere or 'Here'}: batch sizes {kept}, the full batch among them")
    return kept


def untested(sizes: Iterable[int], n: int, least: int = 1, most: int | None = None) -> str:
    """Why a claim about batches of ``least`` to ``most`` samples, below the full one, is not
    tested; empty where ``sizes`` has such batches."""
    sizes = sorted(sizes)
    if any(least <= b <= (most or n) and b < n for b in sizes):
        return ""
    about = f"{least}" if most == least else f"{least} or more, below all {n},"
    return f"no batches of {about} are among those of this run: {', '.join(map(str, sizes))}"


def parts(n: int, shares: Iterable[int]) -> list[int]:
    """Batch sizes for ``n`` samples: 1, the largest divisor up to ``n / share`` for each share, and
    ``n``.  ValueError where none lies between 1 and ``n``: nothing could be compared."""
    sizes = {max([b for b in range(1, n // share + 1) if n % b == 0] or [1]) for share in shares}
    if not sizes - {1, n}:
        raise ValueError(
            f"{n} samples have no batches between one sample and a {min(shares)}th of them that"
            f" divide {n}; choose a number such as {25 * max(2, round(n / 25))}"
        )
    return sorted(sizes | {1, n})
