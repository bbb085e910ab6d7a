"""Unit balls of the norms, as the interior point asks for them: one linearisation each."""

from math import inf

from ...norms import Entrywise, Schatten
from .ball import ratio
from .free import WithFreeColumns
from .nuclear import NuclearBall
from .polyhedral import Box, CrossPolytope, Polyhedral
from .smooth import Smooth
from .spectral import SpectralBall, common_basis

__all__ = [
    "NuclearBall", "Polyhedral", "Smooth", "SpectralBall", "WithFreeColumns", "ball_type",
    "common_basis", "ratio",
]  # fmt: skip

BALLS: dict[tuple[type, float], type]
BALLS = {(Entrywise, inf): Box, (Entrywise, 1): CrossPolytope}
BALLS |= {(Schatten, inf): SpectralBall, (Schatten, 1): NuclearBall}


def ball_type(norm):
    """The class of the norm's ball, None for 1 < p < inf."""
    return BALLS.get((type(norm), norm.p))
