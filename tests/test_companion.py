"""The runner of notebooks, their parameters and outputs, the claims and the data of figures."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from ibias_book import claims, figure_data
from ibias_book.run import forks, notebooks, outputs, pace, sources, verification
from slow import mostly_slow


def notebook(tmp_path, cell, name="nb.ipynb", **more):
    nb = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell, metadata={"tags": ["parameters"]}, **more)]
    )
    nbformat.write(nb, tmp_path / name)
    return tmp_path / name


# --- what outputs depend on
# --------------------------------------------------------------------------------------
def names(code):
    return {p.relative_to(sources.PACKAGE).as_posix() for p in sources.behind(code)}


def test_outputs_depend_on_what_the_code_reaches():
    reached = names("from ibias_book.steepest import fits")
    assert {"__init__.py", "steepest/fits.py", "steepest/theory/rates.py"} <= reached
    assert not any(n.startswith(("figures", "run", "sphinx")) for n in reached)
    assert "figures/style.py" in names("from ibias_book.figures import style as plots")
    assert "run/notebooks.py" not in names("from ibias_book.provenance import show")


def test_outputs_depend_on_the_library(tmp_path, monkeypatch):
    before = sources.key(notebook(tmp_path, "import ibias as ib"))
    monkeypatch.setattr(sources, "package_hash", lambda: "one line was changed")
    assert sources.key(notebook(tmp_path, "import ibias as ib")) != before


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
    shown = cell(
        "a",
        outputs=[nbformat.v4.new_output("execute_result", {"text/plain": "1"})],
        execution_count=3,
    )
    made = outputs.graft(source, nbformat.v4.new_notebook(cells=[cell("a = 1"), injected, shown]))
    assert [c.source for c in made.cells] == ["a = 1", "a"]
    assert (
        made.cells[1].outputs[0]["data"]["text/plain"] == "1" and made.cells[1].execution_count == 3
    )
    assert not source.cells[1].outputs
    with pytest.raises(ValueError, match="not the committed one"):
        outputs.graft(source, nbformat.v4.new_notebook(cells=[cell("a = 1"), cell("b")]))


# --- the path from notebook to cache, in miniature
# ---------------------------------------------------------------
MINI = """\
import xarray as xr
from ibias_book.claims import claim
from ibias_book.provenance import show
data = xr.Dataset({"y": ("x", [float(steps), 2.0])})
show("<svg xmlns='http://www.w3.org/2000/svg'></svg>", "fig-mini", data=data, alt="An empty drawing only")
claim("mini", "One is one.", kind="ours", where="here", tested="equality", because="exact", holds=True)
"""


@pytest.fixture
def mini(tmp_path):
    """A book of one notebook."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "book").mkdir()
    (tmp_path / "_toc.yml").write_text(
        "root: book/intro\nparts: [{caption: A, chapters: [{file: notebooks/mini}]}]"
    )
    cells = [
        nbformat.v4.new_code_cell("steps = 3", metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell(MINI),
    ]
    nb = nbformat.v4.new_notebook(
        cells=cells,
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
        },
    )
    nbformat.write(nb, tmp_path / "notebooks" / "mini.ipynb")
    return tmp_path


def test_a_notebook_runs_is_kept_verified_and_found_stale(mini, monkeypatch):
    said = []
    assert [o.status for o in notebooks.run(mini, say=said.append)] == ["done"]
    assert outputs.has(mini, "mini")
    assert [o.status for o in notebooks.run(mini, say=said.append)] == ["fresh"]
    assert [c.verdict for c in notebooks.verdicts(mini)["notebooks/mini"]] == ["holds"]
    assert claims.expected(mini / "book" / "verdicts.json") == {
        "notebooks/mini": {"mini": ("ours", "holds")}
    }

    # settings of one's own never reach the book
    assert notebooks.run(mini, ["mini"], {"steps": "5"}, say=said.append)[0].status == "done"
    assert figure_data.read(mini / "_build" / "figures", "fig-mini").y.values[0] == 3.0

    assert [one.comparison.agrees for one in verification.verify(root=mini)] == [True]
    with pytest.raises(LookupError, match="no figure 'fig-9'"):
        list(verification.verify(["fig-9"], root=mini))
    other = figure_data.read(mini / "_build" / "figures", "fig-mini") * 1.01
    figure_data.write(other, mini / "_build" / "figures", "fig-mini")
    assert [one.comparison.agrees for one in verification.verify(root=mini)] == [False]

    monkeypatch.setattr(sources, "key", lambda path: "changed sources")
    assert not outputs.has(mini, "mini")
    assert outputs.drop_stale(mini, ["mini"]) == ["mini"]


