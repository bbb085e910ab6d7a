"""The optimizers of the experiments as values, stepping on many seeds at once with gradients of any
smallness.

``ibias.optim`` has the same rules for ordinary networks; a test compares the two."""

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

import torch
from torch import Tensor

from ibias._checks import is_number
from ibias.norms import MAX, SPECTRAL
from ibias.probe.network_norms import HYBRID, L2, LINF, MAX_SPECTRAL, WholeNorm
from ibias.probe.stationarity import joined, separated
from ibias.problem import Scaled, weighted_sum
from ibias.schedules import Power

from .networks import Parameters


@dataclass(frozen=True)
class Rule:
    """``theta <- (1 - eta_t weight_decay) theta + eta_t D``, ``eta_t = eta0 (t + 1)^-a``, D the
    steepest direction of ``norm`` for the average of u.

    ``eta0`` is the length of the first step in ``norm``.  ``betas``: Adam's averages in place of
    the sign, on the blocks whose norm is the largest entry.  ``eps`` is Adam's, for the gradient of
    the *mean* loss.  ``polar``: a map in place of the exact one (see ``ibias.optim.NewtonSchulz``).

    Raises ValueError for a step length that is not positive, a outside (0, 1], averages outside
    [0, 1), a negative ``eps`` and a decay that would turn the weights round.
    """

    name: str
    norm: WholeNorm
    eta0: float
    momentum: float = 0.0
    a: float = 0.8
    betas: tuple[float, float] | None = None
    eps: float = 0.0
    polar: Callable[[Tensor], Tensor] | None = None
    weight_decay: float = 0.0

    def __post_init__(self):
        Power(self.eta0, self.a)  # says what is wrong with a step length
        for decay in (self.momentum, *(self.betas or ())):
            if not (is_number(decay) and 0 <= decay < 1):
                raise ValueError(
                    f"{self.name}: momentum and betas must lie in [0, 1); got momentum ="
                    f" {self.momentum!r}, betas = {self.betas!r}"
                )
        if not (is_number(self.eps) and self.eps >= 0):
            raise ValueError(f"{self.name}: eps must be a number >= 0; got {self.eps!r}")
        if not (is_number(self.weight_decay) and 0 <= self.weight_decay * self.eta0 <= 1):
            raise ValueError(
                f"{self.name}: weight_decay must lie in [0, 1 / eta0]; got {self.weight_decay!r}"
            )

    @property
    def schedule(self) -> Power:
        """``eta_t = eta0 (t + 1)^-a``."""
        return Power(self.eta0, self.a)

    @property
    def family(self) -> str:
        """l2, linf (sign and Adam), spectral or hybrid: the margin it is expected to maximise."""
        return self.norm.text

    def start(self, theta: Parameters) -> "Stepper":
        return Stepper(self, theta)


class Stepper:
    """The averages of one rule along its runs; averages carry a log scale per seed, so they never
    underflow."""

    def __init__(self, rule: Rule, theta: Parameters):
        row = joined(theta)
        zero = Scaled(torch.zeros_like(row), row.new_full(row.shape[:-2], -torch.inf))
        self.rule, self.t, self.shapes = rule, 0, [tuple(p.shape[-2:]) for p in theta]
        self.average, self.entries, self.squares = zero, zero, zero

    def direction(self, u: Scaled, samples: int) -> Parameters:
        """The unit step D for the ascent direction u (``(seeds, 1, p)``, see `joined`) of
        ``samples`` samples; updates the averages."""
        rule, self.t = self.rule, self.t + 1
        self.average = _averaged(self.average, u, rule.momentum)
        m = separated(self.average.value, self.shapes)
        if rule.betas is None and rule.polar is None:
            return rule.norm.steepest(m)
        step = rule.norm.steepest(m) if rule.polar is None else self._approximate(m)
        if rule.betas is not None:
            adam, norms = separated(self._adam(u, samples), self.shapes), rule.norm.parts(len(m))
            step = [a if n == MAX else d for a, d, (n, _) in zip(adam, step, norms, strict=True)]
        return step

    @property
    def used(self) -> Scaled:
        """The average that the steps were made of: Adam's own where every block is Adam's."""
        return (
            self.entries if self.rule.betas is not None and self.rule.norm == LINF else self.average
        )

    def _approximate(self, m):
        """The step with ``rule.polar`` where the norm is spectral."""
        norms = self.rule.norm.parts(len(m))
        return [
            (self.rule.polar(g) if n == SPECTRAL else n.steepest(g)) / weight
            for g, (n, weight) in zip(m, norms, strict=True)
        ]

    def _adam(self, u, samples):
        b1, b2 = self.rule.betas
        self.entries = _averaged(self.entries, u, b1)
        self.squares = _averaged(self.squares, Scaled(u.value.square(), 2 * u.log_scale), b2)
        c1, c2 = 1 - b1**self.t, 1 - b2**self.t
        half = self.squares.log_scale / 2
        root = self.squares.value.sqrt()
        if self.rule.eps:
            root = root + _per_entry(samples * self.rule.eps * sqrt(c2) * (-half).exp())
        ratio = _per_entry((self.entries.log_scale - half).exp()) * (sqrt(c2) / c1)
        # 0/0 counts as 0: constant pixels and dead units have no gradient, ever
        quotient = ratio * self.entries.value / torch.where(root > 0, root, 1.0)
        return torch.where(root > 0, quotient, 0.0)


def _per_entry(scalars):
    return scalars[..., None, None]


def _averaged(average, u, decay):
    return weighted_sum((decay, average), (1 - decay, u)).rescaled()


def family_rules(
    l2: float,
    linf: float,
    spectral: float,
    hybrid: float,
    beta: float = 0.9,
    betas: tuple[float, float] = (0.9, 0.9),
    a: float = 0.8,
    plain: bool = True,
) -> list[Rule]:
    """The nine optimizers of the paper's table, in the order of their families, from one first step
    length per family.

    ``plain=False`` leaves out the three without momentum.
    """
    rules = [
        Rule("NGD", L2, l2, 0.0, a),
        Rule("MomentumGD", L2, l2, beta, a),
        Rule("SignSGD", LINF, linf, 0.0, a),
        Rule("Signum", LINF, linf, beta, a),
        Rule("Adam", LINF, linf, beta, a, betas),
        Rule("Spectral", MAX_SPECTRAL, spectral, 0.0, a),
        Rule("Muon", MAX_SPECTRAL, spectral, beta, a),
        Rule("Muon-Signum", HYBRID, hybrid, beta, a),
        Rule("Muon-Adam", HYBRID, hybrid, beta, a, betas),
    ]
    return [rule for rule in rules if plain or rule.momentum]
