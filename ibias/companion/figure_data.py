"""The data behind a figure: one form, files of it, a digest of its content, and a comparison of two of them."""
from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

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
        raise TypeError(f"data= must be an xarray Dataset or DataArray or a pandas DataFrame or Series; got {type(data).__name__}")
    plain = data.copy()
    for name, values in data.variables.items():
        if values.dtype.kind in "OTUS":
            plain = plain.assign_coords({name: _texts(values)}) if name in data.coords else plain.assign({name: _texts(values)})
        elif values.dtype.kind == "b":
            plain = plain.assign_coords({name: values.astype("i1")}) if name in data.coords else plain.assign({name: values.astype("i1")})
    plain.attrs = {k: v if isinstance(v, (int, float, np.ndarray)) and not isinstance(v, bool) else str(v) for k, v in data.attrs.items()}
    return plain


def _texts(values) -> xr.Variable:
    return xr.Variable(values.dims, np.vectorize(str, otypes=[object])(values.values) if values.size else values.values)


def digest(data: xr.Dataset) -> str:
    """SHA-256 of names, dimensions and values, the same whatever file they are in."""
    h = hashlib.sha256()
    for name in sorted(map(str, data.variables)):
        v = data.variables[name]
        values = v.values
        raw = "\0".join(map(str, values.ravel())).encode() if values.dtype.kind in "OTUS" else np.ascontiguousarray(values).tobytes()
        h.update(f"{name}|{','.join(map(str, v.dims))}|{values.shape}|".encode() + raw)
    return h.hexdigest()


def write(data: xr.Dataset, folder: Path, id: str) -> tuple[str, ...]:
    """Write `id`.nc, and `id`.csv where the table is short enough; the names written. Whoever reads meanwhile sees a whole file."""
    folder.mkdir(parents=True, exist_ok=True)
    packed = {n: {"zlib": True, "complevel": 4} for n, v in data.variables.items() if v.dtype.kind in "fiu" and v.ndim}
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


@dataclass(frozen=True)
class Comparison:
    """Largest difference per variable, relative to the variable's largest finite value, against the tolerance."""

    worst: dict[str, float]
    tolerance: float
    shape: str = ""

    @property
    def agrees(self) -> bool:
        return not self.shape and all(w <= self.tolerance for w in self.worst.values())


def compare(new: xr.Dataset, old: xr.Dataset, tolerance: float) -> Comparison:
    """How far two computations of the same figure are apart; other shapes or names are said in `shape`."""
    names = sorted(map(str, set(new.variables) ^ set(old.variables)))
    if names:
        return Comparison({}, tolerance, f"only one of the two has: {', '.join(names)}")
    if dict(new.sizes) != dict(old.sizes):
        return Comparison({}, tolerance, f"sizes differ: {dict(new.sizes)} now, {dict(old.sizes)} in the book")
    return Comparison({str(n): _apart(new[n].values, old[n].values) for n in new.variables}, tolerance)


def _apart(a: np.ndarray, b: np.ndarray) -> float:
    if a.dtype.kind not in "fiuc":
        return 0.0 if np.array_equal(a, b) else float("inf")
    a, b = a.astype(float), b.astype(float)
    finite = np.isfinite(a) & np.isfinite(b)
    if not np.array_equal(a[~finite], b[~finite], equal_nan=True):
        return float("inf")
    scale = np.abs(b[finite]).max(initial=0.0)
    apart = np.abs(a[finite] - b[finite]).max(initial=0.0)
    return float(apart / scale) if scale else float(apart)
