"""Two halves of a notebook: an edit of one is carried over, edits of both are nobody's loss."""

import nbformat
import pytest
from ibias_book.run import notebooks, pairs

TEXT = """\
# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% tags=["parameters"]
steps = 1

# %%
print(steps)
"""


@pytest.fixture
def book(tmp_path):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "_toc.yml").write_text(
        "format: jb-book\nroot: x\nparts:\n - chapters:\n   - file: notebooks/one\n"
    )
    (tmp_path / "notebooks" / "one.py").write_text(TEXT)
    pairs.Pair(tmp_path / "notebooks" / "one.py").sync()
    return tmp_path


@pytest.fixture
def pair(book):
    return pairs.Pair(book / "notebooks" / "one.py")


def edit_py(pair, text="steps = 2"):
    pair.path.write_text(pair.path.read_text().replace("steps = 1", text))


def edit_ipynb(pair, text="steps = 3"):
    path = pair.path.with_suffix(".ipynb")
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[0].source = text
    nbformat.write(notebook, path)


def source(pair, half):
    return pair.cells(half)[0][1]


def test_halves_in_step_stay_as_they_are(pair):
    before = [pair.path.with_suffix(s).read_bytes() for s in (".py", ".ipynb")]
    assert pair.edited() == "" and pair.sync() == ""
    assert [pair.path.with_suffix(s).read_bytes() for s in (".py", ".ipynb")] == before


@pytest.mark.parametrize("edit, half", [(edit_py, "py"), (edit_ipynb, "ipynb")])
def test_an_edit_of_one_half_is_carried_to_the_other(pair, edit, half):
    ids = [c.id for c in nbformat.read(pair.path.with_suffix(".ipynb"), as_version=4).cells]
    edit(pair)
    wanted = source(pair, half)
    assert pair.edited() == half and pair.sync() == half
    assert source(pair, "py") == source(pair, "ipynb") == wanted != "steps = 1"
    assert pair.edited() == ""
    after = nbformat.read(pair.path.with_suffix(".ipynb"), as_version=4)
    assert [c.id for c in after.cells] == ids


def test_a_half_written_by_hand_without_a_header_can_be_run_with_parameters(book):
    pair = pairs.Pair(book / "notebooks" / "two.py")
    pair.path.write_text('# %% tags=["parameters"]\nsteps = 1\n\n# %%\nprint(steps)\n')
    assert pair.sync() == "py"
    made = nbformat.read(pair.path.with_suffix(".ipynb"), as_version=4)
    assert made.metadata.kernelspec.language == "python"  # papermill asks for it


@pytest.mark.parametrize("name", ["one", "one.py", "notebooks/one.ipynb"])
def test_a_notebook_is_named_by_either_half_and_another_name_is_refused(
    book, monkeypatch, capsys, name
):
    monkeypatch.chdir(book)
    assert pairs.main(["check", name]) == 0
    assert pairs.main(["sync", name, "none"]) == 2
    assert "no notebook none in " in capsys.readouterr().err
    monkeypatch.setattr(pairs, "find_root", lambda: (_ for _ in ()).throw(LookupError("no book")))
    assert pairs.main([]) == 2 and "error: no book" in capsys.readouterr().err


def test_edits_of_both_halves_stop_and_nothing_is_lost(book, pair, capsys):
    edit_py(pair)
    edit_ipynb(pair)
    before = [pair.path.with_suffix(s).read_bytes() for s in (".py", ".ipynb")]
    with pytest.raises(pairs.PairsDiffer, match="both halves were edited") as error:
        pairs.in_step(book, ["one"])
    assert "-steps = 2" in str(error.value) and "+steps = 3" in str(error.value)
    assert "--keep py one" in str(error.value)
    with pytest.raises(pairs.PairsDiffer):
        notebooks.run(book, ["one"], say=None)
    assert [pair.path.with_suffix(s).read_bytes() for s in (".py", ".ipynb")] == before


@pytest.mark.parametrize(
    "source",
    ["steps = 1\n", "steps = 1\n\n\n", "\nsteps = 1", "steps = 1  ", "", "# %%\nx = 1", "%time 1"],
)
def test_what_only_one_half_can_hold_is_no_edit(pair, source):
    edit_ipynb(pair, source)  # an empty line that Jupyter leaves at the end, and the like
    pair.sync()
    assert pair.edited() == "" and pair.sync() == ""
    pair.path.write_text(pair.path.read_text().replace("print(steps)", "print(2)"))
    assert pair.edited() == "py"


@pytest.mark.parametrize("keep, wanted", [("py", "steps = 2"), ("ipynb", "steps = 3")])
def test_whoever_decides_keeps_that_half(pair, keep, wanted):
    edit_py(pair)
    edit_ipynb(pair)
    assert pair.sync(keep) == keep
    assert source(pair, "py") == source(pair, "ipynb") == wanted


def test_the_same_edit_of_both_halves_is_no_difference(pair):
    edit_py(pair, "steps = 4")
    edit_ipynb(pair, "steps = 4")
    assert pair.edited() == ""


def test_halves_that_never_agreed_are_not_guessed(pair):
    path = pair.path.with_suffix(".ipynb")
    notebook = nbformat.read(path, as_version=4)
    del notebook.metadata[pairs.AGREED]
    nbformat.write(notebook, path)
    edit_py(pair)
    assert pair.edited() == "both"


def test_the_command_says_and_carries_over(book, pair, monkeypatch, capsys):
    monkeypatch.chdir(book)
    assert pairs.main([]) == 0
    edit_ipynb(pair)
    assert pairs.main([]) == 1 and "one: edited: ipynb" in capsys.readouterr().out
    assert pairs.main(["sync"]) == 0 and pairs.main([]) == 0
    edit_py(pair, "steps = 5")
    edit_ipynb(pair, "steps = 6")
    pair.path.write_text(pair.path.read_text().replace("steps = 3", "steps = 5"))
    assert pairs.main(["sync"]) == 1 and "--keep" in capsys.readouterr().err
    assert pairs.main(["sync", "--keep", "py", "one"]) == 0
    assert source(pair, "ipynb") == "steps = 5"
