"""What a run computes with that is neither this package nor what it stands on: a user's classes.

A stored answer is good for one version of them.  Their digest is taken from what will run, the
objects in memory: code, default arguments, closures, class attributes, and the globals that they
name, through all modules of the user's.  The text of the source is added, so that a file edited
after it was imported answers for neither version.  What no digest can tell from another is refused.
"""

import copyreg
import functools
import sys
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from hashlib import sha256
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import torch

from . import code as source

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
    """SHA-256 of all of the user's that ``values`` are made of and reach; "" for nothing.

    Without ``texts`` it is a digest of the objects in memory alone, which two machines share that
    keep the sources in different places.

    Raises ValueError for code without a source, and for an object that no digest tells apart.
    """
    inventory = _Inventory(texts)
    for value in values:
        for item in _roots(value):
            inventory.packages.add(source.package_of(source.maker(item)))  # installed or not
            inventory.add("root", item)
    return inventory.digest()


def as_text(value: Any) -> str:
    """The repr of a frozen value; refused where it names an address in memory, at which another
    object, with other answers, may stand tomorrow."""
    text = repr(value)
    if " at 0x" in text:
        remedy = "make the function a frozen dataclass, or pass store=None"
        raise ValueError(f"a store cannot tell {text} from another by its repr; {remedy}")
    return text


def _roots(value: Any) -> Iterator[Any]:
    """What a value of the package's holds that is not the package's."""
    if isinstance(value, list | tuple):
        for item in value:
            yield from _roots(item)
    elif not source.is_foundation(source.maker(value)):
        yield value
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from _roots(getattr(value, field.name))


class _Inventory:
    """A digest of objects, by name and content in the order in which they are met, each once."""

    def __init__(self, texts: bool) -> None:
        self.texts, self.lines = texts, sha256()
        self.packages: set[str] = set()  # of the user's, though they may be installed
        self.met: dict[Any, tuple[int, Any]] = {}  # holds on to them: an id may be given again

    def digest(self) -> str:
        return self.lines.hexdigest() if self.met else ""

    def add(self, name: str, item: Any, mentions: frozenset[str] = frozenset()) -> None:
        """One object; of a module only what ``mentions`` names, beside its text."""
        self._line(name, type(item).__qualname__)
        if type(item) in PLAIN or isinstance(item, np.generic | np.dtype | torch.dtype):
            return self._line(repr(item))
        mark = (id(item), mentions if isinstance(item, ModuleType) else None)
        place, _ = self.met.setdefault(mark, (len(self.met), item))
        if place < len(self.met) - 1 and type(item) not in (tuple, frozenset):
            return self._line(f"number {place}")
        if isinstance(item, ModuleType | FunctionType | type):
            self._code(name, item, mentions) if self._is_own(item) else self._installed(item)
        elif type(item) is np.ndarray or isinstance(item, torch.Tensor):
            self._array(name, item)
        elif type(item) in (list, tuple):
            self._members(name, enumerate(item))
        elif type(item) is dict:
            self._members(name, enumerate(item.items()))
        elif type(item) in (set, frozenset):
            self._line(*sorted(map(as_text, item)))
        elif isinstance(item, BuiltinFunctionType | np.ufunc):
            self._builtin(name, item)
        elif type(item).__name__ == "cython_function_or_method":
            self._installed(item)
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
        if isinstance(item, torch.Tensor):
            self._line(str(item.dtype), str(item.device))
            item = item.detach().cpu().to_dense()
            item = item.double().numpy() if item.is_floating_point() else item.numpy()
        self._line(str(item.dtype), str(item.shape))
        if item.dtype.hasobject:
            self.add(name, item.tolist())
        else:
            self._line(item.tobytes())

    def _builtin(self, name: str, item: Any) -> None:
        self._line(item.__name__)
        owner = getattr(item, "__self__", None)
        if "(vectorized)" in item.__name__:
            raise ValueError(f"a store cannot look into {item!r}; use a function, or store=None")
        if not isinstance(owner, ModuleType | type):
            self.add(name, owner)

    def _is_own(self, item: Any) -> bool:
        known = source.package_of(item) in self.packages
        return not source.is_foundation(item) and (known or source.is_loose(item))

    def _installed(self, item: Any) -> None:
        """Of another package: which, and its version; the foundation's are in every answer."""
        package = source.package_of(item)
        if package not in source.FOUNDATION:
            self._line(package, str(getattr(sys.modules.get(package), "__version__", "")))
        self._line(str(getattr(item, "__module__", "")), item.__name__)

    def _instance(self, name: str, item: Any) -> None:
        held = HOLDERS.get(type(item)) or ("py_func", "targetoptions") * hasattr(item, "py_func")
        if held:
            return self._members(name, ((each, getattr(item, each)) for each in held))
        try:
            # how it would be made again: its class and its state
            pieces = copyreg.dispatch_table.get(type(item), lambda it: it.__reduce_ex__(2))(item)
        except Exception:  # whatever its class says to that
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
            self._line(source.text_of(item))
        if isinstance(item, ModuleType):
            there = sorted(mentions & set(vars(item)))
            for each in there:
                self.add(f"{name}.{each}", vars(item)[each], mentions)
        elif isinstance(item, FunctionType):
            self._function(name, item)
        else:
            self._members(name, enumerate([type(item), *item.__mro__[1:]]))
            self._members(name, source.attributes(item))

    def _function(self, name: str, item: FunctionType) -> None:
        code = item.__code__
        self._instructions(name, code)
        self.add(name, [item.__defaults__, item.__kwdefaults__])
        cells = zip(code.co_freevars, item.__closure__ or (), strict=True)
        self._members(name, ((each, source.inside(cell)) for each, cell in cells))
        words, modules = set[str](), set[str]()
        mentions = frozenset(source.mentioned(code, words, modules))
        for each in sorted(words & set(item.__globals__)):
            self.add(each, item.__globals__[each], mentions)
        for module in source.imported(modules, item.__module__):
            self.add(module.__name__, module, mentions)

    def _instructions(self, name: str, code: CodeType) -> None:
        shape = (code.co_argcount, code.co_kwonlyargcount, code.co_flags, code.co_names)
        self._line(code.co_code, code.co_exceptiontable, f"{shape} {code.co_varnames}")
        for const in code.co_consts:
            if isinstance(const, CodeType):
                self._instructions(name, const)
            else:
                self.add(name, const)
