"""What a run computes with that is neither this package nor what it stands on: a user's classes.

A stored answer is good for one version of them.  Their digest is taken from what will run, the
objects in memory: code, default arguments, closures, class attributes, and the globals that they
name, through all modules of the user's.  The text of the source is added, so that a file edited
after it was imported answers for neither version.  What no digest can tell from another is refused.
"""

from __future__ import annotations

import dis
import functools
import importlib
import inspect
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from hashlib import sha256
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import torch

PACKAGE = Path(__file__).parents[1]
# not below what computes (`make lint` holds that), so without a say in a run's numbers, unless a
# class of theirs is handed in; the data's digest is in the key by itself
WITHOUT_A_SAY = ("cli", "data", "estimator.py", "maxmargin", "optim", "probe", "progress.py")
FOUNDATION = {"numpy", "torch", PACKAGE.name, *sys.stdlib_module_names} - {"__main__"}
PLAIN = (bool, int, float, complex, str, bytes, type(None), type(...))
HOLDERS: dict[type, tuple[str, ...]] = {  # what holds functions, and where
    property: ("fget", "fset", "fdel"),
    classmethod: ("__func__",),
    staticmethod: ("__func__",),
    functools.cached_property: ("func",),
    functools.partial: ("func", "args", "keywords"),
    type(functools.cache(len)): ("__wrapped__",),
    MethodType: ("__func__", "__self__"),
}


def own_source(*values: Any, texts: bool = True) -> str:
    """SHA-256 of everything of the user's that ``values`` are made of and reach; "" where there is
    nothing.

    Without ``texts`` it is a digest of the objects in memory alone, which two machines share that
    keep the sources in different places.

    Raises ValueError for code whose source cannot be read, and for an object that cannot be told
    from another one.
    """
    inventory = _Inventory(texts)
    for value in values:
        for item in _roots(value):
            inventory.packages.add(_package(_maker(item)))  # installed or not
            inventory.add("root", item)
    return inventory.digest()


def as_text(value: Any) -> str:
    """The repr of a frozen value; refused where it names an address in memory, at which another
    object, with other answers, may stand tomorrow."""
    text = repr(value)
    if " at 0x" in text:
        raise ValueError(
            f"a store cannot tell {text} from another by its repr; make the function a frozen"
            " dataclass, or pass store=None"
        )
    return text


def _roots(value: Any) -> Iterator[Any]:
    """What a value of the package's holds that is not the package's."""
    if isinstance(value, list | tuple):
        for item in value:
            yield from _roots(item)
    elif not _is_foundation(_maker(value)):
        yield value
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from _roots(getattr(value, field.name))


class _Inventory:
    """A digest of objects, by name and content in the order in which they are met, each once."""

    def __init__(self, texts: bool) -> None:
        self.texts, self.lines = texts, sha256()
        self.packages: set[str] = set()  # of the user's, though they may be installed
        self.met: dict[Any, Any] = {}  # keeps the objects, or their ids would be given again

    def digest(self) -> str:
        return self.lines.hexdigest() if self.met else ""

    def add(self, name: str, item: Any, mentions: frozenset[str] = frozenset()) -> None:
        """One object; of a module only what ``mentions`` names, beside its text."""
        self._line(name, type(item).__qualname__)
        if type(item) in PLAIN or isinstance(item, np.generic | np.dtype | torch.dtype):
            return self._line(repr(item))
        mark = (id(item), mentions if isinstance(item, ModuleType) else None)
        if mark in self.met:
            return
        self.met[mark] = item
        if isinstance(item, ModuleType | FunctionType | type):
            self._code(name, item, mentions) if self._is_own(item) else self._installed(item)
        elif isinstance(item, np.ndarray | torch.Tensor):
            self._array(name, item)
        elif type(item) in (list, tuple):
            self._members(name, enumerate(item))
        elif type(item) is dict:
            self._members(name, enumerate(item.items()))
        elif type(item) in (set, frozenset):
            self._line(*sorted(map(as_text, item)))
        elif isinstance(item, BuiltinFunctionType | np.ufunc):
            self._builtin(name, item)
        else:
            self._instance(name, item)

    def _line(self, *words: str | bytes) -> None:
        for word in words:
            content = word.encode(errors="surrogatepass") if isinstance(word, str) else word
            self.lines.update(len(content).to_bytes(8, "little") + content)

    def _members(self, name: str, items: Iterable[tuple[Any, Any]]) -> None:
        for key, value in items:
            self.add(f"{name}.{key}", value)

    def _array(self, name: str, item: Any) -> None:
        array = np.asarray(item.detach().cpu() if isinstance(item, torch.Tensor) else item)
        self._line(array.dtype.str, str(array.shape))
        if array.dtype == object:
            self.add(name, array.tolist())
        else:
            self._line(array.tobytes())

    def _builtin(self, name: str, item: Any) -> None:
        self._line(item.__name__)
        owner = getattr(item, "__self__", None)
        if "(vectorized)" in item.__name__:
            raise ValueError(f"a store cannot look into {item!r}; use a function, or store=None")
        if not isinstance(owner, ModuleType | type):
            self.add(name, owner)

    def _is_own(self, item: Any) -> bool:
        return not _is_foundation(item) and (_package(item) in self.packages or _is_loose(item))

    def _installed(self, item: Any) -> None:
        """Of another package: which, and its version; those of the foundation are beside every
        answer."""
        package = _package(item)
        if package not in FOUNDATION:
            self._line(package, str(getattr(sys.modules.get(package), "__version__", "")))
        self._line(str(getattr(item, "__module__", "")), item.__name__)

    def _instance(self, name: str, item: Any) -> None:
        held = HOLDERS.get(type(item)) or ("py_func", "targetoptions") * hasattr(item, "py_func")
        if held:
            return self._members(name, ((each, getattr(item, each)) for each in held))
        try:
            pieces = item.__reduce_ex__(2)  # how it would be made again: its class and its state
        except (TypeError, AttributeError, NotImplementedError):
            raise ValueError(
                f"a store cannot tell {item!r} from another one by its content; make it of plain"
                " values, or pass store=None"
            ) from None
        self.add(name, type(item))
        if isinstance(pieces, str):
            return self._line(pieces)
        self._members(name, enumerate([*pieces[:3], *(list(p) for p in pieces[3:5] if p)]))

    def _code(self, name: str, item: Any, mentions: frozenset[str]) -> None:
        if self.texts:
            self._line(_text_of(item))
        if isinstance(item, ModuleType):
            there = sorted(mentions & set(vars(item)))
            for each in there:
                self.add(f"{name}.{each}", vars(item)[each], mentions)
        elif isinstance(item, FunctionType):
            self._function(name, item)
        else:
            self._members(name, enumerate([type(item), *item.__mro__[1:]]))
            self._members(name, _attributes(item))

    def _function(self, name: str, item: FunctionType) -> None:
        code = item.__code__
        self._instructions(name, code)
        self.add(name, [item.__defaults__, item.__kwdefaults__])
        cells = zip(code.co_freevars, item.__closure__ or (), strict=True)
        self._members(name, ((each, _inside(cell)) for each, cell in cells))
        words, modules = set[str](), set[str]()
        mentions = frozenset(_mentioned(code, words, modules))
        for each in sorted(words & set(item.__globals__)):
            self.add(each, item.__globals__[each], mentions)
        for module in _imported(modules, item.__module__):
            self.add(module.__name__, module, mentions)

    def _instructions(self, name: str, code: CodeType) -> None:
        shape = (code.co_argcount, code.co_kwonlyargcount, code.co_flags, code.co_names)
        self._line(code.co_code, code.co_exceptiontable, f"{shape} {code.co_varnames}")
        for const in code.co_consts:
            if isinstance(const, CodeType):
                self._instructions(name, const)
            else:
                self.add(name, const)


