"""The playground in a browser, opened from disk: driven by keyboard and pointer, light and dark,
desktop and phone."""

import re

import figure_page as fp
import pytest
from slow import mostly_slow

PRESETS = mostly_slow(
    ["norms", "momentum", "variance", "average", "stuck", "three"], quick=("momentum", "three")
)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return fp.write_page(
        tmp_path_factory.mktemp("playground"),
        "playground",
        '<div data-ibias="playground" data-preset="norms" data-url></div><p>What stands below.</p>',
    )


def ref(page, name):
    return page.locator(f'[data-ref="{name}"]')


def reached(page, step):
    page.wait_for_function(
        "step => document.querySelector('[data-ref=clock]').textContent === 'step ' + step",
        arg=step,
    )


def says(page, text):
    page.wait_for_function(
        "text => document.querySelector('[data-ref=caption]').textContent.includes(text)", arg=text
    )


@pytest.mark.parametrize("viewport", [fp.DESK, fp.PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("preset", PRESETS)
def test_presets_open_without_errors_or_sideways_scrolling(browser, path, viewport, preset):
    with fp.opened(browser, path, viewport=viewport, hash=f"#preset={preset}&t=300") as page:
        reached(page, "300")
        assert fp.sideways(page) <= 0
        assert page.errors == []
        assert all(url.startswith("file:") for url in page.asked)
        assert fp.shifted(page) < 0.1  # what a browser's report calls good


@pytest.mark.parametrize("theme", mostly_slow(["light", "dark"], quick=("light",)))
@pytest.mark.parametrize("preset", ["momentum", "three"])
def test_accessible(browser, path, theme, preset):
    if not fp.AXE.exists():
        pytest.skip("no axe-core (npm ci)")
    with fp.opened(browser, path, theme=theme, hash=f"#preset={preset}&t=100") as page:
        reached(page, "100")
        for fold in ("numbers", "pythonfold", "ownfold"):
            ref(page, fold).locator("summary").click()
        assert fp.serious(page) == []


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("viewport", [fp.DESK, fp.PHONE], ids=["desk", "phone"])
def test_labels_do_not_cover_each_other(browser, path, viewport, preset):
    with fp.opened(browser, path, viewport=viewport, hash=f"#preset={preset}&t=2000") as page:
        reached(page, "2,000")
        boxes = page.evaluate(
            """() => [...document.querySelectorAll('[data-ref=weights] text')].map(t => {
            const b = t.getBoundingClientRect(); return [b.left, b.top, b.right, b.bottom, t.textContent]; })"""
        )
        for i, (left, top, right, bottom, text) in enumerate(boxes):
            for a, b, c, d, other in boxes[:i]:
                # boxes of text reach a little beyond its letters: two pixels of overlap are none
                apart = left > c - 2 or right < a + 2 or top > d - 2 or bottom < b + 2
                assert apart, f"{text!r} covers {other!r}"


def test_controls_stand_beside_the_panels_and_everything_above_them_is_low(browser, tmp_path):
    path = fp.write_page(tmp_path, "playground", '<div data-ibias="playground"></div>')
    path.write_text(path.read_text().replace("max-width: 800px", "max-width: 940px"))
    with fp.opened(browser, path, viewport={"width": 1280, "height": 800}) as page:
        figure = page.locator(".ib-playground").bounding_box()
        data, form = (page.locator(name).bounding_box() for name in (".ib-data", "form"))
        assert form["x"] > data["x"] + data["width"] and abs(form["y"] - data["y"]) < 10
        assert data["y"] - figure["y"] < 200  # stories, sentence, guess and run: four rows
        assert form["y"] + form["height"] - figure["y"] < 800


def test_on_a_phone_both_planes_are_in_view_while_a_point_is_dragged(browser, path):
    with fp.opened(browser, path, viewport=fp.PHONE, hash="#preset=norms&t=20") as page:
        data, weights = (ref(page, name).bounding_box() for name in ("data", "weights"))
        assert weights["x"] > data["x"] + data["width"] and abs(weights["y"] - data["y"]) < 2


def test_it_starts_by_itself_once_seen_and_waits_for_the_guess(browser, path):
    with fp.opened(browser, path, motion="no-preference") as page:
        reached(page, "12")  # grown, first steps run, then the reader is asked
        assert ref(page, "play").text_content() == "Play"
        page.locator('[data-guess="0"]').click()
        reached(page, "2,000")
        assert page.locator(".ib-answer").text_content() == "You said: line A. It is: line B."
        assert page.errors == []


@pytest.mark.slow
def test_it_does_not_start_before_it_is_seen(browser, tmp_path):
    path = fp.write_page(
        tmp_path,
        "playground",
        '<div style="height: 3000px"></div><div data-ibias="playground"></div>',
    )
    with fp.opened(browser, path, motion="no-preference") as page:
        page.wait_for_timeout(2500)  # longer than the ball's growth and some steps together
        assert ref(page, "clock").text_content() == "step 0"
        ref(page, "weights").scroll_into_view_if_needed()
        reached(page, "12")


@pytest.mark.slow
def test_it_stands_still_with_reduced_motion_and_still_answers_a_guess(browser, path):
    with fp.opened(browser, path, hash="#preset-stuck") as page:
        page.wait_for_timeout(1000)  # an animation would have moved
        assert ref(page, "clock").text_content() == "step 0"
        page.locator('[data-guess="3"]').focus()
        page.keyboard.press("Enter")
        reached(page, "2,000")
        assert page.locator(".ib-answer").text_content() == "Right: either of them."


def test_the_sentence_and_the_counter_change_together(browser, path):
    with fp.opened(browser, path, motion="no-preference", hash="#preset=stuck&t=1") as page:
        page.evaluate(
            """() => { window.seen = []; const note = () => window.seen.push([
            document.querySelector('[data-ref=clock]').textContent, document.querySelector('[data-ref=phase]').textContent]);
            new MutationObserver(note).observe(document.querySelector('.ib-playground'), { subtree: true, childList: true, characterData: true }); }"""
        )
        ref(page, "play").click()
        page.wait_for_function("new Set(window.seen.map(s => s[0])).size > 8")
        seen = page.evaluate("window.seen")
        early = {phase for step, phase in seen if int(step[5:].replace(",", "")) < 6}
        late = {phase for step, phase in seen if int(step[5:].replace(",", "")) >= 10}
        assert early <= {"Start.", "First steps."} and late == {"Stuck."}


@pytest.mark.slow
def test_the_last_batch_and_its_step_are_drawn(browser, path):
    with fp.opened(browser, path, hash="#preset=stuck") as page:
        assert page.locator(".ib-batch, .ib-laststep").count() == 0
        seen = []
        for _ in range(2):
            ref(page, "step").click()
            (ring,) = page.locator(".ib-batch").all()
            seen.append(ring.get_attribute("cx"))
            assert page.locator(".ib-laststep polygon").count() == 1
        assert len(set(seen)) == 2  # an epoch of two: the other sample


def test_keyboard_moves_a_point_changes_its_class_and_removes_it(browser, path):
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


@pytest.mark.slow
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
        reached(page, "200")
        before = ref(page, "weights").get_attribute("aria-label")
        box = page.locator(".ib-point").first.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 40, y - 30, steps=4)
        page.mouse.up()
        page.wait_for_function(
            "before => document.querySelector('[data-ref=weights]').getAttribute('aria-label') !== before",
            arg=before,
        )
        reached(page, "200")  # the race is run again to where it was


@pytest.mark.slow
def test_a_third_class_brings_the_spectral_norm(browser, path):
    with fp.opened(browser, path, hash="#preset=norms&t=20") as page:
        reached(page, "20")
        ref(page, "add2").click()
        page.wait_for_function(
            "document.querySelector('[data-ref=norm]').innerHTML.includes('spectral')"
        )
        assert "spectral" in ref(page, "races").text_content()
        assert page.errors == []


def test_the_address_follows_and_restores_the_view(browser, path):
    with fp.opened(browser, path, hash="#preset=momentum&t=40") as page:
        reached(page, "40")
        ref(page, "norm").select_option("frobenius")
        ref(page, "batch").select_option("4")
        page.wait_for_function(
            "location.hash.includes('norm=frobenius&b=4') && location.hash.endsWith('t=40')"
        )
        here = page.evaluate("location.hash")
    with fp.opened(browser, path, hash=here) as page:
        reached(page, "40")
        assert ref(page, "norm").input_value() == "frobenius"
        assert ref(page, "batch").input_value() == "4"


@pytest.mark.slow
def test_knobs_respond_to_arrow_keys(browser, path):
    with fp.opened(browser, path, hash="#preset=stuck&t=500") as page:
        says(page, "Signum and VR-SignSGD have broken out")
        ref(page, "beta").focus()
        page.keyboard.press("Home")
        page.wait_for_function(
            "document.querySelector('[data-ref=beta-out]').textContent === '0.00'"
        )
        reached(page, "500")
        # without momentum Signum is SignSGD, and as stuck
        says(page, "side; VR-SignSGD has broken out")


@pytest.mark.slow
def test_own_points_are_taken_or_refused_in_a_sentence(browser, path, tmp_path):
    with fp.opened(browser, path) as page:
        ref(page, "ownfold").locator("summary").click()
        ref(page, "paste").fill("1,2,a\n3,x,b")
        ref(page, "use").click()
        assert "Line 2 has" in ref(page, "ownsaid").text_content()
        assert page.locator(".ib-point").count() == 8  # as before
        file = tmp_path / "mine.csv"
        file.write_text("u,v,kind\n2,1,cat\n1,2,cat\n-2,-1,dog\n-1,2,owl\n", encoding="utf-8")
        ref(page, "file").set_input_files(file)
        page.wait_for_function("document.querySelectorAll('.ib-point').length === 4")
        assert "4 points, classes cat, dog, owl" in ref(page, "ownsaid").text_content()
        assert all(url.startswith("file:") for url in page.asked) and page.errors == []


@pytest.mark.slow
def test_the_program_can_be_copied(browser, path):
    with fp.opened(browser, path, hash="#preset=stuck&t=30") as page:
        reached(page, "30")
        ref(page, "pythonfold").locator("summary").click()
        assert "steps=30" in ref(page, "program").text_content()
        ref(page, "copy").click()
        page.wait_for_function(
            "/Copied|Selected/.test(document.querySelector('[data-ref=copy]').textContent)"
        )
        assert (
            re.search(r"import ibias as ib", page.evaluate("getSelection().toString()"))
            or ref(page, "copy").text_content() == "Copied"
        )


@pytest.mark.slow
def test_two_playgrounds_on_one_page_do_not_share_anything(browser, tmp_path):
    one = '<div data-ibias="playground" data-preset="stuck"></div>'
    with fp.opened(browser, fp.write_page(tmp_path, "playground", one + one)) as page:
        page.locator('[data-ref="step"]').first.click()
        ref(page, "norm").first.select_option("sum")
        page.wait_for_function(
            "document.querySelector('[data-ref=weights]').getAttribute('aria-label').includes('sum')"
        )
        assert page.locator('[data-ref="clock"]').all_text_contents() == ["step 1", "step 0"]
        assert ref(page, "norm").last.input_value() == "max"
        assert page.evaluate("location.hash") == ""


@pytest.mark.slow
def test_in_a_fold_it_waits_until_the_fold_is_opened(browser, tmp_path):
    fold = (
        "<details><summary>See it</summary>"
        '<div data-ibias="playground" data-preset="stuck" data-compact></div></details>'
    )
    with fp.opened(browser, fp.write_page(tmp_path, "playground", fold)) as page:
        assert page.locator(".ib-playground").count() == 0
        page.locator("summary").first.focus()
        page.keyboard.press("Enter")
        page.locator('[data-guess="3"]').click()
        reached(page, "2,000")
        assert page.locator("form").count() == 0 and page.errors == []
        if fp.AXE.exists():
            assert fp.serious(page) == []
