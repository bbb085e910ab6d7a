"""What a numbered statement is to a program: inequalities evaluated on many cases, and how close
they come."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

ROUNDING = 1e-9  # relative allowance for float64 rounding in both sides of an inequality


@dataclass(frozen=True, eq=False)
class Bound:
    """lhs <= rhs on a batch of cases, both of shape (cases,).

    ``noise`` is the absolute rounding error of a case (the quantities are normalised so that 1e-12
    is far below anything meant). ``identity`` marks an equality: lhs is then its error and rhs the
    tolerance, so the ratio says nothing about slack.
    """

    name: str
    lhs: np.ndarray
    rhs: np.ndarray
    noise: float = 1e-12
    identity: bool = False

    def __post_init__(self):
        lhs, rhs = np.broadcast_arrays(
            np.asarray(self.lhs, dtype=float), np.asarray(self.rhs, dtype=float)
        )
        if lhs.size == 0 or not (np.isfinite(lhs).all() and np.isfinite(rhs).all()):
            raise ValueError(
                f"{self.name}: a bound needs finite numbers and at least one case; got {lhs.size}"
                " cases"
            )
        object.__setattr__(self, "lhs", lhs.ravel())
        object.__setattr__(self, "rhs", rhs.ravel())

    def violations(self, tighten: float = 1.0) -> int:
        """The number of cases with lhs > tighten * rhs, rounding allowed for."""
        limit = tighten * self.rhs
        allowed = 0.0 if self.identity else ROUNDING * np.abs(limit) + self.noise
        return int(np.sum(self.lhs > limit + allowed))

    @property
    def slack(self) -> float:
        """The worst observed ratio lhs / rhs over the cases whose rhs is well above rounding; 1
        means the bound is attained."""
        meant = self.rhs > (0 if self.identity else 1e6 * self.noise)
        if not meant.any():
            raise ValueError(
                f"{self.name}: every right-hand side is at rounding level, so no case tests it"
            )
        return float(np.max(self.lhs[meant] / self.rhs[meant]))


@dataclass(frozen=True)
class Statement:
    """One numbered statement: ``id`` as the paper (or our own section) numbers it, and a program
    that evaluates it.

    ``tag`` is what the badge of its box says (`ibias_book.sphinx.badges`). ``evaluate()`` returns
    the bounds, always on the same cases.
    """

    id: str
    title: str
    tag: str
    evaluate: Callable[[], tuple[Bound, ...]]

    def bounds(self) -> tuple[Bound, ...]:
        """The evaluated bounds, computed once per process (a theorem and its proof share them)."""
        return _evaluated(self.evaluate)

    @property
    def label(self) -> str:
        """The anchor in the book: every statement has exactly one place."""
        return "stmt-" + self.id.lower().replace(".", "-")


@cache
def _evaluated(evaluate):
    return tuple(evaluate())


class Collector:
    """Gathers the cases of several named bounds instance by instance, then joins them."""

    def __init__(self):
        self._sides = {}
        self._identities = set()

    def add(self, name, lhs, rhs):
        """Append cases; the two sides broadcast against each other."""
        left, right = np.broadcast_arrays(
            np.asarray(lhs, dtype=float), np.asarray(rhs, dtype=float)
        )
        pair = self._sides.setdefault(name, ([], []))
        pair[0].append(left.ravel())
        pair[1].append(right.ravel())

    def same(self, name, error, tolerance):
        """Append cases of an equality: errors (>= 0) and the tolerance they must stay under."""
        self._identities.add(name)
        self.add(name, error, tolerance)

    def bounds(self, noise=1e-12):
        """Every bound with its cases joined, in the order of first mention."""
        return tuple(
            Bound(
                name, np.concatenate(left), np.concatenate(right), noise, name in self._identities
            )
            for name, (left, right) in self._sides.items()
        )
