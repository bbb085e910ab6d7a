"""What the chapters on proofs, losses and one sample at a time draw: labelled data, read by
`ibias_book.figures.theory`."""

import numpy as np
import pandas as pd
import torch
import xarray as xr

from ibias.data import counterexample, gaussian
from ibias.losses import CROSS_ENTROPY, EXPONENTIAL
from ibias.maxmargin import max_margin
from ibias.measures import relative_error
from ibias.methods import SteepestDescent
from ibias.norms import FROBENIUS, MAX, SPECTRAL
from ibias.problem import Problem
from ibias.runs import sweep
from ibias.schedules import Power
from ibias.signals import FullBatch, Minibatch, Momentum, VarianceReduced

from ..theory import constants, skewed
from ..theory.recursion import measured_margin_floor
from .trajectories import certified_runs, path


def proof_runs(points=300):
    """One certified run per appendix D-G with every quantity of its proof, over (run, step), steps
    thinned to ``points``.

    Variables: ``error`` measured eps_t, ``prior`` a-priori eps_t, ``loss`` and ``threshold``,
    ``margin`` q(W_t) with ``floor`` (a-priori constants) and ``measured_floor``, ``gap`` rho -
    q/||W|| and its ``bound``; NaN before the step from which a bound is claimed. Attributes of each
    run, as coordinates: ``gamma``, ``rho``, ``t0``, ``t1``, ``radius``.
    """
    wanted = {
        "D: full batch": ("plain", FROBENIUS, 6),
        "E: momentum": ("momentum", MAX, 4),
        "F: variance reduction": ("VR", FROBENIUS, 6),
        "G: both": ("VR+momentum", SPECTRAL, 4),
    }
    found = [
        _proof(_first(*which), points).assign_coords(run=label) for label, which in wanted.items()
    ]
    return xr.concat(found, "run", join="outer", coords="all", compat="equals")


def _first(kind, norm, samples):
    return next(
        c for c in certified_runs() if (c.kind, c.norm, c.dataset.n) == (kind, norm, samples)
    )


def _proof(run, points):
    r, replay, start = run.recursion, run.replay, run.recursion.settled_from
    t1, total = run.separated_from(start), run.steps
    late = np.full(total, np.nan)
    floor, measured, bound = late.copy(), late.copy(), late.copy()
    floor[t1:] = r.margin_floor(t1, run.ratio[t1:])[1:]
    first = run.separated_from()
    measured[first:] = measured_margin_floor(
        run.eta[first:], run.ratio[first:], run.error[first:], r.margin, r.radius
    )[1:]
    bound[t1:] = r.gap_bound(t1, total)
    values = {
        "error": run.error,
        "prior": r.error(total),
        "loss": np.exp(replay.log_loss[1:]),
        "margin": replay.min_margin[1:],
        "floor": floor,
        "measured_floor": measured,
        "gap": r.rho - replay.min_margin[1:] / run.own_norm[1:],
        "bound": bound,
    }
    kept = np.unique(np.geomspace(1, total, points).astype(int)) - 1
    constants_of_run = {
        "gamma": r.margin,
        "rho": r.rho,
        "t0": start,
        "t1": t1,
        "radius": r.radius,
        "alpha": r.alpha,
        "threshold": np.log(2) / run.dataset.n,
    }
    return xr.Dataset(
        {name: ("step", value[kept]) for name, value in values.items()},
        {"step": kept + 1} | constants_of_run,
    )


def two_losses(steps=20_000, seeds=range(5)):
    """Cross-entropy and exponential loss side by side: relative margin errors over (loss,
    optimizer, seed, step)."""
    data = gaussian(classes=3, per_class=4, dim=16, variance=0.2, seed=1)
    best = {norm.text: max_margin(data, norm) for norm in (MAX, FROBENIUS, SPECTRAL)}
    first = {MAX: 0.05, FROBENIUS: 0.3, SPECTRAL: 0.15}
    methods = [
        SteepestDescent(norm, signal, Power(eta0), name=f"{norm.text}, {text}")
        for norm, eta0 in first.items()
        for text, signal in (
            ("full batch", FullBatch()),
            ("b = 2, momentum 0.99", Momentum(0.99, Minibatch(2))),
            ("b = 2, VR", VarianceReduced(Minibatch(2))),
        )
    ]
    parts = [
        relative_error(
            sweep(data, methods, seeds=seeds, steps=steps, loss=loss, progress=False), best
        ).assign_coords(loss_name=loss.text)
        for loss in (CROSS_ENTROPY, EXPONENTIAL)
    ]
    return xr.concat([part[["error"]] for part in parts], "loss_name")


def ends_by_loss(end):
    """Of ``two_losses`` at its last step, a row a norm and method: the medians under both losses
    and the largest difference of one shuffle."""
    norms, methods = zip(*(str(name).split(", ", 1) for name in end.optimizer.values), strict=True)
    middle = end.median("seed")
    columns = {str(loss): middle.sel(loss_name=loss).values for loss in end.loss_name.values}
    apart = abs(end.diff("loss_name")).max(["loss_name", "seed"]).values
    return pd.DataFrame(
        {"norm": norms, "method": methods} | columns | {"largest difference": apart}
    )


