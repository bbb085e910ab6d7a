"""A sweep written down: the TOML file of `ibias sweep`, checked key by key."""

import tomllib
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from ..data import Dataset
from ..methods import SteepestDescent, grid
from ..norms import norm as norm_of
from ..runs import logspaced
from ..schedules import Power
from .inputs import loss_named, open_data

KEYS: dict[str, tuple[type, ...]] = {
    "data": (str,), "label": (str,), "standardise": (bool,), "bias": (bool,), "norms": (list,),
    "batch_sizes": (list,), "momenta": (list,), "variance_reduction": (list,),
    "seeds": (int, list), "steps": (int,), "records": (int,), "loss": (str,), "backend": (str,),
    "device": (str,), "schedule": (dict,),
}  # fmt: skip
ITEMS: dict[str, tuple[tuple[type, ...], str]] = {  # what the lists hold
    "norms": ((str,), "text"),
    "momenta": ((int, float), "numbers"),
    "variance_reduction": ((bool,), "true or false"),
    "batch_sizes": ((int, str), 'whole numbers, or "full"'),
    "seeds": ((int,), "whole numbers"),
}
WORDS = {str: "text", bool: "true or false", list: "a list", int: "a whole number", dict: "a table"}
NEEDED = ("data", "norms", "batch_sizes")
LONGEST = 100_000  # seeds or records
MOST = 1_000_000  # runs of one file; a mistyped list should not fill the memory unnoticed


@dataclass(frozen=True, eq=False)
class GridFile:
    """What the file asks for, in the words of `ibias.sweep`."""

    dataset: Dataset
    methods: list[SteepestDescent]
    options: dict


def read(path: Path) -> GridFile:
    """Read and check a grid file (a relative `data` counts from it); ValueError names the key."""
    if path.suffix != ".toml":
        raise ValueError(f"{path}: a sweep is described by a .toml file")
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file")
    try:
        text = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not TOML: {error}") from None
    try:
        _check(text)
        return _built(path.parent, text)
    except (ValueError, TypeError) as error:
        raise type(error)(str(error) if str(path) in str(error) else f"{path}: {error}") from error


def _check(text: dict) -> None:
    """ValueError for keys and values that no sweep has; the values of TOML are of plain types."""
    for key, value in text.items():
        if key not in KEYS:
            raise ValueError(f"unknown key {key!r}; known are {', '.join(KEYS)}")
        if type(value) not in KEYS[key]:
            allowed = " or ".join(WORDS[kind] for kind in KEYS[key])
            raise ValueError(f"{key} must be {allowed}; got {value!r}")
    for key in NEEDED:
        if key not in text:
            raise ValueError(f"the key {key!r} is missing; needed are {', '.join(NEEDED)}")
    for key, (kinds, words) in ITEMS.items():
        values = text.get(key)
        if values == []:
            raise ValueError(f"{key} is empty")
        for value in values if isinstance(values, list) else ():
            strange = key == "batch_sizes" and isinstance(value, str) and value != "full"
            if strange or type(value) not in kinds:
                raise ValueError(f"{key} is a list of {words}; got {value!r}")


def _built(folder: Path, text: dict) -> GridFile:
    name, beside = text["data"], folder / text["data"]
    said = {key: text[key] for key in ("label", "standardise", "bias") if key in text}
    dataset = open_data(str(beside) if beside.exists() else name, **said)
    seeds, records = text.get("seeds", 1), text.get("records", 200)
    for key, value in (("seeds", seeds), ("records", records)):
        if isinstance(value, int) and not 1 <= value <= LONGEST:
            raise ValueError(f"{key} = {value}: a number from 1 to {LONGEST:,}")
    seeds = list(range(seeds)) if isinstance(seeds, int) else seeds
    norms = [norm_of(word) for word in text["norms"]]
    sizes = [dataset.n if size == "full" else size for size in text["batch_sizes"]]
    axes: dict[str, Any] = {"norms": norms, "batch_sizes": sizes}
    axes |= {key: text[key] for key in ("momenta", "variance_reduction") if key in text}
    total = len(seeds) * prod(map(len, axes.values()))
    if not 0 < total <= MOST:
        raise ValueError(f"{total:,} runs; between 1 and {MOST:,} are allowed")
    methods = grid(**axes, schedule=_schedules(text.get("schedule", {}), norms))
    loss = loss_named("loss", text.get("loss", "cross-entropy"))
    options = {key: text[key] for key in ("steps", "backend", "device") if key in text}
    options |= {"seeds": seeds, "record": logspaced(records), "loss": loss}
    return GridFile(dataset, methods, options)


def _schedules(table: dict, norms) -> dict:
    """``[schedule] eta0, a`` for all norms, ``[schedule.NORM]`` for one of them."""
    known = {norm.text for norm in norms}
    strange = [key for key in table if key not in ("eta0", "a") and key not in known]
    if strange:
        allowed = f"eta0, a, and a table for one of the norms {', '.join(sorted(known))}"
        raise ValueError(f"[schedule] has the key {strange[0]!r}; it takes {allowed}")
    general = {key: value for key, value in table.items() if key in ("eta0", "a")}
    schedules = {}
    for norm in norms:
        own = table.get(norm.text, {})
        if not isinstance(own, dict) or set(own) - {"eta0", "a"}:
            raise ValueError(f"[schedule.{norm.text}] takes eta0 and a; got {own!r}")
        values = {"eta0": 0.1, "a": 0.5} | general | own
        for key, value in values.items():
            if type(value) not in (int, float):
                raise ValueError(f"[schedule] {key} must be a number; got {value!r}")
        schedules[norm] = Power(**values)
    return schedules
