"""Puts the interactive figures (playground, explorer, hero) beside the pages, and their scripts on the pages that hold one.

A page asks for a figure with an element such as ``<div data-ibias="playground" data-preset="stuck"></div>`` in a raw html
block; everything it needs comes from the book's own folder and works from a file share: classic scripts, no fetch.
"""

import re
import shutil
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1] / "_static"
COMMON = ("common/svg.js", "common/axes.js")
# in load order; each file adds one name to the global ``Ibias``
SCRIPTS = {
    "playground": COMMON + tuple(
        f"playground/{name}.js" for name in (
            "philox", "geometry", "engine", "settings", "race", "caption", "view_planes", "view_race", "layout", "points", "controls", "mount",
        )
    ),
    "explorer": COMMON + tuple(f"explorer/{name}.js" for name in ("numbers", "decode", "state", "view", "mount")),
    "hero": ("common/svg.js", "hero/numbers.js", "hero/scene.js", "hero/mount.js"),
}
STYLES = {
    "playground": ("common/figures.css", "playground/playground.css"),
    "explorer": ("common/figures.css", "explorer/explorer.css"),
    "hero": ("common/figures.css", "hero/hero.css"),
}
FIGURE = re.compile(r'data-ibias="(\w+)"')
UNDER = "interactive"  # the folder below the output's _static


def figures_of(body: str) -> list[str]:
    """The kinds of figure a page holds, in a fixed order.  Raises ValueError for one that does not exist."""
    found = set(FIGURE.findall(body))
    if unknown := found - set(SCRIPTS):
        raise ValueError(f'a page asks for data-ibias="{min(unknown)}"; the interactive figures are {", ".join(SCRIPTS)}')
    return [name for name in SCRIPTS if name in found]


def add_scripts(app, pagename, templatename, context, doctree):
    """Scripts and styles for this page only, each once."""
    figures = figures_of(context.get("body") or "")
    for style in dict.fromkeys(path for name in figures for path in STYLES[name]):
        app.add_css_file(f"{UNDER}/{style}")
    for script in dict.fromkeys(path for name in figures for path in SCRIPTS[name]):
        app.add_js_file(f"{UNDER}/{script}")


def copy_files(app, error):
    """Hand-written files from book/_static, generated data from _build/interactive (``ibias build`` writes it)."""
    if error or app.builder.format != "html":
        return
    target = Path(app.outdir) / "_static" / UNDER
    generated = Path(app.srcdir) / "_build" / UNDER
    for source in (SOURCE, generated):
        for path in sorted(source.rglob("*")):
            if path.suffix in (".js", ".css") and path.is_file():
                place = target / path.relative_to(source)
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, place)


def setup(app):
    app.connect("html-page-context", add_scripts)
    app.connect("build-finished", copy_files)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
