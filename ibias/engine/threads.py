"""One thread for many small products."""

from contextlib import contextmanager, nullcontext

import torch


@contextmanager
def one_thread():
    """Torch and the linear algebra library on one thread inside: a second one beside a busy
    neighbour costs a factor of ten to a hundred.

    Lanes are small matrices; a second core is better used by a second process.  What was set before
    is restored.
    """
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        limited = nullcontext()
    else:
        limited = threadpool_limits(1, user_api="blas")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with limited:
            yield
    finally:
        torch.set_num_threads(before)
