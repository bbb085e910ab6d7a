"""A ball that leaves some columns of W free."""

import numpy as np

from .ball import Ball


class WithFreeColumns(Ball):
    """``ball`` bounds the first columns of W, the last ``count`` are free: there S must vanish.

    For features so large that their weights, as small as 1e-6 of the others, do not count in the
    norm to the accuracy of float64, but would drown the others in the rounding of S.
    """

    def __init__(self, ball, count):
        self.ball, self.count, self.bent = ball, count, ball.bent
        self.conic, self.joint = ball.conic, ball.joint
        self.parameters = ball.parameters
        self.free = np.zeros((len(ball.w), count))
        rows, columns = ball.w.shape[0], ball.w.shape[1] + count
        index = np.arange(rows * columns).reshape(rows, columns)
        self.bounded, self.unbounded = index[:, :-count].ravel(), index[:, -count:].ravel()

    @property
    def w(self):
        return np.c_[self.ball.w, self.free]

    @property
    def s(self):
        return np.c_[self.ball.s, 0 * self.free]

    @property
    def border(self):
        if not self.ball.border:
            return None
        return self._filled(self.ball.border[0]), self.ball.border[1]

    def _filled(self, v):
        out = np.zeros(len(self.bounded) + len(self.unbounded))
        out[self.bounded] = v
        return out

    def rotation(self):
        turn = self.ball.rotation()
        if turn is None:
            return None
        v = np.eye(turn[1].shape[0] + self.count)
        v[: -self.count, : -self.count] = turn[1]
        self.free = turn[0].T @ self.free
        return turn[0], v

    def mix(self, v):
        v = v.copy()
        v[..., self.bounded] = self.ball.mix(v[..., self.bounded])
        return v

    def factor(self):
        self.ball.factor()

    def add_to(self, matrix):
        inner = np.zeros((len(self.bounded),) * 2)
        self.ball.add_to(inner)
        matrix[np.ix_(self.bounded, self.bounded)] += inner

    def residual(self, mu, affine):
        c, e = self.ball.residual(mu, None if affine is None else affine[0])
        return self._filled(c), e

    def step(self, dw, ds, dt):
        bounded = slice(0, -self.count)
        return self.ball.step(dw[:, bounded], ds[:, bounded], dt), dw[:, -self.count :]

    def longest(self, step):
        return self.ball.longest(step[0])

    def gap(self, step=(), primal=0.0, dual=0.0):
        return self.ball.gap(*step[:1], primal=primal, dual=dual)

    def move(self, step, primal, dual):
        self.ball.move(step[0], primal, dual)
        self.free = self.free + primal * step[1]
