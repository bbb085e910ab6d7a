"""Names of the code as words, where a reader reads them: heads and cells of tables."""

from __future__ import annotations

import pandas as pd

NORMS = {
    "max": "max",
    "frobenius": "Frobenius",
    "spectral": "spectral",
    "sum": "sum",
    "nuclear": "nuclear",
}


def norm(text: str) -> str:
    """The name of a norm: "Frobenius" for frobenius, "Schatten 4" for schatten:4, "entry-wise 1.5"
    for entrywise:1.5."""
    family, _, exponent = text.partition(":")
    if not exponent:
        return NORMS.get(text, text)
    return f"{'entry-wise' if family == 'entrywise' else family.capitalize()} {exponent}"


def in_words(frame: pd.DataFrame) -> pd.DataFrame:
    """`frame` with its index as columns, spaces for underscores, yes and no for truth values, and
    the names of norms."""
    made = frame.reset_index() if any(frame.index.names) else frame.copy()
    made.columns = [str(c).replace("_", " ") for c in made.columns]
    for name, column in made.items():
        if column.dtype == bool or set(map(str, column)) <= {"True", "False"}:
            made[name] = [("no", "yes")[str(v) == "True"] for v in column]
        elif name == "norm":
            made[name] = [norm(str(v)) for v in column]
    return made
