"""Compiled code on disk that notices an edit of any file of this folder.

numba's own cache looks at the file of the cached function only, not at those that it calls.
"""

import hashlib
from functools import partial
from pathlib import Path

import numba
from numba.core import caching


def source_stamp(folder: Path = Path(__file__).parent) -> str:
    """A digest of the source files of ``folder`` (the kernel) and of numba's version."""
    digest = hashlib.sha256(numba.__version__.encode())
    for path in sorted(folder.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _watching(locator):
    """A place to keep files, as numba offers it, that goes stale with the whole folder."""
    stamp = {"get_source_stamp": lambda self: source_stamp()}
    return type(f"Watching{locator.__name__}", (locator,), stamp)


class _Files(caching.CompileResultCacheImpl):
    _locator_classes = [_watching(c) for c in caching.CompileResultCacheImpl._locator_classes]


class _KernelCache(caching.FunctionCache):
    _impl_class = _Files


_njit = partial(numba.njit, nogil=True, error_model="numpy", fastmath={"contract"})
jit = _njit()
# for loops that have a name for the reader only: a call costs 4 % of a step with one sample
inlined_jit = _njit(forceinline=True)


def cached_jit(function):
    """``jit`` with the result kept on disk: for the one function that Python calls."""
    dispatcher = jit(function)
    dispatcher._cache = _KernelCache(function)
    return dispatcher
