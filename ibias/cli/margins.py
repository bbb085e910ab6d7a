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

    chosen = norm_of(norm)
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
    best = solved(dataset, chosen, proof, plain, **options)
    found: dict[str, Any] = {
        "data": dataset.name,
        "samples": dataset.n,
        "features": dataset.d,
        "classes": dataset.k,
        "digest": dataset.digest,
        "norm": chosen.text,
        "margin": best.margin,
        "lower": best.lower,
        "upper": best.upper,
        "gap": best.gap,
        "unique": best.unique,
        "face_dim": best.face_dim,
        "support": support(dataset, best),
        "solver": best.solver,
        "seconds": round(perf_counter() - began, 3),
    }
    if json:
        emit(found)
        return
    unique = {
        True: "yes",
        False: f"no: a face of dimension {best.face_dim}",
        None: "not determined",
    }[best.unique]
    labels = ", ".join(str(item["sample"]) for item in found["support"][:20]) + (
        " ..." if len(found["support"]) > 20 else ""
    )
    table(
        f"{dataset.name}: {dataset.n} samples, {dataset.d} features, {dataset.k} classes",
        [
            (f"maximum margin ({chosen.text})", f"{best.margin:.15g}"),
            (
                "certified interval",
                f"[{best.lower:.17g}, {best.upper:.17g}]  relative width {best.gap:.1e}",
            ),
            ("unique optimum", unique),
            (f"{len(found['support'])} support vectors", f"samples {labels}"),
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