def test_a_failing_notebook_is_reported_with_its_cell(mini):
    nb = nbformat.read(mini / "notebooks" / "mini.ipynb", as_version=4)
    said = "such luck, " * 100  # as long as a path and a list of what is allowed can get
    nb.cells[1].source = "\n" * 20 + "# no\n" * 20 + f"raise ValueError('no\\n{said}')"
    nbformat.write(nb, mini / "notebooks" / "mini.ipynb")
    (outcome,) = notebooks.run(mini, say=None)
    assert outcome.status == "failed" and not outcome.message.count("# no") > 12
    first = outcome.message.splitlines()[0]  # the error in one piece, from its beginning
    assert first == f"notebook mini failed: cell 2: ValueError: no {said.strip()}"
    assert not outputs.has(mini, "mini"), "a crash must not be kept"


def test_a_notebook_that_cannot_even_start_is_reported(mini, monkeypatch):
    def broken(*args, **kwargs):
        raise OSError("no processes left")

    monkeypatch.setattr(notebooks, "execute", broken)
    (outcome,) = notebooks.run(mini, say=None)
    assert outcome.status == "failed" and outcome.message == "no processes left"


def with_cell(mini, source):
    nb = nbformat.read(mini / "notebooks" / "mini.ipynb", as_version=4)
    nb.cells[1].source = source
    nbformat.write(nb, mini / "notebooks" / "mini.ipynb")
    return mini


on_linux = pytest.mark.skipif(sys.platform != "linux", reason="no forks elsewhere, and no /proc")


@on_linux
def test_a_kernel_finds_libraries_imported_but_nothing_that_may_be_edited_meanwhile(mini):
    source = """import os, sys
assert not [name for name in sys.modules if name.partition(".")[0] in ("ibias", "ibias_book")]
assert "torch" in sys.modules
import matplotlib, torch
assert torch.get_num_threads() == 1 and "inline" in matplotlib.get_backend()
assert os.path.basename(os.getcwd()) == "notebooks" and os.environ["IBIAS_FIGURES"]
assert sys.path.count("") == 1 and sys.stdin.read() == ""
runner = open(f"/proc/{os.getppid()}/stat").read().split()[3]
assert len(os.listdir(f"/proc/{runner}/task")) == 1, "a process with threads is no good to fork"
"""
    (outcome,) = notebooks.run(with_cell(mini, source), say=None)
    assert outcome.message == "" and outcome.status == "done"


def test_where_there_are_no_forks_a_notebook_runs_all_the_same(mini, monkeypatch):
    def refuse(settled):
        raise OSError("no forks")

    monkeypatch.setattr(forks, "_server", refuse)
    source = "import sys\nassert 'torch' not in sys.modules"
    (outcome,) = notebooks.run(with_cell(mini, source), say=None)
    assert outcome.message == "" and outcome.status == "done"


@on_linux
@pytest.mark.parametrize(
    "number, way",
    mostly_slow(
        [(signal.SIGINT, "fork"), (signal.SIGTERM, "fork"), (signal.SIGTERM, "plain")],
        [(signal.SIGINT, "fork"), (signal.SIGTERM, "fork")],
    ),
)
def test_an_interrupted_run_leaves_no_process_behind(mini, number, way):
    with_cell(
        mini,
        "import os, time\n"
        "parent = open(f'/proc/{os.getppid()}/stat').read().split()[3]\n"
        "open('part', 'w').write(f'{os.getpid()} {os.getppid()} {parent}')\n"
        "os.rename('part', 'pids')\ntime.sleep(600)",
    )
    plain = "forks.start = lambda *told: None; " if way == "plain" else ""
    program = f"{plain}notebooks.run(Path({str(mini)!r}), say=None)"
    runner = subprocess.Popen(
        [sys.executable, "-c", f"{RUNNER}; {program}"], stderr=subprocess.DEVNULL
    )
    told = mini / "notebooks" / "pids"
    assert soon(told.exists)
    pids = set(told.read_text().split())
    assert (str(runner.pid) in pids) == (way == "plain")
    os.kill(runner.pid, number)
    assert runner.wait(60)
    assert soon(lambda: not any(map(alive, pids)))  # a kernel looks once a second


