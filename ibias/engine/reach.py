"""When one exponent a run is no longer enough: how far the entries of a residual can lie apart.

Every entry of a residual is at least ``e^-r / k`` of the largest possible, r the range of its
sample's logits; in float64 an entry below e^-708 of the largest is stored as 0.  For most norms
that is rounding.  The max norm takes the sign of every entry, and an entry-wise p-norm its
``1 / (p - 1)``-th power: e^-600 of the largest is still seen for p > 17.
"""

from collections.abc import Callable, Iterator
from math import log

import numpy as np
from torch import Tensor

from .driver import at_step
from .planner import Group


class Reach:
    """Watches the sign-like runs of a group until they need exponents for classes or entries.

    A step of length eta moves the range of a sample's logits by at most ``2 eta max ||x_i||_q``, so
    the logits themselves are looked at a few times in a run only, and not at all in most runs.
    """

    def __init__(self, x: np.ndarray, group: Group, limits: np.finfo = np.finfo(np.float64)):
        """``limits``: of the numbers that the engine stores."""
        # the rest is left for products with small features
        self.limit = -0.85 * log(float(limits.tiny))
        flatness_seen = -self.limit / log(float(limits.eps))
        self.x, self.per_epoch = x, x.shape[0] // group.batch_size
        norms = [run.norm for run in group.runs]
        flat = [norm.family == "entrywise" and norm.flatness > flatness_seen for norm in norms]
        self.runs = [i for i, watched in enumerate(flat) if watched]
        # of the logit range per unit of step size, by row of the table of step sizes
        self.speed: dict[int, float] = {}
        for i in self.runs:
            q, row = group.runs[i].norm.q, group.schedule_rows[i]
            fastest = 2 * float((abs(x) ** q).sum(1).max()) ** (1 / q)
            self.speed[row] = max(fastest, self.speed.get(row, 0.0))
        self.used, self.room, self.ended = 0.0, self.limit, not self.runs

    def pieces(
        self,
        orders: np.ndarray,
        rates: np.ndarray,
        first: int,
        last: int,
        weights: Callable[[], Tensor],
        end: Callable[[], None],
    ) -> Iterator[tuple[int, int, np.ndarray, np.ndarray]]:
        """``(begin, end, orders, rates)`` of steps to take, as ``Workspace.advance`` has them.

        Between two, ``weights()`` may be measured, and ``end()`` is called once, when it must be.
        """
        begin = first
        while begin < last:
            tables = at_step(orders, rates, first, begin, self.per_epoch)
            count = last - begin if self.ended else self._spend(tables[1][:, : last - begin])
            if count:
                yield begin, begin + count, *tables
                begin += count
            elif not self._look(weights(), tables[1]):
                self.ended = True
                end()

    def _spend(self, rates) -> int:
        """How many steps of ``rates`` are surely within reach; they count as taken."""
        if rates.shape[1] == 1:  # a record after every step: the same without arrays
            count = int(self.used <= self.room)
            self.used += count * max(float(v * rates[row, 0]) for row, v in self.speed.items())
            return count
        growth = np.max([speed * rates[row] for row, speed in self.speed.items()], axis=0)
        used = np.cumsum(np.concatenate([[self.used], growth]))
        count = int(np.searchsorted(used[:-1], self.room, side="right"))
        self.used = float(used[count])
        return count

    def _look(self, w, rates) -> bool:
        """Measure the logits of weights ``(runs, k, d)``; False: too dear to look again soon."""
        w = w[self.runs].cpu().double().numpy()
        z = (self.x @ w.reshape(-1, w.shape[2]).T).reshape(-1, *w.shape[:2])
        self.used, self.room = 0.0, self.limit - float((z.max(2) - z.min(2)).max())
        fastest = max(speed * rates[row][0] for row, speed in self.speed.items())
        return self.room > max(self.limit / 5, fastest * (2 + self.per_epoch / 16))

    def array(self) -> np.ndarray:
        return np.array([self.used, self.room, self.ended])

    def restore(self, saved: np.ndarray) -> None:
        self.used, self.room, self.ended = float(saved[0]), float(saved[1]), bool(saved[2])
