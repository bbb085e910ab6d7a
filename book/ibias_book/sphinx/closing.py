"""The end of a chapter: its claims with their verdicts, drawn from the boxes further up. Part of
the extension `ibias_book.sphinx`."""

from __future__ import annotations

from docutils import nodes

from ..claims import VERDICTS, Claim

MARKS = dict(zip(VERDICTS, ("✓", "◐", "∅", "✗", "✗", "–"), strict=True))
TITLE = "Verdicts of this chapter"
WHERE = ("The paper says", "We derive", "Where")
"""Heads of the field that says where a claim stands."""


def close(app, doctree):
    """Append the list to a page that makes claims."""
    found = getattr(app.env, "ibias_claims", {}).get(app.env.docname, [])
    chapter = next(iter(doctree.findall(nodes.section)), None)
    if found and chapter is not None:
        boxes = {id: box for box in doctree.findall(nodes.admonition) for id in box["ids"]}
        ending = nodes.section(
            "",
            nodes.title(TITLE, TITLE),
            ids=["verdicts-of-this-chapter"],
            classes=["ibias-closing"],
        )
        ending += nodes.bullet_list(
            "", *(line(claim, boxes[f"claim-{claim.id}"]) for claim in found)
        )
        chapter += ending


def line(claim: Claim, box: nodes.admonition) -> nodes.list_item:
    """Verdict, sentence, and the claim's place in the paper as a link to its box and the evidence
    above it."""
    sentence = box.next_node(nodes.paragraph)
    where = next(field for field in box.findall(nodes.field) if field[0].astext() in WHERE)[
        1
    ].next_node(nodes.paragraph)
    link = nodes.reference(
        "", "", *copied(where, links=False), internal=True, refid=f"claim-{claim.id}"
    )
    verdict = nodes.strong("", f"{MARKS[claim.verdict]} {claim.verdict}")
    said = nodes.paragraph(
        "", "", verdict, nodes.Text(": "), *copied(sentence), nodes.Text(" "), link
    )
    return nodes.list_item("", said, classes=[f"verdict-{claim.slug}"])


def copied(paragraph: nodes.paragraph, links: bool = True) -> list[nodes.Node]:
    """The inline content once more, without the ids that must be unique; without `links` also
    without what leads elsewhere."""
    twin = paragraph.deepcopy()
    for node in list(twin.findall(nodes.Element)):
        node["ids"] = []
        if not links and node.tagname in ("reference", "pending_xref"):
            node.replace_self(node.children)
    return twin.children
