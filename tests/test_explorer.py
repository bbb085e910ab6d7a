"""The explorer's numbers are those of chapters 5 and K, and its page can be driven by keyboard and
pointer from a folder without a server."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import figure_page as fp
import numpy as np
import pytest
from ibias_book.interactive import explorer, packed
from ibias_book.steepest.theory import constants
from slow import mostly_slow

import ibias as ib

NODE = shutil.which("node")
DRIVER = Path(__file__).with_name("drive_explorer.js")
NOTEBOOKS = fp.ROOT / "notebooks"
FIGURES = fp.ROOT / "_build" / "figures"
SETS = (
    explorer.DataSet(
        "skewed", "skewed", lambda: ib.data.scale_skewed(seed=0), (1, 5, 25, 50), (0.1, 0.1, 0.1)
    ),
    explorer.DataSet(
        "small",
        "small",
        lambda: ib.data.mixture(classes=3, per_class=4, dim=10, spread=0.4, seed=1),
        (1, 3, 6, 12),
        (1.0, 0.1, 0.3),
    ),
)
STEPS, SEEDS = 1000, 3  # ten times what a momentum of 0.99 remembers
PRECISION = 2e-7  # a float32 keeps 24 bits; backends may differ by 1e-9 after 200 steps


@pytest.fixture(scope="module")
def numbers(tmp_path_factory):
    target = tmp_path_factory.mktemp("explorer") / "numbers.js"
    explorer.build(target, sets=SETS, steps=STEPS, seeds=SEEDS, store=None, progress=False)
    return target


def node(numbers, *hashes):
    if not NODE:
        pytest.skip("node is not installed; it runs the page's JavaScript")
    done = subprocess.run(
        [NODE, DRIVER, numbers],
        input=json.dumps(hashes),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "key, norm, b, beta, vr",
    [
        ("skewed", ib.MAX, 5, 0.99, True),
        ("skewed", ib.SPECTRAL, 1, 0, False),
        ("small", ib.FROBENIUS, 12, 0.5, False),
        ("small", ib.MAX, 1, 0.99, True),
    ],
)
def test_a_curve_of_the_page_is_that_of_simulate(numbers, key, norm, b, beta, vr):
    (found,) = node(numbers, f"#set={key}&A={norm.text},{b},{beta:g},{int(vr)}")
    one = next(s for s in SETS if s.key == key)
    data, best = one.make(), ib.max_margin(one.make(), norm)
    signal = ib.VarianceReduced(ib.Minibatch(b)) if vr else ib.Minibatch(b)
    eta0 = one.eta0[explorer.NORMS.index(norm)]
    method = ib.SteepestDescent(
        norm, ib.Momentum(beta, signal) if beta else signal, ib.Power(eta0, 0.5)
    )
    runs = ib.simulate(
        data,
        method,
        seeds=range(SEEDS),
        steps=STEPS,
        record=ib.logspaced(explorer.RECORDS),
        directions={norm.text: best.canonical},
        progress=False,
    )
    runs = ib.relative_error(runs, {norm.text: best}).isel(optimizer=0, step=slice(1, None))
    for name, want in {
        "least": runs.error.min("seed"),
        "error": runs.error.median("seed"),
        "most": runs.error.max("seed"),
        "cosine": runs.cosine.median("seed"),
        "loss": runs.log_loss.median("seed") / np.log(10),
    }.items():
        # errors near zero are differences of numbers near one
        np.testing.assert_allclose(found["curve"][name], want, rtol=PRECISION, atol=1e-9)


def source_of(name: str) -> str:
    return (NOTEBOOKS / f"{name}.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["05_experiment", "K_max_and_spectral"])
def test_the_sweeps_are_those_of_the_chapters(name):
    text = source_of(name)
    assert f"\nsteps = {explorer.STEPS:_}\n" in text and f"\nseeds = {explorer.SEEDS}\n" in text
    assert f"\nbatch_sizes = {list(explorer.BATCH_SIZES)}\n" in text
    assert re.findall(r'"?momenta"?[:=] ?(\[.*?\])', text) == [str(list(explorer.MOMENTA))]
    assert text.count(f"ib.logspaced({explorer.RECORDS})") == text.count("record=")
    for one, call in zip(explorer.SETS, ("gaussian", "mixture"), strict=True):
        (arguments,) = re.findall(rf"ib\.data\.{call}\((.*?)\)", text, re.S)
        assert (
            one.make().name == eval(f"ib.data.{call}({arguments})", {"ib": ib, "data_seed": 0}).name
        )
    steps = re.findall(r"norms=\[ib\.(\w+)\],?\s*schedule=ib\.Power\(([\d.]+), a=0\.5\)", text)
    own = [
        (norm.text.upper(), str(one.eta0[i]))
        for i, norm in enumerate(explorer.NORMS)
        if norm != ib.FROBENIUS
        for one in explorer.SETS
    ]
    assert steps == own or (name == "05_experiment" and "eta0 = 1.0\n" in text and steps == [])


@pytest.mark.parametrize(
    "figure, part, key, norm",
    [
        ("fig-1", "", "gaussian", "frobenius"),
        ("fig-1-set-two", "", "mixture", "frobenius"),
        ("fig-3", "set I", "gaussian", "max"),
        ("fig-3", "set II", "mixture", "max"),
        ("fig-4", "set I", "gaussian", "spectral"),
        ("fig-4", "set II", "mixture", "spectral"),
    ],
)
def test_every_number_of_the_built_book_is_that_of_its_chapter(figure, part, key, norm):
    pd = pytest.importorskip("pandas")
    built = fp.ROOT / "_build" / "interactive" / "explorer" / "numbers.js"
    if not built.exists() or not (FIGURES / f"{figure}.csv").exists():
        pytest.skip("the chapters or the explorer's numbers are not computed; run `make book`")
    table = pd.read_csv(FIGURES / f"{figure}.csv").query("step > 0")
    table = table[table.data == part] if part else table
    recipes = table.groupby(["batch_size", "momentum", "variance_reduction"])
    assert len(recipes) == 30
    hashes = [f"#set={key}&A={norm},{b},{beta:g},{int(vr)}" for (b, beta, vr), _ in recipes]
    for (_, runs), found in zip(recipes, node(built, *hashes), strict=True):
        wanted = runs.groupby("step")[["error", "cosine", "log_loss"]].median()
        for name, want in {
            "error": wanted.error,
            "cosine": wanted.cosine,
            "loss": wanted.log_loss / np.log(10),
        }.items():
            # a float32 keeps 24 bits, and the csv all of them
            np.testing.assert_allclose(found["curve"][name], want, rtol=PRECISION, atol=1e-9)


def test_promises_are_those_of_the_theorems_and_the_reason_is_in_numbers(numbers):
    full, plain, reduced, heavy = node(
        numbers,
        *(
            f"#set=small&A=max,{b},{beta},{vr}"
            for b, beta, vr in ((12, 0, 0), (1, 0, 0), (1, 0, 1), (6, 0.99, 0))
        ),
    )
    assert full["promise"]["error"] == 0 and reduced["promise"]["error"] == 0
    data = SETS[1].make()
    best = ib.max_margin(data, ib.MAX)
    assert plain["promise"]["error"] is None
    assert f"= {4 * 11 * data.radius:.0f} of the margin" in plain["promised"]
    assert plain["promised"].startswith("Promised: nothing.") and "m = 12" in plain["promised"]
    rho = constants.effective_margin(best.lower, data.radius, 2, 0.99)
    assert rho > 0
    np.testing.assert_allclose(heavy["promise"]["error"], 1 - rho / best.lower, rtol=1e-9)
    assert "at most" in heavy["promised"]


def test_the_momentum_that_would_earn_a_promise_earns_it(numbers):
    (found,) = node(numbers, "#set=small&A=max,1,0,0")
    beta, gamma = found["promise"]["momentum"], found["promise"]["margin"]
    radius = SETS[1].make().radius
    assert constants.effective_margin(gamma, radius, 12, beta + 1e-6) > 0
    assert constants.effective_margin(gamma, radius, 12, beta - 1e-6) < 0


def test_a_url_holds_the_whole_state(numbers):
    first = "set=skewed&A=spectral,25,0.99,1&B=max,1,0,0&vary=beta&at=7"
    (found,) = node(numbers, "#" + first)
    assert found["again"] == first and found["family"] == ["no momentum", "β = 0.5"]


def test_a_url_of_someone_else_does_no_harm(numbers):
    nonsense, other = node(numbers, "#set=nowhere&A=-3,x&vary=<b>&at=1e9", "#a-heading")
    assert nonsense["state"]["set"] == "skewed" and nonsense["state"]["vary"] == "none"
    assert nonsense["state"]["recipes"][0]["norm"] == "frobenius" and other is None


def test_links_of_the_book_open_a_view():
    text = (fp.ROOT / "book" / "explorer.md").read_text(encoding="utf-8")
    views = set(re.findall(r'href="#view-(\w+)"', text))
    assert views == set(re.findall(r'id="view-(\w+)"', text)) and len(views) == 4
    source = (fp.STATIC / "explorer" / "state.js").read_text(encoding="utf-8")
    assert all(f"\n    {view}: {{" in source for view in views)


def test_the_theorems_named_in_a_reason_are_linked_to_where_they_stand():
    source = (fp.STATIC / "explorer" / "words.js").read_text(encoding="utf-8")
    links = re.findall(r"'(Theorem [\d.]+)': '\.\./notebooks/(\w+)\.html#([\w-]+)'", source)
    assert len(links) == 3
    for theorem, name, anchor in links:
        assert theorem.removeprefix("Theorem ").replace(".", "-") in anchor
        assert f"# :label: {anchor}\n" in source_of(name)


def test_full_batch_curves_do_not_depend_on_variance_reduction(numbers):
    plain, reduced = node(numbers, *(f"#set=small&A=max,12,0.5,{vr}" for vr in (0, 1)))
    assert plain["curve"] == reduced["curve"]


def number_of(tick: str) -> float:
    """A tick's text, "0.02", "10" or "2·10⁻³", as a number."""
    plain = tick.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹−", "-0123456789-"))
    lead, _, power = plain.rpartition("10") if re.search("[⁻⁰-⁹²³¹]", tick) else (plain, "", "")
    return float(lead.rstrip("·") or 1) * 10 ** float(power or 0)


