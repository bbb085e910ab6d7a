"""Python source as a syntax tree, safe to ask for from several threads."""

from __future__ import annotations

import ast
import threading

_ONE = threading.RLock()
# CPython 3.11 counts the depth of the tree under construction for the whole process: a second
# thread that parses meanwhile makes the first fail with "AST constructor recursion depth mismatch"
# (CPython issue 106905).


def parse(code: str | bytes) -> ast.Module:
    """The tree of `code`; the same as `ast.parse`, one thread at a time."""
    with _ONE:
        return ast.parse(code)
