"""The command `ibias`: one line for an error, exit codes for scripts, tracebacks for `--debug`."""

import os
import signal
import sys
import warnings
from collections.abc import Sequence
from functools import partial
from importlib import metadata
from itertools import pairwise
from typing import Annotated, Any

import typer

from . import checking, doctor, margins, storage, sweeping, training
from .wording import as_options

BAD_INPUT, NOT_SEPARABLE, DISK, INTERRUPTED = 2, 3, 4, 130
EPILOGUE = (
    "Exit codes: 0 done, 1 a run or notebook failed or a figure differs, 2 bad input, 3 data not"
    " separable, 4 disk or permission, 130 interrupted. `--debug` anywhere shows the traceback of"
    " an error. Every command takes `--help`; most take `--json`."
)

app = typer.Typer(
    name="ibias",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    epilog=EPILOGUE,
    help=(
        "Which maximum-margin classifier does an optimizer choose? Certified margins, training"
        " runs, sweeps that survive, and the book."
    ),
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def _about(
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
) -> None:
    if version:
        typer.echo(f"ibias {metadata.version('ibias')}")
        raise typer.Exit()


app.command(epilog=margins.EPILOGUE)(margins.margin)
app.command(epilog=checking.EPILOGUE)(checking.check)
app.command(epilog=training.EPILOGUE)(training.train)
app.command(epilog=sweeping.EPILOGUE)(sweeping.sweep)
app.add_typer(storage.group, name="store")
app.command(epilog=doctor.EPILOGUE)(doctor.doctor)
for plugin in metadata.entry_points(group="ibias.commands"):  # the book's, if it is there
    plugin.load()(app)

# errors of the system that say that what was typed is wrong, not that the disk is
_TYPED = (FileNotFoundError, IsADirectoryError, NotADirectoryError, ConnectionError, TimeoutError)
# typer brings a click of its own, or uses the installed one
ClickException: Any = {k.__name__: k for k in typer.BadParameter.__mro__}["ClickException"]
_TOLD = (ClickException, ValueError, TypeError, LookupError, MemoryError, ArithmeticError)


class Interrupted(BaseException):
    """Ctrl-C or SIGTERM; typer would swallow a KeyboardInterrupt and its note on what is safe."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line, as `ibias` and `python -m ibias.cli` do; returns the exit code."""
    given = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in given
    given = [word for word in given if word != "--debug"]
    before = {kind: signal.signal(kind, _interrupt) for kind in (signal.SIGINT, signal.SIGTERM)}
    if "OMP_NUM_THREADS" not in os.environ:  # beside a busy neighbour more threads cost dearly
        import torch

        torch.set_num_threads(1)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = partial(_note, given[0] if given else "")
            _refuse_empty(given)
            code = app(args=given, prog_name="ibias", standalone_mode=False)
        sys.stdout.flush()
        return int(code or 0)
    except BaseException as error:
        if isinstance(error, BrokenPipeError) or isinstance(error.__context__, BrokenPipeError):
            # the reader of our output has gone: nothing is wrong
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        if debug and not isinstance(error, (Interrupted, KeyboardInterrupt, SystemExit)):
            raise
        return _failed(error, given[0] if given else "")
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


def exit_code(error: BaseException) -> int:
    """What the kind of an error means to a script."""
    from ..maxmargin import NotSeparable

    if isinstance(error, (Interrupted, KeyboardInterrupt, typer.Abort)):
        return INTERRUPTED
    if isinstance(error, NotSeparable):
        return NOT_SEPARABLE
    if isinstance(error, OSError) and not isinstance(error, _TYPED):
        return DISK
    of_a_solver = type(error).__name__ == "SolverError"  # cvxpy's, which is not imported for this
    return BAD_INPUT if of_a_solver or isinstance(error, (*_TOLD, OSError)) else 1


def _refuse_empty(given: list[str]) -> None:
    """ValueError for an empty word: as a path it would be the folder one happens to be in."""
    for before, word in pairwise(["ibias", *given]):
        option, sign, value = word.partition("=")
        if not word or (sign and not value and option.startswith("--")):
            where = f"after {before}" if not word else f"in {word}"
            raise ValueError(f"nothing stands {where}: give a value (is a variable not set?)")


def _failed(error: BaseException, command: str) -> int:
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 1
    if isinstance(error, typer.Exit):
        return error.exit_code
    code, text, kind = exit_code(error), _sentence(error), type(error).__name__
    notes = "; ".join(getattr(error, "__notes__", ()))
    if code == INTERRUPTED:
        print(f"ibias: interrupted{'; ' + notes if notes else ''}", file=sys.stderr)
        return code
    if isinstance(error, ModuleNotFoundError) and error.name:
        extra = doctor.WANTED.get(error.name.partition(".")[0], ("", "data,margin,sweep,cli"))[1]
        remedy = f"pip install 'ibias[{extra}]'"
        text = f"this command needs {error.name}, which is not installed here: {remedy}"
    elif code == 1 and not isinstance(error, RuntimeError):
        text = f"unexpected {kind}: {text} (--debug shows the traceback)"
    text = as_options(text, command)
    print(f"ibias: error: {text}{' (' + notes + ')' if notes else ''}", file=sys.stderr)
    return code


def _sentence(error: BaseException) -> str:
    """The error as one line."""
    if isinstance(error, ClickException):
        text = error.format_message()
    elif isinstance(error, OSError) and error.strerror:
        text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    elif isinstance(error, KeyError) and error.args:
        text = str(error.args[0])  # str() of a KeyError is the repr of its sentence
    else:
        text = str(error)
    return " ".join(text.split()) or type(error).__name__


def _note(command, message, category, filename, lineno, file=None, line=None):
    text = as_options(" ".join(str(message).split()), command)
    print(f"ibias: note: {text}", file=sys.stderr)


def _interrupt(signum, frame):
    raise Interrupted
