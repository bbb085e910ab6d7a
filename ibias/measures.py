"""What is recorded along a trajectory, and what is read off it afterwards."""

from collections.abc import Mapping

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from .norms import FROBENIUS, MAX, SPECTRAL
from .problem import Problem, log_mean

ALWAYS = {MAX: "norm_max", FROBENIUS: "norm_frobenius", SPECTRAL: "norm_spectral"}
"""Norms of the weights that are recorded whatever the method's own."""
LABELS = {
    "loss": "training loss",
    "log_loss": "log of the training loss",
    "min_margin": "smallest margin, not normalised",
    "proxy": "proxy G, the mean residual",
    "norm_max": "max norm of the weights",
    "norm_frobenius": "Frobenius norm of the weights",
    "norm_spectral": "spectral norm of the weights",
    "norm_own": "norm of the weights, in the optimizer's own norm",
    "margin": "normalised margin, in the optimizer's own norm",
    "diverged_at": "first recorded step with a weight that is not finite, or -1",
    "weights": "weights",
    "cosine": "cosine of the angle between the weights and a direction",
}
"""The title of a variable's axis."""


def measure(problem: Problem, w: Tensor, norms, directions=None) -> dict[str, np.ndarray]:
    """Every variable for weights ``(lanes, k, d)``, each ``(lanes,)``; ``norms[j]`` is the own norm
    of lane j.

    ``directions`` maps names to ``(k, d)`` matrices: adds ``cosine`` of shape
    ``(lanes, directions)``.  Margin and cosine are NaN at ``W = 0``.
    """
    z, loss = problem.logits(w), problem.loss
    soft, _ = problem.soft_margin(z)
    log_loss, log_proxy = log_mean(loss.log_loss(soft)), log_mean(loss.log_residual(soft))
    found = {"loss": log_loss.exp(), "log_loss": log_loss, "min_margin": problem.worst_gap(z)}
    found |= {"proxy": log_proxy.exp()} | {name: norm.value(w) for norm, name in ALWAYS.items()}
    out = {name: values.cpu().double().numpy() for name, values in found.items()}
    out["norm_own"] = np.empty(len(norms))
    for norm in set(norms):
        mine = [j for j, other in enumerate(norms) if other == norm]
        known = ALWAYS.get(norm)
        own = out[known][mine] if known else norm.value(w[mine]).cpu().double().numpy()
        out["norm_own"][mine] = own
    with np.errstate(invalid="ignore", divide="ignore"):
        out["margin"] = out["min_margin"] / np.where(out["norm_own"] > 0, out["norm_own"], np.nan)
    if directions:
        targets = torch.as_tensor(np.stack(list(directions.values()))).to(w)
        units = [each / FROBENIUS.value(each)[:, None, None] for each in (w, targets)]
        out["cosine"] = torch.einsum("lkd,jkd->lj", *units).cpu().double().numpy()
    return out


def relative_error(runs, best):
    """``runs`` with ``error = 1 - margin / gamma``, and ``cosine`` reduced to each optimizer's own
    direction when it was recorded.

    ``best`` maps a norm's text to its ``MaxMargin``.  An error above 1: a sample is misclassified.
    ``error_below`` and ``error_above`` use the ends of the certified interval of gamma.
    """
    known, norms = list(best) if isinstance(best, Mapping) else [], list(map(str, runs.norm.values))
    lacking = [text for text in norms if text not in known or not hasattr(best[text], "lower")]
    if lacking:
        raise ValueError(
            "relative_error(runs, best) needs best = {norm.text: ib.max_margin(data, norm)}; for"
            f" {lacking[0]!r} there is none in {known}"
        )
    own = [best[text] for text in norms]
    ends = [
        1 - runs.margin / xr.DataArray(gamma, dims="optimizer")
        for gamma in ([b.margin for b in own], [b.lower for b in own], [b.upper for b in own])
    ]
    errors = ends[0], np.minimum(*ends[1:]), np.maximum(*ends[1:])
    for name, error in zip(("error", "error_below", "error_above"), errors, strict=True):
        runs = runs.assign({name: error.assign_attrs(long_name="relative margin error")})
    if "direction" in runs.dims:
        runs = runs.assign(cosine=runs.cosine.sel(direction=runs.norm).drop_vars("direction"))
    return runs


def margin_shares(runs: xr.Dataset, best: Mapping) -> xr.Dataset:
    """``runs`` with ``ratio`` over (optimizer, seed, step, margin_of): the iterate's margin in each
    norm over the maximum margin there; ``best`` maps a norm's text to its ``MaxMargin``."""
    shares = []
    for name, maximum in best.items():
        length = runs[f"norm_{name}" if f"norm_{name}" in runs else "norm_own"]
        shares.append(runs.min_margin / length.where(length > 0) / maximum.margin)
    ratio = xr.concat(shares, dim=xr.Variable("margin_of", list(best)))
    ratio = ratio.transpose("optimizer", "seed", "step", "margin_of")
    return runs.assign(ratio=ratio.assign_attrs(long_name="share of the maximum margin"))


TIED = 1e-9  # relative; shares closer than this are one margin: rounding leaves about 1e-13


def nearest_margin(runs: xr.Dataset) -> str:
    """Which maximum margin the last iterates of the first optimizer are nearest to, in one
    sentence, with the numbers it rests on; ``runs`` come from ``margin_shares``."""
    last = runs.ratio.isel(optimizer=0, step=-1)
    steps = int(runs.step[-1])
    if not bool(last.notnull().all()):
        return f"no verdict: after {steps} steps the weights of some seeds are zero or not finite"
    wrong = int((last.isel(margin_of=0) <= 0).sum())
    if wrong:
        seeds = f"{wrong} of {last.sizes['seed']} seeds still misclassify a sample"
        return f"approaches none: after {steps} steps {seeds}"
    shares = {str(s.margin_of.values): float(s) for s in last.median("seed")}
    top = max(shares.values())
    nearest = [name for name, share in shares.items() if share > top * (1 - TIED)]
    others = [f"{name} {share:.2%}" for name, share in shares.items() if name not in nearest]
    names = ", ".join(nearest[:-1]) + " and " * (len(nearest) > 1) + nearest[-1]
    alike = "s alike" if len(nearest) > 1 else ""
    rest = "; ".join([", ".join(others)] * bool(others) + ["medians over seeds"])
    share = f"{top:.2%} of it after {steps} steps"
    return f"nearest to the maximum {names} margin{alike}: {share} ({rest})"
