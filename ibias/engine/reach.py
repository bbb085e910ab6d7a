"""When one exponent a run is no longer enough: how far the entries of a residual can lie apart.

Every entry of a residual is at least ``e^-r / k`` of the largest possible, r the range of its
sample's logits; in float64 an entry below e^-708 of the largest is stored as 0.  For most norms
that is rounding.  The max norm takes the sign of every entry, and an entry-wise p-norm its
``1 / (p - 1)``-th power: e^-600 of the largest is still seen for p > 17.
"""

from math import log

import numpy as np

from ..norms import Entrywise


class Reach:
    """Watches the sign-like runs of a block, and ends when they need an exponent for each class or
    entry.

    A step of length eta moves the range of a sample's logits by at most ``2 eta max ||x_i||_q``, so
    the logits themselves are looked at a few times in a run only, and not at all in most runs.
    """

    def __init__(self, x: np.ndarray, block, limits=None):
        """``limits``: an ``np.finfo``, of the numbers that the engine stores (float64)."""
        limits = limits or np.finfo(np.float64)
        self.limit = -0.85 * log(
            float(limits.tiny)
        )  # the rest is left for products with small features
        sharp = 1 - self.limit / log(float(limits.eps))
        self.x, self.per_epoch = x, x.shape[0] // block.batch_size
        self.runs = [
            i
            for i, run in enumerate(block.runs)
            if type(run.norm) is Entrywise and run.norm.p > sharp
        ]
        # of the logit range per unit of step size, by row of the table of step sizes
        self.speed = {}
        for i in self.runs:
            q, row = block.runs[i].norm.q, block.schedule_rows[i]
            fastest = 2 * float((abs(x) ** q).sum(1).max()) ** (1 / q)
            self.speed[row] = max(fastest, self.speed.get(row, 0.0))
        self.used, self.room, self.ended = 0.0, self.limit, not self.runs

    def pieces(self, rates: np.ndarray, first: int, last: int, weights, end):
        """``(begin, end)`` of steps to take; between two, ``weights()`` may be measured, and
        ``end()`` is called once, when it must be."""
        while first < last:
            if self.ended:
                yield first, last
                return
            count = self._spend(rates[:, : last - first])
            if count:
                yield first, first + count
                first, rates = first + count, rates[:, count:]
            elif not self._look(weights(), rates):
                self.ended = True
                end()

    def _spend(self, rates):
        """How many of the steps of sizes ``rates[s, 0], rates[s, 1], ...`` are surely within reach;
        they count as taken."""
        growth = np.max([speed * rates[row] for row, speed in self.speed.items()], axis=0)
        used = np.cumsum(np.concatenate([[self.used], growth]))
        count = int(np.searchsorted(used[:-1], self.room, side="right"))
        self.used = float(used[count])
        return count

    def _look(self, w, rates):
        """Measure the logits of weights ``(runs, k, d)``.  False when looking again would soon cost
        more than more exponents do."""
        w = w[self.runs]
        z = (self.x @ w.reshape(-1, w.shape[2]).T).reshape(-1, *w.shape[:2])
        self.used, self.room = 0.0, self.limit - float((z.max(2) - z.min(2)).max())
        soon = max(speed * rates[row][0] for row, speed in self.speed.items()) * (
            2 + self.per_epoch / 16
        )
        return self.room > max(self.limit / 5, soon)

    def array(self) -> np.ndarray:
        return np.array([self.used, self.room, self.ended])

    def restore(self, saved: np.ndarray) -> None:
        self.used, self.room, self.ended = float(saved[0]), float(saved[1]), bool(saved[2])
