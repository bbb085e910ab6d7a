"""Is the rate free of the dimension? The same radius and margin in ever larger spaces."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
import xarray as xr
from scipy import stats

from ibias.data import Dataset
from ibias.maxmargin import max_margin
from ibias.methods import SteepestDescent
from ibias.norms import Norm
from ibias.problem import Problem
from ibias.schedules import Power
from ibias.signals import Minibatch, Momentum

from ..exponents import Exponent, fit_exponent
from ..steepest.statements.trajectories import path

ENTRIES = 8
"""Non-zero features of a sample."""
CORE = 30
"""Features that `embedded` data really have."""
ASIDE = 12
"""Samples that compete with none in `bystanders`."""


def matched(norm: Norm, n: int, d: int, k: int, ratio: float, seed: int) -> tuple[Dataset, float]:
    """``n`` random samples in ``k`` classes with ``|x_i|_1 = 1`` and a margin of ``ratio`` to 1 %;
    beside them that margin, to 1e-4.

    Each sample has `ENTRIES` Gaussian entries at random places, so that no norm of it depends on d.
    """
    own, common = _sparse(n, d, np.random.default_rng([seed, d, k]))
    return _pulled_to(ratio, norm, own, common, np.arange(n) % k)


def embedded(norm: Norm, n: int, d: int, k: int, ratio: float, seed: int) -> tuple[Dataset, float]:
    """`matched` data of `CORE` features, put into ``d`` so that nothing a bound depends on moves:
    the radius, the margin and how the samples lie to each other.

    For the max norm each feature is split over its share of the d in random signed parts of sum 1;
    for norms of singular values it is put in a random place with a random sign, the one linear map
    that keeps the radius in the sum norm and all angles.
    """
    rng = np.random.default_rng([seed, d, k, CORE])
    data, margin = matched(norm, n, CORE, k, ratio, int(rng.integers(2**31)))
    places, signs = rng.permutation(d), rng.choice([-1.0, 1.0], d)
    x = np.zeros((n, d))
    if norm.text == "max":
        owner = np.arange(d) % CORE
        parts = rng.exponential(size=d)
        parts /= np.bincount(owner, parts)[owner]
        x[:, places] = data.x[:, owner] * parts * signs
    else:
        x[:, places[:CORE]] = data.x * signs[:CORE]
    return Dataset(x, data.y, f"embedded(d={d}, {seed})"), margin


def bystanders(
    norm: Norm, n: int, d: int, k: int, ratio: float, seed: int
) -> tuple[Dataset, float]:
    """`matched` data of four classes beside `ASIDE` samples on axes of their own, which make up the
    other ``k`` - 4 classes: n, radius and margin stay, and so do the samples that compete, the same
    for every k."""
    rng = np.random.default_rng([seed, d, ASIDE])
    own, common = _sparse(n - ASIDE, d - ASIDE, rng)
    x = np.zeros((n, d))
    x[:-ASIDE, :-ASIDE] = own
    x[-ASIDE:, -ASIDE:] = np.eye(ASIDE)
    y = np.r_[np.arange(n - ASIDE) % 4, 4 + np.arange(ASIDE) % (k - 4)]
    return _pulled_to(ratio, norm, x, np.r_[common, np.zeros(ASIDE)], y, aside=ASIDE)


def _sparse(n: int, d: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """``n`` samples and one more point to pull them to."""
    places = rng.permuted(np.tile(np.arange(d), (n + 1, 1)), axis=1)[:, :ENTRIES]
    points = np.zeros((n + 1, d))
    np.put_along_axis(points, places, rng.normal(size=places.shape), axis=1)
    return points[:-1], points[-1]


def _pulled_to(ratio, norm, own, common, y, aside=0) -> tuple[Dataset, float]:
    """All samples but the last ``aside`` pulled towards ``common`` until the margin is ``ratio``:
    that takes margin from any data without touching the radius. Raises ValueError where even the
    unpulled data have less."""
    moves = (np.arange(len(own)) < len(own) - aside)[:, None]

    def pulled(share):
        x = np.where(moves, (1 - share) * own + share * common, own)
        x /= np.abs(x).sum(1, keepdims=True)
        return Dataset(x, y, f"matched(d={x.shape[1]}, k={y.max() + 1})")

    # regula falsi: fully pulled data have no margin; a side kept twice counts half (Illinois)
    low, high, share, kept = [0.0, np.nan], [1.0, -ratio], 0.0, 0
    for _ in range(40):
        data = pulled(share)
        # a coarse interval is enough to aim by; 0.6 % off and 0.4 % wide is within 1 %
        margin = max_margin(data, norm, tolerance=4e-3, progress=False).margin
        over = margin - ratio
        if abs(over) < 0.006 * ratio:
            return data, max_margin(data, norm, tolerance=1e-4, progress=False).margin
        if over < 0 and share == 0:
            break
        mine, other = (low, high) if over > 0 else (high, low)
        other[1] *= 0.5 if kept == np.sign(over) else 1
        mine[:], kept = [share, over], np.sign(over)
        share = (low[0] * high[1] - high[0] * low[1]) / (high[1] - low[1])
    n, d = own.shape
    raise ValueError(
        f"n = {n}, d = {d}, k = {y.max() + 1} leaves a {norm.text} margin of {margin:.3g}, below"
        f" the {ratio:.3g} asked for; ask for less"
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
    family: Callable = matched,
) -> xr.Dataset:
    """Momentum runs on data of a ``family`` while d or k moves (``axis`` names which; ``values``
    are its sizes).

    ``norms`` maps a norm to its margin at radius 1. Over (norm, size, seed), the seed drawing data
    and batches: ``gap``, the relative margin error after ``steps``, and ``separated``, the first
    step after which all samples stay classified. ``factor`` over (norm, size) is
    `euclidean_factor`. ``gap_slope``, ``gap_error`` and the same for
    ``separated``: exponent in the size and its standard error over all points.
    """
    if len(values) * len(seeds) < 3:
        raise ValueError(
            f"an exponent in {axis} with an error bar needs 3 runs; got {len(values)} sizes"
            f" of {len(seeds)} seeds: use more seeds"
        )
    gap, separated = np.empty((2, len(norms), len(values), len(seeds)))
    record = np.unique(np.r_[np.arange(min(300, steps)), np.geomspace(1, steps, 60).astype(int)])
    for at in np.ndindex(gap.shape):
        norm, ratio = list(norms.items())[at[0]]
        shape = {"d": d, "k": k} | {axis: values[at[1]]}
        data, gamma = family(norm, n, shape["d"], shape["k"], ratio, seeds[at[2]])
        method = SteepestDescent(
            norm, Momentum(0.9, Minibatch(n // 4)), Power(0.25 / ratio, 0.5), "N"
        )
        # a feature that no sample has gets no gradient: its weights stay 0, and are left out
        data = Dataset(data.x[:, data.x.any(0)], data.y, data.name)
        # many records of one run: its weights first, then the margins of all at once
        w = torch.from_numpy(path(data, method, steps, seeds[at[2]], record=record))
        margins = Problem(data).min_margin(w)
        gap[at] = 1 - float(margins[-1] / norm.value(w[-1])) / gamma
        wrong = record[(margins <= 0).numpy()]
        if wrong.max() == record[-1]:
            raise ValueError(
                f"in the {norm.text} norm, {axis} = {values[at[1]]}, seed {seeds[at[2]]}, a sample"
                f" is still misclassified after {steps} steps: take more of them"
            )
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
    for name in ("gap", "separated"):
        fits = [within(values, out[name].isel(norm=i).values) for i in range(len(gap))]
        out[f"{name}_slope"] = "norm", [fit.value for fit in fits]
        out[f"{name}_error"] = "norm", [fit.error for fit in fits]
    return out


def within(sizes: Sequence[int], y: np.ndarray) -> Exponent:
    """Exponent of ``y`` ``(sizes, seeds)`` in the size, a level of its own for every seed: its mean
    is taken out, and a degree of freedom each with it."""
    count, seeds = y.shape
    level = y / np.exp(np.log(y).mean(0))
    fit = fit_exponent(np.repeat(sizes, seeds), level.ravel())
    free = count * seeds - 2
    return Exponent(fit.value, fit.error * float(np.sqrt(free / (free - seeds + 1))))


def euclidean_factor(norm: Norm, d: int, k: int) -> float:
    """The largest ``|W|_F / |W|`` over k x d matrices: what a bound pays that measures curvature in
    the Frobenius norm. sqrt(kd) for the max norm, sqrt(min(k, d)) for the spectral, 1 for its
    own."""
    return {"max": np.sqrt(k * d), "spectral": np.sqrt(min(k, d)), "frobenius": 1.0}[norm.text]


def half_width(cells: xr.Dataset, name: str) -> xr.DataArray:
    """Half a 95 % interval of the exponent of ``name``: Student's t, as the points are few."""
    axis = next(axis for axis in ("d", "k") if axis in cells.sizes)
    free = (cells.sizes[axis] - 1) * cells.sizes["seed"] - 1
    return float(stats.t.ppf(0.975, free)) * cells[f"{name}_error"]


def contains_zero(cells: xr.Dataset, name: str) -> xr.DataArray:
    """Whether the interval of the exponent of ``name`` contains 0, per norm."""
    return np.abs(cells[f"{name}_slope"]) <= half_width(cells, name)


def said(cells: xr.Dataset, name: str) -> str:
    """The exponents of ``name`` as words: "0.01 ± 0.04 (max), ..."."""
    rows = zip(
        cells[f"{name}_slope"].values,
        half_width(cells, name).values,
        cells.norm.values,
        strict=True,
    )
    return ", ".join(f"{value:.2f} ± {width:.2f} ({norm})" for value, width, norm in rows)


def as_text(families: dict[str, xr.Dataset]) -> str:
    """A table of the exponents, a row per family and quantity."""
    rows = [
        f"| {name} | {quantity} | " + " | ".join(said(one, key).split(", ")) + " |"
        for name, one in families.items()
        for key, quantity in (("gap", "gap"), ("separated", "time to separate"))
    ]
    return "\n".join(["| data | exponent of | | | |", "|---|---|---|---|---|", *rows])
