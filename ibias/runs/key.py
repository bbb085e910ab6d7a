"""What a stored run is the answer to: everything that determines its numbers, and nothing else.

The key holds the method (not its display name), the data's digest, the loss, the seed, the steps,
the recording grid, the arithmetic that was asked for, and a hash of the source that computes: this
package's, and that of every class or function of the user's own that takes part.  It leaves out
what only describes: titles, plots, the command line.  A backend or device of "auto" is a key of its
own: any of the backends may answer it (they agree to the tolerances of the engine's tests), so a
sweep started on one machine is continued on another; which one answered is in the run's provenance.
"""

from __future__ import annotations

import inspect
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass, replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from ..methods import Trajectory
from .request import Request

PACKAGE = Path(__file__).parents[1]
# not below what computes (`make lint` holds that), so without a say in a run's numbers; the data's
# digest is in the key by itself
WITHOUT_A_SAY = ("cli", "data", "estimator.py", "maxmargin", "optim", "probe", "progress.py")


def about(request: Request, trajectory: Trajectory) -> dict:
    """The key of one run as plain JSON; the store names the file by its hash."""
    directions = (request.directions or {}).values()
    return {
        "kind": "run",
        "method": _text(replace(trajectory.method, name="")),
        "seed": trajectory.seed,
        "dataset": request.dataset.digest,
        "loss": _text(request.loss),
        "steps": request.steps,
        "record": sha256(np.asarray(request.record, dtype="<i8").tobytes()).hexdigest(),
        "arithmetic": {
            "backend": request.backend,
            "device": str(request.device),
            "dtype": request.precision,
        },
        "weights": request.weights,
        "directions": [sha256(np.ascontiguousarray(m).tobytes()).hexdigest() for m in directions],
        "source": source_hash(),
        "own": own_source(trajectory.method, request.loss),
    }


@cache
def source_hash() -> str:
    """SHA-256 of the package's source files that determine a run's numbers."""
    return package_hash(WITHOUT_A_SAY)


@cache
def package_hash(without: tuple[str, ...] = ()) -> str:
    """SHA-256 of the package's source files, names included, but for the rooms ``without``."""
    digest = sha256()
    for path in source_files(without):
        name = path.relative_to(PACKAGE).as_posix()
        digest.update(name.encode() + b"\0" + sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def source_files(without: tuple[str, ...] = WITHOUT_A_SAY, package: Path = PACKAGE) -> list[Path]:
    """The source files of the package, but for the rooms (first part of the path) ``without``."""
    files = (p for p in package.rglob("*") if p.suffix in (".py", ".cu", ".cpp"))
    return sorted(p for p in files if p.relative_to(package).parts[0] not in without)


def own_source(*values: Any) -> str:
    """SHA-256 of the source of the classes and functions from outside the package that ``values``
    are made of, and of what these call outside installed packages; "" where there are none.

    Raises ValueError for one whose source cannot be read: its answers could not be told from those
    of another version of it.
    """
    sources: dict[str, str] = {}
    for value in values:
        for item in _makers(value):
            _read(item, sources)
    joined = "\0".join(f"{name}\0{text}" for name, text in sorted(sources.items()))
    return sha256(joined.encode()).hexdigest() if sources else ""


def _text(value: Any) -> str:
    """The repr of a frozen value; refused where it names an address in memory, at which another
    object, with other answers, may stand tomorrow."""
    text = repr(value)
    if " at 0x" in text:
        raise ValueError(
            f"a store cannot tell {text} from another by its repr; make the function a frozen"
            " dataclass, or pass store=None"
        )
    return text


def _makers(value: Any) -> Iterator[type | FunctionType]:
    """The classes and functions behind a value and behind its dataclass fields."""
    if isinstance(value, type | FunctionType):
        yield value
        return
    yield type(value)
    for field in fields(value) if is_dataclass(value) else ():
        yield from _makers(getattr(value, field.name))


def _read(item: type | FunctionType, sources: dict[str, str]) -> None:
    name = f"{item.__module__}.{item.__qualname__}"
    if name in sources or not _is_own(item):
        return
    try:
        sources[name] = inspect.getsource(item)
    except (OSError, TypeError):
        raise ValueError(
            f"a store needs the source of {name} to tell its answers from those of another version,"
            " and cannot read it; put it into a file, or pass store=None"
        ) from None
    scope = vars(sys.modules[item.__module__])
    for used in _names(item):
        if used in scope:
            _use(f"{item.__module__}.{used}", scope[used], sources)
    for base in item.__mro__[1:] if isinstance(item, type) else ():
        _read(base, sources)


def _use(name: str, value: Any, sources: dict[str, str]) -> None:
    """A global that own code names: its source, or its value where it is a constant."""
    if isinstance(value, type | FunctionType):
        _read(value, sources)
    elif isinstance(value, ModuleType):
        if _is_own(value):
            sources[value.__name__] = inspect.getsource(value)
    else:
        sources[name] = _text(value)


def _is_own(item: Any) -> bool:
    """Whether it comes neither from this package nor from the standard library or an installed
    package."""
    try:
        path = Path(inspect.getfile(item)).resolve()
    except (TypeError, OSError):  # built in, or typed at a prompt
        module = item.__name__ if isinstance(item, ModuleType) else item.__module__
        return module.partition(".")[0] not in sys.stdlib_module_names
    installed = (sysconfig.get_paths()[kind] for kind in ("stdlib", "purelib", "platlib"))
    roots = [PACKAGE, *(Path(folder).resolve() for folder in installed)]
    return not any(path.is_relative_to(root) for root in roots)


def _names(item: type | FunctionType) -> set[str]:
    """The global names that a function, or the functions of a class, mention."""
    members: Iterable[Any] = vars(item).values() if isinstance(item, type) else [item]
    names: set[str] = set()
    for member in members:
        function = getattr(member, "fget", None) or getattr(member, "__func__", None) or member
        codes = [function.__code__] if isinstance(function, FunctionType) else []
        while codes:
            code = codes.pop()
            names |= set(code.co_names)
            codes += [const for const in code.co_consts if isinstance(const, CodeType)]
    return names
