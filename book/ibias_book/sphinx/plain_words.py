"""What a program writes plainly is written on the page as in print: 2·10⁻¹⁴ for 2e-14, ℓ₂ for l2,
"Schatten 4" for schatten:4, and the formulas in the cells of tables.

A table is made from data whose names and numbers other programs read, and a notebook shows them in
a terminal as well; so they change here, on their way to the page. Code keeps its names. Part of the
Sphinx extension `ibias_book.sphinx`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from docutils import nodes

from .. import words
from .typeset import GREEK, typeset

KEPT = (nodes.literal, nodes.literal_block, nodes.raw, nodes.math, nodes.math_block)
TYPED = "book/command_line"
"""The page of what one types: there the names of norms are options."""
NUMBER = re.compile(r"(?<![\w.])(?<!\w-)(\d+(?:\.\d+)?)e([+-]?)0*(\d+)(?!\w)")
NORM = re.compile(r"(?<![\w.-])(?:frobenius|(?:schatten|entrywise):\d+(?:\.\d+)?)(?![\w:])")
LENGTHS = {"l-infinity": "ℓ∞", "linf": "ℓ∞", "l2": "ℓ₂", "l1": "ℓ₁"}
LENGTH = re.compile(rf"(?<![\w.-])(?:{'|'.join(LENGTHS)})(?![\w-])")
FORMULA = re.compile(rf"<=|>=|\^|‖|[A-Za-z]_\w|(?<![\w-])(?:{GREEK})(?![\w-])")
IDENTIFIER = re.compile(r"[\w./:-]*")
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def printed(text: str) -> str:
    """`text` with its numbers, norms and lengths as in print."""
    text = NUMBER.sub(_power, text)
    text = NORM.sub(lambda found: words.norm(found[0]), text)
    text = LENGTH.sub(lambda found: LENGTHS[found[0]], text)
    return text.replace("<=", "≤").replace(">=", "≥")


def _power(found: re.Match) -> str:
    power = found[3].translate(RAISED)
    ten = f"10{'⁻' if found[2] == '-' else ''}{power}"
    return ten if found[1] == "1" else f"{found[1]}·{ten}"


def pieces(text: str) -> Iterator[nodes.Node]:
    """A cell of a table, its formulas as mathematics; "(iv)" before them counts, and is none."""
    count, formulas = re.fullmatch(r"(\([ivx]+\) )?(.*)", text, re.S).groups(default="")
    for part in (count, *re.split(r"(\$[^$]+\$)", typeset(formulas))):
        if part.startswith("$"):
            yield nodes.math("", part[1:-1])
        elif part:
            yield nodes.Text(printed(part))


def _inside(node: nodes.Node, kinds) -> bool:
    while node is not None:
        if isinstance(node, kinds):
            return True
        node = node.parent
    return False


def rewrite(app, doctree, page):
    """Every text of a page but code and what one types, before it is written."""
    if page == TYPED:
        return
    formulas = app.env.get_domain("math").has_equations(page)
    for text in list(doctree.findall(nodes.Text)):
        if _inside(text.parent, KEPT):
            continue
        cell = formulas and _inside(text.parent, nodes.entry)
        if cell and FORMULA.search(text) and not IDENTIFIER.fullmatch(text):
            text.parent.replace(text, list(pieces(text.astext())))
        elif (made := printed(text.astext())) != text:
            text.parent.replace(text, nodes.Text(made))


def setup(app):
    app.connect("doctree-resolved", rewrite)
