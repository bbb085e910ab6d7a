"""What a reader meets in the sources of the pages: code that fits its box."""

import re
from pathlib import Path

import jupytext
import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*(ROOT / "book").glob("*.md"), *(ROOT / "notebooks").glob("*.py")])
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
COLUMNS = 80  # what a page of 1280 pixels holds; see notebooks/ruff.toml for the code cells


def prose(page: Path) -> str:
    """The Markdown of a page."""
    if page.suffix == ".md":
        return page.read_text(encoding="utf-8")
    cells = jupytext.read(page).cells
    return "\n\n".join(c.source for c in cells if c.cell_type == "markdown")


def code_blocks(page: Path) -> list[str]:
    """The code that a page shows outside its cells: fences, and files that it includes. What a
    program prints at a prompt is wrapped by the page's style."""
    text = prose(page)
    blocks = re.findall(r"^```(?:python|ipython|bash|text)\n(.*?)^```", text, re.M | re.S)
    named = re.findall(r"^```\{literalinclude\} (\S+)\n((?::.*\n)*)", text, re.M)
    for name, options in named:
        whole = (page.parent / name).read_text(encoding="utf-8")
        function = re.search(r":pyobject: (\w+)", options)
        if function:
            whole = re.search(rf"^def {function[1]}\(.*?(?=^\S|\Z)(?<!\))", whole, re.M | re.S)[0]
        blocks.append(whole)
    return blocks


@each_page
def test_no_line_of_code_is_cut(page):
    wide = [s for block in code_blocks(page) for s in block.splitlines() if len(s) > COLUMNS]
    assert wide == []


STARTS = {
    "01_introduction": ("Jichu Li, Xuan Tang and Difan Zou", "2602.11557"),
    "M1_homogeneous_theory": ("Eitan Gronich and Gal Vardi", "2602.16340"),
    "B1_fluctuating_theory": ("Aleksandr Beznosikov", "2605.22644"),
}


@pytest.mark.parametrize("start", STARTS)
def test_a_part_begins_with_its_paper(start):
    (page,) = [page for page in PAGES if page.stem == start]
    box = re.search(r":::\{admonition\} The paper of this part\n(.*?)\n:::", prose(page), re.S)
    assert all(said in box[1] for said in STARTS[start])


LONG = 2_000
"""Words of prose: ten minutes at two hundred a minute."""


@each_page
def test_a_long_chapter_says_it_in_one_minute(page):
    if page.suffix == ".py" and len(prose(page).split()) > LONG:
        assert "{admonition} In one minute" in prose(page)
