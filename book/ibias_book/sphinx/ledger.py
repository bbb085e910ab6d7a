"""The ledger in the book: directives that list claims and figures, the verdicts that end a chapter,
the check against the committed ones.

A Sphinx extension (`extra_extensions: ibias_book.sphinx` in _config.yml).
"""

from __future__ import annotations

from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from .. import claims
from ..claims import VERDICTS, Claim
from . import closing, numbering
from .closing import MARKS
from .typeset import typeset

log = logging.getLogger(__name__)
EXPECTED = "book/verdicts.json"


def ledger(env) -> dict[str, list[Claim]]:
    """Page -> its claims, in the book's order of pages."""
    found = getattr(env, "ibias_claims", {})
    order = [doc for docs in parts(env).values() for doc in docs]
    return {
        doc: found[doc]
        for doc in [*order, *(d for d in sorted(found) if d not in order)]
        if found.get(doc)
    }


def parts(env) -> dict[str, list[str]]:
    """Caption of each part of the table of contents -> its pages."""
    site = env.config.external_site_map
    return {tree.caption or "": [str(item) for item in tree.items] for tree in site.root.subtrees}


class Ledger(SphinxDirective):
    """What the directives share: pages that hold one are read last and again in every build."""

    has_content = False

    def run(self):
        if not hasattr(self.env, "ibias_ledger_pages"):
            self.env.ibias_ledger_pages = set()
        self.env.ibias_ledger_pages.add(self.env.docname)
        return self.make(ledger(self.env))

    def read(self, text: str) -> list[nodes.Node]:
        holder = nodes.Element()
        self.state.nested_parse(
            StringList(text.splitlines(), source="ledger"), self.content_offset, holder
        )
        return holder.children

    def table(
        self, heads: list[str], rows: list[tuple[str, list[str]]], widths: list[int], name: str
    ) -> nodes.Node:
        """A table whose cells are Markdown; each row brings classes of its own."""
        table = nodes.table(classes=["ibias-ledger", name])
        group = nodes.tgroup(cols=len(heads))
        table += group
        group += [nodes.colspec(colwidth=w) for w in widths]
        head, body = nodes.thead(), nodes.tbody()
        head += nodes.row("", *(nodes.entry("", nodes.paragraph(h, h)) for h in heads))
        for kind, cells in rows:
            body += nodes.row(
                "", *(nodes.entry("", *self.read(c)) for c in cells), classes=kind.split()
            )
        group += [head, body]
        return table


class VerdictTable(Ledger):
    """```{verdict-table}```: per part of the book the statements of the paper and ours, then what
    is neither under headings of its own."""

    def short(self, page: str) -> str:
        """The page's title up to its colon."""
        title = self.env.titles.get(page)
        return title.astext().partition(":")[0] if title is not None else page

    def make(self, found):
        listed = {
            caption: [(page, c) for page in pages for c in found.get(page, [])]
            for caption, pages in parts(self.env).items()
        }
        made = []
        for caption, here in listed.items():
            if any(c.kind in HEADINGS for _, c in here):
                section = self.section(caption)
                section += [self.of_kind(here, kind, caption) for kind in HEADINGS]
                made.append(section)
        everything = [row for here in listed.values() for row in here]
        made += [self.of_kind(everything, kind) for kind in APART]
        kept = [section for section in made if isinstance(section, nodes.section)]
        return kept or self.read("No notebook has made a claim yet.")

    def section(self, title: str, above: str = "") -> nodes.section:
        return nodes.section(
            "", nodes.title(title, title), ids=[nodes.make_id(f"verdicts {above} {title}")]
        )

    def of_kind(self, here: list[tuple[str, Claim]], kind: str, above: str = "") -> nodes.Node:
        """A section with the claims of one kind among `here`; an empty comment without any."""
        chosen = [(page, c) for page, c in here if c.kind == kind]
        if not chosen:
            return nodes.comment()
        section = self.section((HEADINGS | APART)[kind], above)
        section += self.read(sentence([c for _, c in chosen]))
        rows = [
            (
                f"verdict-{c.slug} kind-{c.kind} chapter-{nodes.make_id(page.split('/')[-1])}",
                [
                    f"**{MARKS[c.verdict]} {c.verdict}**",
                    _told(c),
                    f"{{ref}}`{self.short(page)} <claim-{c.id}>`",
                ],
            )
            for page, c in chosen
        ]
        table = self.table(["Verdict", "Claim", "Evidence"], rows, [16, 66, 18], "ibias-verdicts")
        for row, (_, c) in zip(table.next_node(nodes.tbody), chosen, strict=True):
            row["ids"].append(f"row-{c.id}")
            last = row[-1].next_node(nodes.paragraph)
            last += [
                nodes.Text(" "),
                nodes.reference(
                    "", "link", internal=True, refid=f"row-{c.id}", classes=["ibias-permalink"]
                ),
            ]
        section += table
        return section


HEADINGS = {"paper": "The paper's statements", "ours": "Our own statements"}
APART = {"self-check": "Self-checks", "expectation": "Expectations"}


