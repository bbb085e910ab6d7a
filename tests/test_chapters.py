"""How chapters are numbered, and the verdicts that end them."""

import re
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pytest
from docutils import nodes
from docutils.utils import new_document
from ibias_book.claims import Claim
from ibias_book.sphinx import closing, ledger, mentions, numbering

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


# --- what a text names is a link -----------------------------------------------------------------

KNOWN = {
    "C.12": ("notebooks/C", "stmt-c-12"),
    "4.2": ("notebooks/04_1", "stmt-4-2"),
    "V": ("notebooks/V", "stmt-v"),
    "H.1": ("notebooks/04_4", "stmt-h-1"),
    "Figure 1": ("notebooks/05", "fig-1"),
    **{f"chapter {c}": (f"notebooks/{c}", "") for c in ("3", "4.1", "4.2", "5", "B2", "D", "R")},
}


@pytest.mark.parametrize(
    "text, linked",
    [
        ("by Lemma C.12 of it", ["Lemma C.12"]),
        ("Sections 3 and 4.2, say", ["Sections 3", "4.2"]),
        ("Section 3.1, or Section 4", ["Section 3.1", "Section 4"]),
        ("Corollary 4.2 and Lemma V.", ["Corollary 4.2", "Lemma V"]),
        ("Appendix H and Appendix D", ["Appendix H", "Appendix D"]),
        ("chapters B2 and R", ["chapters B2", "R"]),
        ("the data of C.12's proof", ["C.12"]),
        ("Figure 1 (a)-(b), Figure 1a", ["Figure 1"]),
        ("Theorem 4.10, Theorem 4.9 and D.9", []),
        ("figure 1, a section 4 and 4.2 s", []),
    ],
)
def test_what_is_named_is_found(text, linked):
    made = list(mentions.pieces(text, KNOWN))
    assert "".join(part for part, _ in made) == text
    assert [part for part, where in made if where] == linked


def test_another_papers_numbers_are_not_ours():
    text = "Theorem 4.2, Lemma C.12, Figure 1, chapter 5, Appendix D, Appendix H.1"
    made = mentions.pieces(text, KNOWN, plain=False)
    assert [part for part, where in made if where] == ["Lemma C.12", "chapter 5"]


def test_headings_code_and_links_are_left_alone(monkeypatch):
    document = new_document("page")
    table = nodes.table("", nodes.title("", "Lemma C.12 in numbers"))
    paragraph = nodes.paragraph("", "", nodes.literal("", "Lemma C.12"))
    paragraph += nodes.reference("", "Lemma C.12", refuri="elsewhere")
    paragraph += nodes.Text(" and Lemma C.12")
    section = nodes.section("", nodes.title("", "Lemma C.12"), table, paragraph, ids=["top"])
    document += [section, nodes.section("", nodes.paragraph("", "C.12"), ids=["stmt-c-12"])]
    builder = SimpleNamespace(get_relative_uri=lambda here, there: f"{there}.html")
    monkeypatch.setattr(mentions, "places", lambda env: KNOWN)
    mentions.link(SimpleNamespace(env=None, builder=builder), document, "notebooks/X")
    made = [link for link in document.findall(nodes.reference) if link["refuri"] != "elsewhere"]
    assert [link.astext() for link in made] == ["Lemma C.12", "Lemma C.12"]
    assert made[0].parent.parent is table, "the title of a table is a caption"
    assert {link["refuri"] for link in made} == {"notebooks/C.html#stmt-c-12"}


class _Running(HTMLParser):
    """The text of a page outside links, headings, heads of folds, code and mathematics."""

    def __init__(self, html):
        super().__init__()
        self.open, self.text = [], []
        self.feed(html[html.index("<article") : html.index("</article>")])

    def handle_starttag(self, tag, attrs):
        if tag not in ("br", "img", "input", "wbr", "hr", "link", "meta"):
            self.open.append((tag, (dict(attrs).get("class") or "").split()))
            self.text.append("\n" if tag in ("p", "li", "td", "th", "dd", "dt", "div") else "")

    def handle_endtag(self, tag):
        if tag in (t for t, _ in self.open):
            while self.open.pop()[0] != tag:
                pass

    def handle_data(self, data):
        apart = {"a", "code", "pre", "script", "style", "h1", "h2", "h3", "h4", "summary"}
        marked = {"math", "admonition-title", "caption-number"}
        inside = any(tag in apart or marked & set(classes) for tag, classes in self.open)
        self.text.append("\0" if inside else data)


# of version 2; an equation's number; names of data sets; of a paper that is named beside it
NO_PLACE = {"Theorem 4.10", "D.9", "Proposition\nX", "X.5", "Appendix A"}
HERE = re.compile(r"Section|[Cc]hapter|Appendi|Assumption")


@pytest.mark.skipif(not PAGES, reason="the book is not built; run `make book`")
@pytest.mark.parametrize(
    "page", [*PAGES, *sorted((HTML / "book").glob("*.html"))], ids=lambda page: page.stem
)
def test_what_a_built_page_names_leads_there(page):
    """Left without a link: what has no place here, a chapter on its own page, and a statement in
    its own section."""
    html = page.read_text(encoding="utf-8")
    own, left = numbering.chapter(page.stem), []
    for mention in mentions.MENTION.finditer("".join(_Running(html).text)):
        number = re.search(mentions.NUMBER, mention[0])[0]
        slug = number.lower().replace(".", "-")
        ids = {f'id="stmt-{slug}"', f'id="stmt-{slug}-1"', f'id="fig-{slug}"'}
        home = bool(own) and (number[0] in own or number.startswith(own))
        at_home = (home and HERE.match(mention[0])) or any(id in html for id in ids)
        # a chapter on another paper names that paper's sections and figures
        theirs = mentions.OTHER_PAPERS.match(own) and number[0].isdigit()
        if mention[0] not in NO_PLACE and not at_home and not theirs:
            left.append(mention[0])
    assert left == []
