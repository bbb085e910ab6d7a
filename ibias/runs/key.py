"""What a stored run is the answer to: everything that determines its numbers, and nothing else.

The key holds the method (not its display name), the data's digest, the loss, the seed, the steps,
the recording grid, the arithmetic that was asked for, and a hash of the source that computes: this
package's, and that of every class or function of the user's own that takes part.  It leaves out
what only describes: titles, plots, the command line.  A backend or device of "auto" is a key of its
own: any of the backends may answer it (they agree to the tolerances of the engine's tests), so a
sweep started on one machine is continued on another; which one answered is in the run's provenance.
"""

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np

from .code import PACKAGE, WITHOUT_A_SAY
from .own_code import as_text, own_source
from .request import Request


def descriptions(request: Request) -> list[dict]:
    """The keys of a request's runs as JSON, by trajectory; their hashes name the store's files.

    Raises ValueError for a method or loss that cannot be told from another one, RuntimeError where
    the package's files are no longer those that were imported.
    """
    directions = (request.directions or {}).values()
    where = {"backend": request.backend, "device": str(request.device), "dtype": request.precision}
    common = {
        "kind": "run",
        "dataset": request.dataset.digest,
        "loss": as_text(request.loss),
        "steps": request.steps,
        "record": record_digest(request.record),
        "arithmetic": where,
        "weights": request.weights,
        "directions": [sha256(np.ascontiguousarray(m).tobytes()).hexdigest() for m in directions],
        "source": source_hash(),
    }
    keys = []
    for method in request.methods:
        text = as_text(replace(method, name=""))
        own = {"method": text, "own": own_source(method, request.loss)}
        keys += [common | own | {"seed": seed} for seed in request.seeds]
    return keys


def record_digest(record: np.ndarray) -> str:
    """SHA-256 of a recording grid."""
    return sha256(np.asarray(record, dtype="<i8").tobytes()).hexdigest()


def source_hash() -> str:
    """SHA-256 of the package's source files that determine a run's numbers.

    Raises RuntimeError when they were edited since they were imported: what would be computed now
    is the work of neither version.
    """
    if package_hash(WITHOUT_A_SAY) != _IMPORTED:
        raise RuntimeError(
            f"{PACKAGE} was edited after it was imported; start Python again: answers stored now"
            " would not be those of the new source"
        )
    return _IMPORTED


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


_IMPORTED = package_hash(WITHOUT_A_SAY)
