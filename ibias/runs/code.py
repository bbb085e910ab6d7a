"""Where code comes from, and what it names: what `own_code` asks of functions and classes."""

import dis
import functools
import importlib
import inspect
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import is_dataclass
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

PACKAGE = Path(__file__).parents[1]
# rooms without a say in a run's numbers, unless a class of theirs is handed in: what computes takes
# from them its data, whose digest is in the key by itself, a bar, and how to keep to one thread
WITHOUT_A_SAY = ("cli", "data", "estimator.py", "maxmargin", "optim", "probe", "progress.py")
FOUNDATION = {"numpy", "torch", PACKAGE.name, *sys.stdlib_module_names} - {"__main__"}


def text_of(item: Any) -> str | bytes:
    """The source of a function, class or module's file; ValueError where it cannot be read."""
    try:
        if not isinstance(item, ModuleType):
            return inspect.getsource(item)
        file = getattr(item, "__file__", None)  # a folder without __init__.py has none
        return Path(file).read_bytes() if file else b""
    except (OSError, TypeError):
        of_module = isinstance(item, ModuleType)
        name = item.__name__ if of_module else f"{item.__module__}.{item.__qualname__}"
        raise ValueError(
            f"a store needs the source of {name} to tell its answers from those of another version,"
            " and cannot read it; put it into a file, or pass store=None"
        ) from None


def attributes(item: type) -> Iterator[tuple[str, Any]]:
    """What a class holds, without what Python and `dataclass` put there by themselves."""
    for name, value in sorted(vars(item).items()):
        code = getattr(inspect.unwrap(value) if callable(value) else value, "__code__", None)
        generated = code is not None and code.co_filename == "<string>" and is_dataclass(item)
        slot = inspect.ismemberdescriptor(value) or inspect.isgetsetdescriptor(value)
        kept = not name.startswith("__") or callable(value) or hasattr(value, "__get__")
        if kept and not generated and not slot and name != "_abc_impl":
            yield name, value


def inside(cell: Any) -> Any:
    """What a closure holds in one of its cells."""
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None


def mentioned(code: CodeType, words: set[str], modules: set[str]) -> set[str]:
    """All names in a function and within; ``words`` gets globals, ``modules`` its imports."""
    texts = {const for const in code.co_consts if isinstance(const, str)}  # getattr(module, "f")
    names = texts | set(code.co_names)
    words |= texts
    modules |= texts & set(sys.modules)
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            words.add(step.argval)
        elif step.opname == "IMPORT_NAME":
            modules.add(step.argval)
    for const in code.co_consts:
        if isinstance(const, CodeType):
            names |= mentioned(const, words, modules)
    return names


def imported(names: set[str], module: str) -> Iterator[ModuleType]:
    """The modules of these names, seen from ``module``, as far as there are any."""
    package = module.rpartition(".")[0]
    for name in sorted({*names, *(f"{package}.{each}" for each in names)}):
        with suppress(ImportError, ValueError):
            yield importlib.import_module(name.strip("."))


@functools.cache
def _installed_in() -> list[Path]:
    installed = (sysconfig.get_paths()[kind] for kind in ("stdlib", "purelib", "platlib"))
    return [Path(folder).resolve() for folder in installed]


def maker(value: Any) -> Any:
    """The code behind a value: itself, or its class."""
    return value if isinstance(value, type | FunctionType | ModuleType) else type(value)


def package_of(item: Any) -> str:
    """The first part of the name of its module."""
    name = item.__name__ if isinstance(item, ModuleType) else item.__module__
    return (name or "").partition(".")[0]


def is_foundation(item: Any) -> bool:
    """Whether its code is in every key already, or its version beside every answer."""
    name = item.__name__ if isinstance(item, ModuleType) else item.__module__
    package, _, rest = (name or "").partition(".")
    room = rest.partition(".")[0]
    silent = package == PACKAGE.name and {room, f"{room}.py"} & set(WITHOUT_A_SAY)
    return package in FOUNDATION and not silent


def is_loose(item: Any) -> bool:
    """Whether it lies outside the folders of installed packages."""
    try:
        path = Path(inspect.getfile(item)).resolve()
    except (TypeError, OSError):  # built in, or typed at a prompt
        return True
    return package_of(item) == "__main__" or not any(map(path.is_relative_to, _installed_in()))
