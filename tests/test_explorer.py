"""The explorer's numbers are those of a sweep, and its page can be driven by keyboard from a folder
without a server."""

import json
import shutil
import subprocess
from pathlib import Path

import figure_page as fp
import numpy as np
import pytest
from ibias_book.interactive import explorer, packed

import ibias as ib

NODE = shutil.which("node")
DRIVER = Path(__file__).with_name("drive_explorer.js")
SHELVES = (
    explorer.Shelf(
        "skewed", "Skewed", lambda: ib.data.scale_skewed(seed=0), (1, 5, 25, 50), (0.1, 0.1, 0.1)
    ),
    explorer.Shelf(
        "small",
        "Small",
        lambda: ib.data.mixture(classes=3, per_class=4, dim=10, spread=0.4, seed=1),
        (1, 3, 6, 12),
        (0.1, 1.0, 0.3),
    ),
)
STEPS, SEEDS, EXPONENTS = 200, (0, 1), (0.5, 1.0)
# half a unit of the 16-bit packing: in log10 for errors and losses, in itself for cosines
HALF = {
    name: (high - low) / (packed.MISSING - 1) / 2 for name, (low, high) in packed.SCALES.items()
}


@pytest.fixture(scope="module")
def numbers(tmp_path_factory):
    target = tmp_path_factory.mktemp("explorer") / "numbers.js"
    explorer.build(
        target,
        shelves=SHELVES,
        steps=STEPS,
        seeds=SEEDS,
        exponents=EXPONENTS,
        store=None,
        progress=False,
    )
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


def test_packing_keeps_values_to_half_a_unit_and_knows_what_is_missing():
    values = np.array([-1.0, -0.3, 0.123456, 1.0, np.nan, 7.0])
    back = packed.unpack(packed.pack(values, -1, 1), -1, 1)
    np.testing.assert_allclose(back[:4], values[:4], atol=HALF["cosine"] * (1 + 1e-9))
    assert np.isnan(back[4]) and back[5] == 1  # beyond the scale: at its end


@pytest.mark.parametrize(
    "key, norm, b, beta, vr, a",
    [
        ("skewed", ib.MAX, 5, 0.9, True, 0.5),
        ("skewed", ib.SPECTRAL, 1, 0.0, False, 1.0),
        ("small", ib.FROBENIUS, 12, 0.5, False, 0.5),
        ("small", ib.MAX, 1, 0.99, True, 1.0),
    ],
)
def test_a_curve_of_the_page_is_that_of_simulate(numbers, key, norm, b, beta, vr, a):
    (found,) = node(
        numbers, f"#set={key}&norm={norm.text}&b={b}&beta={beta:g}&vr={int(vr)}&a={a:g}"
    )
    shelf = next(s for s in SHELVES if s.key == key)
    data, best = shelf.make(), ib.max_margin(shelf.make(), norm)
    signal = ib.VarianceReduced(ib.Minibatch(b)) if vr else ib.Minibatch(b)
    eta0 = shelf.eta0[explorer.NORMS.index(norm)]
    method = ib.SteepestDescent(
        norm, ib.Momentum(beta, signal) if beta else signal, ib.Power(eta0, a)
    )
    runs = ib.simulate(
        data,
        method,
        seeds=SEEDS,
        steps=STEPS,
        record=ib.logspaced(explorer.RECORDS),
        directions={"best": best.canonical},
        progress=False,
    )
    runs = runs.isel(optimizer=0, step=slice(1, None))
    error = np.maximum(1 - runs.margin / best.upper, packed.FLOOR)
    # beside the packing: two backends or block shapes may round differently, 1e-9 relative at 200
    # steps
    for name, want in {
        "least": error.min("seed"),
        "error": error.median("seed"),
        "most": error.max("seed"),
    }.items():
        seen, want = (
            np.log10(found["curve"][name]),
            np.minimum(np.log10(want), packed.SCALES["error"][1]),
        )
        np.testing.assert_allclose(seen, want, atol=HALF["error"] + 1e-6)
    np.testing.assert_allclose(
        found["curve"]["cosine"],
        runs.cosine.isel(direction=0).median("seed"),
        atol=HALF["cosine"] + 1e-6,
    )
    np.testing.assert_allclose(
        found["curve"]["loss"], runs.log_loss.median("seed") / np.log(10), atol=HALF["loss"] + 1e-6
    )


