"""Cases that people met elsewhere, each tried for real here; `reports.md` beside this file lists
them with their addresses. What another file tests is named there."""

import os
import re
import warnings
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch
from test_parameters import notebook
from torch import nn

import ibias as ib
import ibias.optim as optim
from ibias.cli.app import main
from ibias.runs.store import Store, content_of

X = np.array([[2.0, 1.0], [1.5, 0.5], [-2.0, -1.0], [-1.0, -1.5]])
Y = np.array([0, 0, 1, 1])
HERE = Path(__file__).parent


def load(folder, name, text, **options):
    (folder / name).write_text(text)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ib.data.load(folder / name, **options)


def classifier(x=X, y=Y):
    return ib.MaxMarginClassifier().fit(x, y)


# --- the list itself
ROW = re.compile(r"\| (\S+/\S+#\d+) \| (.+) \| (.+) \| `(test_\w+\.py)`: `(\w+)` \|")


def rows(part):
    """The lines of the list's tables, of its first or second heading."""
    text = (HERE / "reports.md").read_text().split("\n# ")[part]
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [line for line in lines if not line.startswith("| where")]


def test_the_list_has_fifty_rows_and_each_names_a_test_that_there_is():
    read = [ROW.fullmatch(line) for line in rows(0)]
    assert all(read), [line for line, row in zip(rows(0), read, strict=True) if not row]
    assert len({row[1] for row in read}) == len(read) >= 50
    for row in read:
        assert f"def {row[5]}(" in (HERE / row[4]).read_text(), row[0]


def test_every_row_of_the_second_table_names_a_test_that_there_is():
    assert len(rows(1)) == 31
    for line in rows(1):
        name, test = re.findall(r"`(test_\w+)(?:\.py)?`", line.rpartition("|")[0])[-2:]
        assert f"def {test}(" in (HERE / f"{name}.py").read_text(), line


# --- margins
@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_features_of_any_one_size_end(scale):
    best = ib.max_margin(ib.Dataset(X * scale, Y), ib.FROBENIUS)
    plain = ib.max_margin(ib.Dataset(X, Y), ib.FROBENIUS)
    # both intervals are certified; theirs are 1e-12 wide at most
    assert best.lower / scale == pytest.approx(plain.lower, rel=1e-12) and best.unique


def test_repeated_columns_and_rows_are_no_trouble():
    wide = ib.max_margin(ib.Dataset(np.repeat(X, 512, 1), Y), ib.FROBENIUS)
    plain = ib.max_margin(ib.Dataset(X, Y), ib.FROBENIUS)
    assert wide.margin == pytest.approx(plain.margin * 512**0.5, rel=1e-12) and wide.unique
    tall = ib.max_margin(ib.Dataset(np.tile(X, (50, 1)), np.tile(Y, 50)), ib.FROBENIUS)
    assert tall.margin == pytest.approx(plain.margin, rel=1e-12) and tall.unique


def test_support_vectors_of_every_class_touch_the_margin():
    data = ib.data.mixture()
    best = ib.max_margin(data, ib.FROBENIUS)
    scores = data.x @ best.weights.T
    own = scores[np.arange(data.n), data.y]
    scores[np.arange(data.n), data.y] = -np.inf
    margins = own - scores.max(1)
    assert set(data.y[best.support_vectors]) == set(range(data.k))
    # the gap is 1e-13; multipliers are read to a square root of it
    assert margins[best.support_vectors].max() == pytest.approx(best.margin, rel=1e-6)
    assert margins.min() == pytest.approx(best.margin, rel=1e-9)


def test_text_labels_that_look_like_numbers_stay_text():
    fitted = classifier(y=np.array(["1", "1", "2", "2"]))
    assert fitted.predict(X).tolist() == ["1", "1", "2", "2"] and fitted.classes_.dtype.kind == "U"


@pytest.mark.parametrize("y", [np.array([0, 0, 1, 1], dtype=object), [0, 0, 1, 1]], ids=type)
def test_whole_numbers_in_an_array_of_objects_are_labels(y):
    assert classifier(y=y).predict(X).tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("dtype", ["Int64", "boolean", "category", "string", "Float64"])
def test_nullable_labels_of_pandas_are_labels(dtype):
    y = pd.Series([0, 0, 1, 1]).astype("bool" if dtype == "boolean" else int).astype(dtype)
    fitted = classifier(y=y)
    assert (fitted.predict(X) == y.to_numpy()).all()
    assert dtype != "Int64" or fitted.classes_.dtype.kind == "i"


