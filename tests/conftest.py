"""One thread per worker, before anything imports torch or numpy."""

import os
import signal

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(name, "1")
# what a script puts in the background ignores Ctrl-C, and so would the programs that tests interrupt
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

from importlib.util import find_spec
from pathlib import Path

import pytest

# the library's tests run without the book; those that mention its package need it
collect_ignore = [
    path.name
    for path in Path(__file__).parent.glob("test_*.py")
    if find_spec("ibias_book") is None and "ibias_book" in path.read_text(encoding="utf-8")
]


@pytest.fixture(scope="session")
def browser():
    """One Chromium per worker: a second one of playwright's loops in the same process is
    refused."""
    import figure_page

    sync_api = pytest.importorskip("playwright.sync_api")
    if not figure_page.BROWSER:
        pytest.skip("no chromium on this machine")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=figure_page.BROWSER, args=figure_page.ARGS
        )
        yield chromium
        chromium.close()
