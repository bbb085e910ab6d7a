"""The named members of the family: each is one expression of ``SteepestDescent``."""

from typing import Any, Unpack

from ..norms import FROBENIUS, MAX, SPECTRAL
from .options import refuse_unknown
from .steepest import Options, SteepestDescent

ENTRYWISE = ("weight_decay", "nesterov", "maximize", "fused", "check_finite")
"""The options of steps that know no matrices."""


class SignSGD(SteepestDescent):
    """``theta <- theta - lr sign(g)``: the max norm; ``lr`` is the change of every entry.

    Bias: the l-infinity margin (arXiv:2602.11557, linear models; arXiv:2602.16340, networks).
    ``options``: ``weight_decay, maximize, fused, check_finite``; these and the errors: see
    ``SteepestDescent``.
    """

    def __init__(self, params, lr: float, **options: Unpack[Options]):
        refuse_unknown("SignSGD", options, ENTRYWISE, "argument")
        super().__init__(params, lr, MAX, **options)
        del self.defaults["momentum"]  # OneCycleLR and CyclicLR then refuse to turn it

    def add_param_group(self, param_group):
        """As in `SteepestDescent`; a group without ``momentum`` has none."""
        if isinstance(param_group, dict):
            param_group = {"momentum": 0.0, **param_group}
        super().add_param_group(param_group)


class Signum(SteepestDescent):
    """``theta <- theta - lr sign(m)``, m averaged gradients; ``lr``: every entry's change.

    Bias: the l-infinity margin (arXiv:2602.11557, linear models; arXiv:2602.16340, networks).
    ``options``: ``weight_decay, nesterov, maximize, fused, check_finite``; these and the errors:
    see ``SteepestDescent``.
    """

    def __init__(self, params, lr: float, momentum: float = 0.9, **options: Unpack[Options]):
        refuse_unknown("Signum", options, ENTRYWISE, "argument")
        super().__init__(params, lr, MAX, momentum, **options)


class NormalizedSGD(SteepestDescent):
    """``theta <- theta - lr m / ||m||_2``, norm of a group's tensors; ``lr``: the distance moved.

    Bias: the l2 margin (arXiv:2602.11557, linear models; arXiv:2602.16340, networks).
    ``options``: ``weight_decay, nesterov, maximize, fused, check_finite``; these and the errors:
    see ``SteepestDescent``.
    """

    def __init__(self, params, lr: float, momentum: float = 0.0, **options: Any):
        refuse_unknown("NormalizedSGD", options, ENTRYWISE, "argument")
        super().__init__(params, lr, FROBENIUS, momentum, across="joint", **options)


class Muon(SteepestDescent):
    """``W <- W - lr polar(m)`` for every matrix; ``lr`` is the spectral norm of each matrix's step.

    ``polar="exact"`` keeps the singular directions of m and sets the singular values to one (zero
    ones stay zero); ``polar=NewtonSchulz(...)`` is the common approximation.  Refuses vectors: see
    MuonSignum and MuonAdam.  ``adjust_lr`` multiplies ``lr`` by a factor of the matrix's shape:

    - None: 1, so ``lr`` stays the spectral norm of the step (the default);
    - ``"original"``: ``sqrt(max(1, rows / columns))``, as in ``torch.optim.Muon`` by default;
    - ``"match_rms_adamw"``: ``0.2 sqrt(max(rows, columns))``, the root mean square of an AdamW
      step, so that a rate tuned for AdamW fits (Liu et al. 2025, arXiv:2502.16982, section 2.2);
    - ``"spectral_norm"``: ``sqrt(rows / columns)``, the spectral form of muP, where rates carry
      over between widths (Yang, Simon and Bernstein 2023, arXiv:2310.17813, condition 1).

    ``torch.optim.Muon`` has Nesterov, a decay of 0.1 and ``"original"`` by default; here all three
    are off unless asked for.
    Bias: the margin in the largest spectral norm among the matrices (arXiv:2602.11557, linear
    models; arXiv:2602.16340, networks); with ``adjust_lr`` each matrix's norm counts divided by
    its factor.
    ``options`` and errors: see ``SteepestDescent``.
    """

    def __init__(self, params, lr: float, momentum: float = 0.95, **options: Unpack[Options]):
        super().__init__(params, lr, SPECTRAL, momentum, **options)
