"""What the mini-batch does to the landscape at one point: noise of the gradient and of every
Hessian entry, in the Hessian's eigenbasis.

All moments are per sample (population, 1/n).  A batch of b out of n drawn without repetition
carries them times ``batch_factor(n, b) = (n - b) / ((n - 1) b)``, exactly.
"""

from dataclasses import dataclass

import numpy as np
import torch

from .spectra import eigenbasis, exact_hessian


def batch_factor(n: int, b: int) -> float:
    """Variance of a batch mean over the variance of one sample, batch drawn without repetition."""
    if not 1 <= b <= n or n < 2:
        raise ValueError(f"a batch holds between 1 and n samples, n >= 2; got b = {b}, n = {n}")
    return (n - b) / ((n - 1) * b)


@dataclass(frozen=True, eq=False)
class Frame:
    """One point: ``curvature`` l_i ascending, ``vectors`` (columns), mean ``gradient`` g_i,
    ``covariance`` E b_i b_j of one sample."""

    n: int
    curvature: np.ndarray
    vectors: np.ndarray
    gradient: np.ndarray
    covariance: np.ndarray


@dataclass(frozen=True, eq=False)
class NoiseStatistics:
    """Per-sample moments in the eigenbasis of the mean Hessian (modes i, j; samples s; b_s = g_s -
    g, h_s = H_s - H).

    ``curvature`` l_i, ``gradient`` g_i, ``noise`` c_i = E b_i^2, ``coupling`` V_ij = E h_ij^2,
    ``diagonal`` K_i = E h_ii b_i, ``force`` E (h b)_i.  ``area (3, p)``, or None when not asked
    for: tr(S_x S_y), tr(K^2) and sum_s (h_s b_s)_i^2 of ``reshuffling.area_variance`` for x_s = row
    i of h_s, y_s = b_s.
    """

    n: int
    curvature: np.ndarray
    gradient: np.ndarray
    noise: np.ndarray
    coupling: np.ndarray
    diagonal: np.ndarray
    force: np.ndarray
    area: np.ndarray | None = None

    @property
    def noisy(self) -> np.ndarray:
        """Modes that the mini-batch moves at all.  Symmetries (softmax shift, absent characters)
        leave exact zeros: c <= 1e-12 max c."""
        return self.noise > 1e-12 * self.noise.max()


def frame_at(network, theta) -> Frame:
    """Hessian eigenbasis, gradient and gradient noise at ``theta (p,)``: under a second for these
    networks."""
    basis = eigenbasis(exact_hessian(network.loss, theta))
    u = torch.from_numpy(basis.vectors.copy())
    gradients = network.sample_gradients(theta)
    mean = gradients.mean(0)
    b = (gradients - mean) @ u
    return Frame(
        network.n, basis.values, basis.vectors, (mean @ u).numpy(), (b.T @ b / network.n).numpy()
    )


def noise_statistics(network, theta, reshuffling=False, chunk=64) -> NoiseStatistics:
    """All moments at ``theta (p,)``, from every per-sample Hessian (3 to 8 s); ``reshuffling`` adds
    a p^3 tensor (p <= 400)."""
    p, n = network.p, network.n
    if reshuffling and p > 400:
        raise ValueError(
            f"the reshuffling traces need a p^3 tensor, {8e-9 * p**3:.1f} GB for p = {p}; use a"
            " network with p <= 400"
        )
    frame = frame_at(network, theta)
    u = torch.from_numpy(frame.vectors.copy())
    gradients = network.sample_gradients(theta)
    b = (gradients - gradients.mean(0)) @ u
    root = _root(torch.from_numpy(frame.covariance)) if reshuffling else None
    sums = {}
    for first in range(0, n, chunk):
        rows = slice(first, min(first + chunk, n))
        h = u.T @ network.sample_hessians(theta, rows) @ u - torch.diag(
            torch.from_numpy(frame.curvature)
        )
        for name, value in _chunk_sums(h, b[rows], root).items():
            sums[name] = sums[name].add_(value) if name in sums else value
    area = None
    if reshuffling:
        cross = sums["cross"] / n
        area = torch.stack(
            [sums["area_a"] / n, torch.einsum("ijk,ikj->i", cross, cross), sums["area_z"]]
        ).numpy()
    kept = {name: sums[name].numpy() / n for name in ("coupling", "diagonal", "force")}
    return NoiseStatistics(
        n, frame.curvature, frame.gradient, np.diag(frame.covariance).copy(), **kept, area=area
    )


def _chunk_sums(h, b, root):
    """Sums over the samples of a chunk; ``root`` (a square root of the noise) asks for the
    reshuffling traces too."""
    hb = torch.einsum("sij,sj->si", h, b)
    sums = {
        "coupling": h.square().sum(0),
        "diagonal": (h.diagonal(dim1=1, dim2=2) * b).sum(0),
        "force": hb.sum(0),
    }
    if root is not None:
        samples, p, _ = h.shape
        sums["area_a"] = (h @ root).square().sum((0, 2))
        sums["area_z"] = hb.square().sum(0)
        sums["cross"] = (h.reshape(samples, p * p).T @ b).view(p, p, p)
    return sums


def _root(noise):
    values, vectors = torch.linalg.eigh(noise)
    keep = values > 1e-14 * values[-1]
    return vectors[:, keep] * values[keep].sqrt()
