"""Tables of constants: what a data set is like in each norm."""

from collections.abc import Mapping, Sequence
from time import process_time

import numpy as np
import xarray as xr

from .data import Dataset
from .maxmargin import NotSeparable, max_margin
from .norms import Norm


def margins(datasets: Mapping[str, Dataset], norms: Sequence[Norm]) -> xr.Dataset:
    """Certified maximum margins over (data, norm), and the constants of Assumptions 3.1 and 3.2 per data set.

    Variables ``lower``, ``upper``, ``gap`` (relative), ``unique``, ``face_dim``, ``ratio`` = gamma / 2R (at most 1, Lemma V), ``seconds`` of CPU;
    ``n``, ``d``, ``k``, ``radius`` (R), ``separable`` per data set.  Margins of data that are not separable are NaN.
    """
    names = ("lower", "upper", "gap", "unique", "face_dim", "ratio", "seconds")
    cells = np.array([[_cell(data, norm) for norm in norms] for data in datasets.values()])
    table = xr.Dataset(
        {name: (("data", "norm"), cells[..., j]) for j, name in enumerate(names)},
        coords={"data": list(datasets), "norm": [norm.text for norm in norms]},
    )
    for name in ("n", "d", "k", "radius"):
        table[name] = "data", [getattr(data, name) for data in datasets.values()]
    return table.assign(separable=table.lower.notnull().all("norm"))


def _cell(data, norm):
    began = process_time()
    try:
        best = max_margin(data, norm)
    except NotSeparable:
        return [np.nan] * 6 + [process_time() - began]
    gap = (best.upper - best.lower) / best.lower
    return [best.lower, best.upper, gap, best.unique, best.face_dim, best.margin / (2 * data.radius), process_time() - began]
