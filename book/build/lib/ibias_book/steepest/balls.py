"""Norms seen in a plane: unit circles and steepest directions on a two-dimensional slice of the
matrices."""

from collections.abc import Sequence

import numpy as np
import torch
import xarray as xr

from ibias.norms import Norm

# spanned by these, the spectral and the max norm look different (on diagonal matrices they
# coincide)
IDENTITY, SWAP = np.eye(2), np.array([[0.0, 1.0], [1.0, 0.0]])


def plane(
    norms: Sequence[Norm],
    gradients: Sequence[tuple[float, float]],
    *,
    basis=(IDENTITY, SWAP),
    points: int = 721,
) -> xr.Dataset:
    """``ball`` (norm, angle, axis): boundary of each unit ball; ``steepest`` (norm, arrow, axis):
    the map at each ``gradient``.

    Coordinates are those of ``a * basis[0] + b * basis[1]`` for two orthogonal matrices.
    """
    first, second = (torch.as_tensor(m, dtype=torch.float64) for m in basis)
    angle = np.linspace(0, 2 * np.pi, points)
    around = np.stack([np.cos(angle), np.sin(angle)], -1)
    balls, steps = [], []
    for norm in norms:
        balls.append(around / norm.value(_matrices(around, first, second)).numpy()[:, None])
        v = norm.steepest(_matrices(np.asarray(gradients, float), first, second))
        steps.append(
            torch.stack(
                [(v * m).sum((-2, -1)) / (m * m).sum() for m in (first, second)], -1
            ).numpy()
        )
    return xr.Dataset(
        {
            "ball": (("norm", "angle", "axis"), np.stack(balls)),
            "steepest": (("norm", "arrow", "axis"), np.stack(steps)),
            "gradient": (("arrow", "axis"), np.asarray(gradients, float)),
        },
        coords={"norm": [norm.text for norm in norms], "angle": angle, "axis": [0, 1]},
    )


def _matrices(coordinates, first, second):
    a, b = torch.as_tensor(coordinates).unbind(-1)
    return a[:, None, None] * first + b[:, None, None] * second
