"""Numbers and labels out of npz, CSV and Parquet files: whatever is wrong is one sentence naming
the file and the place."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import npz

LIMIT = npz.LIMIT  # bytes that the features may take as float64


class DataFileError(ValueError):
    """The file does not hold a data set that can be used; the sentence names the file, the place
    and what is allowed."""


@dataclass(frozen=True)
class Table:
    """What a file says, before any interpretation: features (n, d) float64 and one raw label a row
    (numbers or text)."""

    features: np.ndarray
    labels: np.ndarray
    columns: tuple[str, ...] = ()
    first_row: int = 0  # the number a user sees beside the first sample: 0 in arrays, line 2 in CSV
    row_word: str = "row"

    def place(self, row: int, column: int | None = None) -> str:
        """Where a cell stands, in the user's own counting."""
        text = f"{self.row_word} {self.first_row + row}"
        if column is None:
            return text
        return (
            f"{text}, column {self.columns[column]!r}"
            if self.columns
            else f"{text}, column {column}"
        )


def read_npz(path: Path, label: str) -> Table:
    """Keys ``x`` (n, d) and ``y`` (n,); `label` names another key for the labels when it is not
    "label"."""
    arrays, _ = npz.read(path, LIMIT)
    wanted = "y" if label == "label" else label
    for key in ("x", wanted):
        if key not in arrays:
            raise DataFileError(
                f"{path}: no key {key!r}; an npz file needs x (n, d) and {wanted} (n,), this one"
                f" has {sorted(arrays) or 'nothing'}"
            )
    x, y = arrays["x"], arrays[wanted]
    if x.dtype.kind not in "biuf":
        raise DataFileError(f"{path}: x has dtype {x.dtype}; real numbers are needed")
    if x.ndim != 2:
        raise DataFileError(f"{path}: x has shape {x.shape}; (samples, features) is needed")
    if y.ndim != 1 or len(y) != len(x):
        raise DataFileError(
            f"{path}: {wanted} has shape {y.shape} while x has shape {x.shape}; one label a sample"
            " is needed"
        )
    _fits(path, *x.shape)
    with np.errstate(over="ignore"):
        return Table(x.astype(np.float64), y)


def read_csv(path: Path, label: str) -> Table:
    """Comma-separated, decimal point, UTF-8 with or without a byte-order mark, first row names the
    columns."""
    if path.stat().st_size > LIMIT:
        raise DataFileError(
            f"{path}: {path.stat().st_size:,} bytes, more than the {LIMIT:,} that are read at most"
        )
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataFileError(f"{path}: not UTF-8 text (byte {error.start})") from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        where = _label_column(path, header, label)
        rows, labels = [], []
        for cells in reader:
            if not cells:
                continue  # a blank line
            if len(cells) != len(header):
                raise DataFileError(
                    f"{path}: line {reader.line_num} has {len(cells)} cells while the header names"
                    f" {len(header)} columns"
                )
            labels.append(cells.pop(where).strip())
            rows.append([_number(cell, path, reader.line_num, header) for cell in cells])
    except csv.Error as error:
        raise DataFileError(f"{path}: line {reader.line_num}: {error}") from error
    columns = tuple(name for index, name in enumerate(header) if index != where)
    if not rows:
        raise DataFileError(f"{path}: a header and no samples")
    return Table(
        np.array(rows, dtype=np.float64),
        _numbers_or_text(labels),
        columns,
        first_row=2,
        row_word="line",
    )


