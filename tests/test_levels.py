"""The house: every module has a level, and imports never point up. A new module must be entered
here."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "ibias"

# A "room" is a module or a package directly below `ibias`. Files of one room may import each other.
LEVELS = {
    "npz": 0,
    "progress": 0,
    "threads": 0,
    "norms": 0,
    "data": 0,
    "data_files": 0,
    "data_tables": 0,
    "losses": 0,
    "schedules": 0,
    "streams": 0,
    "store": 0,
    "syntax": 0,
    "checks": 0,
    "problem": 1,
    "optim": 1,
    "homogeneous": 1,
    "fluctuating": 1,
    "balls": 1,
    "probe": 1,
    "maxmargin": 2,
    "signals": 2,
    "measures": 2,
    "theory": 2,
    "methods": 3,
    "tables": 3,
    "engine": 4,
    "simulate": 5,
    "sweep": 6,
    "sweep_dask": 6,
    "sweep_found": 6,
    "sweep_journal": 6,
    "sweep_key": 6,
    "sweep_plan": 6,
    "sweep_work": 6,
    "statements": 6,
    "fits": 6,
    "companion": 7,
}
ALONE = {
    "plots",
    "plots_fluctuating",
    "plots_homogeneous",
    "plots_margins",
    "plots_performance",
    "plots_replicas",
    "plots_theory",
}
"""They read labelled data and import nothing of ours but the common style."""
HEAVY = {
    "cvxpy",
    "matplotlib",
    "plotly",
    "dask",
    "distributed",
    "numba",
    "sklearn",
    "pandas",
    "IPython",
    "typer",
}
"""Imported where they are used, so that `import ibias` stays light."""


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def dotted(path: Path) -> str:
    parts = ("ibias", *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {dotted(p): p for p in sorted(PACKAGE.rglob("*.py"))}


def imported(module: str) -> set[str]:
    """Every module of ours that `module` imports, at its top or inside a function."""
    found = set()
    package = module.split(".") if MODULES[module].name == "__init__.py" else module.split(".")[:-1]
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            base = ".".join(filter(None, (base, node.module)))
            found |= {
                f"{base}.{a.name}" if f"{base}.{a.name}" in MODULES else base for a in node.names
            }
    return {f for f in found if f.split(".")[0] == "ibias"}


def allowed(source: str, target: str) -> bool:
    if room(source) == room(target):
        return True
    if room(source) in ALONE:
        return room(target) == "plots"
    # the bare package holds only what its root imports: a way around the levels for all but the top
    # floor
    if not room(target):
        return LEVELS[room(source)] >= 7
    return room(target) in ALONE or LEVELS[room(target)] <= LEVELS[room(source)]


def test_every_module_has_a_level():
    unknown = sorted({room(m) for m in MODULES} - set(LEVELS) - ALONE - {""})
    assert not unknown, f"enter {unknown} in LEVELS of {__file__}"


@pytest.mark.parametrize("module", [m for m in MODULES if room(m)])
def test_imports_do_not_point_up(module):
    up = sorted(t for t in imported(module) if not allowed(module, t))
    assert not up, f"{module} imports {up}, which stand above it"


def test_rooms_do_not_import_each_other_in_a_circle():
    ahead = {}
    for module in MODULES:
        if room(module):
            ahead.setdefault(room(module), set()).update(
                room(t) for t in imported(module) if room(t) not in ("", room(module))
            )
    # the readers of data files build datasets, and `data.load` calls them: two halves of one thing
    ahead["data_files"].discard("data")
    while ahead:
        free = [r for r, targets in ahead.items() if not targets & set(ahead)]
        assert free, f"these import each other: {sorted(ahead)}"
        for r in free:
            del ahead[r]


def test_an_arrow_that_points_up_is_seen():
    assert not allowed("ibias.norms", "ibias.problem")
    assert not allowed("ibias.engine.lanes", "ibias.simulate")
    assert not allowed("ibias.plots", "ibias.norms")
    assert not allowed("ibias.sweep", "ibias")
    assert allowed("ibias.simulate", "ibias.engine")


def test_import_is_light():
    code = f"import sys, ibias; print(sorted({HEAVY!r} & {{m.split('.')[0] for m in sys.modules}}))"
    # torch and xarray try pandas or IPython themselves; what counts is what ibias adds to them
    base = (
        "import sys, torch, xarray, scipy, tqdm; "
        + code.partition("; ")[0].replace(", ibias", "")
        + "; "
        + code.partition("; ")[2]
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", c], capture_output=True, text=True, check=True
        ).stdout.strip()
        for c in (base, code)
    ]
    assert said[0] == said[1], "`import ibias` loads what should be imported where it is used"
