"""Numbers for a page that has no server: a script that assigns an object, its arrays packed to 32
bits."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

import numpy as np

from ..run import sources


def pack(values: np.ndarray) -> str:
    """Little-endian float32 in base64: seven digits, NaN included."""
    return base64.b64encode(np.asarray(values).astype("<f4").tobytes()).decode()


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
