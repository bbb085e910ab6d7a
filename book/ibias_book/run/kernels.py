"""A fork that waits to become a notebook's kernel, as jupyter_client takes it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from jupyter_client import AsyncKernelManager
from jupyter_client.provisioning import LocalProvisioner
from traitlets import Any


class Waiting:
    """The fork ``pid``, which becomes a kernel when it reads how from the descriptor ``tell``; as
    much of a ``Popen`` as a provisioner needs."""

    stdin = stdout = stderr = returncode = None

    def __init__(self, pid: int, tell: int):
        self.pid, self._tell = pid, tell

    def launch(self, argv: list[str], environment: dict[str, str], cwd: str) -> None:
        environment = environment | {"JPY_PARENT_PID": str(os.getpid())}
        with os.fdopen(self._tell, "w") as pipe:
            pipe.write(json.dumps({"argv": argv, "environment": environment, "cwd": cwd}) + "\n")

    def poll(self, how: int = os.WNOHANG) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, how)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def wait(self) -> int | None:
        return self.poll(0)

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)


class Provisioner(LocalProvisioner):
    """Launches its first kernel in the fork that waits for it."""

    waiting = Any(None, allow_none=True)

    async def launch_kernel(self, cmd: list[str], **options):
        waiting, self.waiting = self.waiting, None
        if waiting is None or cmd[:3] != [sys.executable, "-m", "ipykernel_launcher"]:
            return await super().launch_kernel(cmd, **options)  # a second one, or another language
        cwd, environment = options.get("cwd"), options.get("env")
        self.cwd = str(cwd or Path.cwd())
        waiting.launch(cmd[2:], dict(os.environ if environment is None else environment), self.cwd)
        self.process, self.pid, self.pgid = waiting, waiting.pid, waiting.pid
        return self.connection_info


def manager(pid: int, tell: int) -> type[AsyncKernelManager]:
    """What nbclient takes as ``kernel_manager_class``, for one notebook."""

    class Manager(AsyncKernelManager):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            if not self.kernel_spec.metadata.get("kernel_provisioner"):
                self.provisioner = Provisioner(
                    parent=self, kernel_spec=self.kernel_spec, waiting=Waiting(pid, tell)
                )

    return Manager