def _text_of(item: Any) -> str | bytes:
    try:
        if not isinstance(item, ModuleType):
            return inspect.getsource(item)
        file = getattr(item, "__file__", None)  # a folder without __init__.py has none
        return Path(file).read_bytes() if file else b""
    except (OSError, TypeError):
        name = item.__name__ if isinstance(item, ModuleType) else item.__qualname__
        name = name if isinstance(item, ModuleType) else f"{item.__module__}.{name}"
        raise ValueError(
            f"a store needs the source of {name} to tell its answers from those of another version,"
            " and cannot read it; put it into a file, or pass store=None"
        ) from None


def _attributes(item: type) -> Iterator[tuple[str, Any]]:
    """What a class holds, without what Python and `dataclass` put there by themselves."""
    for name, value in sorted(vars(item).items()):
        code = getattr(inspect.unwrap(value) if callable(value) else value, "__code__", None)
        generated = code is not None and code.co_filename == "<string>" and is_dataclass(item)
        kept = not name.startswith("__") or isinstance(value, FunctionType)
        slot = inspect.ismemberdescriptor(value) or inspect.isgetsetdescriptor(value)
        if kept and not generated and not slot and name != "_abc_impl":
            yield name, value


def _inside(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None


def _mentioned(code: CodeType, words: set[str], modules: set[str]) -> set[str]:
    """All names in a function and those defined in it; ``words`` gets the globals, ``modules``
    what it imports by itself."""
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
            names |= _mentioned(const, words, modules)
    return names


def _imported(names: set[str], module: str) -> Iterator[ModuleType]:
    """The modules of these names, seen from ``module``, as far as there are any."""
    package = module.rpartition(".")[0]
    for name in sorted({*names, *(f"{package}.{each}" for each in names)}):
        try:
            yield importlib.import_module(name.strip("."))
        except (ImportError, ValueError):
            continue


@functools.cache
def _installed_in() -> list[Path]:
    installed = (sysconfig.get_paths()[kind] for kind in ("stdlib", "purelib", "platlib"))
    return [Path(folder).resolve() for folder in installed]


def _maker(value: Any) -> Any:
    return value if isinstance(value, type | FunctionType | ModuleType) else type(value)


def _package(item: Any) -> str:
    """The first part of the name of its module."""
    name = item.__name__ if isinstance(item, ModuleType) else item.__module__
    return (name or "").partition(".")[0]


def _is_foundation(item: Any) -> bool:
    """Whether its code is in every key already, or its version beside every answer."""
    name = item.__name__ if isinstance(item, ModuleType) else item.__module__
    package, _, rest = (name or "").partition(".")
    room = rest.partition(".")[0]
    silent = package == PACKAGE.name and {room, f"{room}.py"} & set(WITHOUT_A_SAY)
    return package in FOUNDATION and not silent


def _is_loose(item: Any) -> bool:
    """Whether it lies outside the folders of installed packages."""
    try:
        path = Path(inspect.getfile(item)).resolve()
    except (TypeError, OSError):  # built in, or typed at a prompt
        return True
    return _package(item) == "__main__" or not any(
        path.is_relative_to(root) for root in _installed_in()
    )
