"""Certified maximum margins: ``lower <= gamma <= upper``, proved by two matrices to check."""

from .certificate import certify
from .face import Face, random_optima
from .result import MaxMargin, NotSeparable, UndecidedSeparability
from .solve import max_margin

__all__ = [
    "Face", "MaxMargin", "NotSeparable", "UndecidedSeparability", "certify", "max_margin",
    "random_optima",
]  # fmt: skip
