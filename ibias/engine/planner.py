"""From a list of trajectories to groups of runs that share their mini-batches, with work that
cannot matter removed."""

import os
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..data import Dataset
from ..methods import Trajectory
from ..norms import FROBENIUS, Norm
from ..signals import recipe

# runs per group: enough for matrix products at full speed, small enough for the second-level cache
WIDEST = 64


class Run(NamedTuple):
    """What is computed: a trajectory without its name.  Trajectories with equal ones share it."""

    norm: Norm
    batch_size: int
    momentum: float
    reduced: bool
    seed: int
    schedule: object


class Group(NamedTuple):
    """Runs that see the same samples at every step.  ``labels[j]`` are the trajectories that run j
    answers.

    Order within a group: those with variance reduction last, and the Schatten norms of both kinds
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


def representative(trajectory: Trajectory, n: int, d: int, k: int) -> Run:
    """The cheapest run with the same iterates, up to rounding.

    - b = n: an epoch is one batch, so the order does not matter, and the variance-reduced signal is
      the full gradient.
    - rank one signals (b = 1 without momentum and variance reduction; two classes, as columns sum
      to zero; one feature): every Schatten map is the Frobenius map (Lemma H.1).
    """
    run = _own_run(trajectory, n)
    if run.batch_size == n:
        run = run._replace(seed=0, reduced=False)
    single = run.batch_size == 1 and not run.momentum and not run.reduced
    rank_one = min(k - 1, d) == 1 or single
    if run.norm.family == "schatten" and (run.norm.flatness == 1 or rank_one):
        run = run._replace(norm=FROBENIUS)
    return run


def _own_run(trajectory: Trajectory, n: int) -> Run:
    flat = recipe(trajectory.method.signal, n)
    assert flat is not None, "refusal() comes first"
    return Run(trajectory.method.norm, *flat, trajectory.seed, trajectory.method.schedule)


def plan(
    trajectories: list[Trajectory],
    n: int,
    d: int,
    k: int,
    widest: int = WIDEST,
    dedupe: bool = True,
) -> list[Group]:
    """Groups of at most ``widest`` runs that cover every trajectory once, longest first.

    Every trajectory must have a signal of the paper's form (``signals.recipe``).  ``dedupe=False``
    keeps a run per trajectory, for tests and benchmarks.
    """
    labels: dict[tuple, dict] = {}  # by what a group shares, then by run
    for index, trajectory in enumerate(trajectories):
        run = representative(trajectory, n, d, k) if dedupe else _own_run(trajectory, n)
        key = run, None if dedupe else index
        labels.setdefault((run.batch_size, run.seed), {}).setdefault(key, []).append(index)
    groups = []
    for (b, seed), answered in labels.items():
        ordered = sorted(answered.items(), key=lambda item: _position(item[0][0]))
        for piece in _pieces(ordered, widest):
            runs, indices = tuple(run for (run, _), _ in piece), tuple(tuple(i) for _, i in piece)
            groups.append(Group(b, seed, runs, indices))
    return sorted(groups, key=_cost, reverse=True)


def _position(run):
    """Plain other norms, plain Schatten, reduced Schatten, reduced others: two borders, and vectors
    of 8 stay full."""
    is_schatten = run.norm.family == "schatten"
    return run.reduced, is_schatten != run.reduced, run.norm.text, run.momentum, repr(run.schedule)


def _pieces(items, widest):
    """Pieces of nearly equal length, each a multiple of 8 but for the last."""
    count = -(-len(items) // widest)
    size = min(widest, -(-len(items) // (8 * count)) * 8)
    return [items[i : i + size] for i in range(0, len(items), size)]


def _cost(group):
    """Work of a step in arbitrary units: the matrix products, and what every run costs whatever its
    batch."""
    return sum((group.batch_size + 5) * (1 + run.reduced) for run in group.runs)


def bytes_needed(
    n: int,
    d: int,
    k: int,
    trajectories: list[Trajectory],
    records: int,
    weights: bool,
    stored: int | None = None,
) -> int:
    """Estimate for a sweep: data, one group at work, one record being measured, and everything that
    is returned.  ``stored``: entries of sparse data, whose mini-batches are made dense."""
    batch_sizes = [trajectory.method.signal.batch_size(n) for trajectory in trajectories]
    width = min(WIDEST, len(trajectories)) * k
    group = width * (6 * d + 2 * max(batch_sizes) + n)
    # sign-like runs may come to need an exponent for each number: see reach
    methods = [trajectory.method for trajectory in trajectories]
    flat = [m for m in methods if m.norm.family == "entrywise" and m.norm.flatness > 1]
    recipes = [recipe(method.signal, n) for method in flat]
    snapshot = 3 * (n + d) if any(r is not None and r.variance_reduction for r in recipes) else 0
    group += min(WIDEST, len(flat)) * k * (6 * d + 3 * max(batch_sizes) + snapshot)
    measuring = width * (4 * d + 4 * n)
    returned = len(trajectories) * records * (16 + (k * d if weights else 0))
    data = 2 * n * d
    if stored is not None:
        data = 5 * stored + 2 * d * max((b for b in batch_sizes if b < n), default=0)
    return 8 * (data + 4 * n * k + group + measuring + returned)


def memory_limit() -> int:
    """Four fifths of the machine's memory, or 8 GiB where the system does not tell."""
    try:
        return int(0.8 * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):
        return 8 * 2**30


def check_memory(
    dataset: Dataset,
    trajectories: list[Trajectory],
    grid: Sequence[int] | np.ndarray,
    weights: bool,
    limit: int | None = None,
) -> int:
    """The estimate in bytes; raises ``MemoryError`` with a sentence when it passes ``limit``
    (default: ``memory_limit()``)."""
    stored = dataset.x.nnz if dataset.is_sparse else None
    need = bytes_needed(dataset.n, dataset.d, dataset.k, trajectories, len(grid), weights, stored)
    limit = memory_limit() if limit is None else limit
    if need > limit:
        advice = (
            "record fewer steps, or leave weights=False"
            if weights
            else "run fewer methods or seeds at a time, or record fewer steps"
        )
        raise MemoryError(
            f"{len(trajectories)} runs with {len(grid)} recorded steps on {dataset.n} x"
            f" {dataset.d} data need about {need / 2**30:.1f} GiB, and the limit here is"
            f" {limit / 2**30:.1f} GiB: {advice}"
        )
    return need
