"""What a notebook's outputs depend on: its code, the library, the files of the book it reaches, its
data and the versions it ran with."""

from __future__ import annotations

import ast
import hashlib
import json
import platform
from functools import cache
from pathlib import Path

from ibias.cli.doctor import versions
from ibias.runs.key import package_hash

from ..repository import archives
from . import syntax

PACKAGE = Path(__file__).resolve().parents[1]
COUNTED = (
    *("torch", "numpy", "scipy", "numba", "xarray", "matplotlib", "scikit-learn", "pandas"),
    *("cvxpy", "clarabel", "highspy"),
)
WITHOUT_EFFECT = ("ibias_book.run.", "ibias_book.sphinx.", "ibias_book.commands")
"""Modules that cannot change what a notebook computes or shows in its outputs."""


def key(notebook: Path) -> str:
    """SHA-256 over everything that can change the outputs of `notebook` (an .ipynb file)."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    code = ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]
    h = hashlib.sha256("\0".join([package_hash(), *code]).encode())
    reached = behind("\n".join(code))
    for path in sorted(reached | shipped(reached)) + data_files(code, notebook.parent):
        h.update(path.name.encode() + b"\0" + path.read_bytes())
    if PACKAGE / "repository" / "archives" / "__init__.py" in reached:
        h.update(json.dumps(archives.state()).encode())
    h.update(json.dumps([platform.python_version_tuple()[:2], versions(COUNTED)]).encode())
    return h.hexdigest()


def shipped(modules: set[Path]) -> set[Path]:
    """The data files that lie beside these modules, in their package's folder `data`."""
    folders = {path.parent / "data" for path in modules}
    return {path for folder in folders for path in folder.glob("*") if path.is_file()}


def data_files(code: list[str], folder: Path) -> list[Path]:
    """Files that the code names in a string, relative to the notebook's folder."""
    texts = {
        n.value
        for n in ast.walk(parse("\n".join(code)))
        if isinstance(n, ast.Constant) and isinstance(n.value, str)
    }
    named = (folder / t for t in sorted(texts) if 0 < len(t) < 200 and "." in t and "\n" not in t)
    return [p for p in named if p.is_file()]


def behind(code: str) -> set[Path]:
    """Every file of the book's package that `code` reaches through imports."""
    graph = _graph()
    reached: set[str] = set()
    for name in _imported(code) & graph.modules:
        reached |= {name} | graph.find_upstream_modules(name)
    # importing a.b.c runs a and a.b as well
    reached |= {".".join(n.split(".")[:i]) for n in reached for i in range(1, n.count(".") + 1)}
    return {_file(n) for n in reached if not n.startswith(WITHOUT_EFFECT)}


def parse(code: str) -> ast.Module:
    """The syntax tree of notebook code; lines of IPython magic are left out."""
    kept = ("" if s.lstrip().startswith(("%", "!")) else s for s in code.splitlines())
    return syntax.parse("\n".join(kept))


@cache
def _graph():
    import grimp

    return grimp.build_graph("ibias_book", cache_dir=None)


def _file(module: str) -> Path:
    path = PACKAGE.parent.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _imported(code: str) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(parse(code)):
        if isinstance(node, ast.Import):
            names |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{a.name}" for a in node.names)}
    return names
