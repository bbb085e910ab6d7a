"""Labels as 0..k-1 and what the classes were called: whole numbers or text, nothing missing."""

from collections.abc import Callable
from numbers import Integral, Real

import numpy as np

from .features import unmasked

MISSING = frozenset(
    ["", "?", "nan", "NaN", "-nan", "-NaN", "NA", "N/A", "n/a", "<NA>", "#N/A", "#NA", "NaT"]
    + ["null", "NULL", "None", "inf", "-inf", "+inf", "Inf", "-Inf", "Infinity", "-Infinity"]
)
"""Text that is no label but the lack of one, spaces aside: what pandas, R, ARFF and databases
write. Lower-case "none" is a label, as it is for pandas."""


Place = Callable[[int], str]


def numbered(y: np.ndarray, place: Place = "y[{}] is".format) -> tuple[np.ndarray, list]:
    """Labels as int64 numbers 0..k-1 in sorted order, ``(n,)``, and the classes' own names.

    ``place(i)`` begins the sentence about label i.  Raises ValueError for missing labels (None,
    NaN, infinity, `MISSING`), text mixed with numbers, numbers that are not whole or too large to
    be told apart, fewer than two classes.
    """
    y = whole_or_text(y, place)
    names, numbers = np.unique(y, return_inverse=True)
    if len(names) < 2:
        found = f"there is one class, every label is {names.tolist()[0]!r}"
        raise ValueError(f"a classifier needs at least two classes; {found}")
    return numbers.reshape(-1).astype(np.int64), names.tolist()


def as_array(y) -> np.ndarray:
    """Any one-dimensional holder as an array; a list keeps the kinds of its elements apart."""
    y = unmasked("y", y)
    if hasattr(y, "to_numpy"):
        return np.asarray(y.to_numpy())
    return np.array(y, dtype=object) if isinstance(y, list | tuple) else np.asarray(y)


def whole_or_text(y: np.ndarray, place: Place) -> np.ndarray:
    """``y`` as int64 or as text; ValueError about the first label that is neither."""
    if y.dtype.kind in "OT":
        y = _one_kind(y.astype(object), place)
    if y.dtype.kind == "S":
        y = np.asarray(np.char.decode(y, "utf-8", "replace"))
    if y.dtype.kind == "U":
        _refuse(np.isin(np.char.strip(y), list(MISSING)), y, place, "a missing label")
        return y
    if y.dtype.kind not in "biuf":
        raise ValueError(f"labels must be whole numbers or text; got an array of {y.dtype}")
    if y.dtype.kind == "f":
        _refuse(~np.isfinite(y), y, place, "a missing label: they must be whole numbers or text")
        _refuse(y != np.rint(y), y, place, "but labels must be whole numbers or text")
        _refuse(np.abs(y) >= 2**53, y, place, _LARGE.format("53 bits"))
    if y.dtype.kind == "u":
        _refuse(y >= 2**63, y, place, _LARGE.format("64 bits"))
    return y.astype(np.int64)


_LARGE = "too large: whole numbers or text are needed, and numbers of at most {}"


def _one_kind(y: np.ndarray, place) -> np.ndarray:
    """An array of objects as text, int64 or float64; mixtures are refused."""
    _refuse(np.array([_is_missing(v) for v in y.flat], bool), y, place, "a missing label")
    text = np.array([isinstance(v, str) for v in y.flat], bool)
    number = np.array([isinstance(v, Real | np.bool_) for v in y.flat], bool)
    _refuse(~(text | number), y, place, "but labels must be whole numbers or text")
    if text.all():
        return y.astype(str)
    if text.any():
        both = int(np.argmax(text)), int(np.argmax(number))
        found = ", ".join(f"{place(i)} {y.flat[i]!r}" for i in both)
        raise ValueError(f"labels mix text and numbers: {found}; use one kind")
    if not all(isinstance(v, Integral | np.bool_) for v in y.flat):
        return y.astype(np.float64)
    large = np.array([abs(int(v)) >= 2**63 for v in y.flat], bool)
    _refuse(large, y, place, _LARGE.format("64 bits"))
    return y.astype(np.int64)


def _is_missing(value) -> bool:
    """None, NaN, and pandas' NA and NaT."""
    if isinstance(value, Real):
        return value != value
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def _refuse(bad: np.ndarray, y: np.ndarray, place, reason: str) -> None:
    if bad.any():
        i = int(np.argmax(bad))
        value = y.flat[i]
        shown = repr(str(value)[:40]) if isinstance(value, str) else value
        raise ValueError(f"{place(i)} {shown}, {reason}")
