"""Parameters of notebooks mean what they say, whichever way they come: the commands, the runner, or
papermill by itself."""

import json
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
import xarray as xr
from ibias_book import provenance
from ibias_book.run import notebooks
from ibias_book.run.parameters import parameters, settle, typed

from ibias.cli.app import main

ROOT = Path(__file__).resolve().parents[1]
CELL = """\
steps = 20_000
eta0 = 0.5
fast = True
data = ""
name = "x"
sizes = [1, 10]
averages = [1, 0.5]
pair = (1, 2)
words = ["a", "b"]
truths = [True]
rows = [[1, 2], [3]]
nothing = None
"""
SETTLE = "from ibias_book.run.parameters import settle\n\nsettle(globals())"


def notebook(folder, cell=CELL, body=""):
    """A notebook like those of the book: parameters, `settle`, and what it computes."""
    v4 = nbformat.v4
    cells = [
        v4.new_code_cell(cell, metadata={"tags": ["parameters"]}),
        v4.new_code_cell(SETTLE),
        v4.new_code_cell(body),
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(
        v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), folder / "nb.ipynb"
    )
    return folder / "nb.ipynb"


def injected(cell, given):
    """What `settle` leaves in a notebook whose papermill was given these texts with -p."""
    from papermill.cli import _resolve_type
    from papermill.translators import translate_parameters

    resolved = {name: _resolve_type(text) for name, text in given.items()}
    return settled(cell, translate_parameters("python3", "python", resolved, "Parameters"))


def settled(cell, source):
    names = {"In": ["", cell, source, SETTLE]}
    exec(cell + "\n" + source, names)
    settle(names)
    return names


SAID = {  # texts and what they mean
    "steps": [("2e1", 20), ("30_000", 30000), ("7", 7), (" 7.0 ", 7), ("1", 1), ("1E+3", 1000)],
    "eta0": [("1", 1.0), ("2e1", 20.0), ("-0.5", -0.5), (".25", 0.25)],
    "fast": [("no", False), ("True", True), ("false", False), ("1", True), ("0", False)],
    "name": [("y", "y"), ("a b", "a b"), ("", "")],
    "data": [("mine.csv", "mine.csv"), ("", "")],
    "sizes": [
        *[(text, [1, 20]) for text in ("1, 20", "[1, 20]", "(1,20)", "[1, 2e1]", "1,2e1")],
        *[("5", [5]), ("[5]", [5]), ("[5,]", [5]), ("2e1", [20])],
        *[("range(3)", [0, 1, 2]), ("range(1, 9, 3)", [1, 4, 7]), ("range(5,2,-1)", [5, 4, 3])],
    ],
    "averages": [("[1, 0.25]", [1, 0.25]), ("0.5,2", [0.5, 2]), ("1e-3", [0.001])],
    "pair": [("[3, 4]", (3, 4)), ("3,4", (3, 4)), ("range(2)", (0, 1))],
    "words": [("c, d", ["c", "d"]), ('["c, d", "e"]', ["c, d", "e"]), ("[c, d]", ["c", "d"])],
    "truths": [("[true, False]", [True, False]), ("yes,no", [True, False])],
    "rows": [("[[5], [6, 7]]", [[5], [6, 7]]), ("[[5, 6]]", [[5, 6]])],
    "nothing": [("None", None), ("null", None), ("[1, 2]", [1, 2]), ("text", "text")],
}


def alike(first, second):
    """Equal, and of equal types down to the members."""
    return repr(first) == repr(second)


@pytest.mark.parametrize("name, text, wanted", [(n, *row) for n in SAID for row in SAID[n]])
def test_a_text_has_the_type_of_the_default_either_way(tmp_path, monkeypatch, name, text, wanted):
    monkeypatch.chdir(tmp_path)
    Path("mine.csv").touch()
    wanted = str(tmp_path / wanted) if name == "data" and wanted else wanted
    (found,) = typed(notebook(tmp_path), {name: text}).values()
    assert alike(found, wanted)
    assert alike(injected(CELL, {name: text})[name], wanted)
    # what the runner hands to papermill is settled once more, and stays
    again = json.loads(json.dumps({name: found}))
    assert alike(settled(CELL, f"# Parameters\n{name} = {again[name]!r}")[name], wanted)


