"""Every cell (norm, batch size, variance reduction) and the 600-run sweep, ours beside the naive
loop."""

from functools import partial

import torch

from ibias.engine.planner import plan
from ibias.problem import Problem

from . import naive
from .cases import SEEDS, K, N, cell_lanes, cells, dataset, flops, sweep_lanes
from .engines import steps_of
from .timing import interleaved

NAIVE_STEPS, LANE_STEPS = (
    {1: 200, 10: 200, 50: 160, 100: 120, N: 60},
    {1: 60, 10: 60, 50: 40, 100: 30, N: 10},
)
KERNEL_STEPS = {1: 3000, 10: 1500, 50: 500, 100: 250, N: 60}


def measure_cells(d: int, rate: float, scale: float = 1.0) -> list[dict]:
    """A row per cell: microseconds per step and run of the naive loop, the torch lanes and the
    kernel, and the flop limit at ``rate``.

    ``scale`` multiplies the steps timed; ``rate`` is the measured speed of a large matrix product,
    in flop/s.
    """
    problem, rows = Problem(dataset(d)), []
    for cell in cells(d):
        (group,) = plan(cell_lanes(cell), N, d, K, dedupe=False)
        runs = len(group.runs)
        contenders = {
            "naive": (partial(naive.train, problem.x, problem.y, K, cell), NAIVE_STEPS[cell.b], 1),
            "lanes": (steps_of("lanes", problem, group), LANE_STEPS[cell.b], runs),
            "kernel": (
                steps_of("kernel", problem, group),
                KERNEL_STEPS[cell.b] // (1 + 2 * (d > 100)),
                runs,
            ),
        }
        contenders = {
            name: (work, max(4, int(steps * scale)), runs)
            for name, (work, steps, runs) in contenders.items()
        }
        found = interleaved(contenders)
        limit = 1e6 * flops(cell) / rate
        rows.append(
            {
                "d": d,
                "norm": cell.norm.text,
                "b": cell.b,
                "variance_reduction": cell.reduced,
                "runs": runs,
                **{name: round(value["us"], 3) for name, value in found.items()},
                "limit": round(limit, 3),
                "spread": round(max(value["spread"] for value in found.values()), 2),
                "speedup": round(found["naive"]["us"] / found["kernel"]["us"], 1),
                "over_limit": round(found["kernel"]["us"] / limit, 2),
            }
        )
    return rows


def measure_sweep(d: int, rows: list[dict], steps: int = 100_000, scale: float = 1.0) -> dict:
    """CPU seconds of the 600-run sweep, from the measured cost of a step of each kind of group.

    The naive loop pays its cell for every one of the 600 runs.  Ours: every distinct group of seed
    0 is timed (five seeds cost the same), once as planned and once with a run per lane.
    """
    problem, lanes = Problem(dataset(d)), sweep_lanes(d)
    naive_us = sum(row["naive"] for row in rows if row["d"] == d) * 4 * SEEDS
    out = {"d": d, "runs": len(lanes), "steps": steps, "naive": naive_us * steps / 1e6}
    for name, dedupe in (("planned", True), ("every_run", False)):
        groups = plan(lanes, problem.dataset.n, problem.dataset.d, K, dedupe=dedupe)
        out[f"{name}_runs"] = sum(len(group.runs) for group in groups)
        contenders, counts = {}, {}
        for group in groups:
            kind = (group.batch_size, len(group.runs), sum(run.reduced for run in group.runs))
            counts[kind] = counts.get(kind, 0) + 1
            if counts[kind] == 1:
                long = max(4, int(scale * KERNEL_STEPS[group.batch_size] // (1 + 2 * (d > 100))))
                contenders[f"kernel {kind}"] = (steps_of("kernel", problem, group), long, 1)
                contenders[f"lanes {kind}"] = (
                    steps_of("lanes", problem, group),
                    max(4, int(scale * LANE_STEPS[group.batch_size])),
                    1,
                )
        found = interleaved(contenders)
        for backend in ("kernel", "lanes"):
            us = sum(found[f"{backend} {kind}"]["us"] * count for kind, count in counts.items())
            out[f"{backend}_{name}"] = us * steps / 1e6
            out[f"speedup_{backend}_{name}"] = out["naive"] / out[f"{backend}_{name}"]
    return {
        key: round(value, 1) if isinstance(value, float) else value for key, value in out.items()
    }


def measured_rate() -> float:
    """Speed of a large float64 matrix product on one thread, in flop/s."""
    a = torch.ones(768, 768, dtype=torch.float64)
    out = torch.empty_like(a)
    found = interleaved(
        {"dgemm": (lambda steps: [torch.mm(a, a, out=out) for _ in range(steps)], 12, 1)}, rounds=5
    )
    return 2 * 768**3 / (found["dgemm"]["us"] * 1e-6)
