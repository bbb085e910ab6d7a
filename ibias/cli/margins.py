"""`ibias margin`: the certified maximum margin of a data set."""

from time import perf_counter
from typing import Annotated, Any

import numpy as np
import typer

from ..norms import norm as norm_of
from . import inputs
from .checking import PlainOption, ProofOption, solved
from .inputs import emit, open_data, table


def add_to(app: typer.Typer) -> None:
    """Register `margin`."""
    app.command(
        "margin",
        epilog=(
            "Examples: `ibias margin digits:3-8 --norm spectral` · `ibias margin mine.csv --norm"
            " max --bias --json`"
        ),
    )(margin)


def margin(
    data: inputs.DataArgument,
    norm: inputs.NormOption,
    label: inputs.LabelOption = "label",
    standardise: inputs.StandardiseOption = False,
    labels: inputs.LabelsOption = None,
    separator: inputs.SeparatorOption = ",",
    decimal: inputs.DecimalOption = ".",
    bias: inputs.BiasOption = False,
    solver: Annotated[
        str, typer.Option(help="auto, interior, working-set, first-order or cvxpy.")
    ] = "auto",
    tolerance: Annotated[
        float | None, typer.Option(help="Stop at this certified relative gap; else rounding.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(help="Return the best certified interval found by then.")
    ] = None,
    quiet: inputs.QuietOption = False,
    proof: ProofOption = None,
    plain: PlainOption = None,
    json: inputs.JsonOption = False,
) -> None:
    """The **maximum margin** of DATA in a norm: a certified interval, whether the optimum is
    unique, and its support vectors.

    Data that no linear classifier separates end with exit code 3 and the reason.
    """
    text: dict[str, Any] = dict(label=label, labels=labels, separator=separator, decimal=decimal)
    dataset = open_data(data, **text, standardise=standardise, bias=bias)
    began = perf_counter()
    options = {"solver": solver, "tolerance": tolerance, "seconds": seconds, "progress": not quiet}
    best = solved(dataset, norm_of(norm), proof, plain, **options)
    found = _found(dataset, best) | {"seconds": round(perf_counter() - began, 3)}
    if json:
        emit(found)
    else:
        _tell(found)


def _found(dataset, best) -> dict[str, Any]:
    about = {"data": dataset.name, "samples": dataset.n, "features": dataset.d}
    about |= {"classes": dataset.k, "digest": dataset.digest, "norm": best.norm.text}
    bounds = "margin", "lower", "upper", "gap", "unique", "face_dim"
    found = {name: getattr(best, name) for name in bounds}
    return about | found | {"support": support(dataset, best), "solver": best.solver}


def _tell(found: dict[str, Any]) -> None:
    """What was found, as a table."""
    face = f"no: a face of dimension {found['face_dim']}"
    unique = {True: "yes", False: face, None: "not determined"}[found["unique"]]
    supporting = [str(item["sample"]) for item in found["support"]]
    samples = ", ".join(supporting[:20]) + (" ..." if len(supporting) > 20 else "")
    interval = f"[{found['lower']:.17g}, {found['upper']:.17g}]"
    table(
        f"{found['data']}: {found['samples']} samples, {found['features']} features,"
        f" {found['classes']} classes",
        [
            (f"maximum margin ({found['norm']})", f"{found['margin']:.15g}"),
            ("certified interval", f"{interval}  relative width {found['gap']:.1e}"),
            ("unique optimum", unique),
            (f"{len(supporting)} support vectors", f"samples {samples}"),
        ],
    )


def support(dataset, best) -> list[dict]:
    """The samples with weight in the dual, heaviest first: sample, its label, the rival, weight."""
    pairs = np.argwhere(best.dual > 1e-9 * best.dual.max()).tolist()  # below: solver dust
    heavy, names = [(float(best.dual[i, c]), i, c) for i, c in pairs], dataset.label_names
    return [
        {"sample": i, "label": names[dataset.y[i]], "against": names[c], "weight": weight}
        for weight, i, c in sorted(heavy, key=lambda item: (-item[0], item[1:]))
    ]
