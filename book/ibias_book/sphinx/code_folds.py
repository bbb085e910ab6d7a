"""One fold "Code of this section" in place of one before every figure and box: what a section's
folded cells hold, in their order, at its end. Part of the extension `ibias_book.sphinx`."""

from __future__ import annotations

from bs4 import BeautifulSoup, Tag

FOLDED = "details.above-input"
"""What myst-nb makes of a cell whose input is folded."""


def gathered(body: str) -> str:
    """`body` with the folded code of every section in one fold."""
    if "above-input" not in body:
        return body
    soup = BeautifulSoup(body, "html.parser")
    sections: dict[int, tuple[Tag, list[Tag]]] = {}
    for fold in soup.select(FOLDED):
        section = fold.find_parent("section")
        if section is not None:
            sections.setdefault(id(section), (section, []))[1].append(fold)
    for section, folds in sections.values():
        made = soup.new_tag("details", attrs={"class": "ibias-code"})
        summary = soup.new_tag("summary")
        summary.string = "Code of this section"
        made.append(summary)
        for fold in folds:
            code = fold.select_one(".cell_input")
            cell = fold.find_parent(class_="cell")
            fold.extract()
            made.append(code)
            if cell is not None and cell.find(True) is None:
                cell.decompose()  # a cell that shows nothing leaves no gap
        below = section.find("section", recursive=False)
        if below is None:
            section.append(made)
        else:
            below.insert_before(made)
    return str(soup)


def add(app, pagename, templatename, context, doctree):
    if app.builder.format == "html" and doctree is not None:
        context["body"] = gathered(context.get("body") or "")


def setup(app):
    app.connect("html-page-context", add, priority=400)  # before what ends a page is appended
    return {"parallel_read_safe": True, "parallel_write_safe": True}
