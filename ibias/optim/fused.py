"""Entry-wise updates in one pass: compiled kernels over the tensors' storage, where safe.

Only where a group asks for it (``fused=True``).  Safe are plain dense contiguous float32 or float64
tensors on the CPU, outside ``torch.compile``; for anything else ``Fused.of`` is None and torch's
``foreach`` operations do the work.  Modes that watch torch's operations see nothing of a compiled
step.  The two paths agree bit for bit in signs and averages, and to rounding in Euclidean lengths
(sums are taken in the dtype within blocks and in float64 over them) and in weight decay (a product
and a sum round once).
"""

import os
from array import array
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from operator import attrgetter

import numpy as np
import torch
from torch import Tensor
from torch.autograd.graph import increment_version
from torch.nn import Parameter

LIKE: dict[torch.dtype, np.ndarray]
LIKE = {torch.float32: np.empty(0, np.float32), torch.float64: np.empty(0, np.float64)}
"""Empty arrays that tell the kernels the dtype."""
PLAIN = {Tensor, Parameter}  # subclasses bring their own meaning of storage
SHARE = 2**16
"""Entries that are worth another of torch's threads: waking one takes about as long as they do."""


@dataclass(eq=False)
class Fused:
    """The memory of a group's parameters, their gradients and, once ``averaged_in``, averages.

    Made for one step and valid no longer: gradients move.  Kernels write behind autograd's back, so
    each writer raises the version of what it wrote: a graph that saved an old value is refused in
    ``backward``, as after any operation of torch.
    """

    roles: tuple[list[Tensor], ...]
    table: array
    """The tensors' lengths, then for each role their addresses."""
    like: np.ndarray
    _squares: float | None = None

    # Checks are maps of C functions, and numpy is not asked: a step finds the caches as a backward
    # pass left them, where what runs for the first time costs most, and with many small tensors a
    # loop in Python would cost more than the update.

    @staticmethod
    def of(params, grads) -> "Fused | None":
        if not params or torch.compiler.is_compiling():
            return None
        both, dtype = [*params, *grads], params[0].dtype
        if dtype not in LIKE or not _as_it_lies(both, dtype):
            return None
        if any(map(Tensor.is_inference, params)) or _kernels() is None:
            return None
        shapes, count = list(map(_shape, both)), len(params)
        if shapes[:count] != shapes[count:]:
            return None
        addresses, lengths = list(map(Tensor.data_ptr, both)), list(map(Tensor.numel, params))
        if 0 in addresses and any(n and not a for n, a in zip(lengths * 2, addresses, strict=True)):
            return None  # zeros that have no memory
        return Fused((params, grads), array("q", [*lengths, *addresses]), LIKE[dtype])

    def averaged_in(self, averages) -> "Fused | None":
        """The same with the averages of the gradients, which must be as plain as the rest."""
        params = self.roles[0]
        fit = list(map(_shape, averages)) == list(map(_shape, params))
        if not (fit and _as_it_lies(averages, params[0].dtype)):
            return None
        addresses = array("q", list(map(Tensor.data_ptr, averages)))
        return Fused((*self.roles, averages), self.table + addresses, self.like)

    def squares(self) -> float:
        """The sum of the gradients' squares, for the check for NaN and the Euclidean length."""
        if self._squares is None:
            self._squares = sum(self._run("squares"))
        return self._squares

    def sign_step(self, keep, lr, weight, ahead):
        """``p <- keep p - lr sign(g)``; with averages ``m <- m + weight (g - m)``,
        ``p <- keep p - lr sign(g + ahead (m - g))``."""
        if len(self.roles) == 2:
            self._run("sign_step", keep, lr)
        else:
            self._run("signum_step", keep, lr, weight, ahead)
            increment_version(self.roles[2])
        increment_version(self.roles[0])

    def average(self, weight, ahead) -> float:
        """``m <- m + weight (g - m)``; the sum of the squares of ``g + ahead (m - g)``."""
        increment_version(self.roles[2])
        return sum(self._run("averaged_squares", weight, ahead))

    def add(self, keep, factor, ahead):
        """``p <- keep p + factor d``, d the gradients, or with averages ``g + ahead (m - g)``."""
        if len(self.roles) > 2 and ahead < 1:
            self._run("add_ahead", keep, factor, ahead)
        else:
            self._run("add_scaled", len(self.roles), keep, factor)  # the last row
        increment_version(self.roles[0])

    def _run(self, name, *numbers):
        """The kernel's results on equal shares of the entries, one for each of torch's threads."""
        kernel, threads = getattr(_kernels(), name), torch.get_num_threads()

        def work(share):  # holds on to the table and, by self, to the tensors
            return kernel(share.buffer_info()[0], len(self.roles[0]), self.like, *numbers)

        first, *rest = self._shares(threads) if threads > 1 else [self.table]
        others = [_pool(threads - 1, os.getpid()).submit(work, share) for share in rest]
        try:
            return [work(first), *(other.result() for other in others)]
        finally:
            wait(others)  # after Ctrl-C too: nobody may write to memory that is given back

    def _shares(self, threads):
        """Tables that cut all tensors' entries, laid end to end, into equal pieces."""
        lengths, *addresses = np.array(self.table).reshape(1 + len(self.roles), -1)
        total, starts = lengths.sum(), np.cumsum(lengths) - lengths
        bounds = np.linspace(0, total, max(1, min(threads, total // SHARE)) + 1).astype(np.int64)
        cuts, size = np.clip(bounds[:, None] - starts, 0, lengths), self.like.itemsize
        rows = ([high - low, *(a + low * size for a in addresses)] for low, high in pairwise(cuts))
        return [array("q", np.concatenate(table).tolist()) for table in rows]


_shape, _kind = attrgetter("shape"), attrgetter("dtype", "layout", "is_cpu")


def _as_it_lies(tensors, dtype):
    """Whether each tensor's memory holds its entries in order, with nothing else to know."""
    return (
        set(map(type, tensors)) <= PLAIN
        and set(map(_kind, tensors)) == {(dtype, torch.strided, True)}
        and all(map(Tensor.is_contiguous, tensors))
        and not any(map(Tensor.is_neg, tensors))
    )


def available() -> bool:
    """Whether numba is installed, without importing it."""
    try:
        return find_spec("numba") is not None
    except ValueError:
        return False


@cache
def _pool(threads, process):
    """Kept for the next step; a forked process has none of its parent's threads."""
    return ThreadPoolExecutor(threads, "ibias-optim")


@cache
def _kernels():
    """The compiled kernels, loaded at the first step, or None without numba."""
    try:
        from numba import config

        from . import fused_kernels
    except ImportError:
        return None
    return None if config.DISABLE_JIT else fused_kernels
