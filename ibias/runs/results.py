"""Measurements on their way from an engine to one labelled dataset."""

import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr

from ..measures import LABELS, measure
from ..problem import Problem
from .request import Request


class Recorder:
    """Collects measurements per trajectory from an engine's ``observe`` calls, without keeping
    weights unless asked.  ``values[name]`` has shape ``(trajectories, records, ...)``."""

    def __init__(self, request: Request, problem: Problem, places: Sequence[int]):
        self.request, self.problem = request, problem
        self.norms = [request.trajectories[place].method.norm for place in places]
        self.shape = len(places), len(request.record)
        self.values: dict[str, np.ndarray] = {"diverged": np.zeros(self.shape, bool)}

    def observe(self, index: int, rows: Sequence[int], w: torch.Tensor) -> None:
        """Measure trajectories ``rows`` at record ``index``; w: ``(len(rows), k, d)``."""
        norms = [self.norms[row] for row in rows]
        measured = measure(self.problem, w, norms, self.request.directions)
        if self.request.weights:
            measured["weights"] = w.cpu().double().numpy()
        for name, value in measured.items():
            if name not in self.values:
                self.values[name] = np.full((*self.shape, *value.shape[1:]), np.nan)
            self.values[name][rows, index] = value
        self.values["diverged"][rows, index] = ~w.isfinite().all(-1).all(-1).cpu().numpy()


def labelled(request: Request, values: Mapping[str, np.ndarray], origins: set) -> xr.Dataset:
    """Arrays ``(trajectories, record, ...)``, ordered by optimizer and then seed, as one dataset;
    ``origins`` holds (backend, device) pairs."""
    shape = len(request.columns), len(request.seeds)
    dims = ("optimizer", "seed", "step", "class", "feature")
    values = {name: value.reshape(*shape, *value.shape[1:]) for name, value in values.items()}
    diverged = values.pop("diverged")
    values["diverged_at"] = np.where(diverged.any(-1), request.record[diverged.argmax(-1)], -1)
    axes = {"cosine": (*dims[:3], "direction")}
    variables = {
        name: (axes.get(name, dims[: v.ndim]), v, {"long_name": LABELS[name]})
        for name, v in values.items()
    }
    steps = "step", request.record, {"long_name": "iterations"}
    coords: dict[str, Any] = {"seed": list(request.seeds), "step": steps}
    coords |= {"direction": list(request.directions)} if request.directions else {}
    for key in request.columns[0]:
        coords[key] = ("optimizer", [column[key] for column in request.columns])
    about = {
        "dataset": request.dataset.name,
        "digest": request.dataset.digest,
        "loss": request.loss.text,
        "backend": ", ".join(sorted({backend for backend, _ in origins})),
        "device": ", ".join(sorted({device for _, device in origins})),
        "dtype": request.precision,
    }
    return xr.Dataset(variables, coords=coords, attrs=about)


def plain(data: xr.Dataset) -> xr.Dataset:
    """The dataset as any netCDF reader understands it: numbers and text, no Python objects."""
    simple = data.copy()
    for name, values in data.variables.items():
        if values.dtype.kind in "OTUS" and values.size:
            simple[name] = values.dims, np.vectorize(str, otypes=[object])(values.values)
        elif values.dtype.kind == "b":
            simple[name] = values.astype("i1")
    for name, value in data.attrs.items():
        number = isinstance(value, int | float | np.ndarray) and not isinstance(value, bool)
        simple.attrs[name] = value if number else str(value)
    return simple


def write_netcdf(runs: xr.Dataset, out: Path) -> None:
    """Write all of the file or nothing."""
    part = out.with_name(f".{secrets.token_hex(6)}.part")
    try:
        plain(runs).to_netcdf(part, engine="h5netcdf")
        os.replace(part, out)
    finally:
        part.unlink(missing_ok=True)
