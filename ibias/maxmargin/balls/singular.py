"""Semidefinite machinery of the spectral and nuclear balls, graded in singular coordinates.

Near the optimum the scaled matrices have entries from 1e-12 to 1e+12.  In the common singular basis
of S and W, and with ``e_i, f_i`` (left, right) replaced by ``p_i = (e_i + f_i)/sqrt 2``,
``m_i = (e_i - f_i)/sqrt 2``, they are nearly diagonal, so that diagonal equilibration keeps
relative accuracy and the method ends at rounding instead of 1e-6.
"""

import numpy as np
from scipy.linalg import solve_triangular

from .ball import Ball


class SymmetricSkew:
    """``(w_ij, w_ji) -> (w_ij + w_ji, w_ij - w_ji) / sqrt 2``, i < j < min(q, r); involution."""

    def __init__(self, q, r):
        i, j = np.triu_indices(min(q, r), 1)
        self.upper, self.lower = i * r + j, j * r + i

    def __call__(self, v):
        v = v.copy()
        a, b = v[..., self.upper], v[..., self.lower]
        v[..., self.upper], v[..., self.lower] = (a + b) * np.sqrt(0.5), (a - b) * np.sqrt(0.5)
        return v


def images(q, r):
    """The mixed unit matrices under ``W -> [0 W; W' 0]``, in the p, m basis: two lists (x, y,
    weight), each standing for ``weight / sqrt 2 (x y' + y x')``.  Position i of the basis is p_i, q
    + i is m_i (f_i or e_i beyond the square part).
    """
    rows, columns = (z.ravel() for z in np.meshgrid(np.arange(q), np.arange(r), indexing="ij"))
    square, out = min(q, r), np.zeros((2, 3, q * r))
    inside = (rows < square) & (columns < square)
    for at, images_of in ((inside, square_images), (~inside, tail_images)):
        out[:, :, at] = images_of(rows[at], columns[at], q, square)
    return [(x.astype(int), y.astype(int), weight) for x, y, weight in out]


def square_images(i, j, q, square):
    """Entries of the square part: ``p_i p_j' - m_i m_j'`` for the symmetric combination of (i, j)
    and (j, i), stored at i <= j, and ``-p_j m_i' + m_j p_i'`` for the skew one, stored at i > j."""
    skew, weight = i > j, np.where(i == j, np.sqrt(0.5), 1.0)
    first = np.where(skew, j, i), np.where(skew, q + i, j), np.where(skew, -1, 1) * weight
    second = np.where(skew, q + j, q + i), np.where(skew, i, q + j), np.where(skew, 1, -1) * weight
    return first, second


def tail_images(i, j, q, square):
    """The others: ``(p_i + m_i) f_j'`` where W is wide, ``e_i (p_j - m_j)'`` where it is tall."""
    wide, one = j >= square, np.ones(len(i))
    first = i, np.where(wide, q + j, j), one
    second = np.where(wide, q + i, i), q + j, np.where(wide, 1.0, -1.0)
    return first, second


def common_basis(w, s):
    """(U, V'): the singular basis of ``S/|S| + W/|W|``."""
    u, _, vt = np.linalg.svd(s / np.linalg.norm(s) + w / (1e-300 + np.linalg.norm(w)))
    return u, vt


def shared_rank(w, s):
    """How many singular pairs the optimal W and S of either ball share: those whose values, each
    relative to the largest, sum to more than one."""
    u, vt = common_basis(w, s)
    w, s = (np.diag(u.T @ m @ vt.T) for m in (w, s))
    return int((w / w[0] + s / s[0] > 1).sum())


