"""A primal-dual interior point for max margins (Mehrotra 1992), for the matrix norms with the
scaling of Nesterov and Todd (Todd, Toh and Tutuncu 1998), on all constraints at once.

    maximise  gamma - phi(W)   subject to   A W - gamma u = slack >= 0

with phi the indicator of the ball (p = 1, inf) or ``||W||^2 / 2``, A the margins of all pairs and u
the lengths that samples were divided by.  With multipliers a >= 0 and S the ball's dual matrix the
conditions of the optimum, perturbed by mu, are

    (1)  A W - gamma u = slack              (2)  u a = 1
    (3)  S = A^T a + tilt                   (4)  a slack = mu,    (W, S) complementary on the ball
"""

from dataclasses import dataclass, field
from math import inf

import numpy as np
from scipy.linalg import LinAlgError

from ..balls import Smooth, WithFreeColumns, ball_type, ratio
from .equations import newton_system
from .pairs import Pairs


@dataclass
class Iterate:
    """Primal and dual in the data's coordinates: W, S (k, d), ``slack = margins(W) - gamma``."""

    w: np.ndarray
    a: np.ndarray
    s: np.ndarray
    slack: np.ndarray
    gamma: float


@dataclass
class Optimum:
    """Best bounds, their w and a, and the iterate of the smallest gap (inside the face)."""

    lower: float = -inf
    upper: float = inf
    w: np.ndarray | None = None
    a: np.ndarray | None = None
    gap: float = inf
    face: Iterate | None = field(default=None, repr=False)


@dataclass
class Step:
    """A step of every unknown; W and S are in that of the ball."""

    a: np.ndarray
    slack: np.ndarray
    gamma: float
    ball: object
    primal: float  # largest feasible lengths
    dual: float


