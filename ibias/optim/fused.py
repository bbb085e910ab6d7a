"""Entry-wise updates in one pass over memory: compiled kernels over the tensors' own storage, where that is safe.

Safe are plain dense contiguous float32 or float64 tensors on the CPU, outside ``torch.compile``, ``torch.func`` and dispatch modes, with numba
installed.  For anything else ``Fused.of`` is None and torch's ``foreach`` operations do the work.  The two paths agree bit for bit in
signs and averages, and in Euclidean lengths to the rounding of torch's sum (these are summed in float64 here).
"""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise
from operator import attrgetter

import numpy as np
import torch
from torch import Tensor
from torch.autograd.graph import increment_version
from torch.nn import Parameter

LIKE = {torch.float32: np.empty(0, np.float32), torch.float64: np.empty(0, np.float64)}
"""Empty arrays that tell the kernels the dtype."""
PLAIN = {Tensor, Parameter}  # subclasses bring their own meaning of storage
SHARE = 2**16
"""Entries that are worth another of torch's threads: waking one takes about as long as they do."""


@dataclass(frozen=True, eq=False)
class Fused:
    """The memory of a group's parameters, their gradients and, once ``averaged_in``, the gradients' averages.

    Made for one step and valid no longer: gradients move.  Kernels write behind autograd's back, so each writer raises the version of what
    it wrote: a graph that saved an old value is refused in ``backward``, as after any operation of torch.
    """

    columns: tuple[list[Tensor], ...]
    table: np.ndarray
    sizes: np.ndarray
    like: np.ndarray

    @staticmethod
    def of(params, grads) -> "Fused | None":
        if not params or _intercepted():
            return None
        dtype = params[0].dtype
        if dtype not in LIKE or any(map(Tensor.is_inference, params)) or _kernels() is None:
            return None
        sizes = list(map(Tensor.numel, params))
        if not (_as_it_lies(params, dtype) and _as_it_lies(grads, dtype) and list(map(Tensor.numel, grads)) == sizes):
            return None
        # one array for all three: the first numpy call after a backward pass finds cold caches
        table = np.array([list(map(Tensor.data_ptr, params)), list(map(Tensor.data_ptr, grads)), sizes], dtype=np.int64)
        return Fused((params, grads), table[:2], table[2], LIKE[dtype])

    def averaged_in(self, averages) -> "Fused | None":
        """The same with the averages of the gradients, which must be as plain as the rest."""
        params = self.columns[0]
        if not (_as_it_lies(averages, params[0].dtype) and list(map(_shape, averages)) == list(map(_shape, params))):
            return None
        addresses = np.array([list(map(Tensor.data_ptr, averages))], dtype=np.int64)
        return Fused((*self.columns, averages), np.vstack([self.table, addresses]), self.sizes, self.like)

    @cached_property
    def squares(self) -> float:
        """The sum of the gradients' squares, in float64: one look serves the check for NaN and the Euclidean length."""
        return sum(self._run("squares"))

    def sign_step(self, lr, weight):
        """``p <- p - lr sign(g)``; with averages ``m <- m + weight (g - m)``, ``p <- p - lr sign(m)``."""
        number = self.like.dtype.type
        if len(self.columns) == 2:
            self._run("sign_step", number(lr))
        else:
            self._run("signum_step", number(lr), number(weight))
            increment_version(self.columns[2])
        increment_version(self.columns[0])

    def average(self, weight) -> float:
        """``m <- m + weight (g - m)``; the sum of the averages' squares."""
        increment_version(self.columns[2])
        return sum(self._run("averaged_squares", self.like.dtype.type(weight)))

    def add(self, factor):
        """``p <- p + factor d``, d the averages where there are some, else the gradients."""
        self._run("add_scaled", len(self.columns) - 1, self.like.dtype.type(factor))
        increment_version(self.columns[0])

    def _run(self, name, *numbers):
        """Calls the kernel, on equal shares of the entries where torch has more threads than one; the list of the results."""
        kernel = getattr(_kernels(), name)
        threads, total = torch.get_num_threads(), 0
        if threads > 1:
            total = int(self.sizes.sum())
            threads = min(threads, total // SHARE)
        if threads <= 1:
            return [kernel(self.table, self.sizes, self.like, *numbers)]
        starts, bounds = np.cumsum(self.sizes) - self.sizes, np.linspace(0, total, threads + 1).astype(np.int64)
        cuts = np.clip(bounds[:, None] - starts, 0, self.sizes)
        shares = [(self.table + low * self.like.itemsize, high - low, self.like, *numbers) for low, high in pairwise(cuts)]
        others = [_pool(threads - 1, os.getpid()).submit(kernel, *share) for share in shares[1:]]
        return [kernel(*shares[0]), *(other.result() for other in others)]


# checks are maps of C functions: with many small tensors a loop in Python would cost more than the update
_shape, _kind = attrgetter("shape"), attrgetter("dtype", "layout", "is_cpu")


def _as_it_lies(tensors, dtype):
    """Whether the memory of all tensors holds their entries in order and nothing else has to be known."""
    return (
        set(map(type, tensors)) <= PLAIN and set(map(_kind, tensors)) == {(dtype, torch.strided, True)}
        and all(map(Tensor.is_contiguous, tensors)) and not any(map(Tensor.is_neg, tensors))
    )


def _intercepted():
    """Whether somebody traces, transforms or intercepts torch's operations and must see each of them."""
    c = torch._C
    return (
        torch.compiler.is_compiling() or c._functorch.peek_interpreter_stack() is not None
        or c._len_torch_dispatch_stack() > 0 or c._len_torch_function_stack() > 0
    )


@cache
def _pool(threads, process):
    """Kept for the next step; a forked process has none of its parent's threads and makes its own."""
    return ThreadPoolExecutor(threads, "ibias-optim")


@cache
def _kernels():
    """The compiled kernels, or None without numba; loaded at the first step rather than at import."""
    try:
        from . import fused_kernels
    except ImportError:
        return None
    return fused_kernels
