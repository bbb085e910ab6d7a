"""`ibias sweep`: a grid of methods from a TOML file, here or on a Dask cluster."""

import logging
import sys
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from ..runs import status as status_of
from ..runs import sweep as run
from ..runs.results import write_netcdf
from . import grids as grid_file
from .inputs import JsonOption, QuietOption, StoreOption, answer
from .training import check_writable

EPILOGUE = """Examples: `ibias sweep grid.toml` · `ibias sweep grid.toml --status` ·
`ibias sweep grid.toml --scheduler tcp://10.0.0.1:8786 --store runs`

A grid file: `data = "digits:3-8"`, `norms = ["max", "spectral"]`, `batch_sizes = [1, 17, "full"]`,
`momenta = [0.0, 0.9]`, `variance_reduction = [false, true]`, `seeds = 5`, `steps = 20000`, and a
table `[schedule]` with `eta0 = 0.1`, `a = 0.5`."""


def sweep(
    grid: Annotated[
        Path, typer.Argument(metavar="GRID.toml", help="The grid, see the example below.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="netCDF file for the results (default: the grid's name, .nc)."),
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="Address of a Dask scheduler, tcp://host:port.")
    ] = None,
    status: Annotated[
        bool, typer.Option("--status", help="Say how many runs are done; compute nothing.")
    ] = False,
    store: StoreOption = None,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Compute every run of a **grid** of methods that the store does not hold yet, and write them
    all to one file.

    Interrupted, it keeps what is finished; called again, it goes on.
    """
    asked = grid_file.read(grid)
    place = store or "auto"
    if status:
        words = status_of(asked.dataset, asked.methods, **asked.options, store=place)
        _say(int((words == "done").sum()), words.size, {}, json)
        return
    out = out or grid.with_suffix(".nc")
    check_writable(out)
    with _log_to_stderr(quiet), _client(scheduler) as client:
        here: dict[str, Any] = dict(store=place, client=client, progress=not quiet)
        runs = run(asked.dataset, asked.methods, **asked.options, **here)
    write_netcdf(runs.assign_attrs(grid=grid.read_text(encoding="utf-8")), out)
    total, made = runs.sizes["optimizer"] * runs.sizes["seed"], runs.attrs
    more = {"out": out, "from_store": made["from_store"], "seconds": made["wall_seconds"]}
    _say(total, total, more, json)


def _client(address: str | None):
    """A connection to the scheduler, or None; an address nobody answers at is bad input."""
    if address is None:
        return nullcontext()
    from distributed import Client

    try:
        # no default: nobody else asked for it, and one that failed would stay
        return closing(Client(address, timeout=10, set_as_default=False))
    except (OSError, ValueError, TypeError) as error:
        said = f"no Dask scheduler answers there ({type(error).__name__})"
        raise ValueError(f"--scheduler {address}: {said}") from error


def _say(done: int, total: int, more: dict, json: bool) -> None:
    rows = [(key.replace("_", " "), str(value)) for key, value in more.items()]
    answer({"done": done, "total": total} | more, json, f"{done} of {total} runs done", rows)


@contextmanager
def _log_to_stderr(quiet: bool):
    """Show what a sweep logs ("37 of 120 runs were found"), as lines of this command."""
    log = logging.getLogger("ibias")
    handler = logging.NullHandler() if quiet else logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("ibias: %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)
