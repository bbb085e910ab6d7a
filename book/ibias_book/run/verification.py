"""Figures computed once more and compared with the book's: a notebook is run again from nothing,
once for all its figures."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from ..figure_data import Comparison, compare, read
from ..provenance import FOLDER, known
from ..repository.machine import machine
from . import notebooks, pace

SAVED = "benchmarks/verified.json"
"""Committed: how far each figure was from the book's when it was last computed by other means."""


@dataclass(frozen=True)
class Verified:
    """What came of one figure; `seconds` are those of its whole notebook."""

    id: str
    notebook: str
    comparison: Comparison
    seconds: float

    def line(self) -> str:
        """The outcome as a sentence."""
        found = self.comparison
        if found.failure:
            return f"DIFFERS: {found.failure}"
        name, apart = found.largest
        said = (
            f"largest difference {apart:.1e} ({name}), tolerance {found.allowed(name):.1e}"
            if apart
            else "no difference beyond rounding"
        )
        return f"{'agrees' if found.agrees else 'DIFFERS'}: {said}"


def verify(
    ids: list[str] | None = None,
    *,
    root: Path | None = None,
    environment: dict[str, str] | None = None,
    say: Callable[[str], None] | None = None,
    progress: bool = False,
) -> Iterator[Verified]:
    """Run the notebooks of the figures `ids` (all when none) again, without stored results, and
    compare the data with the book's.

    environment: extra environment variables of the runs, such as {"OMP_NUM_THREADS": "2"}. The
    quickest notebook comes first; `say` hears of each before it starts. A notebook that fails
    counts against its figures. Raises LookupError when the book holds no such figure.
    """
    root = notebooks.find_root(root)
    records = known(root / "_build" / "figures")
    wanted = list(dict.fromkeys(ids or records))
    unknown = [id for id in wanted if id not in records]
    if unknown or not wanted:
        raise LookupError(
            f"no figure {', '.join(map(repr, unknown))} in {root / '_build' / 'figures'}; "
            f"there are: {', '.join(records) or 'none, run `make book` first'}"
        )
    shared: dict[str, list[str]] = {}
    for id in wanted:
        shared.setdefault(notebooks.notebook_of_figure(root, id), []).append(id)
    for place, name in enumerate(sorted(shared, key=lambda n: pace.last_seconds(root, n)), 1):
        if say:
            say(
                f"notebook {place} of {len(shared)}: {name}, {len(shared[name])} figures,"
                f" {pace.last_seconds(root, name):.0f} s in the book"
            )
        yield from _again(root, name, shared[name], records, environment or {}, progress)


def _again(
    root: Path,
    name: str,
    ids: list[str],
    records: dict[str, dict],
    environment: dict[str, str],
    progress: bool,
) -> Iterator[Verified]:
    seconds, failure = 0.0, ""
    with TemporaryDirectory() as scratch:
        extra = {FOLDER: scratch, notebooks.STORE: str(Path(scratch, "store"))} | environment
        try:
            seconds = notebooks.execute(
                root, name, Path(scratch, f"{name}.ipynb"), environment=extra, progress=progress
            )
        except RuntimeError as err:
            failure = str(err)
        for id in ids:
            yield Verified(
                id,
                name,
                (
                    Comparison(failure=failure)
                    if failure
                    else _compared(Path(scratch), root, records[id])
                ),
                seconds,
            )


def _compared(again: Path, root: Path, record: dict) -> Comparison:
    try:
        new = read(again, record["id"])
    except LookupError as err:
        return Comparison(failure=str(err))
    return compare(
        new,
        read(root / "_build" / "figures", record["id"]),
        record["tolerance"],
        record.get("rounding") or {},
    )


def save(root: Path, found: list[Verified], means: str) -> Path:
    """Add the outcomes to the committed file, under the figures' ids; `means` says in words how
    they were computed."""
    path = root / SAVED
    before = json.loads(path.read_text(encoding="utf-8"))["figures"] if path.is_file() else {}
    here = machine() | {
        "processor": machine()["processor"].partition(", threads")[0],
        "date": date.today().isoformat(),
    }
    made = {one.id: row(one) | {"means": means} for one in found}
    path.write_text(
        json.dumps({"machine": here, "figures": dict(sorted((before | made).items()))}, indent=1)
        + "\n",
        encoding="utf-8",
    )
    return path


def means(backend: str, threads: int, plain: bool) -> str:
    """The other means in words."""
    said = [
        *([f"{backend} backend"] if backend else []),
        *(["plain processor"] if plain else []),
        *([f"{threads} threads"] if threads > 1 else []),
    ]
    return ", ".join(said) or "the same means"


def row(one: Verified) -> dict:
    """The outcome for a file or a program."""
    found = one.comparison
    name, apart = found.largest
    return {
        "agrees": found.agrees,
        "largest": float(f"{apart:.1e}"),
        "variable": name,
        "tolerance": found.allowed(name),
        "notebook": one.notebook,
        "seconds": round(one.seconds),
        "failure": found.failure,
    }


PLAIN = {
    "NUMBA_CPU_NAME": "generic",
    "NUMBA_CPU_FEATURES": "",
    "ATEN_CPU_CAPABILITY": "default",
    "OPENBLAS_CORETYPE": "Nehalem",
    "MKL_CBWR": "COMPATIBLE",
    "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR",
}
"""Makes the compiled engine, torch and the linear algebra leave out what newer processors can:
other instructions, sums in another order."""


def elsewhere(backend: str, threads: int, plain: bool = False) -> dict[str, str]:
    """The environment in which this machine stands in for another one: another backend, more
    threads, a processor without vector units."""
    from ibias.engine import BACKENDS, PREFERRED

    if backend and backend not in BACKENDS:
        raise ValueError(f"--backend {backend!r} is none of {', '.join(BACKENDS)}")
    libraries = dict.fromkeys(
        ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads)
    )
    # threads that wait asleep: where others compute too, waiting in a loop costs a factor of ten
    return (
        libraries
        | {"OMP_WAIT_POLICY": "PASSIVE"}
        | ({PREFERRED: backend} if backend else {})
        | (PLAIN if plain else {})
    )
