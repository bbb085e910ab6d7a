"""torch.optim classes over the norms of ``ibias.norms``, for networks (arXiv:2602.16340)."""

from .adam import Adam
from .groups import Groups, groups
from .hybrid import MuonAdam, MuonSignum
from .named import Muon, NormalizedSGD, SignSGD, Signum
from .newton_schulz import NewtonSchulz, NewtonSchulzSpectral
from .steepest import SteepestDescent
from .variance_reduced import VarianceReduced

__all__ = [
    "Adam", "Groups", "Muon", "MuonAdam", "MuonSignum", "NewtonSchulz", "NewtonSchulzSpectral",
    "NormalizedSGD", "SignSGD", "Signum", "SteepestDescent", "VarianceReduced", "groups",
]  # fmt: skip
