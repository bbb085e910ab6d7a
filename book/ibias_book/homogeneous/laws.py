"""Closed forms along the runs, derived for this book: numpy in, numpy out."""

import numpy as np


def average_ratio(beta, delta):
    """``m / g`` for gradients that fall by ``e^-delta`` a step:
    ``(1 - beta) / (1 - beta e^delta)``; inf past ``delta = -log beta``.

    NaN where delta is NaN.
    """
    rest = 1 - beta * np.exp(delta)
    return np.where(rest <= 0, np.inf, (1 - beta) / np.where(rest <= 0, 1, rest))


def adam_unit(beta1, beta2, delta):
    """Adam's ``|D_j|`` for the same gradients: ``m/g`` times
    ``sqrt((1 - beta2 e^(2 delta)) / (1 - beta2))``; 0 past its speed limit."""
    rest = np.maximum(1 - beta2 * np.exp(2 * np.asarray(delta)), 0)
    return average_ratio(beta1, delta) * np.sqrt(rest / (1 - beta2))


def speed_limit(beta2):
    """The largest fall of the log-loss per step that Adam sustains over many times
    ``1 / (1 - beta2)`` steps: ``-log(beta2) / 2``.

    Faster, and m / sqrt(v) dies out.
    """
    return -np.log(beta2) / 2


def spectral_from_l2(gamma_l2, stable_rank):
    """The max-spectral margin at an l2 KKT point of a two-layer squared-ReLU network:
    ``3^(3/2) min(1, (sr/2)^(3/2)) gamma_2``."""
    return 3**1.5 * np.minimum(1, (stable_rank / 2) ** 1.5) * gamma_l2


def cusp(ratio, sigma, product_margin):
    """``gamma`` in the hybrid norm of ratio sigma of the run with rates of ratio ``ratio``:
    ``c ratio / max(sigma, ratio)^3``."""
    return product_margin * ratio / np.maximum(sigma, ratio) ** 3


def audit(runs):
    """Both sides of ``L sum_t [eta_t r_t / (N_t A_t) - log(N_(t+1)/N_t)] <= log(gamma~_T /
    gamma~_t0)``, per (optimizer, seed).

    Derived in continuous time: it holds for steps small against N.  ``rising``: the share of the
    ``steps`` at which gamma~ does not fall (NaN where there are none); theory promises it where r
    >= A: ``excess`` is the least r - A over them, ``falls`` counts the others, and ``broken`` those
    of them at which r >= A.

    ``runs``: a recording of every step.  It starts at the first step from which the smoothed margin
    exists and all samples are right.
    """
    import xarray as xr

    good = ((runs.smoothed_margin > 0) & (runs.min_margin > 0)).astype(int)
    # from the first step after the last bad one
    ready = (
        good.isel(step=slice(None, None, -1))
        .cumprod("step")
        .isel(step=slice(None, None, -1))
        .astype(bool)
    )
    eta = runs.eta0 * (runs.step + 1.0) ** -runs.a
    log_gamma = np.log(runs.smoothed_margin.where(ready)) - runs.attrs["degree"] * np.log(
        runs.own_norm
    )
    growth = np.log(runs.own_norm).diff("step", label="lower")
    terms = runs.attrs["degree"] * (eta * runs.alignment / (runs.own_norm * runs.own_kkt) - growth)
    gained = log_gamma.isel(step=-1) - log_gamma.isel(step=ready.argmax("step"))
    rises = log_gamma.diff("step", label="lower")
    before = ready.isel(step=slice(None, -1))
    return xr.Dataset(
        {
            "left": terms.where(before).sum("step"),
            "right": gained,
            "excess": (runs.alignment - runs.own_kkt).where(before).min("step"),
            "rising": (rises >= 0).sum("step") / rises.notnull().sum("step"),
            "steps": rises.notnull().sum("step"),
            "falls": (rises < 0).sum("step"),
            "broken": ((rises < 0) & (runs.alignment >= runs.own_kkt)).sum("step"),
        }
    )
