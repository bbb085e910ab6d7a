"""The built book, opened from its folder as a reader with a copy on a disk would."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HTML = ROOT / "_build" / "html"
BUILT = [
    pytest.mark.skipif(
        not (HTML / "book" / "intro.html").exists(), reason="the book is not built; run `make book`"
    ),
    pytest.mark.skipif(
        not (ROOT / "node_modules" / "mathjax").exists(),
        reason="no MathJax (npm ci): the pages would ask the network for it",
    ),
]


def opened(browser, path, *, width=1280, scheme="light", hash="", **context):
    """A page of the book from disk; what went wrong is in its ``.errors``."""
    page = browser.new_context(
        viewport={"width": width, "height": 800},
        color_scheme=scheme,
        reduced_motion="reduce",
        **context,
    ).new_page()
    page.set_default_timeout(15_000)  # the machine may be busy with other tests
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("requestfailed", lambda request: page.errors.append(request.url))
    page.goto(f"{(HTML / path).as_uri()}.html{hash}")
    if context.get("java_script_enabled", True):
        page.evaluate("() => window.MathJax?.startup?.promise")
        page.wait_for_selector("html:not(.ibias-setting)")
    return page
