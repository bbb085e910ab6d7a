"""Measured rates: how the margin gap of long runs falls, beside what the corollaries promise."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from ibias.data import Dataset
from ibias.maxmargin import max_margin
from ibias.measures import relative_error
from ibias.methods import SteepestDescent, grid
from ibias.norms import FROBENIUS, MAX, SPECTRAL, Norm
from ibias.runs import sweep
from ibias.schedules import Power
from ibias.signals import FullBatch, Signal

from ..exponents import fit_exponent
from .theory import constants, rates


def gap_exponents(
    datasets: Sequence[Dataset],
    norms: Sequence[Norm],
    powers: Mapping[float, Mapping[str, float]],
    signal: Signal,
    *,
    steps: int,
    records: int = 60,
) -> xr.Dataset:
    """Long runs with ``eta_t = eta0 (t+1)^-a`` for each a, and the slope of their relative margin
    gap over the last decade and a half.

    ``powers`` maps a to {norm text: eta0}.  ``gap`` over (data, norm, a, step); ``slope`` over
    (data, norm, a): of log gap against log t, at a = 1 against log log t; ``promised`` over a: the
    slope of the corollary's bound, logarithms aside.  Spread over ``data`` is the error bar.
    """
    record = np.unique(np.geomspace(10, steps, records).round().astype(int))
    gap = np.full((len(datasets), len(norms), len(powers), len(record)), np.nan)
    for i, data in enumerate(datasets):
        for j, norm in enumerate(norms):
            methods = [
                SteepestDescent(norm, signal, Power(eta0[norm.text], a), name=f"a={a:g}")
                for a, eta0 in powers.items()
            ]
            runs = sweep(data, methods, steps=steps, record=record, progress=False)
            gap[i, j] = 1 - runs.margin.isel(seed=0).values / max_margin(data, norm).margin
    found = xr.Dataset(
        {"gap": (("data", "norm", "a", "step"), gap)},
        coords={
            "data": [d.name for d in datasets],
            "norm": [n.text for n in norms],
            "a": list(powers),
            "step": record,
        },
    )
    late = found.gap.where(found.step >= steps / 30, drop=True)
    shape = found.gap.shape[:2]
    slope = np.array(
        [
            [_slope(late.step.values, late.values[(*at, l)], a) for l, a in enumerate(powers)]
            for at in np.ndindex(shape)
        ]
    ).reshape(*shape, -1)
    promised = [-rates.exponent(a) if a < 1 else -1.0 for a in powers]
    return found.assign(slope=(("data", "norm", "a"), slope), promised=("a", promised))


def _slope(steps, gap, a):
    return fit_exponent(np.log(steps) if a == 1 else steps, gap).value


def momentum_map(
    dataset: Dataset,
    lengths: Mapping[Norm, Power],
    *,
    batch_sizes: Sequence[int],
    forgetting: Sequence[float],
    steps: int,
    seeds=(0,),
) -> xr.Dataset:
    """Final errors over batches per epoch m and ``1 - beta``, beside the largest ``1 - beta`` for
    which a theorem applies.

    ``error`` (norm, forgetting, batches): median over seeds of the relative margin error after
    ``steps``.  ``least`` (norm, form, batches): largest ``1 - beta`` with a positive effective
    margin, for the forms "paper" and "sharper"; NaN at m = 1, where none is needed.  ``promised``
    (norm, form, forgetting, batches): the relative error 1 - rho / gamma that Theorem 4.3 leaves in
    the limit; NaN where its effective margin is not positive.
    """
    norms = list(lengths)
    best = {norm.text: max_margin(dataset, norm) for norm in norms}
    methods = grid(
        norms=norms, batch_sizes=batch_sizes, momenta=[1 - f for f in forgetting], schedule=lengths
    )
    runs = relative_error(
        sweep(dataset, methods, seeds=seeds, steps=steps, record=[0, steps]), best
    )
    batches = [dataset.n // b for b in batch_sizes]
    end = (
        runs.error.isel(step=-1)
        .median("seed")
        .values.reshape(len(norms), len(forgetting), len(batch_sizes))
    )
    least = np.array(
        [
            [
                [
                    _largest_forgetting(best[norm.text].lower, dataset.radius, m, form)
                    for m in batches
                ]
                for form in ("paper", "sharper")
            ]
            for norm in norms
        ]
    )
    coords = {
        "norm": [n.text for n in norms],
        "forgetting": list(forgetting),
        "batches": batches,
        "form": ["paper", "sharper"],
    }
    table = xr.Dataset(
        {
            "error": (("norm", "forgetting", "batches"), end),
            "least": (("norm", "form", "batches"), least),
        },
        coords,
    )
    lower = xr.DataArray([best[n.text].lower for n in norms], {"norm": coords["norm"]}, "norm")
    table["promised"] = _promised_errors(table, lower, dataset.radius)
    return table.sortby("batches").sortby("forgetting")


def _promised_errors(table: xr.Dataset, margin: xr.DataArray, radius: float) -> xr.DataArray:
    rho = xr.concat(
        [
            xr.apply_ufunc(
                lambda g, m, f, form=str(form): constants.effective_margin(
                    g, radius, m, 1 - f, form=form
                ),
                margin,
                table.batches,
                table.forgetting,
            )
            for form in table.form.values
        ],
        table.form,
    )
    return (1 - rho / margin).where(rho > 0)


def _largest_forgetting(margin, radius, m, form):
    return np.nan if m == 1 else 1 - constants.least_momentum(margin, radius, m, form=form)


def limits_by_exponent(
    dataset: Dataset,
    family: type[Norm],
    exponents: Sequence[float],
    *,
    steps: int,
    length: float = 0.25,
    a: float = 0.5,
) -> xr.Dataset:
    """Where full-batch steepest descent goes as the exponent of its norm moves through [1, inf].

    Over p: ``gamma``; ``error``, the relative margin error after ``steps`` (first step
    ``length / gamma``, so that all runs gain margin alike); ``reached``, the cosine of the final
    weights to the optimum of the same p; ``to`` over (p, landmark), the cosine of that optimum to
    the canonical optima of the max, Frobenius and spectral norms.
    """
    norms = [family(p) for p in exponents]
    best = [max_margin(dataset, norm) for norm in norms]
    landmarks = {
        norm.text: max_margin(dataset, norm).canonical for norm in (MAX, FROBENIUS, SPECTRAL)
    }
    cells = []
    for norm, optimum in zip(norms, best, strict=True):
        method = SteepestDescent(norm, FullBatch(), Power(length / optimum.margin, a))
        run = sweep(
            dataset,
            method,
            steps=steps,
            record=[steps],
            directions={"own": optimum.canonical},
            progress=False,
        )
        end = run.isel(optimizer=0, seed=0, step=-1)
        cells.append([optimum.margin, 1 - end.margin.item() / optimum.margin, end.cosine.item()])
    to = [
        [_cosine(optimum.canonical, landmark) for landmark in landmarks.values()]
        for optimum in best
    ]
    gamma, error, reached = np.array(cells).T
    return xr.Dataset(
        {
            "gamma": ("p", gamma),
            "error": ("p", error),
            "reached": ("p", reached),
            "to": (("p", "landmark"), to),
        },
        coords={"p": list(exponents), "landmark": list(landmarks)},
        attrs={"family": family.__name__},
    )


def _cosine(a, b):
    return float((a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b))
