"""Engines: the same trajectories by different means.

Every backend is a function ``run(problem, trajectories, steps, grid, observe, progress=None,
state=None, checkpoint=None)``:

- ``trajectories``: list of ``Trajectory(method, seed)``; ``steps``: updates; ``grid``: the steps to
  record, increasing in ``0 .. steps``
- ``observe(index, indices, W)`` gets the weights ``(len(indices), k, d)`` of the trajectories
  ``indices`` after ``grid[index]`` updates
- ``progress(count)`` hears of finished steps, summed over trajectories
- ``checkpoint(state)`` gets a dict of numpy arrays at epoch boundaries; given back as ``state`` the
  run continues bit for bit

============  ====================================================================================
"kernel"      compiled, CPU, float64: entry-wise and Schatten norms, both losses, signals of the
              paper's form
"lanes"       torch, any device and dtype, any norm and loss: signals of the paper's form
"composed"    anything, through ``Signal.emit``: the reference
"gpu"         experimental: the lanes on CUDA, steps captured in a graph, without waiting for the
              host
"persistent"  experimental: one CUDA kernel for many steps, a thread block per run, of what
              "kernel" runs; on the CPU its source is compiled to check it
============  ====================================================================================

How far down they see, where margins are in the hundreds and more.  Every engine keeps directions at
any margin.  Of a signal's entries below e^-708 of its largest one, most norms see nothing and need
nothing; the max norm and entry-wise p > 17 need their signs.  There "kernel" has an exponent per
entry and is right whatever the data (``tests/test_range.py``); "lanes", "gpu" and "persistent" have
one per class, and miss an entry whose feature is 0 in every sample within e^-745 of its class's
largest residual (e^-103 in float32); "composed" has one per run, and misses such classes too.
"""

import os
from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.util import find_spec

import torch

from ..losses import CROSS_ENTROPY, EXPONENTIAL
from ..methods import Trajectory
from ..problem import Problem
from ..signals import recipe
from .planner import check_memory

__all__ = ["BACKENDS", "PREFERRED", "backend_named", "check_memory", "refusal"]

# environment variable: what "auto" tries first, to see whether an answer depends on the backend
PREFERRED = "IBIAS_BACKEND"
# the order of preference of "auto", which never gets past "composed": "persistent" has not run on a
# GPU yet
BACKENDS = ("kernel", "gpu", "lanes", "composed", "persistent")
EXPERIMENTAL = ("gpu", "persistent")


def refusal(backend: str, problem: Problem, trajectory: Trajectory) -> str:
    """Why ``backend`` cannot run ``trajectory`` ("" if it can), as the end of a sentence."""
    signal, norm = trajectory.method.signal, trajectory.method.norm
    if backend == "composed":
        return ""
    flat = recipe(signal, problem.dataset.n)
    if flat is None:
        return f"its signal is not of the standard form: {signal!r}"
    if problem.dataset.is_sparse and backend != "lanes":
        return "the data are sparse, which 'lanes' and 'composed' can do"
    device = torch.device(problem.device).type
    if backend == "gpu" and device != "cuda":
        return f"the problem is on {problem.device}, not on a CUDA device"
    if backend in ("gpu", "lanes"):
        return ""
    if problem.loss not in (CROSS_ENTROPY, EXPONENTIAL):
        return f"it does not know the loss {problem.loss!r}"
    if not norm.family:
        return f"it does not know the norm {norm!r}"
    if backend == "persistent":
        return _module("persistent").refusal(problem, norm, flat)
    if device != "cpu" or problem.dtype != torch.float64:
        return f"it computes on the CPU in float64, not on {problem.device} in {problem.dtype}"
    return "" if find_spec("numba") else "numba is not installed: pip install 'ibias[fast]'"


def backend_named(
    name: str, problem: Problem, trajectories: list[Trajectory]
) -> tuple[str, Callable]:
    """``(its name, run)`` for one of ``BACKENDS``, or for "auto": the first for each trajectory.

    Raises ValueError for another name, and for a backend that cannot run all trajectories.
    """
    if name == "auto":
        return _automatic(problem, trajectories)
    if name not in BACKENDS:
        known = ", ".join(map(repr, BACKENDS))
        raise ValueError(f"unknown backend {name!r}; use 'auto' or one of {known}")
    for trajectory in trajectories:
        if reason := refusal(name, problem, trajectory):
            what = f"backend={name!r} cannot run {trajectory.method.label!r}"
            raise ValueError(f"{what}: {reason}. Use backend='auto'.")
    return name, _module(name).run


def _module(name):
    # what has never run on a GPU stands in a room of its own
    room = ".experimental" if name in EXPERIMENTAL else ""
    return import_module(f"{room}.{name}", __name__)


def _automatic(problem, trajectories):
    preferred = os.environ.get(PREFERRED, BACKENDS[0])
    if preferred not in BACKENDS:
        given, known = f"{PREFERRED}={preferred!r} in the environment", ", ".join(BACKENDS)
        raise ValueError(f"{given} names no backend; use one of {known}")
    order = (preferred, *BACKENDS)
    chosen = [next(b for b in order if not refusal(b, problem, each)) for each in trajectories]
    names = [name for name in BACKENDS if name in chosen]
    if len(names) == 1:
        return names[0], _module(names[0]).run
    shares = {name: [i for i, b in enumerate(chosen) if b == name] for name in names}
    return "+".join(names), partial(_run_shares, shares)


def _run_shares(
    shares, problem, runs, steps, grid, observe, progress=None, state=None, checkpoint=None, **more
):
    """One backend's share after the other's; their states lie side by side by name."""
    saved = dict(state or {})
    for name, indices in shares.items():
        start = f"{name}:"

        def observe_share(index, local, w, indices=indices):
            observe(index, [indices[j] for j in local], w)

        def keep(arrays, start=start):
            saved.update({start + key: value for key, value in arrays.items()})
            checkpoint(dict(saved))

        own = {key.removeprefix(start): a for key, a in saved.items() if key.startswith(start)}
        work = problem, [runs[i] for i in indices], steps, grid, observe_share, progress
        _module(name).run(*work, own or None, keep if checkpoint else None, **more)
