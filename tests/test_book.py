"""The notebooks, their pairs and the table of contents; the runner, the claims and the figures' data."""
import ast
import json
import re
from pathlib import Path

import jupytext
import nbformat
import numpy as np
import pandas as pd
import pytest
import xarray as xr
import yaml

from ibias.companion import claims, figure_data, notebooks, outputs, sources
from ibias.companion.parameters import parameters, typed

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


# --- table of contents -------------------------------------------------------------------------------------------
def toc_files():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    return [toc["root"], *(c["file"] for part in toc["parts"] for c in part["chapters"])]


def test_every_page_of_the_contents_exists():
    missing = [f for f in toc_files() if not any((ROOT / f"{f}{end}").is_file() for end in (".md", ".ipynb"))]
    assert not missing


def test_every_notebook_and_page_is_in_the_contents():
    there = {f"notebooks/{p.stem}" for p in PY + IPYNB} | {f"book/{p.stem}" for p in (ROOT / "book").glob("*.md")}
    assert not there - set(toc_files())
    assert len(toc_files()) == len(set(toc_files()))


# --- pairs -------------------------------------------------------------------------------------------------------
def shape(nb):
    keep = ("tags", "mystnb")
    return [(c.cell_type, c.source, {k: c.metadata[k] for k in keep if c.metadata.get(k)}) for c in nb.cells]


def test_every_notebook_has_its_pair():
    assert [p.stem for p in PY] == [p.stem for p in IPYNB], "run: make pairs"


@each_py
def test_pair_is_in_step(path):
    a, b = jupytext.read(path), jupytext.read(path.with_suffix(".ipynb"))
    assert shape(a) == shape(b), "run: make pairs"
    assert a.metadata.kernelspec == b.metadata.kernelspec
    assert (b.metadata.kernelspec.name, b.metadata.kernelspec.language) == ("python3", "python"), "papermill needs both"


# --- what a notebook may hold ------------------------------------------------------------------------------------
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
    found = [f"{type(n).__name__} in `{c.source.splitlines()[n.lineno - 1].strip()}`" for c, tree in trees(path)
             for n in ast.walk(tree) if isinstance(n, FORBIDDEN)]
    assert not found, "what a notebook needs goes into the package"


@each_py
def test_notebook_sets_no_style(path):
    text = "\n".join(c.source for c in code_of(path))
    assert not re.search(r"rcParams|rc_context|plt\.style|set_theme", text), "the style is in ibias/plots.py"


@each_py
def test_figures_are_shown_with_provenance(path):
    text = "\n".join(c.source for c in code_of(path))
    assert not re.search(r"plt\.show\(|\.savefig\(|fig\.show\(", text), "use ibias.companion.provenance.show"


def test_a_loop_in_a_notebook_is_seen():
    assert any(isinstance(n, FORBIDDEN) for n in ast.walk(sources.parse("%matplotlib inline\nfor i in range(3):\n    print(i)")))


def constants(call):
    return [a.value for a in call.args[:1] if isinstance(a, ast.Constant)]


def calls(name):
    return [(p.stem, value) for p in PY for _, tree in trees(p) for n in ast.walk(tree)
            if isinstance(n, ast.Call) and getattr(n.func, "id", "") == name
            for value in (constants(n) if name == "claim" else [a.value for a in n.args[1:2] if isinstance(a, ast.Constant)])]


@pytest.mark.parametrize("name", ["claim", "show"])
def test_ids_are_used_once(name):
    ids = [value for _, value in calls(name)]
    assert sorted(set(ids)) == sorted(ids)


def test_expected_verdicts_belong_to_notebooks_of_the_book():
    expected = claims.expected(ROOT / "book" / "verdicts.json")
    assert set(expected) <= set(toc_files())
    assert all(v in claims.VERDICTS for page in expected.values() for v in page.values())


