"""How chapters are numbered, and the verdicts that end them."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from docutils import nodes
from docutils.utils import new_document
from ibias_book.claims import Claim
from ibias_book.sphinx import closing, ledger, numbering

HTML = Path(__file__).resolve().parents[1] / "_build" / "html"
PAGES = sorted((HTML / "notebooks").glob("*.html"))


@pytest.mark.parametrize(
    "page, label",
    [
        ("notebooks/04_1_large_batch", "4.1"),
        ("notebooks/05_experiment", "5"),
        ("notebooks/DG_recursion", "DG"),
        ("notebooks/M2_homogeneous_experiments", "M2"),
        ("notebooks/X_beyond", "X"),
        ("book/01_introduction", "1"),
        ("book/use_optimizers", ""),
        ("book/intro", ""),
    ],
)
def test_the_label_of_a_chapter(page, label):
    assert numbering.chapter(page) == label


def test_figures_are_counted_in_their_chapter_and_statements_bear_the_papers_number():
    counted = {
        "notebooks/05_experiment": {
            "figure": {"fig-1": (9,), "fig-1-set-two": (10,)},
            "table": {"t": (7,)},
        },
        "notebooks/C_lemmas": {"lemma": {"own": (4,), "c-7": (3,)}},
        "book/intro": {"figure": {"hero": (1,)}},
    }
    made = numbering.renumbered(counted, {"notebooks/C_lemmas": {"c-7": "C.7"}})
    assert made["notebooks/05_experiment"] == {
        "figure": {"fig-1": ("5", 1), "fig-1-set-two": ("5", 2)},
        "table": {"t": ("5", 1)},
    }
    assert made["notebooks/C_lemmas"] == {"lemma": {"own": ("C", 1), "c-7": ("C.7",)}}
    assert made["book/intro"] == {"figure": {"hero": (1,)}}
    assert counted["notebooks/05_experiment"]["figure"]["fig-1"] == (9,), (
        "Sphinx compares its own numbers with these"
    )


@pytest.mark.parametrize(
    "title, number, left",
    [
        (" (C.7: proxy and loss)", "C.7", " (proxy and loss)"),
        (" (4.9: per-sample bias (", "4.9", " (per-sample bias ("),
        (" (D.4 = Theorem 4.1: no momentum)", "D.4", " (= Theorem 4.1: no momentum)"),
        (" (MAP: the steepest step)", "MAP", " (the steepest step)"),
        (" (variance of an epoch)", None, " (variance of an epoch)"),
        (" (2 batches: the border)", None, " (2 batches: the border)"),
    ],
)
def test_the_papers_number_is_read_from_the_title(title, number, left):
    document = new_document("page")
    statement = type("lemma_node", (nodes.Admonition, nodes.Element), {})(
        "", nodes.title("", title), ids=["it"], countertype="lemma"
    )
    document += statement
    assert numbering.papers_numbers(document) == ({"it": number} if number else {})
    assert statement[0].astext() == left


def chapter(claims):
    """A page with one box a claim, as `render.ClaimMime` makes them."""
    document = new_document("page")
    top = nodes.section("", nodes.title("", "5 Experiment"), ids=["experiment"])
    for claim in claims:
        where = nodes.reference("", claim.where, refuri="elsewhere")
        facts = nodes.field_list(
            "",
            nodes.field(
                "",
                nodes.field_name("", "Where"),
                nodes.field_body("", nodes.paragraph("", "", where)),
            ),
        )
        sentence = nodes.paragraph(
            "", "", nodes.math("", "b=n", ids=["once"]), nodes.Text(claim.sentence)
        )
        top += nodes.admonition(
            "",
            nodes.title("", "Holds"),
            sentence,
            facts,
            ids=[f"claim-{claim.id}"],
            classes=["ibias-claim"],
        )
    document += top
    return document


def test_a_chapter_ends_with_its_verdicts():
    claims = [
        Claim("a", " gets there.", "Theorem 4.1", "t", "holds", "paper", "exact"),
        Claim("b", " does not.", "Figure 1", "t", "not reproduced", "ours", "exact"),
    ]
    document = chapter(claims)
    closing.close(
        SimpleNamespace(env=SimpleNamespace(docname="p", ibias_claims={"p": claims})), document
    )
    last = document[0][-1]
    assert [i.astext() for i in last.findall(nodes.list_item)] == [
        "✓ holds: b=n gets there. Theorem 4.1",
        "✗ not reproduced: b=n does not. Figure 1",
    ]
    # one link a line, to the evidence; what the box links to is not a link inside a link; nothing
    # bears an id twice
    assert [link["refid"] for link in last.findall(nodes.reference)] == ["claim-a", "claim-b"]
    assert not any(node["ids"] for node in last[1].findall(nodes.Element))
    assert [i["classes"] for i in last.findall(nodes.list_item)] == [
        ["verdict-holds"],
        ["verdict-not-reproduced"],
    ]


def test_a_page_without_claims_is_left_alone():
    document = chapter([])
    closing.close(SimpleNamespace(env=SimpleNamespace(docname="p")), document)
    assert len(document[0]) == 1


@pytest.mark.skipif(not PAGES, reason="the book is not built; run `make book`")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_claim_of_a_built_chapter_is_in_its_closing_list(page):
    text = page.read_text(encoding="utf-8")
    boxes = re.findall(r'<div class="[^"]*ibias-claim [^"]*" id="(claim-[^"]+)"', text)
    start = text.find('id="verdicts-of-this-chapter"')
    assert (start >= 0) == bool(boxes)
    assert re.findall(r'href="#(claim-[^"]+)"', text[start:] if boxes else "") == boxes
    assert "Fig. " not in text or f'caption-number">Fig. {numbering.chapter(page.stem)}.1 ' in text


# --- whose statements are counted where ----------------------------------------------------------


class _Plain:
    """What a directive asks of a page, without Sphinx."""

    env = SimpleNamespace(
        app=SimpleNamespace(
            builder=SimpleNamespace(get_relative_uri=lambda here, there: f"{there}.html")
        ),
        docname="p",
        titles={},
        config=SimpleNamespace(
            external_site_map=SimpleNamespace(
                root=SimpleNamespace(subtrees=[SimpleNamespace(caption="Part I", items=["p"])])
            )
        ),
    )

    def __init__(self):
        pass

    def read(self, text):
        return [nodes.paragraph(text, text)]


def test_statements_of_papers_ours_and_neither_stand_apart():
    kinds = {"a": "paper", "b": "ours", "c": "self-check", "d": "expectation"}
    found = {"p": [Claim(id, id, "w", "t", "holds", kind, "b") for id, kind in kinds.items()]}
    found["p"].append(Claim("e", "e", "w", "t", "contradicted", "expectation", "b"))

    class Table(_Plain, ledger.VerdictTable):
        pass

    class Counts(_Plain, ledger.VerdictCounts):
        pass

    made = Table().make(found)
    assert [section[0].astext() for section in made] == ["Part I", "Self-checks", "Expectations"]
    headings = [node.astext() for node in made[0].findall(nodes.title)]
    assert headings == ["Part I", "The paper's statements", "Our own statements"]
    assert len({id for s in made for node in s.findall(nodes.section) for id in node["ids"]}) == 5
    rows = [row for node in made for row in node.findall(nodes.row) if row["classes"]]
    assert len(rows) == 5
    counts = Counts().make(found)
    assert [len(node) for node in counts if isinstance(node, nodes.bullet_list)] == [5, 5]
    assert counts[-1].astext() == (
        "Counted apart: 1 self-checks and 2 expectations, of which 1 did not come true."
    )
