"""Names of the code as words, where a reader reads them: heads and cells of tables, legends."""

from __future__ import annotations

import re
from collections.abc import Iterable

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


NETWORKS = {
    "digits-weak": "digits, weak decay",
    "digits-early": "digits, early",
    "text-early": "text, early",
}
LETTERS = {"beta": r"\beta", "beta2": r"\beta_2", "eps": r"\varepsilon", "tau": r"\tau", "b": "b"}


def label(name: str) -> str:
    """The name of a method or a network as a legend has it: "Signum, $b = 10$" for Signum b=10,
    "$\\varepsilon = 10^{-8}$" for eps = 1e-08, "digits, early" for digits-early."""
    name = NETWORKS.get(name, re.sub(r" (?=\w+=)", ", ", name))
    return re.sub(rf"\b({'|'.join(LETTERS)})( ?= ?([\d.e-]+)|$)", _value, name)


def _value(found: re.Match) -> str:
    letter = LETTERS[found[1]]
    if not found[3]:
        return f"${letter}$"
    power = re.fullmatch(r"1e(-?)0*(\d+)", found[3])
    return f"${letter} = {rf'10^{{{power[1]}{power[2]}}}' if power else found[3]}$"


SPELLED = [
    *("no", "one", "two", "three", "four", "five", "six"),
    *("seven", "eight", "nine", "ten", "eleven", "twelve"),
]


def counted(n: int, thing: str) -> str:
    """A count in a sentence, spelled up to twelve: "one shuffle", "five shuffles", "20 seeds"."""
    return f"{SPELLED[n] if n < len(SPELLED) else n} {thing}{'' if n == 1 else 's'}"


def numbers(values: Iterable[float], digits: int = 2) -> str:
    """Numbers in a sentence: "0.53, 0.41"."""
    return ", ".join(f"{float(value):.{digits}f}" for value in values)


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
