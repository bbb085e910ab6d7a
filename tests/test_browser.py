"""The built book in a real browser, for which there is no other host than this machine.

Skipped, with the reason, where there is no browser, no built book, or (accessibility) no axe-core.
"""

import functools
import gzip
import http.server
import re
import threading
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from slow import mostly_slow

ROOT = Path(__file__).resolve().parents[1]
HTML = ROOT / "_build" / "html"
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
MATHJAX = ROOT / "node_modules" / "mathjax"
pytestmark = [
    pytest.mark.skipif(
        not (HTML / "book" / "intro.html").exists(), reason="the book is not built; run `make book`"
    ),
    pytest.mark.skipif(
        not MATHJAX.exists(), reason="no MathJax (npm ci): the pages would ask the network for it"
    ),
]
CONTENT = sorted(
    p.relative_to(HTML).as_posix() for d in ("book", "notebooks") for p in (HTML / d).glob("*.html")
)
PAGES = [*CONTENT, "search.html", "genindex.html"] if CONTENT else []
each_page = pytest.mark.parametrize("path", PAGES)
each_content = pytest.mark.parametrize("path", CONTENT)
QUICK = {"notebooks/C_technical_lemmas.html", "book/margins.html"}  # of what loads a page anew


PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(scope="session")
def site():
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=HTML)
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def tab(browser, site, viewport=DESK, scheme="light"):
    """A tab of a reader of its own, with what goes wrong in .offsite, .missing and .errors."""
    page = browser.new_context(
        viewport=viewport, color_scheme=scheme, reduced_motion="reduce"
    ).new_page()
    page.set_default_timeout(60_000)  # two cores, shared with the other worker
    page.offsite, page.missing, page.errors = [], [], []
    home = (site, "data:", "blob:")  # to the browser no other host exists
    page.on("request", lambda r: None if r.url.startswith(home) else page.offsite.append(r.url))
    page.on("response", lambda r: page.missing.append(r.url) if r.status >= 400 else None)
    page.on("pageerror", lambda e: page.errors.append(str(e)))
    page.on("console", lambda m: page.errors.append(m.text) if m.type == "error" else None)
    return page


def read(page, site, path):
    """The tab when it shows a page of the book and all its mathematics."""
    for noted in (page.offsite, page.missing, page.errors):
        noted.clear()
    page.goto("about:blank")  # from a page to a place on it is no visit
    page.goto(f"{site}/{path}", wait_until="load")
    page.evaluate("() => (window.MathJax && MathJax.startup) ? MathJax.startup.promise : null")
    page.wait_for_selector("html:not(.ibias-setting)")
    return page


@pytest.fixture(scope="module")
def tabs(browser, site):
    """tabs(viewport, scheme) -> the tab of that kind; a new one for each page would cost as much
    again as the page does."""

    @functools.cache
    def one(width, scheme):
        made.append(tab(browser, site, PHONE if width == PHONE["width"] else DESK, scheme))
        return made[-1]

    made = []
    yield lambda viewport, scheme: one(viewport["width"], scheme)
    for page in made:
        page.context.close()


@pytest.fixture
def visit(tabs, site):
    """visit(path, viewport=, scheme=) -> the page, to a reader who has never been here."""
    pages = []

    def go(path, viewport=DESK, scheme="light"):
        pages.append(read(tabs(viewport, scheme), site, path))
        return pages[-1]

    yield go
    for page in pages:
        page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
        page.emulate_media(media="screen")


@pytest.fixture(scope="module")
def desk(request, tabs, site):
    """A page at desktop width, read once for all the tests that only look: pytest runs those of
    one page together."""
    page = read(tabs(DESK, "light"), site, request.param)
    page.wait_for_timeout(300)
    return page


on_each_page = pytest.mark.parametrize("desk", PAGES, indirect=True)
on_each_content = pytest.mark.parametrize("desk", CONTENT, indirect=True)


@on_each_page
def test_page_stays_at_home_and_does_not_complain(desk):
    page = desk
    assert page.offsite == []
    assert page.missing == []
    assert page.errors == []


@on_each_content
def test_mathematics_is_typeset(desk):
    page = desk
    left = page.evaluate(
        "() => [...document.querySelectorAll('.math')].filter(e =>"
        " !e.querySelector('mjx-container')).map(e => e.textContent)"
    )
    assert left == []
    assert page.locator("mjx-merror").count() == 0
    # a dollar sign in running text is mathematics that was not understood
    text = page.evaluate(
        "() => [...document.querySelectorAll('article p, article li, article td')].map(e =>"
        " e.innerText).join('\\n')"
    )
    assert not re.findall(r"\$[^$\n]+\$", text)


