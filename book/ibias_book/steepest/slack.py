"""``python -m ibias_book.steepest.slack [FILE]``: how close every bound of the statements comes,
for review as a diff of ``book/slack.json``.

A bound that is loosened by mistake still holds, and no test of violations sees it; its slack moves.
"""

import json
import sys
from pathlib import Path

from ibias.progress import bar
from ibias.runs.store import write_whole

from ..repository import target
from .statements import CATALOG, Statement

DIGITS = 3  # of every number in the file; the tests compare to 1 %


def measured() -> dict[str, dict[str, dict[str, float]]]:
    """``{"slack": {statement: {bound: largest lhs / rhs}}, "tolerance": {statement: {equality:
    largest tolerance}}}``, each program once: a theorem stands under the number of its proof."""
    both: dict = {"slack": {}, "tolerance": {}}
    with bar(len(programs()), "statements") as advance:
        for statement in programs():
            for bound in statement.bounds():
                kind, value = (
                    ("tolerance", bound.rhs.max()) if bound.identity else ("slack", bound.slack)
                )
                both[kind].setdefault(statement.id, {})[bound.name] = float(f"{value:.{DIGITS}g}")
            advance(1)
    return both


def programs() -> list[Statement]:
    """The statements with a program of their own, in the order of the catalog."""
    first: dict = {}
    for statement in CATALOG:
        first.setdefault(statement.evaluate, statement)
    return list(first.values())


def write(path: Path) -> None:
    """Measure everything (half a minute) and write it to ``path``."""
    text = json.dumps(measured(), indent=1, ensure_ascii=False)
    write_whole(path, (text + "\n").encode())


if __name__ == "__main__":
    command = "python -m ibias_book.steepest.slack"
    write(target(sys.argv[1:], "book/slack.json", command, Path.cwd()))
