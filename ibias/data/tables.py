"""Numbers and labels out of npz, npy and Parquet files: whatever is wrong is one sentence naming
the place; `load` puts the file's name before it."""

import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from . import npz
from .features import check_names, in_float64

LIMIT = npz.LIMIT  # bytes that the features may take as float64


class IndexDropped(UserWarning):
    """A frame's index was stored among the columns; it is no feature and was left out."""


@dataclass(frozen=True)
class Ask:
    """What the caller says about a file."""

    label: str = "label"  # the column, or npz key, with the labels
    labels: str | Path | None = None  # the .npy file with the labels
    separator: str = ","
    decimal: str = "."


@dataclass(frozen=True)
class Table:
    """What a file says, before any interpretation: features (n, d) float64, dense or sparse, and
    one raw label a row (numbers or text)."""

    features: Any
    labels: np.ndarray
    columns: Sequence = ()
    row: Callable[[int], str] = "row {}".format  # in the user's own counting
    written: Sequence[str] = ()  # the labels of a text file as they stand there

    def place(self, row: int, column: int) -> str:
        """Where a cell stands."""
        return f"{self.row(row)}, column {self.columns[column] if self.columns else column!r}"


def read_npz(path: Path, ask: Ask) -> Table:
    """Keys ``x`` (n, d) and ``y`` (n,), or what ``scipy.sparse.save_npz`` writes; `label` names
    another key for the labels when it is not "label"."""
    arrays, _ = npz.read(path, LIMIT)
    key = "y" if ask.label == "label" else ask.label
    sparse = {"format", "shape", "data"} <= set(arrays)
    outside = ask.labels is not None or (sparse and key not in arrays)
    for name, needed in (("x", not sparse), (key, not outside)):
        if needed and name not in arrays:
            found = f"this one has {sorted(arrays) or 'nothing'}"
            raise ValueError(f"no key {name!r}; an npz file needs x (n, d) and {key} (n,), {found}")
    y = _labels_file(path, ask) if outside else arrays[key]
    return _pair(_scipy(arrays, y) if sparse else arrays["x"], y)


def read_npy(path: Path, ask: Ask) -> Table:
    """Features (n, d); the labels (n,) are in a file of their own, ``labels``, or ``y.npy`` beside
    ``x.npy``, ``NAME_y.npy`` beside ``NAME_x.npy``."""
    return _pair(npz.read_npy(path, LIMIT), _labels_file(path, ask))


def _labels_file(path: Path, ask: Ask) -> np.ndarray:
    beside = path.with_name(re.sub("(?i)(^|_)x(?=_|$)", r"\1y", path.stem) + ".npy")
    if ask.labels is not None:
        beside = Path(ask.labels)
    if beside == path or not beside.is_file():
        raise ValueError(
            "holds no labels, which are read from an .npy file: the one that labels=... (--labels)"
            " names, else y.npy beside x.npy, NAME_y.npy beside NAME_x.npy or NAME_x.npz"
            + ("" if beside == path else f"; there is no {beside}")
        )
    return npz.read_npy(beside, LIMIT)


def _pair(x, y: np.ndarray) -> Table:
    if x.dtype.kind not in "biuf":
        raise ValueError(f"x has dtype {x.dtype}; real numbers are needed")
    if x.ndim != 2:
        raise ValueError(f"x has shape {x.shape}; (samples, features) is needed")
    if y.ndim != 1 or len(y) != x.shape[0]:
        shapes = f"the labels have shape {y.shape} while x has shape {x.shape}"
        raise ValueError(f"{shapes}; one label a sample is needed")
    if isinstance(x, np.ndarray):
        fits(*x.shape)
    with np.errstate(over="ignore"):
        return Table(in_float64(x) if isinstance(x, np.ndarray) else x, y)


def _scipy(arrays: dict, y: np.ndarray):
    """The matrix of ``scipy.sparse.save_npz``, every index checked before it is used."""
    from scipy import sparse

    kind, shape = arrays["format"].item(), tuple(arrays["shape"].ravel().tolist())
    kind = kind.decode("ascii", "replace") if isinstance(kind, bytes) else kind
    numeric = arrays["shape"].dtype.kind in "iu" and arrays["data"].dtype.kind in "biuf"
    if not numeric or kind not in ("csr", "csc", "coo") or len(shape) != 2:
        found = f"a sparse matrix in format {kind!r}, shape {shape}, of {arrays['data'].dtype}"
        raise ValueError(f"{found}: save x.tocsr(), of real numbers")
    fits(sum(shape), 1)  # a row pointer for each
    if y.shape != shape[:1]:
        raise ValueError(f"the labels have shape {y.shape} while x has shape {shape}")
    names = ("row", "col") if kind == "coo" else ("indices", "indptr")
    indices = [arrays[name] for name in names if name in arrays]
    if len(indices) < 2 or any(i.dtype.kind not in "iu" or i.ndim != 1 for i in indices):
        raise ValueError(f"a sparse matrix needs whole numbers under {names[0]} and {names[1]}")
    one, two = (index.astype(np.int64) for index in indices)
    if kind != "coo":
        # scipy's own check lets pass, and then follows out of bounds, pointers that end in 0
        ends = len(two) == shape[kind == "csc"] + 1 and two[0] == 0 and two[-1] == len(one)
        if not ends or (two[1:] < two[:-1]).any():
            raise ValueError("indptr does not rise from 0 to the number of indices, one a row")
        major = np.repeat(np.arange(len(two) - 1), np.diff(two))
        one, two = (major, one) if kind == "csr" else (one, major)
    return sparse.coo_array((arrays["data"], (one, two)), shape=shape).tocsr()


