"""`ibias check`: an exact proof of a max margin, or of non-separability, read and verified; and the
options of `ibias margin` that write one."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from ..progress import waiting
from .inputs import BiasOption, DataArgument, LabelOption, StandardiseOption, open_data

ProofOption = Annotated[
    Path | None,
    typer.Option(
        "--proof", help="Write an exact proof of both bounds, or of non-separability, to this file."
    ),
]
PlainOption = Annotated[
    Path | None,
    typer.Option(
        "--plain",
        help="Write the data to this file as JSON, as the stand-alone checker reads them.",
    ),
]


def add_to(app: typer.Typer) -> None:
    """Register `check`."""
    app.command("check", epilog="Example: `ibias check digits.proof digits:3-8`")(check)


def check(
    proof: Annotated[Path, typer.Argument(metavar="FILE", help="The proof.")],
    data: DataArgument,
    label: LabelOption = "label",
    standardise: StandardiseOption = False,
    bias: BiasOption = False,
) -> None:
    """Verify a **proof** that `ibias margin --proof` wrote about DATA, in whole numbers alone, and
    print the claim.

    A proof that was changed, is about other data, or proves less than it claims ends with exit code
    2 and the reason.  `ibias/maxmargin/checker.py` does the same without this package.
    """
    from ..maxmargin import checker

    dataset = open_data(data, label=label, standardise=standardise, bias=bias)
    try:
        with waiting("checking"):
            line = checker.check(proof.read_bytes(), dataset.x.tolist(), dataset.y.tolist())
    except OSError:
        raise
    except Exception as error:  # a file can be wrong in any way; none of them is ours
        raise ValueError(f"{proof}: refused: {error or type(error).__name__}") from error
    typer.echo(line)


def solved(dataset, norm, proof: Path | None, plain: Path | None, **options):
    """The maximum margin, or NotSeparable raised; before either, what was asked for is written."""
    from ..maxmargin import NotSeparable, max_margin
    from ..maxmargin.proof import plain as as_json
    from ..maxmargin.proof import written

    if plain is not None:
        written(as_json(dataset), plain)
    try:
        best = max_margin(dataset, norm, **options)
    except NotSeparable as error:
        note_bias(error, dataset)
        if proof is not None:
            try:
                with waiting("proof", options.get("progress", True)):
                    error.proof(proof)
                error.add_note(f"proof in {proof}")
            except ArithmeticError as none:
                error.add_note(str(none))
        raise
    if proof is not None:
        with waiting("proof", options.get("progress", True)):
            best.proof(proof)
    return best


def note_bias(error: Exception, dataset) -> None:
    """Note at an error where only an intercept is missing, as far as a few seconds tell."""
    from ..data import with_bias
    from ..maxmargin import max_margin
    from ..norms import FROBENIUS

    with suppress(ValueError, ArithmeticError, TimeoutError):
        max_margin(with_bias(dataset), FROBENIUS, tolerance=0.5, seconds=5.0, progress=False)
        error.add_note("with a bias feature they are: --bias")
