"""The spectral norm with an approximate steepest direction: what Muon's Newton-Schulz iteration
does in place of the polar factor."""

from dataclasses import dataclass
from math import inf

from .norms import SPECTRAL, Norm
from .optim.newton_schulz import NewtonSchulz

CONVERGENT = (15 / 8, -10 / 8, 3 / 8)  # the quintic whose only attracting singular value is one


@dataclass(frozen=True)
class NewtonSchulzSpectral(Norm):
    """Measures in the spectral norm, steps along ``iterations`` of a Newton-Schulz iteration in
    float64.

    The default coefficients are those of Muon, tuned for speed: singular values end in about 0.68
    to 1.13 and never settle, so that ``value(steepest(g))`` may exceed 1 and ``<g, steepest(g)>``
    may miss ``dual(g)``.  That is the point of the comparison.
    """

    iterations: int = 5
    coefficients: tuple[float, float, float] = NewtonSchulz().coefficients
    p: float = inf

    @property
    def text(self):
        kind = "convergent " if self.coefficients == CONVERGENT else ""
        return f"spectral, {kind}Newton-Schulz {self.iterations}"

    def value(self, w):
        return SPECTRAL.value(w)

    def dual(self, g):
        return SPECTRAL.dual(g)

    def steepest(self, g):
        return NewtonSchulz(self.iterations, self.coefficients, dtype=None)(g)

    def cvx(self, w):
        return SPECTRAL.cvx(w)
