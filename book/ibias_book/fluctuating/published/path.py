"""The finite-time formula away from a minimum: the cloud of replicas along the path of its mean.

The mean m_t follows gradient descent on the whole loss.  To first order a replica deviates by
    d' = (I - eta H(m_t)) d - eta b_B(m_t),
b_B the deviation of a batch's gradient.  Over a segment of the path H is that of its middle, and
b_s(m_t) of every sample s runs linearly between its ends.  Independent batches add up one by one;
reshuffled, an epoch is a segment, the b_B of which sum to zero, and the second order of the
product of h_B and b_B is added (``reshuffling.area_variance``).  Nothing is fitted.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch.func import grad, vmap

from ibias import streams

from ...batches import batches_per_epoch
from ..checks import positive_step
from ..reshuffling import area_variance
from ..sampling import RESHUFFLING
from ..spectra import eigenbasis, hessian_vector
from .repeating import noise_factor


@dataclass(frozen=True, eq=False)
class Cloud:
    """Mean ``(p,)`` and ``covariance (p, p)`` of the replicas' parameters after ``step`` steps."""

    step: int
    mean: torch.Tensor
    covariance: np.ndarray

    def along(self, vectors) -> np.ndarray:
        """Variance along each column of ``vectors (p, k)``."""
        return np.einsum("ik,ij,jk->k", vectors, self.covariance, vectors)


def clouds(network, theta, eta, batch, record, scheme, longest=125) -> Iterator[Cloud]:
    """The cloud at the increasing steps ``record``, all replicas at ``theta (p,)`` at first.

    ``longest``: the most steps of a segment. Reshuffled, the steps are ends of epochs.
    """
    eta, epoch = positive_step(eta), None
    if scheme == RESHUFFLING:
        epoch = batches_per_epoch(network.n, batch)
        if any(step % epoch for step in record):
            raise ValueError(f"reshuffled clouds are those of epochs' ends; {epoch} steps are one")
    factor = noise_factor(scheme, network.n, batch)
    now = Cloud(0, theta, np.zeros((len(theta), len(theta))))
    for step in record:
        second = _second_order(network, now.mean, eta, batch) if epoch else None
        while now.step < step:
            left = step - now.step
            length = epoch or -(-left // -(-left // longest))
            now = _advanced(network, now, eta, length, factor, second)
        yield now


def _second_order(network, theta, eta, batch) -> np.ndarray:
    """What h_B b_B adds to the covariance in every reshuffled epoch, ``(p, p)``."""
    basis = eigenbasis(hessian_of(network, theta))
    return eta**4 * (basis.vectors * area(network, theta, basis, batch)) @ basis.vectors.T


def _advanced(network, now, eta, length, factor, second) -> Cloud:
    """The cloud ``length`` steps later; ``second`` is there if they are a reshuffled epoch."""
    points = descent(network, now.mean, eta, length)
    basis = eigenbasis(hessian_of(network, points[length // 2]))
    u = torch.from_numpy(basis.vectors)
    first, last = (deviations(network, points[place]) @ u for place in (0, -1))
    q = 1 - eta * basis.values
    place = np.arange(length)[:, None]
    later = q ** (length - 1 - place)  # what remains of a deviation at the end of the segment
    parts = [(first, later * (1 - place / length)), (last, later * (place / length))]
    if second is not None:
        parts = [(b, weight - weight.mean(0)) for b, weight in parts]
        factor = factor * length / (length - 1)
    added = sum((b.T @ c).numpy() / network.n * (v.T @ w) for b, v in parts for c, w in parts) * (
        eta**2 * factor
    )
    kept = q**length * (basis.vectors.T @ now.covariance @ basis.vectors) * q[:, None] ** length
    covariance = basis.vectors @ (kept + added) @ basis.vectors.T
    covariance = covariance if second is None else covariance + second
    return Cloud(now.step + length, points[-1], covariance)


def descent(network, theta, eta, steps) -> list[torch.Tensor]:
    """Gradient descent on the whole loss: ``steps + 1`` points."""
    points, slope, every = [theta], grad(network.loss), torch.arange(network.n)[None]
    if getattr(network, "by_hand", False):

        def slope(point):
            return network.batch_gradients(point[None], every)[0]

    for _ in range(steps):
        points.append((points[-1] - eta * slope(points[-1])).detach())
    return points


def deviations(network, theta) -> torch.Tensor:
    """Every sample's gradient minus the mean one, ``(n, p)``."""
    gradients = network.sample_gradients(theta)
    return gradients - gradients.mean(0)


def hessian_of(network, theta) -> np.ndarray:
    """The exact Hessian ``(p, p)`` of the whole loss."""
    if getattr(network, "by_hand", False):
        return network.hessian(theta).numpy()
    return hessian_in_parts(network.loss, theta)


def hessian_in_parts(loss, theta, columns=16) -> np.ndarray:
    """The exact Hessian ``(p, p)``, ``columns`` of it at a time: a whole one at once leaves the
    processor's cache and takes twice as long."""
    each = vmap(lambda v: hessian_vector(loss, theta, v), chunk_size=columns)
    found = each(torch.eye(len(theta), dtype=theta.dtype)).numpy()
    return (found + found.T) / 2  # symmetric but for rounding


def area(network, theta, basis, batch, strong=24, pairs=4) -> np.ndarray:
    """Var X_i of ``reshuffling.area_variance`` for every mode of the Hessian at ``theta``, without
    the Hessian of any sample.

    tr(S_x S_y) is a sum over the directions of the gradient noise: the ``strong`` ones one by one,
    the rest of them together with random signs. tr(K^2) is a mean over pairs of samples, those
    whose numbers differ by 1, .., ``pairs``.
    """
    u, n = torch.from_numpy(basis.vectors), network.n
    b, curvature = deviations(network, theta), torch.from_numpy(basis.values)
    each = vmap(_product, in_dims=(None, None, 0, 0, 0))

    def turned(directions):
        """(H_s - H) d_s in the eigenbasis for every sample s and its own direction d_s, (n, p)."""
        found = each(network.sample_loss, theta, network.x, network.y, directions)
        return found.detach() @ u - (directions @ u) * curvature

    weight, noise = torch.linalg.eigh(b.T @ b / n)
    root = (noise * weight.clamp(min=0).sqrt()).T.flip(0)
    strong = min(strong, len(root))
    signs = streams.generator(0).choice((-1.0, 1.0), (pairs, n, len(root) - strong))
    one_by_one = sum(turned(row.expand(n, -1)).square().mean(0) for row in root[:strong])
    together = sum(turned(torch.from_numpy(s) @ root[strong:]).square().mean(0) for s in signs)
    cross = sum(
        (turned(b.roll(-k, 0)) * turned(b.roll(k, 0)).roll(-k, 0)).mean(0)
        for k in range(1, pairs + 1)
    )
    own = turned(b)
    a = one_by_one + together / pairs
    sums = (a, cross / pairs, own.square().sum(0), own.sum(0))
    return area_variance(n, batch, *(v.numpy() for v in sums))


def _product(sample_loss, theta, x, y, direction):
    """Hessian of one sample's loss times ``direction``."""
    return hessian_vector(lambda point: sample_loss(point, x, y), theta, direction)
