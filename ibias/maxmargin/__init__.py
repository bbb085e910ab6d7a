"""Maximum margins for every norm, certified: ``lower <= gamma <= upper`` proved by two matrices anyone can check."""

from .certificate import certify
from .result import MaxMargin, NotSeparable
from .solve import max_margin

__all__ = ["MaxMargin", "NotSeparable", "certify", "max_margin"]
