"""A stored run computed once more from what its entry says, and compared with it.

Checksums find a file that was damaged; only this finds one that was written with other numbers.
"""

import ast
from collections.abc import Mapping
from math import inf

import numpy as np
import torch

from ..data import Dataset
from ..engine import BACKENDS
from ..losses import LOSSES
from ..methods import SteepestDescent
from ..norms import Entrywise, Schatten
from ..schedules import Power
from ..signals import FullBatch, Minibatch, Momentum, VarianceReduced
from .compute import compute
from .key import record_digest, source_hash
from .request import Request, logspaced
from .store import Entry

TOLERANCE = 1e-6
"""Relative. Two machines round in another order, 1e-16 at a time, for up to a million steps; a
number that somebody changed on purpose is changed by more."""
PARTS = Entrywise, Schatten, Power, FullBatch, Minibatch, Momentum, VarianceReduced, SteepestDescent
_BY_NAME: dict[str, type] = {kind.__name__: kind for kind in PARTS}


def difference(entry: Entry, datasets: Mapping[str, Dataset]) -> str:
    """What the entry says otherwise than a run made now, as words; "" where they agree.

    ``datasets``: digest -> data set.  Raises LookupError where it cannot be made again.
    """
    try:
        request = asked(entry, datasets)
    except (KeyError, ValueError, TypeError, SyntaxError, RecursionError, AttributeError) as error:
        raise LookupError(f"its description is not one of ibias's ({error})") from error
    values, _ = compute(request, [0])
    for name, stored in sorted(entry.arrays.items()):
        if name in values and (said := _apart(name, stored, values[name][0], request.record)):
            return said
    return ""


def asked(entry: Entry, datasets: Mapping[str, Dataset]) -> Request:
    """The request that the entry answers; its backend is the one that answered, where it is here.

    Raises LookupError with the reason where the entry does not tell.
    """
    about = entry.about
    if about.get("kind") != "run":
        raise LookupError("it is no finished run")
    if about["source"] != source_hash():
        raise LookupError("it was made by another version of ibias")
    if about["own"]:
        raise LookupError("it was made with classes of your own")
    if about["dataset"] not in datasets:
        raise LookupError("its data are not here (--data FILE)")
    backend = str(entry.provenance.get("backend", ""))
    records = len(next(iter(entry.arrays.values())))
    return Request(
        datasets[about["dataset"]],
        _built(ast.parse(about["method"], mode="eval").body),
        seeds=[about["seed"]],
        steps=about["steps"],
        record=_record(about["steps"], records, about["record"]),
        loss={repr(loss): loss for loss in LOSSES.values()}[about["loss"]],
        backend=backend if backend in BACKENDS else about["arithmetic"]["backend"],
        device="cpu",
        dtype=getattr(torch, about["arithmetic"]["dtype"]),
        weights=about["weights"],
    )


def _built(node: ast.expr):
    """The value whose repr this is, of the package's own classes and plain constants."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.args:
        kind = _BY_NAME.get(node.func.id)
        if kind is not None:
            return kind(**{str(word.arg): _built(word.value) for word in node.keywords})
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name) and node.id == "inf":
        return inf
    raise ValueError(ast.unparse(node)[:200])


def _record(steps: int, count: int, digest: str) -> np.ndarray:
    """The recording grid with this digest: evenly spaced, in the logarithm or not."""
    step = max(1, steps // max(1, count - 1))
    grids = [np.arange(0, steps + 1, step), np.array([0, steps]), np.array([steps])]
    spaced = (logspaced(points)(steps) for points in range(1, 5 * count + 300))
    for grid in (*grids, *spaced):
        if record_digest(grid) == digest:
            return grid
    raise LookupError("the steps at which it was measured are not known")


def _apart(name: str, stored: np.ndarray, now: np.ndarray, record: np.ndarray) -> str:
    if stored.shape != now.shape:
        return f"{name}: stored in shape {stored.shape}, now {now.shape}"
    old, new = (np.asarray(each, dtype=np.float64) for each in (stored, now))
    largest = np.nanmax(np.abs(new), initial=0.0, where=np.isfinite(new))
    least = 1e-9 * TOLERANCE * largest
    bad = ~np.isclose(old, new, rtol=TOLERANCE, atol=least, equal_nan=True)
    if not bad.any():
        return ""
    place = np.unravel_index(np.argmax(bad), bad.shape)
    return f"{name} at step {record[place[0]]}: stored {old[place]:.9g}, now {new[place]:.9g}"
