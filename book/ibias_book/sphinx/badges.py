"""Where a statement stands to the paper, as a badge in the title of its box.

A statement says it by its class, as in ``:class: sharper``; the badge leads to the notation page,
where the same words are explained. Part of the Sphinx extension `ibias_book.sphinx`.
"""

from __future__ import annotations

from html import escape

from docutils import nodes

PAGE, PLACE = "book/notation", "sec-notation-words"
WORDS = {
    "as-in-the-paper": (
        "as in the paper",
        "The paper's own statement: the surviving prose of version 1 forces this form.",
    ),
    "derived-here": (
        "derived here",
        "Our derivation: where the paper has such a statement, its constants may be others.",
    ),
    "sharper": ("sharper than the paper", "Stronger than version 1 of the paper, and proved here."),
    "contradicts": ("contradicts the paper", "Disagrees with version 1 of the paper."),
}
"""Class of a statement -> the words on its badge, and what they mean."""


class badge(nodes.Inline, nodes.TextElement):
    """One badge; `kind` is a key of `WORDS`."""


def add(app, doctree):
    """Badges behind the titles of all statements on a page, in the order of `WORDS`."""
    for box in doctree.findall(lambda n: isinstance(n, nodes.Admonition) and "countertype" in n):
        for kind in WORDS:
            if kind in box["classes"]:
                box[0] += [nodes.Text(" "), badge(kind=kind)]


def visit(translator, node):
    words, meaning = WORDS[node["kind"]]
    builder = translator.builder
    page = builder.get_relative_uri(builder.current_docname, PAGE)
    translator.body.append(
        f'<a class="ibias-badge ibias-badge-{node["kind"]}" href="{escape(page)}#{PLACE}"'
        f' title="{escape(meaning)}">{escape(words)}'
    )


def depart(translator, node):
    translator.body.append("</a>")


def setup(app):
    app.add_node(badge, html=(visit, depart))
    # after `numbering` has cut the paper's number out of the title
    app.connect("doctree-read", add, priority=900)
