"""`ibias reproduce`, `ibias build`, `ibias verify`: the book from the command line."""

from __future__ import annotations

import shutil
import subprocess
import sys
from time import perf_counter
from typing import Annotated

import typer

from ibias.cli.inputs import JsonOption, QuietOption, emit, table

from .run.parameters import once


def add_to(app: typer.Typer) -> None:
    app.command(
        "reproduce",
        epilog="Examples: `ibias reproduce` · `ibias reproduce 05_experiment -p steps=2000`",
    )(reproduce)
    app.command("build", epilog="Example: `ibias build`")(build)
    app.command("verify", epilog="Examples: `ibias verify fig-1` · `ibias verify --json`")(verify)


def reproduce(
    notebooks: Annotated[
        list[str] | None,
        typer.Argument(
            show_default=False, help="Names such as 05_experiment; all when none is given."
        ),
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option(
            "--parameter",
            "-p",
            show_default=False,
            metavar="NAME=VALUE",
            help="Another value for a notebook's parameter.",
        ),
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Notebooks at a time.")] = 1,
    force: Annotated[
        bool, typer.Option("--force", help="Also those whose outputs are up to date.")
    ] = False,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Compute the **notebooks**, all or some, skipping what is up to date. Runs with parameters of
    their own leave the book alone."""
    from .run import notebooks as runner

    root = runner.find_root()
    given = once(map(_pair, parameter or []))
    say = None if quiet or json else (lambda line: print(line, file=sys.stderr, flush=True))
    outcomes = runner.run(root, notebooks or [], given, jobs=jobs, force=force, say=say)
    if json:
        emit({"notebooks": [vars(outcome) for outcome in outcomes]})
    else:
        table(
            str(root),
            [
                (o.name, f"{o.status}, {o.seconds:.0f} s" if o.status == "done" else o.status)
                for o in outcomes
            ],
        )
        for o in outcomes:
            if o.path:
                print(o.path)  # outside the table, which would break it
    failed = [outcome for outcome in outcomes if outcome.status == "failed"]
    if failed:
        reason = failed[0].message.partition("\n")[0]
        print(
            f"ibias: error: {len(failed)} of {len(outcomes)} notebooks failed, the first: {reason}",
            file=sys.stderr,
        )
        raise typer.Exit(1)


def build(quiet: QuietOption = False) -> None:
    """Compute what is out of date and **build the pages** into `_build/html`."""
    from .run import notebooks as runner

    root, began = runner.find_root(), perf_counter()
    reproduce(quiet=quiet)
    builder = [
        sys.executable,
        "-c",
        "from jupyter_book.cli.main import main; main(prog_name='jupyter-book')",
    ]
    book = subprocess.run(
        [*builder, "build", ".", "-W", "-n", "--keep-going"],
        cwd=root,
        check=False,
        stdout=subprocess.DEVNULL if quiet else sys.stderr,
    )
    if book.returncode:
        shutil.rmtree(
            root / "_build" / ".doctrees", ignore_errors=True
        )  # a page read with a warning would count as read the next time
        raise RuntimeError(
            f"building the pages failed with code {book.returncode}; the messages above say where"
        )
    table(
        str(root),
        [
            ("pages", str(root / "_build" / "html" / "index.html")),
            ("seconds", f"{perf_counter() - began:.0f}"),
        ],
    )


def verify(
    figures: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FIGURE]...", show_default=False, help="Ids such as fig-1; all when none."
        ),
    ] = None,
    backend: Annotated[
        str,
        typer.Option(
            help=(
                "Compute with this backend first (kernel, lanes, composed), as another machine"
                " might."
            )
        ),
    ] = "",
    threads: Annotated[int, typer.Option(min=1, help="Threads of the linear algebra library.")] = 1,
    plain: Annotated[
        bool,
        typer.Option(
            "--plain", help="As a processor without vector instructions would compute it."
        ),
    ] = False,
    save: Annotated[
        bool,
        typer.Option(
            "--save", help="Add the outcome to benchmarks/verified.json, which the book shows."
        ),
    ] = False,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Compute the data under a **figure** once more, from nothing, and compare it with the book's.
    Exit code 1 where they differ.

    A notebook runs once for all its figures, the quickest first.
    """
    from .run import notebooks as runner
    from .run import verification

    root, elsewhere = runner.find_root(), verification.elsewhere(backend, threads, plain)
    say = None if quiet else (lambda line: print(line, file=sys.stderr, flush=True))
    found = []
    for one in verification.verify(
        figures, root=root, environment=elsewhere, say=say, progress=not quiet and not json
    ):
        found.append(one)
        if say:
            say(f"  {one.id} {one.line()} ({one.seconds:.0f} s)")
        if save:
            verification.save(root, [one], verification.means(backend, threads, plain))
    if json:
        emit({"figures": {one.id: verification.row(one) for one in found}})
    else:
        table("figures", [(one.id, one.line()) for one in found])
    if not all(one.comparison.agrees for one in found):
        raise typer.Exit(1)


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name.isidentifier():
        raise ValueError(f"-p {text!r}: write NAME=VALUE, for instance -p steps=2000")
    return name, value
