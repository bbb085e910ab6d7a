"""The nuclear norm: X = [P W/2; W'/2 Q] with trace X = 1, Z = [tI -S; -S' tI]."""

import numpy as np
from scipy.linalg import lapack

from .ball import AffineHull
from .singular import Conic, shared_rank


class NuclearBall(Conic):
    """The nuclear ball: the spectral one with the roles of W and S exchanged."""

    def __init__(self, s):
        super().__init__(*s.shape)
        t = np.linalg.norm(s, 2) + max(0.1, np.abs(s).max())
        self.x = np.eye(sum(s.shape)) / sum(s.shape)
        self.z = t * np.eye(sum(s.shape)) - self.dilation(s)

    @property
    def w(self):
        return 2 * self.x[: self.q, self.q :]

    @property
    def s(self):
        return -self.z[: self.q, self.q :]

    def factor(self):
        self.scale()
        self.n = self.g @ self.g.T
        self.h_matrix = _inverse(self.operator(self.n))
        self.b = self.inner(self.n @ self.n)
        self.h = self.h_matrix @ self.b
        self.border = self.h, self.b @ self.h - (self.n * self.n).sum()

    def add_to(self, matrix):
        matrix += self.h_matrix

    def residual(self, mu, affine):
        self.r_primal = self.g @ self.target(mu, affine) @ self.g.T
        self.c = -self.h_matrix @ self.inner(self.r_primal)
        return self.c, 1 - np.trace(self.x) - np.trace(self.r_primal) - self.b @ self.c

    def step(self, dw, ds, dt):
        # complementarity exact; S = A^T a holds in the limit
        ds = self.mix(self.h_matrix @ self.mix(dw.ravel()) + self.c + self.h * dt).reshape(dw.shape)
        dz = dt * np.eye(len(self.z)) - self.to_pm.T @ self.dilation(ds) @ self.to_pm
        dx = self.r_primal - self.n @ dz @ self.n
        return (dx + dx.T) / 2, dz

    def restore(self):
        """Exact structure, lost by rounding."""
        self.x = (self.x + self.x.T) / 2
        self.z = self.z[0, 0] * np.eye(len(self.z)) - self.dilation(self.s)

    @staticmethod
    def hull(w, s):
        """``W = U1 M V1'`` with M symmetric, positive semidefinite, of trace one."""
        r = shared_rank(w, s)
        u, _, vt = np.linalg.svd(w)
        i, j = np.triu_indices(r)
        e = u.T[i][:, :, None] * vt[j][:, None, :] + u.T[j][:, :, None] * vt[i][:, None, :]
        e = e.reshape(len(i), -1).T
        e = e / np.linalg.norm(e, axis=0)

        def cuts(w):
            m = u[:, :r].T @ w @ vt[:r].T
            values, vectors = np.linalg.eigh((m + m.T) / 2)
            under = vectors[:, values < 0]
            rows = -(u[:, :r] @ under).T[:, :, None] * (under.T @ vt[:r])[:, None, :]
            return rows.reshape(-1, w.size), np.zeros(len(rows))

        return AffineHull(e, np.zeros(w.size), e.T @ (u[:, :r] @ vt[:r]).ravel(), cuts)


def _inverse(k):
    """Inverse of a positive definite matrix, equilibrated: its diagonal spans many orders."""
    scale = 1 / np.sqrt(np.diag(k))
    k = k * scale[:, None] * scale
    k[np.diag_indices_from(k)] += 1e-15
    factor, bad = lapack.dpotrf(k, lower=1, overwrite_a=1)
    if bad:
        raise np.linalg.LinAlgError("scaled nuclear Hessian is not positive definite")
    low = np.tril(lapack.dpotri(factor, lower=1, overwrite_c=1)[0]) * scale[:, None] * scale
    return low + np.tril(low, -1).T
