"""Runs one notebook with papermill, in a process of its own:
`python -m ibias_book.run.execute IN OUT < parameters.json`."""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main(source: str, target: str) -> int:
    import papermill
    from nbclient.exceptions import DeadKernelError

    parameters = json.load(sys.stdin)
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


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
