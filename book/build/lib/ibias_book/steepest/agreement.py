"""How far the engines, devices and precisions are from each other on the same runs."""

import numpy as np
import torch

from ibias.engine import backend_named, refusal
from ibias.methods import Trajectory
from ibias.problem import Problem

# name, backend, device, dtype; the first is what the others are compared with
_VARIANTS = (
    ("CPU float64 (kernel)", "kernel", "cpu", torch.float64),
    ("CPU float64 (lanes)", "lanes", "cpu", torch.float64),
    ("CPU float64 (persistent)", "persistent", "cpu", torch.float64),
    ("CPU float32 (lanes)", "lanes", "cpu", torch.float32),
    ("CPU float32 (persistent)", "persistent", "cpu", torch.float32),
    ("GPU float64", "gpu", "cuda", torch.float64),
    ("GPU float64 (persistent)", "persistent", "cuda", torch.float64),
    ("GPU float32", "gpu", "cuda", torch.float32),
    ("GPU float32 (persistent)", "persistent", "cuda", torch.float32),
)


def agreement(dataset, methods, *, seeds=(0,), steps=1000, loss=None) -> list[dict]:
    """Distances ``||W - V||_F / ||V||_F`` after ``steps`` updates between each variant and the
    first: one row per variant.

    A row has ``variant``, ``median`` and ``largest`` over all runs, or ``skipped`` with the reason
    (no CUDA device, no compiler).
    """
    options = {} if loss is None else {"loss": loss}
    lanes = [Trajectory(method, seed) for method in methods for seed in seeds]
    rows, reference = [], None
    for name, backend, device, dtype in _VARIANTS:
        if device == "cuda" and not torch.cuda.is_available():
            rows.append({"variant": name, "skipped": "torch sees no CUDA device here"})
            continue
        problem = Problem(dataset, device=device, dtype=dtype, **options)
        if reason := next(filter(None, (refusal(backend, problem, lane) for lane in lanes)), ""):
            rows.append({"variant": name, "skipped": reason})
            continue
        w = _final(problem, backend, lanes, steps)
        reference = w if reference is None else reference
        distance = (w - reference).flatten(1).norm(dim=1) / reference.flatten(1).norm(dim=1)
        rows.append(
            {"variant": name, "median": float(distance.median()), "largest": float(distance.max())}
        )
    return rows


def _final(problem, backend, lanes, steps):
    w = torch.empty(len(lanes), problem.dataset.k, problem.dataset.d, dtype=torch.float64)

    def observe(index, indices, found):
        w[indices] = found.cpu().double()

    backend_named(backend, problem, lanes)[1](problem, lanes, steps, np.array([steps]), observe)
    return w
