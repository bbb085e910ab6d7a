"""How long notebooks take: this machine's last times, or else the committed ones, so that the
longest starts first in a fresh clone too."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path

COMMITTED = "book/seconds.json"


def stamp(root: Path, name: str) -> Path:
    return root / "_build" / "executed" / f"{name}.json"


def remember(root: Path, name: str, seconds: float) -> None:
    stamp(root, name).write_text(json.dumps({"seconds": seconds}))


def last_seconds(root: Path, name: str) -> float:
    """What the notebook took here last time, else where the book was made; one that never ran
    counts as long."""
    if stamp(root, name).is_file():
        return json.loads(stamp(root, name).read_text())["seconds"]
    committed = root / COMMITTED
    return (
        json.loads(committed.read_text()).get(name, math.inf) if committed.is_file() else math.inf
    )


def commit(root: Path, names: list[str]) -> None:
    """Write the times of this machine, to one digit: enough for an order, and little to review when
    they change."""
    taken = {name: last_seconds(root, name) for name in names}
    found = {
        name: float(f"{seconds:.0e}")
        for name, seconds in sorted(taken.items())
        if seconds < math.inf
    }
    (root / COMMITTED).write_text(
        json.dumps({name: int(seconds) for name, seconds in found.items()}, indent=1) + "\n",
        encoding="utf-8",
    )


class Pace:
    """When a run of notebooks ends, from what each is expected to take and the pace so far."""

    def __init__(self, expected: dict[str, float], jobs: int):
        known = [seconds for seconds in expected.values() if seconds < math.inf] or [60.0]
        usual = sum(known) / len(known)
        self._waiting = {n: s if s < math.inf else usual for n, s in expected.items()}
        self._running: dict[str, tuple[float, float]] = {}
        self._taken = self._expected = 0.0
        self._jobs = jobs

    def start(self, name: str) -> None:
        self._running[name] = (self._waiting.pop(name), time.perf_counter())

    def finish(self, name: str, seconds: float | None) -> None:
        """``seconds`` is None where the notebook failed, which says nothing of the others."""
        expected, _ = self._running.pop(name)
        if seconds is not None:
            self._taken += seconds
            self._expected += expected

    def left(self) -> str:
        """ ", about 3 min left"; nothing at the end."""
        pace = self._taken / self._expected if self._expected else 1.0
        now = time.perf_counter()
        rest = [pace * seconds for seconds in self._waiting.values()]
        rest += [
            max(pace * seconds - (now - began), 0) for seconds, began in self._running.values()
        ]
        if not rest:
            return ""
        seconds = max(sum(rest) / self._jobs, max(rest))
        minutes = f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
        return f", about {minutes} left"
