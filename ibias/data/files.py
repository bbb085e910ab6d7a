"""A user's own data: read from a file, checked, labels mapped to 0..k-1 and the map kept."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from .dataset import Dataset
from .tables import DataFileError, Table, read_csv, read_npz, read_parquet

READERS = {".npz": read_npz, ".csv": read_csv, ".parquet": read_parquet}


class LabelsMapped(UserWarning):
    """The file's labels are not 0..k-1; the sentence says what became what. `Dataset.label_names`
    keeps the map."""


def load(
    path: str | Path, *, label: str = "label", standardise: bool = False, bias: bool = False
) -> Dataset:
    """Read ``.npz`` (keys x, y), ``.csv`` or ``.parquet`` (a header and a column `label`).

    Args:
        label: the column, or npz key, with the labels.
        standardise: subtract each feature's mean and divide by its standard deviation (a constant
        feature becomes 0).
        bias: append a feature that is 1 for every sample. After standardising, so that it stays 1.

    The name of the result says where it came from and what was done to it.

    Raises:
        DataFileError, NpzError (both ValueError): the file cannot be used; the sentence names the
        place. FileNotFoundError, PermissionError: as the system says.
    """
    path = Path(path)
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise DataFileError(
            f"{path}: data are read from {', '.join(READERS)} files; this one ends in"
            f" {path.suffix or 'nothing'!r}"
        )
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file")
    if not path.is_file():
        raise DataFileError(f"{path}: not a file")
    table = reader(path, label)
    _check_features(path, table)
    y, names = _classes(path, table)
    x, done = table.features, []
    if standardise:
        x, done = _standardised(path, x), ["standardised"]
    if bias:
        x, done = np.column_stack([x, np.ones(len(x))]), [*done, "bias"]
    return Dataset(x, y, path.stem + (f" ({', '.join(done)})" if done else ""), names)


def _check_features(path: Path, table: Table) -> None:
    x = table.features
    if 0 in x.shape:
        raise DataFileError(
            f"{path}: {x.shape[0]} samples of {x.shape[1]} features; at least one of each is needed"
        )
    bad = np.argwhere(~np.isfinite(x))
    if len(bad):
        row, column = bad[0]
        raise DataFileError(
            f"{path}: {table.place(row, column)} is {x[row, column]}; every feature must be finite"
            f" ({len(bad)} are not)"
        )


def _classes(path: Path, table: Table) -> tuple[np.ndarray, tuple[str, ...]]:
    """Labels as 0..k-1 and what each class was called; a map that is not the identity is said."""
    raw = table.labels
    if raw.dtype.kind in "US":
        raw = np.char.decode(raw, "utf-8", "replace") if raw.dtype.kind == "S" else raw
        names, y = np.unique(raw, return_inverse=True)
        if "" in names:
            raise DataFileError(
                f"{path}: {table.place(int(np.flatnonzero(raw == '')[0]))} has an empty label"
            )
        text = tuple(str(name) for name in names)
    elif raw.dtype.kind in "biuf":
        whole = _whole_numbers(path, table)
        names, y = np.unique(whole, return_inverse=True)
        text = tuple(str(int(name)) for name in names)
        if names[0] < 0 and names.tolist() != [-1, 1]:
            row = int(np.flatnonzero(whole < 0)[0])
            raise DataFileError(
                f"{path}: {table.place(row)} has the label {whole[row]}; labels are text, 0, 1, 2,"
                " ..., or -1 and 1"
            )
    else:
        raise DataFileError(
            f"{path}: labels have dtype {raw.dtype}; whole numbers or text are needed"
        )
    if len(names) < 2:
        raise DataFileError(f"{path}: every label is {text[0]!r}; at least two classes are needed")
    y = y.reshape(-1).astype(np.int64)
    if text == tuple(map(str, range(len(text)))):
        return y, text
    shown = ", ".join(f"{name} -> {index}" for index, name in enumerate(text[:6])) + (
        ", ..." if len(text) > 6 else ""
    )
    warnings.warn(f"{path}: labels were mapped to classes: {shown}", LabelsMapped, stacklevel=4)
    return y, text


def _whole_numbers(path: Path, table: Table) -> np.ndarray:
    raw = table.labels.astype(np.float64)
    odd = np.flatnonzero(
        ~np.isfinite(raw) | (raw != np.round(raw)) | (np.abs(raw) >= 2**53)
    )  # from there on two of them may be one
    if len(odd):
        raise DataFileError(
            f"{path}: {table.place(int(odd[0]))} has the label {table.labels[odd[0]]}; whole"
            " numbers or text are needed"
        )
    return raw.astype(np.int64)


def _standardised(path: Path, x: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):
        spread = x.std(axis=0)
        scaled = (x - x.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    if not np.isfinite(scaled).all():
        raise DataFileError(f"{path}: the features are too large to be standardised in float64")
    return scaled
