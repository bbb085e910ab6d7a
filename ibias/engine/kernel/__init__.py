"""The compiled CPU engine: entry-wise and Schatten norms, both losses, float64; needs numba."""

from .backend import run

__all__ = ["run"]
