"""Reshuffling with momentum where the curvature fluctuates: exact second moments over epochs.

A flat direction, theta' = theta - eta M, M' = beta M + (1 - beta) (b_j + h_j theta), with offsets b
and slopes h that sum to zero over an epoch's m batches. An epoch in a given order is one affine map
of (theta, M); the mean of the maps' squares over all m! orders carries second moments on, exactly.
"""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from scipy.signal import lfilter

from ibias.streams import generator

from ..exponents import fit_exponent
from ..fluctuating.reshuffling import all_orders, momentum_floor


def landscape(m: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Offsets and slopes of ``m`` batches: mean 0, variance 1, uncorrelated."""
    draws = np.c_[np.ones(m), generator(seed).standard_normal((m, 2))]
    b, h = np.linalg.qr(draws)[0].T[1:] * np.sqrt(m)
    return b, h


def epoch_maps(b: np.ndarray, h: np.ndarray, eta: float, beta: float) -> np.ndarray:
    """The map of (theta, M, 1) over an epoch, for every order: ``(m!, 3, 3)``."""
    orders = all_orders(len(b))
    maps = np.broadcast_to(np.eye(3), (len(orders), 3, 3)).copy()
    for offset, slope in zip(b[orders].T, h[orders].T, strict=True):
        old, maps = maps, maps.copy()
        gradient = slope[:, None] * old[:, 0] + offset[:, None] * old[:, 2]
        maps[:, 1] = beta * old[:, 1] + (1 - beta) * gradient
        maps[:, 0] = old[:, 0] - eta * maps[:, 1]
    return maps


def variances(b: np.ndarray, h: np.ndarray, eta: float, beta: float, epochs: int) -> np.ndarray:
    """Variance of theta after 1 .. ``epochs`` epochs from rest, over all orders of all of them."""
    maps = epoch_maps(b, h, eta, beta)
    carry = np.einsum("oij,okl->ikjl", maps, maps).reshape(9, 9) / len(maps)
    moments, out = np.diag([0.0, 0, 1]).ravel(), np.empty(epochs)
    for r in range(epochs):
        moments = carry @ moments
        second = moments.reshape(3, 3)
        out[r] = second[0, 0] - second[0, 2] ** 2
    return out


def growth_coefficient(b: np.ndarray, h: np.ndarray, beta: float) -> float:
    """What an epoch adds to the variance, over eta^4, at leading order.

    z = theta - eta beta/(1 - beta) M moves by -eta h_t theta_t; the batches of the running epoch
    enter theta_t with 1 - beta^(distance), earlier epochs through the average they left. Both parts
    are uncorrelated between epochs.
    """
    orders, m = all_orders(len(b)), len(b)
    apart = np.subtract.outer(np.arange(m), np.arange(m))
    weights = np.where(apart > 0, 1 - float(beta) ** np.abs(apart), 0.0)
    own = np.einsum("ot,ts,os->o", h[orders], weights, b[orders])
    powers = float(beta) ** np.arange(m)
    spread = (powers**2).sum() - powers.sum() ** 2 / m
    shared = m / (m - 1) * spread * np.array([h.var(), beta**2 * b.var()])
    return float(own.var() + shared.prod() / (1 - beta ** (2 * m)))


def pull(h: np.ndarray, beta: float) -> float:
    """By which share, over eta^2, an epoch draws theta back on average: var(h)/(m - 1) sum_d (m -
    d)(1 - beta^d); m var(h) / 2 without momentum."""
    m = len(h)
    d = np.arange(1, m)
    return float(h.var() / (m - 1) * ((m - d) * (1 - float(beta) ** d)).sum())


def orders_in_eta(
    m: int, betas: Sequence[float], etas: Sequence[float], epochs: int, seed: int = 0
) -> xr.Dataset:
    """``growth`` of the variance per epoch over the second half of ``epochs``, over (beta, eta);
    ``leading``, what `growth_coefficient` and `pull` make of it; ``slope`` and ``slope_error``: the
    order in eta that the growth has."""
    b, h = landscape(m, seed)
    growth, leading = np.empty((2, len(betas), len(etas)))
    half = epochs // 2
    for i, j in np.ndindex(growth.shape):
        beta, eta = betas[i], etas[j]
        v = variances(b, h, eta, beta, epochs)
        growth[i, j] = (v[-1] - v[half - 1]) / (epochs - half)
        kept = 1 - 2 * eta**2 * pull(h, beta)
        gathered = (kept**half - kept**epochs) / (1 - kept) / (epochs - half)
        leading[i, j] = eta**4 * growth_coefficient(b, h, beta) * gathered
    fits = [fit_exponent(etas, row) for row in growth]
    return xr.Dataset(
        {
            "growth": (("beta", "eta"), growth),
            "leading": (("beta", "eta"), leading),
            "slope": ("beta", [fit.value for fit in fits]),
            "slope_error": ("beta", [fit.error for fit in fits]),
        },
        {"beta": list(betas), "eta": list(etas)},
    )


def settling(b: np.ndarray, h: np.ndarray, betas: Sequence[float], eta: float, epochs: int):
    """``variance`` over eta^2 after every 10 % more epochs, over (beta, epoch), and the ``level``
    at which it should settle: the floor of constant slopes and growth over twice the pull."""
    record = np.unique(np.geomspace(1, epochs, 60).astype(int))
    paths = [variances(b, h, eta, beta, epochs)[record - 1] / eta**2 for beta in betas]
    level = [
        momentum_floor(1.0, b.var(), len(b), beta)
        + growth_coefficient(b, h, beta) / 2 / pull(h, beta)
        for beta in betas
    ]
    return xr.Dataset(
        {"variance": (("beta", "epoch"), paths), "level": ("beta", level)},
        {"beta": list(betas), "epoch": record},
    )


def sign_variance(m: int, beta: float, steps: int, reshuffled: bool) -> float:
    """Variance of the sum of ``steps`` signs of the average of Gaussian batches, exactly.

    Signs of Gaussians of correlation r correlate with (2/pi) arcsin r; two batches of an epoch
    that sums to zero with -1/(m - 1), all others not at all.
    """
    t = np.arange(steps)
    lags = np.subtract.outer(t, t)
    average = np.where(lags >= 0, float(beta) ** np.abs(lags), 0.0)
    same = np.equal.outer(t // m, t // m)
    batches = np.eye(steps) - (same & (lags != 0)) / (m - 1) if reshuffled else np.eye(steps)
    covariance = average @ batches @ average.T
    size = np.sqrt(covariance.diagonal())
    r = np.clip(covariance / np.multiply.outer(size, size), -1, 1)
    return float(2 / np.pi * np.arcsin(r).sum())


def sign_shares(m: int, betas: Sequence[float], epochs: int, replicas: int) -> xr.Dataset:
    """Sign of the average on a flat direction: variance reshuffled over with replacement, ``law``
    and ``measured`` on ``replicas`` draws, over beta; m > 2, where the last sign of a bare epoch
    is no tie."""
    draws = generator(1).standard_normal((replicas, epochs, m))
    zero_sum = draws - draws.mean(-1, keepdims=True)
    law, measured = np.empty((2, len(betas)))
    for i, beta in enumerate(betas):
        exact = [sign_variance(m, beta, epochs * m, kind) for kind in (True, False)]
        walks = [
            np.sign(lfilter([1.0], [1.0, -beta], one.reshape(replicas, -1))).sum(-1).var()
            for one in (zero_sum, draws)
        ]
        law[i], measured[i] = exact[0] / exact[1], walks[0] / walks[1]
    return xr.Dataset({"law": ("beta", law), "measured": ("beta", measured)}, {"beta": list(betas)})
