"""The compiled CPU engine: every entry-wise and Schatten norm, both losses, float64.  Needs numba
(the extra ``fast``)."""

from .backend import run

__all__ = ["run"]
