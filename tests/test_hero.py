"""The front page's animation: its numbers are computed, its ends are where theory puts them, and it
stands still when asked to."""

import figure_page as fp
import numpy as np
import pytest
from ibias_book.interactive import hero
from slow import mostly_slow

import ibias as ib


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    target = tmp_path_factory.mktemp("hero") / "numbers.js"
    return target, hero.build(target, store=None)


@pytest.mark.parametrize("panel", range(3))
def test_every_recipe_but_the_plain_mini_batch_ends_at_the_touching_point(made, panel):
    shown = made[1]["panels"][panel]
    ends = {lane["name"]: lane["error"][-1] for lane in shown["lanes"]}
    assert (
        ends.pop("mini-batch") > 0.2 and max(ends.values()) < 0.005
    )  # the picture's claim; measured 0.24 to 0.62, and at most 0.004
    touch = np.array([shown["touch"], [0, 0]])
    data = hero.points()
    assert ib.norm(shown["norm"]).value(touch - touch.mean(0)) <= 1 / shown["margin"] * (
        1 + 1e-5
    )  # six decimals are kept
    np.testing.assert_allclose((np.array(hero.SIGNED) @ touch[0]).min(), 1, atol=1e-5)
    assert data.n == len(hero.SIGNED)


def test_three_classes_send_muon_and_normalised_sgd_to_different_borders(made):
    lanes = {lane["name"]: lane for lane in made[1]["three"]["lanes"]}
    ends = {name: np.array(lane["at"][-1]) for name, lane in lanes.items()}
    for name, lane in lanes.items():
        # measured 0.02 of the margin after these steps; the rows are known to that, not better
        assert lane["error"][-1] < 0.03
        apart = np.linalg.norm(ends[name] - lane["touch"], axis=1)
        assert apart.max() < 0.5 * np.linalg.norm(ends["Muon"] - ends["N-SGD"], axis=1).max()
    turn = [
        np.degrees(np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b)))
        for a, b in zip(ends["Muon"], ends["N-SGD"], strict=True)
    ]
    assert max(turn) > 20  # degrees: visible at first sight


def test_the_three_classes_are_those_of_the_playground():
    text = (fp.STATIC / "playground" / "presets.js").read_text(encoding="utf-8")
    shown = ";".join(f"{x:g},{y:g},{c}" for x, y, c in hero.THREE)
    assert f"var THREE = '{shown}';" in text


@pytest.fixture(scope="module")
def path(made, tmp_path_factory):
    return fp.write_page(
        tmp_path_factory.mktemp("page"), "hero", '<div data-ibias="hero"></div>', made[0]
    )


@pytest.mark.parametrize("theme", mostly_slow(["light", "dark"], quick=("light",)))
@pytest.mark.parametrize("viewport", [fp.DESK, fp.PHONE], ids=["desk", "phone"])
def test_reduced_motion_shows_the_end_at_once(browser, path, viewport, theme):
    with fp.opened(browser, path, viewport=viewport, theme=theme) as page:
        assert page.locator('[data-ref="step"]').text_content() == "10,000"
        assert page.locator("td").count() == 14 and fp.sideways(page) <= 0 and page.errors == []
        assert fp.shifted(page) < 0.1  # what a browser's report calls good
        if fp.AXE.exists():
            assert fp.serious(page) == []


def test_the_animation_can_be_stopped_and_replayed_by_keyboard(browser, path):
    with fp.opened(browser, path, motion="no-preference") as page:
        button = page.locator('[data-ref="again"]')
        button.focus()
        assert button.text_content() == "Stop"
        page.keyboard.press("Enter")
        assert button.text_content() == "Go on"
        before = page.locator("svg").first.inner_html()
        page.wait_for_timeout(300)  # long enough for a running animation to draw again
        assert page.locator("svg").first.inner_html() == before
        page.keyboard.press("Enter")
        page.wait_for_function(
            "document.querySelector('svg').innerHTML !== arguments[0]".replace(
                "arguments[0]", repr(before)
            )
        )
        assert page.errors == []
