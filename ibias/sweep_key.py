"""What a stored run is the answer to: everything that determines its numbers, and nothing else.

The key holds the method (not its display name), the data's digest, the loss, the seed, the steps,
the recording grid, the arithmetic that was asked for, and a hash of the source files that compute.
It leaves out what only describes: titles, plots, the command line. A backend or device of "auto" is
a key of its own: any of the backends may answer it (they agree to the tolerances of the engine's
tests), so a sweep started on one machine is continued on another; which one answered is in the
run's provenance.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field, replace
from functools import cache
from hashlib import sha256
from pathlib import Path

import numpy as np

from . import syntax
from .data import Dataset
from .losses import Loss
from .methods import SteepestDescent

PACKAGE = Path(__file__).parent
ROOTS = ("simulate", "engine")
# imported by what computes, yet without a say in its numbers: the data's digest is in the key by
# itself
WITHOUT_A_SAY = frozenset({"data", "progress"})


@dataclass(frozen=True)
class Request:
    """The part of the key that all runs of one sweep share."""

    dataset: Dataset
    loss: Loss
    steps: int
    grid: np.ndarray  # (records,) increasing steps
    backend: str
    device: str
    dtype: str
    weights: bool
    directions: dict[str, np.ndarray] = field(default_factory=dict)

    def about(self, method: SteepestDescent, seed: int) -> dict:
        """The key of one run as plain JSON; the store names the file by its hash."""
        return {
            "kind": "run",
            "method": repr(replace(method, name="")),
            "seed": int(seed),
            "dataset": self.dataset.digest,
            "loss": repr(self.loss),
            "steps": int(self.steps),
            "record": sha256(np.asarray(self.grid, dtype="<i8").tobytes()).hexdigest(),
            "arithmetic": {"backend": self.backend, "device": self.device, "dtype": self.dtype},
            "weights": self.weights,
            "directions": [
                sha256(np.ascontiguousarray(m).tobytes()).hexdigest()
                for m in self.directions.values()
            ],
            "source": source_hash(),
        }


@cache
def source_hash() -> str:
    """SHA-256 of the source files that determine a run's numbers, names included."""
    digest = sha256()
    for path in source_files():
        digest.update(
            path.relative_to(PACKAGE).as_posix().encode()
            + b"\0"
            + sha256(path.read_bytes()).digest()
        )
    return digest.hexdigest()


def source_files(package: Path = PACKAGE) -> list[Path]:
    """The files behind a run: `simulate`, the engine's folder, and every file of ours that they
    import, directly or not."""
    found: set[Path] = set()
    waiting = [path for root in ROOTS for path in _files(package, (root,))]
    while waiting:
        path = waiting.pop()
        if path in found or path.relative_to(package).parts[0].removesuffix(".py") in WITHOUT_A_SAY:
            continue
        found.add(path)
        for parts in _imports(path, package):
            waiting += _files(package, parts)
    return sorted(found)


def _files(package: Path, parts: tuple[str, ...]) -> list[Path]:
    """The source of module `parts`: a file, or every file of a folder (backends are imported by
    name, so no import statement shows them)."""
    target = package.joinpath(*parts)
    if target.is_dir():
        return [
            path
            for path in sorted(target.rglob("*"))
            if path.suffix in (".py", ".cu", ".c", ".cpp")
        ]
    return [target.with_suffix(".py")] if target.with_suffix(".py").is_file() else []


def _imports(path: Path, package: Path) -> list[tuple[str, ...]]:
    """The modules of this package that a file imports by ``from .x import y`` or
    ``from ibias.x import y``, as paths below the package."""
    if path.suffix != ".py":
        return []
    here = path.relative_to(package).parent.parts
    modules = []
    for node in ast.walk(syntax.parse(path.read_bytes())):
        if isinstance(node, ast.ImportFrom):
            base = node.module.split(".") if node.module else []
            if node.level:
                parts = (*here[: len(here) - node.level + 1], *base)
            elif base[:1] == [package.name]:
                parts = tuple(base[1:])
            else:
                continue
            modules += [parts] if parts else []
            modules += [(*parts, alias.name) for alias in node.names]
        elif isinstance(node, ast.Import):
            modules += [
                tuple(alias.name.split(".")[1:])
                for alias in node.names
                if alias.name.startswith(package.name + ".")
            ]
    return modules
