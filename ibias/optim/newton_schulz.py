"""Newton-Schulz iterations: the usual approximate stand-in for the exact polar factor."""

from dataclasses import dataclass
from math import inf

import torch
from torch import Tensor

from .._checks import whole
from ..norms import SPECTRAL, Norm
from .sharded import as_computed

CLASSIC = (3.4445, -4.7750, 2.0315)
CONVERGENT = (15 / 8, -10 / 8, 3 / 8)  # the quintic whose only attracting singular value is one
_NEAREST = (
    (8.28721201814563, -23.595886519098837, 17.300387312530933),
    (4.107059111542203, -2.9478499167379106, 0.5448431082926601),
    (3.9486908534822946, -2.908902115962949, 0.5518191394370137),
    (3.3184196573706015, -2.488488024314874, 0.51004894012372),
    (2.300652019954817, -1.6689039845747493, 0.4188073119525673),
    (1.891301407787398, -1.2679958271945868, 0.37680408948524835),
    (1.8750014808534479, -1.2500016453999487, 0.3750001645474248),
)
POLAR_EXPRESS = (*((a / 1.01, b / 1.01**3, c / 1.01**5) for a, b, c in _NEAREST), CONVERGENT)
SCHEDULES = {"classic": CLASSIC, "polar-express": POLAR_EXPRESS, "convergent": CONVERGENT}


@dataclass(frozen=True)
class NewtonSchulz:
    """``x <- (a I + b x x^T + c (x x^T)^2) x``, from ``x = g / ||g||_F``, ``steps`` times, for
    ``g`` of shape ``(*stack, rows, columns)``.

    ``coefficients``: the three numbers of every step, a list of such triples (one a step, the last
    one repeated), or the name of one of these schedules:

    - ``"classic"`` (the ones in ``torch.optim.Muon``) is tuned for speed and does not converge:
      five steps leave singular values of up to about 1.2 and small ones anywhere below, ten or more
      all of them in about 0.68 to 1.13.
    - ``"polar-express"``: in each step the quintic nearest to one on the interval where singular
      values from 1e-3 of the Frobenius norm can be by then (Amsel, Persson, Musco and Gower 2025,
      arXiv:2505.16932, algorithm 1, with its safety factor of 1.01).
    - ``"convergent"`` ends in the polar factor; singular values below about ``1.9 ** -steps`` of
      the Frobenius norm have not arrived.

    So a step may be longer than ``lr`` in the spectral norm and shorter in its alignment;
    ``benchmarks/polar.csv`` has what each costs in time and in margin.  ``dtype``: the precision of
    the iteration; None keeps the gradient's.  Raises ValueError for steps that are no positive
    integer or coefficients of another form.
    """

    steps: int = 5
    coefficients: tuple = CLASSIC
    dtype: torch.dtype | None = torch.float32

    def __post_init__(self):
        given = self.coefficients
        object.__setattr__(self, "steps", whole("NewtonSchulz(steps=...)", self.steps, least=1))
        triples = _triples(SCHEDULES.get(given) if isinstance(given, str) else given)
        triples = [tuple(map(float, triple)) for triple in triples]
        if not triples:
            raise ValueError(
                "NewtonSchulz(coefficients=...) are the three numbers of a quintic, a list of such"
                f" triples, or one of {tuple(SCHEDULES)}; got {given!r}"
            )
        one = triples[0] if len(triples) == 1 else tuple(triples)
        object.__setattr__(self, "coefficients", one)

    def __call__(self, g: Tensor) -> Tensor:
        """Maps ``(*stack, rows, columns)`` to the same shape; zero stays zero."""
        # lengths are squared on the way: first the largest entry becomes 1, whatever the loss
        largest = g.abs().amax((-2, -1), keepdim=True)
        x = g / torch.where(largest > 0, largest, torch.ones_like(largest))
        x = x if self.dtype is None else x.to(self.dtype)
        tall = x.shape[-2] > x.shape[-1]
        x = x.mT if tall else x
        length = torch.linalg.matrix_norm(as_computed(x), keepdim=True).to(x.dtype)
        x = x / torch.where(length > 0, length, torch.ones_like(length))
        triples, shape = _triples(self.coefficients), x.shape
        x = x.reshape(-1, *shape[-2:])
        for step in range(self.steps):
            a, b, c = triples[min(step, len(triples) - 1)]
            gram = torch.bmm(x, x.mT)
            quintic = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
            x = torch.baddbmm(x, quintic, x, beta=a)
        x = x.view(shape)
        return (x.mT if tall else x).to(g.dtype)


def _triples(coefficients):
    """The quintics in order; none for what are no quintics."""
    try:
        one = isinstance(coefficients[0], (int, float))
        triples = [tuple(t) for t in ([coefficients] if one else coefficients)]
    except (TypeError, LookupError):
        return []
    numbers = all(isinstance(value, (int, float)) for triple in triples for value in triple)
    return triples if numbers and all(len(triple) == 3 for triple in triples) else []


@dataclass(frozen=True)
class NewtonSchulzSpectral(Norm):
    """Measures in the spectral norm, steps along ``iterations`` of a Newton-Schulz iteration in
    float64, for matrices ``(*lanes, k, d)``.

    Its direction is only near the steepest one: ``value(steepest(g))`` may exceed 1 and
    ``<g, steepest(g)>`` may miss ``dual(g)``.  That is the point of the comparison.
    """

    iterations: int = 5
    coefficients: tuple = CLASSIC
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
