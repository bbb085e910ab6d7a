"""``max_margin``: solve, polish, certify."""

from dataclasses import replace

import numpy as np

from ..data import Dataset
from ..norms import FROBENIUS, MAX, Entrywise, Norm, Schatten
from .certificate import ROUNDING, attained, certify, margins, simplex
from .face import optimal_face
from .newton import Pairs, active, candidates, interior
from .nonseparable import contradiction, prove
from .plain import solve_plain
from .result import MaxMargin

SOLVERS = "interior", "cvxpy"


def max_margin(dataset, norm, solver="interior") -> MaxMargin:
    """The maximum margin of a data set in a norm, with a certified interval.

    ``solver="interior"`` is our primal-dual method (relative gaps near 1e-14); ``"cvxpy"`` the
    plain program through a general solver, for cross-checks and for norms that are neither
    ``Entrywise`` nor ``Schatten`` (these always take it). Raises NotSeparable, with a certificate,
    when no W classifies every sample; ArithmeticError when float64 cannot tell.
    """
    if not isinstance(dataset, Dataset) or not isinstance(norm, Norm):
        raise TypeError(
            "max_margin(dataset, norm) takes an ib.Dataset and a norm such as ib.SPECTRAL or"
            f" ib.norm('schatten:4'); got {dataset!r}, {norm!r}"
        )
    if solver not in SOLVERS:
        raise ValueError(f"solver must be one of {', '.join(SOLVERS)}; got {solver!r}")
    impossible = contradiction(dataset)
    if impossible is not None:
        raise impossible
    if solver == "cvxpy" or not isinstance(norm, (Entrywise, Schatten)):
        return _checked(dataset, norm, [solve_plain(dataset, norm)], "cvxpy")
    inner = FROBENIUS if norm.p == 2 else norm  # both families, one ball
    pairs = Pairs.of(dataset, inner)
    optimum = interior(pairs, inner)
    if optimum.lower <= 0:
        return _fallback(dataset, norm, optimum)
    found = [(optimum.w, optimum.a)]
    for candidate in candidates(pairs, inner, optimum):
        found.append(candidate)
        lower, upper = certify(dataset, norm, *candidate)
        if upper - lower < 4 * ROUNDING * upper:
            break
    best = _checked(dataset, norm, found, "interior")
    dimension, canonical, accuracy = optimal_face(pairs, inner, best.weights, best.dual, best.gap)
    return replace(
        best,
        unique=dimension == 0,
        face_dim=dimension,
        canonical=canonical,
        canonical_accuracy=accuracy,
    )


def _checked(dataset, norm, found, solver):
    """The result for the best of the candidates (W, a), judged by their certificates; of equals the
    last, most polished."""
    found = [(w, a, *certify(dataset, norm, w, a)) for w, a in found if w is not None]
    if not found or max(lower for _, _, lower, _ in found) <= 0:
        raise _failure(dataset)
    best_lower, best_upper = max(f[2] for f in found), min(f[3] for f in found)
    weights = [w for w, _, lower, _ in found if lower >= best_lower * (1 - ROUNDING)][-1]
    dual = [a for _, a, _, upper in found if upper <= best_upper * (1 + ROUNDING)][-1]
    weights, dual = weights / float(norm.value(weights)), simplex(dataset, dual)
    lower, upper = certify(dataset, norm, weights, dual)
    margin, own = attained(dataset, norm, weights), np.arange(dataset.k) == dataset.y[:, None]
    on = active(own, dual, margins(dataset, weights) - margin, margin)
    support = np.flatnonzero(on.any(1))
    return MaxMargin(norm, lower, upper, margin, weights, dual, support, solver, dataset=dataset)


def _fallback(dataset, norm, optimum):
    """No positive margin found: not separable, or features of too different size for this norm's
    equations.  The max norm's equations are the best conditioned; its W separates too, and the
    interval, though wide, is certified.
    """
    refusal = prove(dataset)
    if refusal is not None:
        raise refusal
    other = interior(Pairs.of(dataset, MAX), MAX)
    return _checked(dataset, norm, [(other.w, other.a), (other.w, optimum.a)], "interior")


def _failure(dataset):
    return prove(dataset) or ArithmeticError(
        f"cannot tell whether {dataset.name or 'the data set'} is separable: the margin, if any, is"
        " below the rounding of float64 on these features. Rescale the features to comparable"
        " sizes."
    )
