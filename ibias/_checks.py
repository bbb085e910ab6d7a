"""Checks of arguments that modules share; each says what was given and what is allowed."""

import copyreg
from numbers import Real


def whole(name: str, value, least: int = 0) -> int:
    """``value`` as an int; ValueError unless whole and at least ``least`` (2.0 is, True is not)."""
    # a scalar of numpy, torch or xarray
    number = value.item() if getattr(value, "shape", None) == () else value
    if not is_number(number) or number != number // 1 or number < least:
        raise ValueError(f"{name}: an integer >= {least}; got {value!r}")
    return int(number)


def is_number(value) -> bool:
    """A real number, numpy's included: no text, no None, no truth value, no NaN."""
    return isinstance(value, Real) and not isinstance(value, bool) and value == value


class Carried:
    """For errors built from other things than their message: between processes (workers of joblib,
    Dask, a pool) they go with message and attributes, and are not built again."""

    def __reduce__(self):
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__
