"""One case per numbered statement of arXiv:2602.11557, each on its random, adversarial and recorded
cases."""

import re
from pathlib import Path

import numpy as np
import pytest
from ibias_book.steepest.statements import CATALOG, Bound, statement

ROOT = Path(__file__).parents[1]
NUMBERS = [
    "MAP",
    *(f"C.{i}" for i in range(1, 16)),
    "M",
    *(f"{letter}.{i}" for letter in "DEFG" for i in range(1, 6)),
    *(f"4.{i}" for i in range(1, 10)),
    *(f"H.{i}" for i in range(1, 5)),
    *(f"I.{i}" for i in range(1, 4)),
    "V",
    *(f"X.{i}" for i in range(1, 6)),
    "R",
]


def test_every_numbered_statement_is_in_the_catalog_once():
    assert sorted(s.id for s in CATALOG) == sorted(NUMBERS)


@pytest.mark.parametrize("number", NUMBERS)
def test_statement(number):
    found = statement(number).bounds()
    violated = {b.name: b.violations() for b in found if b.violations()}
    assert not violated, f"{number} fails on some cases: {violated}"
    assert not [b.name for b in found if "|" in b.name], (
        "names stand in the book's tables, where a bar begins the next column"
    )


@pytest.mark.parametrize("number", NUMBERS)
def test_statement_sees_at_least_a_thousand_cases(number):
    assert statement(number).cases >= 1000


@pytest.mark.parametrize("number", NUMBERS)
def test_statement_fails_when_tightened_below_its_worst_ratio(number):
    for bound in statement(number).bounds():
        assert bound.violations(bound.too_tight) > 0, (
            f"{bound.name}: rhs * {bound.too_tight} should be violated"
        )


def test_a_false_statement_is_caught():
    bound = Bound("sum norm below the max norm", np.array([1.0, 3.0]), np.array([1.0, 2.0]))
    assert bound.violations() == 1 and bound.slack == 1.5


def test_every_statement_has_one_place_in_the_book():
    pages = [*ROOT.glob("notebooks/*.py"), *ROOT.glob("book/**/*.md")]
    text = "\n".join(page.read_text() for page in pages)
    places = re.findall(
        r"^(?:# )?\((stmt-[a-z0-9-]+)\)=$|^(?:# )?:label: (stmt-[a-z0-9-]+)$", text, flags=re.M
    )
    found = sorted(a or b for a, b in places)
    assert found == sorted(s.label for s in CATALOG)
