"""What of a long list of cases every run tests."""

from collections.abc import Collection, Iterable

import pytest


def mostly_slow(cases: Iterable, quick: Collection) -> list:
    """All of ``cases`` for ``parametrize``: those in ``quick`` in every run, the others among the
    slow tests."""
    cases = list(cases)
    missing = [case for case in quick if case not in cases]
    assert not missing or not cases, f"no such case: {missing}"
    return [
        case
        if case in quick
        else pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.slow)
        for case in cases
    ]
