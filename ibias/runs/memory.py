"""The runs of a sweep that are known: from the store, and as they finish."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from .store import Store, default_folder
from .plan import Job

LOG = logging.getLogger("ibias.sweep")


def opened(store) -> Store | None:
    """The store that the argument `store=` of `sweep` means."""
    if isinstance(store, Store):
        return store
    folder = default_folder() if store == "auto" else store
    return None if folder is None else Store(folder)


@dataclass
class Found:
    """The runs of a job that are known: read from the store at the start, added as they finish."""

    store: Store | None
    job: Job
    runs: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    origins: set[tuple[str, str]] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)

    def __post_init__(self):
        if self.store is not None:
            _refuse_addresses(self.job)
        for key in self.job.lanes if self.store is not None else ():
            entry = self.store.get(key)
            if entry is not None:
                self._know(key, dict(entry.arrays), entry.provenance)

    def missing(self) -> list[str]:
        return [key for key in self.job.lanes if key not in self.runs]

    def has_all(self, keys: Iterable[str]) -> bool:
        return all(key in self.runs for key in keys)

    def add_all(self, keys: list[str], arrays: dict[str, np.ndarray], provenance: dict) -> None:
        """Keep finished runs, `keys` along the first axis; in the store first, so that what is
        counted is safe."""
        for place, key in enumerate(keys):
            if key not in self.runs:
                run = {name: value[place].copy() for name, value in arrays.items()}
                if self.store is not None:
                    self.store.put(self.job.abouts[key], run, provenance)
                self._know(key, run, provenance)

    def fail(self, keys: Iterable[str], error: Exception) -> None:
        reason, lost = (
            f"{type(error).__name__}: {' '.join(str(error).split())}",
            [key for key in keys if key not in self.runs],
        )
        LOG.warning("%d runs failed: %s", len(lost), reason)
        self.failed.update(dict.fromkeys(lost, reason))

    def reasons(self) -> dict[str, str]:
        return {
            f"{lane.method.label}, seed {lane.seed}": self.failed[key]
            for key, lane in self.job.lanes.items()
            if key in self.failed
        }

    def _know(self, key, arrays, provenance):
        self.runs[key] = arrays
        self.failed.pop(key, None)
        self.seconds[key] = float(provenance.get("seconds", 0.0))
        self.origins.add((str(provenance.get("backend", "")), str(provenance.get("device", ""))))


def _refuse_addresses(job: Job) -> None:
    """A repr with an address in memory does not say what an object does: another function may have
    it tomorrow, and its answers."""
    for about in job.abouts.values():
        for text in (about["method"], about["loss"]):
            if " at 0x" in text:
                raise ValueError(
                    f"a store cannot tell {text} from another by its repr; make the function a"
                    " frozen dataclass, or pass store=None"
                )
