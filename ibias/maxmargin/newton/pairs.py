"""The linear map from weights to all pairwise margins, in coordinates that suit the norm."""

import numpy as np

from ...norms import Schatten


class Pairs:
    """``A: V -> margins (n, k)`` of ``W = scale * rows.T @ V @ basis.T``; the own column of a
    margin matrix means nothing.

    V is (q, r).  For Schatten norms (unitarily invariant) the optimum lies in the span of the
    differences of classes and of
    the samples: ``rows`` (q = k - 1) is orthogonal to the all-ones vector and ``basis`` spans the
    rows of x.  Samples are divided by the length of the shortest: margins are then at most about
    one.
    """

    def __init__(self, x, y, rows, basis):
        self.x, self.y, self.rows, self.basis = x, y, rows, basis
        self.n, self.k = len(y), rows.shape[1]
        self.own = np.arange(self.k) == y[:, None]
        self.count = self.n * (self.k - 1)
        self.shape = (len(rows), x.shape[1])
        self.size = len(rows) * x.shape[1]

    @classmethod
    def of(cls, dataset, norm):
        x, k = dataset.x / np.linalg.norm(dataset.x, axis=1).min(), dataset.k
        if not isinstance(norm, Schatten) and norm.p != 2:
            return cls(x, dataset.y, np.eye(k), np.eye(dataset.d))
        _, s, vt = np.linalg.svd(x, full_matrices=False)
        basis = vt[s > 1e-13 * s[0]].T  # below: rounding of x itself
        if len(s) == basis.shape[1] == dataset.d:
            basis = np.eye(dataset.d)  # nothing to leave out: features of different size stay apart
        return cls(x @ basis, dataset.y, np.linalg.svd(np.ones((1, k)))[2][1:], basis)

    def rotated(self, u, v):
        return Pairs(self.x @ v, self.y, u.T @ self.rows, self.basis @ v)

    def lift(self, v):
        return self.rows.T @ v @ self.basis.T

    def reduce(self, w):
        return self.rows @ w @ self.basis

    def margins(self, v, own=np.inf):
        z = self.x @ (self.rows.T @ v).T
        return np.where(self.own, own, z[self.own][:, None] - z)

    def adjoint(self, a):
        """``sum a_ic (e_y - e_c) x_i^T`` (q, r)."""
        r = np.where(self.own, 0, -a)
        r[self.own] = -r.sum(1)
        return self.rows @ (r.T @ self.x)

    def adjoint_of(self, values, where):
        """The adjoint of multipliers given on the mask ``where`` (n, k) only."""
        a = np.zeros(where.shape)
        a[where] = values
        return self.adjoint(a)

    def gram(self, weight):
        """``A^T diag(weight) A`` (size, size), class by class: n k r^2 multiplications and one
        product."""
        q, r = self.shape
        blocks = np.empty((self.k, self.k, r, r))
        for c in range(self.k):
            x = self.x[self.y == c]
            blocks[c] = (x * weight[self.y == c].T[:, :, None]).transpose(0, 2, 1) @ x
        u = self.rows[:, :, None] - self.rows[:, None, :]
        outer = (u[:, None] * u[None]).reshape(q * q, -1)
        return (
            (outer @ blocks.reshape(-1, r * r))
            .reshape(q, q, r, r)
            .transpose(0, 2, 1, 3)
            .reshape(self.size, -1)
        )

    def matrix(self, samples, classes):
        """The rows of A for the listed pairs, (pairs, size)."""
        u = (self.rows[:, self.y[samples]] - self.rows[:, classes]).T
        return (u[:, :, None] * self.x[samples][:, None, :]).reshape(len(samples), self.size)
