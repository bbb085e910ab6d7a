"""The index of all statements by their names rather than their labels, and the anchors that
statements had before they were renamed. Part of the extension `ibias_book.sphinx`."""

from __future__ import annotations

from docutils import nodes

PAGE = "prf-prf"
FORMER = {f"stmt-v-{i}": f"stmt-x-{i}" for i in (1, 2, 3, 4, 5)}
"""Label of a statement -> the one that links from elsewhere may still have."""


def named(app, pagename, templatename, context, doctree):
    """Kind by kind, each statement under the number that its box bears, and its chapter's title."""
    if pagename != PAGE:
        return
    kinds: dict[str, list] = {}
    for _, entries in context["content"]:
        for label, sub, page, anchor, *_, kind in entries:
            number = app.env.toc_fignumbers.get(page, {}).get(kind, {}).get(label, ())
            name = " ".join([kind.capitalize(), ".".join(map(str, number))]).strip()
            chapter = app.env.titles[page].astext()
            kinds.setdefault(kind.capitalize(), []).append(
                (name, sub, page, anchor, chapter, "", "")
            )
    context["content"] = sorted(kinds.items())


def keep(app, doctree):
    """An empty target in front of a statement that had another label."""
    for box in list(doctree.findall(lambda n: isinstance(n, nodes.Admonition))):
        old = FORMER.get(next(iter(box["ids"]), ""))
        if old:
            box.parent.insert(box.parent.index(box), nodes.target("", "", ids=[old]))


def setup(app):
    app.connect("html-page-context", named)
    app.connect("doctree-read", keep)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
