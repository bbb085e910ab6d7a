"""The notebooks, their pairs and the table of contents."""

import ast
import json
import re
import shutil
import subprocess
from pathlib import Path

import jupytext
import nbformat
import pytest
import yaml
from ibias_book import claims, words
from ibias_book.run import notebooks, sources
from ibias_book.run.parameters import parameters

ROOT = Path(__file__).resolve().parents[1]
PY = sorted((ROOT / "notebooks").glob("*.py"))
IPYNB = sorted((ROOT / "notebooks").glob("*.ipynb"))
each_py = pytest.mark.parametrize("path", PY, ids=lambda p: p.stem)
each_ipynb = pytest.mark.parametrize("path", IPYNB, ids=lambda p: p.stem)


def code_of(path):
    nb = jupytext.read(path)
    return [c for c in nb.cells if c.cell_type == "code"]


def trees(path):
    return [(c, sources.parse(c.source)) for c in code_of(path)]


# --- what `make book` and `make test` look at
# -------------------------------------------------------------------------------------------
@pytest.mark.skipif(not shutil.which("make"), reason="needs make")
def test_caches_do_not_put_the_book_out_of_date(tmp_path):
    # ruff, beside notebooks/ruff.toml, and numba keep theirs in these folders
    caches = ["notebooks/.ruff_cache/0.1/2", "ibias/kernel/__pycache__/advance.nbi"]
    sources = ["ibias/norms.py", "notebooks/ruff.toml", "tests/test_norms.py"]
    for name in [*caches, *sources, "book/intro.md"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    show = ["--eval", "show:;@echo $(SOURCES) $(TESTS)", "show"]
    command = ["make", "-s", "-C", tmp_path, "-f", ROOT / "Makefile", *show]
    seen = set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    assert set(sources) <= seen
    assert not set(caches) & seen


# --- table of contents
# -------------------------------------------------------------------------------------------
def toc_files():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    return [toc["root"], *(c["file"] for part in toc["parts"] for c in part["chapters"])]


def test_every_page_of_the_contents_exists():
    missing = [
        f
        for f in toc_files()
        if not any((ROOT / f"{f}{end}").is_file() for end in (".md", ".ipynb"))
    ]
    assert not missing


def test_every_notebook_and_page_is_in_the_contents():
    there = {f"notebooks/{p.stem}" for p in PY + IPYNB} | {
        f"book/{p.stem}" for p in (ROOT / "book").glob("*.md")
    }
    assert not there - set(toc_files())
    assert len(toc_files()) == len(set(toc_files()))


# --- what a notebook may hold
# ------------------------------------------------------------------------------------
@each_ipynb
def test_notebook_is_valid_and_has_no_outputs(path):
    nb = nbformat.read(path, as_version=4)
    nbformat.validate(nb)
    assert len({c.id for c in nb.cells}) == len(nb.cells)
    assert all(not c.get("outputs") and c.get("execution_count") is None for c in nb.cells)


@each_ipynb
def test_notebook_has_one_parameters_cell_of_literals(path):
    tagged = [c for c in code_of(path) if "parameters" in c.metadata.get("tags", [])]
    assert len(tagged) == 1
    assert parameters(path), "the parameters cell is empty"


FORBIDDEN = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.For, ast.While, ast.Lambda)


@each_py
def test_notebook_defines_nothing_and_loops_over_nothing(path):
    found = [
        f"{type(n).__name__} in `{c.source.splitlines()[n.lineno - 1].strip()}`"
        for c, tree in trees(path)
        for n in ast.walk(tree)
        if isinstance(n, FORBIDDEN)
    ]
    assert not found, "what a notebook needs goes into the package"


@each_py
def test_notebook_sets_no_style(path):
    text = "\n".join(c.source for c in code_of(path))
    assert not re.search(r"rcParams|rc_context|plt\.style|set_theme", text), (
        "the style is in ibias_book/figures/style.py"
    )