def test_the_axis_is_scaled_to_what_is_shown(numbers):
    (found,) = node(numbers, "#set=small&A=frobenius,12,0,0&B=frobenius,12,0,0&vary=none")
    seen = found["curve"]["least"] + found["curve"]["most"]
    ticks = [t[len('text-anchor="end">') : -1] for t in found["axis"]]
    ticks = [number_of(t) for t in ticks if re.fullmatch("[0-9.·⁻⁰-⁹²³¹]+", t)]
    # a chart that ended decades below its curves was the fault of the old one; ends are 1, 2 or 5
    # times a power of ten, less than a factor of three away
    assert len(ticks) >= 3
    assert min(seen) / 3 < min(ticks) and max(ticks) < 3 * max(seen)


@pytest.mark.parametrize("share, promised", [(0.5, 0.5), (1.5, None)])
def test_what_noise_can_cost_decides_what_is_promised(numbers, tmp_path, share, promised):
    text = numbers.read_text(encoding="utf-8")
    head, _, body = text.partition("explorerNumbers = ")
    made = json.loads(body.rstrip().removesuffix(";"))
    one = made["sets"][1]
    one["cost"][0][0] = share * one["best"][made["norms"].index("max")]["lower"]
    (tmp_path / "numbers.js").write_text(
        f"{head}explorerNumbers = {json.dumps(made)};", encoding="utf-8"
    )
    (found,) = node(tmp_path / "numbers.js", "#set=small&A=max,1,0,0")
    assert found["promise"]["error"] == promised
    assert ("at most 0.500" in found["promised"]) == (promised is not None)


