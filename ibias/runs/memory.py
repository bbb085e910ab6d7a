"""The runs of a sweep that are known: from the store, and as they finish."""

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import cast

import numpy as np

from .key import descriptions
from .request import Request
from .store import Store, default_folder, key_of

LOG = logging.getLogger("ibias.sweep")


def opened(store: Store | str | Path | None) -> Store | None:
    """The store that the argument `store=` of `sweep` means."""
    if isinstance(store, Store):
        return store
    folder = default_folder() if store == "auto" else store
    return None if folder is None else Store(cast(Path, folder))  # a text is looked at there


class Memory:
    """What is known of a request's trajectories, by their key; two names of one method share it.

    ``keys`` follow the request's trajectories; ``place[key]`` is the first trajectory of that key.
    """

    def __init__(self, request: Request, store: Store | None) -> None:
        self.request, self.store = request, store
        self.runs: dict[str, dict[str, np.ndarray]] = {}
        self.seconds = 0.0
        self.origins: set[tuple[str, str]] = set()
        self.failures: dict[str, str] = {}
        if store is None:  # nothing is remembered: the place is name enough
            self.keys = [str(i) for i in range(len(request.trajectories))]
        else:
            asked = descriptions(request)
            self.keys = [key_of(description) for description in asked]
            self.about = dict(zip(self.keys, asked, strict=True))
            for key in self.about:
                entry = store.get(key)
                if entry is not None:
                    self._know(key, dict(entry.arrays), entry.provenance)
        self.place = {key: i for i, key in reversed(list(enumerate(self.keys)))}

    def missing(self) -> list[str]:
        """The keys, each once, whose runs are not known."""
        return [key for key in dict.fromkeys(self.keys) if key not in self.runs]

    def add(self, keys: Sequence[str], arrays: dict[str, np.ndarray], provenance: dict) -> None:
        """Keep finished runs, `keys` along the first axis; in the store before they count."""
        for row, key in enumerate(keys):
            if key not in self.runs:
                run = {name: value[row].copy() for name, value in arrays.items()}
                if self.store is not None:
                    self.store.put(self.about[key], run, provenance)
                self._know(key, run, provenance)

    def fail(self, keys: Iterable[str], error: Exception) -> None:
        """Remember why the runs `keys` could not be computed."""
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        lost = [key for key in keys if key not in self.runs]
        LOG.warning("%d runs failed: %s", len(lost), reason)
        self.failures.update(dict.fromkeys(lost, reason))

    def reasons(self) -> dict[str, str]:
        """ "optimizer, seed" to what went wrong."""
        labels = {}
        for key, reason in self.failures.items():
            method, seed = self.request.trajectories[self.place[key]]
            labels[f"{method.label}, seed {seed}"] = reason
        return labels

    def stacked(self) -> dict[str, np.ndarray]:
        """All runs, ``(trajectories, record, ...)``; NaN where one is not known."""
        example = next(iter(self.runs.values()))
        blank = {
            name: np.zeros_like(a) if a.dtype == bool else np.full_like(a, np.nan)
            for name, a in example.items()
        }
        runs = [self.runs.get(key, blank) for key in self.keys]
        return {name: np.stack([run[name] for run in runs]) for name in example}

    def _know(self, key: str, arrays: dict, provenance) -> None:
        self.runs[key] = arrays
        self.failures.pop(key, None)
        self.seconds += float(provenance.get("seconds", 0.0))
        self.origins.add((str(provenance.get("backend", "")), str(provenance.get("device", ""))))
