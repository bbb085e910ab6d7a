"""Published and ours, one row a number."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import t as student

# Read off the public code's result files (arXiv:2605.22644), to the digits given.
PUBLISHED = {
    "EXP2, MLP-386": {
        "log-correlation, top 48": 0.936,
        "relative error, top 48": 0.570,
        "log-correlation, held-out half": 0.924,
        "log-correlation, all": 0.129,
        "relative error, all": 8.85,
        "Hessian on its diagonal": 0.938,
    },
    "EXP2, transformer": {
        "log-correlation, top 48": 0.158,
        "relative error, top 48": 0.373,
        "log-correlation, all": -0.416,
        "relative error, all": 51_400,
    },
    "EXP5-lr": {
        "exponent, flat slope (float32)": 3.07,
        "correlation, flat slope and eta (float32)": 0.936,
        "exponent, sharp plateau": 0.89,
        "sharp plateau at 0.1": 4.07e-4,
    },
    "EXP33": {"diagonal mass, Hessian's basis": 0.854},
    "EXP35": {"trace ratio": 4.53e-4},
    "EXP43": {"mean, plain over corrected": 1.87, "covariance, plain over corrected": 0.685},
    "EXP27": {"points in the strip": 7, "share found unstable": 0.857},
    "EXP29": {
        "final variance": 8.14,
        "tail exponent": 3.04,
        "published formula": 7.77,
        "pure diffusion": 0.0072,
    },
}
RATIOS = {"trace ratio", "mean, plain over corrected", "covariance, plain over corrected"}
RATIOS |= {"relative error, all", "sharp plateau at 0.1"}
"""Numbers that are compared as logarithms."""
DIGITS = 2e-3
"""Relative difference that the published digits leave open."""


def agrees(published: float, ours, quantity: str) -> bool:
    """Whether the published number could be one more of ours: the 95 % interval of a further draw,
    of Student's law with k - 1 degrees of freedom, s.d. sqrt(1 + 1/k); or equal to the published
    digits. Without any number of ours nothing agrees."""
    ours = np.asarray(ours, dtype=float)
    if not len(ours):
        return False
    close = np.abs(published / ours.mean() - 1) < DIGITS
    if len(ours) == 1 or close:
        return bool(close)
    if quantity in RATIOS:
        published, ours = np.log(published), np.log(ours)
    k = len(ours)
    reach = student.ppf(0.975, k - 1) * ours.std(ddof=1) * np.sqrt(1 + 1 / k)
    return bool(abs(published - ours.mean()) <= reach)


def alone(seeds: int) -> str:
    """Why nothing is said where there is one seed; "" where there are more."""
    return "" if seeds > 1 else "one seed leaves no interval of a further draw: two are needed"


def rows(found: Mapping[str, pd.DataFrame], no_mnist="", no_plays="") -> pd.DataFrame:
    """One row for every published number of the experiments ``found``, ours beside it.

    Where ``no_mnist`` or ``no_plays`` says that the data are others, where no run has the number
    (all are nan), or one run alone has it and it is another, the verdict is "not tested".
    """
    made = []
    for experiment, ours in found.items():
        for quantity, published in PUBLISHED[experiment].items():
            values = ours[quantity].dropna().to_numpy(dtype=float)
            error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
            good = agrees(published, values, quantity)
            said = "reproduced" if good else "not reproduced"
            away = {"EXP2, transformer": no_plays, "EXP27": "", "EXP29": ""}
            few = len(values) < (1 if good else 2)
            said = "not tested" if away.get(experiment, no_mnist) or few else said
            mean = values.mean() if len(values) else np.nan
            row = (experiment, quantity, published, mean, error, len(values), good, said)
            made.append(row)
    names = ["experiment", "quantity", "published", "ours", "error", "seeds", "agrees", "verdict"]
    return pd.DataFrame(made, columns=names)


def markdown(table: pd.DataFrame) -> str:
    """The table for a page, verdicts in their colours."""
    head = "| | quantity | published | ours | seeds | verdict |\n|---|---|--:|--:|--:|---|"
    lines = [
        f"| {row.experiment} | {row.quantity} | {row.published:.3g} | {_number(row)} | {row.seeds}"
        f" | {_coloured(row.verdict)} |"
        for row in table.itertuples()
    ]
    return "\n".join([head, *lines])


def _number(row) -> str:
    if not row.error > 0:
        return f"{row.ours:.3g}"
    return f"{row.ours:.3g} ± {row.error:.1g}"


def _coloured(verdict: str) -> str:
    slug = {"reproduced": "holds"}.get(verdict, verdict.replace(" ", "-"))
    return f'<strong class="ibias-verdict verdict-{slug}">{verdict}</strong>'
