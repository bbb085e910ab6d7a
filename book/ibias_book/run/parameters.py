"""The parameters of a notebook: read by the type of the default, whichever way a value comes.

`typed` serves `ibias reproduce` and the runner, before anything runs.  `settle` is called by each
notebook right behind its parameters cell, for values that papermill injected there by itself.  Both
read with `value`.
"""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from . import syntax

INJECTED = "# Parameters\n"
"""How papermill opens the cell that it puts behind the one tagged `parameters`."""
LARGEST = 2**53
"""Whole numbers up to here are numbers of every program that may read them."""
LONGEST = 100_000
"""Members of a range; more is a slip of the keyboard."""


def parameters(notebook: Path) -> dict[str, Any]:
    """Name -> default value, from the cell tagged `parameters`; only literal values are
    parameters."""
    cells = json.loads(Path(notebook).read_text(encoding="utf-8"))["cells"]
    tagged = [c for c in cells if "parameters" in c["metadata"].get("tags", [])]
    return _defaults("".join("".join(c["source"]) + "\n" for c in tagged), Path(notebook).name)


def typed(notebook: Path, given: Mapping[str, Any]) -> dict[str, Any]:
    """The values `given`, most of them texts, with the types of the notebook's defaults; paths are
    those of the caller's folder.

    Raises ValueError, with what is allowed, for a name or a value that the notebook has not.
    """
    return _read(given, parameters(notebook), Path(notebook).stem)


def settle(names: dict[str, Any]) -> None:
    """Called with `globals()` in the cell behind the parameters: what papermill injected between
    the two takes the types of the defaults, and what differs from them is said.  Raises what
    `typed` raises."""
    inputs = names.get("In", ())  # IPython's record of the cells so far; the last is this call's
    if len(inputs) < 3 or not inputs[-2].startswith(INJECTED):
        return
    given = [line.targets[0].id for line in syntax.parse(inputs[-2]).body]
    defaults = _defaults(inputs[-3], "this notebook")
    read = _read({name: names[name] for name in given}, defaults, "this notebook")
    names.update(read)
    own = {name: each for name, each in read.items() if each != defaults[name]}
    if own:
        from .. import provenance  # whose imports lead back here, through the commands

        provenance.own.update({name: _short(each) for name, each in own.items()})
        said = (
            f"{name} = {_short(own[name])} (the book: {_short(defaults[name])})" for name in own
        )
        print(
            f"Run with {', '.join(said)}. Figures, tables and verdicts follow this run; the prose,"
            " the headlines of captions, caveats and reasons were written about the book's."
        )


