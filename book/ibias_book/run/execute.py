"""Runs one notebook with papermill, in a process of its own.

Importing the libraries takes longer than many a cell. On Linux the process is therefore a fork of
one that has imported them (multiprocessing's forkserver), and so is the notebook's kernel. Nothing
of this repository is imported ahead: it may be edited while notebooks run.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import traceback
from multiprocessing import forkserver
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Lock

FORKS = sys.platform == "linux"  # elsewhere libraries do not survive a fork
LIBRARIES = [
    "torch",
    "xarray",
    "matplotlib.pyplot",
    "scipy.signal",
    "scipy.stats",
    "numba",
    "ipykernel.kernelapp",
    "papermill",
]
_starting = Lock()
INLINE = "module://matplotlib_inline.backend_inline"  # matplotlib asks when it is imported


def start(
    source: Path, target: Path, log: Path, parameters: dict, environment: dict[str, str]
) -> BaseProcess:
    """A running process that executes the notebook ``source`` into ``target``; its exit code is 0
    when all went well, and the last line of ``log`` says what did not."""
    context = multiprocessing.get_context("forkserver" if FORKS else "spawn")
    if FORKS:
        _import_ahead(environment)
    everything = dict(os.environ) | environment
    process = context.Process(
        target=_in_process, args=(str(source), str(target), str(log), parameters, everything)
    )
    process.start()
    return process


def _import_ahead(environment: dict[str, str]) -> None:
    """Start the process that is forked, unless it runs. Libraries look at their numbers of threads
    when they are imported; nothing else of the environment is for other notebooks to see."""
    wanted = {n: v for n, v in environment.items() if n.endswith("_THREADS")}
    wanted["MPLBACKEND"] = INLINE
    with _starting:
        multiprocessing.set_forkserver_preload(LIBRARIES)
        before = {name: os.environ.get(name) for name in wanted}
        os.environ.update(wanted)
        forkserver.ensure_running()
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _in_process(source, target, log, parameters, environment) -> None:
    os.setsid()  # an interrupt is the runner's to pass on
    with open(log, "w", encoding="utf-8") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    os.environ.clear()
    os.environ.update(environment)
    if FORKS:
        from jupyter_client.provisioning import local_provisioner

        local_provisioner.launch_kernel = _Kernel().launch
    sys.exit(main(source, target, parameters))


class _Kernel:
    """A fork of this process that waits to become a notebook's kernel; to jupyter_client it looks
    like a ``Popen``."""

    stdin = stdout = stderr = None

    def __init__(self):
        receiver, self._sender = os.pipe()
        self.returncode: int | None = None
        self.pid = os.fork()
        if not self.pid:
            os.close(self._sender)
            _become_kernel(receiver)
        os.close(receiver)

    def launch(self, cmd, env=None, cwd=None, **options):
        from jupyter_client.launcher import launch_kernel

        if cmd[:3] != [sys.executable, "-m", "ipykernel_launcher"]:  # of another environment
            return launch_kernel(cmd, env=env, cwd=cwd, **options)
        # ipykernel asked for its parent, whose end it watches for, when it was imported
        parent = f"--IPKernelApp.parent_handle={os.getpid()}"
        told = {
            "argv": [*cmd[2:], parent],
            "env": dict(os.environ if env is None else env) | {"JPY_PARENT_PID": str(os.getpid())},
            "cwd": str(cwd or Path.cwd()),
        }
        with os.fdopen(self._sender, "w") as sender:
            json.dump(told, sender)
        return self

    def poll(self):
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def wait(self, timeout=None):
        while self.returncode is None:
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.returncode

    def send_signal(self, number):
        os.kill(self.pid, number)


def _become_kernel(receiver: int) -> None:
    """Wait for what to run and where, and never return."""
    code = 1
    try:
        os.setsid()  # signals for the kernel are sent to its group
        with os.fdopen(receiver) as pipe:
            told = pipe.read()
        if told:  # nothing where the notebook ended before it had a kernel
            from ipykernel.kernelapp import launch_new_instance

            if sys.path[0] in (
                "",
                os.getcwd(),
            ):  # the runner's folder, as `ipykernel_launcher` has it
                del sys.path[0]
            todo = json.loads(told)
            os.environ.clear()
            os.environ.update(todo["env"])
            os.chdir(todo["cwd"])
            sys.argv = todo["argv"]
            launch_new_instance()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def main(source: str, target: str, parameters: dict) -> int:
    import papermill
    from nbclient.exceptions import DeadKernelError

    try:
        papermill.execute_notebook(
            source,
            target,
            parameters=parameters,
            kernel_name="python3",
            cwd=str(Path(source).parent),
            progress_bar=False,
            log_output=False,
        )
    except papermill.PapermillExecutionError as err:
        said = " ".join(f"cell {err.exec_count}: {err.ename}: {err.evalue}".split())
        print(f"{err.source.strip()}\n{said}", file=sys.stderr)  # the runner reads the last line
        return 1
    except DeadKernelError:
        print(
            "its Python process ended by itself, most often for want of memory: run fewer notebooks"
            " at a time (--jobs 1), or give smaller parameters",
            file=sys.stderr,
        )
        return 1
    return 0
