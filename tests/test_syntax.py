"""Source is parsed by several threads: the book runs two notebooks at a time and asks for both
keys."""

import ast
import sys
import threading
from pathlib import Path

from ibias_book.run import syntax

SOURCES = [p.read_text(encoding="utf-8") for p in sorted(Path(syntax.__file__).parent.glob("*.py"))]


class Rubbish:
    """A cycle whose finaliser runs Python code: collected in the middle of a parse, it lets another
    thread go ahead."""

    def __init__(self):
        self.myself = self

    def __del__(self):
        sum(range(200))


def test_threads_may_parse_at_the_same_time():
    failures, trees = [], []

    def work():
        for source in SOURCES * 4:
            [Rubbish() for _ in range(30)]
            try:
                trees.append(syntax.parse(source))
            except SystemError as err:
                failures.append(str(err))

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work) for _ in range(4)]
        [t.start() for t in threads]
        [t.join() for t in threads]
    finally:
        sys.setswitchinterval(interval)
    assert not failures
    assert len(trees) == 16 * len(SOURCES)
    assert ast.dump(trees[0]) == ast.dump(ast.parse(SOURCES[0]))
