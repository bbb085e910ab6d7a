"""A user's own data: read from a file, checked, labels mapped to 0..k-1 and the map kept."""

import warnings
from pathlib import Path

import numpy as np

from .arff import read_arff
from .cells import read_csv
from .dataset import Dataset
from .features import require_finite, standardised, with_ones
from .labels import numbered
from .npz import NpzError
from .svmlight import read_svmlight
from .tables import Ask, Table, read_npy, read_npz, read_parquet

READERS = {".npz": read_npz, ".csv": read_csv, ".parquet": read_parquet, ".npy": read_npy}
READERS |= {".arff": read_arff} | dict.fromkeys((".svmlight", ".svm", ".libsvm"), read_svmlight)
TAKEN = {  # what only some formats have
    "label": {".npz", ".csv", ".parquet", ".arff"},
    "labels": {".npz", ".npy"},
    "separator": {".csv"},
    "decimal": {".csv"},
}


class DataFileError(ValueError):
    """The file holds no data set that can be used; says which file, where, and what is allowed."""


class LabelsMapped(UserWarning):
    """The labels are not 0..k-1, or one number is written in two ways ("01" and "1"); says what
    became what, as `Dataset.label_names` does."""


def load(
    path: str | Path,
    *,
    label: str = "label",
    labels: str | Path | None = None,
    separator: str = ",",
    decimal: str = ".",
    standardise: bool = False,
    bias: bool = False,
) -> Dataset:
    """Read ``.npz`` (keys x, y, or scipy's ``save_npz``), ``.npy``, ``.csv``, ``.parquet``,
    ``.arff``, ``.svmlight``/``.svm``/``.libsvm``; the text formats also as ``.gz``.

    Args:
        label: the column, attribute, or npz key, with the labels.
        labels: an ``.npy`` file with the labels, for ``.npy`` features and scipy's sparse ``.npz``;
            without it y.npy is read beside x.npy, NAME_y.npy beside NAME_x.npy (or NAME_x.npz).
        separator: one character between the cells of a CSV file; "tab" is one too.
        decimal: "," where a CSV file writes 1,5 for 3/2.
        standardise: subtract each feature's mean and divide by its standard deviation (a constant
            feature becomes 0); not for sparse data, which it would make dense.
        bias: append a feature that is 1 for every sample. After standardising, so that it stays 1.

    The name of the result says where it came from and what was done to it.  svmlight and scipy's
    sparse files stay sparse.  Warns `LabelsMapped`, `IndexDropped`.

    Raises:
        DataFileError: the file cannot be used; the sentence names the place (a ValueError).
        NpzError: the same of an npz archive (a ValueError).
        FileNotFoundError: as the system says.
        PermissionError: as the system says.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    packed = suffix == ".gz"
    suffix = Path(path.stem).suffix.lower() if packed else suffix
    reader = READERS.get(suffix)
    if reader is None or (packed and suffix in (".npz", ".parquet", ".npy")):
        raise DataFileError(
            f"{path}: data are read from {', '.join(READERS)} files, text formats also as .csv.gz"
            f" and so on; this one ends in {path.suffix or 'nothing'!r}"
        )
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file")
    if not path.is_file():
        raise DataFileError(f"{path}: not a file")
    separator = {"tab": "\t", "\\t": "\t"}.get(separator, separator)
    ask = Ask(label, labels, separator, decimal)
    try:
        _check_ask(suffix, ask)
        table = reader(path, ask)
        x, done = table.features, []
        if 0 in x.shape:
            found = f"{x.shape[0]} samples of {x.shape[1]} features"
            raise ValueError(f"{found}; at least one of each is needed")
        require_finite(x, table.place, "{} is {}; every feature must be finite ({} are not)")
        y, names = _classes(table)
        if standardise:
            x, done = standardised(x)[0], ["standardised"]
    except NpzError:
        raise
    # readers and parsers say what is wrong and where, in many ways; the file's name is said here
    except ValueError as error:
        raise DataFileError(f"{path}: {' '.join(str(error).split())}") from error
    _say_map(path, names, dict(zip(table.written, y.tolist(), strict=False)))
    if bias:
        x, done = with_ones(x), [*done, "bias"]
    name = path.name.partition(".")[0] if path.suffix == ".gz" else path.stem
    return Dataset(x, y, name + (f" ({', '.join(done)})" if done else ""), names)


def _check_ask(suffix: str, ask: Ask) -> None:
    for name, formats in TAKEN.items():
        given = getattr(ask, name)
        if given != getattr(Ask(), name) and suffix not in formats:
            raise ValueError(f"{name}={given!r} is for {', '.join(sorted(formats))} files")


def _classes(table: Table) -> tuple[np.ndarray, tuple[str, ...]]:
    """Labels as 0..k-1 and what each class was called, as text."""
    y, names = numbered(table.labels, lambda row: f"{table.row(row)} has the label")
    if isinstance(names[0], int) and names[0] < 0 and names != [-1, 1]:
        row = int(np.flatnonzero(y == 0)[0])
        allowed = "labels are text, 0, 1, 2, ..., or -1 and 1"
        raise ValueError(f"{table.row(row)} has the label {names[0]}; {allowed}")
    return y, tuple(map(str, names))


def _say_map(path: Path, names: tuple[str, ...], written: dict[str, int]) -> None:
    """A map of labels to classes that is not the identity, or not one to one, is said."""
    said = []
    if names != tuple(map(str, range(len(names)))):
        shown = ", ".join(f"{name} -> {index}" for index, name in enumerate(names[:6]))
        said.append(f"labels were mapped to classes: {shown}{', ...' if len(names) > 6 else ''}")
    alike: dict[int, list[str]] = {}
    for text, index in written.items():
        alike.setdefault(index, []).append(text)
    twice = [" and ".join(map(repr, texts)) for texts in alike.values() if len(texts) > 1]
    said += [f"{twice[0]} are one class, as they are one number"] if twice else []
    if said:
        warnings.warn(f"{path}: {'; '.join(said)}", LabelsMapped, stacklevel=3)
