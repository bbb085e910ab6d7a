"""What an interrupted sweep left besides its finished runs: which runs it had set out to compute
together, and how far it was.

Runs share matrix products with the runs beside them, and a product rounds differently in another
company (by about 1e-16). A sweep that goes on after an interruption therefore computes whole groups
of the company it began with: its store ends up equal, bit for bit, to that of a sweep that was
never interrupted. Long runs also leave the engine's state now and then, and go on from there.
"""

from contextlib import suppress
from time import monotonic

import numpy as np

from ..engine.planner import plan
from ..methods import SteepestDescent
from ..signals import recipe
from .key import source_hash
from .memory import Memory
from .store import key_of

# seconds between two saved states: what a kill can cost at most, and under 1 % of the time even for
# states of 100 MB
EVERY = 30.0


class Journal:
    """The journal of one sweep in its store; without a store it remembers nothing."""

    def __init__(self, memory: Memory, every: float = EVERY):
        self.memory, self.store, self.every = memory, memory.store, every
        self._saved = monotonic()
        self.about = {"kind": "journal", "runs": sorted(memory.place), "source": source_hash()}
        self.keys: list[str] = []

    def begin(self) -> tuple[dict | None, list[str]]:
        """Set `keys`, the runs to be taken together: those of the interrupted call if this
        continues one, else all that are missing.

        Returns the state that the interrupted call left, as `compute` takes it, and the runs it
        belongs to, in their order; ``(None, [])`` when it left none.
        """
        self.keys = self.memory.missing()
        if self.store is None:
            return None, []
        entry = self.store.get(key_of(self.about))
        if entry is not None:
            before = entry.provenance.get("keys", ())
            if set(self.keys) <= set(before) <= set(self.memory.place):
                self.keys = list(before)
                return _nested(entry.arrays), list(entry.provenance.get("of", ()))
        self.store.put(self.about, {}, {"keys": self.keys})
        return None, []

    def save(self, keys: list[str], state: dict[str, dict[str, np.ndarray]]) -> None:
        """Keep the state of the runs `keys`, unless the last one is fresh."""
        if self.store is not None and monotonic() - self._saved >= self.every:
            flat = {f"{p}/{n}": a for p, arrays in state.items() for n, a in arrays.items()}
            self.store.put(self.about, flat, {"keys": self.keys, "of": keys})
            self._saved = monotonic()

    def forget(self) -> None:
        """Every run is known: drop the journal, unless the store can only be read."""
        if self.store is not None:
            with suppress(OSError):
                self.store.discard(key_of(self.about))


def calls(memory: Memory, keys: list[str]) -> list[list[list[str]]]:
    """`keys` by call of a backend, those of one call by what rounds together: the engine's groups
    of the runs that its planner lays out; of other forms each method, its seeds all together."""
    request, data = memory.request, memory.request.dataset
    trajectories = {key: request.trajectories[memory.place[key]] for key in keys}
    planned: list[str] = []
    others: dict[SteepestDescent, list[str]] = {}
    for key, (method, _) in trajectories.items():
        if request.backend == "composed" or recipe(method.signal, data.n) is None:
            others.setdefault(method, []).append(key)
        else:
            planned.append(key)
    groups = plan([trajectories[key] for key in planned], data.n, data.d, data.k)
    own = [[planned[i] for labels in group.labels for i in sorted(labels)] for group in groups]
    return [own, *([seeds] for seeds in others.values())]


def _nested(arrays) -> dict[str, dict[str, np.ndarray]] | None:
    state: dict[str, dict] = {"engine": {}, "values": {}}
    for name, value in arrays.items():
        part, _, rest = name.partition("/")
        state[part][rest] = value.copy()  # what is read is read-only
    return state if state["engine"] else None
