"""Features as float64, whatever holds them: arrays, sparse matrices, data frames, tensors."""

import re
from collections.abc import Callable, Sequence
from numbers import Integral

import numpy as np

NOT_FINITE = "x must be finite; {} is {} ({} such entries). Remove or impute them."
TOO_LONG = (
    "{} is {}, which float64 would round; subtract what all samples share, or pass x.astype(float)"
    " if the last digits mean nothing"
)


def features(x):
    """A float64 copy of ``x``: a numpy array, or a ``scipy.sparse.csr_array`` of a sparse one.

    Raises ValueError for text, complex numbers, masked entries, and columns of a frame that do not
    hold numbers or have missing values (named, with the row).
    """
    if hasattr(x, "tocsr"):
        return _sparse(x)
    if hasattr(x, "collect"):
        raise ValueError("x is a frame that is not computed yet; pass x.collect()")
    if hasattr(x, "columns") and hasattr(x, "dtypes"):
        return _frame(x)
    try:
        x = np.asarray(unmasked("x", x))
    except (TypeError, RuntimeError) as error:
        raise _no_table(error) from None
    except ValueError as error:
        raise error if "masked" in str(error) else _no_table(error) from None
    if x.dtype.kind == "c":
        remedy = "Pass x.real, or real and imaginary parts as features of their own."
        raise ValueError(f"x must hold real numbers; got complex ones. {remedy}")
    # numpy would turn dates, and text such as "7", into numbers
    texts = x.dtype == object and any(isinstance(v, str | bytes) for v in x.flat)
    if texts or x.dtype.kind not in "biufO":
        raise _no_table(f"an array of {x.dtype}, dates or text among the numbers")
    return in_float64(x)


def in_float64(x: np.ndarray, name: str = "x") -> np.ndarray:
    """A float64 copy; ValueError for a whole number that rounds: two samples may differ by it."""
    try:
        numbers = np.array(x, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise _no_table(error) from None
    if x.dtype.kind == "O" or (x.dtype.kind in "iu" and x.dtype.itemsize == 8):
        for place in np.argwhere(np.abs(numbers) >= 2**53):
            value = x[tuple(place)]
            if isinstance(value, Integral) and int(value) != int(numbers[tuple(place)]):
                raise ValueError(TOO_LONG.format(f"{name}[{', '.join(map(str, place))}]", value))
    return numbers


def unmasked(name: str, values):
    """``values`` without a gradient, device, bfloat16, or a mask (refused where it hides any)."""
    if isinstance(values, np.ma.MaskedArray):
        masked = np.argwhere(np.ma.getmaskarray(values))
        if len(masked):
            where = ", ".join(map(str, masked[0]))
            found = f"{name}[{where}] is masked ({len(masked)} masked entries)"
            raise ValueError(f"{found}; fill or remove them, a mask is never ignored")
        return values.data
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        return values.double() if values.is_floating_point() else values
    return values


def require_finite(x, place: Callable[[int, int], str], sentence: str = NOT_FINITE) -> None:
    """ValueError for NaN and infinity: ``place(row, column)`` of the first, value, count."""
    dense = isinstance(x, np.ndarray)
    fine = np.isfinite(x if dense else x.data)
    if not fine.all():
        first = int(np.argmin(fine))
        row = first // x.shape[1] if dense else int(np.searchsorted(x.indptr, first, "right")) - 1
        column = first % x.shape[1] if dense else int(x.indices[first])
        raise ValueError(sentence.format(place(row, column), x[row, column], int((~fine).sum())))


def check_names(names: Sequence[str]) -> None:
    """ValueError for a column without a name (as pandas writes row numbers) or named twice."""
    for index, name in enumerate(names):
        if re.fullmatch(r"\s*|Unnamed: \d+", name):
            raise ValueError(
                f"column {index + 1} has no name{f' ({name!r})' if name.strip() else ''}: a frame"
                " writes its row numbers like this, which are no feature. Write it with"
                " to_csv(..., index=False), remove the column, or name it"
            )
    if len(set(names)) < len(names):
        twice = next(name for index, name in enumerate(names) if name in names[:index])
        raise ValueError(f"two columns are named {twice!r}")


def with_ones(x):
    """``x`` and a last feature that is 1 for every sample."""
    ones = np.ones((x.shape[0], 1))
    if isinstance(x, np.ndarray):
        return np.hstack([x, ones])
    from scipy.sparse import hstack

    return hstack([x, ones], format="csr")


def standardised(x) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """``x`` less the mean of each column, over its standard deviation; both, each (d,).

    A constant column becomes 0: its entries are compared, as their mean may round.  Sums are taken
    in units of each column's largest entry, so that no square leaves float64.
    """
    if not isinstance(x, np.ndarray):
        remedy = "leave it, scale them (sklearn's MaxAbsScaler), or load them dense"
        raise ValueError(f"to standardise would make sparse data dense: {remedy}")
    exponent = np.frexp(np.abs(x).max(0))[1]
    unit = np.ldexp(x, -exponent)
    constant = (unit == unit[0]).all(0)
    mean = np.where(constant, unit[0], unit.mean(0))
    spread = np.where(constant, 1.0, unit.std(0))
    return (unit - mean) / spread, np.ldexp(mean, exponent), np.ldexp(spread, exponent)


def _sparse(x):
    """Canonical CSR, sorted, without duplicates or stored zeros: equal numbers, one digest."""
    from scipy.sparse import csr_array

    if x.dtype.kind not in "biuf":
        raise ValueError(f"x must hold real numbers; got a sparse matrix of {x.dtype}")
    if x.ndim != 2:
        raise ValueError(f"x must have shape (n, d); got a sparse array of shape {x.shape}")
    x = csr_array(x)
    x = csr_array((in_float64(x.data, "x.data"), x.indices, x.indptr), shape=x.shape, copy=True)
    x.sum_duplicates()
    x.eliminate_zeros()
    return x


def _frame(frame) -> np.ndarray:
    """The columns of a pandas or polars frame."""
    names = [str(name) for name in frame.columns]
    try:
        check_names(names)
    except ValueError as error:
        raise ValueError(f"x: {error}") from None
    columns = {str(name): frame[name] for name in frame.columns}
    odd = [f"{name!r} ({c.dtype})" for name, c in columns.items() if not _is_numeric(c.dtype)]
    if odd:
        shown = ", ".join(odd[:6]) + (", ..." if len(odd) > 6 else "")
        raise ValueError(f"x has columns that do not hold numbers: {shown}. Drop or encode them.")
    x = np.empty((len(frame), len(names)))
    for place, (name, column) in enumerate(columns.items()):
        missing = (column.is_null() if hasattr(column, "is_null") else column.isna()).to_numpy()
        if missing.any():
            raise ValueError(
                f"x: column {name!r}, row {int(np.argmax(missing))} is missing ({missing.sum()}"
                " missing in that column). Remove or impute them."
            )
        x[:, place] = in_float64(column.to_numpy(), f"x: column {name!r}")
    require_finite(x, lambda row, column: f"column {names[column]!r}, row {row}")
    return x


def _is_numeric(dtype) -> bool:
    """Of a numpy, pandas or polars type."""
    if hasattr(dtype, "kind"):
        return dtype.kind in "biuf"
    return bool(dtype.is_numeric()) or str(dtype) == "Boolean"


def _no_table(why) -> ValueError:
    return ValueError(f"x must be a table of real numbers, rows of equal length; numpy says: {why}")
