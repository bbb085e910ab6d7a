"""The machine a figure was made on, in words that identify no particular computer."""

import importlib.metadata
import os
import platform
from functools import cache
from pathlib import Path

SHOWN = ("ibias", "torch", "numpy", "scipy", "numba", "xarray")


@cache
def machine() -> dict[str, str]:
    """Operating system, processor, cores, threads and versions; no host name, user or path."""
    threads = os.environ.get("OMP_NUM_THREADS", "not pinned")
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": (
            f"{_processor()}, {os.cpu_count()} logical cores, threads per process: {threads}"
        ),
        "versions": (
            f"Python {platform.python_version()}, "
            + ", ".join(f"{n} {v}" for n, v in versions(SHOWN).items())
        ),
    }


def versions(names) -> dict[str, str]:
    """Installed versions of the packages of `names` that are there."""
    found = {}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown processor"
