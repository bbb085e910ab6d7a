"""Runs taken over from the common arrays, once one exponent a run is no longer enough for them."""

import numpy as np

from .arrays import Arrays, make_slots
from .residual import UNBOUNDED
from .wide_advance import advance_wide, make_wide_arrays


class WideWorkspace:
    """The runs in the slots ``chosen`` of ``common``, all with variance reduction or all without,
    padded behind to a multiple of 8 with idle slots."""

    def __init__(self, common: Arrays, chosen: np.ndarray, reduced: bool):
        idle = (0, -len(chosen) % 8)
        slots = make_slots(*(np.pad(field[chosen], idle) for field in common.slots[:5]))
        self.chosen = chosen
        task = common.task._replace(width=slots.kind.size, idle=0)
        b = common.batch.samples.y.size
        self.arrays = make_wide_arrays(common.data, task, slots, b, reduced)

    def take_over(self, common: Arrays) -> None:
        """Go on from the common state, and from its snapshot: an epoch may be half done."""
        state, snapshot, old = self.arrays.state, self.arrays.snapshot, common.snapshot.gradient
        d = len(state.w)
        self._copy(common.state.w[:d], self.chosen, state.w)
        self._copy(common.state.m[:d], self.chosen, state.m, common.state.scale, state.e)
        if len(snapshot.z):
            narrow = self.chosen - (common.task.width - common.snapshot.task.width)
            self._copy(old.z, narrow, snapshot.z, old.e, snapshot.ze)
            self._copy(old.g, narrow, snapshot.g, old.e, snapshot.ge)

    def _copy(self, source, at, values, scale=None, exponents=None):
        """Slots ``at`` of ``source`` become the first of ``values``, with their runs' ``scale``."""
        self._by_slot(values)[..., : len(at)] = self._by_slot(source)[..., at]
        if exponents is not None:
            exponents[:] = UNBOUNDED
            self._by_slot(exponents)[..., : len(at)] = scale[at]
            exponents[values == 0] = UNBOUNDED

    def _by_slot(self, a):
        return a.reshape(len(a), self.arrays.task.k, -1)

    def advance(self, orders: np.ndarray, rates: np.ndarray, first: int, last: int) -> None:
        advance_wide(self.arrays, orders, rates, first, last)

    def weights(self) -> np.ndarray:
        """``(runs, k, d)``."""
        return self._by_slot(self.arrays.state.w)[..., : len(self.chosen)].transpose(2, 1, 0)
