"""A progress bar for whatever takes longer than two seconds."""

import os
from contextlib import contextmanager


@contextmanager
def bar(total: int, label: str, show: bool = True):
    """Yields ``advance(count)``; the bar appears after two seconds, on stderr where that is a
    terminal (or in a notebook), and is removed at the end.

    ``IBIAS_PROGRESS=0`` in the environment turns bars off: executed notebooks must not carry them
    as output.
    """
    from tqdm.auto import tqdm

    hidden = not show or os.environ.get("IBIAS_PROGRESS") == "0"
    with tqdm(
        total=total,
        desc=label,
        delay=2,
        mininterval=0.5,
        leave=False,
        unit="step",
        unit_scale=True,
        disable=hidden or None,  # None: wherever nobody watches
    ) as shown:
        yield shown.update
