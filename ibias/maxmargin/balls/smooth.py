"""1 < p < inf: strictly convex balls; the problem max gamma - ||W||^2 / 2 has their optimum up to
length."""

import numpy as np
import torch

from ...norms import Entrywise, Schatten
from .ball import Ball
from .singular import SymmetricSkew


def conjugate(norm):
    """The dual norm: the conjugate exponent, without a rank cut."""
    return Entrywise(norm.q) if isinstance(norm, Entrywise) else Schatten(norm.q, rtol=0.0)


def gradient(norm, w):
    """Gradient of ``||W||^2 / 2``: the norm times the steepest direction of the dual ball."""
    w = torch.from_numpy(np.ascontiguousarray(w))
    return (norm.value(w) * conjugate(norm).steepest(w)).numpy()


class Smooth(Ball):
    """``S = grad ||W||^2 / 2``.  p >= 2 keeps W; p < 2 keeps S and W = grad ||S||_*^2 / 2: both
    maps are C^1 then.

    In singular coordinates the Hessian of a Schatten norm is diagonal after ``SymmetricSkew``, as
    it is for the entry-wise norms: ``diag(curvature) + (2 - p) g g^T``.
    """

    joint = True

    def __init__(self, s, norm):
        self.norm, self.p = norm, norm.p
        self.bent = self.p != 2
        self.matrix = isinstance(norm, Schatten) and self.bent
        self.s, self.w = s, gradient(conjugate(norm), s)
        self.mix = SymmetricSkew(*s.shape) if self.matrix else self.mix

    def rotation(self):
        if not self.matrix:
            return None
        u, _, vt = np.linalg.svd(self.w if self.p > 2 else self.s)
        self.s, self.w = u.T @ self.s @ vt.T, u.T @ self.w @ vt.T
        return u, vt.T

    def factor(self):
        floor = 1e-12 if self.p > 2 else 1e-16
        w = self.w / float(self.norm.value(self.w))
        if self.matrix:
            curvature, g = self._schatten_hessian(np.maximum(np.abs(np.diag(w)), floor), floor)
        else:
            u = np.maximum(np.abs(w), floor)
            curvature, g = (self.p - 1) * u ** (self.p - 2), np.sign(w) * u ** (self.p - 1)
        self.curvature, self.g = curvature.ravel(), g.ravel()

    def _schatten_hessian(self, u, floor):
        p, (q, r) = self.p, self.w.shape
        left, right = np.zeros(q), np.zeros(r)
        left[: len(u)] = right[: len(u)] = u
        ui, uj = left[:, None], right[None, :]
        fi, fj = np.where(ui > 0, ui ** (p - 1), 0), np.where(uj > 0, uj ** (p - 1), 0)
        near = np.abs(ui - uj) < 1e-6 * (ui + uj)
        middle = (p - 1) * np.maximum((ui + uj) / 2, floor) ** (p - 2)
        symmetric = np.where(near, middle, (fi - fj) / np.where(near, 1, ui - uj))
        both = np.maximum(ui + uj, 2 * floor)
        skew = np.where(ui + uj <= 2 * floor, floor ** (p - 2), (fi + fj) / both)
        upper = np.triu(np.ones((q, r), bool)) & (np.arange(r) < min(q, r))
        g = np.zeros((q, r))
        np.fill_diagonal(g, u ** (p - 1))
        return np.where(upper, symmetric, skew), g

    @property
    def diagonal(self):
        return None if self.bent else self.curvature

    def add_to(self, matrix):
        matrix[np.diag_indices_from(matrix)] += self.curvature
        if self.bent:
            matrix += (2 - self.p) * np.outer(self.g, self.g)

    def inverse(self, v):
        """``H^-1 v`` for columns v (size, m)."""
        h = np.maximum(self.curvature, 1e-13 * self.curvature.mean())[:, None]
        g = self.g[:, None]
        v, gh = v / h, g / h
        return v - gh * ((2 - self.p) * (g.T @ v) / (1 + (2 - self.p) * (g * gh).sum()))

    def residual(self, mu, affine):
        c = gradient(self.norm, self.w) - self.s if self.p >= 2 else np.zeros_like(self.s)
        return self.mix(c.ravel()), None

    def step(self, dw, ds, dt):
        return dw, ds

    def move(self, step, primal, dual):
        if self.p >= 2:
            self.w = self.w + primal * step[0]
            self.s = self.s + dual * step[1]
        else:
            self.s = self.s + dual * step[1]
            self.w = gradient(conjugate(self.norm), self.s)

    def error(self, pairs, a, slack, level):
        """Size of the one nonlinear equation's residual, in units of the complementary products."""
        if self.p > 2:
            rest = gradient(self.norm, self.w) - pairs.adjoint(a)
            return np.linalg.norm(rest) * np.linalg.norm(self.w)
        return np.abs(np.where(pairs.off, 0, pairs.margins(self.w, 0) - level - slack)).max()
