"""The numbers behind the book's explorer: the runs of chapters 5 and K, with what is certified and
promised about them, packed for a page.

    python -m ibias_book.interactive.explorer          # writes
    _build/interactive/explorer/numbers.js unless it is up to date

The sweeps are those of the two notebooks, argument for argument, so a store that holds the chapters
holds the explorer, and every number can be compared with the chapters' tables.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import ibias as ib

from ..steepest.theory import constants
from .packed import fresh, pack, write

NORMS = (ib.FROBENIUS, ib.MAX, ib.SPECTRAL)
MOMENTA = (0, 0.5, 0.99)
BATCH_SIZES = (1, 10, 20, 50, 100)
SEEDS, STEPS, RECORDS = 5, 20_000, 80
MODULE = "ibias_book.interactive.explorer"  # also when it runs as a script


@dataclass(frozen=True)
class DataSet:
    """A data set of the explorer, under the chapters' name, and the first step per norm."""

    key: str
    title: str
    make: Callable[[], ib.Dataset]
    batch_sizes: tuple[int, ...]
    eta0: tuple[float, float, float]  # in the order of NORMS


SETS = (
    DataSet(
        "gaussian",
        "set I",
        lambda: ib.data.gaussian(classes=10, per_class=10, dim=100, variance=1 / 100, seed=0),
        BATCH_SIZES,
        (1.0, 0.05, 0.3),
    ),
    DataSet(
        "mixture",
        "set II",
        lambda: ib.data.mixture(classes=10, per_class=10, dim=25, spread=0.6, seed=0),
        BATCH_SIZES,
        (1.0, 0.1, 0.3),
    ),
)


def build(
    target: Path, *, sets=SETS, steps: int = STEPS, seeds=SEEDS, store="auto", progress: bool = True
) -> dict:
    """Compute what the store does not hold, write `target`, and return what was written."""
    numbers = {
        "norms": [norm.text for norm in NORMS],
        "momenta": MOMENTA,
        "seeds": seeds,
        "steps": ib.logspaced(RECORDS)(steps)[1:].tolist(),
        "sets": [set_numbers(one, steps, seeds, store, progress) for one in sets],
    }
    write(target, "explorerNumbers", numbers, MODULE)
    return numbers


def set_numbers(one: DataSet, steps, seeds, store, progress) -> dict:
    """One data set: its certified margins, what the theorems promise, and every recipe's curves."""
    data = one.make()
    best = [ib.max_margin(data, norm) for norm in NORMS]
    curves = [
        norm_curves(one, data, norm, eta0, found, (steps, seeds, store, progress))
        for norm, eta0, found in zip(NORMS, one.eta0, best, strict=True)
    ]
    return {
        "key": one.key,
        "title": one.title,
        "name": data.name,
        "n": data.n,
        "d": data.d,
        "k": data.k,
        "radius": data.radius,
        "batches": one.batch_sizes,
        "eta0": one.eta0,
        "curves": pack(np.stack(curves)),
        "best": [
            {"lower": b.lower, "upper": b.upper, "unique": bool(b.unique)}
            | {"momentum": [needed(b, data, size) for size in one.batch_sizes]}
            for b in best
        ],
        "cost": [
            [cost(data, size, beta) for size in one.batch_sizes] for beta in MOMENTA
        ],  # of every recipe without variance reduction; with it nothing is lost
    }


def norm_curves(one: DataSet, data, norm, eta0, best, options) -> np.ndarray:
    """(variance reduction, momentum, batch size, measure, step) of one norm's sweep; the measures
    are the least, median and largest error, the median cosine and the median log10 loss."""
    steps, seeds, store, progress = options
    # chapter 5 measures against the optimum itself, K (where it need not be unique) against the
    # canonical one; the store tells the two apart
    direction = best.weights if norm == ib.FROBENIUS else best.canonical
    runs = ib.sweep(
        data,
        ib.grid(
            norms=[norm],
            batch_sizes=list(one.batch_sizes),
            momenta=list(MOMENTA),
            variance_reduction=[False, True],
            schedule=ib.Power(eta0, a=0.5),
        ),
        seeds=range(seeds),
        steps=steps,
        record=ib.logspaced(RECORDS),
        store=store,
        progress=progress,
        directions={norm.text: direction},
    )
    runs = ib.relative_error(runs, {norm.text: best})
    runs = runs.isel(step=slice(1, None))  # at step 0 the margin is not defined
    labels = zip(
        *(runs[name].values.tolist() for name in ("variance_reduction", "momentum", "batch_size")),
        strict=True,
    )
    where = {label: i for i, label in enumerate(labels)}
    rows = [
        where[reduced, beta, size]
        for reduced in (False, True)
        for beta in MOMENTA
        for size in one.batch_sizes
    ]
    error, cosine, loss = (
        runs[name].transpose("optimizer", "seed", "step").values[rows]
        for name in ("error", "cosine", "log_loss")
    )
    return np.stack(
        [
            error.min(1),
            np.median(error, 1),
            error.max(1),
            np.median(cosine, 1),
            np.median(loss, 1) / np.log(10),
        ],
        axis=1,
    ).reshape(2, len(MOMENTA), len(one.batch_sizes), 5, -1)


def cost(data: ib.Dataset, batch_size: int, beta: float) -> float:
    """What the noise of batches can cost of the margin in the limit: gamma minus this is
    promised."""
    return -float(
        constants.effective_margin(0.0, data.radius, data.n // batch_size, beta, form="sharper")
    )


def needed(best, data: ib.Dataset, batch_size: int) -> float:
    """The least momentum for which the theorems promise anything at this batch size."""
    return constants.least_momentum(best.lower, data.radius, data.n // batch_size)


def main(arguments=None) -> None:
    parser = argparse.ArgumentParser(description="Compute the numbers behind the book's explorer.")
    parser.add_argument(
        "--target", type=Path, default=Path("_build/interactive/explorer/numbers.js")
    )
    parser.add_argument(
        "--force", action="store_true", help="compute and write even if the file is up to date"
    )
    options = parser.parse_args(arguments)
    if options.force or not fresh(options.target, MODULE):
        build(options.target, progress=sys.stderr.isatty())
    print(f"{options.target}: {options.target.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
