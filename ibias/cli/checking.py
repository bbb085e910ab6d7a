"""`ibias check`: an exact proof of a max margin, or of non-separability, read and verified."""

from pathlib import Path
from typing import Annotated

import typer

from ..progress import waiting
from .inputs import BiasOption, DataArgument, LabelOption, StandardiseOption, open_data

EPILOGUE = "Example: `ibias check digits.proof digits:3-8`"


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
