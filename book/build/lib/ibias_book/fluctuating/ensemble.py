"""Thousands of replicas of a fluctuating quadratic as one tensor program, on any device; every
replica has its own seed."""

from collections.abc import Callable

import numpy as np
import torch
import xarray as xr

from ibias._checks import whole
from ibias.runs import recording

from ..batches import batches_per_epoch
from .checks import positive_step

DRAWS_AT_ONCE = 2**23  # batch indices of one block of replicas, 16 MB
NUMBERS_AT_ONCE = 2**19  # gathered offsets of one chunk of steps, 4 MB: they stay in cache


def evolve(
    landscape,
    eta,
    scheme,
    batch,
    steps,
    record,
    seeds,
    start=0.0,
    momentum=0.0,
    variance_reduction=False,
    direction: Callable | None = None,
    device="cpu",
) -> xr.DataArray:
    """Positions after the updates in ``record``, dims (replica, step, mode); replica r draws its
    batches from ``seeds[r]`` alone.

    ``momentum`` is the exponential average m = beta m + (1 - beta) g; ``variance_reduction``
    subtracts the same batch's gradient at the epoch's first point and adds the full one (SVRG);
    ``direction`` maps the signal ``(R, d)`` to the step, for example ``torch.sign``.
    """
    eta, steps, seeds = (
        positive_step(eta),
        whole("steps", steps, 1),
        seeds if isinstance(seeds, range) else list(seeds),
    )
    record = recording(record, steps)
    if not 0 <= momentum < 1:
        raise ValueError(f"momentum must lie in [0, 1); got {momentum}")
    if len(seeds) == 0:
        raise ValueError("an ensemble needs at least one seed; one replica per seed is run")
    epoch = batches_per_epoch(landscape.n, batch) if variance_reduction else 1
    step = _Stepper(landscape, eta, momentum, variance_reduction, direction, epoch, device)
    block = max(1, DRAWS_AT_ONCE // (steps * batch))
    found = []
    for first in range(0, len(seeds), block):
        rows = scheme.batches(landscape.n, batch, seeds[first : first + block], steps)
        found.append(
            step.run(torch.from_numpy(np.ascontiguousarray(rows.transpose(1, 0, 2))), record, start)
        )
    positions = np.concatenate(found)
    return xr.DataArray(
        positions,
        dims=("replica", "step", "mode"),
        coords={"replica": np.asarray(seeds), "step": record, "mode": range(landscape.d)},
    )


class _Stepper:
    """The update of one block of replicas, with the landscape's tables on the device."""

    def __init__(self, landscape, eta, momentum, variance_reduction, direction, epoch, device):
        self.offsets, self.slopes = (
            torch.from_numpy(v).to(device) for v in (landscape.offsets, landscape.slopes)
        )
        self.mean_slope = self.slopes.mean(0)
        self.eta, self.beta, self.reduced, self.direction, self.epoch = (
            eta,
            momentum,
            variance_reduction,
            direction,
            epoch,
        )
        self.plain = momentum == 0 and not variance_reduction and direction is None

    def run(self, rows, record, start):
        """``rows (steps, R, b)`` -> positions ``(R, len(record), d)``."""
        steps, replicas, b = rows.shape
        theta = torch.full(
            (replicas, self.offsets.shape[1]),
            float(start),
            dtype=torch.float64,
            device=self.offsets.device,
        )
        state = {"average": torch.zeros_like(theta), "anchor": theta.clone()}
        wanted, kept = set(record.tolist()), []
        if 0 in wanted:
            kept.append(theta.cpu().clone())
        chunk = max(1, NUMBERS_AT_ONCE // (theta.numel() * b))
        for first in range(0, steps, chunk):
            b_now, h_now = self._batch_means(rows[first : first + chunk])
            if self.plain:
                h_now.mul_(-self.eta).add_(1)
                b_now.mul_(self.eta)
            for j in range(len(b_now)):
                if self.plain:
                    theta.mul_(h_now[j]).sub_(b_now[j])
                else:
                    theta = self._general(theta, b_now[j], h_now[j], state, first + j)
                if first + j + 1 in wanted:
                    kept.append(theta.cpu().clone())
        return torch.stack(kept, 1).numpy()

    def _batch_means(self, rows):
        steps, replicas, b = rows.shape
        flat = rows.to(self.offsets.device).reshape(-1).long()
        shape = (steps, replicas, b, self.offsets.shape[1])
        b_now, h_now = (
            self.offsets.index_select(0, flat).view(shape),
            self.slopes.index_select(0, flat).view(shape),
        )
        return (b_now[:, :, 0], h_now[:, :, 0]) if b == 1 else (b_now.mean(2), h_now.mean(2))

    def _general(self, theta, b, h, state, t):
        if t % self.epoch == 0:
            state["anchor"] = theta.clone()
        if self.reduced:
            signal = h * (theta - state["anchor"]) + self.mean_slope * state["anchor"]
        else:
            signal = h * theta + b
        if self.beta:
            state["average"] = self.beta * state["average"] + (1 - self.beta) * signal
            signal = state["average"]
        return theta - self.eta * (signal if self.direction is None else self.direction(signal))


def sample_variance(positions: xr.DataArray) -> xr.DataArray:
    """Variance over replicas (ddof = 1)."""
    if positions.sizes["replica"] < 2:
        raise ValueError("a variance over replicas needs at least 2 of them; got 1")
    return positions.var("replica", ddof=1)
