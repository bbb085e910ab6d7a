"""The book as one PDF: `python -m ibias.companion.printing FOLDER PDF` prints the single-page build in FOLDER with a browser."""
from __future__ import annotations

import functools
import http.server
import shutil
import sys
import threading
from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PAGE, WHOLE = "book/intro.html", "whole-book.html"
READY = "() => (window.MathJax && MathJax.startup) ? MathJax.startup.promise.then(() => true) : true"


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


def to_pdf(site: Path, page: str, target: Path) -> None:
    """Print `page` of the built folder `site`. Raises LookupError when there is no browser on this machine."""
    from playwright.sync_api import sync_playwright

    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not browser:
        raise LookupError(f"printing needs one of {', '.join(BROWSERS)}; none is installed")
    # the single-page builder writes addresses as seen from the folder, and the page one level below it
    shutil.copy2(site / page, site / WHOLE)
    folder = functools.partial(_Quiet, directory=site)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), folder) as server, sync_playwright() as p:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        tab = p.chromium.launch(executable_path=browser, args=["--no-sandbox", "--disable-gpu"]).new_page()
        tab.goto(f"http://127.0.0.1:{server.server_port}/{WHOLE}", wait_until="load", timeout=120_000)
        tab.evaluate(READY)
        tab.pdf(path=str(target), format="A4", print_background=True, margin={k: "16mm" for k in ("top", "bottom", "left", "right")})
        server.shutdown()


def main(site: str, target: str) -> int:
    if not Path(site, PAGE).is_file():
        print(f"error: {Path(site, PAGE)} is missing; call `make pdf`, which builds it", file=sys.stderr)
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