RUNNER = "from pathlib import Path; from ibias_book.run import forks, notebooks"


def soon(condition):
    for _ in range(600):
        if condition():
            return True
        time.sleep(0.1)
    return False


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


# --- claims
# ------------------------------------------------------------------------------------------------------
ENOUGH = {"kind": "paper", "where": "w", "tested": "t", "because": "b"}


def made(**changes):
    return claims.Claim(**({"id": "a", "sentence": "s", "verdict": "holds"} | ENOUGH | changes))


@pytest.mark.parametrize(
    "options, verdict",
    [
        ({"holds": True}, "holds"),
        ({"holds": np.bool_(True), "caveat": "slowly"}, "holds with a caveat"),
        ({"holds": False}, "not reproduced"),
        ({"holds": False, "otherwise": "contradicted"}, "contradicted"),
        ({"verdict": "vacuous"}, "vacuous"),
    ],
)
def test_verdict_of_a_claim(options, verdict, capsys):
    assert claims.claim("a", "s", **(ENOUGH | options)).verdict == verdict


@pytest.mark.parametrize(
    "options, error, said",
    [
        ({}, ValueError, "needs either"),
        ({"holds": True, "verdict": "holds"}, ValueError, "not both"),
        ({"verdict": "true"}, ValueError, "none of"),
        ({"holds": np.array([True, False])}, TypeError, "one truth value"),
        ({"holds": True, "tolerance": "1 %", "because": " "}, ValueError, "no reason for its tol"),
        ({"holds": True, "kind": "rumour"}, ValueError, "none of: paper, ours"),
        ({"holds": True, "where": " "}, ValueError, "'where'"),
    ],
)
def test_a_claim_that_says_too_little_is_refused(options, error, said):
    with pytest.raises(error, match=said):
        claims.claim("a", "s", **(ENOUGH | options))


def test_every_difference_between_verdicts_is_told():
    holds = ("paper", "holds")
    wanted = {"p": {"same": holds, "changed": holds, "ours": holds, "gone": holds}}
    found = {
        "p": [made(id="same"), made(id="changed", verdict="vacuous"), made(id="new")]
        + [made(id="ours", kind="ours")],
        "q": [made(id="same")],
    }
    said = " | ".join(s for _, s in claims.differences(found, wanted))
    for word in (
        "'changed' was 'paper: holds' and is now 'paper: vacuous'",
        "'ours' was 'paper: holds' and is now 'ours: holds'",
        "'new' (paper: holds) is new",
        "'gone' is in",
        "'same' is made twice",
    ):
        assert word in said
    assert claims.differences({"p": [made(id="same")]}, {"p": {"same": holds}}) == []


def test_a_claim_without_its_data_is_not_tested_and_changes_no_verdict(tmp_path, capsys):
    kept = {"p": {"a": ("paper", "not reproduced")}}
    away = claims.claim("a", "s", **ENOUGH, holds=True, caveat="slowly", without="no data here")
    assert (away.verdict, away.tested, away.caveat) == ("not tested", "no data here", "")
    assert claims.claim("a", "s", **ENOUGH, holds=True, without="").verdict == "holds"
    assert claims.differences({"p": [away]}, kept) == []
    # it must still be the claim it was, of the kind it was
    other = claims.differences({"p": [made(kind="ours", verdict="not tested")]}, kept)
    assert [said for _, said in other if "and is now 'ours: not tested'" in said]
    assert claims.differences({"p": [away]}, {"p": {}}) != []
    with pytest.raises(ValueError, match="a: not tested.*no data here"):
        claims.write_expected(tmp_path / "verdicts.json", {"p": [away]})
    assert not list(tmp_path.iterdir())


