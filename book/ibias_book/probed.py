"""Networks of one's own, trained with a probe beside them."""

import torch
import xarray as xr
from torch.nn.functional import cross_entropy

import ibias as ib


def images(n: int):
    """The first ``n`` of scikit-learn's digits, ``(n, 1, 8, 8)`` in float64 with mean 0 and root
    mean square 1, and their labels."""
    from sklearn.datasets import load_digits

    raw = load_digits()
    x = torch.tensor(raw.images[:n, None])
    x = x - x.mean()
    return x / x.square().mean().sqrt(), torch.tensor(raw.target[:n])


def train(model, optimizer, x, y, steps) -> ib.Probe:
    """Full batches, rates falling like ``(t + 1)^-1/2``."""
    probe = ib.Probe(model, x, y)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: (t + 1) ** -0.5)
    for step in range(steps + 1):
        if step % (steps // 8) == 0:
            probe.measure(step)
        optimizer.zero_grad()
        cross_entropy(model(x), y).backward()
        optimizer.step()
        schedule.step()
    return probe


def together(probes: dict[str, ib.Probe]) -> xr.Dataset:
    """The measurements of several runs over a first axis ``optimizer``."""
    return xr.concat([p.runs for p in probes.values()], "optimizer").assign_coords(
        optimizer=list(probes)
    )


def table(runs: xr.Dataset):
    """The last normalised margins, each column over its largest, as a table of text."""
    last = runs.margin.isel(step=-1)
    share = (last / last.max("optimizer")).to_pandas()
    return share.rename_axis("trained by").to_markdown(floatfmt=".2f")


def leaders(runs: xr.Dataset) -> str:
    """Whose last margin is the largest, norm by norm."""
    first = runs.margin.isel(step=-1).idxmax("optimizer")
    return ", ".join(f"{n} {o}" for n, o in zip(first.norm.values, first.values, strict=True))
