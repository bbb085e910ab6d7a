"""The limit gap with momentum against the number that Theorem 4.3 makes it depend on."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from ibias.data import Dataset
from ibias.maxmargin import max_margin
from ibias.measures import relative_error
from ibias.methods import grid
from ibias.norms import Norm
from ibias.runs import sweep
from ibias.schedules import Power

from ..exponents import fit_exponent
from ..steepest.theory import constants
from .sampling import remaining_variance

QUANTITIES = ("N(beta, m)", "polynomial", "noise")


def excess(
    dataset: Dataset,
    lengths: Mapping[Norm, Power],
    batch_sizes: Sequence[int],
    momenta: Sequence[float],
    *,
    steps: int,
    seeds: Sequence[int],
) -> xr.Dataset:
    """What the batches cost: relative margin error minus the full batch's with equal momentum.

    ``excess`` over (norm, momentum, batch_size, seed) after ``steps``. ``predictor`` over
    (quantity, momentum, batch_size): the sharp worst case N(beta, m) of Lemma C.12, version 1's
    polynomial (1 - beta) m (m^2 - 1), and the variance of the average over that of one sample.
    """
    norms, n = list(lengths), dataset.n
    best = {norm.text: max_margin(dataset, norm) for norm in norms}
    methods = grid(
        norms=norms, batch_sizes=[*batch_sizes, n], momenta=momenta, schedule=dict(lengths)
    )
    runs = sweep(dataset, methods, seeds=seeds, steps=steps, record=[steps], progress=False)
    error = relative_error(runs, best).error.isel(step=-1)
    cells = error.values.reshape(len(norms), len(momenta), len(batch_sizes) + 1, len(seeds))
    m = n // np.array(batch_sizes)
    beta = np.array(momenta)[:, None]
    one_batch = (n - np.array(batch_sizes)) / (np.array(batch_sizes) * (n - 1))
    noise = np.array([[remaining_variance("reshuffled", b, j) for j in m] for b in momenta])
    return xr.Dataset(
        {
            "excess": (
                ("norm", "momentum", "batch_size", "seed"),
                cells[:, :, :-1] - cells[:, :, -1:],
            ),
            "predictor": (
                ("quantity", "momentum", "batch_size"),
                np.stack(
                    [
                        constants.sampling_error(beta, m),
                        constants.sampling_error_paper(beta, m),
                        noise * one_batch,
                    ]
                ),
            ),
        },
        {
            "norm": [norm.text for norm in norms],
            "momentum": list(momenta),
            "batch_size": list(batch_sizes),
            "seed": list(seeds),
            "quantity": list(QUANTITIES),
        },
    )


def agreement(cells: xr.Dataset, *, resolved: float, draws: int = 400) -> xr.Dataset:
    """How well each predictor orders and scales the excess, over (norm, quantity).

    Cells whose excess is below ``resolved`` are left out: their order is the scatter of the full
    batch's error. ``rank``: Spearman's rank correlation of the medians over seeds; ``rank_low`` and
    ``rank_high``: its 95 % interval over bootstrap draws of cells; ``behind_low``: the lower
    end for the first quantity's correlation minus this one's, on the same draws. ``slope`` and
    ``slope_error``: log-log exponent and its standard error over the ``used`` cells whose excess
    lies above ``resolved`` and below 0.5, where it can be read and is not saturated.
    """
    from scipy.stats import spearmanr

    shape = cells.sizes["norm"], cells.sizes["quantity"]
    names = ("rank", "rank_low", "rank_high", "behind_low", "slope", "slope_error", "used")
    out = {name: np.empty(shape) for name in names}
    rng = np.random.default_rng(0)
    numbers = [x.values.ravel() for x in cells.predictor.transpose("quantity", ...)]
    for i in range(shape[0]):
        y = cells.excess.isel(norm=i).median("seed").values.ravel()
        cells_read = np.flatnonzero(y > resolved)
        draw = rng.choice(cells_read, size=(draws, len(cells_read)))
        ranks = np.array([[spearmanr(x[r], y[r])[0] for x in numbers] for r in draw])
        out["rank"][i] = [spearmanr(x[cells_read], y[cells_read])[0] for x in numbers]
        out["rank_low"][i], out["rank_high"][i] = np.quantile(ranks, [0.025, 0.975], axis=0)
        out["behind_low"][i] = np.quantile(ranks[:, :1] - ranks, 0.025, axis=0)
        readable = (y > resolved) & (y < 0.5)
        fits = [fit_exponent(x[readable], y[readable]) for x in numbers]
        out["slope"][i], out["slope_error"][i] = np.transpose(fits)
        out["used"][i] = readable.sum()
    return xr.Dataset(
        {name: (("norm", "quantity"), values) for name, values in out.items()},
        {"norm": cells.norm, "quantity": cells.quantity},
    )


def as_text(fits: xr.Dataset) -> str:
    """Rank and power of each number with their 95 % intervals, as a table of text."""
    table = fits.to_dataframe().reset_index()
    interval = zip(table["rank"], table.rank_low, table.rank_high, strict=True)
    table["rank"] = [f"{a:.2f} ({low:.2f} to {high:.2f})" for a, low, high in interval]
    powers = zip(table.slope, table.slope_error, strict=True)
    table["power"] = [f"{a:.2f} ± {1.96 * error:.2f}" for a, error in powers]
    return table[["norm", "quantity", "rank", "power"]].to_markdown(index=False)
