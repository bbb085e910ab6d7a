"""The bordered Newton system of the interior point, factored once for predictor and corrector."""

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve


class Equations:
    """``[K C; C' E]`` with K (size, size) positive definite and one or two border columns
    ``border = C``."""

    def __init__(self, matrix, border, corner):
        self.matrix, self.border = matrix, border
        self.scale = 1 / np.sqrt(np.diag(matrix))
        for shift in (
            1e-15,
            1e-13,
            1e-11,
        ):  # of a unit diagonal: rounding of the factor, more only where that fails
            scaled = matrix * self.scale[:, None] * self.scale
            scaled[np.diag_indices_from(scaled)] += shift
            try:
                self.factor = cho_factor(scaled, lower=True, overwrite_a=True, check_finite=False)
                break
            except LinAlgError:
                if shift == 1e-11:
                    raise
        self.columns = self._inner(border)
        self.schur = corner - border.T @ self.columns

    def _inner(self, rhs):
        def once(r):
            return cho_solve(self.factor, (r.T * self.scale).T, check_finite=False).T * self.scale

        v = once(rhs).T
        return v + once(rhs - self.matrix @ v).T

    def solve(self, rhs, border_rhs):
        v = self._inner(rhs)
        z = np.linalg.solve(self.schur, border_rhs - self.border.T @ v)
        return v - self.columns @ z, z
