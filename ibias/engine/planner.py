"""From a list of lanes to blocks of runs that share their mini-batches, with work that cannot
matter removed."""

import os
from typing import NamedTuple

from ..methods import Trajectory
from ..norms import FROBENIUS, Entrywise, Norm, Schatten
from ..signals import recipe

# runs per block: enough for matrix products at full speed, small enough for the second-level cache
WIDEST = 64


class Run(NamedTuple):
    """A trajectory without its name: what must be equal for two lanes to share it."""

    norm: Norm
    batch_size: int
    momentum: float
    reduced: bool
    seed: int
    schedule: object


class Block(NamedTuple):
    """Runs that see the same samples at every step.  ``labels[j]`` are the lanes that run j
    answers.

    Order within a block: those with variance reduction last, and the Schatten norms of both kinds
    next to each other.
    """

    batch_size: int
    seed: int
    runs: tuple[Run, ...]
    labels: tuple[tuple[int, ...], ...]

    @property
    def schedules(self) -> list:
        """The distinct schedules, in order of first use."""
        return list(dict.fromkeys(run.schedule for run in self.runs))

    @property
    def schedule_rows(self) -> list[int]:
        """For each run the position of its schedule in ``schedules``."""
        rows = {schedule: i for i, schedule in enumerate(self.schedules)}
        return [rows[run.schedule] for run in self.runs]


def representative(lane: Trajectory, n: int, d: int, k: int) -> Run:
    """The cheapest run with the same iterates, up to rounding.

    - b = n: an epoch is one batch, so the order does not matter, and the variance-reduced signal is
      the full gradient.
    - rank one signals (b = 1 without momentum and variance reduction; two classes, as columns sum
      to zero; one feature): every Schatten map is the Frobenius map (Lemma H.1).
    """
    b, momentum, reduced = recipe(lane.method.signal, n)
    norm, seed = lane.method.norm, lane.seed
    if b == n:
        seed, reduced = 0, False
    rank_one = min(k - 1, d) == 1 or (b == 1 and not momentum and not reduced)
    if type(norm) is Schatten and (norm.p == 2 or rank_one):
        norm = FROBENIUS
    return Run(norm, b, momentum, reduced, seed, lane.method.schedule)


def plan(
    lanes: list[Trajectory], n: int, d: int, k: int, widest: int = WIDEST, dedupe: bool = True
) -> list[Block]:
    """Blocks of at most ``widest`` runs that cover every lane once, longest first.

    Every lane must have a signal of the paper's form (``signals.recipe``).  ``dedupe=False`` keeps
    a run per lane, for tests and benchmarks.
    """
    groups: dict[tuple, dict] = {}
    for index, lane in enumerate(lanes):
        if dedupe:
            run, name = representative(lane, n, d, k), None
        else:
            run = Run(
                lane.method.norm, *recipe(lane.method.signal, n), lane.seed, lane.method.schedule
            )
            name = index
        groups.setdefault((run.batch_size, run.seed), {}).setdefault((run, name), []).append(index)
    blocks = []
    for (b, seed), runs in groups.items():
        ordered = sorted(runs.items(), key=lambda item: _position(item[0][0]))
        for part in _parts(ordered, widest):
            blocks.append(
                Block(
                    b,
                    seed,
                    tuple(run for (run, _), _ in part),
                    tuple(tuple(labels) for _, labels in part),
                )
            )
    return sorted(blocks, key=_cost, reverse=True)


def _position(run):
    """Plain other norms, plain Schatten, reduced Schatten, reduced others: two borders, and vectors
    of 8 stay full."""
    is_schatten = type(run.norm) is Schatten
    return run.reduced, is_schatten != run.reduced, run.norm.text, run.momentum, repr(run.schedule)


def _parts(items, widest):
    """Pieces of nearly equal length, each a multiple of 8 but for the last."""
    pieces = -(-len(items) // widest)
    size = -(-len(items) // pieces)
    size = min(widest, -(-size // 8) * 8)
    return [items[i : i + size] for i in range(0, len(items), size)]


def _cost(block):
    """Work of a step in arbitrary units: the matrix products, and what every run costs whatever its
    batch."""
    return sum((block.batch_size + 5) * (1 + run.reduced) for run in block.runs)


def is_power_norm(norm: Norm) -> bool:
    """Whether the compiled engine knows the norm: one of ours, not a subclass with a map of its
    own."""
    return type(norm) in (Entrywise, Schatten)


def bytes_needed(
    n: int,
    d: int,
    k: int,
    lanes: list[Trajectory],
    records: int,
    weights: bool,
    stored: int | None = None,
) -> int:
    """Estimate for a sweep: data, one block at work, one snapshot being measured, and everything
    that is returned.  ``stored``: entries of sparse data, whose mini-batches are made dense."""
    batch_sizes = [lane.method.signal.batch_size(n) for lane in lanes]
    width = min(WIDEST, len(lanes)) * k
    block = width * (6 * d + 2 * max(batch_sizes) + n)
    # sign-like runs may come to need an exponent for each number: see reach
    sharp = [
        lane for lane in lanes if type(lane.method.norm) is Entrywise and lane.method.norm.p > 2
    ]
    recipes = [recipe(lane.method.signal, n) for lane in sharp]
    snapshot = 3 * (n + d) if any(r is not None and r.variance_reduction for r in recipes) else 0
    block += min(WIDEST, len(sharp)) * k * (6 * d + 3 * max(batch_sizes) + snapshot)
    measuring = width * (4 * d + 4 * n)
    returned = len(lanes) * records * (16 + (k * d if weights else 0))
    data = 2 * n * d if stored is None else 5 * stored + 2 * max(batch_sizes) * d
    return 8 * (data + 4 * n * k + block + measuring + returned)


def memory_limit() -> int:
    """Four fifths of the machine's memory, or 8 GiB where the system does not tell."""
    try:
        return int(0.8 * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):
        return 8 * 2**30


def check_memory(
    dataset, lanes: list[Trajectory], record, weights: bool, limit: int | None = None
) -> int:
    """The estimate in bytes; raises ``MemoryError`` with a sentence when it passes ``limit``
    (default: ``memory_limit()``)."""
    stored = dataset.x.nnz if dataset.is_sparse else None
    need = bytes_needed(dataset.n, dataset.d, dataset.k, lanes, len(record), weights, stored)
    limit = memory_limit() if limit is None else limit
    if need > limit:
        advice = (
            "record fewer steps, or leave weights=False"
            if weights
            else "run fewer methods or seeds at a time, or record fewer steps"
        )
        raise MemoryError(
            f"{len(lanes)} runs with {len(record)} recorded steps on {dataset.n} x {dataset.d} data"
            f" need about {need / 2**30:.1f} GiB, and the limit here is {limit / 2**30:.1f} GiB:"
            f" {advice}"
        )
    return need
