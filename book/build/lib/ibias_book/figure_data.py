"""The data behind a figure: one form, files of it, a digest of its content, and a comparison of two
of them."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import xarray as xr

from ibias.runs.results import plain

CSV_ROWS = 60_000
"""Above this many rows a CSV is no longer something to open in a spreadsheet: netCDF only."""


def as_dataset(data) -> xr.Dataset:
    """An xarray Dataset that any netCDF reader understands: numbers and text, no Python objects."""
    if isinstance(data, xr.DataArray):
        data = data.to_dataset(name=data.name or "value")
    elif hasattr(data, "to_frame") and not hasattr(data, "columns"):
        data = data.to_frame(data.name or "value").to_xarray()
    elif hasattr(data, "to_xarray"):
        data = data.to_xarray()
    if not isinstance(data, xr.Dataset):
        raise TypeError(
            "data= must be an xarray Dataset or DataArray or a pandas DataFrame or Series; got"
            f" {type(data).__name__}"
        )
    return plain(data)


def digest(data: xr.Dataset) -> str:
    """SHA-256 of names, dimensions and values, the same whatever file they are in."""
    h = hashlib.sha256()
    for name in sorted(map(str, data.variables)):
        v = data.variables[name]
        values = v.values
        raw = (
            "\0".join(map(str, values.ravel())).encode()
            if values.dtype.kind in "OTUS"
            else np.ascontiguousarray(values).tobytes()
        )
        h.update(f"{name}|{','.join(map(str, v.dims))}|{values.shape}|".encode() + raw)
    return h.hexdigest()


def write(data: xr.Dataset, folder: Path, id: str) -> tuple[str, ...]:
    """Write `id`.nc, and `id`.csv where the table is short enough; the names written. Whoever reads
    meanwhile sees a whole file."""
    folder.mkdir(parents=True, exist_ok=True)
    packed = {
        n: {"zlib": True, "complevel": 4}
        for n, v in data.variables.items()
        if v.dtype.kind in "fiu" and v.ndim
    }
    part = folder / f".{id}-{os.getpid()}"
    data.to_netcdf(part, engine="h5netcdf", encoding=packed)
    os.replace(part, folder / f"{id}.nc")
    if np.prod([int(s) for s in data.sizes.values()], dtype=float) > CSV_ROWS:
        return (f"{id}.nc",)
    table = data.to_dataframe() if data.sizes else data.expand_dims("row").to_dataframe()
    table.reset_index().to_csv(part, index=False)
    os.replace(part, folder / f"{id}.csv")
    return f"{id}.nc", f"{id}.csv"


def read(folder: Path, id: str) -> xr.Dataset:
    """The data that `write` left."""
    path = Path(folder) / f"{id}.nc"
    if not path.is_file():
        raise LookupError(f"{path} is missing: the run did not make figure {id!r}")
    return xr.load_dataset(path, engine="h5netcdf")


TOLERANCE = 1e-6
"""Largest difference that rounding in another order is expected to leave, relative; a figure that
needs more says why."""
SMALL = 1e-3
"""Values below this part of a variable's largest are compared as if they were that large: near a
zero nothing is relative."""


@dataclass(frozen=True)
class Comparison:
    """Largest relative difference per variable against the tolerances; `failure` says why there is
    nothing to compare."""

    worst: dict[str, float] = field(default_factory=dict)
    tolerance: float | dict[str, float] = TOLERANCE
    failure: str = ""

    @property
    def agrees(self) -> bool:
        return not self.failure and all(
            apart <= self.allowed(name) for name, apart in self.worst.items()
        )

    @property
    def largest(self) -> tuple[str, float]:
        """The variable that comes closest to its tolerance, or is furthest beyond it, and its
        difference."""
        return max(
            self.worst.items(),
            key=lambda item: item[1] / self.allowed(item[0]),
            default=("nothing", 0.0),
        )

    def allowed(self, name: str) -> float:
        """The tolerance of variable `name`."""
        return (
            self.tolerance.get(name, TOLERANCE)
            if isinstance(self.tolerance, dict)
            else self.tolerance
        )


def compare(
    new: xr.Dataset,
    old: xr.Dataset,
    tolerance: float | dict[str, float],
    rounding: dict[str, float] | None = None,
) -> Comparison:
    """How far two computations of the same figure are apart; other shapes or names are said in
    `failure`.

    tolerance: relative, for all variables or by name. rounding: by name, absolute differences that
    count as none.
    """
    names = sorted(map(str, set(new.variables) ^ set(old.variables)))
    if names:
        return Comparison({}, tolerance, f"only one of the two has: {', '.join(names)}")
    if dict(new.sizes) != dict(old.sizes):
        return Comparison(
            {}, tolerance, f"sizes differ: {dict(new.sizes)} now, {dict(old.sizes)} in the book"
        )
    return Comparison(
        {
            str(n): _apart(new[n].values, old[n].values, (rounding or {}).get(str(n), 0.0))
            for n in new.variables
        },
        tolerance,
    )


def _apart(a: np.ndarray, b: np.ndarray, rounding: float) -> float:
    if a.dtype.kind not in "fiuc":
        return 0.0 if np.array_equal(a, b) else float("inf")
    a, b = a.astype(float), b.astype(float)
    finite = np.isfinite(a) & np.isfinite(b)
    if not np.array_equal(a[~finite], b[~finite], equal_nan=True):
        return float("inf")
    apart = np.abs(a[finite] - b[finite])
    if not (apart > rounding).any():
        return 0.0
    size = np.abs(b[finite])
    return float((apart / np.maximum(size, SMALL * size.max() or 1.0))[apart > rounding].max())