# --- addresses ---------------------------------------------------------------------------------------------------
def test_one_repository_everywhere():
    url = yaml.safe_load((ROOT / "_config.yml").read_text())["repository"]["url"]
    slug = url.removeprefix("https://github.com/")
    for name in ("README.md", "CITATION.cff", "pyproject.toml", "book/reproduce.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert slug in text
        # a GitHub address of our package that is not this one was forgotten in a change of address
        assert not [m for m in re.findall(r"github\.com/([\w.-]+/ibias)\b", text) if m != slug], name


def test_launch_buttons_point_at_files_that_exist():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = re.findall(r"(?:colab\.research\.google\.com/github/[\w.-]+/[\w.-]+/blob/main/|labpath=)([\w./%-]+)", text)
    assert len(targets) >= 2
    assert not [t for t in targets if not (ROOT / t.replace("%2F", "/")).is_file()]


def test_files_of_the_repository_that_the_readme_names_exist():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = [t for t in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in t]
    assert links and not [t for t in links if not (ROOT / t).exists()]


# --- parameters --------------------------------------------------------------------------------------------------
def notebook(tmp_path, cell, name="nb.ipynb", **more):
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell, metadata={"tags": ["parameters"]}, **more)])
    nbformat.write(nb, tmp_path / name)
    return tmp_path / name


CELL = "steps = 20_000\neta0 = 0.5\nfast = True\nname = 'x'\nsizes = [1, 10]\nnothing = None"


