"""Parameter-free predictions for a network, from the statistics of one point.

With replacement, mode i of the eigenbasis ("diagonal closure": only the diagonal of the covariance
is followed):
    mu_i' = (1 - eta l_i) mu_i - eta g_i
    v_i'  = (1 - eta l_i)^2 v_i + eta^2 f (c_i + 2 K_i mu_i + sum_j V_ij (v_j + mu_j^2)),   f =
    batch_factor(n, b)
"""

import numpy as np
import torch
import xarray as xr
from torch.func import grad, hessian

from ibias._checks import whole
from ibias.runs import recording

from ..batches import batches_per_epoch
from .checks import positive_step
from .reshuffling import area_variance, linear_epoch_variance
from .statistics import batch_factor


def stationary_variance(statistics, eta, batch) -> np.ndarray:
    """The formula that the paper's networks were compared with: eta Var(G_i) / (2 |l_i|)."""
    c = batch_factor(statistics.n, batch) * statistics.noise
    return positive_step(eta) * c / (2 * np.abs(statistics.curvature))


def predict_variance(statistics, eta, batch, record, fluctuating=True) -> xr.Dataset:
    """Mean and variance with replacement at the steps ``record``, from one point;
    ``fluctuating=False`` freezes the Hessian."""
    eta, f = positive_step(eta), batch_factor(statistics.n, batch)
    record = recording(record, int(np.max(record)))
    l, c, k, V = statistics.curvature, statistics.noise, statistics.diagonal, statistics.coupling
    mu, v = np.zeros_like(l), np.zeros_like(l)
    means, variances = [], []
    for step in range(record[-1] + 1):
        if step in record:
            means.append(mu)
            variances.append(v)
        noise = c + (2 * k * mu + V @ (v + mu**2) if fluctuating else 0)
        v = (1 - eta * l) ** 2 * v + eta**2 * f * noise
        mu = (1 - eta * l) * mu - eta * statistics.gradient
    kept = {
        "mean": (("step", "mode"), np.array(means)),
        "variance": (("step", "mode"), np.array(variances)),
    }
    return xr.Dataset(kept, {"step": record, "mode": np.arange(len(l))})


def predict_reshuffled(statistics, eta, batch, epochs) -> xr.Dataset:
    """Mean and variance at the ends of the given ``epochs`` under random reshuffling, leading order
    in eta.

    variance = (linear bridge + eta^4 Var X_i) (1 - q^2mr) / (1 - q^2m); mean = -(eta^2 m / 2) E[H_B
    b_B]_i (1 - q^mr) / (1 - q^m), q = 1 - eta l_i.
    """
    eta, n = positive_step(eta), statistics.n
    if statistics.area is None:
        raise ValueError(
            "these statistics lack the reshuffling traces; compute them with noise_statistics(...,"
            " reshuffling=True)"
        )
    m, f = batches_per_epoch(n, batch), batch_factor(n, batch)
    epochs = np.asarray([whole("epochs", e, 1) for e in epochs])
    l, c = statistics.curvature, f * statistics.noise
    area = area_variance(n, batch, *statistics.area, n * statistics.force)
    one = linear_epoch_variance(eta, l, c, m) + eta**4 * area
    q = 1 - eta * l
    drift = -(eta**2) * m / 2 * f * statistics.force
    variance = one * geometric(q ** (2 * m), epochs[:, None])
    mean = drift * geometric(q**m, epochs[:, None])
    return xr.Dataset(
        {"mean": (("step", "mode"), mean), "variance": (("step", "mode"), variance)},
        {"step": epochs * m, "mode": np.arange(len(l))},
    )


def geometric(ratio, terms):
    """1 + ratio + ... + ratio^(terms - 1), also where ratio is 1 to rounding."""
    gap = 1 - ratio
    flat = np.abs(gap) < 1e-10  # here the quotient loses more digits than the limit is wrong by
    return np.where(flat, terms * 1.0, (1 - ratio**terms) / np.where(flat, 1.0, gap))


def entropic_drift(network, theta, frame, eta, batch, steps, knots=8) -> np.ndarray:
    """Mean displacement after ``steps`` with replacement: the force -(eta/2) T_ijk Sigma_jk of the
    third derivatives on the growing cloud.

    Sigma is the exact covariance of the linear map, full and not only diagonal.  The force is
    evaluated at ``knots`` times and interpolated.
    """
    eta, f = positive_step(eta), batch_factor(frame.n, batch)
    q = 1 - eta * frame.curvature
    u = torch.as_tensor(np.array(frame.vectors))
    pair = q[:, None] * q[None, :]
    times = np.unique(np.round(np.geomspace(1, steps, knots)).astype(int))
    forces = []
    for t in times:
        sigma = u @ torch.from_numpy(eta**2 * f * frame.covariance * geometric(pair, t)) @ u.T
        third = grad(lambda point, sigma=sigma: (hessian(network.loss)(point) * sigma).sum())(theta)
        forces.append((u.T @ third.detach()).numpy())
    return _accumulate(
        q, eta, np.concatenate([[0], times]), np.vstack([np.zeros(len(q)), forces]), steps
    )


def _accumulate(q, eta, times, forces, steps):
    """mu' = q mu - (eta/2) force(t), force interpolated linearly in time."""
    mu = np.zeros(len(q))
    for t in range(steps):
        right = min(np.searchsorted(times, t, side="right"), len(times) - 1)
        weight = (t - times[right - 1]) / (times[right] - times[right - 1])
        mu = q * mu - eta / 2 * ((1 - weight) * forces[right - 1] + weight * forces[right])
    return mu
