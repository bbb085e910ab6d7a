"""Replicas of one network, all started from the same trained point, each with its own seed: one
tensor program of R rows."""

import numpy as np
import torch
import xarray as xr

from ibias._checks import whole
from ibias.runs import recording

from .checks import positive_step


def run_replicas(
    network, theta, vectors, eta, scheme, batch, steps, record, seeds=range(256), device="cpu"
):
    """SGD with batches from ``scheme``; mean and variance of the displacement along each column of
    ``vectors``.

    Returns an xarray Dataset, dims (step, mode): ``mean``, ``variance`` (ddof = 1 over replicas).
    ``record``: increasing steps.
    """
    eta, steps = positive_step(eta), whole("steps", steps, 1)
    record = recording(record, steps)
    if len(seeds) < 2:
        raise ValueError(f"a variance needs at least 2 replicas; got {len(seeds)} seeds")
    rows = scheme.batches(network.n, batch, seeds, steps)
    frame = torch.as_tensor(np.array(vectors)).to(device)
    start = theta.to(device)
    now = start.expand(len(seeds), -1).clone()
    means, variances = [], []
    for step in range(steps + 1):
        if step in record:
            z = (now - start) @ frame
            means.append(z.mean(0).cpu())
            variances.append(z.var(0).cpu())
        if step < steps:
            now = now - eta * network.batch_gradients(
                now, torch.from_numpy(rows[:, step].astype(np.int64)).to(device)
            )
    kept = {
        "mean": (("step", "mode"), torch.stack(means).numpy()),
        "variance": (("step", "mode"), torch.stack(variances).numpy()),
    }
    labels = {
        "eta": eta,
        "batch": batch,
        "replicas": len(seeds),
        "scheme": scheme.text,
        "network": network.name,
    }
    return xr.Dataset(kept, {"step": record, "mode": np.arange(frame.shape[1])}, labels)


def log_and_linear(steps: int, early: int = 8, late: int = 8, every: int = 1) -> np.ndarray:
    """Recording times: ``early`` spaced evenly in the logarithm up to steps / 4, then ``late``
    evenly up to ``steps``, on multiples of ``every``."""
    quarter = steps // 4
    first = np.geomspace(every, quarter, early)
    last = np.linspace(quarter, steps, late + 1)[1:]
    return np.unique(np.round(np.concatenate([first, last]) / every).astype(np.int64) * every)
