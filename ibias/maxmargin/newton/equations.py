"""The bordered Newton system of the interior point, factored once for predictor and corrector."""

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve, solve_triangular

SHIFTS = 1e-15, 1e-13, 1e-11  # of a unit diagonal: rounding of the factor, more where that fails
SOFT = 1e-9  # of the largest entry of H: from there on the system of multipliers loses digits


class Factor:
    """A positive definite matrix, equilibrated and factored."""

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
        """The solution, refined once."""
        v = self._once(rhs)
        return v + self._once(rhs - self.matrix @ v)

    def _once(self, rhs):
        scaled = cho_solve(self.factor, (rhs.T * self.scale).T, check_finite=False)
        return (scaled.T * self.scale).T

    def half(self, rhs):
        """``F^-1 rhs`` with the factor ``F F^T``."""
        rhs = (rhs.T * self.scale).T
        return solve_triangular(self.factor[0], rhs, lower=True, check_finite=False)


class UnknownWeights:
    """The bordered system with a row an entry of W, in mixed coordinates:

    [ K  C ] [dW]   [ r + A^T p ]        K = H + A^T L A,  first column of C = -A^T L u
    [ C' E ] [ z ] = [     e     ]
    """

    def __init__(self, matrix, adjoint, weight, unit, border, kappa):
        self.adjoint, self.inner = adjoint, Factor(matrix)
        first = [-adjoint(weight * unit)]
        self.border = np.array(first + ([border] if border is not None else [])).T
        self.columns, self.unit = self.inner.solve(self.border), unit
        corner = np.diag([(weight * unit**2).sum(), kappa][: self.border.shape[1]])
        self.schur = corner - self.border.T @ self.columns

    def solve(self, r, p, e, total=1.0):
        """(dW, z, None): multipliers follow from dW.  ``total``: for the one of ``1 - u p``."""
        v = self.inner.solve(r + self.adjoint(p))
        right = np.array([total - (self.unit * p).sum(), *e])
        z = np.linalg.solve(self.schur, right - self.border.T @ v)
        return v - self.columns @ z, z, None


class UnknownMultipliers:
    """The same system with a row a constraint (m), smaller where fewer constraints than unknowns
    are left, for diagonal H.  Unknowns are ``q = p - L A dW`` and the entries of dW with a small H
    (soft: at the optimum those inside the box), so that nothing large cancels and nothing is
    divided by a vanishing number; the stiff others are ``dW = H^-1 (r + A^T q)``:

        (L^-1 + A_stiff H_stiff^-1 A_stiff^T) q + A_soft dW_soft = L^-1 p - A_stiff H_stiff^-1 r
                                       H_soft dW_soft - A_soft^T q = r_soft

    (Woodbury 1950; reduced systems of support vector machines: Ferris and Munson 2002).
    """

    def __init__(self, pairs, diagonal, weight, unit, border, kappa):
        self.pairs, self.on, self.weight = pairs, ~pairs.off, weight
        self.unit = np.broadcast_to(unit, weight.shape)
        order = np.argsort(diagonal)[: pairs.count]
        self.soft = order[diagonal[order] < SOFT * diagonal.max()]
        self.inverse = 1 / diagonal
        self.inverse[self.soft] = 0
        gram = pairs.weighted_gram(self.inverse)
        gram[np.diag_indices_from(gram)] += 1 / weight[self.on]
        self.stiff = Factor(gram)
        if len(self.soft):
            self.rows = pairs.columns(self.soft)
            half = self.stiff.half(self.rows)
            inner = half.T @ half
            inner[np.diag_indices_from(inner)] += diagonal[self.soft]
            self.inner = Factor(inner)
        self.border, zero = border, np.zeros(pairs.size)
        self.columns = [self._solution(zero, -weight * self.unit)]
        if border is not None:
            self.columns.append(self._solution(border, 0 * weight))
        schur = [self._border_rows(*column) for column in self.columns]
        schur[-1][1:] += kappa
        self.schur = np.array(schur).T

    def _solution(self, r, p):
        """(dW, q on the pairs) without the border."""
        b = (p / np.where(self.on, self.weight, 1))[self.on]
        b -= self.pairs.margins((self.inverse * r).reshape(self.pairs.shape), 0)[self.on]
        q, soft = self.stiff.solve(b), 0.0
        if len(self.soft):
            soft = self.inner.solve(r[self.soft] + self.rows.T @ q)
            q = self.stiff.solve(b - self.rows @ soft)
        v = self.inverse * (r + self.pairs.adjoint_of(q, self.on).ravel())
        v[self.soft] = soft
        return v, q

    def _border_rows(self, v, q):
        """What a solution leaves of the border equations' left sides: for the first, whose right
        side is ``1 - u p``, only ``-u q`` remains of ``-u L A dW``."""
        first = -(self.unit[self.on] @ q)
        return np.array([first] if self.border is None else [first, -(self.border @ v)])

    def solve(self, r, p, e):
        """(dW, z, the multipliers q (n, k) that the step leads to)."""
        v, q = self._solution(r, p)
        z = np.linalg.solve(self.schur, np.array([1.0, *e]) + self._border_rows(v, q))
        for f, (column, change) in zip(z, self.columns, strict=True):
            v, q = v - f * column, q - f * change
        multipliers = np.zeros(p.shape)
        multipliers[self.on] = q
        return v, z, multipliers


def newton_system(pairs, ball, weight, unit):
    """The bordered system of the factored ``ball``, on its smaller side."""
    border = ball.border or (None, 0.0)
    if ball.diagonal is not None and pairs.few:
        return UnknownMultipliers(pairs, ball.diagonal, weight, unit, *border)
    adjoint = lambda a: ball.mix(pairs.adjoint(a).ravel())  # noqa: E731
    return UnknownWeights(normal_matrix(pairs, ball, weight), adjoint, weight, unit, *border)


def normal_matrix(pairs, ball, weight):
    """``H + A^T diag(weight) A`` in mixed coordinates.

    Rows with a large weight enter by an explicit product, whose rounding is relative to the
    diagonal; the block formula of ``gram`` (differences of large blocks) serves the light rest
    only.  Otherwise H + M is not positive definite below gaps of 1e-8.
    """
    heavy = (weight > 1e-5 * weight.max()) & ~pairs.off
    rows = None
    if heavy.sum() <= 3 * pairs.size and heavy.sum() < 0.3 * pairs.count:
        rows = ball.mix(pairs.matrix(*np.nonzero(heavy))) * np.sqrt(weight[heavy])[:, None]
    matrix = pairs.gram(weight if rows is None else np.where(heavy, 0, weight))
    matrix = ball.mix(ball.mix(matrix).T)
    if rows is not None:
        matrix += rows.T @ rows
    ball.add_to(matrix)
    return matrix
