"""The map of the front page: who asks what, where it is answered, and how long that page takes to
read and to compute. Part of the extension `ibias_book.sphinx`."""

from __future__ import annotations

import json
from pathlib import Path

from docutils import nodes

from ..run.pace import COMMITTED
from .ledger import Ledger

WORDS_A_MINUTE = 200
"""Technical prose is read a little slower than the 240 words a minute of other prose."""
SECONDS_A_FORMULA, SECONDS_A_DISPLAY = 2, 20
"""An inline formula costs a glance, a displayed one the time to take it apart."""
HEADS = ["If you are", "and ask", "read (minutes to read, seconds to compute)"]


def minutes(doctree: nodes.document) -> int:
    """What the running text of a page, its proofs included, takes to read; no code, no tables and
    no evidence under claims."""
    words = formulas = 0
    for paragraph in doctree.findall(nodes.paragraph):
        if not _within(paragraph, (nodes.table, nodes.field_list)):
            words += len(paragraph.astext().split())
            formulas += len(list(paragraph.findall(nodes.math)))
    displays = len(list(doctree.findall(nodes.math_block)))
    seconds = SECONDS_A_FORMULA * formulas + SECONDS_A_DISPLAY * displays
    return max(1, round(words / WORDS_A_MINUTE + seconds / 60))


def _within(node: nodes.Node, kinds: tuple) -> bool:
    while node is not None and not isinstance(node, kinds):
        node = node.parent
    return node is not None


def remember(app, doctree):
    if not hasattr(app.env, "ibias_minutes"):
        app.env.ibias_minutes = {}
    app.env.ibias_minutes[app.env.docname] = minutes(doctree)


class times(nodes.Inline, nodes.TextElement):
    """What page ``page`` takes, filled in once all pages are read."""


def fill(app, doctree, docname):
    """Minutes to read, and seconds to compute where there is something to compute."""
    seconds = json.loads((Path(app.srcdir) / COMMITTED).read_text(encoding="utf-8"))
    for node in list(doctree.findall(times)):
        said = [f"{app.env.ibias_minutes[node['page']]} min"]
        computed = seconds.get(node["page"].rpartition("/")[2])
        said += [f"{computed} s"] if computed else []
        node.replace_self(nodes.Text(f"({', '.join(said)})"))


class ChapterMap(Ledger):
    """```{chapter-map}```: a line a row, ``who | question | page page ...``."""

    has_content = True

    def make(self, found):
        rows = []
        for line in self.content:
            who, question, pages = (part.strip() for part in line.split("|"))
            unknown = [page for page in pages.split() if page not in self.env.found_docs]
            if unknown:
                raise self.error(f"the map names {', '.join(unknown)}, which is no page")
            links = "\n\n".join(f"{{doc}}`/{page}` {{times}}`{page}`" for page in pages.split())
            rows.append(("ibias-map-row", [who, question, links]))
        return [self.table(HEADS, rows, [14, 38, 48], "ibias-map")]


def setup(app):
    app.add_directive("chapter-map", ChapterMap)
    app.add_role("times", lambda name, raw, page, *rest, **options: ([times(page=page)], []))
    app.connect("doctree-read", remember)
    app.connect("doctree-resolved", fill)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