def test_the_column_of_a_frame_that_cannot_be_used_is_named():
    frame = pd.DataFrame(X, columns=["a", "b"])
    assert classifier(frame.astype("Float64")).predict(frame.astype("Float64")).tolist() == [
        0,
        0,
        1,
        1,
    ]
    with pytest.raises(ValueError, match=r"'c' \(category\). Drop or encode"):
        classifier(frame.assign(c=pd.Categorical(list("uvuv"))))
    frame = frame.astype("Float64")
    frame.loc[1, "b"] = pd.NA
    with pytest.raises(ValueError, match="column 'b', row 1 is missing"):
        classifier(frame)


def test_the_label_that_is_missing_is_named():
    with pytest.raises(ValueError, match=r"y\[1\] is None, a missing label"):
        classifier(y=np.array(["a", None, "b", "b"], dtype=object))
    with pytest.raises(
        ValueError, match=r"labels mix text and numbers: y\[2\] is '1', y\[0\] is 0"
    ):
        classifier(y=[0, 0, "1", "1"])


def holders(value):
    whole = np.array([[value, 1], [0, 1]])
    yield "x[0, 0]", lambda folder: ib.Dataset(whole, [0, 1])
    yield "x[0, 0]", lambda folder: ib.Dataset(whole.astype(object), [0, 1])
    yield (
        "column 'a'[0]",
        lambda folder: ib.Dataset(pd.DataFrame(whole, columns=["a", "b"]), [0, 1]),
    )
    yield "x.data[0]", lambda folder: ib.Dataset(scipy.sparse.csr_array(whole), [0, 1])
    yield (
        "x[0, 0]",
        lambda folder: (
            np.savez(folder / "a.npz", x=whole, y=[0, 1]),
            ib.data.load(folder / "a.npz"),
        ),
    )
    yield (
        "column 'a', row [0]",
        lambda folder: (
            pd.DataFrame({"a": whole[:, 0], "label": [0, 1]}).to_parquet(folder / "a.parquet"),
            ib.data.load(folder / "a.parquet"),
        ),
    )
    yield "line 2, column 'a'", lambda folder: load(folder, "a.csv", f"a,label\n{value},0\n0,1\n")
    yield "line 2, column 'a'", lambda folder: load(folder, "a.csv", f'a,label\n"{value}",0\n0,1\n')
    yield "line 1, a value", lambda folder: load(folder, "a.svm", f"0 1:{value}\n1 1:3\n")


@pytest.mark.parametrize("kind", range(9))
def test_a_whole_number_that_float64_would_round_is_refused(tmp_path, kind):
    where, make = list(holders(2**53 + 1))[kind]
    with pytest.raises(ValueError, match=re.escape(f"{where} is 9007199254740993, which float64")):
        make(tmp_path)
    list(holders(2**53 + 2))[kind][1](tmp_path)  # one that float64 holds


# --- files
def test_columns_of_svmlight_may_be_in_any_order_and_count_from_0_or_1(tmp_path):
    for text, wanted in (
        ("0 3:1 1:2\n1 1:3\n", [[2, 0, 1], [3, 0, 0]]),
        ("0 0:1 2:2\n1 1:3\n", [[1, 0, 2], [0, 3, 0]]),
        ("0 2:1 3:2\n1 2:3\n", [[0, 1, 2], [0, 3, 0]]),
    ):
        assert load(tmp_path, "a.svm", text).x.todense().tolist() == wanted


@pytest.mark.parametrize(
    "text, said",
    [
        (" 1:1 2:2\n1 2:3\n", "line 1 is not 'label index:value"),
        ("0 4294967296:1\n1 2:3\n", "line 1 has a feature beyond"),
        ("0 1:1\n1 -1:3\n", "line 2 is not 'label index:value"),
    ],
)
def test_an_odd_line_of_svmlight_is_named(tmp_path, text, said):
    with pytest.raises(ValueError, match=said):
        load(tmp_path, "a.svm", text)


