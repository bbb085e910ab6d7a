"""The optimizers of the experiments as values, stepping on many seeds at once with gradients of any
smallness.

``ibias.optim`` has the same rules for ordinary networks; a test compares the two."""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, log, sqrt

import torch
from torch import Tensor

from ibias._checks import is_number
from ibias.norms import MAX, SPECTRAL
from ibias.probe.network_norms import L2, WholeNorm, of_block
from ibias.probe.stationarity import joined, separated
from ibias.problem import Scaled, weighted_sum
from ibias.schedules import Power

from .networks import Parameters
from .norms import HYBRID, LINF, MAX_SPECTRAL


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
    """The averages of one rule along its runs, blocks ``(seeds, rows, columns)``."""

    def __init__(self, rule: Rule, theta: Parameters):
        self._steppers = Steppers([rule], [p[None] for p in theta])

    def direction(self, u: Scaled, samples: int) -> Parameters:
        """The unit step D for the ascent direction u (``(seeds, 1, p)``, see `joined`) of
        ``samples`` samples; updates the averages."""
        one = Scaled(u.value[None], u.log_scale[None])
        return [block[0] for block in self._steppers.directions(one, samples)]


class Steppers:
    """The averages of several rules along their runs, blocks ``(rules, seeds, rows, columns)``;
    averages carry a log scale per run, so they never underflow."""

    def __init__(self, rules: list[Rule], theta: Parameters):
        row = joined(theta)
        zero = Scaled(torch.zeros_like(row), row.new_full(row.shape[:-2], -torch.inf))
        self.rules, self.t, self.shapes = rules, 0, [tuple(p.shape[-2:]) for p in theta]
        self.adams = [i for i, rule in enumerate(rules) if rule.betas is not None]
        self.average, self.entries, self.squares = zero, zero, zero
        self.momenta = [rule.momentum for rule in rules]
        if self.adams:
            self.entries = self.squares = Scaled(zero.value[self.adams], zero.log_scale[self.adams])

    def directions(self, u: Scaled, samples: int) -> Parameters:
        """The unit steps D for the ascent directions u (``(rules, seeds, 1, p)``, see `joined`) of
        ``samples`` samples; updates the averages."""
        self.t += 1
        self.average = _averaged(self.average, u, self.momenta)
        steps = _steepest(self.rules, separated(self.average.value, self.shapes))
        if self.adams:
            adam = separated(self._adam(u, samples), self.shapes)
            for place, i in enumerate(self.adams):
                for step, block, (norm, _) in zip(steps, adam, self._parts(i), strict=True):
                    if norm == MAX:
                        step[i] = block[place]
        return steps

    def used(self) -> Scaled:
        """The averages that the steps were made of: Adam's own where every block is Adam's."""
        value, log_scale = self.average.value.clone(), self.average.log_scale.clone()
        for place, i in enumerate(self.adams):
            if self.rules[i].norm == LINF:
                value[i], log_scale[i] = self.entries.value[place], self.entries.log_scale[place]
        return Scaled(value, log_scale)

    def _parts(self, i):
        return self.rules[i].norm.parts(len(self.shapes))

    def _adam(self, u, samples):
        u = Scaled(u.value[self.adams], u.log_scale[self.adams])
        rules = [self.rules[i] for i in self.adams]
        first, second = zip(*(rule.betas for rule in rules), strict=True)
        self.entries = _averaged(self.entries, u, first)
        self.squares = _averaged(self.squares, Scaled(u.value.square(), 2 * u.log_scale), second)
        c1, c2 = ([1 - b**self.t for b in betas] for betas in (first, second))
        half = self.squares.log_scale / 2
        root = self.squares.value.sqrt()
        if any(rule.eps for rule in rules):
            eps = _per_rule([samples * r.eps * sqrt(c) for r, c in zip(rules, c2, strict=True)])
            # without eps there is nothing to add, however small the gradient
            root = root + _per_entry(torch.where(eps > 0, eps * (-half).exp(), 0.0))
        corrections = _per_rule([sqrt(b) / a for a, b in zip(c1, c2, strict=True)])
        ratio = _per_entry((self.entries.log_scale - half).exp() * corrections)
        # 0/0 counts as 0: constant pixels and dead units have no gradient, ever
        quotient = ratio * self.entries.value / torch.where(root > 0, root, 1.0)
        return torch.where(root > 0, quotient, 0.0)


def _steepest(rules, m):
    """The rules' steepest directions for their averages ``m``; what rules share of a norm is
    computed together."""
    steps = [torch.empty_like(block) for block in m]
    for norm, rows in _together(rule.norm if rule.norm == L2 else None for rule in rules):
        if norm is not None:
            for step, direction in zip(steps, norm.steepest([g[rows] for g in m]), strict=True):
                step[rows] = direction
    parts = [None if rule.norm == L2 else rule.norm.parts(len(m)) for rule in rules]
    for j, (g, step) in enumerate(zip(m, steps, strict=True)):
        kinds = [p and (p[j][0], rule.polar) for p, rule in zip(parts, rules, strict=True)]
        for kind, rows in _together(kinds):
            if kind is None:
                continue
            norm, polar = kind
            weights = _per_entry(_per_rule([parts[i][j][1] for i in rows]))
            approximate = polar is not None and norm == SPECTRAL
            unit = polar(g[rows]) if approximate else of_block(norm, g).steepest(g[rows])
            step[rows] = unit / weights
    return steps


def _together(keys):
    """``(key, its places)`` for every different one of ``keys``."""
    places: dict = {}
    for i, key in enumerate(keys):
        places.setdefault(key, []).append(i)
    return places.items()


def _per_rule(numbers):
    """Against ``(rules, seeds)``."""
    return torch.tensor(numbers, dtype=torch.float64)[:, None]


def _per_entry(scalars):
    return scalars[..., None, None]


def _averaged(average, u, decays):
    """``decay average + (1 - decay) u``, a decay for each rule."""
    logs = [
        _per_rule([log(c) if c else -inf for c in kept])
        for kept in (decays, [1 - decay for decay in decays])
    ]
    terms = (Scaled(s.value, s.log_scale + c) for s, c in zip((average, u), logs, strict=True))
    return weighted_sum(*((1, term) for term in terms)).rescaled()


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