@pytest.mark.parametrize("path", PY + sorted((ROOT / "book").glob("*.md")), ids=lambda p: p.stem)
def test_fences_open(path):
    """A backtick in the line that opens a fence makes the fence a paragraph: the page would show
    its markup."""
    lines = [line.removeprefix("# ") for line in path.read_text(encoding="utf-8").splitlines()]
    assert lines
    assert not [line for line in lines if re.match(r"`{3,}[^`]+`", line)]


@each_py
def test_figures_are_shown_with_provenance(path):
    text = "\n".join(c.source for c in code_of(path))
    assert not re.search(r"plt\.show\(|\.savefig\(|fig\.show\(", text), (
        "use ibias_book.provenance.show"
    )


@each_py
def test_a_caption_begins_with_the_point_of_its_figure(path):
    calls = [n for c in code_of(path) for n in ast.walk(sources.parse(c.source))]
    shown = [n for n in calls if isinstance(n, ast.Call) and getattr(n.func, "id", "") == "show"]
    captions = [k.value for n in shown for k in n.keywords if k.arg == "caption"]
    first = [c.values[0] if isinstance(c, ast.JoinedStr) else c for c in captions]
    assert len(captions) == len(shown)
    assert [c.value for c in first if not re.match(r"\*\*[^*]+[.]\*\* ", c.value)] == []


def test_a_loop_in_a_notebook_is_seen():
    assert any(
        isinstance(n, FORBIDDEN)
        for n in ast.walk(sources.parse("%matplotlib inline\nfor i in range(3):\n    print(i)"))
    )


def constants(call):
    return [a.value for a in call.args[:1] if isinstance(a, ast.Constant)]


def calls(name):
    return [
        (p.stem, value)
        for p in PY
        for _, tree in trees(p)
        for n in ast.walk(tree)
        if isinstance(n, ast.Call) and getattr(n.func, "id", "") == name
        for value in (
            constants(n)
            if name == "claim"
            else [a.value for a in n.args[1:2] if isinstance(a, ast.Constant)]
        )
    ]


@pytest.mark.parametrize("name", ["claim", "show"])
def test_ids_are_used_once(name):
    ids = [value for _, value in calls(name)]
    assert sorted(set(ids)) == sorted(ids)


THINGS = {
    "seeds": "seed|shuffle",
    "networks": "seed|network",
    "repetitions": "seed|repetition",
    "shuffles": "shuffle",
}
"""How texts name what a parameter counts, by the last word of its name, where it is another."""


def typed_counts(text, defaults):
    """What `text` says of numbers that a parameter sets: "five shuffles" where `seeds` is 5."""
    for name, value in defaults.items():
        if type(value) is not int or name.endswith("seed"):
            continue
        last = name.rpartition("_")[2]
        thing = "data set" if name == "data_seeds" else THINGS.get(last, last.removesuffix("s"))
        spelled = words.SPELLED[value] if value < len(words.SPELLED) else "none"
        number = rf"{spelled}|{value}|{value:,}".replace(",", "[, ]?")
        yield from re.findall(rf"\b(?:{number}) (?:{thing})s?\b", text)


def evidence(path):
    """The texts in claims and captions that say what was run."""
    for _, tree in trees(path):
        for n in ast.walk(tree):
            if isinstance(n, ast.Call) and getattr(n.func, "id", "") in ("claim", "show"):
                said = [k.value for k in n.keywords if k.arg in ("tested", "caption", "alt")]
                parts = [c for value in said for c in ast.walk(value)]
                yield from (c.value for c in parts if isinstance(c, ast.Constant))


def test_typed_counts_are_seen():
    assert [*typed_counts("five shuffles, 20 000 steps", {"seeds": 5, "steps": 20_000})]
    assert not [*typed_counts("four shuffles of five", {"seeds": 5, "data_seed": 4})]