@on_each_content
def test_no_markup_is_left(desk):
    """Running text with a fence, a role or a link's brackets in it is markup that the builder did
    not understand."""
    text = desk.evaluate(
        """() => [...document.querySelectorAll('article p, article li, article td, article figcaption, article caption')].map(e => {
        const copy = e.cloneNode(true); copy.querySelectorAll('code, pre, .math').forEach(c => c.remove()); return copy.textContent; }).join('\\n')"""
    )
    assert not re.findall(r"`{2,}|:::|\{[a-z:]+\}`|\]\([^)\s]+\)|^:[a-z]+: .*", text, re.MULTILINE)


@on_each_content
def test_no_cell_failed(desk):
    page = desk
    assert page.locator(".output.traceback, .output_error, .cell_output .stderr").count() == 0
    assert "Traceback (most recent call last)" not in page.locator("article").inner_text()


@on_each_content
def test_every_figure_can_be_read_without_seeing_it(desk):
    page = desk
    bad = page.evaluate(
        """() => [...document.querySelectorAll('article img')].filter(i => !i.closest('[role=img]')
        && (!i.alt || i.alt.startsWith('../') || i.alt.split(' ').length < 3)).map(i => i.src)"""
    )
    assert bad == []
    assert (
        page.evaluate(
            "() => [...document.querySelectorAll('article img')].filter(i => i.complete &&"
            " !i.naturalWidth).map(i => i.src)"
        )
        == []
    )


@on_each_content
def test_every_figure_has_its_provenance_and_its_data(desk):
    page = desk
    bare = page.evaluate(
        """() => [...document.querySelectorAll('figure.ibias-figure')].filter(f => {
        const fold = document.getElementById('provenance-' + f.id);
        return !(fold && fold.querySelector('a.download') && fold.innerText !== undefined && fold.textContent.includes('ibias verify ' + f.id)
                 && fold.textContent.includes('sha256')); }).map(f => f.id)"""
    )
    assert bare == []


def test_a_fold_opens_and_its_data_can_be_fetched(visit, site):
    path = next(
        (
            p
            for p in CONTENT
            if 'class="ibias-provenance"' in (HTML / p).read_text(encoding="utf-8")
        ),
        None,
    )
    if path is None:
        pytest.skip("no page shows a figure with provenance")
    page = visit(path)
    fold = page.locator("details.ibias-provenance").first
    assert not fold.locator("dl").is_visible()
    fold.locator("summary").focus()
    page.keyboard.press("Enter")
    assert fold.locator("dl").is_visible()
    with page.expect_download() as download:
        fold.locator("a.download").first.click()
    assert Path(download.value.path()).stat().st_size > 100


FOLDS = "details.ibias-proof"


PROVING = [p for p in CONTENT if "ibias-proof" in (HTML / p).read_text(encoding="utf-8")]


@pytest.mark.parametrize("path", mostly_slow(PROVING, QUICK.intersection(PROVING)))
def test_every_statement_has_its_proof_folded_and_its_badge(visit, path):
    page = visit(path)
    boxes = page.locator("div.proof:not(.definition)").evaluate_all(
        """all => all.map(box => [box.id, box.nextElementSibling?.id ?? "",
          box.querySelectorAll(".admonition-title .ibias-badge").length])"""
    )
    assert boxes
    for label, following, badges in boxes:
        assert following == f"proof-{label.removeprefix('stmt-')}" and badges
    assert page.locator(FOLDS).evaluate_all("all => all.filter(fold => fold.open).length") == 0
    for fold in page.locator(FOLDS).all():
        assert fold.locator("summary").inner_text().startswith("Proof of ")
        assert len(fold.text_content()) > 150
        assert "/blob/main/book/ibias_book/" in fold.locator(".ibias-tested a").get_attribute(
            "href"
        )


def test_a_proof_opens_by_keyboard_and_prints_open(visit):
    page = visit("notebooks/C_technical_lemmas.html")
    fold = page.locator("#proof-c-3")
    steps = fold.locator("ol")
    assert not steps.is_visible()
    fold.locator("summary").focus()
    page.keyboard.press("Enter")
    assert steps.is_visible()
    page.keyboard.press("Space")
    assert not steps.is_visible()
    page.emulate_media(media="print")
    assert steps.is_visible() and steps.bounding_box()["height"] > 50


