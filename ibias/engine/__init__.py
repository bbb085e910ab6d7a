"""Engines: the same trajectories by different means.

Every backend is a function ``run(problem, lanes, steps, record, observe, progress=None, state=None,
checkpoint=None)``:

- ``lanes``: list of ``Trajectory(method, seed)``; ``steps``: updates; ``record``: increasing steps in
  ``0 .. steps``
- ``observe(record_index, lane_indices, W)`` gets the weights ``(len(lane_indices), k, d)`` after
  ``record[record_index]`` updates
- ``progress(count)`` hears of finished lane-steps
- ``checkpoint(state)`` gets a dict of numpy arrays at epoch boundaries; given back as ``state`` the
  run continues bit for bit

| backend | what it runs |
|---|---|
| "kernel" | compiled, CPU, float64: entry-wise and Schatten norms, both losses, signals of the
paper's form |
| "lanes" | torch, any device and dtype, any norm and loss: signals of the paper's form |
| "gpu" | the lanes on CUDA, steps captured in a graph, without waiting for the host |
| "persistent" | one CUDA kernel for many steps, a thread block per run; on the CPU its source is
compiled to check it: what "kernel" runs |
| "composed" | anything, through ``Signal.emit``: the reference |

How far down they see, where margins are in the hundreds and more.  Every engine keeps directions at
any margin.  Of a signal's entries below e^-708 of its largest one, most norms see nothing and need
nothing; the max norm and entry-wise p > 17 need their signs.  There "kernel" has an exponent per
entry and is right whatever the data (``tests/test_range.py``); "lanes", "gpu" and "persistent" have
one per class, and miss an entry whose feature is 0 in every sample within e^-745 of its class's
largest residual (e^-103 in float32); "composed" has one per run, and misses such classes too.
"""

import os
from importlib import import_module
from importlib.util import find_spec

import torch

from ..losses import CROSS_ENTROPY, EXPONENTIAL
from ..signals import recipe
from .planner import check_memory, is_power_norm

__all__ = ["BACKENDS", "backend_named", "check_memory", "refusal"]

# environment variable: what "auto" tries first, to see whether an answer depends on the backend
PREFERRED = "IBIAS_BACKEND"
# the order of preference of "auto", which never gets past "composed": "persistent" has not run on a
# GPU yet
BACKENDS = ("kernel", "gpu", "lanes", "composed", "persistent")
EXPERIMENTAL = ("gpu", "persistent")


def refusal(backend: str, problem, lane) -> str:
    """Why ``backend`` cannot run ``lane`` ("" if it can), as the end of a sentence."""
    if backend == "composed":
        return ""
    if recipe(lane.method.signal, problem.dataset.n) is None:
        return f"its signal is not of the standard form: {lane.method.signal!r}"
    if problem.dataset.is_sparse and backend != "lanes":
        return "the data are sparse, which 'lanes' and 'composed' can do"
    on_cuda = torch.device(problem.device).type == "cuda"
    if backend == "gpu":
        return "" if on_cuda else f"the problem is on {problem.device}, not on a CUDA device"
    if backend == "lanes":
        return ""
    if backend == "persistent":
        return _module("persistent").refusal(problem, lane)
    if torch.device(problem.device).type != "cpu" or problem.dtype != torch.float64:
        return f"it computes on the CPU in float64, not on {problem.device} in {problem.dtype}"
    if problem.loss not in (CROSS_ENTROPY, EXPONENTIAL):
        return f"it does not know the loss {problem.loss!r}"
    if not is_power_norm(lane.method.norm):
        return f"it does not know the norm {lane.method.norm!r}"
    return "" if find_spec("numba") else "numba is not installed: pip install 'ibias[fast]'"


def backend_named(name: str, problem, lanes: list):
    """``(what it is called, run)`` for one of ``BACKENDS``, or for "auto": per lane the first that
    takes it.

    Raises ValueError for another name, and when a backend asked for by name cannot run one of the
    lanes.
    """
    if name == "auto":
        return _automatic(problem, lanes)
    if name not in BACKENDS:
        raise ValueError(
            f"unknown backend {name!r}; use 'auto' or one of {', '.join(map(repr, BACKENDS))}"
        )
    for lane in lanes:
        if reason := refusal(name, problem, lane):
            raise ValueError(
                f"backend={name!r} cannot run {lane.method.label!r}: {reason}. Use backend='auto'."
            )
    return name, _load(name)


def _module(name):
    # what has never run on a GPU stands in a room of its own
    room = ".experimental" if name in EXPERIMENTAL else ""
    return import_module(f"{room}.{name}", __name__)


def _load(name):
    return _module(name).run


def _automatic(problem, lanes):
    wished = os.environ.get(PREFERRED, BACKENDS[0])
    if wished not in BACKENDS:
        raise ValueError(
            f"{PREFERRED}={wished!r} in the environment names no backend; use one of"
            f" {', '.join(BACKENDS)}"
        )
    order = (wished, *BACKENDS)
    chosen = [next(b for b in order if not refusal(b, problem, lane)) for lane in lanes]
    names = [b for b in BACKENDS if b in chosen]
    if len(names) == 1:
        return names[0], _load(names[0])
    shares = {name: [i for i, b in enumerate(chosen) if b == name] for name in names}
    return "+".join(names), lambda *args, **kwargs: _run_shares(shares, *args, **kwargs)


def _run_shares(
    shares,
    problem,
    lanes,
    steps,
    record,
    observe,
    progress=None,
    state=None,
    checkpoint=None,
    **options,
):
    """Each backend runs its share of the lanes, one after the other; their states live side by side
    under their names."""
    saved = dict(state or {})
    for name, indices in shares.items():

        def seen(index, local, w, indices=indices):
            observe(index, [indices[j] for j in local], w)

        def keep(part, name=name):
            saved.update({f"{name}:{key}": value for key, value in part.items()})
            checkpoint(dict(saved))

        own = {
            key.removeprefix(f"{name}:"): value
            for key, value in saved.items()
            if key.startswith(f"{name}:")
        }
        _load(name)(
            problem,
            [lanes[i] for i in indices],
            steps,
            record,
            seen,
            progress,
            own or None,
            keep if checkpoint and name != "composed" else None,
            **({} if name == "composed" else options),
        )
