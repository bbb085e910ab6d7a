"""Numbers a reader can place: "Fig. 5.2" is the second figure of chapter 5, "Lemma C.7" the paper's
own Lemma C.7.

Sphinx counts figures, tables and statements through the whole book, so that the paper's Figure 1
came out as "Fig. 9" and its Theorem 4.9 as "Theorem 4". Here figures and tables are counted within
their chapter, and a statement whose title begins with the paper's number, as in
``{prf:lemma} C.7: proxy and loss``, bears that number. Part of the Sphinx extension
`ibias_book.sphinx`.
"""

from __future__ import annotations

import re

from docutils import nodes

PAPERS_OWN = re.compile(r"^(\s*\()((?:[A-Z]\.)?\d+(?:\.\d+)*|[A-Z]+)(?:: | (?=[=]))")
"""The paper's number at the start of a statement's title, which sphinx-proof has put in
brackets."""
CHAPTER = re.compile(r"^(?:[A-Z]{1,2}\d?|\d+)(?:_\d+)*(?=_)")

Numbers = dict[str, dict[str, dict[str, tuple]]]
"""Page -> kind ("figure", "table", "lemma", ...) -> id -> the parts that are joined by dots."""


def chapter(page: str) -> str:
    """The label of a chapter from the name of its file: "4.1" for notebooks/04_1_large_batch; ""
    where it has none."""
    found = CHAPTER.match(page.rpartition("/")[2])
    return ".".join(part.lstrip("0") for part in found[0].split("_")) if found else ""


def papers_numbers(doctree: nodes.document) -> dict[str, str]:
    """Id of a statement -> the paper's number, which is cut out of its title: "(C.7: proxy and
    loss)" becomes "(proxy and loss)"."""
    found = {}
    for statement in doctree.findall(
        lambda node: isinstance(node, nodes.Admonition) and "countertype" in node
    ):
        title = statement[0]
        text = title[0] if len(title) and isinstance(title[0], nodes.Text) else None
        number = PAPERS_OWN.match(text or "")
        if number:
            found[statement["ids"][0]] = number[2]
            title.replace(text, nodes.Text(number[1] + text[number.end() :]))
    return found


def renumbered(counted: Numbers, own: dict[str, dict[str, str]]) -> Numbers:
    """`counted` by chapter instead of through the book, and by the paper's number where `own` (page
    -> id -> number) has one."""
    made: Numbers = {}
    for page, kinds in counted.items():
        label = chapter(page)
        made[page] = {kind: dict(ids) for kind, ids in kinds.items()}
        for kind, ids in kinds.items():
            given = own.get(page, {})
            made[page][kind] |= {id: (given[id],) for id in ids if id in given}
            rest = sorted((id for id in ids if id not in given and label), key=ids.get)
            made[page][kind] |= {id: (label, place) for place, id in enumerate(rest, 1)}
    return made


def read(app, doctree):
    env = app.env
    if not hasattr(env, "ibias_statements"):
        env.ibias_statements = {}
    env.ibias_statements[env.docname] = papers_numbers(doctree)


def before(app, env, added, changed, removed):
    """Hand Sphinx its own numbers back, so that it can tell which pages changed theirs."""
    env.toc_fignumbers = getattr(env, "ibias_counted", env.toc_fignumbers)
    return ()


def after(app, env):
    env.ibias_counted = env.toc_fignumbers
    env.toc_fignumbers = renumbered(env.toc_fignumbers, getattr(env, "ibias_statements", {}))
    return ()


def connect(app):
    app.connect("doctree-read", read)
    app.connect("env-get-outdated", before)
    app.connect("env-get-updated", after, priority=900)  # after Sphinx has counted
