"""One thread for many small products."""

from contextlib import contextmanager

import torch

from ..maxmargin.threads import one_blas_thread


@contextmanager
def one_thread():
    """Torch and the linear algebra library on one thread inside (see ``one_blas_thread``).

    Lanes are small matrices; a second core is better used by a second process.  What was set before
    is restored.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with one_blas_thread():
            yield
    finally:
        torch.set_num_threads(before)
