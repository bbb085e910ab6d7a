"""Small batches with and without the paper's two remedies, momentum and variance reduction."""

import xarray as xr

REMEDIES = {
    "none": (False, False),
    "momentum": (True, False),
    "variance reduction": (False, True),
    "both": (True, True),
}
"""Name -> (with momentum, with variance reduction)."""


def by_remedy(error: xr.DataArray) -> xr.DataArray:
    """``error (optimizer,)`` with the coordinates of `simulate`, as ``(norm, remedy, batch_size)``.

    Raises ValueError when the optimizers are no full grid of these three.
    """
    names = {pair: name for name, pair in REMEDIES.items()}
    remedy = [
        names[bool(beta), bool(reduced)]
        for beta, reduced in zip(
            error.momentum.values, error.variance_reduction.values, strict=True
        )
    ]
    plain = xr.DataArray(
        error.values,
        dims="optimizer",
        coords={
            "norm": ("optimizer", error.norm.values),
            "remedy": ("optimizer", remedy),
            "batch_size": ("optimizer", error.batch_size.values),
        },
    )
    grid = plain.set_index(optimizer=["norm", "remedy", "batch_size"]).unstack("optimizer")
    if grid.size != error.size or bool(grid.isnull().any()):
        raise ValueError(
            f"{error.size} optimizers are no grid of {grid.sizes['norm']} norms,"
            f" {grid.sizes['remedy']} remedies and {grid.sizes['batch_size']} batch sizes"
        )
    return grid.transpose("norm", "remedy", "batch_size").sel(remedy=list(REMEDIES))


def by_norm(numbers: xr.DataArray) -> str:
    """``numbers (norm,)`` in words, such as "12 (max), 3.4 (spectral)"."""
    return ", ".join(
        f"{value:.3g} ({norm})"
        for value, norm in zip(numbers.values, numbers.norm.values, strict=True)
    )
