"""What the interior point asks of a norm: the linearised relation of W and its dual matrix S."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class AffineHull:
    """The hull of the ball's points that pair with S: ``W = fixed + directions @ z`` (q r,).

    ``trace @ z = 1`` where that equation remains (norms given by a sum).  ``cuts(w)``: (rows,
    bounds) of ``row @ W <= bound`` that hold on the ball's face and that ``w`` (q, r) violates.
    """

    directions: np.ndarray
    fixed: np.ndarray
    trace: np.ndarray | None
    cuts: Callable


class Ball(ABC):
    """The ball's side of the optimality conditions, in the solver's coordinates (q, r).

    W and S must end as an optimal pair: ``||W|| <= 1`` and ``<S, W> = ||S||_*`` (for smooth norms:
    S is the gradient of ``||W||^2 / 2``).  One linearisation reads ``dS = H dW + c + h dt`` and
    ``<h, dW> + kappa dt = e``, with a scalar unknown t only for the two norms (``border``) whose
    ball is given by a sum.  Vectors are in *mixed* coordinates (``mix``).
    """

    parameters = 0  # number of complementary products on the ball's side
    border = None  # (h, kappa), or None without t
    bent = False  # a curved equation: the step is tested and shortened
    conic = False  # matrices on the ball's side, which like shorter steps
    diagonal = None  # H, where it is a diagonal (size,)
    joint = False  # one step length for both sides

    def rotation(self):
        """(U, V) that the solver should pass to, ``W -> U^T W V``, or None."""
        return None

    def mix(self, v):
        """A symmetric orthogonal change of coordinates on the last axis of ``v`` (..., size)."""
        return v

    @abstractmethod
    def factor(self):
        """Prepare H and the border at the current point."""

    @abstractmethod
    def add_to(self, matrix):
        """Add H (in mixed coordinates) to ``matrix`` in place."""

    @abstractmethod
    def residual(self, mu, affine):
        """(c, e) for products driven to ``mu``; ``affine``: the step to correct by, or None."""

    @abstractmethod
    def step(self, dw, ds, dt):
        """The ball's own unknowns along (dW, dS, dt); ``ds`` is what feasibility asks for."""

    def longest(self, step):
        """Largest (primal, dual) step lengths that stay inside."""
        return np.inf, np.inf

    def gap(self, step=None, primal=0.0, dual=0.0):
        """Sum of the complementary products, after a step if one is given."""
        return 0.0

    @abstractmethod
    def move(self, step, primal, dual): ...


def ratio(v, dv):
    """Largest t with v + t dv >= 0."""
    falling = dv < 0
    return (-v[falling] / dv[falling]).min(initial=np.inf)
