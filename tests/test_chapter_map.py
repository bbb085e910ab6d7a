"""The map of the front page: its times come from the pages, and it leads everywhere it says."""

import re

import pytest
from built_book import BUILT, HTML
from docutils import nodes
from ibias_book.sphinx import chapter_map

try:
    from bs4 import BeautifulSoup
except ImportError:  # comes with the book
    BeautifulSoup = None


def page(*parts):
    document = nodes.section()
    document += list(parts)
    return document


def text(words, formulas=0):
    made = nodes.paragraph("", " ".join(["word"] * words))
    made += [nodes.math("", "x") for _ in range(formulas)]
    return made


def test_minutes_are_counted_from_words_and_formulas():
    assert chapter_map.minutes(page(text(2000))) == 10
    assert chapter_map.minutes(page(text(2000, formulas=60))) == 12
    assert chapter_map.minutes(page(text(2000), *[nodes.math_block("", "x")] * 6)) == 12
    assert chapter_map.minutes(page(text(5))) == 1
    # evidence under a claim and the cells of a table are looked up, not read
    aside = nodes.field_list("", nodes.field("", nodes.field_body("", text(4000))))
    assert chapter_map.minutes(page(text(2000), aside)) == 10


@pytest.mark.skipif(BeautifulSoup is None, reason="no BeautifulSoup")
class TestBuilt:
    pytestmark = BUILT[:1]

    def test_every_row_says_for_whom_and_how_long(self):
        soup = BeautifulSoup((HTML / "book" / "intro.html").read_text("utf-8"), "html.parser")
        rows = soup.select("table.ibias-map tbody tr")
        assert len(rows) > 10
        for who, question, pages in (row.find_all("td") for row in rows):
            assert who.get_text(strip=True) and question.get_text(strip=True).endswith(("?", ")"))
            for line in pages.find_all("p"):
                assert line.find("a")
                assert re.search(r"\(\d+ min(, \d+ s)?\)$", line.get_text(strip=True))
