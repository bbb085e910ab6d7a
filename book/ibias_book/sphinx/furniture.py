"""What ends a computed chapter: how to cite it, how to run it, and its notebook as a file."""

from __future__ import annotations

import base64
import html
from pathlib import Path

ABOUT = {"notebooks/M": "gronich2026", "notebooks/B": "ignashin2026"}
FIRST = "li2026"
BOOK = """@misc{{ibias,
  author = {{{author}}},
  title = {{{{{title}}}}},
  year = {{{year}}},
  note = {{Chapter ``{chapter}''}},
  url = {{{url}}}
}}"""


def entry(bibliography: str, key: str) -> str:
    """The entry `key` of a BibTeX file, as it stands there."""
    start = bibliography.index(f"{{{key},")
    begin = bibliography.rindex("@", 0, start)
    return bibliography[begin : bibliography.index("\n}", start) + 2]


def fold(app, page: str, chapter: str) -> str:
    config, root = app.config, Path(app.srcdir)
    key = next((key for start, key in ABOUT.items() if page.startswith(start)), FIRST)
    paper = entry((root / "book/references.bib").read_text(encoding="utf-8"), key)
    book = BOOK.format(
        author=config.author,
        title=config.html_title or config.project,
        year=config.copyright,
        chapter=chapter,
        url=config.html_context.get("repository_url")
        or config.html_theme_options["repository_url"],
    )
    name = page.rpartition("/")[2]
    notebook = base64.b64encode((root / f"{page}.ipynb").read_bytes()).decode()
    blocks = [
        ("Cite the paper", paper),
        ("Cite this chapter", book),
        ("Run this chapter", f"ibias reproduce {name}"),
    ]
    shown = "".join(
        f'<p>{title}</p><div class="highlight"><pre>{html.escape(text)}</pre></div>'
        for title, text in blocks
    )
    # in the page itself: a browser that reads a folder opens a link to the file instead of saving
    link = f'<a download="{name}.ipynb" href="data:application/x-ipynb+json;base64,{notebook}">'
    return (
        '<details class="ibias-furniture"><summary>Cite, run or download this chapter</summary>'
        f"{shown}<p>{link}{name}.ipynb</a>, the notebook without its outputs</p></details>"
    )


def add(app, pagename, templatename, context, doctree):
    if app.builder.format == "html" and pagename.startswith("notebooks/") and doctree is not None:
        context["body"] = (context.get("body") or "") + fold(app, pagename, context["title"])


def setup(app):
    app.connect("html-page-context", add)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
