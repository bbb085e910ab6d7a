"""Numbers for a page that has no server: a script that assigns an object, its arrays packed to 16
bits."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np

from ..run import sources

FLOOR = 1e-5  # relative errors below this are drawn on the floor of the chart
MISSING = 65535  # stands for "not a number"
# name -> (value of 0, value of 65534)
SCALES = {"error": (-5.0, 1.0), "cosine": (-1.0, 1.0), "loss": (-320.0, 20.0)}


def pack(values: np.ndarray, low: float, high: float) -> bytes:
    """Little-endian uint16: ``low..high`` to 0..65534, what lies outside at the ends, NaN as
    65535."""
    values = np.asarray(values, dtype=float)
    share = np.rint((np.clip(values, low, high) - low) / (high - low) * (MISSING - 1))
    return np.where(np.isnan(values), MISSING, share).astype("<u2").tobytes()


def unpack(data: bytes, low: float, high: float) -> np.ndarray:
    """What a reader of `pack` gets back, as a flat float array."""
    found = np.frombuffer(data, dtype="<u2")
    return np.where(found == MISSING, np.nan, low + found / (MISSING - 1) * (high - low))


def key(module: str) -> str:
    """SHA-256 over every file of the package that `module` reaches."""
    files = sorted(sources.behind(f"import {module}"))
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()


def fresh(target: Path, module: str) -> bool:
    """Whether `target` was written by the package as it is now."""
    if not target.is_file():
        return False
    with target.open(encoding="utf-8") as file:
        return file.readline().strip() == stamp(module)


def stamp(module: str) -> str:
    """The first line of a file that `module` ("ibias_book.interactive.explorer") writes."""
    return f"/* made by {module} from package files {key(module)} */"


def write(target: Path, name: str, value, module: str) -> None:
    """``Ibias.<name> = <value>`` with a first line that `fresh` reads; replaces the file in one
    step."""
    target.parent.mkdir(parents=True, exist_ok=True)
    text = (
        f"{stamp(module)}\n(globalThis.Ibias = globalThis.Ibias || {{}}).{name} ="
        f" {json.dumps(value, separators=(',', ':'), allow_nan=False)};\n"
    )
    partial = target.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(target)
