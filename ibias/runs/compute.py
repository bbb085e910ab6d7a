"""Computing some of a request's trajectories: the same function here and on a distant worker."""

import platform
import subprocess
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from time import perf_counter

import numpy as np

from ..engine import backend_named
from ..maxmargin.threads import one_thread
from .key import PACKAGE
from .request import Request
from .results import Recorder


def compute(
    request: Request,
    places: Sequence[int],
    finished: Callable[[list[int], dict[str, np.ndarray], dict], None] | None = None,
    advance: Callable[[int], None] | None = None,
    state: dict | None = None,
    save: Callable[[dict], None] | None = None,
) -> tuple[dict[str, np.ndarray], tuple[str, str]]:
    """Run the trajectories ``places`` of a request and call ``finished(rows, arrays, provenance)``
    as they reach their last record; ``rows`` are positions in ``places``, the arrays' first axis.
    Returns the arrays of all of them, and (backend, device).

    ``save`` hears, now and then, what is needed to go on from there; given back as `state` (for the
    same places) the run continues bit for bit, and reports no trajectory again.
    """
    problem = request.problem()
    trajectories = [request.trajectories[place] for place in places]
    engine, run = backend_named(request.backend, problem, trajectories)
    recorder, began = Recorder(request, problem, places), perf_counter()
    state = state or {"engine": None, "values": {}}
    recorder.values.update(state["values"])

    def observe(index, rows, w):
        nonlocal began
        recorder.observe(index, rows, w)
        if finished and index == len(request.record) - 1:
            # shared out among those that finish together, the times add up to that of the whole
            seconds, began = (perf_counter() - began) / len(rows), perf_counter()
            where = {"backend": engine, "device": str(problem.device), "seconds": seconds}
            arrays = {name: value[list(rows)] for name, value in recorder.values.items()}
            finished(list(rows), arrays, where | origin())

    def checkpoint(engine_state):
        if save:
            save({"engine": engine_state, "values": recorder.values})

    work = problem, trajectories, request.steps, request.record, observe, advance
    with one_thread():
        run(*work, state=state["engine"], checkpoint=checkpoint if save else None)
    return recorder.values, (engine, str(problem.device))


def origin() -> dict[str, str]:
    """When and with what a run was computed; kept beside the numbers and outside their checksum."""
    return versions() | {
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "commit": commit(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


@cache
def versions() -> dict[str, str]:
    """The installed versions of what computes."""
    return {name: metadata.version(name) for name in ("ibias", "torch", "numpy")}


@cache
def commit() -> str:
    """The commit of the package's own repository; "" for a wheel, even inside a repository."""
    root = PACKAGE.parent
    git = ["git", "-C", str(root), "rev-parse", "--show-toplevel", "HEAD"]
    try:
        answer = subprocess.run(git, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    top, _, head = answer.stdout.strip().partition("\n")
    return head if answer.returncode == 0 and top == str(root.resolve()) else ""
