"""What ends a computed chapter: citations, the command that runs it, its notebook as a file."""

import json
from pathlib import Path

import pytest
from built_book import BUILT, ROOT, close, opened

pytestmark = BUILT


@pytest.fixture
def page(browser):
    page = opened(browser, "notebooks/B2_networks")
    yield page
    assert page.errors == []
    close(page)


def test_the_notebook_is_saved_from_a_folder(page):
    fold = page.locator("details.ibias-furniture")
    fold.locator("summary").click()
    with page.expect_download() as download:
        fold.locator("a[download]").click()
    assert download.value.suggested_filename == "B2_networks.ipynb"
    saved = json.loads(Path(download.value.path()).read_text("utf-8"))
    committed = json.loads((ROOT / "notebooks/B2_networks.ipynb").read_text("utf-8"))
    assert saved == committed


def test_the_chapter_names_its_paper_and_the_command_that_runs_it(page):
    fold = page.locator("details.ibias-furniture")
    fold.locator("summary").click()
    text = fold.inner_text()
    assert "2605.22644" in text and "Ignashin" in text  # the paper of this part, not the first one
    assert "ibias reproduce B2_networks" in text and "B2" in text
    assert fold.locator("button.copybtn").count() == 3
