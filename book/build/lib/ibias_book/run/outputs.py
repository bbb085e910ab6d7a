"""Outputs of executed notebooks, kept where the book's builder looks for them (the notebook cache
in `_build`)."""

from __future__ import annotations

import contextlib
import copy
import json
from pathlib import Path

import nbformat

from . import sources

KEYS = "ibias-keys.json"


def cache_folder(root: Path) -> Path:
    return root / "_build" / ".jupyter_cache"


@contextlib.contextmanager
def alone(root: Path):
    """One process at a time changes the cache: two runs of different notebooks may end together."""
    cache_folder(root).mkdir(parents=True, exist_ok=True)
    with open(cache_folder(root) / "lock", "w") as handle:
        with contextlib.suppress(ImportError):  # elsewhere than on POSIX: one run at a time, please
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def graft(source, executed):
    """`source` with the outputs of `executed`: the builder looks outputs up by the committed
    notebook, not by papermill's."""
    done = [
        c
        for c in executed.cells
        if c.cell_type == "code" and "injected-parameters" not in c.metadata.get("tags", [])
    ]
    made = copy.deepcopy(source)
    code = [c for c in made.cells if c.cell_type == "code"]
    if [c.source for c in code] != [c.source for c in done]:
        raise ValueError("the executed notebook is not the committed one; run it again")
    for to, cell in zip(code, done, strict=True):
        to.outputs, to.execution_count = cell.outputs, cell.execution_count
    return made


def keep(root: Path, name: str, executed: Path, key: str, seconds: float) -> None:
    """Put the outputs of `executed`, made with sources `key`, into the notebook cache under the
    committed notebook `name`."""
    from jupyter_cache import get_cache
    from jupyter_cache.base import CacheBundleIn

    source = root / "notebooks" / f"{name}.ipynb"
    made = graft(nbformat.read(source, as_version=4), nbformat.read(executed, as_version=4))
    bundle = CacheBundleIn(made, str(source), data={"execution_seconds": seconds})
    with alone(root):
        get_cache(cache_folder(root)).cache_notebook_bundle(
            bundle, check_validity=False, overwrite=True
        )
        _write_keys(root, _keys(root) | {name: key})


def has(root: Path, name: str) -> bool:
    """Whether the cache holds outputs of `name` made with today's sources."""
    source = root / "notebooks" / f"{name}.ipynb"
    return _keys(root).get(name) == sources.key(source) and _record(root, source) is not None


def drop_stale(root: Path, names: list[str]) -> list[str]:
    """Forget outputs made with other sources; the names forgotten. The builder then computes them
    itself."""
    from jupyter_cache import get_cache

    dropped = []
    with alone(root):
        known = _keys(root)
        for name in names:
            source = root / "notebooks" / f"{name}.ipynb"
            now = sources.key(source)
            record = _record(root, source)
            if record is not None and known.get(name) != now:
                get_cache(cache_folder(root)).remove_cache(record.pk)
                dropped.append(name)
            known[name] = now
        _write_keys(root, known)
    return dropped


def version(root: Path, name: str) -> str:
    """Changes whenever the cached outputs of `name` do."""
    record = _record(root, root / "notebooks" / f"{name}.ipynb")
    return "" if record is None else f"{record.pk} {record.created}"


def _record(root: Path, source: Path):
    from jupyter_cache import get_cache

    if not cache_folder(root).is_dir():
        return None
    try:
        return get_cache(cache_folder(root)).match_cache_notebook(
            nbformat.read(source, as_version=4)
        )
    except KeyError:
        return None


def _keys(root: Path) -> dict[str, str]:
    path = cache_folder(root) / KEYS
    return json.loads(path.read_text()) if path.is_file() else {}


def _write_keys(root: Path, keys: dict[str, str]) -> None:
    cache_folder(root).mkdir(parents=True, exist_ok=True)
    (cache_folder(root) / KEYS).write_text(json.dumps(keys, indent=1, sort_keys=True))
