"""`ibias doctor`: what this installation has and what it lacks."""

import importlib.metadata
import importlib.util
import os
import platform
import shutil
from pathlib import Path

from ..runs.store import default_folder
from .inputs import JsonOption, answer

EPILOGUE = "Example: `ibias doctor --json`"
SHOWN = ("ibias", "torch", "numpy", "scipy", "numba", "xarray")
# package -> (what lacks without it, extra that brings it)
WANTED = {
    "numba": ("the compiled engine (others are slower)", "fast"),
    "cvxpy": ("the cross-check of margins", "margin"),
    "sklearn": ("the digits", "data"),
    "pyarrow": ("Parquet files", "data"),
    "distributed": ("sweeps on a cluster", "sweep"),
    "h5netcdf": ("writing results as netCDF", "cli"),
    "matplotlib": ("figures", "cli"),
}


def doctor(json: JsonOption = False) -> None:
    """Versions, devices, threads, the store, and what is missing for which command."""
    found = report()
    rows = [
        ("system", found["system"]),
        ("python", found["python"]),
        ("versions", ", ".join(f"{n} {v}" for n, v in found["versions"].items())),
        ("devices", ", ".join(found["devices"])),
        ("cores", str(found["cores"])),
        ("threads", found["threads"]["advice"]),
        ("store", f"{found['store']['folder'] or 'none'} ({found['store']['state']})"),
    ]
    lacking = [
        f"{item['package']}: without it no {item['without']}; pip install 'ibias[{item['extra']}]'"
        for item in found["missing"]
    ]
    rows += [("missing", text) for text in lacking or ["nothing"]]
    answer(found, json, "ibias doctor", rows)


def report() -> dict:
    """The doctor's findings as plain values."""
    import torch

    devices = ["cpu"] + [
        f"cuda:{i} ({torch.cuda.get_device_name(i)})" for i in range(torch.cuda.device_count())
    ]
    missing = [
        {"package": name, "without": what, "extra": extra}
        for name, (what, extra) in WANTED.items()
        if importlib.util.find_spec(name) is None
    ]
    pinned = os.environ.get("OMP_NUM_THREADS")
    unset = "OMP_NUM_THREADS is not set; with 1, small products are far faster"
    advice = f"OMP_NUM_THREADS={pinned}" if pinned else unset
    affinity = getattr(os, "sched_getaffinity", None)
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": versions((*SHOWN, "cvxpy", "dask", "distributed")),
        "devices": devices,
        "cores": len(affinity(0)) if affinity else os.cpu_count(),
        "threads": {"omp": pinned, "torch": torch.get_num_threads(), "advice": advice},
        "store": _store(default_folder()),
        "missing": missing,
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


def _store(folder: Path | None) -> dict:
    if folder is None:
        unless = "unless --store or IBIAS_STORE says where"
        return {"folder": None, "state": f"nothing is remembered outside the repository {unless}"}
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    access = "writable" if os.access(there, os.W_OK) else "not writable"
    free = f"{shutil.disk_usage(there).free / 2**30:.0f} GiB free"
    return {"folder": str(folder), "state": f"{access}, {free}"}