@each_py
def test_what_a_claim_or_caption_says_was_run_follows_the_parameters(path):
    defaults = parameters(path.with_suffix(".ipynb"))
    texts = [text for text in evidence(path) if isinstance(text, str)]
    assert texts
    assert [found for text in texts for found in typed_counts(text, defaults)] == []


@each_py
def test_no_claim_holds_because_nothing_else_was_found(path):
    """`verdict="contradicted" if ... else "holds"` says that it holds of too short a run."""
    chosen = [
        n.orelse.value
        for _, tree in trees(path)
        for n in ast.walk(tree)
        if isinstance(n, ast.IfExp) and isinstance(n.orelse, ast.Constant)
    ]
    assert not [verdict for verdict in chosen if str(verdict).startswith("holds")]


def test_expected_verdicts_belong_to_notebooks_of_the_book():
    expected = claims.expected(ROOT / "book" / "verdicts.json")
    assert set(expected) <= set(toc_files())
    kept = [pair for page in expected.values() for pair in page.values()]
    assert {kind for kind, _ in kept} == set(claims.KINDS)
    assert {verdict for _, verdict in kept} <= set(claims.VERDICTS)


def test_a_statement_of_a_paper_names_a_text_that_is_at_hand():
    """Its version, or the public record that stands in for it."""
    texts = {}
    for _, tree in (pair for path in PY for pair in trees(path)):
        for n in ast.walk(tree):
            if isinstance(n, ast.Call) and getattr(n.func, "id", "") == "claim":
                given = {k.arg: ast.unparse(k.value) for k in n.keywords}
                texts[constants(n)[0]] = (given["kind"], given["where"])
    papers = {id: where for id, (kind, where) in texts.items() if kind == "'paper'"}
    assert len(papers) > 30
    assert not {id: where for id, where in papers.items() if not re.search(r"\bv[123]\b", where)}


# --- addresses
# ---------------------------------------------------------------------------------------------------
def test_one_repository_everywhere():
    url = yaml.safe_load((ROOT / "_config.yml").read_text())["repository"]["url"]
    slug = url.removeprefix("https://github.com/")
    for name in ("README.md", "CITATION.cff", "pyproject.toml", "book/reproduce.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert slug in text
        # a GitHub address of our package that is not this one was forgotten in a change of address
        assert not [m for m in re.findall(r"github\.com/([\w.-]+/ibias)\b", text) if m != slug], (
            name
        )


def test_launch_buttons_point_at_files_that_exist():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = re.findall(
        r"(?:colab\.research\.google\.com/github/[\w.-]+/[\w.-]+/blob/main/|labpath=)([\w./%-]+)",
        text,
    )
    assert len(targets) >= 2
    assert not [t for t in targets if not (ROOT / t.replace("%2F", "/")).is_file()]


def test_files_of_the_repository_that_the_readme_names_exist():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = [t for t in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in t]
    assert links and not [t for t in links if not (ROOT / t).exists()]


@pytest.mark.skipif(
    not (ROOT / "_build" / "executed" / "05_experiment.ipynb").exists(), reason="no book is built"
)
def test_the_picture_of_the_readme_is_drawn_as_the_figure_of_the_book(tmp_path):
    """Its panels; curves may differ by rounding from machine to machine."""
    shown = (ROOT / "book" / "figure-1.svg").read_text(encoding="utf-8")
    (tmp_path / "book").mkdir()
    for name in ("_toc.yml", "notebooks", "_build"):
        (tmp_path / name).symlink_to(ROOT / name)
    drawn = notebooks.picture(tmp_path).read_text(encoding="utf-8")
    assert re.findall(r'id="axes_\d+"', shown) == re.findall(r'id="axes_\d+"', drawn)


def test_the_package_and_its_pins_agree():
    pins = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().split())
    assert pins["torch"] and "+" not in pins["torch"], "a local version would not install elsewhere"
    assert (
        json.loads((ROOT / "package.json").read_text())["dependencies"]["mathjax"]
        in (ROOT / "package-lock.json").read_text()
    )