def read_parquet(path: Path, ask: Ask) -> Table:
    """Columns of numbers and a column of labels, without what pandas' metadata, or its name, say is
    an index; needs pyarrow (the ``data`` extra)."""
    table = _parquet(path)
    import pyarrow.types as kinds

    stored = [name for name in _pandas_index(table) if name in table.column_names]
    levels = [name for name in table.column_names if re.fullmatch(r"__index_level_\d+__", name)]
    index = [name for name in dict.fromkeys(stored + levels) if name != ask.label]
    if index:
        said = f"left out {', '.join(map(repr, index))}, the index of the frame, no feature"
        warnings.warn(f"{path}: {said}", IndexDropped, stacklevel=3)
        table = table.drop_columns(index)
    where = label_column(table.column_names, ask.label)
    labels, table = table.column(where), table.remove_column(where)
    if kinds.is_nested(labels.type):
        raise ValueError(f"the labels are {labels.type}; whole numbers or text are needed")
    if not table.num_rows:
        raise ValueError("columns and no samples")
    return Table(stacked(table), np.array(labels.to_pylist(), dtype=object), table.column_names)


def _parquet(path: Path):
    try:
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise ValueError("reading Parquet needs pyarrow: pip install 'ibias[data]'") from error
    import pyarrow

    # a real disk error shows here, before the parser, which reports damage as OSError too
    data = pyarrow.BufferReader(path.read_bytes())
    try:
        file = parquet.ParquetFile(data, pre_buffer=False)
        fits(file.metadata.num_rows, file.metadata.num_columns)
        # its thread pool, beside torch, can abort the interpreter at exit
        table = file.read(use_threads=False)
        table.validate(full=True)
        return table
    except Exception as error:
        raise ValueError(f"not a readable Parquet file ({str(error)[:160]})") from error


def _pandas_index(table) -> list[str]:
    """The columns that pandas wrote as the index; a range is described, not stored."""
    try:
        return [name for name in table.schema.pandas_metadata["index_columns"] if type(name) is str]
    except (TypeError, KeyError, ValueError):  # none, or none that can be read
        return []


def stacked(table) -> np.ndarray:
    """An Arrow table of numbers as a matrix (n, d)."""
    import pyarrow.types as kinds

    x = np.empty((table.num_columns, table.num_rows))
    for index, (name, column) in enumerate(zip(table.column_names, table.columns, strict=True)):
        kind = column.type
        if not (kinds.is_integer(kind) or kinds.is_floating(kind) or kinds.is_boolean(kind)):
            needed = "every column but the label must hold numbers"
            raise ValueError(f"column {name!r} holds {kind}; {needed}")
        if column.null_count:
            row = int(np.argmax(column.is_null().to_numpy()))
            raise ValueError(f"row {row}, column {name!r} is empty")
        x[index] = in_float64(column.to_numpy(), f"column {name!r}, row ")
    return np.ascontiguousarray(x.T)


def label_column(header: Sequence[str], label: str) -> int:
    """Where the labels are; ValueError for names that cannot be used."""
    if not any(header):
        raise ValueError(f"empty; the first row must name the columns, one of them {label!r}")
    if label not in header:
        hint = "; cells seem to be separated by ';': use commas, or separator=';' (--separator ';')"
        shown = ", ".join(repr(name[:40]) for name in header[:8])
        raise ValueError(
            f"no column {label!r}; the first row names {shown}{', ...' if len(header) > 8 else ''}"
            + (hint if len(header) == 1 and ";" in header[0] else "")
        )
    check_names(header)
    if all(map(_is_number, header)) and list(header) != [str(i) for i in range(len(header))]:
        raise ValueError(
            f"the first row holds numbers alone, {', '.join(header[:8])}: a sample, or names? Put a"
            " row of names above the samples, or name the columns in words"
        )
    if len(header) == 1:
        needed = "at least one column of numbers is needed beside it"
        raise ValueError(f"only the column {label!r}; {needed}")
    return list(header).index(label)


def _is_number(text: str) -> bool:
    try:
        return bool(float(text)) or True
    except ValueError:
        return False


def fits(rows: int, columns: int) -> None:
    """ValueError when that many numbers are more than are read."""
    if (size := rows * columns * 8) > LIMIT:
        most = f"at most {LIMIT:,} are read"
        raise ValueError(f"{rows:,} x {columns:,} numbers take {size:,} bytes; {most}")