@on_each_content
def test_a_section_folds_its_code_once(desk):
    """One fold where there were up to fifteen, that holds all of their cells."""
    folds = desk.evaluate(
        """() => [...document.querySelectorAll('article details:has(> .cell_input)')].map(fold => {
        const section = fold.closest('section');
        return [fold.querySelector('summary').innerText, fold.querySelectorAll('pre').length,
                [...section.querySelectorAll(':scope > details:has(> .cell_input)')].length]; })"""
    )
    name = Path(urlsplit(desk.url).path).stem
    source = ROOT / "notebooks" / f"{name}.py"
    cells = source.read_text("utf-8").count('tags=["hide-input"]') if source.is_file() else 0
    assert sum(shown for _, shown, _ in folds) == cells
    assert all(words == "Code of this section" and n == 1 for words, _, n in folds)


def test_the_code_of_a_section_opens_by_keyboard(visit):
    page = visit("notebooks/C_technical_lemmas.html")
    fold = page.locator("details.ibias-code").first
    fold.locator("summary").focus()
    page.keyboard.press("Enter")
    assert fold.locator("pre").first.is_visible()


def test_a_badge_says_what_it_means_on_focus_and_leads_there(visit):
    page = visit("notebooks/C_technical_lemmas.html")
    badge = page.locator("#stmt-c-3 .ibias-badge")
    assert badge.inner_text() == "sharper than the paper"
    page.locator("#stmt-c-3").scroll_into_view_if_needed()
    badge.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    shown = badge.evaluate("badge => getComputedStyle(badge, '::after').content")
    assert badge.get_attribute("title") in shown
    page.keyboard.press("Enter")
    page.wait_for_url("**/book/notation.html#sec-notation-words")
    assert page.locator("#sec-notation-words").count() == 1


@pytest.mark.parametrize("path", mostly_slow(PAGES, QUICK))
@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_a_phone_does_not_scroll_sideways(visit, path, scheme):
    page = visit(path, PHONE, scheme)
    page.wait_for_timeout(300)
    wide = page.evaluate("""() => document.documentElement.scrollWidth <= innerWidth ? [] :
        [...document.querySelectorAll('article *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1)
        .map(e => e.outerHTML.slice(0, 120)).slice(0, 5)
        .concat([String(document.documentElement.scrollWidth)])""")
    assert wide == []


@pytest.mark.slow
@each_content
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessibility(visit, path, scheme):
    if not AXE.exists():
        pytest.skip("no axe-core (npm ci)")
    page = visit(path, DESK, scheme)
    page.add_script_tag(path=str(AXE))
    found = page.evaluate(
        """async () => (await axe.run(document, {resultTypes: ['violations']})).violations
        .filter(v => ['serious', 'critical'].includes(v.impact))
        .map(v => v.id + ': ' + v.nodes.slice(0, 3).map(n => n.target + ' ' + n.html.slice(0, 100)).join(' | '))"""
    )
    assert found == []