def test_promises_are_those_of_the_theorems(numbers):
    hashes = [
        f"#set=small&norm=max&b={b}&beta={beta}&vr={vr}&a=0.5"
        for b, beta, vr in ((12, 0, 0), (1, 0, 0), (1, 0, 1), (6, 0.99, 1))
    ]
    assert [found["promise"] for found in node(numbers, *hashes)] == [0, None, 0, 0]
    full, plain, *_ = node(numbers, *hashes)
    assert (
        "promise the maximum margin" in full["sentence"] and "promise nothing" in plain["sentence"]
    )


def test_a_url_holds_the_whole_state(numbers):
    first = "set=skewed&norm=spectral&b=25&beta=0.9&vr=1&a=1&vary=beta&at=7"
    (found,) = node(numbers, "#" + first)
    assert found["again"] == first and found["family"] == [
        "no momentum",
        "β = 0.5",
        "β = 0.9",
        "β = 0.99",
    ]


def test_a_url_of_someone_else_does_no_harm(numbers):
    nonsense, other = node(numbers, "#set=nowhere&b=-3&a=x&beta=<b>", "#a-heading")
    assert nonsense["state"]["set"] == "skewed" and nonsense["state"]["b"] == 5 and other is None


def test_links_of_the_book_open_a_view(numbers):
    (found,) = node(
        numbers, "#view-variance"
    )  # names a data set that this small file lacks: the first one steps in
    assert (
        found["again"]
        == "set=skewed&norm=frobenius&b=1&beta=0&vr=1&a=0.5&vary=vr&at="
        + found["again"].rpartition("=")[2]
    )


def test_full_batch_curves_do_not_depend_on_variance_reduction(numbers):
    plain, reduced = node(
        numbers, *(f"#set=small&norm=max&b=12&beta=0.5&vr={vr}&a=1" for vr in (0, 1))
    )
    assert plain["curve"] == reduced["curve"]


def test_a_file_is_fresh_until_the_package_changes(numbers, monkeypatch):
    assert packed.fresh(numbers, explorer.MODULE)
    monkeypatch.setattr(packed, "key", lambda module: "another state of the package")
    assert not packed.fresh(numbers, explorer.MODULE)
    assert not packed.fresh(numbers.with_name("nothing.js"), explorer.MODULE)


# --- the page
# ---------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def path(numbers, tmp_path_factory):
    return fp.write_page(
        tmp_path_factory.mktemp("page"),
        "explorer",
        '<div data-ibias="explorer" data-url></div>',
        numbers,
    )


@pytest.mark.parametrize("viewport", [fp.DESK, fp.PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("vary", ["b", "beta", "vr", "norm", "a"])
def test_every_comparison_is_drawn(browser, path, viewport, vary):
    with fp.opened(
        browser,
        path,
        viewport=viewport,
        hash=f"#set=small&norm=max&b=3&beta=0.5&vr=1&a=0.5&vary={vary}&at=9",
    ) as page:
        curves = page.locator('[data-ref="error"] path[stroke-linejoin]').count()
        assert (
            curves
            == page.locator('[data-ref="table"] tbody tr').count()
            == {"b": 4, "beta": 4, "vr": 2, "norm": 3, "a": 2}[vary]
        )
        assert fp.sideways(page) <= 0 and page.errors == []
        assert all(url.startswith("file:") for url in page.asked)


def test_keyboard_walks_through_every_choice(browser, path):
    with fp.opened(browser, path) as page:
        page.locator("[data-key=set]:checked").focus()
        page.keyboard.press("ArrowDown")  # the other data set, whose batch sizes differ
        assert page.evaluate("document.activeElement.dataset.key") == "set"
        page.keyboard.press("Tab")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        page.keyboard.press("ArrowRight")
        page.wait_for_function(
            "location.hash.includes('set=small&norm=frobenius') &&"
            " location.hash.includes('beta=0.5')"
        )
        assert (
            page.locator('[data-ref="sentence"]')
            .text_content()
            .startswith("N-MSGD, b = 6, β = 0.5 on “Small”")
        )
        page.locator('[data-ref="at"]').focus()
        page.keyboard.press("Home")
        assert page.locator('[data-ref="step"]').text_content() == "1"
        assert page.errors == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_accessible(browser, path, theme):
    if not fp.AXE.exists():
        pytest.skip("no axe-core (npm ci)")
    with fp.opened(browser, path, theme=theme) as page:
        assert fp.serious(page) == []
