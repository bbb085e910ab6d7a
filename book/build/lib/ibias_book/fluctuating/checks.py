"""The check of a step size that the whole chapter shares."""

import math

from ibias._checks import is_number


def positive_step(eta: float) -> float:
    """The step size as a float; ValueError unless it is one positive and finite number."""
    number = eta.item() if getattr(eta, "shape", None) == () else eta  # a scalar of numpy or torch
    if not (is_number(number) and math.isfinite(number) and number > 0):
        raise ValueError(f"eta is a step size and must be a positive finite number; got {eta!r}")
    return float(number)
