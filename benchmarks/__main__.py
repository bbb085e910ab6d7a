"""``python -m benchmarks [parts ...] [--scale S]``: measure, and write ``benchmarks/results.json``.

Parts: cells, peers, margins, margin_scale (an hour; writes its own file), scaling, startup, memory
(all when none is named; a part not measured keeps its earlier result). ``--scale 0.2`` times a
fifth of the steps.  One thread everywhere; set before any library reads it.
"""

import argparse
import json
import os
import platform
from datetime import date
from importlib.metadata import version
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_name] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["JAX_PLATFORMS"] = "cpu"

RESULTS = Path(__file__).with_name("results.json")
PARTS = ("cells", "peers", "margins", "margin_scale", "scaling", "startup", "memory")
PACKAGES = ("torch", "numpy", "scipy", "numba", "llvmlite", "jax", "optax", "scikit-learn", "cvxpy")


def main():
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Measure speed and write benchmarks/results.json."
    )
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=list(PARTS))
    parser.add_argument(
        "--scale", type=float, default=1.0, help="how many of the usual steps to time (default 1)"
    )
    options = parser.parse_args()
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    import torch

    torch.set_num_threads(1)
    for part in options.parts:
        print(f"measuring {part}", flush=True)
        results |= measure(part, options.scale)
        results["machine"] = machine()
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")


def measure(part: str, scale: float) -> dict:
    from . import cells, margins, peers, scaling, startup

    if part == "cells":
        rate = cells.measured_rate()
        rows = {d: cells.measure_cells(d, rate, scale) for d in (25, 200)}
        sweeps = [cells.measure_sweep(d, found, scale=scale) for d, found in rows.items()]
        return {
            "dgemm_gflops": round(rate / 1e9, 1),
            "cells": rows[25] + rows[200],
            "sweep": sweeps,
        }
    if part == "peers":
        return {"peers": peers.measure_peers()}
    if part == "margins":
        return {"margins": margins.measure_margins()}
    if part == "margin_scale":
        from .margin_scale import measure_margin_scale

        measure_margin_scale()  # in a file of its own
        return {}
    if part == "scaling":
        return {"scaling": scaling.measure_scaling()}
    return (
        {"startup": startup.measure_startup()}
        if part == "startup"
        else {"memory": startup.measure_memory()}
    )


def machine() -> dict:
    """Processor, its vector instructions, the date and the versions: what a number here belongs
    to."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    model = next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")),
        platform.processor(),
    )
    flags = next((line for line in lines if line.startswith("flags")), "").split()
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "avx512": "avx512f" in flags,
        "load": round(os.getloadavg()[0], 1),
        "date": date.today().isoformat(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
    }


if __name__ == "__main__":
    main()
