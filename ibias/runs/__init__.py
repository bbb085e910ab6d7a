"""Runs asked for, computed and remembered: `simulate`, and `sweep`, which remembers."""
