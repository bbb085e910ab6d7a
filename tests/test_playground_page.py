"""The playground in a browser, opened from disk: driven by keyboard and pointer, light and dark,
desktop and phone."""

import re

import figure_page as fp
import pytest


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return fp.write_page(
        tmp_path_factory.mktemp("playground"),
        "playground",
        '<div data-ibias="playground" data-preset="norms" data-url></div>',
    )


def ref(page, name):
    return page.locator(f'[data-ref="{name}"]')


@pytest.mark.parametrize("viewport", [fp.DESK, fp.PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("preset", ["norms", "recipes", "stuck", "average"])
def test_presets_open_without_errors_or_sideways_scrolling(browser, path, viewport, preset):
    with fp.opened(browser, path, viewport=viewport, hash=f"#preset={preset}&t=300") as page:
        assert ref(page, "clock").text_content() == "step 300"
        assert fp.sideways(page) <= 0
        assert page.errors == []
        assert all(url.startswith("file:") for url in page.asked)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_accessible(browser, path, theme):
    if not fp.AXE.exists():
        pytest.skip("no axe-core (npm ci)")
    with fp.opened(browser, path, theme=theme, hash="#preset=recipes&t=100") as page:
        ref(page, "numbers").locator("summary").click()
        assert fp.serious(page) == []


def test_keyboard_moves_a_point_swaps_its_class_and_removes_it(browser, path):
    with fp.opened(browser, path, hash="#preset=stuck&t=50") as page:
        point = page.locator(".ib-point").first
        point.focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Shift+ArrowUp")
        assert "class 0, at 2.1, -0.5" in point.get_attribute("aria-label")
        page.keyboard.press("Enter")
        assert "class 1" in page.locator(".ib-point").first.get_attribute("aria-label")
        page.keyboard.press("Delete")
        assert page.locator(".ib-point").count() == 1
        assert page.errors == []


def test_keyboard_runs_the_race(browser, path):
    with fp.opened(browser, path, hash="#preset=stuck") as page:
        ref(page, "step").focus()
        for _ in range(12):
            page.keyboard.press("Enter")
        assert ref(page, "clock").text_content() == "step 12"
        assert "to and fro along (1, −1)" in ref(page, "caption").text_content()
        ref(page, "play").focus()
        page.keyboard.press("Space")
        page.wait_for_function(
            "document.querySelector('[data-ref=clock]').textContent !== 'step 12'"
        )
        page.keyboard.press("Space")
        assert ref(page, "play").text_content() == "Play"


def test_dragging_a_point_changes_the_best_margin(browser, path):
    with fp.opened(browser, path, hash="#preset=norms&t=200") as page:
        before = ref(page, "weights").get_attribute("aria-label")
        box = page.locator(".ib-point").first.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 40, y - 30, steps=4)
        page.mouse.up()
        assert ref(page, "weights").get_attribute("aria-label") != before
        assert (
            ref(page, "clock").text_content() == "step 200"
        )  # the race is run again to where it was


def test_the_address_follows_and_restores_the_view(browser, path):
    with fp.opened(browser, path, hash="#preset=recipes&t=40") as page:
        page.locator('input[value="frobenius"]').check()
        ref(page, "batch").select_option("4")
        page.wait_for_function("location.hash.includes('b=4')")
        here = page.evaluate("location.hash")
    assert re.search(r"norm=frobenius&b=4.*t=40$", here)
    with fp.opened(browser, path, hash=here) as page:
        assert page.locator('input[value="frobenius"]').is_checked()
        assert (
            ref(page, "batch").input_value() == "4"
            and ref(page, "clock").text_content() == "step 40"
        )


def test_knobs_respond_to_arrow_keys(browser, path):
    with fp.opened(browser, path, hash="#preset=stuck&t=500") as page:
        assert "Signum and VR-SignSGD have broken out" in ref(page, "caption").text_content()
        ref(page, "beta").focus()
        page.keyboard.press("Home")
        assert ref(page, "beta-out").text_content() == "0.00"
        assert (
            "Signum" not in ref(page, "caption").text_content()
        )  # without momentum it is SignSGD, and as stuck


def test_two_playgrounds_on_one_page_do_not_share_anything(browser, tmp_path):
    one = '<div data-ibias="playground" data-preset="stuck"></div>'
    with fp.opened(browser, fp.write_page(tmp_path, "playground", one + one)) as page:
        page.locator('[data-ref="step"]').first.click()
        page.locator('input[value="sum"]').first.check()
        assert page.locator('[data-ref="clock"]').all_text_contents() == ["step 1", "step 0"]
        assert page.locator('input[value="max"]').last.is_checked()
        assert page.evaluate("location.hash") == ""
