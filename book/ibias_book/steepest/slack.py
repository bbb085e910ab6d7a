"""``python -m ibias_book.steepest.slack [FILE]``: how close every bound of the statements comes,
for review as a diff of ``book/slack.json``.

A bound that is loosened by mistake still holds, and no test of violations sees it; its slack moves.
"""

import json
import re
import sys
from pathlib import Path

import numpy as np

from ibias.progress import bar
from ibias.runs.store import write_whole

from ..repository import target
from . import extremes, search
from .statements import CATALOG, Statement, slack_table

DIGITS = 3  # of every number in the file; the tests compare to 1 %, a searched case to its digits

WHERE = {
    "C.1": "a matrix with one entry; the identity; a matrix of ones",
    "C.2": "one sample and the classifier itself; a vanishing step",
    "C.3": "a step of signs as s_y tends to 1; spectral norm: one feature, two classes, 1/2",
    "C.4": "one logit moved against all others",
    "C.5": "two classes on their axes, the max norm",
    "C.6": "all samples confused by a margin of -60, all moved on",
    "C.7": "(i) a small loss, all on one sample; (ii) one sample at its tie: supremum log 2",
    "C.8": "one sample at its tie, the others far",
    "C.9": "one sample at the margin 60, moved as far as the max norm allows",
    "C.10": "the same",
    "C.11": "all residual on one sample, at every m",
    "C.12": "all residual on one sample, in the newest batch of every epoch",
    "C.13": "all residual on one sample, moved by the whole way from the snapshot",
    "C.14": "the same sample in the newest of m > t batches, beta to 0",
    "H.2": "distance: eta_0 / t, the other class drawn last, n to infinity; loss: equal scales",
    "H.3": "the same",
    "V.2": "constant steps, B first in every epoch, many epochs",
    "V.3": "constant steps; the floor of the loss: one A, vanishing steps, supremum 1/2",
    "V.5": "the steps: the smallest spread; B's gap is a sign, with nothing to attain",
}
"""What attains the bounds of a statement, or comes closest; `statements.instances.attaining`,
`statements.noise` and the search hold the cases."""


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


def best_table(record: str | Path, numbers=None):
    """`slack_table` with the ratio that the adversarial search committed to ``record`` where it
    came closer; ``searched`` says where."""
    found = json.loads(Path(record).read_text(encoding="utf-8"))["searched"]
    table = slack_table(numbers)
    proofs = {s.id: p.id for s in CATALOG for p in programs() if p.evaluate == s.evaluate}
    other = np.array(
        [
            found.get(proofs[str(number)], {}).get(str(name), {"ratio": -np.inf})["ratio"]
            for number, name in zip(table.statement.values, table.name.values, strict=True)
        ]
    )
    closer = other > table.slack.values
    slack = table.slack.copy(data=np.where(closer, other, table.slack.values))
    return table.assign(slack=slack, searched=("bound", closer))


def write(path: Path) -> None:
    """Measure everything, search (three minutes), and write it to ``path``."""
    kept = measured() | {
        "searched": search.best_of(search.everything()),
        "horizons": search.best_of(extremes.found(extremes.HORIZONS)),
    }
    text = json.dumps(kept, indent=1, ensure_ascii=False)
    # a searched case is one line
    text = re.sub(r'\{\s*"ratio"[^{}]*\}', lambda case: " ".join(case.group().split()), text)
    write_whole(path, (text + "\n").encode())


if __name__ == "__main__":
    command = "python -m ibias_book.steepest.slack"
    write(target(sys.argv[1:], "book/slack.json", command, Path.cwd()))
