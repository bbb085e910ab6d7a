"""The parameters cell of a notebook, and values given for it as text."""

from __future__ import annotations

import ast
import json
from pathlib import Path

from . import syntax


def parameters(notebook: Path) -> dict:
    """Name -> default value, from the cell tagged `parameters`; only literal values are
    parameters."""
    cells = json.loads(Path(notebook).read_text(encoding="utf-8"))["cells"]
    tagged = [c for c in cells if "parameters" in c["metadata"].get("tags", [])]
    found = {}
    for node in syntax.parse("".join("".join(c["source"]) + "\n" for c in tagged)).body:
        if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
            raise ValueError(
                f"the parameters cell of {Path(notebook).name} may hold only lines such as `steps ="
                f" 20_000`; got `{ast.unparse(node)}`"
            )
        try:
            found[node.targets[0].id] = ast.literal_eval(node.value)
        except ValueError:
            said = (
                f"{node.targets[0].id!r} of {Path(notebook).name} must be a literal value; got"
                f" `{ast.unparse(node.value)}`"
            )
            raise ValueError(f"parameter {said}") from None
    return found


def typed(notebook: Path, given: dict[str, str]) -> dict:
    """The texts of `given` as values of the types that the notebook's defaults have."""
    defaults = parameters(notebook)
    unknown = sorted(set(given) - set(defaults))
    if unknown:
        raise ValueError(
            f"{Path(notebook).stem} has no parameter {', '.join(map(repr, unknown))}; it has:"
            f" {', '.join(defaults) or 'none'}"
        )
    return {name: _value(name, text, defaults[name]) for name, text in given.items()}


def _value(name: str, text, default):
    if not isinstance(text, str):
        return text
    try:
        return _READERS.get(type(default), str)(text, default)
    except ValueError:
        kind = {"int": "a whole number", "float": "a number", "bool": "true or false"}.get(
            type(default).__name__, f"like {default!r}"
        )
        raise ValueError(f"parameter {name!r} must be {kind}; got {text!r}") from None


def _truth(text: str, _) -> bool:
    word = text.strip().lower()
    if word not in ("true", "false", "yes", "no", "1", "0"):
        raise ValueError(word)
    return word in ("true", "yes", "1")


def _whole(text: str, _) -> int:
    number = float(text)  # 2e4 is a whole number too
    if number != int(number):
        raise ValueError(text)
    return int(text) if text.strip().lstrip("+-").replace("_", "").isdigit() else int(number)


def _several(text: str, default):
    text = text.strip()
    items = (
        json.loads(text)
        if text.startswith("[")
        else [t.strip() for t in text.strip("()").split(",") if t.strip()]
    )
    sample = default[0] if default else ""
    return [
        _READERS.get(type(sample), lambda t, _: t)(i, sample) if isinstance(i, str) else i
        for i in items
    ]


_READERS = {
    bool: _truth,
    int: _whole,
    float: lambda t, _: float(t),
    str: lambda t, _: t,
    list: _several,
    tuple: _several,
    type(None): lambda t, _: t,
}