def test_verdicts_of_each_kind_are_written_apart_and_read_together(tmp_path):
    found = {"p": [made(id="theirs"), made(id="ours", kind="ours", verdict="vacuous")]}
    claims.write_expected(tmp_path / "verdicts.json", found)
    text = (tmp_path / "verdicts.json").read_text(encoding="utf-8")
    assert text.index('"paper"') < text.index('"theirs"') < text.index('"self-check"')
    kept = {"p": {"theirs": ("paper", "holds"), "ours": ("ours", "vacuous")}}
    assert claims.expected(tmp_path / "verdicts.json") == kept
    assert claims.differences(found, kept) == []
    both = claims.by_kind(found["p"])
    assert [len(both[kind]) for kind in claims.KINDS] == [1, 1, 0, 0]


# --- the data of a figure
# ----------------------------------------------------------------------------------------
AWKWARD = xr.Dataset(
    {
        "error": (("step", "norm"), np.array([[1.0, np.nan], [np.inf, 1e-300]])),
        "there": ("norm", [True, False]),
    },
    coords={"norm": ["max", "spectral"], "kind": ("norm", np.array([None, "x"], dtype=object))},
    attrs={"fast": True, "n": None},
)


@pytest.mark.parametrize(
    "data",
    [
        AWKWARD,
        AWKWARD.error,
        pd.DataFrame({"a": [1, 2], "b": ["x", None]}),
        pd.Series([1.0, 2.0], name="s"),
    ],
    ids=["dataset", "array", "frame", "series"],
)
def test_data_of_a_figure_survive_their_file(tmp_path, data):
    plain = figure_data.as_dataset(data)
    assert f"{'fig'}.nc" in figure_data.write(plain, tmp_path, "fig")
    back = figure_data.read(tmp_path, "fig")
    assert figure_data.digest(back) == figure_data.digest(plain)
    assert figure_data.compare(back, plain, 0.0).agrees


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.assign(error=d.error + 1e-3),
        lambda d: d.isel(step=[0]),
        lambda d: d.rename(error="other"),
        lambda d: d.assign(error=d.error.fillna(0)),
        lambda d: d.assign_coords(norm=["max", "sum"]),
    ],
    ids=["value", "size", "name", "nan", "label"],
)
def test_another_content_is_another_digest_and_does_not_agree(change):
    old = figure_data.as_dataset(AWKWARD)
    new = figure_data.as_dataset(change(AWKWARD))
    assert figure_data.digest(new) != figure_data.digest(old)
    assert not figure_data.compare(new, old, 1e-6).agrees


def test_the_time_left_follows_the_pace_so_far(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(pace.time, "perf_counter", lambda: now[0])
    run = pace.Pace({"long": 200.0, "short": 10.0, "other": 20.0, "new": math.inf}, jobs=2)
    for name in ("long", "short"):
        run.start(name)
    now[0] = 20.0
    run.finish("short", 20.0)  # half as fast as expected
    assert run.left() == ", about 6 min left"  # the long one alone: 2 * 200 - 20 s
    run.start("other")
    run.start("new")
    run.finish("other", None)  # it failed, at whatever pace
    assert run.left() == ", about 6 min left"
    now[0] = 400.0
    run.finish("long", 400.0)
    run.finish("new", 160.0)
    assert run.left() == ""


def test_the_time_left_before_any_notebook_is_done_is_what_all_took_last_time():
    assert pace.Pace({"a": 120.0, "b": 120.0, "c": 120.0}, jobs=2).left() == ", about 3 min left"
    assert pace.Pace({"a": 20.0, "b": 40.0}, jobs=2).left() == ", about 40 s left"


def test_the_longest_notebook_is_known_before_it_first_ran(tmp_path):
    (tmp_path / "book").mkdir()
    (tmp_path / "_build" / "executed").mkdir(parents=True)
    pace.remember(tmp_path, "long", 113.0)
    pace.commit(tmp_path, ["long", "never ran"])
    pace.stamp(tmp_path, "long").unlink()
    assert pace.last_seconds(tmp_path, "long") == 100 and pace.last_seconds(
        tmp_path, "never ran"
    ) == float("inf")
    pace.remember(tmp_path, "long", 2.5)
    assert (
        pace.last_seconds(tmp_path, "long") == 2.5
    )  # its own time counts for more than the committed one


def test_every_notebook_has_its_committed_seconds():
    root = Path(__file__).resolve().parents[1]
    assert set(json.loads((root / pace.COMMITTED).read_text())) == set(notebooks.names(root)), (
        "run: make verdicts"
    )
