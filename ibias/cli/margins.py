"""`ibias margin`: the certified maximum margin of a data set."""

from pathlib import Path
from time import perf_counter
from typing import Annotated, Any

import numpy as np
from typer import Option

from ..norms import norm as norm_of
from ..progress import waiting
from . import inputs
from .inputs import answer, note_bias, open_data

EPILOGUE = (
    "Examples: `ibias margin digits:3-8 --norm spectral` · `ibias margin mine.csv --norm max"
    " --bias --json`"
)
Proof = Annotated[
    Path | None,
    Option(help="Write an exact proof of both bounds, or of non-separability, to this file."),
]
Plain = Annotated[
    Path | None,
    Option(help="Write the data to this file as JSON, as the stand-alone checker reads them."),
]
Solver = Annotated[str, Option(help="auto, interior, working-set, first-order or cvxpy.")]
Tolerance = Annotated[
    float | None, Option(help="Stop at this certified relative gap; else rounding.")
]
Seconds = Annotated[float | None, Option(help="Return the best certified interval found by then.")]


def margin(
    data: inputs.DataArgument,
    norm: inputs.NormOption,
    label: inputs.LabelOption = "label",
    standardise: inputs.StandardiseOption = False,
    labels: inputs.LabelsOption = None,
    separator: inputs.SeparatorOption = ",",
    decimal: inputs.DecimalOption = ".",
    bias: inputs.BiasOption = False,
    solver: Solver = "auto",
    tolerance: Tolerance = None,
    seconds: Seconds = None,
    quiet: inputs.QuietOption = False,
    proof: Proof = None,
    plain: Plain = None,
    json: inputs.JsonOption = False,
) -> None:
    """The **maximum margin** of DATA in a norm: a certified interval, whether the optimum is
    unique, and its support vectors.

    Data that no linear classifier separates end with exit code 3 and the reason.
    """
    from ..maxmargin.proof import plain as as_json
    from ..maxmargin.proof import written

    text: dict[str, Any] = dict(label=label, labels=labels, separator=separator, decimal=decimal)
    dataset = open_data(data, **text, standardise=standardise, bias=bias)
    options = {"norm": norm_of(norm), "solver": solver, "tolerance": tolerance, "seconds": seconds}
    began = perf_counter()
    if plain is not None:
        written(as_json(dataset), plain)
    best = _solved(dataset, proof, not quiet, **options)
    found = _found(dataset, best) | {"seconds": round(perf_counter() - began, 3)}
    answer(found, json, *_shown(found))


def _solved(dataset, proof: Path | None, progress: bool, **options):
    """The maximum margin, or NotSeparable raised; its proof is written before either."""
    from ..maxmargin import NotSeparable, max_margin

    try:
        best = max_margin(dataset, progress=progress, **options)
    except NotSeparable as error:
        note_bias(error, dataset)
        if proof is not None:
            try:
                with waiting("proof", progress):
                    error.proof(proof)
                error.add_note(f"proof in {proof}")
            except ArithmeticError as none:
                error.add_note(str(none))
        raise
    if proof is not None:
        with waiting("proof", progress):
            best.proof(proof)
    return best


def _found(dataset, best) -> dict[str, Any]:
    about = {"data": dataset.name, "samples": dataset.n, "features": dataset.d}
    about |= {"classes": dataset.k, "digest": dataset.digest, "norm": best.norm.text}
    bounds = "margin", "lower", "upper", "gap", "unique", "face_dim"
    found = {name: getattr(best, name) for name in bounds}
    return about | found | {"support": support(dataset, best), "solver": best.solver}


def _shown(found: dict[str, Any]) -> tuple[str, list[tuple[str, str]]]:
    face = f"no: a face of dimension {found['face_dim']}"
    unique = {True: "yes", False: face, None: "not determined"}[found["unique"]]
    # a sample stands there once for each rival
    supporting = list(dict.fromkeys(str(item["sample"]) for item in found["support"]))
    samples = ", ".join(supporting[:20]) + (" ..." if len(supporting) > 20 else "")
    interval = f"[{found['lower']:.17g}, {found['upper']:.17g}]"
    sizes = f"{found['samples']} samples, {found['features']} features, {found['classes']} classes"
    return f"{found['data']}: {sizes}", [
        (f"maximum margin ({found['norm']})", f"{found['margin']:.15g}"),
        ("certified interval", f"{interval}  relative width {found['gap']:.1e}"),
        ("unique optimum", unique),
        (f"{len(supporting)} support vectors", f"samples {samples}"),
    ]


def support(dataset, best) -> list[dict]:
    """The pairs of support vectors and rivals, heaviest first: sample, its label, the rival, the
    weight in the dual."""
    dual = np.zeros_like(best.dual)
    dual[best.support_vectors] = best.dual[best.support_vectors]
    least = np.minimum(1e-9 * dual.max(), dual.max(1, keepdims=True))  # below: solver dust
    pairs = np.argwhere((dual >= least) & (dual > 0)).tolist()
    heavy, names = [(float(dual[i, c]), i, c) for i, c in pairs], dataset.label_names
    return [
        {"sample": i, "label": names[dataset.y[i]], "against": names[c], "weight": weight}
        for weight, i, c in sorted(heavy, key=lambda item: (-item[0], item[1:]))
    ]
