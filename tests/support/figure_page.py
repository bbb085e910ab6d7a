"""A page of the book reduced to one interactive figure, opened from disk as a reader with the built
folder would."""

import shutil
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path

from ibias_book.sphinx import interactive as ext

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "book" / "_static"
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
SHIFTS = """window.shifted = 0; new PerformanceObserver(list => list.getEntries().forEach(e => {
    if (!e.hadRecentInput) window.shifted += e.value; })).observe({type: 'layout-shift', buffered: true});"""
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


def write_page(folder: Path, figure: str, element: str, numbers: Path | None = None) -> Path:
    """``folder/page.html`` with copies of the figure's scripts and styles beside it; ``numbers`` is
    its computed file."""
    for path in (*ext.SCRIPTS[figure], *ext.STYLES[figure]):
        source = numbers if path.endswith("numbers.js") else STATIC / path
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, folder / path)
    head = "".join(f'<link rel="stylesheet" href="{path}">' for path in ext.STYLES[figure])
    tail = "".join(f'<script src="{path}"></script>' for path in ext.SCRIPTS[figure])
    dark = (
        'html[data-theme="dark"] { background: #14181b; color: #e9e7e1 } html[data-theme="dark"] a'
        " { color: #8fc4ff }"
    )
    text = (
        '<!doctype html><html lang="en" data-theme="light"><head><meta'
        ' charset="utf-8"><title>figure</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><style>body {'
        f" margin: 0 auto; max-width: 800px; padding: 10px }} {dark}</style>"
        f"{head}</head><body><main><h1>Figure</h1>{element}</main>{tail}</body></html>"
    )
    page = folder / "page.html"
    page.write_text(text, encoding="utf-8")
    return page


@contextmanager
def opened(browser, path: Path, *, viewport=DESK, theme="light", hash="", motion="reduce"):
    """The page, with what went wrong in ``.errors`` and every request in ``.asked``.

    It is shown in the tab of an earlier one: a tab of its own costs more than a page does.
    """
    free = _free[browser, *viewport.values(), motion]
    page = free.pop() if free else _tab(browser, viewport, motion)
    page.goto("about:blank")  # from a page to a state of it is no visit
    page.errors.clear()
    page.asked.clear()
    page.goto(path.as_uri() + hash)
    page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
    try:
        yield page
        page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
    except BaseException:
        page.context.close()
        raise
    free.append(page)


_free: dict[tuple, list] = defaultdict(list)  # tabs of a browser that no test uses, by their kind


def _tab(browser, viewport, motion):
    context = browser.new_context(viewport=viewport, reduced_motion=motion)
    page = context.new_page()
    page.set_default_timeout(60_000)  # the machine may be busy with other tests
    page.errors, page.asked = [], []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on(
        "console",
        lambda message: (
            page.errors.append(message.text) if message.type in ("error", "warning") else None
        ),
    )
    page.on("request", lambda request: page.asked.append(request.url))
    page.add_init_script(SHIFTS)
    return page


def serious(page) -> list[str]:
    """What axe-core finds serious or critical, colour contrast included."""
    page.add_script_tag(path=AXE)
    found = page.evaluate("async () => (await axe.run()).violations")
    return [
        f"{v['id']}: {v['nodes'][0]['html'][:160]}"
        for v in found
        if v["impact"] in ("serious", "critical")
    ]


def shifted(page) -> float:
    """How much of the page has moved by itself since it was opened (the browser's layout shift)."""
    page.wait_for_timeout(300)  # numbers, then a frame or two of drawing
    return page.evaluate("window.shifted")


def sideways(page) -> int:
    """Pixels by which the page is wider than its window."""
    return page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