class Conic(Ball):
    """X, Z > 0 (q + r) with blocks W, S; Nesterov-Todd ``G^-1 X G^-T = G^T Z G = diag(lam)``."""

    conic = True

    def __init__(self, q, r):
        self.q, self.r, self.parameters = q, r, q + r
        self.mix, self.images = SymmetricSkew(q, r), images(q, r)
        self.to_pm, i = np.eye(q + r), np.arange(min(q, r))
        self.to_pm[i, i] = self.to_pm[q + i, i] = self.to_pm[i, q + i] = np.sqrt(0.5)
        self.to_pm[q + i, q + i] = -np.sqrt(0.5)

    def dilation(self, w):
        out = np.zeros((self.q + self.r,) * 2)
        out[: self.q, self.q :], out[self.q :, : self.q] = w, w.T
        return out

    def pm(self, m):
        m = self.to_pm.T @ m @ self.to_pm
        return (m + m.T) / 2

    def rotation(self):
        u, vt = common_basis(self.w, self.s)
        both = np.zeros_like(self.x)
        both[: self.q, : self.q], both[self.q :, self.q :] = u, vt.T
        self.x, self.z = both.T @ self.x @ both, both.T @ self.z @ both
        return u, vt.T

    def scale(self):
        self.lx, self.lz = np.linalg.cholesky(self.pm(self.x)), np.linalg.cholesky(self.pm(self.z))
        u, self.lam, vt = np.linalg.svd(self.lz.T @ self.lx)
        self.g = (self.lx @ vt.T) / np.sqrt(self.lam)
        self.gi = (u / np.sqrt(self.lam)).T @ self.lz.T

    def inner(self, m):
        """``<B, M>`` for every image B."""
        return np.sqrt(2) * sum(s * m[x, y] for x, y, s in self.images)

    def operator(self, n):
        """``<B_a, N B_b N>`` (size, size): outer products beyond the square part, else gathered."""
        q, r, square = self.q, self.r, min(self.q, self.r)
        h = np.empty((q, r, q, r))
        if r > square:
            p, m, f = slice(0, q), slice(q, 2 * q), slice(q + square, q + r)
            left, cross = n[p, p] + n[p, m] + n[m, p] + n[m, m], n[p, f] + n[m, f]
            far = left[:, None, :, None] * n[f, f][None, :, None, :]
            far += cross[:, None, None, :] * cross.T[None, :, :, None]
            h[:, square:, :, square:] = far
        near = np.arange(q * r).reshape(q, r)[:, :square].ravel()
        rows = np.zeros((len(near), q * r))
        for xa, ya, sa in self.images:
            nx, ny = n[xa[near]], n[ya[near]]
            for xb, yb, sb in self.images:
                rows += (nx[:, xb] * ny[:, yb] + nx[:, yb] * ny[:, xb]) * sa[near, None] * sb
        h[:, :square] = rows.reshape(q, square, q, r)
        h = h.reshape(q * r, q * r)
        h[:, near] = rows.T
        return h

    def target(self, mu, affine):
        """R with ``dx + dz = R`` in the scaled space, products driven to ``mu``."""
        lam = self.lam
        r = np.diag(mu - lam * lam)
        if affine is not None:
            c = (self.gi @ affine[0] @ self.gi.T) @ (self.g.T @ affine[1] @ self.g)
            r = r - (c + c.T) / 2
        return 2 * r / (lam[:, None] + lam)

    def longest(self, step):
        def edge(factor, change):
            b = solve_triangular(factor, solve_triangular(factor, change, lower=True).T, lower=True)
            least = np.linalg.eigvalsh((b + b.T) / 2)[0]
            return -1 / least if least < 0 else np.inf

        return edge(self.lx, step[0]), edge(self.lz, step[1])

    def gap(self, step=None, primal=0.0, dual=0.0):
        if step is None:
            return (self.x * self.z).sum()
        return ((self.pm(self.x) + primal * step[0]) * (self.pm(self.z) + dual * step[1])).sum()

    def move(self, step, primal, dual):
        self.x = self.x + primal * (self.to_pm @ step[0] @ self.to_pm.T)
        self.z = self.z + dual * (self.to_pm @ step[1] @ self.to_pm.T)
        self.restore()
