"""Backends that no GPU has run yet: "gpu" (torch lanes in a captured graph) and "persistent" (one
CUDA kernel for many steps).  Their arithmetic is tested on the CPU; treat the rest as untested.
"""