WRONG = {
    "steps": [
        "many",
        "1.5",
        "",
        "nan",
        "1e400",
        "1e999999999",
        "-3",
        "0",
        "True",
        "None",
        "[3]",
        "0x10",
    ],
    "eta0": ["__import__('os')", "nan", "inf", "1e400", "", "True", "None", "0,5", "1/2"],
    "fast": ["maybe", "", "2", "1.5", "None", "truee"],
    "name": ["None", "null"],
    "data": ["none.csv", "None", "\0", "x" * 300, "."],
    "sizes": ["[1, two]", "[]", "", "None", "[1, 2", "1;2", "[1.5]", "[[1]]", "{1: 2}", "1,,2"],
    "averages": ["[a]", "[nan]", "[True, 2]"],
    "truths": ["[2]", "maybe"],
    "pair": ["()", "range(10**9)", "range(0, 1000000)", "range()", "range(1, 2, 0)", "range(a)"],
    "words": ["[[1]]", "None"],
    "rows": ["[1, [a]]", "[[]]"],
}


@pytest.mark.parametrize("name, text", [(name, text) for name in WRONG for text in WRONG[name]])
def test_a_wrong_value_is_one_sentence_either_way(tmp_path, name, text):
    for read in (
        lambda: typed(notebook(tmp_path), {name: text}),
        lambda: injected(CELL, {name: text}),
    ):
        with pytest.raises(ValueError, match=f"parameter '{name}' must be .*; got ") as caught:
            read()
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 1000


def test_a_name_that_there_is_not_is_refused_either_way(tmp_path):
    said = "no parameter 'stepz'; it has: steps, eta0"
    with pytest.raises(ValueError, match=said):
        typed(notebook(tmp_path), {"stepz": "1"})
    with pytest.raises(ValueError, match=said):
        injected(CELL, {"stepz": "1"})


def test_what_papermill_no_longer_knows_is_not_guessed():
    """`-p name 007` arrives as the number 7: the text is lost, and -r keeps it."""
    with pytest.raises(ValueError, match="must be a text .* with -r.*; got 7"):
        injected(CELL, {"name": "007"})
    assert settled(CELL, "# Parameters\nname = '007'")["name"] == "007"


@pytest.mark.parametrize("value", ["range(5)", "inf", "{'a': 1}", "2 * 3"])
def test_a_default_that_is_no_literal_is_refused(tmp_path, value):
    with pytest.raises(ValueError, match="parameter 'seeds' of nb.ipynb must be a literal"):
        parameters(notebook(tmp_path, f"seeds = {value}"))
    with pytest.raises(ValueError, match="may hold only lines such as"):
        parameters(notebook(tmp_path, "import os"))


def test_a_seed_may_be_0_and_a_count_may_not(tmp_path):
    cell = "data_seed = 100\nsteps = 3\nspare = 0\n"
    given = {"data_seed": "0", "spare": "0"}
    assert typed(notebook(tmp_path, cell), given) == {"data_seed": 0, "spare": 0}
    with pytest.raises(ValueError, match="'steps' must be a whole number of at least 1 such as 3"):
        typed(notebook(tmp_path, cell), {"steps": "0"})


def test_a_run_with_other_values_says_so_at_the_top_and_in_every_caption(capsys, monkeypatch):
    monkeypatch.setattr(provenance, "own", {})
    injected(CELL, {"steps": "20000", "sizes": "1,10"})
    assert not capsys.readouterr().out and not provenance.own  # the book's values, however written
    injected(CELL, {"steps": "300", "name": "$x$"})
    assert "Run with steps = 300 (the book: 20000), name = '$x$' (the book: 'x')." in (
        capsys.readouterr().out
    )
    shown = []
    monkeypatch.setattr(provenance, "_display", shown.append)
    data = xr.Dataset({"y": ("x", [1.0])})
    provenance.show("<svg></svg>", "fig", data=data, alt="Nothing is seen", caption="It fell.")
    assert shown[0].caption.startswith(r"It fell. (This is a run with steps = 300, name = '\$x\$';")


def test_runs_with_other_values_keep_clear_of_each_other(book):
    for steps in ("3", "4"):
        assert by_command(book, {"steps": steps})[0] == 0
    left = sorted(book.glob("_build/executed/nb-with-steps-*.ipynb"))
    assert sorted(printed(path)[:3] for path in left) == ["[3,", "[4,"]


