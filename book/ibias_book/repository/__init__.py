"""The book's repository: where it is, where commands may write, and the data brought beside it."""

from .place import find_root, target

__all__ = ["find_root", "target"]