class InteriorPoint:
    """One run on ``pairs``; ``tilt`` (k, d) adds a linear term ``<tilt, W>`` to the objective.

    Inside, samples have length one and their margins are compared with ``gamma * unit``: long
    samples, whose constraints hardly matter, are then harmless.
    """

    def __init__(self, pairs, norm, tilt=None, free=0, careful=False):
        length = np.linalg.norm(pairs.x, axis=1)[:, None]
        self.unit = length.min() / length
        pairs = Pairs(pairs.x * self.unit, pairs.y, pairs.rows, pairs.basis, pairs.off)
        self.pairs, self.norm, self.off, self.careful = pairs, norm, pairs.off, careful
        self.a = np.where(self.off, 0, 1 / ((self.unit * ~self.off).sum()))
        self.tilt = np.zeros(pairs.shape) if tilt is None else pairs.reduce(tilt)
        self.bounded = slice(0, pairs.shape[1] - free)
        s = (pairs.adjoint(self.a) + self.tilt)[:, self.bounded]
        kind = ball_type(norm)
        self.ball = kind(s) if kind else Smooth(s, norm)
        if free:
            self.ball = WithFreeColumns(self.ball, free)
        self.gamma = (pairs.margins(self.ball.w) / self.unit).min() - 0.5
        slack = pairs.margins(self.ball.w) - self.gamma * self.unit
        self.slack = np.where(self.off, 1.0, slack)

    @property
    def mu(self):
        return self._mean_product(self.a, self.slack, self.ball.gap())

    def _mean_product(self, a, slack, gap):
        """Of the complementary pairs a, slack, and those of the ball, whose sum is ``gap``."""
        products = (a * slack)[~self.off].sum() + gap
        return products / (self.pairs.count + self.ball.parameters)

    def bounds(self):
        """Bounds of the current iterate, without the rounding that ``certify`` adds."""
        w, a = self.ball.w, np.maximum(self.a, 0)
        length = float(self.norm.value(w[:, self.bounded]))
        lower = (self.pairs.margins(w) / self.unit).min() / length if length > 0 else 0.0
        s = self.pairs.adjoint(a)
        reach = np.maximum(np.abs(w) / max(length, 1e-300), 1)  # of a free entry of W
        upper = float(self.norm.dual(s[:, self.bounded]))
        upper += (np.abs(s) * reach)[:, self.bounded.stop :].sum()
        return lower, upper / (self.unit * a).sum()

    def iterate(self):
        w, s = map(self.pairs.lift, (self.ball.w, self.pairs.adjoint(self.a)))
        return Iterate(w, self.a * self.unit, s, self.slack / self.unit, self.gamma)

    def advance(self):
        """One predictor-corrector step."""
        turn = self.ball.rotation()
        if turn is not None:
            self.pairs, self.tilt = self.pairs.rotated(*turn), turn[0].T @ self.tilt @ turn[1]
        weight = np.where(self.off, 0, self.a / self.slack)
        self.ball.factor()
        equations = newton_system(self.pairs, self.ball, weight, self.unit)
        predictor = self._step(equations, weight, 0.0, None)
        corrector = self._step(equations, weight, self._centring(predictor), predictor)
        near = min(corrector.primal, corrector.dual)
        if self.ball.conic:
            shorten = 0.9 + 0.09 * min(1, near)
        else:
            shorten = 0.95 if near < 0.5 else max(0.97, 1 - 1e3 * self.mu)
        self._move(corrector, min(1, shorten * corrector.primal), min(1, shorten * corrector.dual))

    def _step(self, equations, weight, centring, predictor):
        """One solution of the conditions (1) to (4) linearised at the current point,

            (1')  A dW - u d_gamma - d_slack = -infeasible
            (2')  u (a + d_a) = 1
            (3')  dS = A^T (a + d_a) + tilt - S
            (4')  d_a + L d_slack = target,   L = diag(a / slack),
                  dS = H dW + c + h d_t,      h dW + kappa d_t = e        (the ball's own)

        with ``target = (centring mu - second) / slack - a``, where ``second`` is Mehrotra's
        correction by the predictor's products.  (1') in (4') gives the multipliers
        ``a + d_a = a + target - L infeasible - L (A dW - u d_gamma)``, and those in (3') and (2')
        the bordered system of ``equations`` in (dW, d_gamma, d_t).
        """
        pairs, ball, off = self.pairs, self.ball, self.off
        second = 0.0 if predictor is None else predictor.a * predictor.slack
        target = np.where(off, 0, (centring * self.mu - second) / self.slack - self.a)
        level = np.where(off, 0, self.gamma * self.unit + self.slack)
        infeasible = pairs.margins(ball.w, 0) - level
        c, e = ball.residual(centring * self.mu, None if predictor is None else predictor.ball)
        right = ball.mix((self.tilt - ball.s).ravel()) - c
        pulled = self.a + target - weight * infeasible
        dw, (d_gamma, *d_t), a = equations.solve(right, pulled, [e] if ball.border else [])
        dw = ball.mix(dw).reshape(pairs.shape)
        d_slack = np.where(off, 0, pairs.margins(dw, 0) - d_gamma * self.unit + infeasible)
        d_a = np.where(off, 0, target - weight * d_slack) if a is None else a - self.a
        if a is None and self.careful:
            change = dw, d_slack, d_a, d_gamma, d_t
            dw, d_slack, d_a, d_gamma, d_t = self._refined(equations, weight, c, e, *change)
        ds = pairs.adjoint(self.a + d_a) + self.tilt - ball.s
        inner = ball.step(dw, ds, d_t[0] if d_t else 0.0)
        primal, dual = ball.longest(inner)
        primal, dual = min(primal, ratio(self.slack, d_slack)), min(dual, ratio(self.a, d_a))
        if ball.joint:
            primal = dual = min(primal, dual)
        return Step(d_a, d_slack, d_gamma, inner, primal, dual)

    def _refined(self, equations, weight, c, e, dw, d_slack, d_a, d_gamma, d_t):
        """The step corrected by what it leaves of (3') and (2'): multipliers taken from dW carry
        its rounding times L, which drowns the dual side when columns differ much in size."""
        pairs, ball, hessian = self.pairs, self.ball, np.zeros((self.pairs.size,) * 2)
        ball.add_to(hessian)
        h, kappa = ball.border or (0.0, 0.0)
        for _ in range(2):
            mixed = ball.mix(dw.ravel())
            ds = ball.mix((pairs.adjoint(self.a + d_a) + self.tilt - ball.s).ravel())
            t = d_t[0] if d_t else 0.0
            left = [e - h @ mixed - kappa * t] if d_t else []
            total = 1 - (self.unit * (self.a + d_a)).sum()
            rest = ds - hessian @ mixed - c - h * t
            more, (gamma, *t), _ = equations.solve(rest, 0 * weight, left, total)
            more = ball.mix(more).reshape(pairs.shape)
            change = np.where(self.off, 0, pairs.margins(more, 0) - gamma * self.unit)
            dw, d_slack, d_a = dw + more, d_slack + change, d_a - weight * change
            d_gamma, d_t = d_gamma + gamma, [u + v for u, v in zip(d_t, t, strict=True)]
        return dw, d_slack, d_a, d_gamma, d_t

    def _centring(self, predictor):
        """Mehrotra's rule: how much the predictor would leave of the gap."""
        ball, mu = self.ball, self.mu
        primal, dual = min(1, predictor.primal), min(1, predictor.dual)
        a, slack = self.a + dual * predictor.a, self.slack + primal * predictor.slack
        left = self._mean_product(a, slack, ball.gap(predictor.ball, primal, dual))
        power = max(1.0, 3 * min(primal, dual) ** 2) if ball.conic else 3
        centring = min(1.0, max((left / mu) ** power, 1e-8)) if left < mu else 0.5
        if ball.bent:  # the nonlinear equation is only as exact as rounding allows
            centring = max(centring, 1e-15 * self.bounds()[1] ** 2 / (self.pairs.count * mu))
        return centring

    def _move(self, step, primal, dual):
        if self.ball.bent:
            primal = dual = self._shortened(step, primal)
        else:
            self.ball.move(step.ball, primal, dual)
        self.gamma += primal * step.gamma
        self.slack, self.a = self.slack + primal * step.slack, self.a + dual * step.a

    def _shortened(self, step, length):
        """Move the ball by a step so short that products exceed the nonlinear residual."""
        ball, w, s = self.ball, self.ball.w, self.ball.s
        before = ball.error(self.pairs, self.a, self.slack, self.gamma * self.unit)
        for _ in range(12):
            ball.w, ball.s = w, s
            ball.move(step.ball, length, length)
            a, slack = self.a + length * step.a, self.slack + length * step.slack
            after = ball.error(self.pairs, a, slack, (self.gamma + length * step.gamma) * self.unit)
            if after <= max((1 - 0.3 * length) * before, 0.5 * (a * slack)[~self.off].sum()):
                break
            length *= 0.6
        return length


