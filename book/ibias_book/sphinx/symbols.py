"""Symbols in prose lead to their row of the notation page: a formula that is exactly a symbol of
that page, where it first stands in a section. The other papers' parts have symbols of their own.
"""

from __future__ import annotations

from docutils import nodes

NOTATION = "book/notation"
PREFIX = "sym-"
OTHERS = ("notebooks/M", "notebooks/B")
"""Pages whose letters mean something else."""


def plain(tex: str) -> str:
    return "".join(tex.split())


def read(app, doctree):
    """Remember formula -> id, from the notation page itself."""
    if app.env.docname == NOTATION:
        app.env.ibias_symbols = {
            plain(math.astext()): id
            for mark in doctree.findall(nodes.inline)
            for id in mark["ids"]
            for math in mark.findall(nodes.math)
            if id.startswith(PREFIX)
        }


def link(app, doctree, docname):
    if docname == NOTATION or docname.startswith(OTHERS):
        return
    known = getattr(app.env, "ibias_symbols", {})
    for section in doctree.findall(nodes.section):
        seen: set[str] = set()
        for paragraph in section.children:
            for math in list(paragraph.findall(nodes.math)) if _is_prose(paragraph) else ():
                id = known.get(plain(math.astext()))
                if id and id not in seen and _is_text(math):
                    seen.add(id)
                    uri = f"{app.builder.get_relative_uri(docname, NOTATION)}#{id}"
                    reference = nodes.reference(
                        "", "", internal=True, refuri=uri, classes=["ibias-symbol"]
                    )
                    # a typeset formula has no text that a screen reader could call the link by
                    reference["reftitle"] = f"{math.astext()}, on the notation page"
                    math.replace_self(reference)
                    reference += math


def _is_prose(node: nodes.Node) -> bool:
    return not isinstance(node, (nodes.section, nodes.title, nodes.table, nodes.container))


def _is_text(math: nodes.math) -> bool:
    """In a running sentence, and not inside a link already."""
    above = math.parent
    while above is not None and not isinstance(above, nodes.section):
        if isinstance(above, (nodes.reference, nodes.title, nodes.table, nodes.figure)):
            return False
        above = above.parent
    return isinstance(math.parent, (nodes.paragraph, nodes.emphasis, nodes.strong))


def setup(app):
    app.connect("doctree-read", read)
    app.connect("doctree-resolved", link)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
