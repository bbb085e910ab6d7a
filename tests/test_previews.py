"""The cards beside links, in a book opened from a folder: by pointer, keyboard and touch."""

import pytest
from built_book import BUILT, HTML, close, opened
from slow import mostly_slow

pytestmark = BUILT

# page, link, and what its card must hold
LINKS = {
    "equation": (
        "book/01_introduction",
        "a.internal[href$='#equation-eq-steepest-intro']",
        "mjx-container",
    ),
    "statement": ("notebooks/DG_recursion", "article a[href*='#stmt-']", ".proof mjx-container"),
    "figure": ("book/intro", "article a[href*='#fig-1']", "figcaption"),
    "symbol": ("notebooks/03_preliminaries", "a[href$='notation.html#sym-gamma']", "dd"),
    "citation": ("book/01_introduction", "article a[href*='bibliography.html#id']", ".citation"),
    "claim": ("book/verdicts", "article a[href*='#claim-']", ".admonition-title"),
}
CARD = "#ibias-card"


@pytest.fixture
def page(browser, request):
    path, selector, holds = LINKS[request.param]
    if not (HTML / f"{path}.html").exists():
        pytest.skip(f"{path} is not built")
    page = opened(browser, path)
    page.link, page.holds = page.locator(f"{selector}:visible").first, holds  # none in a fold
    yield page
    assert page.errors == []
    close(page)


each_kind = pytest.mark.parametrize(
    "page", mostly_slow(LINKS, quick=("statement", "citation")), indirect=True
)


def shown(page):
    card = page.locator(CARD)
    card.locator(page.holds).first.wait_for()
    return card


@each_kind
def test_pointing_at_a_link_shows_what_it_leads_to(page):
    page.link.hover()
    card = shown(page)
    box, at = card.bounding_box(), page.link.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= page.viewport_size["width"]
    assert box["y"] + box["height"] <= at["y"] + 1 or box["y"] >= at["y"] + 1  # beside the link
    # nothing in it can be reached by tabbing, and no formula is left as text
    assert card.locator("a, button, [tabindex]").count() == 0
    assert "\\(" not in card.inner_text()
    assert card.locator("details").count() == 0  # a statement comes without its proof
    page.mouse.move(0, 0)
    card.wait_for(state="hidden")


@each_kind
def test_reaching_a_link_by_keyboard_shows_it_and_escape_hides_it(page):
    page.keyboard.press("Tab")  # from here on the browser counts focus as the keyboard's
    page.link.focus()
    card = shown(page)
    assert page.link.get_attribute("aria-describedby") == card.get_attribute("id")
    page.keyboard.press("Escape")
    card.wait_for(state="hidden")
    page.link.blur()
    page.link.focus()
    shown(page)
    page.keyboard.press("Tab")  # on to the next thing on the page, not into the card
    assert page.evaluate("() => !document.activeElement.closest('#ibias-card')")


def test_the_picture_of_a_figure_is_scaled_into_its_card(browser):
    page = opened(browser, "book/intro")
    page.locator("article a[href*='#fig-1']").first.hover()
    image = page.locator(f"{CARD} img:visible")
    image.wait_for()
    page.wait_for_function(
        f"() => [...document.querySelectorAll('{CARD} img')].find((i) => i.offsetWidth).naturalWidth > 0"
    )
    assert 100 < image.bounding_box()["width"] <= page.locator(CARD).bounding_box()["width"]
    close(page)


def test_the_first_tap_shows_and_the_second_follows(browser):
    page = opened(browser, "notebooks/03_preliminaries", width=390, has_touch=True)
    link = page.locator("a[href$='notation.html#sym-gamma']").first
    link.scroll_into_view_if_needed()
    link.tap()
    card = page.locator(CARD)
    card.wait_for()
    assert "03_preliminaries" in page.url
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    link.tap()
    page.wait_for_url("**/notation.html#sym-gamma")
    close(page)


def test_a_pointer_that_only_passes_opens_nothing(browser):
    page = opened(browser, "book/01_introduction")
    page.locator("article a[href*='bibliography.html#id']").first.hover()
    page.mouse.move(0, 0)
    page.wait_for_timeout(600)  # longer than any delay of the script
    assert page.locator(CARD).count() == 0 or page.locator(CARD).is_hidden()
    close(page)
