"""One thread for small linear algebra."""

from contextlib import AbstractContextManager, nullcontext


def one_blas_thread() -> AbstractContextManager:
    """The linear algebra library on one thread inside; what was set before is restored.

    On small matrices a second thread gains nothing, and beside a busy neighbour it waits in a loop,
    which costs a factor of ten to a hundred. Without threadpoolctl (the extra ``fast``) nothing is
    changed.
    """
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        return nullcontext()
    return threadpool_limits(1, user_api="blas")