def once(given: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Names and texts as a dictionary; raises ValueError where a name comes twice."""
    texts: dict[str, str] = {}
    for name, text in given:
        if name in texts:
            raise ValueError(f"-p {name} is given twice, {texts[name]!r} and {text!r}; keep one")
        texts[name] = text
    return texts


def value(given: Any, default: Any) -> Any:
    """`given`, a text or what papermill took a text for, as a value of the default's type.

    A whole number may be written 2e4; a list `[1, 2]`, `1, 2`, `(1, 2)` or `range(1, 9, 2)`, and
    its members have the types of the default's; a text whose default is empty or names a file is a
    path, from the folder of the caller.  Raises ValueError with what it must be.
    """
    return _READERS[type(default)](given, default)


def _defaults(cell: str, where: str) -> dict[str, Any]:
    found = {}
    for node in syntax.parse(cell).body:
        if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
            raise ValueError(
                f"the parameters cell of {where} may hold only lines such as `steps = 20_000`; got"
                f" `{ast.unparse(node)}`"
            )
        name = node.targets[0].id
        try:
            found[name] = ast.literal_eval(node.value)
        except ValueError:
            found[name] = ...
        if type(found[name]) not in _READERS:
            raise ValueError(
                f"parameter {name!r} of {where} must be a literal value: a number, a text, a truth"
                f" value, a list or None; got `{ast.unparse(node.value)}`"
            )
    return found


def _read(given: Mapping[str, Any], defaults: Mapping[str, Any], where: str) -> dict[str, Any]:
    unknown = sorted(set(given) - set(defaults))
    if unknown:
        raise ValueError(
            f"{where} has no parameter {', '.join(map(repr, unknown))}; it has:"
            f" {', '.join(defaults) or 'none'}"
        )
    read = {}
    for name, each in given.items():
        try:
            default = defaults[name]
            read[name] = _count(each, default) if _counts(name, default) else value(each, default)
        except ValueError as error:
            raise ValueError(f"parameter {name!r} must be {error}; got {_short(each)}") from None
    return read


def _counts(name: str, default: Any) -> bool:
    """Whether a parameter counts what a chapter is about: of no steps there is nothing to say, and
    a verdict on them would be none.  A seed may be 0."""
    return type(default) is int and default > 0 and not name.endswith("seed")


def _short(given: Any) -> str:
    text = repr(given)
    return text if len(text) <= 80 else f"{text[:60]}... ({len(text):,} characters)"


def _truth(given: Any, _: bool) -> bool:
    word = str(given).strip().lower()
    if word in ("true", "yes", "false", "no"):
        return word in ("true", "yes")
    try:
        if (number := _number(given)) in (0, 1):
            return number == 1
    except (InvalidOperation, ValueError):
        pass
    raise ValueError("true or false")


def _number(given: Any) -> Decimal:
    """A finite decimal number, with no rounding yet; InvalidOperation is the error for others."""
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        raise InvalidOperation
    number = Decimal(repr(given) if isinstance(given, float) else given)
    if not number.is_finite():
        raise InvalidOperation
    return number


def _whole(given: Any, default: int) -> int:
    least = 0 if default >= 0 else -LARGEST  # most are counts, and range(-3) would be silent
    try:
        number = _number(given)
        if least <= number <= LARGEST and number == number.to_integral_value():
            return int(number)
    except (InvalidOperation, ValueError):
        pass
    raise ValueError(f"a whole number {'of at least 0 ' if least == 0 else ''}such as {default!r}")


def _count(given: Any, default: int) -> int:
    with suppress(ValueError):
        if (number := _whole(given, default)) > 0:
            return number
    raise ValueError(f"a whole number of at least 1 such as {default!r}")


def _real(given: Any, default: float) -> float:
    try:
        number = float(_number(given))
        if math.isfinite(number):
            return number
    except (InvalidOperation, ValueError):
        pass
    raise ValueError(f"a finite number such as {default!r}")


def _either(given: Any, default: float) -> int | float:
    """A number of a list in which both kinds stand: whole as it is written."""
    number = _real(given, default)
    return int(number) if isinstance(given, int) or _digits(given) else number


def _digits(given: Any) -> bool:
    return isinstance(given, str) and given.strip().lstrip("+-").replace("_", "").isdigit()


def _text(given: Any, default: str) -> str:
    if not isinstance(given, str):
        raise ValueError("a text (papermill passes it as it is written with -r)")
    if given.strip() in ("None", "null"):
        raise ValueError("a text; leave it out for the default")
    if not given or (default and not Path(default).suffix):
        return given
    try:
        path = Path(given).expanduser().absolute()
        if path.is_file():
            return str(path)
    except (OSError, ValueError, RuntimeError):
        pass  # no system would take that as a name
    raise ValueError(f"a file, seen from {Path.cwd()}, and there is none of that name")


def _several(given: Any, default: list | tuple) -> list | tuple:
    member, wanted = _member(default), f"a list such as {default!r}"
    try:
        items = _listed(given, default) if isinstance(given, str) else given
        items = items if isinstance(items, list | tuple | range) else [items]
        read = [member(item) for item in items]
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        raise ValueError(wanted) from None
    if default and not read:
        raise ValueError(f"{wanted}, not an empty one")
    return type(default)(read)


def _member(default: list | tuple) -> Callable[[Any], Any]:
    """What reads one member: by the type that all of the default's members have."""
    kinds = {type(each) for each in default}
    if kinds == {int, float}:
        return lambda item: _either(item, 1.0)
    if len(kinds) > 1:
        raise ValueError(f"left as it is: {default!r} mixes kinds")
    return (lambda item: value(item, default[0])) if default else (lambda item: item)


def _listed(text: str, default: list | tuple) -> Any:
    """The members of a list that is written as Python or JSON write it, or with commas alone."""
    text = text.strip()
    if text.startswith("range(") and text.endswith(")"):
        bounds = [_whole(bound.strip(), -1) for bound in text[6:-1].split(",")]
        if len(bounds) > 3 or len(range(*bounds)) > LONGEST:
            raise ValueError(text)
        return range(*bounds)
    try:
        items = _literal(text)
        if not (default and isinstance(default[0], str)) or _are_texts(items):
            return items
    except (ValueError, SyntaxError):  # JSON's true, and texts without quotes
        pass
    inner = text[1:-1] if text[:1] + text[-1:] in ("[]", "()") else text
    if any(mark in inner for mark in "[]{}()"):
        raise ValueError(text)
    return [_unquoted(item.strip()) for item in inner.split(",")]


def _literal(text: str) -> Any:
    lines = syntax.parse(text.strip()).body
    if len(lines) != 1 or not isinstance(lines[0], ast.Expr):
        raise ValueError(text)
    return ast.literal_eval(lines[0].value)


def _are_texts(items: Any) -> bool:
    return isinstance(items, list | tuple) and all(isinstance(item, str) for item in items)


def _unquoted(text: str) -> str:
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
    return text[1:-1] if quoted else text


def _anything(given: Any, _: None) -> Any:
    """Where the default is None: None, or what the text is as a literal, or the text."""
    if not isinstance(given, str):
        return given
    try:
        return None if given.strip() == "null" else _literal(given)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return given


_READERS: dict[type, Callable[[Any, Any], Any]] = {
    bool: _truth,
    int: _whole,
    float: _real,
    str: _text,
    list: _several,
    tuple: _several,
    type(None): _anything,
}
