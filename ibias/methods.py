"""A method is a norm, a signal and a schedule; a named algorithm of the paper is one expression."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from .norms import FROBENIUS, MAX, SPECTRAL, Norm
from .schedules import Power
from .signals import FullBatch, Minibatch, Momentum, Signal, VarianceReduced, layers, recipe

# (without momentum, with momentum), as the paper and the field call them
FAMILY = {
    MAX: ("SignSGD", "Signum"),
    FROBENIUS: ("N-SGD", "N-MSGD"),
    SPECTRAL: ("Spectral-SGD", "Muon"),
}


@dataclass(frozen=True)
class SteepestDescent:
    """``W_(t+1) = W_t - eta_t * norm.steepest(S_t)`` from ``W_0 = 0`` (Section 3.1, Appendix A).

    A step has length ``eta_t`` in ``norm``, whatever the size of the signal; a zero signal moves
    nothing and still counts.
    """

    norm: Norm
    signal: Signal = FullBatch()
    schedule: Power = Power(0.1)
    name: str = ""

    def __post_init__(self):
        for field, kind in {"norm": Norm, "signal": Signal}.items():
            value = getattr(self, field)
            if not isinstance(value, kind):
                raise TypeError(
                    f"SteepestDescent({field}=...) takes a {kind.__name__} object such as those in"
                    f" ibias; got {value!r}"
                )
        if not callable(self.schedule):
            raise TypeError(
                "SteepestDescent(schedule=...) takes a schedule such as Power(0.1); got"
                f" {self.schedule!r}"
            )

    @property
    def label(self) -> str:
        """``name``, or a readable one: "Signum b=10 beta=0.9"."""
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
    core, beta, reduced = flat
    plain, averaged = FAMILY.get(
        method.norm, (f"SD[{method.norm.text}]", f"MSD[{method.norm.text}]")
    )
    parts = ["VR-" * reduced + (averaged if beta else plain)]
    parts.append(f"b={core.b}" if isinstance(core, Minibatch) else "full batch")
    return " ".join(parts + [f"beta={beta:g}"] * bool(beta))


def grid(
    *,
    norms: Sequence[Norm],
    batch_sizes: Sequence[int],
    momenta: Sequence[float] = (0.0,),
    variance_reduction: Sequence[bool] = (False,),
    schedule: Power | Mapping[Norm, Power] = Power(0.1),
) -> list[SteepestDescent]:
    """Every combination, in the order norm, variance reduction, momentum, batch size; names are the
    default labels.

    ``schedule`` is one for all, or one per norm (the paper uses another first step for the
    Frobenius norm).
    """
    if isinstance(schedule, Mapping) and any(norm not in schedule for norm in norms):
        raise ValueError(
            f"schedule has no entry for {next(norm for norm in norms if norm not in schedule)!r};"
            f" it has {list(schedule)}"
        )

    def signal(b, beta, reduced):
        core = VarianceReduced(Minibatch(b)) if reduced else Minibatch(b)
        return Momentum(beta, core) if beta else core

    return [
        SteepestDescent(
            norm,
            signal(b, beta, reduced),
            schedule[norm] if isinstance(schedule, Mapping) else schedule,
        )
        for norm in norms
        for reduced in variance_reduction
        for beta in momenta
        for b in batch_sizes
    ]


def coordinates(method: SteepestDescent, n: int) -> dict:
    """What labels a method in results: norm, batch_size, momentum, variance_reduction, eta0, a."""
    flat = recipe(method.signal, n)
    return {
        "norm": method.norm.text,
        "batch_size": flat.batch_size if flat else method.signal.batch_size(n),
        "momentum": flat.momentum if flat else float("nan"),
        "variance_reduction": flat.variance_reduction if flat else False,
        "eta0": getattr(method.schedule, "eta0", float("nan")),
        "a": getattr(method.schedule, "a", float("nan")),
    }
