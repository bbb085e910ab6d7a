"""Is the rate free of the dimension? The same radius and margin in ever larger spaces."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from ibias.data import Dataset
from ibias.maxmargin import max_margin
from ibias.methods import SteepestDescent
from ibias.norms import Norm
from ibias.runs import sweep
from ibias.schedules import Power
from ibias.signals import Minibatch, Momentum

from ..exponents import fit_exponent

ENTRIES = 8
"""Non-zero features of a sample."""


def matched(norm: Norm, n: int, d: int, k: int, ratio: float, seed: int) -> tuple[Dataset, float]:
    """``n`` random samples in ``k`` classes with ``|x_i|_1 = 1`` and a margin of ``ratio`` to 1 %;
    beside them that margin, to 1e-4.

    Each sample has `ENTRIES` Gaussian entries at random places, so that no norm of it depends on d.
    All are pulled towards a common point, which takes margin from any data without touching the
    radius. Raises ValueError where even the unpulled data have less margin.
    """
    rng = np.random.default_rng([seed, d, k])
    places = rng.permuted(np.tile(np.arange(d), (n + 1, 1)), axis=1)[:, :ENTRIES]
    points = np.zeros((n + 1, d))
    np.put_along_axis(points, places, rng.normal(size=places.shape), axis=1)
    own, common = points[:-1], points[-1]
    y = np.arange(n) % k

    def pulled(share):
        x = (1 - share) * own + share * common
        return Dataset(x / np.abs(x).sum(1, keepdims=True), y, f"matched(d={d}, k={k}, {seed})")

    low, high, share = 0.0, 1.0, 0.0
    for _ in range(40):
        data = pulled(share)
        # a coarse interval is enough to cut by; 0.6 % off and 0.4 % wide is within 1 %
        margin = max_margin(data, norm, tolerance=4e-3, progress=False).margin
        if abs(margin / ratio - 1) < 0.006:
            return data, max_margin(data, norm, tolerance=1e-4, progress=False).margin
        if margin < ratio and share == 0:
            break
        low, high = (share, high) if margin > ratio else (low, share)
        share = (low + high) / 2
    raise ValueError(
        f"n = {n}, d = {d}, k = {k} leaves a {norm.text} margin of {margin:.3g}, below the"
        f" {ratio:.3g} asked for; ask for less"
    )


def sizes(
    norms: dict[Norm, float],
    axis: str,
    values: Sequence[int],
    *,
    n: int,
    d: int,
    k: int,
    steps: int,
    seeds: Sequence[int],
) -> xr.Dataset:
    """Momentum runs on matched data while d or k moves (``axis`` names which; ``values`` are its
    sizes).

    ``norms`` maps a norm to its margin at radius 1. Over (norm, size, seed), the seed drawing data
    and batches: ``gap``, the relative margin error after ``steps``, and ``separated``, the first
    step after which all samples stay classified. ``factor`` over (norm, size) is
    `euclidean_factor`. ``gap_slope``, ``gap_error`` and the same for
    ``separated``: exponent in the size and its standard error over all points.
    """
    gap, separated = np.empty((2, len(norms), len(values), len(seeds)))
    record = np.unique(np.r_[np.arange(min(300, steps)), np.geomspace(1, steps, 60).astype(int)])
    for at in np.ndindex(gap.shape):
        norm, ratio = list(norms.items())[at[0]]
        shape = {"d": d, "k": k} | {axis: values[at[1]]}
        data, gamma = matched(norm, n, shape["d"], shape["k"], ratio, seeds[at[2]])
        method = SteepestDescent(
            norm, Momentum(0.9, Minibatch(n // 4)), Power(0.25 / ratio, 0.5), "N"
        )
        run = sweep(
            data, method, seeds=[seeds[at[2]]], steps=steps, record=record, progress=False
        ).isel(optimizer=0, seed=0)
        gap[at] = 1 - float(run.margin[-1]) / gamma
        wrong = record[(run.min_margin <= 0).values]
        separated[at] = record[np.searchsorted(record, wrong.max()) + 1]
    cells = ("norm", axis, "seed")
    out = xr.Dataset(
        {"gap": (cells, gap), "separated": (cells, separated)},
        {"norm": [norm.text for norm in norms], axis: list(values), "seed": list(seeds)},
    )
    out["factor"] = (
        ("norm", axis),
        [
            [
                euclidean_factor(norm, *({"d": d, "k": k} | {axis: value}).values())
                for value in values
            ]
            for norm in norms
        ],
    )
    across = np.repeat(values, len(seeds))
    for name in ("gap", "separated"):
        fits = [
            fit_exponent(across, out[name].isel(norm=i).values.ravel()) for i in range(len(gap))
        ]
        out[f"{name}_slope"] = "norm", [fit.value for fit in fits]
        out[f"{name}_error"] = "norm", [fit.error for fit in fits]
    return out


def euclidean_factor(norm: Norm, d: int, k: int) -> float:
    """The largest ``|W|_F / |W|`` over k x d matrices: what a bound pays that measures curvature in
    the Frobenius norm. sqrt(kd) for the max norm, sqrt(min(k, d)) for the spectral, 1 for its
    own."""
    return {"max": np.sqrt(k * d), "spectral": np.sqrt(min(k, d)), "frobenius": 1.0}[norm.text]
