"""From an interior point near the optimum to rounding: the identified face's equations.

Every candidate is judged by the certificate only, so that a wrong identification cannot hurt.
"""

import numpy as np
from scipy.linalg import LinAlgError, lstsq, lu_factor, lu_solve

from ..balls import Polyhedral, Smooth, SpectralBall, ball_type
from .newton import newton_nuclear, newton_spectral


def active(off, a, slack, gamma):
    """Constraints (n, k) whose multiplier beats their slack, both relative: the support."""
    return ~off & (a / a.max() > slack / gamma)


def candidates(pairs, norm, optimum, free=0):
    """Pairs (W, a) in the coordinates of the data, best effort: an ill-posed system ends its
    attempt.  ``free``: last columns that the ball does not bound, for the spectral norm only."""
    for newton, on, settings in _attempts(pairs, norm, optimum, free):
        face = optimum.face
        if not on.any():
            continue
        start = pairs.reduce(face.w), pairs.reduce(face.s), face.a[on] / face.a[on].sum()
        try:
            for w, a in newton(pairs, *start, on, **settings):
                dual = np.zeros(on.shape)
                dual[on] = a
                yield w, dual
        except (LinAlgError, ValueError):
            continue


def _attempts(pairs, norm, optimum, free):
    """(method, active set, its settings), in the order to try."""
    face, kind, gamma = optimum.face, ball_type(norm), optimum.lower
    on = active(pairs.off, face.a, face.slack, gamma)
    # inconsistent equations drift by noise / eps; consistent ones like a small eps
    shifts = [{"gamma": gamma, "eps": eps} for eps in (1e-11, 1e-7, 1e-5)]
    if kind is SpectralBall:
        yield from ((newton_spectral, on, {"free": free, **shift}) for shift in shifts)
    elif free:
        return
    elif kind is None:
        for level in (gamma, face.gamma):  # "small slack" in the ball's problem, in the smooth one
            yield _smooth, active(pairs.off, face.a, face.slack, level), {"norm": norm}
    elif issubclass(kind, Polyhedral):
        yield _polyhedral, on, {"kind": kind, "gamma": gamma}
    else:
        yield from ((newton_nuclear, on, shift) for shift in shifts)


def least_squares(matrix, rhs):
    """The least-norm solution of ``matrix @ v = rhs``, rank cut 1e-12."""
    return lstsq(matrix, rhs, cond=1e-12, lapack_driver="gelsy", check_finite=False)[0]


def _polyhedral(pairs, w, s, a, on, kind, gamma):
    """Least-squares corrections: free entries of W to equal margins, a to S = 0 (or |S| = t)."""
    hull = kind.hull(w, s)
    matrix = pairs.matrix(*np.nonzero(on))
    rows, count, z = matrix @ hull.directions, len(a), hull.directions.T @ w.ravel()
    primal, primal_rhs = np.c_[rows, -np.ones(count)], gamma - rows @ z - matrix @ hull.fixed
    dual, dual_rhs = np.r_[rows.T, np.ones((1, count))], np.r_[-rows.T @ a, 1 - a.sum()]
    if hull.trace is not None:
        trace = np.r_[hull.trace, 0]
        primal, primal_rhs = np.vstack([primal, trace]), np.r_[primal_rhs, 1 - hull.trace @ z]
        dual, dual_rhs = np.c_[dual, -trace], dual_rhs + np.abs(s).max() * trace
    z = z + least_squares(primal, primal_rhs)[:-1]
    w = (hull.fixed + hull.directions @ z).reshape(w.shape)
    yield pairs.lift(w), a + least_squares(dual, dual_rhs)[:count]


def _smooth(pairs, w, _, a, on, norm, rounds=6):
    """Newton on ``grad ||W||^2 / 2 = A'a``, margins = 1' (gamma is ||W||^2), ``sum a = 1``."""
    samples, classes = np.nonzero(on)
    ball = Smooth(pairs.adjoint_of(a, on), norm)
    if norm.p >= 2:
        ball.w = w
    for _ in range(rounds):
        turn = ball.rotation()
        pairs = pairs if turn is None else pairs.rotated(*turn)
        ball.factor()
        rows = ball.mix(pairs.matrix(samples, classes))
        ball.s = pairs.adjoint_of(a, on)
        c, _ = ball.residual(0.0, None)
        half = ball.inverse(rows.T)
        back = ball.inverse(c[:, None])[:, 0]
        gram, count = rows @ half, len(a)
        system = np.zeros((count + 1, count + 1))
        system[:count, :count] = gram + 1e-13 * np.trace(gram) / count * np.eye(count)
        system[:count, count] = system[count, :count] = -1
        rhs = np.r_[rows @ (back - ball.mix(ball.w.ravel())), a.sum() - 1]
        factor = lu_factor(system)
        z = lu_solve(factor, rhs)
        z = z + lu_solve(factor, rhs - np.r_[gram @ z[:-1] - z[-1], -z[:-1].sum()])
        a = a + z[:-1]
        step = ball.mix(half @ z[:-1] - back).reshape(w.shape)
        ball.s = pairs.adjoint_of(a, on)
        ball.move((step, np.zeros_like(step)), 1.0, 1.0)
        yield pairs.lift(ball.w), a