TABLES = {
    "a comma at every end": (
        "a,b,label\n1,4,0,\n2,5,1,\n",
        "line 2 has 4 cells while .* 3 columns",
    ),
    "and in the header": ("a,label,\n1,0,\n2,1,\n", "column 3 has no name"),
    "no header": ("1,2,0\n3,4,1\n", "no column 'label'; the first row names '1', '2', '0'"),
    "a quote left open": ('a,label\n"1",0\n"2,1\n3,1\n', "line 4: unexpected end of data"),
    "thousands": ('a,label\n"1,234",0\n"2",1\n', "line 2, column 'a': '1,234' is not a number"),
    "thousands, bare": ("a,label\n1,234,0\n2,1\n", "line 2 has 3 cells"),
    "thousands, spaced": ("a,label\n1\u00a0000,0\n2,1\n", "is not a number"),
    "a name twice": ("a,label,a\n1,0,2\n2,1,3\n", "two columns are named 'a'"),
    "a comment above": ("# made by\na,label\n1,0\n2,1\n", "no column 'label'"),
    "percent": ("a,label\n10%,0\n2,1\n", "line 2, column 'a': '10%' is not a number"),
    "a typographic minus": ("a,label\n\u22121,0\n2,1\n", "line 2, column 'a'"),
    "hexadecimal": ("a,label\n0x10,0\n2,1\n", "line 2, column 'a': '0x10' is not a number"),
    "two cells in one": ('a,label\n"3,4",0\n2,1\n', "line 2, column 'a': '3,4' is not a number"),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_that_others_misread_is_refused_with_its_line(tmp_path, name):
    text, said = TABLES[name]
    with pytest.raises(ValueError, match=said):
        load(tmp_path, "a.csv", text)


def test_a_first_row_of_numbers_is_no_header(tmp_path):
    """The sample would vanish without a word."""
    with pytest.raises(ValueError, match="the first row holds numbers alone, 1, 2, 0"):
        load(tmp_path, "a.csv", "1,2,0\n3,4,1\n5,6,0\n", label="0")
    frame = load(tmp_path, "a.csv", "0,1,2\n3,4,1\n5,6,0\n", label="2")  # names that pandas gives
    assert frame.x.tolist() == [[3, 4], [5, 6]]


def test_spaces_beside_quotes_and_commas_are_no_part_of_a_name(tmp_path):
    data = load(tmp_path, "a.csv", '"a", "b", "label"\n1, 2, 0\n3, 4, 1 \n')
    assert data.x.tolist() == [[1, 2], [3, 4]] and data.y.tolist() == [0, 1]


# --- optimizers
def parameter(*shape, dtype=torch.float64):
    torch.manual_seed(0)
    p = nn.Parameter(torch.randn(*shape, dtype=dtype))
    p.grad = torch.randn_like(p)
    return p


def moved(p, lr=0.1, **options):
    before = p.detach().clone()
    optim.Muon([p], lr=lr, **options).step()
    return (before - p.detach()) / lr


def test_a_parameter_twice_is_refused():
    p = parameter(3, 4)
    again = r"parameter 2 of group 0, shape \(3, 4\), is parameter 0 again"
    with pytest.warns(UserWarning, match="duplicate"), pytest.raises(ValueError, match=again):
        optim.Muon([p, parameter(2, 2), p], lr=0.1)
    with pytest.raises(ValueError, match="more than one parameter group"):
        optim.Muon([{"params": [p]}, {"params": [p]}], lr=0.1)


def test_what_has_no_gradient_stays():
    frozen, idle = parameter(3, 4), parameter(3, 4)
    frozen.requires_grad_(False)
    frozen.grad = idle.grad = None
    before = [p.detach().clone() for p in (frozen, idle)]
    optim.Muon([frozen, idle, parameter(2, 2)], lr=0.1).step()
    assert all(torch.equal(a, b) for a, b in zip(before, (frozen, idle), strict=True))


@pytest.mark.parametrize("shape, rank", [((8, 3, 5, 5), 8), ((16, 1, 4), 4)], ids=str)
def test_a_convolution_is_a_matrix_of_its_filters(shape, rank):
    step = moved(parameter(*shape)).reshape(shape[0], -1)
    # exact polar factors: every singular value is 1, to rounding of an SVD
    torch.testing.assert_close(
        torch.linalg.svdvals(step), torch.ones(rank, dtype=torch.float64), rtol=1e-12, atol=0
    )
    with pytest.raises(ValueError, match="shape .5,., and spectral steps need matrices"):
        moved(parameter(5))


def test_a_saved_state_takes_the_type_of_the_parameters():
    p = parameter(3, 4)
    first = optim.Muon([p], lr=0.1, momentum=0.9)
    first.step()
    small = parameter(3, 4, dtype=torch.float32)
    second = optim.Muon([small], lr=0.1, momentum=0.9)
    second.load_state_dict(first.state_dict())
    second.step()
    state = second.state[small]
    assert {v.dtype for v in state.values() if torch.is_tensor(v) and v.ndim} == {torch.float32}


@pytest.mark.parametrize("lr", [1.0, torch.tensor(1.0)], ids=type)
def test_a_schedule_moves_the_rate_of_the_next_step(lr):
    p = parameter(3, 4)
    optimizer = optim.Muon([p], lr=lr, momentum=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 0.5)
    for _ in range(3):  # 0.5 each time, not 0.5, 0.25, 0.125
        before = p.detach().clone()
        optimizer.step()
        schedule.step()
        lengths = torch.linalg.svdvals(before - p.detach())
        torch.testing.assert_close(lengths, torch.full_like(lengths, 0.5), rtol=1e-12, atol=0)


def test_a_gradient_that_is_not_finite_moves_nothing():
    p = parameter(3, 4)
    p.grad[0, 0] = float("inf")
    before = p.detach().clone()
    with pytest.raises(FloatingPointError, match="1 NaN or infinite .* Nothing was updated"):
        optim.Muon([p], lr=0.1).step()
    assert torch.equal(before, p)


def test_a_sparse_gradient_is_refused_with_what_to_do():
    table = nn.Embedding(5, 3, sparse=True)
    table(torch.tensor([1])).sum().backward()
    with pytest.raises(TypeError, match="sparse gradient.*sparse=False"):
        optim.SignSGD(table.parameters(), lr=0.1).step()


# --- stores and sweeps
def test_equal_bytes_of_another_shape_or_type_are_another_content():
    zeros = np.zeros(8, np.uint8)
    forms = [zeros, zeros.reshape(2, 4), zeros.view(np.int8), zeros.view(np.float64)]
    assert len({content_of({"a": form}) for form in forms}) == 4
    assert content_of({"a": zeros}) != content_of({"b": zeros})
    assert ib.Dataset(X, Y).digest != ib.Dataset(X, 1 - Y).digest
    assert ib.Dataset(X, Y).digest == ib.Dataset(np.asfortranarray(X), Y.tolist()).digest


def test_an_array_changed_after_it_was_given_changes_nothing():
    x = X.copy()
    data = ib.Dataset(x, Y)
    x[0, 0] = 99
    assert data.x[0, 0] == 2 and data.digest == ib.Dataset(X, Y).digest


def test_a_grid_file_edited_during_its_sweep_is_read_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("mine.npz", x=X, y=Y)
    grid = 'data = "mine.npz"\nnorms = ["max"]\nbatch_sizes = [2]\nseeds = 3\nsteps = 5\n'
    Path("grid.toml").write_text(grid)
    put = Store.put

    def editing(self, about, arrays, provenance=None):
        Path("grid.toml").write_text(grid.replace("5", "9"))
        return put(self, about, arrays, provenance)

    monkeypatch.setattr(Store, "put", editing)
    assert main(["sweep", "grid.toml", "-q", "--store", "store"]) == 0
    kept = [Store("store").get(path.stem).about for path in Store("store").paths()]
    assert {about["steps"] for about in kept if about["kind"] == "run"} == {5}


def test_a_figure_or_table_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("mine.npz", x=X, y=Y)
    argv = ["train", "mine.npz", "--norm", "max", "-b", "full", "--steps", "5", "-q"]
    assert main([*argv, "--out", "t.nc"]) == 0
    before = Path("t.nc").read_bytes()
    monkeypatch.setattr(os, "replace", lambda *a: (_ for _ in ()).throw(OSError(28, "No space")))
    assert main([*argv, "--seeds", "2", "--out", "t.nc"]) == 4
    assert Path("t.nc").read_bytes() == before and not list(tmp_path.glob(".*"))


# --- notebooks
@pytest.fixture
def book(tmp_path, monkeypatch):
    from ibias_book.run import pairs

    (tmp_path / "notebooks").mkdir()
    (tmp_path / "_toc.yml").write_text(
        "format: jb-book\nroot: x\nparts:\n - chapters:\n   - file: notebooks/nb\n"
    )

    def write(body):
        notebook(tmp_path / "notebooks", "steps = 1", body)
        (tmp_path / "notebooks" / "nb.py").unlink(missing_ok=True)
        pairs.Pair(tmp_path / "notebooks" / "nb.py").sync()
        return tmp_path

    return write


def test_a_kernel_that_is_killed_is_said_in_a_sentence(book, capsys, monkeypatch):
    folder = book("import os, signal\n\nos.kill(os.getpid(), signal.SIGKILL)")
    monkeypatch.chdir(folder)
    assert main(["reproduce", "-q"]) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "ended by itself, most often for want of memory" in err


def test_what_a_failing_notebook_had_shown_until_then_is_kept(book, monkeypatch):
    folder = book("print('so far')\n1 / 0")
    monkeypatch.chdir(folder)
    assert main(["reproduce", "-q"]) == 1
    shown = nbformat.read(folder / "_build" / "executed" / "nb.ipynb", as_version=4).cells[-1]
    assert shown.outputs[0].text == "so far\n" and shown.outputs[1].ename == "ZeroDivisionError"
    assert main(["reproduce", "-q"]) == 1  # and it does not count as done


def test_halves_in_step_keep_their_times(book):
    from ibias_book.run import pairs

    folder = book("1 + 1")
    files = [folder / "notebooks" / name for name in ("nb.py", "nb.ipynb")]
    os.utime(files[0], (1, 1))  # older, as after a checkout
    times = [path.stat().st_mtime_ns for path in files]
    pairs.in_step(folder, ["nb"])
    assert [path.stat().st_mtime_ns for path in files] == times
