"""What an interrupted sweep left besides its finished runs: which runs it had set out to compute
together, and how far it was.

Runs share matrix products with the runs beside them, and a product rounds differently in another
company (by about 1e-16). A sweep that goes on after an interruption therefore computes whole blocks
of the company it began with: its store ends up equal, bit for bit, to that of a sweep that was
never interrupted. Long runs also leave the engine's state now and then, and go on from there.
"""

from __future__ import annotations

from time import monotonic

import numpy as np

from ..engine.planner import plan as plan_blocks
from ..signals import recipe
from .store import Store, key_of
from .key import source_hash
from .plan import Job

# seconds between two saved states: what a kill can cost at most, and under 1 % of the time even for
# states of 100 MB
EVERY = 30.0


class Journal:
    """The journal of one job in a store; without a store it remembers nothing."""

    def __init__(self, store: Store | None, job: Job, every: float = EVERY):
        self.store, self.job, self.every, self._saved = store, job, every, monotonic()
        self.about = {"kind": "journal", "runs": sorted(job.lanes), "source": source_hash()}
        self.keys: list[str] = []

    def begin(self, missing: list[str]) -> tuple[dict | None, list[str]]:
        """Set `keys`, the runs to be taken together: those of the interrupted call if this
        continues one, else `missing`.

        Returns the state that the interrupted call left, as `sweep_work.compute` takes it, and the
        runs it belongs to, in their order; ``(None, [])`` when it left none.
        """
        entry = self.store.get(key_of(self.about)) if self.store is not None else None
        if entry is not None and set(missing) <= set(entry.provenance.get("keys", ())) <= set(
            self.job.lanes
        ):
            self.keys = list(entry.provenance["keys"])
            return _nested(entry.arrays), list(entry.provenance.get("of", ()))
        self.keys = missing
        if self.store is not None:
            self.store.put(self.about, {}, {"keys": missing})
        return None, []

    def save(self, keys: list[str], state: dict[str, dict[str, np.ndarray]]) -> None:
        """Keep the state of the runs `keys`, unless the last one is fresh."""
        if self.store is not None and monotonic() - self._saved >= self.every:
            flat = {
                f"{part}/{name}": value
                for part, values in state.items()
                for name, value in values.items()
            }
            self.store.put(self.about, flat, {"keys": self.keys, "of": keys})
            self._saved = monotonic()

    def end(self) -> None:
        if self.store is not None:
            self.store.discard(key_of(self.about))


def blocks(job: Job, keys: list[str]) -> list[list[str]]:
    """`keys` cut into the pieces that round together: the engine's blocks, and the seeds of one
    method for signals of other forms."""
    data = job.request.dataset
    standard = [key for key in keys if is_standard(job, key)]
    found = (
        [
            [standard[index] for labels in block.labels for index in sorted(labels)]
            for block in plan_blocks([job.lanes[key] for key in standard], data.n, data.d, data.k)
        ]
        if standard
        else []
    )
    return found + by_method(job, [key for key in keys if not is_standard(job, key)])


def by_method(job: Job, keys: list[str]) -> list[list[str]]:
    groups: dict = {}
    for key in keys:
        groups.setdefault(job.lanes[key].method, []).append(key)
    return list(groups.values())


def is_standard(job: Job, key: str) -> bool:
    """Whether the planner lays out the run: its signal has the form that the fast engines take, and
    one of them is to run it."""
    return (
        job.request.backend != "composed"
        and recipe(job.lanes[key].method.signal, job.request.dataset.n) is not None
    )


def _nested(arrays) -> dict[str, dict[str, np.ndarray]] | None:
    found: dict[str, dict] = {"engine": {}, "values": {}}
    for name, value in arrays.items():
        part, _, rest = name.partition("/")
        found[part][rest] = value.copy()  # what is read is read-only
    return found if found["engine"] else None
