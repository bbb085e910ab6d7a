"""What a user waits for: the first call after installation, which compiles, a later one, and the
memory of the 600-run sweep."""

import os
import subprocess
import sys
import tempfile

CALL = """
import time, resource
import ibias as ib, torch
torch.set_num_threads(1)
data = ib.data.mixture(classes=10, per_class=50, dim={d})
norms = [ib.MAX, ib.FROBENIUS, ib.SPECTRAL]
methods = ib.grid(norms=norms, batch_sizes={batches}, momenta={momenta}, variance_reduction=[False, True], schedule=ib.Power(0.1))
wall, cpu = time.perf_counter(), time.process_time()
ib.simulate(data, methods, seeds=range({seeds}), steps={steps}, record=ib.logspaced({records}), backend="kernel", progress=False)
print(time.perf_counter() - wall, time.process_time() - cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def measure_startup() -> dict:
    """CPU and wall seconds of a first and of a second process that run ten steps, with an empty
    cache before the first."""
    small = CALL.format(d=25, batches=[10], momenta=[0.0], seeds=1, steps=10, records=2)
    with tempfile.TemporaryDirectory() as cache:
        first, second = _call(small, cache), _call(small, cache)
    return {
        "first_wall": first[0],
        "first_cpu": first[1],
        "later_wall": second[0],
        "later_cpu": second[1],
    }


def measure_memory(steps: int = 200, records: int = 20) -> dict:
    """Peak resident memory of a process that runs the 600-run sweep at d = 200, Python and torch
    included, in MiB."""
    big = CALL.format(
        d=200,
        batches=[1, 10, 50, 100, 500],
        momenta=[0.0, 0.5, 0.9, 0.99],
        seeds=5,
        steps=steps,
        records=records,
    )
    return {"d": 200, "runs": 600, "steps": steps, "records": records, "peak_mib": _call(big)[2]}


def _call(code, cache=None):
    environment = os.environ | ({"NUMBA_CACHE_DIR": cache} if cache else {})
    out = subprocess.run(
        [sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True
    ).stdout
    return [round(float(word), 2) for word in out.split()]
