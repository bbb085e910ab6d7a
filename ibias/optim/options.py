"""The settings of a parameter group: which are read, and the sentences for what cannot be."""

from difflib import get_close_matches
from math import inf
from numbers import Real

import torch

SHARED = ("params", "param_names", "name", "lr", "check_finite", "weight_decay", "maximize")
"""Keys that every class reads; ``name`` is read by loggers."""
SCHEDULERS = ("initial_lr", "max_lr", "min_lr", "swa_lr", "base_momentum", "max_momentum")
"""Keys that torch's schedulers leave in a group and want back when training resumes."""
ADDED = dict(weight_decay=0.0, maximize=False)
"""What every class has since version 0.2, at the value that changes nothing."""


def refuse_unknown(owner: str, given, known, kind="group key"):
    """ValueError (an argument: TypeError) for a key that is not ``known``, with the nearest one."""
    for key in given if isinstance(given, dict) else ():  # torch says what is wrong
        if key not in known and key not in SCHEDULERS:
            near = get_close_matches(str(key), known, 1)
            raise (TypeError if kind == "argument" else ValueError)(
                f"{owner} has no {kind} {key!r}{f', but {near[0]!r}' if near else ''}. It reads"
                f" {', '.join(sorted(set(known) - {'params', 'param_names'}))}."
            )


def require_number(owner, argument, value):
    """Its value, also of a tensor with one entry; NaN passes here, and fails what is asked next."""
    number = value.item() if isinstance(value, torch.Tensor) and value.numel() == 1 else value
    if not isinstance(number, Real) or isinstance(number, bool):
        raise TypeError(f"{owner}({argument}=...) must be a number; got {value!r}")
    return number


def require_positive(owner, argument, value):
    """ValueError unless the value is a positive finite number."""
    if not 0 < require_number(owner, argument, value) < inf:
        wanted = "the length of one step and must be positive and finite"
        raise ValueError(f"{owner}({argument}=...) is {wanted}; got {value}")


def require_fraction(owner, argument, value):
    """ValueError unless the value lies in [0, 1)."""
    if not 0 <= require_number(owner, argument, value) < 1:
        raise ValueError(f"{owner}({argument}=...) must lie in [0, 1); got {value}")


def require_flag(owner, argument, value):
    """TypeError unless the value is True or False."""
    if not isinstance(value, bool):
        raise TypeError(f"{owner}({argument}=...) is True or False; got {value!r}")


def require_choice(owner, argument, value, choices):
    """ValueError unless the value is one of the choices."""
    if value not in choices:
        raise ValueError(f"{owner}({argument}=...) must be one of {tuple(choices)}; got {value!r}")


def require_decay(owner, lr, value):
    """``1 - lr weight_decay`` is a factor on the weights and must not turn them round."""
    decay = require_number(owner, "weight_decay", value)
    if not 0 <= decay < inf or float(lr) * decay > 1:
        raise ValueError(
            f"{owner}(weight_decay=...) shrinks the weights by 1 - lr weight_decay in every step:"
            f" it must lie in [0, 1 / lr], here [0, {1 / float(lr):g}]; got {value}"
        )
