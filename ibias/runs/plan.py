"""A sweep before anything runs: its arguments checked, each distinct run with its key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from .._checks import whole
from ..engine import BACKENDS, check_memory
from ..methods import Trajectory, SteepestDescent
from .simulation import checked_directions, describe, recording, requested, warn_of_short_averages
from .store import key_of
from .key import Request
from .work import Work


@dataclass(frozen=True)
class Job:
    """A validated sweep: what to run, and the store's description of each distinct run."""

    request: Request
    methods: tuple[SteepestDescent, ...]
    seeds: tuple[int, ...]
    columns: list[dict]
    dtype: torch.dtype
    lanes: dict[str, Trajectory]  # key -> a run with that key; two names of one method share it
    abouts: dict[str, dict]
    keys: list[str]  # by optimizer, then seed

    def work(self, keys: Sequence[str]) -> Work:
        r = self.request
        lanes = tuple(self.lanes[key] for key in keys)
        return Work(
            r.dataset,
            lanes,
            r.loss,
            r.steps,
            r.grid,
            r.backend,
            r.device,
            self.dtype,
            r.weights,
            r.directions,
        )


def plan(
    dataset,
    methods,
    *,
    seeds,
    steps,
    record,
    loss,
    backend,
    device,
    dtype,
    weights,
    directions=None,
) -> Job:
    """Check a sweep's arguments as `simulate` does, without running anything."""
    steps = whole("steps counts updates", steps)
    methods, seeds = requested(dataset, methods, seeds, loss, dtype)
    grid = recording(record, steps)
    columns = describe(methods, dataset.n)
    lanes = [Trajectory(method, seed) for method in methods for seed in seeds]
    if backend not in ("auto", *BACKENDS):
        raise ValueError(
            f"unknown backend {backend!r}; use 'auto' or one of {', '.join(map(repr, BACKENDS))}"
        )
    check_memory(dataset, lanes, grid, weights)
    warn_of_short_averages(methods, dataset.n, steps)
    request = Request(
        dataset,
        loss,
        int(steps),
        grid,
        backend,
        str(device),
        str(dtype).removeprefix("torch."),
        bool(weights),
        checked_directions(directions, dataset),
    )
    abouts = [request.about(*lane) for lane in lanes]
    keys = [key_of(about) for about in abouts]
    return Job(
        request,
        tuple(methods),
        tuple(seeds),
        columns,
        dtype,
        dict(zip(keys, lanes, strict=True)),
        dict(zip(keys, abouts, strict=True)),
        keys,
    )
