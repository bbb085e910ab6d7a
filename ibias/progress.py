"""How far it is, for whatever takes longer than two seconds."""

import os
from contextlib import contextmanager
from threading import Event, Thread

DELAY = 2.0  # seconds before anything is shown


@contextmanager
def bar(total: int, label: str, show: bool = True):
    """Yields ``advance(count)``; the bar appears after two seconds, on stderr where that is a
    terminal (or in a notebook), and is removed at the end.

    ``IBIAS_PROGRESS=0`` in the environment turns bars off: a notebook's output must not hold them.
    """
    from tqdm.auto import tqdm

    hidden = not show or os.environ.get("IBIAS_PROGRESS") == "0"
    form = dict(mininterval=0.5, unit="step", unit_scale=True, leave=False)
    # disable=None: wherever nobody watches
    with tqdm(total=total, desc=label, delay=DELAY, disable=hidden or None, **form) as shown:
        yield shown.update


@contextmanager
def waiting(label: str, show: bool = True):
    """The seconds that one call has taken so far, for work that cannot say how far it is."""
    from tqdm.auto import tqdm

    hidden, done = not show or os.environ.get("IBIAS_PROGRESS") == "0", Event()
    with tqdm(
        desc=label, delay=DELAY, leave=False, disable=hidden or None, bar_format="{desc}: {elapsed}"
    ) as shown:

        def tick():
            while not done.wait(DELAY):
                shown.refresh()

        Thread(target=tick, daemon=True).start()
        try:
            yield
        finally:
            done.set()
