"""The numbers behind the front page's animation: four recipes in three norms on six points in the
plane, and Muon beside normalised SGD on six points of three classes.

python -m ibias_book.interactive.hero          # writes _build/interactive/hero/numbers.js unless it
is up to date
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import xarray as xr

import ibias as ib

from .packed import fresh, write

MODULE = "ibias_book.interactive.hero"  # also when it runs as a script
NORMS = (ib.MAX, ib.FROBENIUS, ib.SUM)
# signed points: class 0 as they are, class 1 (every second one) as their negatives; four long, two
# short and decisive
SIGNED = ((3.7, -0.6), (3.6, 1.1), (3.3, -0.9), (3.6, -0.6), (0.3, 0.5), (0.6, 0.5))
RECIPES = (
    ("full batch", ib.FullBatch()),
    ("mini-batch", ib.Minibatch(1)),
    ("momentum", ib.Momentum(0.9, ib.Minibatch(1))),
    ("variance reduction", ib.VarianceReduced(ib.Minibatch(1))),
)
# three classes, with their labels: here the spectral and the Frobenius norm want different borders
THREE = ((3.3, 1.1, 0), (3.4, -1.1, 0), (-0.5, 0, 1), (-0.7, 1.6, 1), (-2, -1.8, 2), (0.4, -3.1, 2))
PAIR = (("N-SGD", ib.FROBENIUS), ("Muon", ib.SPECTRAL))
STEPS, SEED = 10_000, 1
SCHEDULE = ib.Power(0.5, a=0.5)


def points() -> ib.Dataset:
    """The six points with alternating labels."""
    z, y = np.array(SIGNED), np.arange(len(SIGNED)) % 2
    return ib.Dataset(np.where(y[:, None] == 0, z, -z), y, "hero")


def build(target: Path, *, store="auto", steps: int = STEPS) -> dict:
    """Compute, write `target`, and return what was written."""
    data = points()
    numbers = {
        "points": SIGNED,
        "panels": [panel(data, norm, store, steps) for norm in NORMS],
        "three": three_classes(store, steps),
    }
    write(target, "heroNumbers", numbers, MODULE)
    return numbers


def paths(data: ib.Dataset, methods: list[ib.SteepestDescent], store, steps: int) -> xr.Dataset:
    """The weights of every method from its first step on, one shuffle."""
    runs = ib.sweep(
        data,
        methods,
        seeds=[SEED],
        steps=steps,
        record=ib.logspaced(90),
        weights=True,
        store=store,
        progress=False,
    )
    return runs.isel(seed=0, step=slice(1, None))


def panel(data: ib.Dataset, norm: ib.Norm, store, steps: int) -> dict:
    """One norm: where its ball first touches, and the direction u = w_0 - w_1 and relative error of
    every recipe over time.

    Directions are scaled to the ball through the touching point, so a recipe that finds the maximum
    margin ends there.
    """
    best = ib.max_margin(data, norm)
    methods = [ib.SteepestDescent(norm, signal, SCHEDULE, name=name) for name, signal in RECIPES]
    runs = paths(data, methods, store, steps)
    w = runs.weights.values
    on_ball = (w[:, :, 0] - w[:, :, 1]) / runs.norm_own.values[..., None] / best.upper
    weights = best.weights / best.margin
    return {
        "norm": norm.text,
        "margin": best.margin,
        "touch": np.round(weights[0] - weights[1], 6).tolist(),
        "steps": runs.step.values.tolist(),
        "lanes": [
            {
                "name": name,
                "at": np.round(u, 4).tolist(),
                "error": np.round(1 - margin / best.upper, 6).tolist(),
            }
            for (name, _), u, margin in zip(RECIPES, on_ball, runs.margin.values, strict=True)
        ],
    }


def three_classes(store, steps: int) -> dict:
    """Full batch, three classes: the rows of W over time for N-SGD and Muon, around their mean and
    scaled like the directions of `panel`, and the rows of the two maximum-margin classifiers."""
    found = np.array(THREE)
    data = ib.Dataset(found[:, :2], found[:, 2].astype(int), "hero, three classes")
    best = {norm.text: ib.max_margin(data, norm) for _, norm in PAIR}
    methods = [ib.SteepestDescent(norm, ib.FullBatch(), SCHEDULE, name=name) for name, norm in PAIR]
    runs = ib.relative_error(paths(data, methods, store, steps), best)
    lanes = []
    for (name, norm), w, length, error in zip(
        PAIR, runs.weights.values, runs.norm_own.values, runs.error.values, strict=True
    ):
        own = best[norm.text]
        rows = w / length[:, None, None] / own.margin
        lanes.append(
            {
                "name": name,
                "norm": norm.text,
                "at": np.round(rows - rows.mean(1, keepdims=True), 4).tolist(),
                "touch": np.round((own.weights - own.weights.mean(0)) / own.margin, 4).tolist(),
                "error": np.round(error, 6).tolist(),
            }
        )
    return {"steps": runs.step.values.tolist(), "lanes": lanes}


def main(arguments=None) -> None:
    parser = argparse.ArgumentParser(
        description="Compute the numbers behind the front page's animation."
    )
    parser.add_argument("--target", type=Path, default=Path("_build/interactive/hero/numbers.js"))
    parser.add_argument(
        "--force", action="store_true", help="compute and write even if the file is up to date"
    )
    options = parser.parse_args(arguments)
    if options.force or not fresh(options.target, MODULE):
        build(options.target)
    print(f"{options.target}: {options.target.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
