"""What a link leads to, shown beside the link: per page a small script with its equations,
statements, figures, tables, symbols, claims and references, which `book/_static/previews.js` loads
when a reader first points at a link there. A script, since pages read from a folder may not fetch.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from posixpath import dirname, normpath
from urllib.parse import unquote

from bs4 import BeautifulSoup, Tag

FOLDER = "_static/previews"
SHOWN = (
    'div.math[id^="equation-"]',
    "div.proof[id]",
    "figure[id]",
    "table[id]",
    "div.citation[id]",
    "div.ibias-claim[id]",
    '[id^="sym-"]',
)
LEFT_OUT = "a.headerlink, details, script, style, .ibias-claim-facts, .ibias-permalink, button"
ROWS = 6
"""Rows of a table that a card shows."""


def cards(body: str, page: str) -> dict[str, str]:
    """Id -> the content of its card, for every target on a page."""
    soup = BeautifulSoup(body, "html.parser")
    found = {}
    for target in soup.select(", ".join(SHOWN)):
        id = str(target["id"])
        row = target.find_parent("tr") if id.startswith("sym-") else None
        found[id] = _symbol(row) if row else _card(target, page)
    return found


def _symbol(row: Tag) -> str:
    cells = [cell.decode_contents().strip() for cell in row.find_all("td")]
    heads = [head.get_text().strip() for head in row.find_parent("table").find_all("th")]
    named = [
        f"<dt>{head}</dt><dd>{cell}</dd>"
        for head, cell in list(zip(heads, cells, strict=True))[1:]
        if cell
    ]
    return _bare(BeautifulSoup(f"<p>{cells[0]}</p><dl>{''.join(named)}</dl>", "html.parser"), "")


def _card(target: Tag, page: str) -> str:
    copy = BeautifulSoup(str(target), "html.parser")
    for row in copy.select("tbody > tr")[ROWS:]:
        row.decompose()
    return _bare(copy, page)


def _bare(copy: BeautifulSoup, page: str) -> str:
    """Without ids, folds and links: a card leads nowhere, its link does. Pictures by their place
    in the book's folder."""
    for node in copy.select(LEFT_OUT):
        node.decompose()
    for link in copy.find_all("a"):
        link.unwrap()
    for node in copy.find_all(True):
        del node["id"]
        del node["tabindex"]
    for image in copy.find_all("img"):
        image["data-src"] = normpath(f"{dirname(page)}/{unquote(str(image['src']))}")
        del image["src"]
    return re.sub(r"\s*\n\s*", "\n", str(copy)).strip()


def write(app, pagename, templatename, context, doctree):
    body = context.get("body")
    if app.builder.format != "html" or not body or doctree is None:
        return
    found = cards(body, pagename)
    target = Path(app.outdir) / FOLDER / f"{pagename.replace('/', '-')}.js"
    target.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({pagename: found}, ensure_ascii=False, separators=(",", ":"))
    target.write_text(
        f"window.IbiasCards = Object.assign(window.IbiasCards || {{}}, {text});\n", encoding="utf-8"
    )


def setup(app):
    app.connect("html-page-context", write, priority=950)  # after the others have mended the body
    return {"parallel_read_safe": True, "parallel_write_safe": True}
