"""The machine a figure was made on, in words that identify no particular computer."""

import os
import platform
import re
from functools import cache
from pathlib import Path

from ibias.cli.doctor import SHOWN, versions


@cache
def machine() -> dict[str, str]:
    """Operating system, processor, cores, threads and versions; no host name, user or path."""
    cores, threads = os.cpu_count(), os.environ.get("OMP_NUM_THREADS", "not pinned")
    installed = {"Python": platform.python_version()} | versions(SHOWN)
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": f"{_processor()}, {cores} logical cores, threads per process: {threads}",
        "versions": ", ".join(f"{name} {version}" for name, version in installed.items()),
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    text = info.read_text(errors="replace") if info.is_file() else ""
    model = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return model[1] if model else platform.processor() or "unknown processor"
