"""The set of all optimal W: its dimension, point of least Frobenius norm, random extreme points."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from .._checks import whole
from .balls import ball_type
from .newton import Pairs, active, interior

# relative cut; on the sets tried kept singular values end at 5e-6, dropped ones begin at 1e-10
RANK = 1e-6
# relative, of margins and length of the canonical point: what RANK leaves undecided times rounding
TOLERANCE = 1e-9
TILT = 1e-3  # of gamma: small enough that the tilted optimum stays beside the face
ROUNDS = 200  # of cutting planes for the canonical point


def optimal_face(pairs, norm, w, a, gap):
    """(face dimension, canonical W, its accuracy) of an optimum: w (k, d) of norm one, a (n, k).

    None where w, put on the face that was found, is no optimum: then it is another face.
    """
    if ball_type(norm) is None:
        return 0, w, convexity_bound(norm, gap, w.size)
    v, gamma, base, null, hull = _affine(pairs, norm, w, a)
    if not _is_optimal(pairs, norm, v, gamma, RANK):
        return None
    if null.shape[1] == 0:
        # W solves equations, singular values above RANK, whose right-hand side is known to the gap
        return 0, w, float(np.sqrt(gap))
    near = _least_norm(pairs, hull, base, null, gamma)
    return null.shape[1], *_inside(pairs, norm, near, v, gamma)


def _affine(pairs, norm, w, a):
    """The hull of the optimal face: (W put on it, gamma, least-norm point, basis, ball's hull)."""
    v = pairs.reduce(w)
    margins = pairs.margins(v)
    gamma = margins.min()
    hull = ball_type(norm).hull(v, pairs.adjoint(a))
    base, null = _solutions(pairs, hull, active(pairs.off, a, margins - gamma, gamma), gamma)
    v = base + null @ (null.T @ (v.ravel() - base))
    return v.reshape(pairs.shape), gamma, base, null, hull


def convexity_bound(norm, gap, size):
    """Frobenius distance from the unique optimum that a relative gap allows, 1 < p < inf.

    Two unit matrices whose midpoint has norm >= 1 - gap are close: for p <= 2 by 2-uniform
    convexity (Ball, Carlen and Lieb), ``(p - 1) |D/2|^2 <= 1 - (1 - gap)^2``; for p >= 2 by
    Clarkson, ``|D/2|^p <= 1 - (1 - gap)^p``.
    """
    p = norm.p
    if p <= 2:
        return float(2 * np.sqrt(2 * gap / (p - 1)))
    return float(2 * (p * gap) ** (1 / p) * size ** (0.5 - 1 / p))


def _solutions(pairs, hull, on, gamma):
    """W with all active margins gamma: the least-norm point (size,) and a basis (size, f)."""
    matrix = pairs.matrix(*np.nonzero(on))
    rows, rhs = matrix @ hull.directions, gamma - matrix @ hull.fixed
    if hull.trace is not None:
        rows, rhs = np.r_[rows, hull.trace[None]], np.r_[rhs, 1.0]
    free = rows.shape[1]
    if len(rows) < free:  # so that the thin SVD has all right singular vectors
        short = free - len(rows)
        rows, rhs = np.pad(rows, ((0, short), (0, 0))), np.pad(rhs, (0, short))
    if free == 0:
        return hull.fixed, np.zeros((len(hull.fixed), 0))
    u, s, vt = np.linalg.svd(rows, full_matrices=False)
    keep = s > RANK * np.linalg.norm(matrix, axis=1).max()
    z = vt[keep].T @ ((u[:, keep].T @ rhs) / s[keep])
    return hull.fixed + hull.directions @ z, hull.directions @ vt[~keep].T


def _least_norm(pairs, hull, base, null, gamma):
    """The point of least Frobenius norm of the face, (q, r), by cutting planes from outside: each
    round adds what the last point violates and projects again.  Finite for polyhedral balls; for
    matrix balls the rounds bound the accuracy.
    """
    rows, bounds = np.zeros((0, null.shape[1])), np.zeros(0)
    w = base.reshape(pairs.shape)
    for _ in range(ROUNDS):
        ball_rows, ball_bounds = hull.cuts(w)
        margins = pairs.margins(w)
        worst = np.argsort(margins, axis=None)[:100]
        worst = np.unravel_index(worst[margins.ravel()[worst] < gamma * (1 - 1e-13)], margins.shape)
        new = np.r_[-ball_rows, pairs.matrix(*worst)]
        limits = np.r_[-ball_bounds, np.full(len(worst[0]), gamma)] - new @ base
        full, new = np.linalg.norm(new, axis=1), new @ null
        violation = limits - new @ (null.T @ (w.ravel() - base))
        # a row that is constant on the face only carries rounding
        kept = np.linalg.norm(new, axis=1)
        use = (violation > 1e-13 * full) & (kept > 1e-7 * full)
        new, limits = new[use] / kept[use, None], limits[use] / kept[use]
        if not len(new):
            break
        rows, bounds = np.r_[rows, new], np.r_[bounds, limits]
        z = _least_distance(rows, bounds)
        if z is None:
            break
        w = (base + null @ z).reshape(pairs.shape)
    return w


def _least_distance(rows, bounds):
    """Least ``|z|`` with ``rows @ z >= bounds`` (Lawson and Hanson's reduction to non-negative
    least squares); None where rounding makes the rows contradict each other."""
    system = np.r_[rows.T, bounds[None]]
    target = np.r_[np.zeros(rows.shape[1]), 1.0]
    try:
        u, _ = nnls(system, target, maxiter=50 * len(bounds))
    except RuntimeError:  # no convergence
        return None
    rest = system @ u - target
    # |rest|^2 = 1 / (1 + |z|^2) exactly
    return -rest[:-1] / rest[-1] if abs(rest[-1]) > 1e-8 else None


def _inside(pairs, norm, near, interior, gamma):
    """(W of the data, accuracy): the outer point pulled to an inner optimum until optimal itself.

    Of all optima the canonical W_c is nearest to zero, so that ``|W - W_c|^2 <= |W|^2 - |W_c|^2``
    for every optimal W, and ``|W_c|`` is at least the norm of the outer point.
    """
    for pull in np.r_[0.0, 2.0 ** np.arange(-50, 1)]:
        w = near + pull * (interior - near)
        if _is_optimal(pairs, norm, w, gamma, TOLERANCE):
            break
    excess = max(np.linalg.norm(w) ** 2 - np.linalg.norm(near) ** 2, 0.0)
    return pairs.lift(w) / float(norm.value(w)), float(
        np.sqrt(excess) + np.sqrt(np.finfo(float).eps)
    )


def _is_optimal(pairs, norm, w, gamma, tolerance):
    """Whether w (q, r) has length one and margin gamma, to a relative tolerance."""
    return float(norm.value(w)) <= 1 + tolerance and (
        pairs.margins(w).min() >= gamma * (1 - tolerance)
    )


@dataclass(frozen=True, eq=False)
class Face:
    """Random ``points`` (count, k, d) of the optimal set, of unit norm, and how far apart they lie.

    ``cosines``: least and largest between two of them (Frobenius); (1, 1) where W is unique.
    """

    points: np.ndarray
    cosines: tuple[float, float]


def random_optima(dataset, best, count=10, seed=0) -> Face:
    """Extreme points of the optimal face in random directions: the optimum of
    ``gamma + epsilon <C, W>``, moved onto the face.  Costs ``count`` runs of the interior point;
    ``best`` must come from it (``max_margin`` without ``solver=``).
    Raises ValueError for a ``best`` of another route or other data, fewer than two points, and a
    seed below 0.
    """
    count, seed = whole("random_optima(count)", count, least=2), whole("a seed", seed)
    if best.dataset is not None and best.dataset.digest != dataset.digest:
        raise ValueError("random_optima(dataset, best): best is the maximum margin of other data")
    if best.face_dim is None:
        what = f"the face of an optimum found by {best.solver} is not known"
        raise ValueError(f"{what}; use max_margin(dataset, norm)")
    if best.unique:
        return Face(np.repeat(best.weights[None], count, 0), (1.0, 1.0))
    pairs, rng = Pairs.of(dataset, best.norm), np.random.default_rng(seed)
    v, gamma, base, null, _ = _affine(pairs, best.norm, best.weights, best.dual)
    drawn = []
    for _ in range(count):
        direction = (null @ rng.normal(size=null.shape[1])).reshape(v.shape)
        direction *= TILT * gamma / np.linalg.norm(direction)
        optimum = interior(pairs, best.norm, tilt=pairs.lift(direction), tolerance=1e-10)
        tilted = pairs.reduce(optimum.face.w)
        on_face = (base + null @ (null.T @ (tilted.ravel() - base))).reshape(v.shape)
        drawn.append(_inside(pairs, best.norm, on_face, v, gamma)[0])
    points = np.array(drawn)
    flat = points.reshape(count, -1) / np.linalg.norm(points, axis=(1, 2))[:, None]
    cosines = (flat @ flat.T)[np.triu_indices(count, 1)]
    return Face(points, (float(cosines.min()), float(cosines.max())))