@np.errstate(all="ignore")
def interior(pairs, norm, tolerance=1e-13, rounds=100, tilt=None, free=0, stop=None, careful=False):
    """Run until the gap is below ``tolerance`` or nothing improves; returns the ``Optimum``.

    With a tilt, whose optimum no bound is about, ``face`` is the iterate of the smallest mu.
    """
    point, best = InteriorPoint(pairs, norm, tilt, free, careful), Optimum()
    idle, least = 0, inf
    for _ in range(rounds):
        (lower, upper), mu = point.bounds(), point.mu
        gap = (upper - lower) / upper if upper > 0 else inf
        if tilt is not None:
            gap = pairs.count * mu / max(abs(point.gamma), 1e-300)
        improved = gap < 0.9 * best.gap
        if lower > best.lower:
            best.lower, best.w = lower, point.pairs.lift(point.ball.w)
        # with free columns only the gap tells: a bound means nothing before S vanishes there
        nearer = abs(gap) < best.gap
        if nearer if free else upper < best.upper:
            best.upper, best.a = upper, point.a * point.unit
        if nearer:
            best.gap, best.face = abs(gap), point.iterate()
        idle = 0 if improved or (gap > 1e-4 and mu < 0.95 * least) else idle + 1
        least = min(mu, least)
        settled = gap < tolerance or idle >= (6 if gap < 1e-5 else 15)
        if settled or mu < 1e-22 or upper < 1e-14 or (stop is not None and stop()):
            break
        try:
            point.advance()
        except (LinAlgError, ValueError):  # the end of float64: what was seen stands
            break
        if not np.isfinite(point.gamma):
            break
    return best
