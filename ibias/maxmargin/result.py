"""What a maximum margin comes with: bounds, both optima, and the size of the optimal face."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .._checks import Carried
from ..data import Dataset
from ..norms import Norm
from .certificate import column_exponents, combination, simplex


@dataclass(frozen=True, eq=False)
class MaxMargin:
    """``gamma = max over ||W|| <= 1 of min (e_y - e_c)^T W x_i`` (Section 3), and its proof.

    ``lower <= gamma <= upper`` follows from ``weights`` and ``dual`` alone (``certify``).  For p =
    1 and inf the optimum may be a face: ``canonical`` is its point of least Frobenius norm and
    ``canonical_accuracy`` bounds its Frobenius distance from the exact one, given that the face was
    identified right.  ``unique`` and ``face_dim`` are rank decisions in floating point (cut 1e-6);
    with ``canonical`` they are None for other routes and wide intervals, which end too early, and
    where the face that they name does not hold the optimum (columns of very different sizes).
    """

    norm: Norm
    lower: float
    upper: float
    margin: float  # what ``weights`` attains, as computed; between lower and upper
    weights: np.ndarray = field(repr=False)  # (k, d), unit norm
    dual: np.ndarray = field(repr=False)  # (n, k), simplex weights, zeros in the own column
    support_vectors: np.ndarray = field(repr=False)  # indices of samples with an active constraint
    solver: str = "interior"
    route: str = "interior"  # or "working set", "first order", "cvxpy"
    samples: int = 0  # that took part in the last system; the certificate is about all
    complete: bool = True  # False where time or patience ended before the tolerance was reached
    unique: bool | None = None
    face_dim: int | None = None
    canonical: np.ndarray | None = field(default=None, repr=False)
    canonical_accuracy: float | None = None
    dataset: Dataset | None = field(default=None, repr=False)  # what it is the max margin of

    def proof(self, path: str | Path | None = None) -> str:
        """The text (JSON) of an exact proof of both bounds, which ``ibias check`` and the
        stand-alone ``checker`` verify in whole numbers; also written to `path`.

        Its bounds are those of ``weights`` and ``dual`` in exact arithmetic, rounded outwards to
        float64, inside [lower, upper].  Raises ValueError for a result that holds no data set.
        """
        from .proof import prove, written

        return written(prove(self.dataset, self.norm, self.weights, self.dual), path)

    @property
    def gap(self) -> float:
        """Relative width of the certified interval; 2e-14 is the certificate's own rounding."""
        return (self.upper - self.lower) / self.upper


class NotSeparable(Carried, ValueError):
    """No W classifies every sample; ``certificate`` (n, k) proves it: non-negative weights with sum
    1, zero in the own column, whose combination ``sum a_ic (e_y - e_c) x_i^T`` is zero.  A W with
    all margins positive would make ``<W, combination>`` positive.  ``residual`` is the largest
    entry of the combination, divided by the power of two above the largest entry of its column.
    """

    def __init__(self, dataset, certificate, reason=""):
        self.dataset = dataset
        self.certificate = simplex(dataset, certificate)
        self.residual = self.check(dataset)
        label = f"the data set {dataset.name!r}" if dataset.name else "the data set"
        reason = reason or (
            f"{int((self.certificate.sum(1) > 1e-9).sum())} samples have weights whose combination"
            f" vanishes to {self.residual:.1e} of the features (.certificate, .check(dataset))"
        )
        remedy = "Remove or relabel samples, or add features."
        super().__init__(f"{label} is not linearly separable: {reason}. {remedy}")

    def proof(self, path: str | Path | None = None) -> str:
        """The text (JSON) of an exact proof: whole multipliers near ``certificate`` whose
        combination is zero; also written to `path`.  ArithmeticError where none are found."""
        from .proof import refute, written

        return written(refute(self.dataset, self.certificate), path)

    def check(self, dataset) -> float:
        """The residual, from data and certificate alone; ValueError for no certificate."""
        a = self.certificate
        own = a[np.arange(dataset.n), dataset.y]
        # 1e-12: the sum of n k rounded numbers
        if (a < 0).any() or own.any() or abs(a.sum() - 1) > 1e-12:
            form = "non-negative entries with sum 1 and zeros in the column of the own class"
            raise ValueError(f"a certificate has {form}")
        rest = np.abs(combination(dataset, a)).max(0)
        return float(np.ldexp(rest, -column_exponents(dataset.x)).max())


class UndecidedSeparability(Carried, ArithmeticError):
    """Float64 cannot tell whether a W classifies every sample: no positive margin was certified,
    and no multipliers prove that there is none.  ``columns``: features much larger than the
    others, the usual reason."""

    def __init__(self, dataset, exponent, kept):
        large = exponent > np.median(exponent) + 10
        self.columns = tuple(int(j) for j in np.asarray(kept)[large])
        named = ", ".join(map(str, self.columns[:5])) + (", ..." if len(self.columns) > 5 else "")
        reason = f" (columns {named} are far larger than the others)" if self.columns else ""
        super().__init__(
            f"cannot tell whether {dataset.name or 'the data set'} is separable: the margin, if"
            f" any, is below the rounding of float64 on these features{reason}. Bring them to"
            " comparable sizes (standardise=True, --standardise), or add a constant one (bias=True,"
            " --bias)."
        )
