"""The spectral norm: X = [I W; W' I], Z = [P -S/2; -S'/2 Q], trace Z = ||S||_* at the optimum."""

import numpy as np

from .ball import AffineHull
from .singular import Conic, shared_rank


class SpectralBall(Conic):
    """The spectral ball as a semidefinite cone: see the head of this file."""

    def __init__(self, s):
        super().__init__(*s.shape)
        margin = max(0.1, np.abs(s).max()) / sum(s.shape)
        self.x = np.eye(sum(s.shape))
        self.z = (np.linalg.norm(s, 2) + margin) * self.x - self.dilation(s) / 2

    @property
    def w(self):
        return self.x[: self.q, self.q :]

    @property
    def s(self):
        return -2 * self.z[: self.q, self.q :]

    def factor(self):
        self.scale()
        self.n = self.gi.T @ self.gi
        self.h_matrix = self.operator(self.n)

    def add_to(self, matrix):
        matrix += self.h_matrix

    def residual(self, mu, affine):
        self.r_dual = self.gi.T @ self.target(mu, affine) @ self.gi
        return -self.inner(self.r_dual), None

    def step(self, dw, ds, dt):
        dx = self.to_pm.T @ self.dilation(dw) @ self.to_pm
        dz = self.r_dual - self.n @ dx @ self.n
        return dx, (dz + dz.T) / 2

    def restore(self):
        """Exact structure, lost by rounding."""
        self.x = np.eye(len(self.x)) + self.dilation(self.w)
        self.z = (self.z + self.z.T) / 2

    @staticmethod
    def hull(w, s):
        """``W = U1 V1' + U2 M V2'``: M is free in the ball, U1 and V1 carry S."""
        r = shared_rank(w, s)
        # exact for S, whose small singular values are rounding; W may be off by more
        u, _, vt = np.linalg.svd(s)

        def cuts(w):
            a, sigma, b = np.linalg.svd(u[:, r:].T @ w @ vt[r:].T, full_matrices=False)
            over = sigma > 1
            rows = (u[:, r:] @ a[:, over]).T[:, :, None] * (b[over] @ vt[r:])[:, None, :]
            return rows.reshape(-1, w.size), np.ones(len(rows))

        return AffineHull(np.kron(u[:, r:], vt[r:].T), (u[:, :r] @ vt[:r]).ravel(), None, cuts)