class Anchors(HTMLParser):
    """Targets and links of a page."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.unseen = set(), [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.ids |= {attrs[k] for k in ("id", "name") if attrs.get(k)}
        if tag in ("a", "link") and attrs.get("href"):
            self.links.append(attrs["href"])
        elif tag in ("img", "script") and attrs.get("src"):
            self.links.append(attrs["src"])
            if "only-dark" in (attrs.get("class") or ""):
                self.unseen.add(attrs["src"])


@functools.cache
def anchors(path: Path) -> Anchors:
    return Anchors(path.read_text(encoding="utf-8"))


@each_page
def test_links_lead_somewhere(path):
    here = HTML / path
    broken = []
    for link in anchors(here).links:
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            continue
        target = (here.parent / unquote(parts.path)).resolve() if parts.path else here
        if not target.exists():
            broken.append(link)
        elif "=" in parts.fragment:
            continue  # the state of an explorer or a playground
        elif (
            parts.fragment
            and target.suffix == ".html"
            and unquote(parts.fragment) not in anchors(target).ids
        ):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("scheme, unseen", [("light", "only-dark"), ("dark", "only-light")])
def test_a_reader_fetches_no_drawing_for_the_other_theme(browser, site, scheme, unseen):
    path = next(p for p in CONTENT if "only-dark" in (HTML / p).read_text(encoding="utf-8"))
    page = browser.new_context(viewport=DESK, color_scheme=scheme).new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{site}/{path}", wait_until="load")
    page.locator(".ibias-frame").last.scroll_into_view_if_needed()
    page.wait_for_timeout(300)
    drawn = page.locator(f"img.{unseen}").evaluate_all("all => all.map(image => image.src)")
    page.context.close()
    assert drawn and not set(drawn) & set(asked)


def test_the_index_of_statements_names_them_and_old_links_arrive(visit):
    index = visit("prf-prf.html").locator("article")
    said = index.inner_text()
    assert "Lemma C.7" in said and "Theorem 4.6" in said and "stmt-" not in said
    page = visit("notebooks/V_version_two.html#stmt-x-3")
    box = page.locator("#stmt-v-3").bounding_box()
    assert 0 <= box["y"] < 200


@each_content
def test_pages_are_small(path):
    # what a reader waits for: the page and its own pictures, without the libraries that all pages
    # share
    here = HTML / path
    own = [
        here,
        *{
            (here.parent / unquote(urlsplit(s).path)).resolve()
            for s in anchors(here).links
            if "_images/" in s and s not in anchors(here).unseen  # fetched in the dark only
        },
    ]
    limit = 1_000_000 if path == "book/intro.html" else 3_000_000
    assert sum(p.stat().st_size for p in own if p.is_file()) < limit


def test_the_first_page_is_fetched_in_less_than_a_megabyte(browser, site):
    """Packed, as a server sends them: the page with its libraries and fonts."""
    page, asked = browser.new_context(viewport=DESK).new_page(), set()
    page.on("request", lambda request: asked.add(urlsplit(request.url).path))
    page.goto(f"{site}/book/intro.html", wait_until="load")
    page.wait_for_timeout(300)
    page.context.close()
    files = [HTML / path.lstrip("/") for path in asked]
    assert sum(len(gzip.compress(f.read_bytes())) for f in files if f.is_file()) < 1_000_000


def test_icons_are_shown(visit):
    page = visit("book/intro.html", PHONE)
    page.evaluate("() => document.fonts.ready")
    seen = "e => e.checkVisibility() && e.getBoundingClientRect().width > 5"
    for name in (".fa-magnifying-glass", ".fa-download"):
        assert any(icon.evaluate(seen) for icon in page.locator(f"i{name}").all()), name


def test_the_address_of_the_folder_opens_the_book(visit):
    page = visit("book/notation.html")
    page.goto(page.url.replace("book/notation.html", ""))
    page.wait_for_url("**/book/intro.html")
    assert page.offsite == page.missing == []


def test_search_finds_a_word(visit):
    page = visit("search.html?q=margin")
    page.wait_for_selector("#search-results li")
    assert page.locator("#search-results li").count() >= 3


def test_a_page_prints_without_its_menus(visit):
    page = visit("book/verdicts.html")
    page.emulate_media(media="print")
    assert not page.locator(".bd-sidebar-primary").is_visible()
    # the theme prints a heading of its own in place of the article's
    assert any(h.is_visible() and "Verdicts" in h.inner_text() for h in page.locator("h1").all())
    assert (
        page.locator("table.ibias-verdicts").count() == 0
        or page.locator("table.ibias-verdicts").first.is_visible()
    )


def test_plotly_figures_are_drawn(visit):
    pages = [p for p in CONTENT if 'class="ibias-plotly"' in (HTML / p).read_text(encoding="utf-8")]
    for path in pages:
        page = visit(path)
        drawn = "e.dataset.ready === '1' && e.querySelector('.main-svg')"
        page.wait_for_function(
            f"() => [...document.querySelectorAll('.ibias-plotly')].every(e => {drawn})"
        )


# --- nothing is cut ------------------------------------------------------------------------------

CUT = """() => [...document.querySelectorAll('article mjx-container')].filter(box => box.checkVisibility()).map(box => {
    const right = Math.max(...[box, ...box.querySelectorAll('mjx-math, .ibias-piece')].map(e => e.getBoundingClientRect().right));
    for (let frame = box; frame !== document.body; frame = frame.parentElement) {
        const kind = getComputedStyle(frame).overflowX;
        if (kind === 'auto' || kind === 'scroll') return null;
        if (kind !== 'visible' && right > frame.getBoundingClientRect().right + 2) return box.textContent.slice(0, 60);
    }
    return right > innerWidth + 1 ? box.textContent.slice(0, 60) : null;
}).filter(text => text)"""


@on_each_content
def test_code_and_tables_fit_a_page_of_1280(desk):
    wide = desk.evaluate(
        "() => [...document.querySelectorAll('article pre,"
        " article .pst-scrollable-table-container')].filter(e => e.checkVisibility() &&"
        " e.scrollWidth > e.clientWidth + 1).map(e => e.innerText.slice(0, 80))"
    )
    assert wide == []


@on_each_content
def test_words_of_code_are_whole(desk):
    broken = desk.evaluate(
        """() => [...document.querySelectorAll('article code')].filter(c => c.checkVisibility()).flatMap(code => {
        const found = [], walk = document.createTreeWalker(code, NodeFilter.SHOW_TEXT);
        for (let node; (node = walk.nextNode());) for (const word of node.data.matchAll(/\\w{3,}/g)) {
            const range = document.createRange();
            range.setStart(node, word.index); range.setEnd(node, word.index + word[0].length);
            if (range.getClientRects().length > 1) found.push(word[0]);
        }
        return found; })"""
    )
    assert broken == []


@pytest.mark.parametrize("path", mostly_slow(CONTENT, QUICK))
def test_a_phone_shows_whole_formulas_and_whole_figures(visit, path):
    page = visit(path, PHONE)
    page.evaluate("() => document.fonts.ready")
    page.wait_for_timeout(300)
    assert page.evaluate(CUT) == []
    wide = "e => e.scrollWidth > e.clientWidth + 1"
    frames = f"() => [...document.querySelectorAll('.ibias-frame')].filter({wide}).length"
    assert page.evaluate(frames) == 0


def test_a_tap_enlarges_a_figure_on_a_phone(visit):
    path = next(
        (p for p in CONTENT if "ibias-frame" in (HTML / p).read_text(encoding="utf-8")), None
    )
    if path is None:
        pytest.skip("no page shows a figure")
    frame = visit(path, PHONE).locator(".ibias-frame").first
    shown = frame.locator("img:visible")
    before = shown.bounding_box()["width"]
    shown.click()
    assert shown.bounding_box()["width"] > 1.5 * before
    frame.focus()
    frame.press("Enter")
    assert shown.bounding_box()["width"] == pytest.approx(before, abs=1)


def test_a_self_check_is_folded_and_a_link_to_it_opens_it(visit):
    folded = re.compile(r'class="[^"]*ibias-claim[^"]*dropdown[^"]*" id="(claim-[^"]+)"')
    found = [(p, m[1]) for p in CONTENT if (m := folded.search((HTML / p).read_text("utf-8")))]
    assert found, "no chapter holds a self-check"
    path, id = found[0]
    said = f"#{id} dl"
    assert not visit(path).locator(said).is_visible()
    assert visit(f"{path}#{id}").locator(said).is_visible()


# --- nothing jumps ---------------------------------------------------------------------------------

SHIFTS = """window.moved = 0;
new PerformanceObserver(list => list.getEntries().forEach(e => { if (!e.hadRecentInput) window.moved += e.value; }))
    .observe({type: "layout-shift", buffered: true});"""


@pytest.mark.parametrize(
    "path", [pytest.param(p, marks=[pytest.mark.slow] * ("I_exp" not in p)) for p in CONTENT]
)
def test_nothing_jumps_while_a_page_loads(browser, site, path):
    """The browsers' own measure of what moves under a reader's eyes; 0.1 is called good."""
    page = browser.new_context(viewport=DESK, reduced_motion="reduce").new_page()
    page.add_init_script(SHIFTS)
    page.goto(f"{site}/{path}", wait_until="load")
    page.wait_for_selector("html:not(.ibias-setting)")
    page.wait_for_timeout(500)
    moved = page.evaluate("() => window.moved")
    page.context.close()
    assert moved < 0.05


def test_formulas_that_do_not_come_keep_nobody_from_reading(browser, site):
    page = browser.new_context(viewport=DESK).new_page()
    page.route("**/mathjax/**", lambda route: route.abort())
    page.goto(f"{site}/notebooks/C_technical_lemmas.html", wait_until="load")
    page.wait_for_selector("article h1", state="visible")
    page.context.close()
