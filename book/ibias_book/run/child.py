"""One notebook in a process of its own, seen from the runner: started, watched and ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from .parameters import typed

THREADS = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "IBIAS_PROGRESS": "0",
}


def execute(
    root: Path,
    name: str,
    target: Path,
    parameters: dict | None = None,
    environment: dict | None = None,
    progress: bool = True,
    watch: Callable[[int, int], None] | None = None,
) -> float:
    """Run one notebook into `target`; the seconds it took. `watch(cells done, cells)` is called
    every second; without it `progress` shows a bar on a terminal.

    Raises RuntimeError with the failing cell when it fails; the children are ended when this is
    interrupted.
    """
    source = root / "notebooks" / f"{name}.ipynb"
    told = {
        "source": str(source),
        "target": str(target),
        "parameters": typed(source, parameters or {}),
    }
    watch = watch or (_bar(name) if progress else None)
    target.parent.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    with open(target.with_suffix(".log"), "w+", encoding="utf-8") as log:
        child = _start(told, log, THREADS | (environment or {}))
        with child.stdin:  # closing it ends the child
            while child.poll() is None:
                time.sleep(0.2 if watch is None else 1.0)
                if watch:
                    watch(*_cells(target))
        if child.returncode:
            log.seek(0)
            raise RuntimeError(f"notebook {name} failed: {_end(log.read())}")
    return time.perf_counter() - started


def _start(told: dict, log: IO, environment: dict[str, str]) -> subprocess.Popen:
    """A process that executes a notebook, and ends when its standard input is closed."""
    child = subprocess.Popen(
        [sys.executable, "-m", "ibias_book.run.execute"],
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=log,
        env=os.environ | environment,
        start_new_session=True,
        text=True,
    )
    child.stdin.write(json.dumps(told) + "\n")
    child.stdin.flush()
    return child


def _bar(name: str) -> Callable[[int, int], None]:
    from tqdm import tqdm

    bar = tqdm(desc=name, unit=" cells", leave=False, disable=None)

    def watch(done: int, cells: int) -> None:
        bar.total, bar.n = cells or None, done
        bar.refresh()

    return watch


def _end(text: str) -> str:
    """The last line of a log, which is the error, in full; under it the lines that led there."""
    lines = [
        line for line in text.splitlines() if line.strip() and not line.startswith("[IPKernelApp]")
    ]
    return "\n".join([*lines[-1:], *lines[-13:-1]]) or "it left no message"


def _cells(executed: Path) -> tuple[int, int]:
    try:
        cells = json.loads(executed.read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError):
        return 0, 0  # not there yet, or half written
    return sum(c["metadata"].get("papermill", {}).get("status") == "completed" for c in cells), len(
        cells
    )
