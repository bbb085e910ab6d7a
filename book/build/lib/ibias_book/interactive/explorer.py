"""The numbers behind the book's explorer: every recipe on a few data sets, measured, certified and
packed for a page.

    python -m ibias_book.interactive.explorer          # writes
    _build/interactive/explorer/numbers.js unless it is up to date

The page has no server and may be opened from a file share, so the numbers are a script that assigns
an object. Curves are
quantised to 16 bits: 2e-4 of a relative error, 3e-5 of a cosine, 0.005 of the logarithm of a loss.
"""

from __future__ import annotations

import argparse
import base64
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import ibias as ib

from ..steepest.theory.constants import effective_margin
from .packed import FLOOR, SCALES, fresh, pack, write

NORMS = (ib.MAX, ib.FROBENIUS, ib.SPECTRAL)
MOMENTA = (0.0, 0.5, 0.9, 0.99)
EXPONENTS = (0.3, 0.5, 1.0)
SEEDS = (0, 1, 2)
STEPS, RECORDS = 10_000, 48
MODULE = "ibias_book.interactive.explorer"  # also when it runs as a script


@dataclass(frozen=True)
class Shelf:
    """A data set of the explorer: how to make it, the batch sizes (divisors of n, the last one n)
    and the first step per norm."""

    key: str
    title: str
    make: Callable[[], ib.Dataset]
    batch_sizes: tuple[int, ...]
    eta0: tuple[
        float, float, float
    ]  # in the order of NORMS, so that eta0 times the margin is about the same


SHELVES = (
    Shelf(
        "mixture",
        "Mixture of 10 classes",
        lambda: ib.data.mixture(seed=0),
        (1, 10, 50, 100),
        (0.1, 1.0, 0.3),
    ),
    Shelf(
        "gaussian",
        "Gaussian noise, 10 classes",
        lambda: ib.data.gaussian(dim=100, variance=0.01, seed=0),
        (1, 10, 100),
        (0.05, 1.0, 0.3),
    ),
    Shelf(
        "skewed",
        "Orthogonal, scales skewed",
        lambda: ib.data.scale_skewed(seed=0),
        (1, 5, 25, 50),
        (0.1, 0.1, 0.1),
    ),
    Shelf(
        "digits",
        "Digits 3 and 8",
        lambda: ib.data.digits((3, 8)),
        (1, 7, 51, 357),
        (0.02, 0.5, 0.5),
    ),
)


def build(
    target: Path,
    *,
    shelves=SHELVES,
    steps: int = STEPS,
    seeds=SEEDS,
    exponents=EXPONENTS,
    store="auto",
    progress: bool = True,
) -> dict:
    """Compute what the store does not hold, write `target`, and return what was written."""
    record = ib.logspaced(RECORDS)
    sets = [
        shelf_numbers(shelf, steps, record, seeds, exponents, store, progress) for shelf in shelves
    ]
    numbers = {
        "norms": [norm.text for norm in NORMS],
        "momenta": MOMENTA,
        "exponents": exponents,
        "seeds": len(seeds),
        "steps": record(steps)[1:].tolist(),
        "scales": SCALES,
        "sets": sets,
    }
    write(target, "explorerNumbers", numbers, MODULE)
    return numbers


def shelf_numbers(shelf: Shelf, steps, record, seeds, exponents, store, progress) -> dict:
    """One data set: its certified margins, what the theorems promise, and the curves of every
    recipe for every exponent."""
    data = shelf.make()
    best = {norm: ib.max_margin(data, norm) for norm in NORMS}
    curves = {}
    for a in exponents:
        schedule = {norm: ib.Power(eta0, a) for norm, eta0 in zip(NORMS, shelf.eta0, strict=True)}
        runs = ib.sweep(
            data,
            recipes(shelf, data.n, schedule),
            seeds=seeds,
            steps=steps,
            record=record,
            store=store,
            progress=progress,
            directions={norm.text: best[norm].canonical for norm in NORMS},
        )
        curves[f"{a:g}"] = packed_curves(shelf, data.n, runs, best)
    return {
        "key": shelf.key,
        "title": shelf.title,
        "name": data.name,
        "n": data.n,
        "d": data.d,
        "k": data.k,
        "radius": data.radius,
        "batches": shelf.batch_sizes,
        "eta0": shelf.eta0,
        "curves": curves,
        "best": [
            {"lower": b.lower, "upper": b.upper, "unique": bool(b.unique)} for b in best.values()
        ],
        "promise": promises(shelf, data, best),
    }


def recipes(shelf: Shelf, n: int, schedule) -> list[ib.SteepestDescent]:
    """Every norm, batch size and momentum, and all but the full batch with variance reduction
    (there it changes nothing)."""
    plain = ib.grid(norms=NORMS, batch_sizes=shelf.batch_sizes, momenta=MOMENTA, schedule=schedule)
    smaller = [b for b in shelf.batch_sizes if b < n]
    return plain + ib.grid(
        norms=NORMS,
        batch_sizes=smaller,
        momenta=MOMENTA,
        variance_reduction=(True,),
        schedule=schedule,
    )


def combinations(shelf: Shelf):
    """(norm, variance reduction, momentum, batch size) in the order of the packed arrays."""
    return [
        (norm, vr, beta, b)
        for norm in NORMS
        for vr in (False, True)
        for beta in MOMENTA
        for b in shelf.batch_sizes
    ]


def packed_curves(shelf: Shelf, n: int, runs, best) -> dict:
    """Least, median and largest relative error over the seeds, median cosine and median log10 loss;
    each (recipe, ..., step)."""
    labels = zip(
        *(
            runs[name].values.tolist()
            for name in ("norm", "variance_reduction", "momentum", "batch_size")
        ),
        strict=True,
    )
    where = {label: i for i, label in enumerate(labels)}
    rows = [where[norm.text, vr and b < n, beta, b] for norm, vr, beta, b in combinations(shelf)]
    later = runs.isel(optimizer=rows, step=slice(1, None))  # at step 0 the margin is not defined
    upper = np.array([best[norm].upper for norm, *_ in combinations(shelf)])
    error = 1 - later.margin.transpose("optimizer", "seed", "step").values / upper[:, None, None]
    own = [list(runs.direction.values).index(norm.text) for norm, *_ in combinations(shelf)]
    cosine = later.cosine.transpose("optimizer", "direction", "seed", "step").values[
        np.arange(len(own)), own
    ]
    loss = later.log_loss.transpose("optimizer", "seed", "step").values / np.log(10)
    spread = np.stack([error.min(1), np.median(error, 1), error.max(1)], axis=1)
    parts = {
        "error": np.log10(np.maximum(spread, FLOOR)),
        "cosine": np.median(cosine, 1),
        "loss": np.median(loss, 1),
    }
    return {
        name: base64.b64encode(pack(values, *SCALES[name])).decode()
        for name, values in parts.items()
    }


def promises(shelf: Shelf, data: ib.Dataset, best) -> list:
    """The largest relative error that the paper's theorems leave in the limit, per recipe; null
    where they say nothing."""
    out = []
    for norm, vr, beta, b in combinations(shelf):
        margin = best[norm].lower
        rho = float(effective_margin(margin, data.radius, data.n // b, beta, variance_reduction=vr))
        out.append(round(1 - rho / margin, 6) if rho > 0 else None)
    return out


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
