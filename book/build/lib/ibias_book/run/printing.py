"""The book as one PDF: `python -m ibias_book.run.printing FOLDER PDF` prints the single-page build
in FOLDER with a browser."""

from __future__ import annotations

import functools
import http.server
import shutil
import sys
import threading
from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PAGE, WHOLE = "book/intro.html", "whole-book.html"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
PATIENCE = 600_000
"""Milliseconds; a busy machine takes minutes over the whole book."""
SCALE = 0.8
"""Of the size on the screen: lines of about ninety letters, and tables that fit the paper."""
FOOTER = (
    '<div style="width:100%;text-align:center;font-size:8px"><span class="pageNumber"></span></div>'
)
READY = (
    "() => (window.MathJax && MathJax.startup) ? MathJax.startup.promise.then(() => true) : true"
)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


def to_pdf(site: Path, page: str, target: Path) -> None:
    """Print `page` of the built folder `site`. Raises LookupError when there is no browser on this
    machine."""
    from playwright.sync_api import sync_playwright

    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not browser:
        raise LookupError(f"printing needs one of {', '.join(BROWSERS)}; none is installed")
    # the single-page builder writes addresses as seen from the folder, and the page one level below
    # it
    shutil.copy2(site / page, site / WHOLE)
    folder = functools.partial(_Quiet, directory=site)
    with (
        http.server.ThreadingHTTPServer(("127.0.0.1", 0), folder) as server,
        sync_playwright() as p,
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        chromium = p.chromium.launch(executable_path=browser, args=FLAGS)
        tab = chromium.new_page()
        tab.set_default_timeout(PATIENCE)
        tab.goto(f"http://127.0.0.1:{server.server_port}/{WHOLE}", wait_until="load")
        tab.evaluate(READY)
        tab.pdf(
            path=str(target),
            format="A4",
            scale=SCALE,
            print_background=True,
            margin={k: "16mm" for k in ("top", "bottom", "left", "right")},
            display_header_footer=True,
            header_template="<span></span>",
            footer_template=FOOTER,
        )
        chromium.close()
        server.shutdown()


def main(site: str, target: str) -> int:
    if not Path(site, PAGE).is_file():
        print(
            f"error: {Path(site, PAGE)} is missing; call `make pdf`, which builds it",
            file=sys.stderr,
        )
        return 2
    try:
        to_pdf(Path(site), PAGE, Path(target))
    except LookupError as err:
        print(f"error: {err}", file=sys.stderr)
        return 1
    print(f"{target}: {Path(target).stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
