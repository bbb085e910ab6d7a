"""What a notebook's outputs depend on: its code, the package files it reaches, its data and the
versions it ran with."""

from __future__ import annotations

import ast
import hashlib
import json
import platform
from functools import cache
from pathlib import Path

from .. import syntax
from .machine import versions

PACKAGE = Path(__file__).resolve().parents[1]
COUNTED = (
    "torch",
    "numpy",
    "scipy",
    "numba",
    "xarray",
    "matplotlib",
    "scikit-learn",
    "pandas",
    "cvxpy",
    "clarabel",
    "highspy",
    "plotly",
)
WITHOUT_EFFECT = tuple(
    f"companion/{n}.py"
    for n in ("notebooks", "parameters", "execute", "outputs", "pace", "render", "ledger", "cli")
)
"""Files reached by imports that cannot change what a notebook computes or shows in its outputs."""


def key(notebook: Path) -> str:
    """SHA-256 over everything that can change the outputs of `notebook` (an .ipynb file)."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    code = ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]
    h = hashlib.sha256("\0".join(code).encode())
    for path in sorted(behind("\n".join(code))) + data_files(code, notebook.parent):
        h.update(path.name.encode() + b"\0" + path.read_bytes())
    h.update(json.dumps([platform.python_version_tuple()[:2], versions(COUNTED)]).encode())
    return h.hexdigest()


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
    """Every file of the package that `code` reaches through imports, and through names that `ibias`
    imports lazily."""
    found: set[Path] = set()
    ahead = _reached(code, "")
    while ahead:
        name = ahead.pop()
        path = _modules()[name]
        if path in found or path.relative_to(PACKAGE).as_posix() in WITHOUT_EFFECT:
            continue
        found.add(path)
        ahead |= _reached(path.read_text(encoding="utf-8"), name)
    return found


def parse(code: str) -> ast.Module:
    """The syntax tree of notebook code; lines of IPython magic are left out."""
    return syntax.parse(
        "\n".join(
            "" if line.lstrip().startswith(("%", "!")) else line for line in code.splitlines()
        )
    )


@cache
def _modules() -> dict[str, Path]:
    """Dotted name -> file, for every module of the package."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = ("ibias", *path.relative_to(PACKAGE).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def _lazy() -> dict[str, str]:
    """Public name -> module, from the table of lazy names in the package's root."""
    for node in ast.walk(syntax.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "_LAZY":
            return {k: f"ibias.{v}" for k, v in ast.literal_eval(node.value).items()}
    return {}


def _reached(code: str, module: str) -> set[str]:
    """Modules of the package that this source imports; `module` is its own dotted name, empty for a
    notebook."""
    tree = parse(code)
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, module)
            names |= {base, *(f"{base}.{a.name}" for a in node.names)}
    if not module or module.startswith("ibias.companion"):
        # `ib.sweep`: an attribute of the package that its root imports when first used
        used = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)} | {
            n.rpartition(".")[2] for n in names
        }
        names |= (
            {_lazy().get(u, f"ibias.{u}") for u in used}
            if any(n.partition(".")[0] == "ibias" for n in names)
            else set()
        )
    if module.startswith("ibias.") and "import_module(" in code:
        # chooses among its neighbours when it runs: all of them count
        package = module if _modules()[module].name == "__init__.py" else module.rpartition(".")[0]
        names |= {n for n in _modules() if n.startswith(f"{package}.")}
    # importing a.b.c runs a and a.b as well
    names |= {".".join(n.split(".")[:i]) for n in names for i in range(1, n.count(".") + 1)}
    return names & set(_modules())


def _base(node: ast.ImportFrom, module: str) -> str:
    if not node.level:
        return node.module or ""
    package = module if _modules()[module].name == "__init__.py" else module.rpartition(".")[0]
    for _ in range(node.level - 1):
        package = package.rpartition(".")[0]
    return f"{package}.{node.module}" if node.module else package
