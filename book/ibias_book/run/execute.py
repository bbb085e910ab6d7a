"""Runs one notebook with papermill, in a process of its own: `python -m ibias_book.run.execute`
reads what to run from its standard input, as JSON in one line, and ends when that is closed."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from threading import Thread


def main(source: str, target: str, parameters: dict) -> int:
    """Execute the notebook; the last line of what this prints says why one failed."""
    Thread(target=_end_with_input, daemon=True).start()
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


def _end_with_input() -> None:
    """The runner holds the other end, and cannot fail to let go of it however it ends."""
    os.read(0, 1)
    os.kill(os.getpid(), signal.SIGTERM)  # the kernel sees within a second that it is alone


if __name__ == "__main__":
    sys.exit(main(**json.loads(sys.stdin.readline())))
