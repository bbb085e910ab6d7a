"""The command `ibias`."""

from .app import main

__all__ = ["main"]
