"""Experimental: one CUDA kernel that runs whole chunks of epochs, a thread block per run; the same
source is compiled for the CPU to check it."""

from .backend import refusal, run

__all__ = ["refusal", "run"]
