"""What the commands share: data from a file or by name, options, output for people or machines."""

import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from .. import data as datasets
from ..data import Dataset
from ..losses import LOSSES, Loss

DataArgument = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help=(
            "A .npz file (keys x, y), a .csv, .parquet or .arff file (a column `label`), .svmlight,"
            " .npy, or a built-in set: digits, digits:3-8, mixture, gaussian, counterexample:X.1"
            " (a file of such a name is ./digits)."
        ),
    ),
]
LabelOption = Annotated[
    str, typer.Option("--label", help="The column, or npz key, that holds the labels.")
]
LabelsOption = Annotated[
    str | None,
    typer.Option(
        "--labels", help="The .npy file with the labels, for .npy features and scipy's sparse .npz."
    ),
]
SeparatorOption = Annotated[
    str, typer.Option("--separator", help="Between the cells of a CSV file; `tab` is a tab.")
]
DecimalOption = Annotated[
    str, typer.Option("--decimal", help="`,` where a CSV file writes 1,5 for 3/2.")
]
StandardiseOption = Annotated[
    bool,
    typer.Option(
        "--standardise", help="Subtract each feature's mean, divide by its standard deviation."
    ),
]
BiasOption = Annotated[
    bool, typer.Option("--bias", help="Append a feature that is 1 for every sample.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]
NormOption = Annotated[
    str,
    typer.Option(
        "--norm", "-n", help="max, frobenius, sum, spectral, nuclear, entrywise:P or schatten:P."
    ),
]
StoreOption = Annotated[
    Path | None,
    typer.Option(
        "--store",
        help="Folder of finished runs (default: IBIAS_STORE, else _build/store inside the"
        " repository, else none).",
    ),
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")]


FORM: dict[str, Any] = {"label": "label", "labels": None, "separator": ",", "decimal": "."}


def open_data(text: str, *, standardise: bool = False, bias: bool = False, **form: Any) -> Dataset:
    """The data set that `text` names: a generator with its argument after a colon, or a file, with
    the options of `ibias.data.load`.

    A built-in name wins over a folder or file of that name, which is reached by ``./``.
    """
    name, _, detail = text.partition(":")
    if name not in _BUILT_IN or (Path(text).suffix in datasets.READERS and _exists(text)):
        if not Path(text).suffix and not _exists(text):
            known = ", ".join(_BUILT_IN)
            raise ValueError(f"{text}: no such file and no built-in data set; built-in are {known}")
        return datasets.load(text, standardise=standardise, bias=bias, **form)
    if standardise or bias or FORM | form != FORM:
        options = "--label, --labels, --separator, --decimal, --standardise and --bias"
        raise ValueError(f"{options} are for files; {text!r} is a built-in data set")
    return _BUILT_IN[name](detail)


def loss_named(option: str, text: str) -> Loss:
    """The loss of a text; ValueError names the option that it was given for."""
    if text not in LOSSES:
        raise ValueError(f"{option} {text!r}: use {' or '.join(LOSSES)}")
    return LOSSES[text]


def known_data(texts: list[str]) -> Iterator[Dataset]:
    """The data sets that ``texts`` name, and the built-in ones."""
    for text in texts:
        yield open_data(text)
    for make in _BUILT_IN.values():
        with suppress(ImportError):  # scikit-learn's digits
            yield make("")
    for name in datasets.COUNTEREXAMPLES:
        yield datasets.counterexample(name)


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
    for name, value in rows:
        shown.add_row(escape(name), escape(value))
    Console(highlight=False, soft_wrap=True).print(shown)


def _exists(text: str) -> bool:
    try:
        return Path(text).exists()
    except (OSError, ValueError):
        return False  # no system would take that as a name


def _digits(detail: str) -> Dataset:
    if not detail:
        return datasets.digits()
    if not all(part.isdigit() for part in detail.split("-")):
        raise ValueError(f"digits:{detail}: name the classes as in digits:3-8")
    return datasets.digits(tuple(int(part) for part in detail.split("-")))


def _plainly(make):
    def build(detail: str) -> Dataset:
        if detail:
            raise ValueError(
                f"this built-in data set takes nothing after the colon; got {detail!r}"
            )
        return make()

    return build


_BUILT_IN = {
    "digits": _digits,
    "mixture": _plainly(datasets.mixture),
    "gaussian": _plainly(datasets.gaussian),
    "scale_skewed": _plainly(datasets.scale_skewed),
    "counterexample": lambda detail: datasets.counterexample(detail or "X.1"),
}


def _plain(value):
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else None
    return value if value is None else str(value)
