"""Unit balls of the norms, as the interior point asks for them: one linearisation each."""

from math import inf

from ...norms import Entrywise, Schatten
from .ball import ratio
from .free import WithFreeColumns
from .nuclear import NuclearBall
from .polyhedral import Box, CrossPolytope, Polyhedral
from .singular import shared_rank
from .smooth import Smooth
from .spectral import SpectralBall

__all__ = [
    "Polyhedral", "Smooth", "SpectralBall", "WithFreeColumns", "ball_type", "ratio", "shared_rank",
]  # fmt: skip

BALLS: dict[tuple[type, float], type]
BALLS = {(Entrywise, inf): Box, (Entrywise, 1): CrossPolytope}
BALLS |= {(Schatten, inf): SpectralBall, (Schatten, 1): NuclearBall}


def ball_type(norm):
    """The class of the norm's ball, None for 1 < p < inf."""
    return BALLS.get((type(norm), norm.p))
