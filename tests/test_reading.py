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
