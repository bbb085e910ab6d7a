"""Saved states in plain values, which ``torch.load`` reads without this package."""

import torch

from ..norms import Entrywise, Norm, Schatten
from .newton_schulz import NewtonSchulz
from .options import ADDED

# states saved by version 0.1 hold these objects; torch.load(weights_only=True) reads them back
torch.serialization.add_safe_globals([Entrywise, Schatten, NewtonSchulz])

RULE = ("norm", "across")
"""The settings of a group that say which optimizer it is; others (lr, momentum, ...) are tuned, and
a saved state brings its own."""
NEW = (*ADDED, "nesterov", "adjust_lr", "matrices", "split", "split_axis", "fused", "share_work")
"""Settings that version 0.1 did not have: where a state lacks them, the optimizer's own hold."""


def plain(value):
    """A norm as its repr, a Newton-Schulz iteration as its fields; anything else as it is."""
    if isinstance(value, Norm):
        return repr(value) if isinstance(value, (Entrywise, Schatten)) else value.text
    if isinstance(value, NewtonSchulz):
        dtype = value.dtype and str(value.dtype).removeprefix("torch.")
        return {**vars(value), "dtype": dtype}
    return value


def matched_group(owner, number, own, saved, defaults):
    """The saved settings of group ``number``, with ``own``'s objects where they agree.

    Raises ValueError for a group that was saved by another optimizer.
    """
    wanted, another = [*RULE, *defaults], f"{owner}: the saved state is of another optimizer:"
    if missing := [k for k in wanted if k in own and k not in saved and k not in NEW]:
        raise ValueError(f"{another} its group {number} has no {missing[0]!r}.")  # the rule first
    for key in RULE:
        here, there = plain(own.get(key)), plain(saved.get(key))
        if here != there:
            raise ValueError(
                f"{another} group {number} has {key} {there}, this one {here}. Load it into an"
                " optimizer built like the one that was saved."
            )
    kept = {key: own[key] for key in own if key in RULE or (key in NEW and key not in saved)}
    if isinstance(polar := saved.get("polar"), dict):
        dtype = polar["dtype"] and getattr(torch, polar["dtype"])
        kept["polar"] = NewtonSchulz(**{**polar, "dtype": dtype})
    return {**saved, **kept}
