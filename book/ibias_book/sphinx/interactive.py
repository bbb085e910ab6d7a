"""The interactive figures (playground, explorer, hero): their scripts on the pages that hold one,
their numbers computed.

A page asks for a figure with an element such as
``<div data-ibias="playground" data-preset="stuck"></div>`` in a raw html block, a
chapter for one of the playground's stories, folded, with ``{see-it}``; everything it needs comes
from the book's own folder and works from a file share: classic scripts, no fetch.
"""

import html
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from ibias_book.run.child import THREADS

log = logging.getLogger(__name__)
COMMON = ("common/svg.js", "common/axes.js", "common/share.js")
# in load order; each file adds one name to the global ``Ibias``
SCRIPTS = {
    "playground": (
        COMMON
        + tuple(
            f"playground/{name}.js"
            for name in (
                "philox",
                "geometry",
                "matrix",
                "barrier",
                "engine",
                "regions",
                "presets",
                "race",
                "settings",
                "csv",
                "python",
                "caption",
                "frame",
                "view_data",
                "view_weights",
                "view_race",
                "layout",
                "points",
                "guess",
                "screen",
                "clock",
                "controls",
                "own",
                "mount",
            )
        )
    ),
    "explorer": (
        COMMON
        + tuple(
            f"explorer/{name}.js"
            for name in ("numbers", "decode", "state", "chart", "words", "mount")
        )
    ),
    "hero": (
        "common/svg.js",
        "playground/geometry.js",
        "hero/numbers.js",
        "hero/scene.js",
        "hero/mount.js",
    ),
}
STYLES = {name: ("common/figures.css", f"{name}/{name}.css") for name in SCRIPTS}
# figure -> the module that computes its numbers.js
COMPUTED = {"explorer": "ibias_book.interactive.explorer", "hero": "ibias_book.interactive.hero"}
FIGURE = re.compile(r'data-ibias="(\w+)"')


PRESETS = Path(__file__).parents[2] / "_static" / "playground" / "presets.js"
STORY = """<details class="ibias-see"><summary>See it: {title}</summary>
<div data-ibias="playground" data-preset="{preset}" data-compact></div>
<p><a href="{page}#preset-{preset}">Open it in the playground</a>, with all settings.</p>
</details>"""


class SeeIt(SphinxDirective):
    """``{see-it} stuck What opens``: a fold with that story of the playground and a link to it."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self):
        preset, _, title = self.arguments[0].partition(" ")
        if preset not in presets():
            raise self.error(
                f"{{see-it}} got {preset!r}; the playground's stories are {', '.join(presets())}"
            )
        if not title.strip():
            raise self.error(f"{{see-it}} {preset} needs the words of its fold after the name")
        up = "../" * self.env.docname.count("/")
        text = STORY.format(
            title=html.escape(title.strip()), preset=preset, page=f"{up}book/playground.html"
        )
        return [nodes.raw("", text, format="html")]


def presets() -> list[str]:
    """The names of the playground's stories, in their order."""
    return re.findall(r"^    (\w+): \{\n      title:", PRESETS.read_text(encoding="utf-8"), re.M)


def figures_of(body: str) -> list[str]:
    """The kinds of figure a page holds, in a fixed order.  Raises ValueError for one that does not
    exist."""
    found = set(FIGURE.findall(body))
    if unknown := found - set(SCRIPTS):
        raise ValueError(
            f'a page asks for data-ibias="{min(unknown)}"; the interactive figures are'
            f" {', '.join(SCRIPTS)}"
        )
    return [name for name in SCRIPTS if name in found]


def add_scripts(app, pagename, templatename, context, doctree):
    """Scripts and styles for this page only, each once."""
    figures = figures_of(context.get("body") or "")
    for style in dict.fromkeys(path for name in figures for path in STYLES[name]):
        app.add_css_file(style)
    for script in dict.fromkeys(path for name in figures for path in SCRIPTS[name]):
        app.add_js_file(script)


def numbers(app, name: str) -> Path:
    return Path(app.srcdir) / "_build" / "interactive" / name / "numbers.js"


def compute(app):
    """What is missing or was made by another state of the package; about a minute from nothing, no
    time when up to date.

    In a process of its own: one thread a process is much faster here, and this one may have
    imported torch with several.
    """
    if app.builder.format == "html":
        for name, module in COMPUTED.items():
            log.info("numbers of the %s ...", name)
            command = [sys.executable, "-m", module, "--target", str(numbers(app, name))]
            subprocess.run(command, check=True, cwd=app.srcdir, env=os.environ | THREADS)


def ship(app, failed):
    """Sphinx copies book/_static; the computed numbers go beside it."""
    if failed or app.builder.format != "html":
        return
    for name in COMPUTED:
        target = Path(app.outdir) / "_static" / name / "numbers.js"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(numbers(app, name), target)


def setup(app):
    app.add_directive("see-it", SeeIt)
    app.connect("builder-inited", compute)
    app.connect("html-page-context", add_scripts)
    app.connect("build-finished", ship)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
