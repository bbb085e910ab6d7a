"""Notebooks in forks of one process that has imported the libraries, on Linux.

Importing them takes longer than many a notebook. The process runs this file by its path, so that
nothing of this repository is imported ahead: it may be edited while notebooks run. Where that does
not work, notebooks start as elsewhere.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from functools import cache
from threading import Lock

LIBRARIES = (
    *("torch", "xarray", "scipy.signal", "scipy.stats", "numba", "matplotlib.pyplot", "papermill"),
    *("IPython", "matplotlib_inline.backend_inline", "ipykernel.ipkernel"),
)
SETTLED = {  # what libraries read when they are imported
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",  # a fork would not have the thread
}
_one_at_a_time = Lock()


class Fork:
    """A notebook that runs in a fork; like a ``Popen``. It ends when its ``stdin`` is closed."""

    def __init__(self, connection: socket.socket):
        self.stdin, self.returncode, self._said = connection, None, 1
        connection.setblocking(False)

    def poll(self) -> int | None:
        with suppress(BlockingIOError):
            while self.returncode is None and (said := self.stdin.recv(1)):
                self._said = said[0]
            self.returncode = self._said
        return self.returncode


def start(told: dict, log: int, environment: dict[str, str]) -> Fork | None:
    """A fork that executes ``told`` (see ``execute``), and writes to the descriptor ``log``; None
    where there are no forks. All but IBIAS_... of ``environment`` is settled before any fork."""
    settled = {n: v for n, v in environment.items() if not n.startswith("IBIAS_")}
    line = json.dumps(told | {"environment": os.environ | environment}) + "\n"
    ours, theirs = socket.socketpair()
    with theirs, suppress(OSError):
        with _one_at_a_time:
            server = _server(tuple(sorted(settled.items())))
            socket.send_fds(server, [b"."], [theirs.fileno(), log])
        theirs.close()
        ours.sendall(line.encode())
        if ours.recv(1):
            return Fork(ours)
    ours.close()
    return None


@cache
def _server(settled: tuple[tuple[str, str], ...]) -> socket.socket:
    """The way to the process that is forked; it ends when this one does."""
    if sys.platform != "linux":  # elsewhere libraries do not survive a fork
        raise OSError("no forks")
    ours, theirs = socket.socketpair()
    with theirs:
        subprocess.Popen(
            [sys.executable, __file__],
            stdin=theirs,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=SETTLED | os.environ | dict(settled),
            start_new_session=True,
        )
    return ours


# --- in the process that is forked, and in its forks


def _serve(runner: socket.socket) -> None:
    """Fork for each notebook that the runner names."""
    for name in LIBRARIES:
        with suppress(ImportError):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()  # what is imported stays in pages that forks share
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the forks
    while descriptors := socket.recv_fds(runner, 1, 2)[1]:
        if not os.fork():
            runner.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            return _execute(*descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _execute(connection: int, log: int) -> None:
    """Be the process that executes a notebook, with a fork that waits to become its kernel."""
    os.setsid()
    for descriptor, standard in ((connection, 0), (log, 1), (log, 2)):
        os.dup2(descriptor, standard)
    os.closerange(3, max(connection, log) + 1)
    told = json.loads(sys.stdin.readline())
    os.environ.clear()
    os.environ.update(told.pop("environment"))
    receiver, sender = os.pipe()
    if not (pid := os.fork()):
        os.close(sender)
        return _become_kernel(receiver)
    os.close(receiver)
    from ibias_book.run import execute, kernels

    os.write(0, b"\1")
    code = execute.main(**told, kernel_manager_class=kernels.manager(pid, sender))
    os.write(0, bytes([code]))
    sys.stderr.flush()
    os._exit(code)


def _become_kernel(receiver: int) -> None:
    os.setsid()  # signals for a kernel go to its group
    os.dup2(receiver, 0)
    os.close(receiver)
    if line := sys.stdin.readline():  # nothing where the notebook ended before it had a kernel
        told = json.loads(line)
        os.environ.clear()
        os.environ.update(told["environment"])
        os.chdir(told["cwd"])
        from ipykernel.kernelapp import launch_new_instance  # reads whose child it is

        sys.argv = told["argv"]
        launch_new_instance()


if __name__ == "__main__":
    del sys.path[0]  # this file's folder, where a notebook has its own
    _serve(socket.socket(fileno=os.dup(0)))
