"""CPU time of one thread, interleaved: a neighbour that slows the machine slows every contender of
a cell alike."""

import time
from collections.abc import Callable
from statistics import median

ROUNDS = 3


def cpu_seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def interleaved(
    contenders: dict[str, tuple[Callable[[int], object], int, float]], rounds: int = ROUNDS
) -> dict[str, dict]:
    """Microseconds of CPU time per step and run:
    ``{name: {"us": median, "spread": largest / smallest}}``.

    A contender is ``(work, steps, runs)``: ``work(steps)`` advances ``runs`` runs by ``steps``
    steps.  One round before the others is
    thrown away: it compiles, and fills the caches.
    """
    times = {name: [] for name in contenders}
    for round_ in range(rounds + 1):
        for name, (work, steps, runs) in contenders.items():
            count = steps if round_ else max(1, steps // 4)
            seconds = cpu_seconds(lambda work=work, count=count: work(count))
            if round_:
                times[name].append(1e6 * seconds / steps / runs)
    return {
        name: {"us": median(found), "spread": max(found) / min(found)}
        for name, found in times.items()
    }
