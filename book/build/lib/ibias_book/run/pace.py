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


def left(began: float, finished: int, total: int) -> str:
    """ ", about 3 min left", from the pace so far; nothing at the end."""
    seconds = (time.perf_counter() - began) / finished * (total - finished)
    return (
        f", about {seconds / 60:.0f} min left"
        if seconds >= 90
        else f", about {seconds:.0f} s left"
        if finished < total
        else ""
    )
