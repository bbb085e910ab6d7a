"""The notebooks of the book: running them with papermill.

python -m ibias_book.run.notebooks run           # compute what is missing or out of date
python -m ibias_book.run.notebooks run 05_experiment -p steps 2000
python -m ibias_book.run.notebooks verdicts      # write book/verdicts.json and book/seconds.json
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from threading import Event

from .. import claims
from ..provenance import FOLDER, MIME
from ..repository import find_root
from . import outputs, pace, pairs, sources
from .child import execute
from .parameters import once, typed

STORE = "IBIAS_STORE"


@dataclass(frozen=True)
class Outcome:
    """What became of one notebook: "fresh" (nothing to do), "done" or "failed" (`message` says
    why). `path` is where a run with parameters of its own was left."""

    name: str
    status: str
    seconds: float = 0.0
    message: str = ""
    key: str = ""
    path: str = ""


def names(root: Path) -> list[str]:
    """The notebooks of the book, in its order."""
    import yaml

    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    files = [c["file"] for part in toc.get("parts", []) for c in part["chapters"] if "file" in c]
    return [f.removeprefix("notebooks/") for f in files if f.startswith("notebooks/")]


def choose(root: Path, wanted: list[str]) -> list[str]:
    """The notebooks that `wanted` names; all of them when it is empty."""
    there = sorted(p.stem for p in (root / "notebooks").glob("*.ipynb"))
    wanted = [Path(w).stem for w in wanted]
    unknown = [w for w in wanted if w not in there]
    if unknown:
        raise LookupError(
            f"no notebook {', '.join(map(repr, unknown))}; there are: {', '.join(there)}"
        )
    return wanted or names(root)


def notebook_of_figure(root: Path, id: str) -> str:
    """The notebook that shows figure `id`."""
    for name in names(root):
        cells = json.loads((root / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))[
            "cells"
        ]
        if any(f'"{id}"' in "".join(c["source"]) for c in cells if c["cell_type"] == "code"):
            return name
    raise LookupError(f"no notebook shows a figure {id!r}")


def run(
    root: Path,
    which: list[str] | None = None,
    given: dict | None = None,
    jobs: int = 2,
    force: bool = False,
    say: Callable[[str], None] | None = print,
) -> list[Outcome]:
    """Compute the notebooks whose outputs are missing or out of date, the longest first, and hand
    the outputs to the book.

    A run with parameters of its own goes to a file of its own in `_build/executed` and nowhere
    else: the book shows the defaults.
    """
    which, given, say = choose(root, which or []), given or {}, say or (lambda line: None)
    pairs.in_step(root, which)
    for name in which if given else ():  # a wrong one is refused before anything runs
        typed(root / "notebooks" / f"{name}.ipynb", given)
    todo = which if given or force else [n for n in which if not _fresh(root, n)]
    done = [Outcome(n, "fresh") for n in which if n not in todo]
    if done:
        say(f"{len(done)} of {len(which)} notebooks are up to date")
    todo.sort(key=lambda n: -pace.last_seconds(root, n))
    running: dict[str, str] = {}
    interrupted = Event()
    speed = pace.Pace({n: pace.last_seconds(root, n) for n in todo}, jobs)

    def note(name: str, at: int, of: int) -> None:
        if interrupted.is_set():
            raise InterruptedError("interrupted")
        running[name] = f"cell {at} of {of}"

    def one(name: str) -> Outcome:
        running[name] = "starting"
        speed.start(name)
        started = time.perf_counter()
        target = _target(root, name, given)
        path = str(target) if given else ""
        try:
            # of what it starts with: sources may change while it runs
            key = sources.key(root / "notebooks" / f"{name}.ipynb")
            seconds = _compute(root, name, target, given, partial(note, name))
            return Outcome(name, "done", seconds, key=key, path=path)
        except Exception as err:  # the other notebooks go on, and their outcomes are told
            said = str(err) or type(err).__name__
            left = path if target.is_file() else ""
            return Outcome(name, "failed", time.perf_counter() - started, said, path=left)
        finally:
            running.pop(name, None)

    with ThreadPoolExecutor(max_workers=jobs) as pool:
        try:
            for future in as_completed([pool.submit(one, n) for n in todo]):
                outcome = future.result()
                speed.finish(outcome.name, outcome.seconds if outcome.status == "done" else None)
                if outcome.status == "done" and not given:
                    _hand_over(root, outcome)
                done.append(outcome)
                say(f"{len(done)} of {len(which)}: " + _said(outcome, running, speed))
        except BaseException:  # what runs ends when it is next looked at, and nothing else starts
            interrupted.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return done


def _said(outcome: Outcome, running: dict[str, str], speed: pace.Pace) -> str:
    others = "; ".join(f"{name} {at}" for name, at in running.items())
    return (
        f"{outcome.name} {outcome.status} after {outcome.seconds:.0f} s"
        + (f", see {outcome.path}" if outcome.path else "")
        + (f" (running: {others})" if others else "")
        + speed.left()
        + (f"\n{outcome.message}" if outcome.message else "")
    )


def _target(root: Path, name: str, given: dict) -> Path:
    """Where the executed notebook goes; runs with different parameters keep clear of each other."""
    if given:
        read = typed(root / "notebooks" / f"{name}.ipynb", given)
        mark = sha256(json.dumps(read, sort_keys=True).encode()).hexdigest()[:8]
        name = f"{name}-with-{'-'.join(sorted(read))}-{mark}"
    return root / "_build" / "executed" / f"{name}.ipynb"


def _compute(root: Path, name: str, target: Path, given: dict, watch) -> float:
    figures = {} if given else {FOLDER: str(root / "_build" / "figures")}
    store = {} if os.environ.get(STORE) else {STORE: str(root / "_build" / "store")}
    return execute(root, name, target, given, figures | store, watch=watch)


def _hand_over(root: Path, outcome: Outcome) -> None:
    executed = root / "_build" / "executed" / f"{outcome.name}.ipynb"
    outputs.keep(root, outcome.name, executed, outcome.key, outcome.seconds)
    pace.remember(root, outcome.name, outcome.seconds)


def _fresh(root: Path, name: str) -> bool:
    text = (root / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8")
    figures = root / "_build" / "figures"
    return outputs.has(root, name) and (
        "ibias_book.provenance" not in text or any(figures.glob("*.nc"))
    )


def verdicts(root: Path) -> dict[str, list[claims.Claim]]:
    """Write `book/verdicts.json` and the notebooks' seconds from the executed notebooks; the claims
    found, by page."""
    executed = {n: root / "_build" / "executed" / f"{n}.ipynb" for n in names(root)}
    missing = [n for n, path in executed.items() if not path.is_file()]
    if missing:
        raise LookupError(f"not yet executed: {', '.join(missing)}; run `make book` first")
    found = {f"notebooks/{n}": claims.from_notebook(path) for n, path in executed.items()}
    claims.write_expected(root / "book" / "verdicts.json", found)
    pace.commit(root, list(executed))
    return found


def picture(root: Path, id: str = "fig-1") -> Path:
    """Write the README's picture, `book/figure-1.svg`, from the executed notebook that shows it."""
    name = notebook_of_figure(root, id)
    path = root / "_build" / "executed" / f"{name}.ipynb"
    if not path.is_file():
        raise LookupError(f"{name} is not yet executed; run `make book` first")
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    shown = (out for cell in cells for out in cell.get("outputs", ()))
    records = (out.get("data", {}).get(MIME) for out in shown)
    image = next(record["image"] for record in records if record and record["id"] == id)
    target = root / "book" / "figure-1.svg"
    target.write_text(image, encoding="utf-8")
    return target


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m ibias_book.run.notebooks",
        description="Runs and verdicts of the book's notebooks.",
    )
    parser.add_argument("action", choices=["run", "verdicts", "picture"])
    parser.add_argument(
        "names", nargs="*", help="notebooks, such as 05_experiment; all when none is named"
    )
    parser.add_argument(
        "-p",
        nargs=2,
        action="append",
        default=[],
        metavar=("NAME", "VALUE"),
        help="another value of a parameter",
    )
    parser.add_argument("--jobs", type=int, default=2, help="notebooks at a time (default 2)")
    parser.add_argument(
        "--force", action="store_true", help="run them even when their outputs are up to date"
    )
    args = parser.parse_intermixed_args(argv)
    try:
        root = find_root()
        if args.action == "picture":
            print(picture(root))
            return 0
        if args.action == "verdicts":
            found = claims.by_kind(c for page in verdicts(root).values() for c in page)
            for kind, made in found.items():
                counts = ", ".join(f"{n} {v}" for v, n in claims.count(made).items())
                print(f"book/verdicts.json, {kind}: {counts}")
            return 0
        done = run(root, args.names, once(args.p), args.jobs, args.force)
    except (LookupError, ValueError) as err:
        print(f"error: {err.args[0]}", file=sys.stderr)
        return 2
    return 1 if any(o.status == "failed" for o in done) else 0


if __name__ == "__main__":
    sys.exit(main())