def test_nothing_injected_is_nothing_done():
    for inputs in (
        [],
        ["", CELL, SETTLE],
        ["", CELL, "steps = 1.5", SETTLE],
    ):  # in Jupyter, by hand
        names = {"In": inputs, "steps": 1.5}
        settle(names)
        assert names["steps"] == 1.5
    names = {"steps": 1.5}  # the .py, run as a program
    settle(names)


@pytest.mark.parametrize("path", sorted(ROOT.glob("notebooks/*.ipynb")), ids=lambda p: p.stem)
def test_every_notebook_settles_its_parameters_before_anything_runs(path):
    code = [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
    assert "parameters" in code[0].metadata.tags and code[1].source == SETTLE


# --- fuzz
def whole(rng):
    n = int(rng.integers(1, 10 ** int(rng.integers(1, 12))))
    forms = [str(n), f"{n:_}", f"{n}.0", f"{n}e0", f" {n} ", f"+{n}", f"{n}0e-1", f"{n:e}"]
    text = str(rng.choice(forms))
    return text, int(float(text)) if "e+" in text else n


def real(rng):
    x = float(rng.normal()) * 10.0 ** int(rng.integers(-9, 9))
    return str(rng.choice([repr(x), f"{x:.17g}", f"{x:.20e}", f" {x!r}"])), x


def truth(rng):
    word = str(rng.choice(["true", "True", "yes", "1", "false", "False", "no", "0", "NO"]))
    return word, word.lower() in ("true", "yes", "1")


def several(rng):
    members = [whole(rng) for _ in range(int(rng.integers(1, 6)))]
    text = str(rng.choice([",", ", ", " , "])).join(text for text, _ in members)
    brackets = str(rng.choice(["[]", "()", "  "]))
    return brackets[0] + text + brackets[1], [n for _, n in members]


def numbers(rng):
    n, step = int(rng.integers(0, 50)), int(rng.integers(1, 5))
    return f"range({n}, {n + 20},{step})", list(range(n, n + 20, step))


TYPED = {"steps": [whole], "eta0": [real], "fast": [truth], "sizes": [several, numbers]}


def mistyped(text, rng):
    """A slip of the finger: a character doubled, lost, exchanged or put in."""
    at, key = (
        int(rng.integers(len(text) + 1)),
        str(rng.choice(list("0123456789eE+-_.,[]() xNé\0'"))),
    )
    kept = at + int(rng.integers(0, 2))
    return text[:at] + str(rng.choice([key, "", text[at : at + 1] * 2])) + text[kept:]


def check_values(seeds, nb):
    """Every text is what it says, or refused in a sentence that names it; the ways agree."""
    refused = 0
    for seed in seeds:
        rng = np.random.default_rng(seed)
        name = str(rng.choice(sorted(TYPED)))
        text, wanted = TYPED[name][int(rng.integers(len(TYPED[name])))](rng)
        if slip := seed % 2:
            text = mistyped(text, rng)
        answers = []
        for read, notebook in ((typed, nb), (injected, CELL)):
            try:
                answers.append(repr(read(notebook, {name: text})[name]))
            except ValueError as error:
                said = str(error)
                assert "\n" not in said and f"parameter {name!r} must be" in said, said
                answers.append(said.partition("; got")[0])
        assert answers[0] == answers[1], text
        refused += answers[0].startswith("parameter")
        assert slip or answers[0] == repr(wanted), text
    return refused


def test_a_thousand_typed_and_mistyped_values_mean_what_they_say_or_are_refused(tmp_path):
    refused = check_values(range(1000), notebook(tmp_path))
    assert 100 < refused < 500  # only slips, and not all of them: 12 for 13 is a number too


# --- the real commands
@pytest.fixture
def book(tmp_path, monkeypatch):
    """A book of one notebook, and the caller in another folder with a file of his own."""
    from ibias_book.run import pairs

    (tmp_path / "notebooks").mkdir()
    (tmp_path / "_toc.yml").write_text(
        "format: jb-book\nroot: x\nparts:\n - chapters:\n   - file: notebooks/nb\n"
    )
    body = "print([steps, fast, sizes, nothing, data and open(data).read()])"
    notebook(tmp_path / "notebooks", body=body)
    pairs.Pair(tmp_path / "notebooks" / "nb.py").sync()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "mine.csv").write_text("mine")
    monkeypatch.chdir(tmp_path / "elsewhere")
    return tmp_path


