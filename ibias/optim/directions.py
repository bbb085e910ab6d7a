"""Directions of steps: unit norm, across a group's tensors and the processes that hold them."""

from collections import defaultdict
from functools import cache, partial
from math import inf, isnan

import torch

from ..norms import Entrywise, Schatten
from .base import stacked
from .exact_polar import polar_factor
from .matrices import ADJUST, cut, join
from .sharded import as_computed, from_owner, mine, shard, summed, team, whole


def is_spectral(norm) -> bool:
    """Whether the norm is the spectral one."""
    return isinstance(norm, Schatten) and norm.p == inf


def normalized(params, sources):
    """The joint Euclidean step as directions and the length to divide them by."""
    length = None if torch.compiler.is_compiling() else _length(params, sources)
    if length is not None:
        return sources, length
    # squares under- or overflow (or a graph cannot look): rescale by the largest entry first
    full = [as_computed(s) for s in sources]
    largest = stacked([s.abs().max() if s.numel() else s.new_zeros(()) for s in full]).max()
    largest = summed(largest, params, "MAX")
    unit = torch._foreach_div(full, torch.where(largest > 0, largest, 1.0))
    squares = summed(stacked(torch._foreach_norm(unit)).square().sum(), params)
    scaled = torch._foreach_mul(unit, torch.where(squares > 0, squares, 1.0).rsqrt())
    return [step.to(s.dtype) for step, s in zip(scaled, sources, strict=True)], 1.0


def _length(params, sources):
    """``||all entries||_2``; None where squares are too small or large for the dtype."""
    lengths = stacked(torch._foreach_norm([as_computed(s) for s in sources]))
    length = float(summed(lengths.double().square().sum(), params)) ** 0.5
    if isnan(length):
        return length  # check_finite=False: a NaN stays visible
    double = all(s.dtype == torch.float64 for s in sources)
    least, most = safe_lengths(torch.float64 if double else torch.float32)
    return length if least < length < most else None


@cache
def safe_lengths(dtype):
    """Lengths whose squares the dtype carries; those of shorter ones lose digits."""
    info = torch.finfo(dtype)
    return (info.tiny / info.eps) ** 0.5, info.max**0.5


def joint(norm, params, sources):
    """The unit step of one entry-wise norm over all entries of the group."""
    full = [whole(s, p) for s, p in zip(sources, params, strict=True)]
    flat = torch.cat([as_computed(s).reshape(-1) for s in full])
    if not flat.numel():
        return sources
    pieces = norm.steepest(flat[None])[0].split([s.numel() for s in full])
    triples = zip(pieces, full, params, strict=True)
    return [shard(piece.view(s.shape).to(s.dtype), p) for piece, s, p in triples]


def each(group, params, sources):
    """Every matrix's unit step, once: one of the processes with a task sends it to the others."""
    teams = [team(p, group["share_work"]) for p in params]
    full = [whole(s, p) for s, p in zip(sources, params, strict=True)]
    own = [i for i, s in enumerate(full) if s.numel() and mine(i, teams[i])]
    mapped = dict(zip(own, _mapped(group, [full[i] for i in own]), strict=True))
    steps = []
    for i, (s, p) in enumerate(zip(full, params, strict=True)):
        step = mapped[i] if i in mapped else torch.zeros_like(s)
        steps.append(shard(from_owner(i, step, teams[i]) if s.numel() else step, p))
    return steps


def _mapped(group, sources):
    """The steps of whole tensors; matrices of one shape are stacked and mapped together."""
    norm = group["norm"]
    as_vector = isinstance(norm, Entrywise) and group["matrices"] == "flat" and not group["split"]
    alike, stacks = defaultdict(list), []
    for i, s in enumerate(sources):
        s = as_computed(s)
        stacks.append([s.reshape(1, 1, -1)] if as_vector else cut(s, group))
        for j, stack in enumerate(stacks[-1]):
            alike[stack.shape[1:], stack.dtype, stack.device].append((i, j))
    for (shape, dtype, device), places in alike.items():
        members = [stacks[i][j] for i, j in places]
        step = _map_of(group, dtype, device)(torch.cat(members) if len(members) > 1 else members[0])
        if group["adjust_lr"]:
            step = step * ADJUST[group["adjust_lr"]](*shape)
        for (i, j), piece in zip(places, step.split([len(m) for m in members]), strict=True):
            stacks[i][j] = piece
    return [
        (pieces[0].reshape(s.shape) if as_vector else join(pieces, s.shape, group)).to(s.dtype)
        for pieces, s in zip(stacks, sources, strict=True)
    ]


def _map_of(group, dtype, device):
    norm, polar = group["norm"], group["polar"]
    if polar != "exact":
        return polar
    if device.type == "cuda" and dtype == torch.float32 and is_spectral(norm):
        return partial(polar_factor, rtol=max(norm.rtol, 8 * torch.finfo(dtype).eps))
    return norm.steepest
