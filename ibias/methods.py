"""A method is a norm, a signal and a schedule; a named algorithm of the paper is one expression."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import nan
from typing import NamedTuple

from .norms import FROBENIUS, MAX, SPECTRAL, Norm
from .schedules import Power
from .signals import FullBatch, Minibatch, Momentum, Recipe, Signal, VarianceReduced, layers, recipe

# (without momentum, with momentum), as the paper and the field call them
FAMILY = {
    MAX: ("SignSGD", "Signum"),
    FROBENIUS: ("N-SGD", "N-MSGD"),
    SPECTRAL: ("Spectral-SGD", "Muon"),
}


@dataclass(frozen=True)
class SteepestDescent:
    """``W_(t+1) = W_t - eta_t * norm.steepest(S_t)`` from ``W_0 = 0`` (Section 3.1, Appendix A).

    A step has length ``eta_t`` in ``norm``, whatever the signal's; a zero one moves nothing.
    """

    norm: Norm
    signal: Signal = FullBatch()
    schedule: Power = Power(0.1)
    name: str = ""

    def __post_init__(self):
        for field, kind in {"norm": Norm, "signal": Signal}.items():
            value = getattr(self, field)
            if not isinstance(value, kind):
                wanted = f"a {kind.__name__} object such as those in ibias"
                raise TypeError(f"SteepestDescent({field}=...) takes {wanted}; got {value!r}")
        if not callable(self.schedule):
            wanted = "a schedule such as Power(0.1)"
            raise TypeError(f"SteepestDescent(schedule=...) takes {wanted}; got {self.schedule!r}")

    @property
    def label(self) -> str:
        """``name``, or a readable one such as "Signum b=10 beta=0.9"."""
        return self.name or default_label(self)


class Trajectory(NamedTuple):
    """One trajectory: a method and the seed of its shuffles."""

    method: SteepestDescent
    seed: int


def default_label(method: SteepestDescent) -> str:
    """Family name, batch size and momentum of a method; the same for every seed and data set."""
    flat = layers(method.signal)
    if flat is None:
        return repr(method)
    (core, beta, reduced), text = flat, method.norm.text
    plain, averaged = FAMILY.get(method.norm, (f"SD[{text}]", f"MSD[{text}]"))
    parts = ["VR-" * reduced + (averaged if beta else plain)]
    parts.append(f"b={core.b}" if isinstance(core, Minibatch) else "full batch")
    return " ".join(parts + [f"beta={beta:.12g}"] * bool(beta))


def grid(
    *,
    norms: Sequence[Norm],
    batch_sizes: Sequence[int],
    momenta: Sequence[float] = (0.0,),
    variance_reduction: Sequence[bool] = (False,),
    schedule: Power | Mapping[Norm, Power] = Power(0.1),
) -> list[SteepestDescent]:
    """Every combination, by norm, variance reduction, momentum, batch size; with default labels.

    ``schedule`` is one for all, or one per norm (the paper's first step for Frobenius is another).
    """
    if isinstance(schedule, Mapping) and (lacking := [n for n in norms if n not in schedule]):
        raise ValueError(f"schedule has no entry for {lacking[0]!r}; it has {list(schedule)}")

    def method(norm, reduced, beta, b):
        core = VarianceReduced(Minibatch(b)) if reduced else Minibatch(b)
        own = schedule[norm] if isinstance(schedule, Mapping) else schedule
        return SteepestDescent(norm, Momentum(beta, core) if beta else core, own)

    return [method(*axes) for axes in product(norms, variance_reduction, momenta, batch_sizes)]


def coordinates(method: SteepestDescent, n: int) -> dict:
    """What labels a method in results: norm, batch_size, momentum, variance_reduction, eta0, a."""
    flat = recipe(method.signal, n) or Recipe(method.signal.batch_size(n), nan, False)
    schedule = {name: getattr(method.schedule, name, nan) for name in ("eta0", "a")}
    return {"norm": method.norm.text} | flat._asdict() | schedule
