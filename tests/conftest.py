"""One thread per worker, before anything imports torch or numpy."""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import figure_page
import pytest


@pytest.fixture(scope="session")
def browser():
    """One Chromium per worker: a second one of playwright's loops in the same process is
    refused."""
    sync_api = pytest.importorskip("playwright.sync_api")
    if not figure_page.BROWSER:
        pytest.skip("no chromium on this machine")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=figure_page.BROWSER, args=figure_page.ARGS
        )
        yield chromium
        chromium.close()
