"""`ibias margin`: the certified maximum margin of a data set."""

from __future__ import annotations

from time import perf_counter
from typing import Annotated, Any

import numpy as np
import typer

from .checking import PlainOption, ProofOption, solved
from .inputs import (
    BiasOption,
    DataArgument,
    DecimalOption,
    JsonOption,
    LabelOption,
    LabelsOption,
    NormOption,
    QuietOption,
    SeparatorOption,
    StandardiseOption,
    emit,
    open_data,
    table,
)


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
    data: DataArgument,
    norm: NormOption,
    label: LabelOption = "label",
    standardise: StandardiseOption = False,
    labels: LabelsOption = None,
    separator: SeparatorOption = ",",
    decimal: DecimalOption = ".",
    bias: BiasOption = False,
    solver: Annotated[
        str, typer.Option(help="auto, interior, working-set, first-order or cvxpy.")
    ] = "auto",
    tolerance: Annotated[
        float | None,
        typer.Option(
            show_default=False, help="Stop at this certified relative gap; else rounding."
        ),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(show_default=False, help="Return the best certified interval found by then."),
    ] = None,
    quiet: QuietOption = False,
    proof: ProofOption = None,
    plain: PlainOption = None,
    json: JsonOption = False,
) -> None:
    """The **maximum margin** of DATA in a norm: a certified interval, whether the optimum is
    unique, and its support vectors.

    Data that no linear classifier separates end with exit code 3 and the reason.
    """
    from ..norms import norm as norm_of

    dataset = open_data(
        data,
        label=label,
        labels=labels,
        separator=separator,
        decimal=decimal,
        standardise=standardise,
        bias=bias,
    )
    began = perf_counter()
    options = {"solver": solver, "tolerance": tolerance, "seconds": seconds, "progress": not quiet}
    best = solved(dataset, norm_of(norm), proof, plain, **options)
    found = _found(dataset, best) | {"seconds": round(perf_counter() - began, 3)}
    if json:
        emit(found)
    else:
        _tell(found)


def _found(dataset, best) -> dict[str, Any]:
    return {
        "data": dataset.name,
        "samples": dataset.n,
        "features": dataset.d,
        "classes": dataset.k,
        "digest": dataset.digest,
        "norm": best.norm.text,
        "margin": best.margin,
        "lower": best.lower,
        "upper": best.upper,
        "gap": best.gap,
        "unique": best.unique,
        "face_dim": best.face_dim,
        "support": support(dataset, best),
        "solver": best.solver,
    }


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
    """The samples whose constraints carry weight in the dual, heaviest first: sample, its label,
    the rival class, the weight."""
    heavy = [
        (float(best.dual[i, c]), int(i), int(c))
        for i, c in np.argwhere(best.dual > 1e-9 * best.dual.max())
    ]  # below: solver dust
    return [
        {
            "sample": i,
            "label": dataset.label_names[dataset.y[i]],
            "against": dataset.label_names[c],
            "weight": weight,
        }
        for weight, i, c in sorted(heavy, key=lambda item: (-item[0], item[1:]))
    ]
