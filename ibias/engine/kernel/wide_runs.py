"""Runs taken over from the common block, once one exponent a run is no longer enough for them."""

import numpy as np

from . import wide_block as layout
from .block import IDLE, aligned
from .residual import UNBOUNDED


class WideRuns:
    """Lanes ``chosen`` of a block, all with variance reduction or all without, padded behind to a
    multiple of 8 with idle ones."""

    def __init__(self, data, exponential, lanes, chosen, b, k, reduced):
        self.data, self.exponential, self.chosen = data, exponential, np.asarray(chosen)
        (n, self.d), self.k = data.x.shape, k
        self.width = -(-len(chosen) // 8) * 8
        fields = {name: aligned(self.width) for name in ("beta", "conjugate")}
        kind, schedule = np.full(self.width, IDLE), np.zeros(self.width, np.int64)
        kind[: len(chosen)], schedule[: len(chosen)] = lanes.kind[chosen], lanes.schedule[chosen]
        for name, field in fields.items():
            field[: len(chosen)] = getattr(lanes, name)[chosen]
        self.lanes = layout.WideLanes(kind, schedule=schedule, **fields)
        columns = k * self.width
        self.state = layout.wide_state(self.d, columns)
        self.batch = layout.signal(b, self.d, columns)
        self.then = layout.signal(n if reduced else 0, self.d, columns)

    def take(self, state, snapshot):
        """Go on from the common block's state, and from its snapshot: an epoch may be half done."""
        self._fill(self.state.w, state.w[: self.d], self.chosen)
        self._fill(self.state.m, state.m[: self.d], self.chosen)
        self._exponents(self.state.e, self.state.m, state.scale[self.chosen])
        if len(self.then.z):
            late = self.chosen - snapshot.offset[0]
            for values, exponents, source in (
                (self.then.z, self.then.ze, snapshot.z),
                (self.then.g, self.then.ge, snapshot.g),
            ):
                self._fill(values, source, late)
                self._exponents(exponents, values, snapshot.e[late])

    def _fill(self, to, source, at):
        """Lanes ``at`` of the columns of ``source`` become the first lanes of ``to``."""
        self._split(to)[..., : len(at)] = self._split(source)[..., at]

    def _exponents(self, to, values, scale):
        lanes = self._split(to)
        lanes[...] = UNBOUNDED
        lanes[..., : len(scale)] = scale
        to[values == 0] = UNBOUNDED

    def _split(self, a):
        return a.reshape(len(a), self.k, -1)

    def advance(self, orders, rates, first, last):
        layout.advance_wide(
            self.data,
            self.exponential,
            self.lanes,
            self.state,
            self.batch,
            self.then,
            orders,
            rates,
            first,
            last,
        )

    def weights(self):
        """``(runs, k, d)``."""
        return self._split(self.state.w)[..., : len(self.chosen)].transpose(2, 1, 0)