def read_parquet(path: Path, label: str) -> Table:
    """Columns of numbers and a column of labels; needs pyarrow (the ``data`` extra)."""
    try:
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise DataFileError(
            f"{path}: reading Parquet needs pyarrow: pip install 'ibias[data]'"
        ) from error
    import pyarrow

    data = pyarrow.BufferReader(
        path.read_bytes()
    )  # a real disk error shows here, before the parser, which reports damage as OSError too
    try:
        file = parquet.ParquetFile(data, pre_buffer=False)
        _fits(path, file.metadata.num_rows, file.metadata.num_columns)
        table = file.read(
            use_threads=False
        )  # its thread pool, beside torch, can abort the interpreter at exit
        table.validate(full=True)
    except DataFileError:
        raise
    except Exception as error:
        raise DataFileError(
            f"{path}: not a readable Parquet file ({' '.join(str(error).split())[:160]})"
        ) from error
    where = _label_column(path, table.column_names, label)
    columns = tuple(name for index, name in enumerate(table.column_names) if index != where)
    features = np.empty((table.num_rows, len(columns)))
    for index, name in enumerate(columns):
        features[:, index] = _parquet_numbers(path, table, name)
    labels = table.column(where)
    if labels.null_count:
        raise DataFileError(f"{path}: column {label!r} has {labels.null_count} empty labels")
    if not table.num_rows:
        raise DataFileError(f"{path}: columns and no samples")
    return Table(features, _flat_labels(path, labels.to_pylist(), label), columns)


def _parquet_numbers(path: Path, table, name: str) -> np.ndarray:
    import pyarrow.types as kinds

    column = table.column(name)
    if not (
        kinds.is_integer(column.type)
        or kinds.is_floating(column.type)
        or kinds.is_boolean(column.type)
    ):
        raise DataFileError(
            f"{path}: column {name!r} holds {column.type}; every column but the label must hold"
            " numbers"
        )
    if column.null_count:
        row = column.is_null().to_pylist().index(True)
        raise DataFileError(f"{path}: row {row}, column {name!r} is empty")
    return np.asarray(column.to_pylist(), dtype=np.float64)


def _flat_labels(path: Path, labels: list, name: str) -> np.ndarray:
    if all(isinstance(value, str) for value in labels) or all(
        isinstance(value, (bool, int, float)) for value in labels
    ):
        try:
            return np.asarray(labels)
        except OverflowError as error:
            raise DataFileError(
                f"{path}: column {name!r} holds an integer too large for a label"
            ) from error
    raise DataFileError(
        f"{path}: column {name!r} holds {type(labels[0]).__name__} values; labels are whole numbers"
        " or text"
    )


def _label_column(path: Path, header: Sequence[str], label: str) -> int:
    if not any(header):
        raise DataFileError(
            f"{path}: empty; the first row must name the columns, one of them {label!r}"
        )
    if label not in header:
        hint = (
            "; cells seem to be separated by ';': use commas, and points in decimals"
            if len(header) == 1 and ";" in header[0]
            else ""
        )
        shown = ", ".join(repr(name[:40]) for name in header[:8]) + (
            ", ..." if len(header) > 8 else ""
        )
        raise DataFileError(f"{path}: no column {label!r}; the first row names {shown}{hint}")
    if len(set(header)) != len(header):
        twice = next(name for index, name in enumerate(header) if name in header[:index])
        raise DataFileError(f"{path}: two columns are named {twice!r}")
    if len(header) == 1:
        raise DataFileError(
            f"{path}: only the column {label!r}; at least one column of numbers is needed beside it"
        )
    return header.index(label)


def _number(cell: str, path: Path, line: int, header: Sequence[str]) -> float:
    text = cell.strip()
    try:
        if "_" in text:
            raise ValueError
        return float(text)
    except ValueError:
        hint = (
            " (a decimal comma? use a point)"
            if text.replace(",", ".", 1).replace(".", "", 1).lstrip("+-").isdigit() and "," in text
            else ""
        )
        raise DataFileError(f"{path}: line {line}: {text[:40]!r} is not a number{hint}") from None


def _numbers_or_text(labels: list[str]) -> np.ndarray:
    """Labels as numbers when every one of them is a number, else as the text they are."""
    try:
        values = np.array([float(text) if "_" not in text else math.nan for text in labels])
    except ValueError:
        return np.array(labels)
    return values if np.isfinite(values).all() else np.array(labels)


def _fits(path: Path, rows: int, columns: int) -> None:
    if rows * columns * 8 > LIMIT:
        raise DataFileError(
            f"{path}: {rows:,} x {columns:,} numbers take {rows * columns * 8:,} bytes; at most"
            f" {LIMIT:,} are read"
        )
