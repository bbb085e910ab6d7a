"""Matrix products over the slots that hold a run: idle ones are left out, and come out as zeros."""

import numpy as np

from .cache import jit
from .simd import load, splat, store, where

PLACES = np.arange(8.0)


@jit
def product(x, a, task, scratch, out):
    """``np.dot(x, a, out)``; ``a`` and ``out`` have ``task.width`` columns for each class, of which
    the first ``task.idle`` (fewer than 8) are zeros."""
    narrow, found = a, out
    if task.idle:
        columns = a.shape[1] // task.width * (task.width - task.idle)
        narrow = scratch[0, 8 : 8 + a.shape[0] * columns].reshape(a.shape[0], columns)
        found = scratch[1, 8 : 8 + out.shape[0] * columns].reshape(out.shape[0], columns)
        _close_up(a, task, scratch[0])
    np.dot(x, narrow, found)
    if task.idle:
        _spread(scratch[1], task, out)


@jit
def _close_up(a, task, narrow):
    """``a`` without its idle slots, from the ninth place of ``narrow`` on."""
    used = task.width - task.idle
    # from the end: the idle slots of a vector fall on the class before, which is written after it
    for block in range(a.size // task.width - 1, -1, -1):
        o = block * used + 8 - task.idle
        for slot in range(task.width - 8, -1, -8):
            store(narrow, o + slot, load(a, block * task.width + slot))


@jit
def _spread(narrow, task, a):
    """Back to where the slots were, and zeros in the idle ones."""
    used, zero, border = task.width - task.idle, splat(0.0), splat(task.idle - 0.5)
    for block in range(a.size // task.width):
        o = block * used + 8 - task.idle
        first = where(load(PLACES, 0), border, load(narrow, o), zero)
        store(a, block * task.width, first)
        for slot in range(8, task.width, 8):
            store(a, block * task.width + slot, load(narrow, o + slot))