def warm_up(steps=400, seeds=range(5)):
    """How far L moves in the first steps under the exponential loss, of methods whose effective
    margin is positive: log ratio, version 1's claim, and the corrected bound.

    Sign descent on V.2's data, twenty samples, over (recipe, seed, step). ``change`` is log
    L(W_t)/L(W_0); ``difference`` |L(W_t) - L(W_0)| over 2R sum eta, which version 1's C.6 would
    keep below 1; ``bound`` 2R sum eta; ``rho`` (recipe) the effective margin.
    """
    data, step = counterexample("X.2", 19), Power(0.3)
    best = max_margin(data, MAX).lower
    cases = [(4, 0.99, False), (4, 0.99, True), (1, 0.9985, False)]
    names, rho, logs = [], [], []
    for b, beta, reduced in cases:
        signal = VarianceReduced(Minibatch(b)) if reduced else Minibatch(b)
        method = SteepestDescent(MAX, Momentum(beta, signal), step)
        names.append(f"b = {b}, momentum {beta}" + (", VR" if reduced else ""))
        rho.append(
            constants.effective_margin(
                best, data.radius, data.n // b, beta, variance_reduction=reduced
            )
        )
        weights = [path(data, method, steps, seed, loss=EXPONENTIAL) for seed in seeds]
        logs.append(Problem(data, EXPONENTIAL).log_loss(torch.as_tensor(np.stack(weights))))
    log_loss = np.stack([log.numpy() for log in logs])
    spent = 2 * data.radius * np.cumsum(step.steps(steps))
    moved = np.abs(np.exp(log_loss[..., 1:]) - np.exp(log_loss[..., :1])) / spent
    axes = ("recipe", "seed", "step")
    return xr.Dataset(
        {
            "change": (axes, log_loss[..., 1:] - log_loss[..., :1]),
            "bound": ("step", spent),
            "difference": (axes, moved),
            "rho": ("recipe", rho),
        },
        {"recipe": names, "seed": list(seeds), "step": np.arange(1, steps + 1)},
    )


def per_sample(dataset, methods, seeds, steps, points=80):
    """Figure 2 on scale-skewed data: what one sample at a time does, recorded at ends of epochs.

    Over (optimizer, seed, step): ``error`` (also over ``measured``, the norm the margin is divided
    by), ``cosine`` over ``direction`` ("bias" and "max margin", the method's own), ``distance``
    between the direction and the bias matrix's, its explicit ``bound``, ``loss``.

    Raises ValueError for runs shorter than an epoch, which leave nothing to record.
    """
    n, k = dataset.n, dataset.k
    if steps < n:
        raise ValueError(
            f"an epoch of one sample at a time takes {n} steps, and runs are recorded at ends of"
            f" epochs; got steps = {steps}: use at least {n}"
        )
    record = np.r_[0, n * np.unique(np.geomspace(1, steps // n, points).astype(int))]
    best = {norm.text: max_margin(dataset, norm) for norm in (MAX, FROBENIUS, SPECTRAL)}
    bias = {
        "sign": skewed.sign_bias(dataset.y, k),
        "normalized": skewed.normalized_bias(dataset.y, k),
    }
    directions = bias | {name: found.canonical for name, found in best.items()}
    runs = sweep(
        dataset,
        methods,
        seeds=seeds,
        steps=steps,
        record=record,
        directions=directions,
        progress=False,
    ).isel(step=slice(1, None))
    start = sweep(dataset, methods, seeds=seeds, steps=0, record=[0], progress=False)
    errors = [
        1 - runs.min_margin / runs[f"norm_{name}"] / found.margin for name, found in best.items()
    ]
    parts = [
        _toward(runs.isel(optimizer=[j]), method, bias, record[1:], n)
        for j, method in enumerate(methods)
    ]
    out = xr.concat(parts, "optimizer", coords="minimal", compat="override", join="outer")
    out["error"] = xr.concat(
        errors,
        xr.DataArray(list(best), dims="measured", name="measured"),
        coords="minimal",
        compat="override",
    )
    out["first_loss"] = start.loss.isel(step=0, drop=True)
    return out


def _toward(run, method, bias, record, n):
    """Cosines of one method to its own bias matrix and max-margin solution, the distance and its
    bound."""
    family = "sign" if method.norm == MAX else "normalized"
    cosine = run.cosine.sel(direction=[family, method.norm.text]).assign_coords(
        direction=["bias", "max margin"]
    )
    length = np.sqrt(len(bias[family])) if family == "sign" else 1.0
    epochs = np.cumsum(method.schedule.steps(int(record[-1]))[::n])[record // n - 1]
    bound = skewed.direction_bound(
        epochs, n, bias[family], step_norm=length, eta0=method.schedule.eta0
    )
    # |a - b|^2 = 2 (1 - cos) for unit matrices
    distance = np.sqrt(2 * (1 - cosine.sel(direction="bias", drop=True)).clip(0))
    return xr.Dataset(
        {
            "cosine": cosine,
            "distance": distance,
            "loss": run.loss,
            "bound": (("optimizer", "step"), bound[None]),
        }
    )
