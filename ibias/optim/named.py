"""The named members of the family: each is one expression of ``SteepestDescent``."""

from ..norms import FROBENIUS, MAX, SPECTRAL
from .steepest import SteepestDescent


class SignSGD(SteepestDescent):
    """``theta <- theta - lr sign(g)``: steepest descent in the max norm; ``lr`` is the change of
    every entry.

    Bias: the l-infinity margin (arXiv:2602.11557, linear models; arXiv:2602.16340, networks).
    Raises: see ``SteepestDescent``.
    """

    def __init__(self, params, lr, *, check_finite=True):
        super().__init__(params, lr, MAX, check_finite=check_finite)


class Signum(SteepestDescent):
    """``theta <- theta - lr sign(m)``, m the exponential average of the gradients; ``lr`` is the
    change of every entry.

    Bias: the l-infinity margin (arXiv:2602.11557, linear models; arXiv:2602.16340, networks).
    Raises: see ``SteepestDescent``.
    """

    def __init__(self, params, lr, momentum=0.9, *, check_finite=True):
        super().__init__(params, lr, MAX, momentum, check_finite=check_finite)


class NormalizedSGD(SteepestDescent):
    """``theta <- theta - lr m / ||m||_2``, one Euclidean norm over all tensors of a group; ``lr``
    is the distance moved.

    Bias: the l2 margin (arXiv:2602.11557, linear models; arXiv:2602.16340, networks).  Raises: see
    ``SteepestDescent``.
    """

    def __init__(self, params, lr, momentum=0.0, *, check_finite=True):
        super().__init__(params, lr, FROBENIUS, momentum, across="joint", check_finite=check_finite)


class Muon(SteepestDescent):
    """``W <- W - lr polar(m)`` for every matrix; ``lr`` is the spectral norm of each matrix's step.

    ``polar="exact"`` keeps the singular directions of m and sets the singular values to one (zero
    ones stay zero); ``polar=NewtonSchulz(...)`` is the common approximation.  Refuses vectors: see
    MuonSignum and MuonAdam.  No Nesterov extrapolation, weight decay or shape-dependent factor on
    ``lr``; ``torch.optim.Muon`` has all three by default.
    Bias: the margin in the largest spectral norm among the matrices (arXiv:2602.11557, linear
    models; arXiv:2602.16340, networks).
    Raises: see ``SteepestDescent``.
    """

    def __init__(self, params, lr, momentum=0.95, *, polar="exact", check_finite=True):
        super().__init__(params, lr, SPECTRAL, momentum, polar=polar, check_finite=check_finite)
