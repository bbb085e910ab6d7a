"""The filter of the Verdicts page, in a book opened from a folder."""

import pytest
from built_book import BUILT, close, opened

pytestmark = BUILT
ROWS = "table.ibias-verdicts tbody > tr"


@pytest.fixture
def visit(browser):
    pages = []

    def go(path="book/verdicts", **options):
        pages.append(opened(browser, path, **options))
        pages[-1].scripted = options.get("java_script_enabled", True)  # else scripts are refused
        return pages[-1]

    yield go
    for page in pages:
        close(page)
    assert [page.errors for page in pages if page.scripted and page.errors] == []


def visible(page):
    return page.locator(f"{ROWS}:visible").count()


def test_each_choice_narrows_the_list_and_the_count_follows(visit):
    page = visit()
    everything = visible(page)
    page.locator("select[name=kind]").select_option("paper")
    papers = page.locator(f"{ROWS}.kind-paper").count()
    assert visible(page) == papers < everything
    assert page.get_by_role("status").inner_text().startswith(f"{papers} of {everything} claims")
    page.locator("select[name=verdict]").select_option("vacuous")
    assert visible(page) == page.locator(f"{ROWS}.kind-paper.verdict-vacuous").count() > 0
    assert page.url.endswith("#kind=paper&verdict=vacuous")
    page.locator("select[name=verdict]").select_option("")
    page.locator("select[name=kind]").select_option("")
    page.locator("select[name=chapter]").select_option(index=1)
    assert 0 < visible(page) < everything
    # a heading with nothing under it is gone as well
    assert page.locator("article section:visible:has(table)").count() > 0
    assert not page.evaluate(
        "() => [...document.querySelectorAll('table.ibias-verdicts')].some(t =>"
        " t.checkVisibility() && ![...t.rows].some(r => r.parentElement.tagName === 'TBODY' && !r.hidden))"
    )


def test_red_ones_first(visit):
    page = visit()
    page.locator("select[name=sort]").select_option("verdict")
    first = page.evaluate(
        "() => [...document.querySelectorAll('table.ibias-verdicts')].map(t => [...t.tBodies[0].rows].map(r =>"
        " ['not-reproduced', 'contradicted', 'not-tested', 'vacuous', 'holds-with-a-caveat', 'holds']"
        ".findIndex(v => r.classList.contains('verdict-' + v))))"
    )
    assert all(ranks == sorted(ranks) for ranks in first)
    assert any(len(set(ranks)) > 1 for ranks in first)


def test_a_card_of_the_front_page_leads_to_what_it_counts(visit):
    page = visit("book/intro")
    card = page.locator("ul.ibias-counts a").nth(1)
    count = int(card.locator("strong").inner_text())
    card.click()
    page.wait_for_url("**/verdicts.html?kind=paper&verdict=holds-with-a-caveat")
    page.get_by_role("status").wait_for()
    assert visible(page) == count


def test_every_row_and_every_box_has_a_visible_link_to_itself(visit):
    page = visit()
    assert page.locator(f"{ROWS} a.ibias-permalink:visible").count() == page.locator(ROWS).count()
    address = page.locator(f"{ROWS} a.ibias-permalink").nth(3).get_attribute("href")
    page.goto(page.url.split("#")[0] + address)
    assert page.locator(address).is_visible()
    assert page.locator(f"{address} details[open]").is_visible()  # and shows how it was tested
    chapter = visit("notebooks/05_experiment")
    boxes = chapter.locator("div.ibias-claim").count()
    assert chapter.locator("div.ibias-claim a.ibias-permalink:visible").count() == boxes > 0


def test_without_javascript_it_is_the_whole_list(visit):
    page = visit(java_script_enabled=False)
    assert page.locator(f"{ROWS}:visible").count() == page.locator(ROWS).count() > 50
    assert page.locator("form.ibias-filter").count() == 0


@pytest.mark.parametrize("width, rows", [(1280, 3), (390, 9)])
def test_a_claim_takes_few_lines(visit, width, rows):
    """The page was 160 pixels a claim: a list to be scrolled, not to be read."""
    heights = visit(width=width).evaluate(
        f"() => [...document.querySelectorAll('{ROWS}')].map(r => r.offsetHeight)"
    )
    line = 0.86 * 16 * 1.4  # see ibias.css
    assert sorted(heights)[len(heights) // 2] < rows * line + 16
