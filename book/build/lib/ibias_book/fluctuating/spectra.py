"""Spectra of Hessians: exact for small networks, extreme eigenvalues by Lanczos for any loss
through Hessian-vector products."""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.linalg import solve_discrete_lyapunov
from scipy.sparse.linalg import LinearOperator, eigsh
from torch.func import grad, hessian, jvp

from .checks import positive_step


@dataclass(frozen=True, eq=False)
class Eigenbasis:
    """``matrix = vectors diag(values) vectors^T``: values ascending ``(p,)``, vectors in columns
    ``(p, p)``, signs fixed."""

    values: np.ndarray
    vectors: np.ndarray


def eigenbasis(matrix) -> Eigenbasis:
    """Eigenvalues and eigenvectors of a symmetric matrix; each vector's largest component is
    positive, so that signs do not depend on the library."""
    matrix = symmetric(matrix)
    values, vectors = np.linalg.eigh(matrix)
    peak = vectors[np.abs(vectors).argmax(0), np.arange(len(values))]
    return Eigenbasis(values, vectors * np.sign(peak))


def symmetric(matrix, rtol=1e-9) -> np.ndarray:
    """The matrix as float64 after a check that it is square, finite and symmetric to ``rtol`` of
    its largest entry."""
    matrix = np.asarray(matrix, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"a Hessian is a square matrix; got shape {matrix.shape}")
    if not np.isfinite(matrix).all():
        raise ValueError(
            "the Hessian has entries that are not finite; check the point it was taken at"
        )
    gap = np.abs(matrix - matrix.T).max(initial=0)
    if gap > rtol * np.abs(matrix).max(initial=0):
        raise ValueError(
            f"the Hessian is not symmetric: entries differ from their mirror images by {gap:.2e};"
            " pass (H + H.T) / 2 if that is rounding"
        )
    return (matrix + matrix.T) / 2


def stationary_covariance(matrix, noise, eta) -> np.ndarray:
    """Stationary covariance of theta' = (I - eta H) theta - eta b, Cov b = ``noise``: Sigma = (I -
    eta H) Sigma (I - eta H) + eta^2 noise.

    It exists only when every eigenvalue lies in (0, 2/eta); a flat, negative or too steep direction
    raises ValueError.
    """
    eta = positive_step(eta)
    basis = eigenbasis(matrix)
    noise = symmetric(noise)
    low, high = basis.values[0], basis.values[-1]
    if low <= 1e-12 * max(abs(high), abs(low)):
        raise ValueError(
            f"the Hessian is singular or indefinite (smallest eigenvalue {low:.3e}): flat"
            " directions have no stationary covariance; use the finite-time formula"
            " (Mode.mean_variance or predict_variance) instead"
        )
    if eta * high >= 2:
        raise ValueError(
            f"eta * largest eigenvalue = {eta * high:.3g} must stay below 2; lower eta below"
            f" {2 / high:.3g}"
        )
    return solve_discrete_lyapunov(
        np.eye(len(basis.values)) - eta * symmetric(matrix), eta**2 * noise
    )


def exact_hessian(loss, theta) -> np.ndarray:
    """Hessian of ``loss`` at ``theta (p,)`` by forward-over-reverse differentiation, ``(p, p)``."""
    return hessian(loss)(theta).detach().numpy()


def hessian_vector(loss, theta, vector):
    """H v without H: the directional derivative of the gradient."""
    return jvp(grad(loss), (theta,), (vector,))[1].detach()


def lanczos(loss, theta, count=10, seed=0) -> np.ndarray:
    """The ``count`` algebraically largest eigenvalues, ascending, by Lanczos (ARPACK) on
    Hessian-vector products."""
    p = theta.numel()
    if not 1 <= count < p:
        raise ValueError(
            f"Lanczos finds between 1 and p - 1 = {p - 1} eigenvalues; got count = {count}; use"
            " exact_hessian for all of them"
        )
    operator = LinearOperator(
        (p, p),
        matvec=lambda v: hessian_vector(loss, theta, torch.as_tensor(v.ravel()).to(theta)).numpy(),
        dtype=np.float64,
    )
    begin = np.random.default_rng(seed).standard_normal(p)
    return np.sort(eigsh(operator, k=count, which="LA", v0=begin, return_eigenvectors=False))
