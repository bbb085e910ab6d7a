"""One thread for small linear algebra."""

from contextlib import contextmanager, nullcontext

import torch


@contextmanager
def one_thread():
    """Torch and the linear algebra library on one thread inside; what was set before is restored.

    On small matrices a second thread gains nothing, is better used by a second process, and beside
    a busy neighbour waits in a loop, which costs a factor of ten to a hundred.  Without
    threadpoolctl (the extra ``fast``) the linear algebra library keeps its threads.
    """
    try:
        from threadpoolctl import threadpool_limits

        blas = threadpool_limits(1, user_api="blas")
    except ImportError:
        blas = nullcontext()
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with blas:
            yield
    finally:
        torch.set_num_threads(before)