def test_a_file_is_fresh_until_the_package_changes(numbers, monkeypatch):
    assert packed.fresh(numbers, explorer.MODULE)
    monkeypatch.setattr(packed, "key", lambda module: "another state of the package")
    assert not packed.fresh(numbers, explorer.MODULE)
    assert not packed.fresh(numbers.with_name("nothing.js"), explorer.MODULE)


# --- the page -----------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def path(numbers, tmp_path_factory):
    return fp.write_page(
        tmp_path_factory.mktemp("page"),
        "explorer",
        '<div data-ibias="explorer" data-url></div><p>What stands below it.</p>',
        numbers,
    )


def ref(page, name):
    return page.locator(f'[data-ref="{name}"]')


@pytest.mark.parametrize("viewport", [fp.DESK, fp.PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize(
    "vary, rest",
    mostly_slow([("none", 0), ("b", 3), ("beta", 2), ("vr", 1), ("norm", 2)], quick=(("b", 3),)),
)
def test_every_comparison_is_drawn(browser, path, viewport, vary, rest):
    hash = f"#set=small&A=max,3,0.5,1&B=spectral,1,0,0&vary={vary}&at=9"
    with fp.opened(browser, path, viewport=viewport, hash=hash) as page:
        curves = page.locator('[data-ref="error"] path[stroke-linejoin]').count()
        assert curves == ref(page, "table").locator("tbody tr").count() == 2 + rest
        assert fp.sideways(page) <= 0 and page.errors == []
        assert all(url.startswith("file:") for url in page.asked)
        assert fp.shifted(page) < 0.1  # what a browser's report calls good


def test_chart_and_controls_stand_on_one_screen(browser, path):
    with fp.opened(browser, path, viewport={"width": 1280, "height": 800}) as page:
        first = page.locator(".ib-charts").bounding_box()
        last = page.locator("form").bounding_box()
        assert last["y"] + last["height"] - first["y"] <= 800


def test_the_chart_stays_in_view_while_the_controls_scroll_on_a_phone(browser, path):
    with fp.opened(browser, path, viewport=fp.PHONE) as page:
        page.locator('[data-key="1vr"]').scroll_into_view_if_needed()
        page.mouse.wheel(0, 300)
        page.wait_for_function("scrollY > 300")
        chart = ref(page, "error").bounding_box()
        assert chart["y"] >= 0 and chart["y"] + chart["height"] < fp.PHONE["height"]


def test_hover_reads_values_across_the_three_charts(browser, path):
    with fp.opened(browser, path, hash="#set=small&A=max,3,0.5,1&B=spectral,1,0,0") as page:
        box = ref(page, "cosine").bounding_box()
        page.mouse.move(box["x"] + 80, box["y"] + 60)
        page.wait_for_function("document.querySelector('[data-ref=step]').textContent !== '1,000'")
        for name in ("error", "cosine", "loss"):
            values = ref(page, name).locator(".ib-value").all_text_contents()
            assert sorted(value[:2] for value in values) == ["A ", "B "]
        row = ref(page, "table").locator("tbody tr").first.locator("td").all_text_contents()
        assert "A " + row[0] in ref(page, "error").locator(".ib-value").all_text_contents()
        assert "A " + row[2] in ref(page, "cosine").locator(".ib-value").all_text_contents()
        assert "A " + row[3] in ref(page, "loss").locator(".ib-value").all_text_contents()


def test_keyboard_walks_through_every_choice(browser, path):
    with fp.opened(browser, path) as page:
        ref(page, "at").focus()
        page.keyboard.press("Home")
        assert ref(page, "step").text_content() == "1"
        page.keyboard.press("Tab")
        page.keyboard.press("ArrowDown")  # the other data set, whose batch sizes differ
        for _ in range(4):
            page.keyboard.press("Tab")  # what is drawn, swap, share, the norm of A
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        page.keyboard.press("ArrowDown")
        page.wait_for_function("location.hash.includes('set=small&A=max,1,0.5,0')")
        assert ref(page, "title0").text_content() == "A: Signum, b = 1, β = 0.5"
        assert page.errors == []


def test_the_address_restores_the_view(browser, path):
    hash = "#set=small&A=max,3,0.5,1&B=spectral,1,0,0&vary=b&at=9"
    with fp.opened(browser, path, hash=hash) as page:
        ref(page, "swap").click()
        page.wait_for_function("location.hash.includes('A=spectral,1,0,0&B=max,3,0.5,1')")
        here = page.evaluate("location.hash")
    with fp.opened(browser, path, hash=here) as page:
        assert ref(page, "title0").text_content() == "A: Spectral-SGD, b = 1"
        assert page.locator('[data-key="1b"]').input_value() == "1"


@pytest.mark.parametrize("theme", mostly_slow(["light", "dark"], quick=("light",)))
def test_accessible(browser, path, theme):
    if not fp.AXE.exists():
        pytest.skip("no axe-core (npm ci)")
    with fp.opened(browser, path, theme=theme) as page:
        assert fp.serious(page) == []
