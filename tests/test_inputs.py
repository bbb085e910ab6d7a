"""What an unlucky or hostile user types: one line that says what was wrong and what is allowed, the
right exit code, no traceback."""

import gzip
import io
import json
import re
import warnings
import zipfile

import numpy as np
import pytest
import scipy.sparse
import torch

import ibias as ib
from ibias.cli.app import main
from ibias.data import LabelsMapped

RNG = np.random.default_rng(0)
X = np.array([[2.0, 1.0], [1.5, 0.5], [-2.0, -1.0], [-1.0, -1.5]])  # separable, two classes
Y = np.array([0, 0, 1, 1])
GRID = 'data = "good.npz"\nnorms = ["max"]\nbatch_sizes = [2]\nsteps = 5\n'


def npz(**arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def npz_claiming(shape):
    head = repr({"descr": "<f8", "fortran_order": False, "shape": shape}).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(
            "x.npy", b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + b"\0" * 32
        )
    return buffer.getvalue()


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def sparse_npz(matrix=None, **changes):
    """What ``scipy.sparse.save_npz`` writes, with some members changed."""
    buffer = io.BytesIO()
    scipy.sparse.save_npz(buffer, scipy.sparse.csr_array(X) if matrix is None else matrix)
    buffer.seek(0)
    return npz(**(dict(np.load(buffer)) | {"y": Y} | changes))


def wide(line, column):
    """300 columns and ten rows as CSV, one cell of them empty."""
    rows = [[str(i * j) for j in range(300)] + [str(i % 2)] for i in range(10)]
    rows[line - 2][column] = ""
    header = [f"c{j}" for j in range(300)] + ["label"]
    return "\n".join(",".join(cells) for cells in [header, *rows]).encode()


def spoilt(value):
    x = X.copy()
    x[1, 0] = value
    return npz(x=x, y=Y)


# what only a Python caller could do about it
PYTHON = re.compile(
    r"\w=(\.\.\.|True|None|')|\(\.\.\.\)|\bib\.|verbose|max_margin|Minibatch|Batch\(\)|Momentum|"
    r"Power\(|\.certificate|(?<!-)\b(solver|tolerance|seconds|device) must"
)


def run(capsys, folder, monkeypatch, *argv, code, says):
    """Call the command in `folder`; one line on stderr that matches, the exit code, no
    traceback."""
    monkeypatch.chdir(folder)
    capsys.readouterr()
    got = main([str(word) for word in argv])
    err = capsys.readouterr().err
    assert got == code, err
    lines = [line for line in err.splitlines() if not line.startswith("ibias: note:")]
    assert len(lines) == 1 and "Traceback" not in err, err
    assert all(word in lines[0] for word in says), lines[0]
    assert not PYTHON.search(lines[0]), lines[0]
    return lines[0]


FILES = {  # name -> (bytes, words of the message)
    "truncated.npz": (npz(x=X, y=Y)[:100], ["truncated.npz", "zip"]),
    "magic.npz": (b"GIF89a" + b"\0" * 50, ["magic.npz", "not an npz"]),
    "empty.npz": (b"", ["empty.npz"]),
    "no_y.npz": (npz(x=X), ["no_y.npz", "'y'"]),
    "no_x.npz": (npz(y=Y), ["no_x.npz", "'x'"]),
    "object.npz": (
        npz(x=X, y=np.array([{}, 1, 2, 3], dtype=object)),
        ["object.npz", "y.npy", "never pickles", "y.astype(str)"],
    ),
    "claims.npz": (npz_claiming((10**9, 10)), ["claims.npz", "x.npy", "80,000,000,000"]),
    "complex.npz": (npz(x=X + 1j, y=Y), ["complex", "real numbers"]),
    "flat.npz": (npz(x=X.ravel(), y=Y), ["(8,)", "(samples, features)"]),
    "short_y.npz": (npz(x=X, y=Y[:3]), ["(3,)", "one label a sample"]),
    "nothing.npz": (npz(x=X[:0], y=Y[:0]), ["0 samples"]),
    "nan.npz": (spoilt(np.nan), ["row 1", "column 0", "nan"]),
    "inf.npz": (spoilt(np.inf), ["row 1", "column 0", "inf"]),
    "half.npz": (npz(x=X, y=Y + 0.5), ["row 0", "0.5", "whole numbers"]),
    "negative.npz": (npz(x=X, y=np.array([0, -3, 1, 1])), ["row 1", "-3"]),
    "one_class.npz": (npz(x=X, y=Y * 0), ["at least two classes"]),
    "nan_label.npz": (npz(x=X, y=np.array([0, np.nan, 1, 1])), ["row 1", "nan"]),
    "dates.npz": (npz(x=X, y=Y.astype("datetime64[s]")), ["only numbers and text"]),
    "text.csv": (b"a,b,label\n1,2,0\n3,four,1\n", ["line 3", "'four'", "not a number"]),
    "long_labels.csv": (
        b"a,label\n1,9007199254740993\n2,9007199254740992\n3,0\n",
        ["line 2", "whole numbers or text"],
    ),
    "ragged.csv": (b"a,b,label\n1,2,0\n3,1\n", ["line 3", "2 cells", "3 columns"]),
    "decimal_comma.csv": (b'a,label\n"1,5",0\n2,1\n', ["line 2", "decimal comma"]),
    "semicolons.csv": (b"a;label\n1,5;0\n", ["';'", "commas"]),
    "empty.csv": (b"", ["empty.csv", "first row"]),
    "header_only.csv": (b"a,label\n", ["no samples"]),
    "one_column.csv": (b"label\n0\n1\n", ["only the column 'label'"]),
    "no_label.csv": (b"a,b\n1,2\n", ["no column 'label'", "'a', 'b'"]),
    "no_header.csv": (b"1.0,2.0,0\n3.0,4.0,1\n", ["no column 'label'"]),
    "twice.csv": (b"a,a,label\n1,2,0\n", ["two columns", "'a'"]),
    "nan.csv": (b"a,label\n1,0\nnan,1\n", ["line 3", "'a'", "nan"]),
    "huge.csv": (b"a,label\n1,0\n1e999,1\n", ["line 3", "inf"]),
    "latin.csv": ("a,label\n1,caf\u00e9\n2,x\n".encode("latin-1"), ["UTF-8"]),
    "quote.csv": (b'a,label\n"1,0\n2,1\n', ["quote.csv", "line"]),
    "empty_cell.csv": (b"a,b,label\n1,,0\n2,3,1\n", ["line 2", "''"]),
    "empty_label.csv": (b"a,label\n1,x\n2,\n", ["line 3", "'', a missing label"]),
    "underscore.csv": (b"a,label\n1_000,0\n2,1\n", ["line 2", "'1_000'"]),
    "empty_of_300.csv": (wide(7, 217), ["line 7", "column 'c217'", "''"]),
    "empty_then_blank.csv": (b"a,b,label\n\n1,2,0\n\n3,,1\n", ["line 5", "column 'b'", "''"]),
    "nan_after_blank.csv": (b"a,label\n\n1,0\n\nnan,1\n", ["line 5", "column 'a'", "nan"]),
    "text_after_lines.csv": (b'a,label\n1,"x\ny"\nz,0\n', ["line 4", "column 'a'", "'z'"]),
    "nan_label.csv": (b"a,label\n1,0\n2,nan\n3,1\n", ["line 3", "'nan'", "missing label"]),
    "nan_after_lines.csv": (b'a,label\n1,"x\ny"\n2,nan\n', ["line 4", "'nan'", "missing"]),
    "na_label.csv": (b"a,label\n1,cat\n2,NA\n3,dog\n", ["line 3", "'NA'", "missing label"]),
    "inf_label.csv": (b"a,label\n1,0\n2,1\n3,inf\n", ["line 4", "'inf'", "missing label"]),
    "index.csv": (b",a,label\n0,1,0\n1,2,1\n", ["column 1 has no name", "index=False"]),
    "index_read.csv": (b"Unnamed: 0,a,label\n0,1,0\n1,2,1\n", ["'Unnamed: 0'", "index=False"]),
    "utf16.csv": ("a,label\n1,0\n2,1\n".encode("utf-16"), ["UTF-8", "byte 0"]),
    "cut.csv.gz": (gzip.compress(b"a,label\n1,0\n2,1\n")[:-9], ["cut.csv.gz", "gz file"]),
    "plain.csv.gz": (b"a,label\n1,0\n2,1\n", ["plain.csv.gz", "gz file"]),
    "text.csv.gz": (gzip.compress(b"a,label\n1,0\nx,1\n"), ["line 3", "column 'a'", "'x'"]),
    "mine.gz": (gzip.compress(b"a,label\n1,0\n2,1\n"), [".csv.gz", "'.gz'"]),
    "mine.npz.gz": (gzip.compress(npz(x=X, y=Y)), [".csv.gz", "'.gz'"]),
    "text.svm": (b"0 1:2\n1 1:two\n", ["line 2", "label index:value", "1:two"]),
    "csv.svm": (b"a,b\n1,2\n", ["line 1", "label index:value"]),
    "several.svm": (b"0 1:2\n1,2 1:3\n", ["line 2", "label index:value"]),
    "query.svm": (b"0 qid:3 1:2\n1 qid:3 1:3\n", ["line 1", "qid:3"]),
    "twice.svm": (b"0 1:2\n\n1 1:3 2:4 1:5\n", ["line 3", "twice"]),
    "nan.svm": (b"# two\n0 1:2\n1 1:3 4:nan\n", ["line 3", "column 4", "nan"]),
    "huge.svm": (b"0 1:2\n1 99999999999999999999:3\n", ["line 2", "beyond 1,073,741,824"]),
    "label.svm": (b"0 1:2\nnan 1:3\n", ["line 2", "missing label"]),
    "empty.svm": (b"", ["0 samples"]),
    "no_features.svm": (b"0\n1\n", ["0 features"]),
    "x.npy": (npy(X), ["x.npy", "--labels", "there is no y.npy"]),
    "numbers.npy": (npy(X), ["numbers.npy", "--labels", "NAME_y.npy"]),
    "object_x.npy": (npy(np.array([{}, 1], object)), ["object_x.npy", "never pickles"]),
    "cut_x.npy": (npy(X)[:-8], ["cut_x.npy", "64 bytes", "56 bytes"]),
    "magic_x.npy": (b"GIF89a" + b"\0" * 50, ["magic_x.npy", "not a readable npy"]),
    "unlabelled.npz": (sparse_npz(y=Y)[:-30], ["unlabelled.npz", "zip"]),
    "indices.npz": (sparse_npz(indices=np.full(8, 2**40)), ["indices.npz", "ind"]),
    "indptr.npz": (sparse_npz(indptr=np.array([0, 9, 1, 2, 8])), ["indptr.npz", "ind"]),
    "shape.npz": (sparse_npz(shape=np.array([4, 2**60])), ["shape.npz", "at most"]),
    "negative_shape.npz": (sparse_npz(shape=np.array([4, -2])), ["negative_shape.npz"]),
    "text_shape.npz": (sparse_npz(shape=np.array([b"4", b"2"])), ["shape (b'4', b'2')"]),
    "pointers.npz": (  # scipy's check passes these, and the process dies
        sparse_npz(scipy.sparse.csc_array(X), indptr=np.array([0, 99, 0])),
        ["indptr", "rise"],
    ),
    "bsr.npz": (sparse_npz(scipy.sparse.bsr_array(X)), ["'bsr'", "x.tocsr()"]),
    "complex_sparse.npz": (sparse_npz(scipy.sparse.csr_array(X * 1j)), ["complex", "real numbers"]),
    "float_indices.npz": (sparse_npz(indices=np.zeros(8)), ["whole numbers", "indices"]),
    "short_sparse.npz": (sparse_npz(y=Y[:3]), ["(3,)", "(4, 2)"]),
    "no_data.arff": (b"@relation r\n@attribute a real\n", ["@data"]),
    "odd.arff": (b"@relation r\n@attributes a real\n@data\n1\n", ["line 2", "@attribute"]),
    "no_class.arff": (b"@attribute a real\n@attribute b real\n@data\n1,2\n", ["no column"]),
    "nominal.arff": (
        b"@attribute a {x,y}\n@attribute label {0,1}\n@data\nx,0\ny,1\n",
        ["'a'", "{x,y}", "numeric"],
    ),
    "missing.arff": (
        b"@attribute a real\n@attribute c {u,v}\n@data\n% none\n1,u\n?,v\n",
        ["line 6", "column 'a'", "'?'"],
    ),
    "missing_class.arff": (
        b"@attribute a real\n@attribute c {u,v}\n@data\n1,u\n2,?\n3,v\n",
        ["line 5", "'?'", "missing label"],
    ),
    "sparse.arff": (
        b"@attribute a real\n@attribute c {u,v}\n@data\n{0 1, 1 v}\n",
        ["sparse rows", ".svmlight"],
    ),
    "not.parquet": (b"PAR1 not really PAR1", ["not.parquet", "Parquet"]),
    "empty.parquet": (b"", ["empty.parquet"]),
    "x.xlsx": (b"PK", [".npz, .csv, .parquet", "'.xlsx'"]),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_cannot_be_used(name, tmp_path, capsys, monkeypatch):
    content, says = FILES[name]
    (tmp_path / name).write_bytes(content)
    run(capsys, tmp_path, monkeypatch, "margin", name, "--norm", "max", code=2, says=says)
    with pytest.raises(ValueError) as caught:  # a Python caller gets the same sentence
        ib.data.load(name)
    assert all(word in str(caught.value) for word in says)


PARQUET = {
    "text": ({"a": ["x", "y"], "label": [0, 1]}, ["'a'", "numbers"]),
    "holes": ({"a": [1.0, None], "label": [0, 1]}, ["row 1", "'a'", "empty"]),
    "no label": ({"a": [1.0, 2.0]}, ["no column 'label'"]),
    "empty label": ({"a": [1.0, 2.0], "label": ["x", None]}, ["row 1", "None, a missing label"]),
    "lists": ({"a": [1.0, 2.0], "label": [[1], [2]]}, ["list", "whole numbers or text"]),
    "no rows": ({"a": np.zeros(0), "label": np.zeros(0, int)}, ["no samples"]),
}


@pytest.mark.parametrize("name", PARQUET)
def test_a_parquet_file_that_cannot_be_used(name, tmp_path, capsys, monkeypatch):
    import pyarrow
    import pyarrow.parquet

    columns, says = PARQUET[name]
    pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / "mine.parquet")
    run(capsys, tmp_path, monkeypatch, "margin", "mine.parquet", "--norm", "max", code=2, says=says)


@pytest.mark.parametrize("name", ["x.npy", "data_x.npy", "X_train.npy", "mine.npz"])
def test_labels_stand_in_a_file_beside_the_features(name, tmp_path):
    beside = {"x.npy": "y.npy", "data_x.npy": "data_y.npy", "X_train.npy": "y_train.npy"}
    if name == "mine.npz":
        scipy.sparse.save_npz(tmp_path / name, scipy.sparse.coo_array(X))
    else:
        np.save(tmp_path / name, X)
    np.save(tmp_path / beside.get(name, "other.npy"), Y)
    options = {} if name in beside else {"labels": tmp_path / "other.npy"}
    data = ib.data.load(tmp_path / name, **options)
    assert (np.asarray(data.x.todense() if data.is_sparse else data.x) == X).all()
    assert data.y.tolist() == Y.tolist()
    with pytest.raises(ValueError, match=r"elsewhere\.npy"):
        ib.data.load(tmp_path / name, labels=tmp_path / "elsewhere.npy")


@pytest.mark.parametrize(
    "name, options, say",
    [
        ("good.npz", {"separator": ";"}, "separator=';' is for .csv files"),
        ("good.npz", {"decimal": ","}, "decimal=',' is for .csv files"),
        ("good.csv", {"labels": "y.npy"}, "labels='y.npy' is for .npy, .npz files"),
        ("good.svm", {"label": "c"}, "label='c' is for .arff, .csv, .npz, .parquet files"),
        ("good.svm", {"standardise": True}, "sparse data dense"),
        ("good.csv", {"separator": "; "}, "one character"),
        ("good.csv", {"separator": '"'}, "one character"),
        ("good.csv", {"separator": "\u00a7"}, "one character"),
        ("good.csv", {"decimal": ","}, "often ';'"),
        ("good.csv", {"decimal": "x"}, "'.' or ','"),
    ],
)
def test_options_that_a_format_has_not_are_refused(name, options, say, tmp_path):
    np.savez(tmp_path / "good.npz", x=X, y=Y)
    (tmp_path / "good.csv").write_text("a,label\n1,0\n2,1\n")
    (tmp_path / "good.svm").write_text("0 1:1\n1 1:2\n")
    with pytest.raises(ValueError, match=re.escape(say)):
        ib.data.load(tmp_path / name, **options)


def test_the_index_of_a_parquet_frame_is_left_out_and_it_is_said(tmp_path, monkeypatch, capsys):
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    frame = pandas.DataFrame(X, columns=["a", "b"]).assign(label=Y)
    order = [2, 0, 3, 1]  # which pandas cannot write as a range
    plain = ib.data.Dataset(X[order], Y[order]).digest
    frame.iloc[order].to_parquet(tmp_path / "sorted.parquet")
    frame.iloc[order].set_index(pandas.Index(list("tuvw"), name="id")).to_parquet(
        tmp_path / "id.parquet"
    )
    frame.iloc[order].set_index("label").to_parquet(tmp_path / "by_label.parquet")
    # polars reads pandas' index as a column and writes no metadata
    polars.read_parquet(tmp_path / "sorted.parquet").write_parquet(tmp_path / "twice.parquet")
    frame.iloc[order].to_parquet(tmp_path / "none.parquet", index=False)
    left = {"sorted": "'__index_level_0__'", "id": "'id'", "twice": "'__index_level_0__'"}
    for name in (*left, "by_label", "none"):
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            data = ib.data.load(tmp_path / f"{name}.parquet")
        assert data.digest == plain, name
        said = [str(w.message) for w in seen if w.category is ib.data.IndexDropped]
        assert len(said) == (name in left) and all(left[name] in s for s in said)
    monkeypatch.chdir(tmp_path)
    assert main(["margin", "sorted.parquet", "--norm", "max", "--json"]) == 0
    assert "note: sorted.parquet: left out '__index_level_0__'" in capsys.readouterr().err


def test_a_folder_does_not_hide_a_built_in_set(tmp_path, monkeypatch, capsys):
    for name in ("digits", "counterexample:X.3"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    for name, samples in (("digits:3-8", 357), ("digits", 1797), ("counterexample:X.3", None)):
        capsys.readouterr()
        argv = ["margin", name, "--norm", "max", "--json", "--tolerance", "0.5", "-q"]
        assert main(argv) == 0
        assert json.loads(capsys.readouterr().out)["samples"] == samples or samples is None


def test_a_grid_file_with_a_byte_order_mark_is_read(folder, monkeypatch):
    (folder / "grid.toml").write_bytes(b"\xef\xbb\xbf" + GRID.encode())
    monkeypatch.chdir(folder)
    assert main(["sweep", "grid.toml", "-q"]) == 0


def train(*more, data="good.npz", norm="max", b="2"):
    return ["train", data, "--norm", norm, "-b", b, "--steps", "5", "--seeds", "1", "-q", *more]


ARGUMENTS = {  # id -> (argv, exit code, words)
    "no such file": (
        ["margin", "missing.npz", "--norm", "max"],
        2,
        ["missing.npz", "no such file"],
    ),
    "no such name": (["margin", "missing", "--norm", "max"], 2, ["built-in", "digits"]),
    "a folder": (["margin", "folder.npz", "--norm", "max"], 2, ["folder.npz", "not a file"]),
    "a name of 300 characters": (
        ["margin", "x" * 300 + ".npz", "--norm", "max"],
        None,
        ["x" * 300],
    ),
    "up and away": (["margin", "../../../nothing.csv", "--norm", "max"], 2, ["no such file"]),
    "a name like an option": (["margin", "-rf", "--norm", "max"], 2, ["-r"]),
    "no data": (["margin", "--norm", "max"], 2, ["DATA"]),
    "no norm": (["margin", "good.npz"], 2, ["--norm"]),
    "unknown norm": (["margin", "good.npz", "--norm", "euclid"], 2, ["'euclid'", "frobenius"]),
    "p below 1": (
        ["margin", "good.npz", "--norm", "entrywise:0.5"],
        2,
        ["entrywise:0.5", "[1, inf]"],
    ),
    "p is nan": (["margin", "good.npz", "--norm", "schatten:nan"], 2, ["schatten:nan", "[1, inf]"]),
    "p is text": (["margin", "good.npz", "--norm", "schatten:two"], 2, ["schatten:two"]),
    "unknown solver": (
        ["margin", "good.npz", "--norm", "max", "--solver", "magic"],
        2,
        ["interior", "'magic'"],
    ),
    "unknown command": (["marginn", "good.npz"], 2, ["marginn"]),
    "unknown option": (["margin", "good.npz", "--norm", "max", "--fast"], 2, ["--fast"]),
    "digits of letters": (["margin", "digits:a-b", "--norm", "max"], 2, ["digits:3-8"]),
    "one digit": (["margin", "digits:3", "--norm", "max"], 2, ["two or more"]),
    "no such counterexample": (["margin", "counterexample:X.9", "--norm", "max"], 2, ["X.1"]),
    "b does not divide n": (train(b="3"), 2, ["3", "n = 4", "2 and 4", "ragged"]),
    "b above n": (train(b="5"), 2, ["5", "4"]),
    "b is 0": (train(b="0"), 2, ["0", ">= 1"]),
    "b is negative": (train(b="-2"), 2, ["-2"]),
    "b is text": (train(b="two"), 2, ["'two'", "full"]),
    "beta is 1": (train("--momentum", "1"), 2, ["[0, 1)", "1.0"]),
    "beta is negative": (train("--momentum", "-0.5"), 2, ["[0, 1)", "-0.5"]),
    "beta is nan": (train("--momentum", "nan"), 2, ["[0, 1)", "nan"]),
    "a is 0": (train("--a", "0"), 2, ["(0, 1]"]),
    "a above 1": (train("--a", "1.5"), 2, ["(0, 1]", "1.5"]),
    "eta0 is 0": (train("--eta0", "0"), 2, ["positive"]),
    "eta0 is inf": (train("--eta0", "inf"), 2, ["finite"]),
    "steps are negative": (train("--steps", "-1"), 2, ["-1"]),
    "steps are text": (train("--steps", "many"), 2, ["--steps", "integer"]),
    "no seeds": (train("--seeds", "0"), 2, ["--seeds 0"]),
    "too many seeds": (train("--seeds", "1000000000"), 2, ["1000000000", "100,000"]),
    "too many records": (train("--records", "1000000000"), 2, ["--records", "100,000"]),
    "unknown loss": (train("--loss", "hinge"), 2, ["'hinge'", "exponential"]),
    "unknown backend": (train("--backend", "warp"), 2, ["'warp'", "kernel"]),
    "no such device": (train("--device", "tpu9"), 2, ["tpu9"]),
    "out is no netCDF": (train("--out", "x.txt"), 2, [".nc"]),
    "out in no folder": (train("--out", "nowhere/x.nc"), 2, ["no folder"]),
    "out is a folder": (train("--out", "folder.nc"), 2, ["is a folder"]),
    "not separable": (["margin", "xor.npz", "--norm", "max"], 3, ["not linearly separable"]),
    "not separable, train": (train(data="xor.npz"), 3, ["not linearly separable"]),
    "a zero sample": (["margin", "zero.npz", "--norm", "max"], 3, ["x[1]", "zero"]),
    "equal rows": (["margin", "equal.npz", "--norm", "spectral"], 3, ["rows 0 and 3", "equal"]),
    "1e300": (["margin", "enormous.npz", "--norm", "frobenius"], None, []),
    "grid is missing": (["sweep", "none.toml"], 2, ["none.toml"]),
    "grid is no TOML": (["sweep", "bad.toml"], 2, ["bad.toml", "not TOML"]),
    "grid is another file": (["sweep", "good.npz"], 2, [".toml"]),
    "nobody answers": (
        ["sweep", "grid.toml", "--scheduler", "nonsense://x"],
        2,
        ["nonsense://x", "no Dask scheduler"],
    ),
    "no store folder": (["store", "ls", "--store", "nowhere"], 2, ["nowhere"]),
    "a parameter without value": (["reproduce", "-p", "steps"], 2, ["NAME=VALUE"]),
    "a parameter that is code": (
        ["reproduce", "-p", "__import__('os').system('x')=1"],
        2,
        ["NAME=VALUE"],
    ),
    "a value that is code": (
        ["reproduce", "05_experiment", "-p", "steps=__import__('os').system('x')"],
        2,
        ["'steps'", "whole number"],
    ),
    "a value that is a script": (
        ["reproduce", "05_experiment", "-p", "steps=<script>{{1}}</script>"],
        2,
        ["'steps'", "<script>"],
    ),
    "an unknown parameter": (
        ["reproduce", "05_experiment", "-p", "stepz=3"],
        2,
        ["'stepz'", "steps"],
    ),
    "no such notebook": (["reproduce", "99_nothing"], 2, ["99_nothing"]),
    "no such figure": (["verify", "fig-999"], 2, ["fig-999"]),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("IBIAS_STORE", str(tmp_path / "store"))
    np.savez(tmp_path / "good.npz", x=X, y=Y)
    np.savez(tmp_path / "xor.npz", x=np.array([[1.0, 1], [-1, -1], [1, -1], [-1, 1]]), y=Y)
    np.savez(tmp_path / "zero.npz", x=X * [[1], [0], [1], [1]], y=Y)
    np.savez(tmp_path / "equal.npz", x=X[[0, 1, 2, 0]], y=Y)
    np.savez(tmp_path / "enormous.npz", x=X * 1e300, y=Y)
    for name in ("folder.npz", "folder.nc"):
        (tmp_path / name).mkdir()
    (tmp_path / "bad.toml").write_text("norms = [")
    (tmp_path / "grid.toml").write_text(GRID)
    return tmp_path


@pytest.mark.parametrize("name", [name for name in ARGUMENTS if ARGUMENTS[name][1] is not None])
def test_arguments_that_cannot_be_used(name, folder, capsys, monkeypatch):
    argv, code, says = ARGUMENTS[name]
    run(capsys, folder, monkeypatch, *argv, code=code, says=says)
    assert not (folder / "store").exists() and not list(folder.glob("*.part"))


def test_enormous_features_give_a_finite_margin_or_a_sentence(folder, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    with np.errstate(over="ignore", invalid="ignore"):
        code = main(["margin", "enormous.npz", "--norm", "max", "--json"])
    out = capsys.readouterr()
    assert "Traceback" not in out.err
    if code == 0:
        assert np.isfinite(json.loads(out.out)["lower"])
    else:
        assert code == 2 and out.err.count("\n") == 1


def test_a_very_long_name_is_one_line(folder, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    assert main(["margin", "x" * 300 + ".npz", "--norm", "max"]) in (
        2,
        4,
    )  # the system refuses the name itself
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("command", ["margin", "train"])
def test_where_only_an_intercept_is_missing_it_is_said(command, folder, capsys, monkeypatch):
    x = np.array([[5.0, 1.0], [6.0, 1.5], [8.0, 2.0], [9.0, 2.2]])
    np.savez(folder / "beside.npz", x=x, y=Y)
    np.savez(folder / "xor.npz", x=X[[0, 2, 0, 2]], y=Y)
    more = ["-b", "full", "--steps", "5"] if command == "train" else []
    argv = [command, "beside.npz", "--norm", "max", "-q", *more]
    run(capsys, folder, monkeypatch, *argv, code=3, says=["with a bias feature they are: --bias"])
    assert main([*argv, "--bias"]) == 0
    argv[1] = "xor.npz"
    assert "--bias" not in run(capsys, folder, monkeypatch, *argv, code=3, says=["not linearly"])


def test_train_calls_a_tie_a_tie(folder, capsys, monkeypatch):
    np.savez(folder / "line.npz", x=np.array([[1.0], [2.0], [-1.0], [-3.0]]), y=Y)
    monkeypatch.chdir(folder)
    assert main(train("--json", data="line.npz")) == 0
    said = json.loads(capsys.readouterr().out)["verdict"]
    assert said.startswith("nearest to the maximum max, frobenius and spectral margins alike: 100")


@pytest.mark.parametrize(
    "words",
    [
        ["sweep", "grid.toml", "--store", ""],
        ["store", "ls", "--store="],
        [*train(), "--store", ""],
        ["margin", "good.npz", "-n", "max", "--proof", ""],
        ["check", "", "good.npz"],
        ["sweep", "grid.toml", "--scheduler", ""],
    ],
)
def test_an_empty_word_is_refused(words, folder, capsys, monkeypatch):
    """Of a variable that is not set: as a path it would be the folder one happens to be in."""
    run(capsys, folder, monkeypatch, *words, code=2, says=["give a value", "variable not set"])


SPOKEN = {  # what a Python caller is told with Python's names
    "momentum": (train("--momentum", "1"), ["--momentum must lie in [0, 1)"]),
    "a": (train("--a", "0"), ["--a must lie in (0, 1]"]),
    "eta0": (train("--eta0", "0"), ["--eta0 is a step length"]),
    "device": (train("--device", "tpu9"), ["--device tpu9 is no device"]),
    "backend": (train("--backend", "warp"), ["--backend: unknown backend 'warp'"]),
    "steps": (train("--steps", "-1"), ["--steps counts updates"]),
    "batch": (train(b="0"), ["--batch-size counts samples"]),
    "large batch": (train(b="9"), ["--batch-size 9", "at most 4, or --batch-size full"]),
    "ragged": (train(b="3"), ["--batch-size 3 does not divide", "--ragged allows"]),
    "solver": (["margin", "good.npz", "-n", "max", "--solver", "x"], ["--solver must be one of"]),
    "gap": (["margin", "good.npz", "-n", "max", "--tolerance", "2"], ["(0, 1); got 2.0"]),
    "time": (["margin", "good.npz", "-n", "max", "--seconds", "0"], ["--seconds must be"]),
    "too little time": (
        ["margin", "digits", "-n", "schatten:3", "--seconds", "0.001", "-q"],
        ["allow more --seconds, or set a --tolerance"],
    ),
    "separator": (["margin", "good.npz", "-n", "max", "--separator", ";"], ["--separator ';'"]),
    "decimal": (["margin", "good.npz", "-n", "max", "--decimal", ","], ["--decimal ','"]),
    "label": (["margin", "good.svm", "-n", "max", "--label", "c"], ["--label 'c' is for"]),
    "standardise": (["margin", "good.svm", "-n", "max", "--standardise"], ["sparse data dense"]),
}


@pytest.mark.parametrize("name", SPOKEN)
def test_an_error_of_a_command_names_its_options(name, folder, capsys, monkeypatch):
    argv, says = SPOKEN[name]
    (folder / "good.svm").write_text("0 1:1\n1 1:2\n")
    run(capsys, folder, monkeypatch, *argv, code=2, says=says)


@pytest.mark.parametrize(
    "norm, status", [("max", "failed"), ("schatten:3", "is not installed"), ("spectral", "")]
)
def test_a_solver_that_fails_is_one_line_with_what_to_try_here(
    folder, capsys, monkeypatch, norm, status
):
    """The general solver's own sentence asks for an argument that the command has not."""
    import cvxpy

    said = f"Solver 'CLARABEL' {status}. Try another solver, or solve with verbose=True for more information."
    if not status:  # inaccurate: a warning, and an answer

        def solve(problem, **options):
            warnings.warn("Solution may be inaccurate. " + said.partition(". ")[2], stacklevel=2)
            return real(problem, **options)

        real = cvxpy.Problem.solve
        monkeypatch.setattr(cvxpy.Problem, "solve", solve)
        monkeypatch.chdir(folder)
        assert main(["margin", "good.npz", "--norm", norm, "--solver", "cvxpy"]) == 0
        err = capsys.readouterr().err
        assert "note: Solution may be inaccurate. Try --solver auto" in err and "verbose" not in err
        return

    def fail(problem, **options):
        raise cvxpy.error.SolverError(said)

    monkeypatch.setattr(cvxpy.Problem, "solve", fail)
    argv = ["margin", "good.npz", "--norm", norm, "--solver", "cvxpy", "-q"]
    says = [status, "Try --solver auto, or features of similar size with --standardise"]
    run(capsys, folder, monkeypatch, *argv, code=2, says=says)


GRIDS = {
    "unknown key": (GRID + "norm = 'max'\n", ["'norm'", "norms"]),
    "key missing": ("norms = ['max']\nbatch_sizes = [2]\n", ["'data'"]),
    "norms is text": (GRID.replace('["max"]', '"max"'), ["norms", "a list"]),
    "unknown norm": (GRID.replace("max", "euclid"), ["'euclid'"]),
    "norms is empty": (GRID.replace('["max"]', "[]"), ["norms is empty"]),
    "b is text": (GRID.replace("[2]", "['two']"), ["batch_sizes", "'two'"]),
    "b is a float": (GRID.replace("[2]", "[2.0]"), ["batch_sizes", "2.0"]),
    "b does not divide": (GRID.replace("[2]", "[3]"), ["n = 4", "2 and 4"]),
    "beta is 1": (GRID + "momenta = [1.0]\n", ["[0, 1)"]),
    "beta is text": (GRID + "momenta = ['x']\n", ["momenta", "numbers"]),
    "reduction is a number": (GRID + "variance_reduction = [1]\n", ["true or false"]),
    "steps is text": (GRID.replace("5", "'5'"), ["steps", "whole number"]),
    "seeds negative": (GRID + "seeds = -1\n", ["seeds"]),
    "a seed negative": (GRID + "seeds = [-1]\n", ["seed", "-1"]),
    "too many seeds": (GRID + "seeds = 100000000\n", ["100,000"]),
    "too many runs": (
        GRID.replace("[2]", "[" + "2," * 300 + "]") + "seeds = 50000\n",
        ["15,000,000 runs"],
    ),
    "twice the same": (GRID.replace("[2]", "[2, 2]"), ["distinct names"]),
    "unknown loss": (GRID + "loss = 'hinge'\n", ["'hinge'"]),
    "schedule key": (GRID + "[schedule]\neta = 1\n", ["'eta'", "eta0"]),
    "schedule text": (GRID + "[schedule]\neta0 = 'x'\n", ["eta0", "number"]),
    "schedule of a norm": (GRID + "[schedule.max]\nb = 1\n", ["schedule.max"]),
    "data is code": (GRID.replace("good.npz", "__import__('os')"), ["__import__('os')"]),
    "data is a script": (GRID.replace("good.npz", "<script>alert(1)</script>"), ["<script>"]),
}


@pytest.mark.parametrize("name", GRIDS)
def test_a_grid_that_cannot_be_used(name, folder, capsys, monkeypatch):
    text, says = GRIDS[name]
    (folder / "grid.toml").write_text(text)
    run(capsys, folder, monkeypatch, "sweep", "grid.toml", "-q", code=2, says=says)
    assert not (folder / "grid.nc").exists()


LABELS = {  # raw labels -> what becomes of them, and whether it is said
    "0..k-1": ([0, 0, 1, 1], [0, 0, 1, 1], None),
    "1..k": ([1, 1, 2, 2], [0, 0, 1, 1], "1 -> 0, 2 -> 1"),
    "a class missing": ([0, 0, 2, 2], [0, 0, 1, 1], "0 -> 0, 2 -> 1"),
    "-1 and 1": ([1, 1, -1, -1], [1, 1, 0, 0], "-1 -> 0, 1 -> 1"),
    "text": (["cat", "cat", "dog", "dog"], [0, 0, 1, 1], "cat -> 0, dog -> 1"),
    "whole floats": ([0.0, 0.0, 1.0, 1.0], [0, 0, 1, 1], None),
    "truth values": ([False, False, True, True], [0, 0, 1, 1], None),
}


@pytest.mark.parametrize("name", LABELS)
def test_labels_that_are_clear_are_mapped_and_it_is_said(name, tmp_path, recwarn):
    raw, wanted, said = LABELS[name]
    np.savez(tmp_path / "mine.npz", x=X, y=np.array(raw))
    data = ib.data.load(tmp_path / "mine.npz")
    assert data.y.tolist() == wanted and data.k == 2
    notes = [str(w.message) for w in recwarn if w.category is LabelsMapped]
    assert len(notes) == (said is not None) and all(said in note for note in notes)


@pytest.mark.parametrize(
    "name, text", [("m.csv", "a,label\n1,0\n2,01\n3,1\n"), ("m.svm", "0 1:1\n01 1:2\n1 1:3\n")]
)
def test_two_spellings_of_one_number_are_one_class_and_it_is_said(name, text, tmp_path):
    """As of codes with leading zeros: the map of labels to classes shows nothing of it."""
    (tmp_path / name).write_text(text)
    with pytest.warns(LabelsMapped, match="'01' and '1' are one class"):
        assert ib.data.load(tmp_path / name).y.tolist() == [0, 1, 1]


def test_a_csv_with_a_byte_order_mark_blank_lines_and_spaces(tmp_path):
    (tmp_path / "räume und ü.csv").write_bytes(
        b"\xef\xbb\xbfa, b ,label\r\n1, 2.5 ,0\r\n\r\n-1e-3,+4,1\r\n"
    )
    data = ib.data.load(tmp_path / "räume und ü.csv")
    np.testing.assert_array_equal(data.x, [[1, 2.5], [-1e-3, 4]])


def test_the_formats_agree(tmp_path):
    pandas = pytest.importorskip("pandas")
    sklearn = pytest.importorskip("sklearn.datasets")
    frame = pandas.DataFrame(X, columns=["a", "b"]).assign(label=Y)
    frame.to_csv(tmp_path / "m.csv", index=False)
    frame.to_csv(tmp_path / "m.csv.gz", index=False)
    frame.to_parquet(tmp_path / "m.parquet")
    np.savez(tmp_path / "m.npz", x=X, y=Y)
    np.save(tmp_path / "m_x.npy", X)
    np.save(tmp_path / "m_y.npy", Y)
    rows = "\n".join(f"{a!r}, {b!r},'{c}'" for (a, b), c in zip(X.tolist(), Y, strict=False))
    (tmp_path / "m.arff").write_text(
        f"% comment\n@RELATION 'm'\n\n@attribute 'a' REAL\n@attribute b numeric\n"
        f"@attribute class {{0,1}}\n@Data\n%{{\n{rows}\n"
    )
    dense = ("m.csv", "m.csv.gz", "m.parquet", "m.npz", "m_x.npy", "m.arff")
    assert len({ib.data.load(tmp_path / name).digest for name in dense}) == 1
    zeros = X * (np.abs(X) > 1)
    scipy.sparse.save_npz(tmp_path / "s_x.npz", scipy.sparse.csc_array(zeros))
    np.save(tmp_path / "s_y.npy", Y)
    for name, zero_based in (("s.svm", True), ("t.svmlight", False)):
        sklearn.dump_svmlight_file(zeros, Y, str(tmp_path / name), zero_based=zero_based)
    (tmp_path / "u.libsvm.gz").write_bytes(gzip.compress((tmp_path / "s.svm").read_bytes()))
    sparse = ("s_x.npz", "s.svm", "t.svmlight", "u.libsvm.gz")
    found = {ib.data.load(tmp_path / name).digest for name in sparse}
    assert found == {ib.data.Dataset(scipy.sparse.csr_array(zeros), Y).digest}


@pytest.mark.parametrize("quick", [True, False])
@pytest.mark.parametrize(
    "text, options",
    [
        ("a;b;label\n2;1;0\n1,5;,5;0\n-2;-1;1\n-1;-1,5;1\n", dict(separator=";", decimal=",")),
        ("a\tb\tlabel\n2\t1\t0\n1.5\t.5\t0\n-2\t-1\t1\n-1\t-1.5\t1", dict(separator="tab")),
        ("a b label\r\n2 1 0\r\n1.5 .5 0\r\n-2 -1 1\r\n-1 -1.5 1\r\n", dict(separator=" ")),
        ('"a","label","b"\n"2","0",1\n1.5,"0",.5\n-2,"1",-1\n-1,1,-1.5\n', {}),
        ("a,c,b\r2,0,1\r1.5,0,.5\r-2,1,-1\r-1,1,-1.5\r", dict(label="c")),
    ],
)
def test_separators_and_decimals_are_those_asked_for(text, options, quick, tmp_path, monkeypatch):
    if not quick:  # as without pyarrow
        monkeypatch.setattr("ibias.data.cells.Cells._quickly", lambda cells: None)
    (tmp_path / "m.csv").write_bytes(text.encode())
    data = ib.data.load(tmp_path / "m.csv", **options)
    np.testing.assert_array_equal(data.x, X)
    assert data.y.tolist() == Y.tolist()


def test_a_thousands_point_beside_a_decimal_comma_is_refused(tmp_path):
    for cell in ("1.234,5", "1.5"):
        (tmp_path / "m.csv").write_text(f"a;label\n{cell};0\n{cell};1\n")
        with pytest.raises(ValueError, match=f"line 2, column 'a': '{cell}' is not a number"):
            ib.data.load(tmp_path / "m.csv", separator=";", decimal=",")


def test_a_packed_file_is_not_unpacked_beyond_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr("ibias.data.cells.LIMIT", 10**6)
    (tmp_path / "bomb.csv.gz").write_bytes(gzip.compress(b"a,label\n" + b"0" * 10**7))
    with pytest.raises(ValueError, match="1,000,001 bytes or more"):
        ib.data.load(tmp_path / "bomb.csv.gz")


def test_standardise_and_bias_are_done_and_recorded(tmp_path):
    np.savez(tmp_path / "m.npz", x=np.column_stack([X, np.full(4, 7.0)]), y=Y)
    data = ib.data.load(tmp_path / "m.npz", standardise=True, bias=True)
    assert data.name == "m (standardised, bias)"
    np.testing.assert_allclose(
        data.x[:, :2].mean(0), 0, atol=1e-15
    )  # four numbers of size 1: a few roundings
    np.testing.assert_allclose(data.x[:, :2].std(0), 1, rtol=1e-14)
    np.testing.assert_array_equal(data.x[:, 2:], [[0, 1]] * 4)  # a constant feature carries nothing


def test_a_constant_feature_of_a_file_is_standardised_to_nothing(tmp_path):
    x = np.column_stack([np.r_[X, X, X], np.full(12, 0.1), np.full(12, 1e300)])  # means that round
    np.savez(tmp_path / "m.npz", x=x, y=np.r_[Y, Y, Y])
    data = ib.data.load(tmp_path / "m.npz", standardise=True)
    np.testing.assert_array_equal(data.x[:, 2:], 0)


def test_a_run_on_data_that_are_not_separable_happens_when_asked_with_a_banner(
    folder, capsys, monkeypatch
):
    monkeypatch.chdir(folder)
    assert main(train("--anyway", "--json", data="xor.npz")) == 0
    found = json.loads(capsys.readouterr().out)
    assert not found["separable"] and "not linearly separable" in found["verdict"]
    assert (folder / "train.nc").exists() and (folder / "train.svg").exists()


def test_a_batch_that_does_not_divide_runs_when_asked_and_is_labelled(folder, capsys, monkeypatch):
    from ibias.cli import training as cli_train

    banners = []
    monkeypatch.setattr(cli_train, "draw", lambda runs, banner, figure: banners.append(banner))
    monkeypatch.chdir(folder)
    assert main(train("--ragged", b="3")) == 0
    assert banners[0].startswith("outside the theorem: 3 does not divide 4")


def test_a_certificate_of_no_separation_can_be_checked_in_a_few_lines(folder):
    data = ib.data.load(folder / "xor.npz")
    with pytest.raises(ib.NotSeparable) as caught:
        ib.max_margin(data, ib.FROBENIUS)
    a = caught.value.certificate
    combination = sum(
        a[i, c] * np.outer(np.eye(2)[data.y[i]] - np.eye(2)[c], data.x[i])
        for i in range(4)
        for c in range(2)
    )
    assert (
        a.min() >= 0 and a.sum() == pytest.approx(1) and np.abs(combination).max() < 1e-10
    )  # entries of x are 1


def test_an_average_over_more_steps_than_are_run_is_warned_of():
    slow = ib.SteepestDescent(ib.MAX, ib.Momentum(0.999999, ib.FullBatch()))
    with pytest.warns(UserWarning, match=r"\(1 - beta\) \* steps"):
        ib.sweep(ib.Dataset(X, Y), [slow], steps=100, store=None, progress=False)


@pytest.mark.parametrize("norm", ib.CATALOG, ids=lambda norm: norm.text)
@pytest.mark.parametrize(
    "x", [X * 1e300, X * 5e-324, X * 1e-310], ids=["1e300", "smallest subnormal", "subnormal"]
)
def test_extreme_features_never_crash_a_run(norm, x):
    with np.errstate(all="ignore"):
        runs = ib.sweep(
            ib.Dataset(x, Y),
            [ib.SteepestDescent(norm)],
            steps=20,
            record=[0, 20],
            store=None,
            progress=False,
        )
    assert runs.diverged_at.dtype.kind == "i"


@pytest.mark.parametrize("norm", ib.CATALOG, ids=lambda norm: norm.text)
def test_a_step_of_a_million_overflows_nowhere(norm):
    runs = ib.sweep(
        ib.Dataset(X, Y),
        [ib.SteepestDescent(norm, schedule=ib.Power(1e6))],
        steps=50,
        record=[0, 50],
        store=None,
        progress=False,
    )
    assert np.isfinite(runs.log_loss).all() and (runs.diverged_at == -1).all()


@pytest.mark.parametrize("p", [1, 1.5, 2, 3, np.inf])
def test_on_a_matrix_of_one_row_every_schatten_norm_is_the_euclidean(p):
    row = torch.tensor([[3.0, 4.0]], dtype=torch.float64)
    assert ib.Schatten(p).value(row).item() == pytest.approx(5, rel=1e-14)
    torch.testing.assert_close(ib.Schatten(p).steepest(row), row / 5, rtol=1e-14, atol=0)


@pytest.mark.parametrize("p", [0.5, 0, -1, np.nan, "2", None], ids=str)
@pytest.mark.parametrize("family", [ib.Entrywise, ib.Schatten])
def test_an_exponent_below_one_is_refused(family, p):
    with pytest.raises((ValueError, TypeError)):
        family(p)


def test_what_would_not_fit_is_refused_with_the_estimate_before_it_is_allocated():
    with pytest.raises(MemoryError, match="GiB"):
        ib.sweep(
            ib.Dataset(RNG.normal(size=(100, 50)), np.arange(100)),
            [ib.SteepestDescent(ib.MAX)],
            seeds=range(2000),
            steps=10**6,
            record=range(0, 100_000),
            weights=True,
            store=None,
        )


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_was_asked_for_and_is_absent_is_an_error(folder, capsys, monkeypatch):
    run(
        capsys,
        folder,
        monkeypatch,
        *train("--device", "cuda"),
        code=2,
        says=["--device cuda", "use --device cpu or 'auto'"],
    )


def test_a_scheduler_that_does_not_answer_is_asked_once():
    """What else uses Dask in this process must not inherit the address, as long as the error
    lives."""
    import dask

    from ibias.cli.sweeping import _client

    with (
        pytest.raises(ValueError, match="no Dask scheduler answers there") as kept,
        _client("nonsense://x"),
    ):
        pass
    assert kept.value.__cause__ is not None and dask.base.get_scheduler() is None
