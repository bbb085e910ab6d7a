"""The optimizers of the experiments as values, stepping on many seeds at once with gradients of any
smallness.

``ibias.optim`` has the same rules for ordinary networks; a test compares the two."""

from dataclasses import dataclass, field
from math import log, log1p, sqrt

import torch

from ibias.norms import MAX, SPECTRAL

from ibias.probe.stationarity import ScaledBlocks, combination
from ibias.probe.network_norms import HYBRID, L2, LINF, MAX_SPECTRAL, WholeNorm


@dataclass(frozen=True)
class Rule:
    """``theta <- theta + eta_t D``, ``eta_t = eta0 (t + 1)^-a``, D the steepest direction of
    ``norm`` for the average of u.

    ``eta0`` is the length of the first step in ``norm``.  ``betas``: Adam's averages in place of
    the sign, on the blocks whose norm is the largest entry.  ``eps`` is Adam's, for the gradient of
    the *mean* loss.  ``polar``: a map in place of the exact one (see ``ibias.optim.NewtonSchulz``).
    """

    name: str
    norm: WholeNorm
    eta0: float
    momentum: float = 0.0
    a: float = 0.8
    betas: tuple[float, float] | None = None
    eps: float = 0.0
    polar: object = field(default=None)

    @property
    def family(self) -> str:
        """l2, linf (sign and Adam), spectral or hybrid: the margin it is expected to maximise."""
        return self.norm.text

    def start(self, theta):
        return Stepper(self, theta)


class Stepper:
    """The averages of one rule along its runs; averages carry a log scale per seed, so they never
    underflow."""

    def __init__(self, rule: Rule, theta):
        zero = ScaledBlocks(
            [torch.zeros_like(p) for p in theta],
            torch.full(theta[0].shape[:-2], -torch.inf, dtype=theta[0].dtype),
        )
        self.rule, self.t = rule, 0
        self.average, self.entries, self.squares = zero, zero, zero

    def direction(self, u: ScaledBlocks, samples: int):
        """The unit step D for the ascent direction u; updates the averages."""
        rule, self.t = self.rule, self.t + 1
        self.average = _averaged(self.average, u, rule.momentum)
        m = self.average.blocks
        norms = [n for n, _ in rule.norm.parts(len(m))]
        if rule.betas is None and rule.polar is None:
            return rule.norm.steepest(m)
        step = rule.norm.steepest(m) if rule.polar is None else self._approximate(m)
        if rule.betas is not None:
            adam = self._adam(u, samples)
            step = [a if n == MAX else d for a, d, n in zip(adam, step, norms, strict=True)]
        return step

    @property
    def averaged_blocks(self):
        """The average that the steps were made of: Adam's own where every block is Adam's."""
        return self._shown().blocks

    @property
    def log_average(self):
        return self._shown().log_scale

    def _shown(self):
        return (
            self.entries if self.rule.betas is not None and self.rule.norm == LINF else self.average
        )

    def _approximate(self, m):
        """The step with ``rule.polar`` where the norm is spectral."""
        parts = self.rule.norm.parts(len(m))
        return [
            (self.rule.polar(g) if n == SPECTRAL else n.steepest(g)) / weight
            for g, (n, weight) in zip(m, parts, strict=True)
        ]

    def _adam(self, u, samples):
        b1, b2 = self.rule.betas
        self.entries = _averaged(self.entries, u, b1)
        self.squares = _averaged(
            self.squares, ScaledBlocks([b * b for b in u.blocks], 2 * u.log_scale), b2
        )
        c1, c2 = 1 - b1**self.t, 1 - b2**self.t
        ratio = (self.entries.log_scale - self.squares.log_scale / 2).exp()[..., None, None] * (
            sqrt(c2) / c1
        )
        floor = (
            (samples * self.rule.eps * sqrt(c2) * (-self.squares.log_scale / 2).exp())[
                ..., None, None
            ]
            if self.rule.eps
            else 0.0
        )
        roots = [v.sqrt() + floor for v in self.squares.blocks]
        # 0/0 counts as 0: constant pixels and dead units have no gradient, ever
        quotients = (
            ratio * m / torch.where(root > 0, root, 1.0)
            for m, root in zip(self.entries.blocks, roots, strict=True)
        )
        return [
            torch.where(root > 0, quotient, 0.0)
            for quotient, root in zip(quotients, roots, strict=True)
        ]


def _averaged(average, u, decay):
    if decay == 0:
        return u.rescaled()
    kept = ScaledBlocks(average.blocks, average.log_scale + log(decay))
    return combination(
        (1.0, kept), (1.0, ScaledBlocks(u.blocks, u.log_scale + log1p(-decay)))
    ).rescaled()


def family_rules(
    l2, linf, spectral, hybrid, beta=0.9, betas=(0.9, 0.9), a=0.8, plain=True
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
