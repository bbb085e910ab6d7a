"""The linear map from weights to all pairwise margins, in coordinates that suit the norm."""

from functools import cached_property

import numpy as np

from ...norms import Schatten


class Pairs:
    """``A: V -> margins (n, k)`` of ``W = rows.T @ V @ basis.T``; entries at ``off`` (the own
    column, and pairs left out of a working set) mean nothing.

    V is (q, r).  For Schatten norms (unitarily invariant) the optimum lies in the span of the
    differences of classes and of the samples: ``rows`` (q = k - 1) is orthogonal to the all-ones
    vector and ``basis`` spans the rows of x (None: the identity).
    """

    def __init__(self, x, y, rows, basis=None, off=None):
        self.x, self.y, self.rows, self.basis = x, y, rows, basis
        self.k = rows.shape[1]
        self.own = np.arange(self.k) == y[:, None]
        self.off = self.own if off is None else off
        self.count = self.off.size - int(self.off.sum())
        self.shape = (len(rows), x.shape[1])
        self.size = len(rows) * x.shape[1]

    @classmethod
    def of(cls, dataset, norm):
        """Samples divided by the length of the shortest: margins are then at most about one."""
        off = getattr(dataset, "off", None)
        x, rows, basis = dataset.x, cls.rows_of(norm, dataset.k), None
        x = x / np.linalg.norm(x, axis=1).min()
        pairs = cls(x, dataset.y, rows, None, off)
        if len(rows) == dataset.k or (norm.p == 2 and pairs.few):
            return pairs  # no span to use, or a system with a row a pair, which saves as much
        _, s, vt = np.linalg.svd(x, full_matrices=False)
        kept = s > 1e-13 * s[0]  # below: rounding of x itself
        if kept.sum() < dataset.d:  # else features of different size stay apart
            basis = vt[kept].T
            x = x @ basis
        return cls(x, dataset.y, rows, basis, off)

    @property
    def few(self):
        """Whether a system with a row a pair is the cheaper one."""
        return self.count < 0.7 * self.size

    @staticmethod
    def rows_of(norm, k):
        """Coordinates of the classes: differences only where the ball does not see a rotation."""
        if not isinstance(norm, Schatten) and norm.p != 2:
            return np.eye(k)
        return np.linalg.svd(np.ones((1, k)))[2][1:]

    def rotated(self, u, v):
        basis = v if self.basis is None else self.basis @ v
        return Pairs(self.x @ v, self.y, u.T @ self.rows, basis, self.off)

    def lift(self, v):
        w = self.rows.T @ v
        return w if self.basis is None else w @ self.basis.T

    def reduce(self, w):
        v = self.rows @ w
        return v if self.basis is None else v @ self.basis

    def margins(self, v, off=np.inf):
        z = self.x @ (self.rows.T @ v).T
        return np.where(self.off, off, z[self.own][:, None] - z)

    def adjoint(self, a):
        """``sum a_ic (e_y - e_c) x_i^T`` (q, r)."""
        r = np.where(self.off, 0, -a)
        r[self.own] = -r.sum(1)
        return self.rows @ (r.T @ self.x)

    def adjoint_of(self, values, where):
        """The adjoint of multipliers given on the mask ``where`` (n, k) only."""
        a = np.zeros(where.shape)
        a[where] = values
        return self.adjoint(a)

    def gram(self, weight):
        """``A^T diag(weight) A`` (size, size) by classes: n k r^2 multiplications, a product."""
        q, r = self.shape
        blocks = np.empty((self.k, self.k, r, r))
        for c in range(self.k):
            x = self.x[self.y == c]
            blocks[c] = (x * weight[self.y == c].T[:, :, None]).transpose(0, 2, 1) @ x
        u = self.rows[:, :, None] - self.rows[:, None, :]
        outer = (u[:, None] * u[None]).reshape(q * q, -1)
        gram = (outer @ blocks.reshape(-1, r * r)).reshape(q, q, r, r)
        return gram.transpose(0, 2, 1, 3).reshape(self.size, -1)

    def matrix(self, samples, classes):
        """The rows of A for the listed pairs, (pairs, size)."""
        u = (self.rows[:, self.y[samples]] - self.rows[:, classes]).T
        return (u[:, :, None] * self.x[samples][:, None, :]).reshape(len(samples), self.size)

    def columns(self, entries):
        """The listed columns of A (count, entries), where ``rows`` is the identity."""
        samples, classes = np.nonzero(~self.off)
        p, l = np.divmod(entries, self.shape[1])
        sign = (self.y[samples][:, None] == p) * 1.0 - (classes[:, None] == p)
        return sign * self.x[samples[:, None], l]

    @cached_property
    def _plain_gram(self):
        """``A A^T`` (count, count): products of samples times products of ``e_y - e_c``."""
        samples, classes = np.nonzero(~self.off)
        u = (self.rows[:, self.y[samples]] - self.rows[:, classes]).T
        return (u @ u.T) * (self.x @ self.x.T)[np.ix_(samples, samples)]

    def weighted_gram(self, inverse):
        """``A diag(inverse) A^T`` (count, count) for positive ``inverse`` (size,)."""
        if (inverse == inverse[0]).all():
            return self._plain_gram * inverse[0]
        samples, classes = np.nonzero(~self.off)
        matrix = np.zeros((self.count, self.count))
        for row, scale in zip(self.rows.T, inverse.reshape(self.shape), strict=True):
            # a norm of entries: rows is the identity, and row p meets pairs of class p only
            p = int(np.flatnonzero(row)[0])
            sign = (self.y[samples] == p) * 1.0 - (classes == p)
            at = np.flatnonzero(sign)
            here, back = np.unique(samples[at], return_inverse=True)
            inner = (self.x[here] * scale) @ self.x[here].T
            block = inner[np.ix_(back, back)] * sign[at, None] * sign[at]
            matrix[np.ix_(at, at)] += block
        return matrix
