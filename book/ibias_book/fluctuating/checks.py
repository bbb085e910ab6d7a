"""Checks of arguments that the whole chapter shares; each says what was given, what is allowed and
what to do."""

import math

import numpy as np


def positive_step(eta) -> float:
    """The step size as a float, once it is known to be positive and finite."""
    if (
        not (np.isscalar(eta) or np.ndim(eta) == 0)
        or not math.isfinite(float(eta))
        or float(eta) <= 0
    ):
        raise ValueError(f"eta is a step size and must be a positive finite number; got {eta!r}")
    return float(eta)


def whole(name: str, value, least: int = 1) -> int:
    """An integer of at least ``least``."""
    if isinstance(value, bool) or int(value) != value or value < least:
        raise ValueError(f"{name} must be a whole number >= {least}; got {value!r}")
    return int(value)


def recorded(record, steps: int) -> np.ndarray:
    """Increasing steps in 0 .. steps at which an ensemble is kept."""
    record = np.asarray(record, dtype=np.int64)
    if (
        record.ndim != 1
        or len(record) == 0
        or (np.diff(record) <= 0).any()
        or record[0] < 0
        or record[-1] > steps
    ):
        raise ValueError(
            f"record must be an increasing list of steps between 0 and steps = {steps}; got"
            f" {record.tolist()[:8]}"
        )
    return record
