"""Runs asked for, computed and remembered."""

from .experiment import SweepIncomplete, simulate, status, sweep
from .request import Request, logspaced, recording
from .store import Store

__all__ = [
    "Request", "Store", "SweepIncomplete", "logspaced", "recording", "simulate", "status", "sweep",
]  # fmt: skip
