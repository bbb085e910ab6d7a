"""What the commands share: data from a file or by name, options, output for people or machines."""

import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from math import isfinite
from os.path import exists
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from typer import Argument, Option

from .. import data as datasets
from ..data import Dataset
from ..data.tables import Ask
from ..losses import LOSSES, Loss
from ..norms import FROBENIUS

DataArgument = Annotated[
    str,
    Argument(
        metavar="DATA",
        help=(
            "A .npz file (keys x, y), a .csv, .parquet or .arff file (a column `label`), .svmlight,"
            " .npy, or a built-in set: digits, digits:3-8, mixture, gaussian, counterexample:X.1"
            " (a file of such a name is ./digits)."
        ),
    ),
]
LabelOption = Annotated[str, Option(help="The column, or npz key, that holds the labels.")]
LabelsOption = Annotated[
    str | None,
    Option(help="The .npy file with the labels, for .npy features and scipy's sparse .npz."),
]
SeparatorOption = Annotated[str, Option(help="Between the cells of a CSV file; `tab` is a tab.")]
DecimalOption = Annotated[str, Option(help="`,` where a CSV file writes 1,5 for 3/2.")]
StandardiseOption = Annotated[
    bool,
    Option("--standardise", help="Subtract each feature's mean, divide by its standard deviation."),
]
BiasOption = Annotated[bool, Option("--bias", help="Append a feature that is 1 for every sample.")]
JsonOption = Annotated[bool, Option("--json", help="One JSON object on standard output.")]
NormOption = Annotated[
    str,
    Option(
        "--norm", "-n", help="max, frobenius, sum, spectral, nuclear, entrywise:P or schatten:P."
    ),
]
StoreOption = Annotated[
    Path | None,
    Option(
        help="Folder of finished runs (default: IBIAS_STORE, else _build/store inside the"
        " repository, else none)."
    ),
]
QuietOption = Annotated[bool, Option("--quiet", "-q", help="No progress bar.")]
BUILT_IN = ("digits", "mixture", "gaussian", "scale_skewed", "counterexample")


def open_data(text: str, *, standardise: bool = False, bias: bool = False, **form: Any) -> Dataset:
    """The data set that `text` names: a generator with its argument after a colon, or a file, with
    the options of `ibias.data.load`.

    A built-in name wins over a folder or file of that name, which is reached by ``./``.
    """
    name, _, detail = text.partition(":")
    there, suffix = exists(text), Path(text).suffix
    if name not in BUILT_IN or (suffix in datasets.READERS and there):
        if not suffix and not there:
            known = ", ".join(BUILT_IN)
            raise ValueError(f"{text}: no such file and no built-in data set; built-in are {known}")
        return datasets.load(text, standardise=standardise, bias=bias, **form)
    if standardise or bias or Ask(**form) != Ask():
        options = "--label, --labels, --separator, --decimal, --standardise and --bias"
        raise ValueError(f"{options} are for files; {text!r} is a built-in data set")
    return _built_in(name, detail)


def loss_named(option: str, text: str) -> Loss:
    """The loss of a text; ValueError names the option that it was given for."""
    if text not in LOSSES:
        raise ValueError(f"{option} {text!r}: use {' or '.join(LOSSES)}")
    return LOSSES[text]


def known_data(texts: list[str]) -> Iterator[Dataset]:
    """The data sets that ``texts`` name, and the built-in ones."""
    for text in texts:
        yield open_data(text)
    for name in BUILT_IN:
        with suppress(ImportError):  # scikit-learn's digits
            yield _built_in(name, "")
    for name in datasets.COUNTEREXAMPLES:
        yield datasets.counterexample(name)


def note_bias(error: Exception, dataset: Dataset) -> None:
    """Note at an error where only an intercept is missing, as far as a few seconds tell."""
    from ..maxmargin import max_margin

    with suppress(ValueError, ArithmeticError, TimeoutError):
        biased = datasets.with_bias(dataset)
        max_margin(biased, FROBENIUS, tolerance=0.5, seconds=5.0, progress=False)
        error.add_note("with a bias feature they are: --bias")


def answer(found: dict, json: bool, title: str, rows: list[tuple[str, str]]) -> None:
    """What a command found: one JSON object, or a table for people."""
    if json:
        emit(found)
    else:
        table(title, rows)


def emit(payload: dict) -> None:
    """One JSON object on standard output; numbers that JSON has no word for become null."""
    json.dump(_plain(payload), sys.stdout, allow_nan=False)
    sys.stdout.write("\n")


def table(title: str, rows: list[tuple[str, str]]) -> None:
    """Names and values for people."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    shown = Table(
        title=escape(title), show_header=False, title_justify="left", box=None, padding=(0, 2, 0, 0)
    )
    shown.add_column()
    shown.add_column(overflow="fold")  # a path or a number that is cut is lost
    for name, value in rows:
        shown.add_row(escape(name), escape(value))
    Console(highlight=False, soft_wrap=True).print(shown)


def _built_in(name: str, detail: str) -> Dataset:
    """The set of that name; ``detail`` is what stands after the colon."""
    if name == "counterexample":
        return datasets.counterexample(detail or "X.1")
    if name == "digits" and detail:
        if not all(part.isdigit() for part in detail.split("-")):
            raise ValueError(f"digits:{detail}: name the classes as in digits:3-8")
        return datasets.digits(tuple(int(part) for part in detail.split("-")))
    if detail:
        raise ValueError(f"this built-in data set takes nothing after the colon; got {detail!r}")
    return getattr(datasets, name)()


def _plain(value):
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if isfinite(value) else None
    return value if value is None or isinstance(value, int) else str(value)