@pytest.mark.parametrize("given, value", [
    ({"steps": "2e4"}, 20000), ({"steps": "30_000"}, 30000), ({"eta0": "1"}, 1.0), ({"fast": "no"}, False), ({"name": "1"}, "1"),
    ({"sizes": "1, 20"}, [1, 20]), ({"sizes": "[5]"}, [5]), ({"nothing": "a"}, "a"), ({"steps": 7}, 7),
])
def test_parameters_take_the_type_of_their_default(tmp_path, given, value):
    (found,) = typed(notebook(tmp_path, CELL), given).values()
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize("given, said", [
    ({"steps": "many"}, "whole number"), ({"steps": "1.5"}, "whole number"), ({"fast": "maybe"}, "true or false"),
    ({"stepz": "1"}, "no parameter 'stepz'; it has: steps"), ({"eta0": "__import__('os')"}, "a number"),
])
def test_wrong_parameters_are_refused_in_a_sentence(tmp_path, given, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        typed(notebook(tmp_path, CELL), given)


def test_a_parameter_that_is_no_literal_is_refused(tmp_path):
    with pytest.raises(ValueError, match="literal"):
        parameters(notebook(tmp_path, "seeds = range(5)"))


# --- what outputs depend on --------------------------------------------------------------------------------------
def names(code):
    return {p.relative_to(sources.PACKAGE).as_posix() for p in sources.behind(code)}


def test_outputs_depend_on_what_the_code_reaches():
    reached = names("import ibias as ib\nruns = ib.sweep(1)")
    assert {"__init__.py", "norms.py", "engine/lanes.py", "sweep.py"} <= reached
    assert "plots.py" not in reached and not any(n.startswith("companion") for n in reached)
    assert "plots.py" in names("from ibias import plots")
    assert "companion/cli.py" not in names("from ibias.companion.provenance import show")


def test_key_changes_with_code_and_data_only(tmp_path):
    first = sources.key(notebook(tmp_path, "data = 'mine.csv'"))
    assert sources.key(notebook(tmp_path, "data = 'mine.csv'", "again.ipynb")) == first
    assert sources.key(notebook(tmp_path, "data = 'other.csv'")) != first
    (tmp_path / "mine.csv").write_text("1")
    with_file = sources.key(notebook(tmp_path, "data = 'mine.csv'"))
    (tmp_path / "mine.csv").write_text("2")
    assert len({first, with_file, sources.key(notebook(tmp_path, "data = 'mine.csv'"))}) == 3


def test_outputs_are_grafted_onto_the_committed_notebook(tmp_path):
    cell = nbformat.v4.new_code_cell
    source = nbformat.v4.new_notebook(cells=[cell("a = 1"), cell("a")])
    injected = cell("a = 2", metadata={"tags": ["injected-parameters"]})
    shown = cell("a", outputs=[nbformat.v4.new_output("execute_result", {"text/plain": "1"})], execution_count=3)
    made = outputs.graft(source, nbformat.v4.new_notebook(cells=[cell("a = 1"), injected, shown]))
    assert [c.source for c in made.cells] == ["a = 1", "a"]
    assert made.cells[1].outputs[0]["data"]["text/plain"] == "1" and made.cells[1].execution_count == 3
    assert not source.cells[1].outputs
    with pytest.raises(ValueError, match="not the committed one"):
        outputs.graft(source, nbformat.v4.new_notebook(cells=[cell("a = 1"), cell("b")]))


# --- the path from notebook to cache, in miniature ---------------------------------------------------------------
MINI = """\
import xarray as xr
from ibias.companion.claims import claim
from ibias.companion.provenance import show
data = xr.Dataset({"y": ("x", [float(steps), 2.0])})
show("<svg xmlns='http://www.w3.org/2000/svg'></svg>", "fig-mini", data=data, alt="An empty drawing only")
claim("mini", "One is one.", where="here", tested="equality", holds=True)
"""


@pytest.fixture
def mini(tmp_path):
    """A book of one notebook."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "book").mkdir()
    (tmp_path / "_toc.yml").write_text("root: book/intro\nparts: [{caption: A, chapters: [{file: notebooks/mini}]}]")
    cells = [nbformat.v4.new_code_cell("steps = 3", metadata={"tags": ["parameters"]}), nbformat.v4.new_code_cell(MINI)]
    nb = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}})
    nbformat.write(nb, tmp_path / "notebooks" / "mini.ipynb")
    return tmp_path


def test_a_notebook_runs_is_kept_verified_and_found_stale(mini, monkeypatch):
    from ibias.companion import provenance

    said = []
    assert [o.status for o in notebooks.run(mini, say=said.append)] == ["done"]
    assert outputs.has(mini, "mini")
    assert [o.status for o in notebooks.run(mini, say=said.append)] == ["fresh"]
    assert [c.verdict for c in notebooks.verdicts(mini)["notebooks/mini"]] == ["holds"]
    assert claims.expected(mini / "book" / "verdicts.json") == {"notebooks/mini": {"mini": "holds"}}

    # settings of one's own never reach the book
    assert notebooks.run(mini, ["mini"], {"steps": "5"}, say=said.append)[0].status == "done"
    assert figure_data.read(mini / "_build" / "figures", "fig-mini").y.values[0] == 3.0

    assert provenance.verify("fig-mini", root=mini).agrees
    with pytest.raises(LookupError, match="no figure 'fig-9'"):
        provenance.verify("fig-9", root=mini)
    other = figure_data.read(mini / "_build" / "figures", "fig-mini") * 1.01
    figure_data.write(other, mini / "_build" / "figures", "fig-mini")
    assert not provenance.verify("fig-mini", root=mini).agrees

    monkeypatch.setattr(sources, "key", lambda path: "changed sources")
    assert not outputs.has(mini, "mini")
    assert outputs.drop_stale(mini, ["mini"]) == ["mini"]


def test_a_failing_notebook_is_reported_with_its_cell(mini):
    nb = nbformat.read(mini / "notebooks" / "mini.ipynb", as_version=4)
    nb.cells[1].source = "raise ValueError('no such luck')"
    nbformat.write(nb, mini / "notebooks" / "mini.ipynb")
    (outcome,) = notebooks.run(mini, say=None)
    assert outcome.status == "failed" and "no such luck" in outcome.message
    assert not outputs.has(mini, "mini"), "a crash must not be kept"


# --- claims ------------------------------------------------------------------------------------------------------
def made(**changes):
    return claims.Claim(**({"id": "a", "sentence": "s", "where": "w", "tested": "t", "verdict": "holds"} | changes))


@pytest.mark.parametrize("options, verdict", [
    ({"holds": True}, "holds"), ({"holds": np.bool_(True), "caveat": "slowly"}, "holds with a caveat"), ({"holds": False}, "not reproduced"),
    ({"holds": False, "otherwise": "contradicted"}, "contradicted"), ({"verdict": "vacuous"}, "vacuous"),
])
def test_verdict_of_a_claim(options, verdict, capsys):
    assert claims.claim("a", "s", where="w", tested="t", **options).verdict == verdict


@pytest.mark.parametrize("options, error, said", [
    ({}, ValueError, "needs either"), ({"holds": True, "verdict": "holds"}, ValueError, "not both"), ({"verdict": "true"}, ValueError, "none of"),
    ({"holds": np.array([True, False])}, TypeError, "one truth value"), ({"holds": True, "tolerance": "1 %"}, ValueError, "without a reason"),
    ({"holds": True, "where": " "}, ValueError, "'where'"),
])
def test_a_claim_that_says_too_little_is_refused(options, error, said):
    with pytest.raises(error, match=said):
        claims.claim("a", "s", **({"where": "w", "tested": "t"} | options))


def test_every_difference_between_verdicts_is_told():
    wanted = {"p": {"same": "holds", "changed": "holds", "gone": "holds"}}
    found = {"p": [made(id="same"), made(id="changed", verdict="vacuous"), made(id="new")], "q": [made(id="same")]}
    said = " | ".join(s for _, s in claims.differences(found, wanted))
    for word in ("'changed' was 'holds' and is now 'vacuous'", "'new' (holds) is new", "'gone' is in", "'same' is made twice"):
        assert word in said
    assert claims.differences({"p": [made(id="same")]}, {"p": {"same": "holds"}}) == []


# --- the data of a figure ----------------------------------------------------------------------------------------
AWKWARD = xr.Dataset(
    {"error": (("step", "norm"), np.array([[1.0, np.nan], [np.inf, 1e-300]])), "there": ("norm", [True, False])},
    coords={"norm": ["max", "spectral"], "kind": ("norm", np.array([None, "x"], dtype=object))}, attrs={"fast": True, "n": None},
)


@pytest.mark.parametrize("data", [AWKWARD, AWKWARD.error, pd.DataFrame({"a": [1, 2], "b": ["x", None]}), pd.Series([1.0, 2.0], name="s")],
                         ids=["dataset", "array", "frame", "series"])
def test_data_of_a_figure_survive_their_file(tmp_path, data):
    plain = figure_data.as_dataset(data)
    assert f"{'fig'}.nc" in figure_data.write(plain, tmp_path, "fig")
    back = figure_data.read(tmp_path, "fig")
    assert figure_data.digest(back) == figure_data.digest(plain)
    assert figure_data.compare(back, plain, 0.0).agrees


@pytest.mark.parametrize("change", [lambda d: d.assign(error=d.error + 1e-3), lambda d: d.isel(step=[0]), lambda d: d.rename(error="other"),
                                    lambda d: d.assign(error=d.error.fillna(0)), lambda d: d.assign_coords(norm=["max", "sum"])],
                         ids=["value", "size", "name", "nan", "label"])
def test_another_content_is_another_digest_and_does_not_agree(change):
    old = figure_data.as_dataset(AWKWARD)
    new = figure_data.as_dataset(change(AWKWARD))
    assert figure_data.digest(new) != figure_data.digest(old)
    assert not figure_data.compare(new, old, 1e-6).agrees


def test_the_package_and_its_pins_agree():
    pins = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().split())
    assert pins["torch"] and "+" not in pins["torch"], "a local version would not install elsewhere"
    assert json.loads((ROOT / "package.json").read_text())["dependencies"]["mathjax"] in (ROOT / "package-lock.json").read_text()