GIVEN = {"steps": "2e1", "fast": "no", "sizes": "[1, 2e1]", "nothing": "None", "data": "mine.csv"}


def printed(path):
    cells = nbformat.read(path, as_version=4).cells
    return cells[-1].outputs[0].text


def kept(book):
    """What the latest run with parameters of its own left; a path that is not there before one."""
    left = sorted(book.glob("_build/executed/nb-with-*.ipynb"), key=lambda p: p.stat().st_mtime)
    return left[-1] if left else book / "nothing was run"


def by_command(book, given):
    code = main(
        ["reproduce", "nb", "-q", *[w for n, t in given.items() for w in ("-p", f"{n}={t}")]]
    )
    return code, kept(book)


def by_runner(book, given):
    code = notebooks.main(["run", "nb", *[w for n, t in given.items() for w in ("-p", n, t)]])
    return code, kept(book)


def by_papermill(book, given):
    words = [w for n, t in given.items() for w in ("-p", n, t)]
    command = [sys.executable, "-m", "papermill", str(book / "notebooks" / "nb.ipynb"), "out.ipynb"]
    done = subprocess.run([*command, *words], capture_output=True, text=True)
    print(done.stderr, file=sys.stderr)
    return done.returncode, Path("out.ipynb")


WAYS = [by_command, by_runner, by_papermill]


@pytest.mark.parametrize("way", WAYS)
def test_the_real_commands_read_alike(book, way, capsys):
    code, path = way(book, GIVEN)
    assert code == 0 and printed(path) == "[20, False, [1, 20], None, 'mine']\n"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "given, said",
    [
        ({"steps": "1.5"}, "parameter 'steps' must be a whole number"),
        ({"data": "none.csv"}, "parameter 'data' must be a file, seen from "),
        ({"stepz": "1"}, "has no parameter 'stepz'; it has: steps"),
    ],
)
def test_the_real_commands_refuse_alike_before_anything_runs(book, way, given, said, capsys):
    code, path = way(book, given)
    err = capsys.readouterr().err
    assert code and said in err
    if way is by_papermill:
        assert not nbformat.read(path, as_version=4).cells[-1].execution_count
    else:
        assert code == 2 and err.count("\n") == 1 and not path.exists()


def test_a_parameter_given_twice_is_refused(book, capsys):
    assert main(["reproduce", "nb", "-p", "steps=1", "-p", "steps=2"]) == 2
    assert notebooks.main(["run", "nb", "-p", "steps", "1", "-p", "steps", "2"]) == 2
    assert len(re.findall("-p steps is given twice, '1' and '2'", capsys.readouterr().err)) == 2


def edited(path, text):
    path.write_text(path.read_text().replace("steps = 20_000", text))


def test_reproduce_runs_what_was_edited_whichever_half_it_was(book, capsys):
    py, ipynb = (book / "notebooks" / name for name in ("nb.py", "nb.ipynb"))
    edited(py, "steps = 3")
    assert by_command(book, {"fast": "yes"})[0] == 0
    done = kept(book)
    assert printed(done).startswith("[3, ") and "steps = 3" in ipynb.read_text()
    ipynb.write_text(ipynb.read_text().replace("steps = 3", "steps = 4"))
    assert by_command(book, {"fast": "yes"})[0] == 0
    assert printed(done).startswith("[4, ") and "steps = 4" in py.read_text()


def test_reproduce_stops_where_both_halves_were_edited(book, capsys):
    py, ipynb = (book / "notebooks" / name for name in ("nb.py", "nb.ipynb"))
    edited(py, "steps = 3")
    edited(ipynb, "steps = 4")
    before = py.read_bytes(), ipynb.read_bytes()
    assert by_command(book, {})[0] == 2
    err = capsys.readouterr().err
    assert "both halves were edited" in err and "--keep py nb" in err and err.count("\n") == 1
    assert (py.read_bytes(), ipynb.read_bytes()) == before
    assert not (book / "_build" / "executed" / "nb.ipynb").exists()
