"""Step-size schedules: the length of each step in the method's own norm."""

from dataclasses import dataclass
from math import isfinite

import numpy as np

from ._checks import is_number


@dataclass(frozen=True)
class Power:
    """``eta_t = eta0 (t + 1)^-a``, ``t = 0, 1, ...``: Assumption 3.3, a in (0, 1]; the + 1 is ours.

    ``eta0`` is the length of the first step, in the norm of the method that uses it.
    """

    eta0: float
    a: float = 0.5

    def __post_init__(self):
        if not (is_number(self.eta0) and isfinite(self.eta0) and self.eta0 > 0):
            wanted = "a step length and must be positive and finite"
            raise ValueError(f"Power(eta0=...) is {wanted}; got {self.eta0!r}")
        if not (is_number(self.a) and 0 < self.a <= 1):
            wanted = "in (0, 1] for steps that vanish but sum to infinity"
            raise ValueError(f"Power(a=...) must lie {wanted}; got {self.a!r}")

    def __call__(self, t):
        return self.eta0 * (t + 1.0) ** -self.a

    def steps(self, count: int, start: int = 0) -> np.ndarray:
        """``eta_start .. eta_(start+count-1)`` as float64, shape ``(count,)``."""
        return self(np.arange(start, start + count))

    def __str__(self):
        return f"{self.eta0:g}(t+1)^-{self.a:g}"


def step_sizes(schedule, first: int, count: int) -> np.ndarray:
    """Steps ``first .. first+count-1`` of a schedule, a callable of their index, (count,) float64.

    Raises ValueError when one of them is no finite number or negative.
    """
    given = schedule.steps(count, first) if hasattr(schedule, "steps") else None
    given = [schedule(t) for t in range(first, first + count)] if given is None else given
    try:
        found = np.asarray(given, dtype=float)
    except (TypeError, ValueError):  # text, or arrays of several numbers
        found = np.empty(0)
    if found.shape != (count,):
        raise ValueError(
            f"the schedule {schedule!r} must give one number for each of {count} steps from"
            f" t = {first}; got {list(given)[:3]}"
        )
    bad = np.flatnonzero(~(np.isfinite(found) & (found >= 0)))
    if bad.size:
        step = f"gives a step of {found[bad[0]]} at t = {first + bad[0]}"
        allowed = "step sizes must be finite numbers and not negative"
        raise ValueError(f"the schedule {schedule!r} {step}; {allowed}")
    return found
