"""The bordered Newton system of the interior point, factored once for predictor and corrector."""

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve, solve_triangular

SHIFTS = 1e-15, 1e-13, 1e-11  # of a unit diagonal: rounding of the factor, more where that fails
SOFT = 1e-5  # of the largest entry of D


class Factor:
    """A positive definite matrix, equilibrated and factored: ``solve(rhs)`` and ``product(v)``."""

    def __init__(self, matrix):
        self.matrix = matrix
        self.scale = 1 / np.sqrt(np.diag(matrix))
        for shift in SHIFTS:
            scaled = matrix * self.scale[:, None] * self.scale
            scaled[np.diag_indices_from(scaled)] += shift
            try:
                self.factor = cho_factor(scaled, lower=True, overwrite_a=True, check_finite=False)
                return
            except LinAlgError:
                if shift == SHIFTS[-1]:
                    raise

    def solve(self, rhs):
        scaled = cho_solve(self.factor, (rhs.T * self.scale).T, check_finite=False)
        return (scaled.T * self.scale).T

    def half(self, rhs):
        """``F^-1 rhs`` with the factor ``F F^T``."""
        rhs = (rhs.T * self.scale).T
        return solve_triangular(self.factor[0], rhs, lower=True, check_finite=False)

    def product(self, v):
        return self.matrix @ v


class Woodbury:
    """``K = D + A^T L A`` for diagonal D and L by systems with a row a constraint (m), smaller than
    K where fewer constraints than unknowns are left.

    The entries with a small D (soft: at the optimum those inside the box) are kept as unknowns, the
    others (stiff) eliminated, so that nothing is divided by a vanishing number:

        G = L^-1 + A_stiff D_stiff^-1 A_stiff^T              (m, m)          (Woodbury 1950)
        (D_soft + A_soft^T G^-1 A_soft) v_soft = r_soft - A_soft^T G^-1 A_stiff D_stiff^-1 r_stiff
    """

    def __init__(self, pairs, diagonal, weight):
        self.pairs, self.diagonal, self.weight = pairs, diagonal, weight
        order = np.argsort(diagonal)[: pairs.count]
        self.soft = order[diagonal[order] < SOFT * diagonal.max()]
        self.inverse = 1 / diagonal
        self.inverse[self.soft] = 0
        gram = pairs.weighted_gram(self.inverse)
        gram[np.diag_indices_from(gram)] += 1 / weight[~pairs.off]
        self.stiff = Factor(gram)
        if len(self.soft):
            self.columns = pairs.columns(self.soft)
            half = self.stiff.half(self.columns)
            schur = half.T @ half
            schur[np.diag_indices_from(schur)] += diagonal[self.soft]
            self.schur = Factor(schur)

    def _margins(self, v):
        return self.pairs.margins(v.reshape(self.pairs.shape), 0)

    def _column(self, r):
        multiplier = self._margins(self.inverse * r)
        on = ~self.pairs.off
        t = self.stiff.solve(multiplier[on])
        soft = 0.0
        if len(self.soft):
            soft = self.schur.solve(r[self.soft] - self.columns.T @ t)
            t = t + self.stiff.solve(self.columns @ soft)
        multiplier[on] = t
        v = self.inverse * (r - self.pairs.adjoint(multiplier).ravel())
        v[self.soft] = soft
        return v

    def solve(self, rhs):
        return np.array([self._column(r) for r in np.atleast_2d(rhs.T)]).T.reshape(rhs.shape)

    def product(self, v):
        columns = [
            self.diagonal * c + self.pairs.adjoint(self.weight * self._margins(c)).ravel()
            for c in np.atleast_2d(v.T)
        ]
        return np.array(columns).T.reshape(v.shape)


class Equations:
    """``[K C; C' E]`` with K positive definite (a ``Factor`` or ``Woodbury``) and one or two border
    columns ``border = C``."""

    def __init__(self, inner, border, corner):
        self.inner, self.border = inner, border
        self.columns = self._refined(border)
        self.schur = corner - border.T @ self.columns

    def _refined(self, rhs):
        v = self.inner.solve(rhs)
        return v + self.inner.solve(rhs - self.inner.product(v))

    def solve(self, rhs, border_rhs):
        v = self._refined(rhs)
        z = np.linalg.solve(self.schur, border_rhs - self.border.T @ v)
        return v - self.columns @ z, z
