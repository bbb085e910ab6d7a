"""Networks of one's own: trained with a probe beside them, and the character model of
``benchmarks/character_model.py`` as it was measured."""

import numpy as np
import pandas as pd
import torch
import xarray as xr
from torch.nn.functional import cross_entropy
from torch.optim import lr_scheduler

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
    falling = lr_scheduler.LambdaLR(optimizer, lambda t: (t + 1) ** -0.5)
    for step in range(steps + 1):
        if step % (steps // 8) == 0:
            probe.measure(step)
        optimizer.zero_grad()
        cross_entropy(model(x), y).backward()
        optimizer.step()
        falling.step()
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


def curves(facts: dict) -> xr.Dataset:
    """``step``, CPU ``seconds`` and validation ``loss`` over (optimizer, equal, seed, point) of the
    measurements in ``facts``; NaN where a run has fewer points.  At equal seconds the slowest
    optimizer's runs are those at equal steps."""
    runs = {(r["optimizer"], r["equal"], r["seed"]): r["rows"] for r in facts["runs"]}
    names = list(facts["tuning"])
    seeds = sorted({seed for _, _, seed in runs})
    points = max(map(len, runs.values()))
    values = np.full((len(names), 2, len(seeds), points, 3), np.nan)
    for i, name in enumerate(names):
        for j, equal in enumerate(("steps", "seconds")):
            for k, seed in enumerate(seeds):
                rows = runs.get((name, equal, seed)) or runs[name, "steps", seed]
                values[i, j, k, : len(rows)] = rows
    axes = ("optimizer", "equal", "seed", "point")
    columns = zip(("step", "seconds", "loss"), np.moveaxis(values, -1, 0), strict=True)
    return xr.Dataset(
        {name: (axes, column) for name, column in columns},
        {"optimizer": names, "equal": ["steps", "seconds"], "seed": seeds},
    )


def endings(facts: dict) -> str:
    """The last losses of ``curves``, mean over seeds and their range, as a table of text."""
    loss = curves(facts).loss
    last = loss.isel(point=loss.notnull().sum("point") - 1)
    rates = {run["optimizer"]: run["rate"] for run in facts["runs"]}
    rows = {
        str(name): {
            "rate": rates[str(name)],
            "ms a training step": facts["milliseconds"][str(name)],
            **{
                f"loss, equal {equal}": "{:.3f} ({:.3f} to {:.3f})".format(
                    *(
                        float(f(last.sel(optimizer=name, equal=equal)))
                        for f in (np.mean, np.min, np.max)
                    )
                )
                for equal in ("steps", "seconds")
            },
        }
        for name in last.optimizer.values
    }
    return pd.DataFrame(rows).T.to_markdown()
