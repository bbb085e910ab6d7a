"""The book without a network: MathJax beside the pages, outputs from the notebook cache, no foreign
scripts.

MathJax comes from node_modules (`npm ci`); without it Sphinx's default address stays and
mathematics needs a network.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from sphinx.util import logging

from ibias_book.provenance import FOLDER
from ibias_book.run import child, notebooks, outputs

log = logging.getLogger(__name__)
# only what tex-chtml.js can ask for at run time
MATHJAX = (
    "tex-chtml.js",
    "input/tex",
    "output/chtml/fonts/woff-v2",
    "a11y",
    "ui",
    "sre/mathmaps/base.json",
    "sre/mathmaps/en.json",
)


DRAWN_ICONS = re.compile(r'\s*<script src="[^"]*scripts/fontawesome\.js[^"]*"></script>')
"""The theme draws its icons twice, by a font of its style sheet and by a script of 1.5 MB that each
page waits for; the font is enough."""


def mathjax(app) -> Path | None:
    folder = Path(app.srcdir) / "node_modules" / "mathjax" / "es5"
    return folder if (folder / "tex-chtml.js").is_file() else None


def configure(app, config):
    root = Path(app.srcdir)
    for name, value in child.THREADS.items():
        os.environ.setdefault(name, value)
    # notebooks that the builder runs itself leave their data where the pages look for them
    os.environ.setdefault(FOLDER, str(root / "_build" / "figures"))
    os.environ.setdefault(notebooks.STORE, str(root / "_build" / "store"))
    for name in outputs.drop_stale(root, notebooks.names(root)):
        log.info("outputs of %s were made with other sources: dropped", name)
    if mathjax(app):
        config.mathjax_path = "vendor/mathjax/tex-chtml.js"
    else:
        log.info(
            "node_modules/mathjax not found (npm ci): mathematics will be rendered from the network"
        )


def outdated(app, env, added, changed, removed):
    """Pages whose cached outputs are newer than the page, though the notebook itself is
    unchanged."""
    known = getattr(env, "ibias_outputs", {})
    now = {
        d: outputs.version(Path(app.srcdir), d.removeprefix("notebooks/"))
        for d in env.found_docs
        if d.startswith("notebooks/")
    }
    return [d for d, version in now.items() if not version or known.get(d) != version]


def remember(app, env):
    docs = [d for d in env.found_docs if d.startswith("notebooks/")]
    env.ibias_outputs = {
        d: outputs.version(Path(app.srcdir), d.removeprefix("notebooks/")) for d in docs
    }


def foreign(script) -> bool:
    # sphinx-thebe declares its constants twice, an error on every page, and asks a CDN; the book
    # does not use it
    body = (getattr(script, "attributes", None) or {}).get("body") or ""
    return "thebe" in str(getattr(script, "filename", "")) or "THEBE_JS_URL" in body


def page(app, pagename, templatename, context, doctree):
    # a label that is not what the reader sees misleads who steers by voice
    body = (context.get("body") or "").replace(
        '<summary aria-label="Toggle hidden content">', "<summary>"
    )
    # its entries are not list items: neither is it a list
    context["body"] = body.replace(
        '<div role="list" class="citation-list">', '<div class="citation-list">'
    )
    context["script_files"][:] = [s for s in context["script_files"] if not foreign(s)]
    context["css_files"][:] = [s for s in context["css_files"] if not foreign(s)]


def ship(app, failed):
    if failed or app.builder.format != "html":
        return
    vendor = Path(app.outdir) / "_static" / "vendor"
    vendor.mkdir(parents=True, exist_ok=True)
    source = mathjax(app)
    for part in MATHJAX if source else ():
        old, new = source / part, vendor / "mathjax" / part
        new.parent.mkdir(parents=True, exist_ok=True)
        if old.is_dir():
            shutil.copytree(old, new, dirs_exist_ok=True)
        elif old.is_file():
            shutil.copy2(old, new)
    for written in Path(app.outdir).rglob("*.html"):
        text = written.read_text(encoding="utf-8")
        if DRAWN_ICONS.search(text):
            written.write_text(DRAWN_ICONS.sub("", text), encoding="utf-8")
    for script in (Path(app.outdir) / "_static" / "scripts").glob("fontawesome.js*"):
        script.unlink()


def setup(app):
    app.connect("config-inited", configure)
    app.connect("env-get-outdated", outdated)
    app.connect("env-updated", remember)
    app.connect("html-page-context", page, priority=900)
    app.connect("build-finished", ship)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
