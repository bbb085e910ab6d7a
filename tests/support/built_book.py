"""The built book, opened from its folder as a reader with a copy on a disk would."""

from collections import defaultdict
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
    """A page of the book from disk; what went wrong is in its ``.errors``. ``close`` gives its tab
    to the next page: a tab of its own would cost as much again as the page does."""
    kind = (browser, width, scheme, *sorted(context.items()))
    page = _free[kind].pop() if _free[kind] else _tab(browser, width, scheme, context)
    page.kind = kind
    page.goto("about:blank")  # from a page to a place on it is no visit
    page.errors.clear()
    page.goto(f"{(HTML / path).as_uri()}.html{hash}")
    if context.get("java_script_enabled", True):
        page.evaluate("() => window.MathJax?.startup?.promise")
        page.wait_for_selector("html:not(.ibias-setting)")
    return page


def close(page):
    """Leave nothing to the next page."""
    page.goto("about:blank")
    page.context.clear_cookies()
    _free[page.kind].append(page)


_free: dict[tuple, list] = defaultdict(list)  # tabs of a browser that no test uses, by their kind


def _tab(browser, width, scheme, context):
    page = browser.new_context(
        viewport={"width": width, "height": 800},
        color_scheme=scheme,
        reduced_motion="reduce",
        **context,
    ).new_page()
    page.set_default_timeout(15_000)  # the machine may be busy with other tests
    # what a page kept for its reader is not the next reader's
    page.add_init_script("try { localStorage.clear(); sessionStorage.clear(); } catch {}")
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("requestfailed", lambda request: page.errors.append(request.url))
    return page
