"""A lemma, theorem, section, chapter or figure that a text names is a link to its place here.

Sentences of the prose, cells of tables, captions and boxes of claims say "Lemma C.12", "Sections
4.2 and 4.3" or "Figure 1" as the paper does; such a mention becomes a link wherever it stands.
What has no place in the book, as a theorem of another version, stays text, and so does what names
the place it stands in. Part of the Sphinx extension `ibias_book.sphinx`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from docutils import nodes

from .numbering import chapter

Place = tuple[str, str]
"""A page and the id of an element on it."""
NUMBER = r"(?:[A-Z]{1,2}\d?|\d+)(?:\.\d+)*(?![\w]|\.\d)"
WORDS = (
    "Lemma|Theorem|Corollar|Proposition|Remark|Definition|Assumption"
    "|Section|[Cc]hapter|Appendi|Figure"
)
MENTION = re.compile(
    rf"\b(?P<word>{WORDS})(?:s|y|ies|x|ces)?[ \n](?P<first>{NUMBER})"
    rf"(?:(?:, and |, | and | to |-|–)(?:{NUMBER}))*"
    r"|(?<![\w.])(?P<bare>[A-Z]\.\d+)(?!\w|\.\d)"
)
OTHER_PAPERS = re.compile(r"^[MB]\d$")
"""Chapters on papers that count their own theorems: there a number without a letter is not ours."""
SKIPPED = (nodes.reference, nodes.title, nodes.literal, nodes.literal_block, nodes.raw, nodes.math)


def places(env) -> dict[str, Place]:
    """What can be named -> where it stands: "Lemma C.12" under "C.12", "chapter 5" under
    "chapter 5", "Figure 1" under "Figure 1"."""
    found: dict[str, Place] = {}
    for page in sorted(env.found_docs):
        label = chapter(page)
        if label:
            found[f"chapter {label}"] = page, ""
            if len(label) == 2 and label.isalpha():  # DG holds the appendices D, E, F and G
                letters = range(ord(label[0]), ord(label[1]) + 1)
                found |= {f"chapter {chr(c)}": (page, "") for c in letters}
    labels = env.get_domain("std").anonlabels
    for name, (page, id, *_) in labels.items():
        if name.startswith("stmt-"):
            found[name.removeprefix("stmt-").replace("-", ".").upper()] = page, id
        if re.fullmatch(r"fig-\d", name):
            found[f"Figure {name[-1]}"] = page, id
    for page, own in getattr(env, "ibias_statements", {}).items():
        found |= {number: (page, id) for id, number in own.items()}
    return found


def place(word: str, number: str, known: Mapping[str, Place]) -> Place | None:
    """Where "Section 4.2" or "Lemma C.12" stands, or None; a section that is no chapter of its own
    stands in the chapter that holds it."""
    if word == "Figure":
        return known.get(f"Figure {number}")
    if word in ("Section", "Appendi", "Chapter", "chapter", "Assumption"):
        own = known.get(number) if word == "Assumption" else known.get(f"chapter {number}")
        up = f"chapter {number.rpartition('.')[0]}"
        return own or known.get(up) or known.get(f"chapter {number}.1") or _appendix(number, known)
    return known.get(number)


def _appendix(letter: str, known: Mapping[str, Place]) -> Place | None:
    """The page of an appendix's first statement, where no chapter bears its letter."""
    first = known.get(f"{letter}.1")
    return first and (first[0], "")


def pieces(text: str, known: Mapping[str, Place], plain: bool = True) -> Iterator[tuple]:
    """`text` in order as (part, its place or None). Without `plain` a number that has no letter is
    another paper's, and so is every appendix."""
    at = 0
    for mention in MENTION.finditer(text):
        word = mention["word"]
        numbers = list(re.finditer(NUMBER, mention[0]))
        start = mention.start()
        for number in numbers:
            lettered = number[0][0].isalpha() and word != "Appendi"
            letters = lettered or word in ("Chapter", "chapter")
            where = known.get(number[0]) if not word else place(word, number[0], known)
            if where is None or not (letters or plain):
                continue
            begin = start if number is numbers[0] else mention.start() + number.start()
            end = mention.start() + number.end()
            if begin > at:
                yield text[at:begin], None
            yield text[begin:end], where
            at = end
    if at < len(text):
        yield text[at:], None


def _ids(node: nodes.Node) -> set[str]:
    """Of the node and everything it lies in."""
    found: set[str] = set()
    while node is not None:
        found |= set(getattr(node, "attributes", {}).get("ids", ()))
        node = node.parent
    return found


def _linked(app, page: str, text: nodes.Text, known: Mapping[str, Place]) -> list[nodes.Node]:
    plain, inside, made = not OTHER_PAPERS.match(chapter(page)), _ids(text.parent), []
    for part, where in pieces(text.astext(), known, plain):
        if where is None or where[1] in inside or where == (page, ""):
            made.append(nodes.Text(part))
        else:
            address = app.builder.get_relative_uri(page, where[0])
            address = f"{address}#{where[1]}" if where[1] else address
            made.append(nodes.reference("", part, internal=True, refuri=address))
    return made


def _skipped(node: nodes.Node) -> bool:
    """Whether a text in `node` leads somewhere already, or is a heading, code or mathematics."""
    while node is not None:
        if isinstance(node, SKIPPED) and not isinstance(node.parent, nodes.table):
            return True  # the title of a table is its caption
        node = node.parent
    return False


def link(app, doctree, page):
    """Every mention on a page, before it is written."""
    known = places(app.env)
    for text in list(doctree.findall(nodes.Text)):
        if MENTION.search(text) and not _skipped(text.parent):
            text.parent.replace(text, _linked(app, page, text, known))


def setup(app):
    app.connect("doctree-resolved", link)
