"""Arrays as the sentences of claims say them."""

import xarray as xr

from ..words import numbers


def by_norm(values: xr.DataArray) -> str:
    """Over (norm, ...): "0.53, 0.41 (max); ..."."""
    rows = (values.sel(norm=norm) for norm in values.norm.values)
    return "; ".join(f"{numbers(row.values.ravel())} ({row.norm.values})" for row in rows)


def ranges(values: xr.DataArray) -> str:
    """Over (norm, ...): "0.90 to 1.10 (max); ..."."""
    rows = (values.sel(norm=norm) for norm in values.norm.values)
    return "; ".join(
        f"{float(row.min()):.2f} to {float(row.max()):.2f} ({row.norm.values})" for row in rows
    )


def intervals(values: xr.DataArray, errors: xr.DataArray, digits: int = 2) -> list[str]:
    """Values with the half widths of their 95 % intervals: "0.97 ± 0.03"."""
    pairs = zip(values.values, errors.values, strict=True)
    return [f"{float(v):.{digits}f} ± {1.96 * float(e):.{digits}f}" for v, e in pairs]
