"""The max norm and the sum norm: polyhedral balls, complementary pairs x z = mu entry by entry."""

import numpy as np

from .ball import AffineHull, Ball, ratio


class Polyhedral(Ball):
    """Pairs ``x >= 0`` (functions of W) and ``z >= 0`` (functions of S), both of shape (2, q, r).

    They are stored, not made of W and S: entries near their bound keep all their digits.
    """

    def _targets(self, mu, affine):
        r = mu - self.x * self.z
        return r if affine is None else r - affine[0] * affine[1]

    @property
    def diagonal(self):
        return self.h_diagonal.ravel()

    def add_to(self, matrix):
        matrix[np.diag_indices_from(matrix)] += self.diagonal

    def longest(self, step):
        return ratio(self.x, step[0]), ratio(self.z, step[1])

    def gap(self, step=(0, 0), primal=0.0, dual=0.0):
        return ((self.x + primal * step[0]) * (self.z + dual * step[1])).sum()

    def move(self, step, primal, dual):
        self.x, self.z = self.x + primal * step[0], self.z + dual * step[1]


class Box(Polyhedral):
    """``|W_jl| <= 1``: x = (1 - W, 1 + W) and S = z0 - z1."""

    def __init__(self, s):
        scale = np.abs(s).max() + max(0.1, np.abs(s).max()) / s.size
        self.x = np.ones((2, *s.shape))
        self.z = np.stack([scale + s, scale - s]) / 2
        self.parameters = 2 * s.size

    @property
    def w(self):
        return np.where(self.x[0] < self.x[1], 1 - self.x[0], self.x[1] - 1)

    @property
    def s(self):
        return self.z[0] - self.z[1]

    def factor(self):
        self.h_diagonal = (self.z / self.x).sum(0)

    def residual(self, mu, affine):
        self.r = self._targets(mu, affine)
        c = self.r / self.x
        return (c[0] - c[1]).ravel(), None

    def step(self, dw, ds, dt):
        dx = np.stack([-dw, dw])
        return dx, (self.r - self.z * dx) / self.x

    @staticmethod
    def hull(w, s):
        """In the face's interior: entries strictly inside are free, the others are signs of S."""
        free = (1 - np.abs(w) > np.abs(s) / np.abs(s).max()).ravel()

        def cuts(w):
            over = np.flatnonzero(np.abs(w) > 1)
            return np.sign(w.ravel()[over])[:, None] * np.eye(w.size)[over], np.ones(len(over))

        fixed = np.where(free, 0, np.sign(s).ravel())
        return AffineHull(np.eye(w.size)[:, free], fixed, None, cuts)


class CrossPolytope(Polyhedral):
    """``sum |W_jl| <= 1``: W = x0 - x1 with sum x = 1, z = (t - S, t + S)."""

    def __init__(self, s):
        t = np.abs(s).max() + max(0.1, np.abs(s).max())
        self.x = np.full((2, *s.shape), 0.5 / s.size)
        self.z = np.stack([t - s, t + s])
        self.parameters = 2 * s.size

    @property
    def w(self):
        return self.x[0] - self.x[1]

    @property
    def s(self):
        return (self.z[1] - self.z[0]) / 2

    def factor(self):
        ratio0, ratio1 = self.x / self.z
        self.h_diagonal, b = 1 / (ratio0 + ratio1), ratio0 - ratio1
        self.h, self.b = self.h_diagonal * b, b
        self.border = self.h.ravel(), (b * self.h).sum() - (ratio0 + ratio1).sum()

    def residual(self, mu, affine):
        self.r = self._targets(mu, affine)
        r = self.r / self.z
        self.c = -self.h_diagonal * (r[0] - r[1])
        return self.c.ravel(), 1 - self.x.sum() - r.sum() - (self.b * self.c).sum()

    def step(self, dw, ds, dt):
        # near an edge (z small) complementarity must be exact and S = A^T a may drift; elsewhere H
        # is huge and would amplify
        edge = self.x.max(0) / self.x.max() > self.z.min(0) / self.z.max()
        ds = np.where(edge, self.h_diagonal * dw + self.c + self.h * dt, ds)
        dz = np.stack([dt - ds, dt + ds])
        return (self.r - self.x * dz) / self.z, dz

    @staticmethod
    def hull(w, s):
        """In the face's interior: the non-zero entries have the signs of S and signed sum one."""
        free = (np.abs(w) / np.abs(w).max() > 1 - np.abs(s) / np.abs(s).max()).ravel()
        signs = np.sign(s).ravel()

        def cuts(w):
            under = np.flatnonzero(free & (w.ravel() * signs < 0))
            return -signs[under, None] * np.eye(w.size)[under], np.zeros(len(under))

        return AffineHull(np.eye(w.size)[:, free], np.zeros(w.size), signs[free], cuts)
