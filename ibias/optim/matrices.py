"""A group's tensors as matrices: flattened, in stacks, cut into heads or fused projections."""

from math import prod

import torch

from .base import describe
from .options import require_choice

ADJUST = {
    "original": lambda rows, columns: max(1.0, rows / columns) ** 0.5,
    "match_rms_adamw": lambda rows, columns: 0.2 * max(rows, columns) ** 0.5,
    "spectral_norm": lambda rows, columns: (rows / columns) ** 0.5,
}
"""Factors on ``lr`` for a step of spectral norm one (see ``Muon``)."""


def check_matrices(owner, group, number):
    """ValueError for views that do not exist or do not fit a tensor of the group."""
    view, split, axis = group["matrices"], group["split"], group["split_axis"]
    require_choice(owner, "matrices", view, ("flat", "batched"))
    require_choice(owner, "split_axis", axis, (0, 1))
    if split is None:
        return
    sizes = [split] if isinstance(split, int) else split
    listed = isinstance(sizes, (list, tuple)) and sizes
    if not (listed and all(type(s) is int and s > 0 for s in sizes)):
        raise ValueError(
            f"{owner}(split=...) is a number of equal matrices (heads) or the sizes along"
            f" split_axis, such as (512, 512, 512); got {split!r}"
        )
    for i, p in enumerate(group["params"]):
        if p.ndim < 2:
            raise ValueError(f"{owner}: {describe(group, number, i)} is no matrix to be split.")
        length = _matrix_shape(p.shape, view)[axis]
        if (length % split) if isinstance(split, int) else (sum(split) != length):
            raise ValueError(
                f"{owner}: {describe(group, number, i)} has {length} {('rows', 'columns')[axis]},"
                f" which split={split!r} does not cut without a rest."
            )


def _matrix_shape(shape, view):
    return (shape[0], prod(shape[1:])) if view == "flat" else tuple(shape[-2:])


def cut(tensor, group):
    """The matrices of a tensor as stacks ``(count, rows, columns)``, one for each piece."""
    split, axis = group["split"], group["split_axis"] + 1
    stack = tensor.reshape(-1, *_matrix_shape(tensor.shape, group["matrices"]))
    if split is None:
        return [stack]
    sizes = stack.shape[axis] // split if isinstance(split, int) else list(split)
    return list(stack.split(sizes, axis))


def join(stacks, shape, group):
    """The tensor of that ``shape`` whose matrices are ``stacks``: the inverse of ``cut``."""
    whole = torch.cat(stacks, group["split_axis"] + 1) if len(stacks) > 1 else stacks[0]
    return whole.reshape(shape)