def _told(c: Claim) -> str:
    facts = [f"*But:* {c.caveat}"] if c.caveat else []
    facts += [f"{c.where}.", c.tested]
    title = "the caveat, and how tested" if c.caveat else "how tested"
    fold = "\n\n".join([f"<details><summary>{title}</summary>", *facts, "</details>"])
    return typeset(f"{c.sentence}\n\n{fold}")


SAID = dict(
    zip(
        VERDICTS,
        (
            ("hold", "holds"),
            ("hold with a caveat", "holds with a caveat"),
            ("are vacuous", "is vacuous"),
            ("are contradicted", "is contradicted"),
            ("are not reproduced", "is not reproduced"),
            ("are not tested", "is not tested"),
        ),
        strict=True,
    )
)
"""Verdict -> what several claims do, what one does."""


def sentence(found: list[Claim]) -> str:
    """The counts as a sentence."""
    said = [f"{n} {SAID[v][n == 1]}" for v, n in claims.count(found).items() if n]
    many = "1 claim" if len(found) == 1 else f"{len(found)} claims"
    return f"{many}: {', '.join(said)}." if found else "No claims yet."


class VerdictCounts(Ledger):
    """```{verdict-counts}```: the counts by verdict as two rows of numbers, the papers' statements
    and ours, and a sentence about what is neither."""

    def make(self, found):
        kinds = claims.by_kind(c for page in found.values() for c in page)
        made: list[nodes.Node] = []
        for kind, heading in (("paper", "The papers' statements"), ("ours", HEADINGS["ours"])):
            made += self.read(f"{heading} ({len(kinds[kind])}):")
            made.append(self.row(kind, kinds[kind]))
        apart = [f"{len(kinds[kind])} {heading.lower()}" for kind, heading in APART.items()]
        red = sum(c.verdict in ("contradicted", "not reproduced") for c in kinds["expectation"])
        return made + self.read(
            f"Counted apart: {' and '.join(apart)}, of which {red} did not come true."
        )

    def row(self, kind: str, chosen: list[Claim]) -> nodes.bullet_list:
        """A card a verdict; each leads to the list of exactly those claims."""
        box = nodes.bullet_list(classes=["ibias-counts"])
        # as a query: the theme's script takes what follows a # for the name of an element
        uri = self.env.app.builder.get_relative_uri(self.env.docname, "book/verdicts")
        verdicts = uri or "verdicts.html"
        for verdict, n in claims.count(chosen).items():
            if verdict == claims.NOT_TESTED and not n:
                continue  # only a build without the papers' own data has any
            slug = verdict.replace(" ", "-")
            link = nodes.reference(
                "", "", internal=True, refuri=f"{verdicts}?kind={kind}&verdict={slug}"
            )
            link += [nodes.strong("", str(n)), nodes.Text(f" {verdict}")]
            box += nodes.list_item("", nodes.paragraph("", "", link), classes=[f"verdict-{slug}"])
        return box


class FigureTable(Ledger):
    """```{figure-table}```: every figure with the command that makes it again."""

    def make(self, found):
        figures = getattr(self.env, "ibias_figures", {})
        rows = [
            ("ibias-figure-row", [f"{{numref}}`{id}`", f"{{doc}}`/{page}`", f"`ibias verify {id}`"])
            for pages in parts(self.env).values()
            for page in pages
            for id in figures.get(page, [])
        ]
        return (
            [self.table(["Figure", "Page", "Make it again"], rows, [20, 50, 30], "ibias-figures")]
            if rows
            else self.read("No figures yet.")
        )


def read_last(app, env, docnames):
    """The ledger's pages after those that fill it."""
    pages = getattr(env, "ibias_ledger_pages", set()) | {d for d in docnames if _mentions(env, d)}
    docnames[:] = [d for d in docnames if d not in pages] + [d for d in docnames if d in pages]


def _mentions(env, docname: str) -> bool:
    path = Path(env.doc2path(docname))
    return path.suffix == ".md" and any(
        f"{{{d}}}" in path.read_text(encoding="utf-8") for d in DIRECTIVES
    )


def outdated(app, env, added, changed, removed):
    return getattr(env, "ibias_ledger_pages", set()) & env.found_docs


def purge(app, env, docname):
    for name in ("ibias_claims", "ibias_figures"):
        getattr(env, name, {}).pop(docname, None)
    getattr(env, "ibias_ledger_pages", set()).discard(docname)


def check(app, env):
    wanted = claims.expected(Path(app.srcdir) / EXPECTED)
    for page, said in claims.differences(ledger(env), wanted):
        log.warning(
            said, location=page if page in env.found_docs else None, type="ibias", subtype="verdict"
        )


DIRECTIVES = {
    "verdict-table": VerdictTable,
    "verdict-counts": VerdictCounts,
    "figure-table": FigureTable,
}


def setup(app):
    for name, directive in DIRECTIVES.items():
        app.add_directive(name, directive)
    app.connect("env-before-read-docs", read_last)
    app.connect("env-get-outdated", outdated)
    app.connect("env-purge-doc", purge)
    app.connect("env-check-consistency", check)
    # before Sphinx collects the headings for the table of contents
    app.connect("doctree-read", closing.close, priority=400)
    numbering.connect(app)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
