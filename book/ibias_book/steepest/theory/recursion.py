"""The master recursion (M) that every theorem of Appendices D-G is an instance of, and its three
consequences.

    L(W_{t+1}) <= L(W_t) - eta_t (gamma - eps_t) G(W_t) + 2 R^2 e^(2 R eta_t) eta_t^2 G(W_t)
    (M)

with eps_t G(W_t) >= 2 ||S_t - grad L(W_t)||_*, where S_t is the signal the method steps along.
Written with eps_t = gamma - rho + nu_t + (alpha - curvature) eta_t it becomes (M'), the form the
theorems use (packaging *derived*).
"""

import math
from dataclasses import dataclass

import numpy as np

from . import constants as c


@dataclass(frozen=True)
class Recursion:
    """The a-priori constants of one method on one data set; every step size is eta_0 (t+1)^-a.

    ``margin`` is gamma in the norm of the method, ``radius`` R, ``batches`` m = n/b, ``beta`` the
    momentum (0: none). ``form`` chooses the effective margin of plain momentum: "sharper" (N(beta,
    m)) or "paper" (m (m^2-1) / 2).
    """

    margin: float
    radius: float
    batches: int
    eta0: float
    a: float
    beta: float = 0.0
    variance_reduction: bool = False
    form: str = "sharper"

    def __post_init__(self):
        if not (
            self.margin > 0
            and self.radius > 0
            and self.eta0 > 0
            and 0 < self.a <= 1
            and 0 <= self.beta < 1
        ):
            raise ValueError(
                "Recursion needs margin, radius, eta0 > 0, a in (0, 1] and beta in [0, 1); got"
                f" {self}"
            )
        if self.margin > c.margin_ceiling(self.radius) * (1 + 1e-9):
            raise ValueError(
                f"a margin of {self.margin} is impossible: Lemma V says gamma <= 2R ="
                f" {2 * self.radius}"
            )

    @property
    def rho(self):
        """The effective margin; the theorem says something only where it is positive."""
        return float(
            c.effective_margin(
                self.margin,
                self.radius,
                self.batches,
                self.beta,
                variance_reduction=self.variance_reduction,
                form=self.form,
            )
        )

    @property
    def alpha(self):
        """The factor of eta_t^2 G: curvature plus what stale gradients cost (table below (M') in
        Appendices D-G)."""
        r, m, beta = self.radius, self.batches, self.beta
        stale = 0.0
        if beta > 0:
            per_batch = 1 if self.variance_reduction else m
            stale += 4 * r * per_batch * (1 - beta) * c.averaging_constant(beta, 2 * r, self.a)
        if self.variance_reduction and beta > 0:
            stale += (
                4 * (m - 1) * r * (1 - beta) * c.averaging_constant(beta, 2 * r, self.a, lag=m - 1)
            )
        elif self.variance_reduction:
            stale += 2 ** (self.a + 4) * r**2 * (m - 1) ** 2
        return c.curvature(r, self.eta0) + stale

    def step_sizes(self, steps):
        """eta_0 ... eta_{steps-1}."""
        return self.eta0 * (np.arange(steps) + 1.0) ** -self.a

    def nu(self, t):
        """The drift nu_t of an average that starts at zero; 0 without momentum."""
        return c.drift(self.radius, self.beta, t) if self.beta > 0 else np.zeros(np.shape(t))

    @property
    def valid_from(self):
        """The first step at which the constants of (M') are proved: C.15's t_0, or F.1's two
        conditions."""
        r, m = self.radius, self.batches
        if self.beta > 0:
            lag = m - 1 if self.variance_reduction else 0
            starts = [
                c.averaging_start(self.beta, 2 * r, self.eta0, self.a, lag=k) for k in {0, lag}
            ]
            return max(starts)
        if self.variance_reduction and m > 1:
            return max(2 * m, m + math.ceil(max((2 * r * m * self.eta0) ** (1 / self.a) - 1, 0)))
        return 0

    def error(self, steps):
        """A-priori eps_t for every t < steps from the exact sums Phi_t, so valid at every step, not
        only late ones (D.1-G.1)."""
        r, m, beta, eta = self.radius, self.batches, self.beta, self.step_sizes(steps)
        t = np.arange(steps)
        noise = np.zeros(steps)
        if self.variance_reduction and beta == 0:
            sums = np.concatenate([[0.0], np.cumsum(eta)])
            noise = 2 * (m - 1) * r * np.expm1(2 * r * (sums[t] - sums[t - t % m]))
        elif self.variance_reduction:
            noise = (
                2
                * r
                * (1 - beta)
                * ((m - 1) * c.phi(eta, beta, 2 * r, m - 1) + c.phi(eta, beta, 2 * r))
            )
        elif beta == 0:
            noise = np.full(steps, 2.0 * (m - 1) * r)
        else:
            sampling = c.sampling_error if self.form == "sharper" else c.sampling_error_paper
            noise = 2 * r * (m * (1 - beta) * c.phi(eta, beta, 2 * r) + sampling(beta, m))
        return 2 * noise + self.nu(t)

    @property
    def settled_from(self):
        """t_0 of D.2: from here alpha eta_t + nu_t <= rho/2, so the loss falls at every step. None
        where rho <= 0."""
        if self.rho <= 0:
            return None
        share = 4 if self.beta > 0 else 2
        small = (share * self.alpha * self.eta0 / self.rho) ** (1 / self.a) - 1
        quiet = (
            math.log(self.rho / (16 * self.radius)) / math.log(self.beta) - 1
            if self.beta > 0
            else 0
        )
        return math.ceil(max(self.valid_from, small, quiet, 0))

    def spend(self, samples, first_loss):
        """The sum of step sizes after `settled_from` that (D.3) asks for before the loss stays at
        or below log 2 / n."""
        early = self.step_sum(0, self.settled_from)
        return 4 * samples / (self.rho * c.NATS) * (first_loss + 2 * self.radius * early)

    def step_sum(self, start, stop):
        """sum_{s=start}^{stop-1} eta_s."""
        return float(np.sum(self.eta0 * (np.arange(start, stop) + 1.0) ** -self.a))

    def drift_sum(self, t1):
        """K >= sum_{s >= t1} nu_s eta_s, from step t1 on; 0 without momentum."""
        if self.beta == 0:
            return 0.0
        return (
            4
            * self.radius
            * self.eta0
            * (t1 + 1) ** -self.a
            * self.beta ** (t1 + 1)
            / (1 - self.beta)
        )

    def margin_floor(self, t1, ratio):
        """Lower bound of q(W_t) for t = t1 .. t1+len(ratio), given G/L at the steps t1, t1+1, ...
        (D.3/E.3/F.3/G.3)."""
        eta = self.step_sizes(t1 + len(ratio))[t1:]
        gain = self.rho * np.cumsum(eta * ratio) - self.alpha * np.cumsum(eta**2)
        return np.concatenate([[0.0], gain]) - self.drift_sum(t1)

    def ratio_floor(self, t1, steps):
        """1 - (log 2)/2 exp(-rho/4 sum_{tau=t1}^{s-1} eta_tau) <= G/L at s = t1 .. steps-1
        (D.8-D.9)."""
        eta = self.step_sizes(steps)[t1:]
        before = np.concatenate([[0.0], np.cumsum(eta)[:-1]])
        return 1 - c.NATS / 2 * np.exp(-self.rho / 4 * before)

    def gap_bound(self, t1, steps, start_norm=0.0):
        """The boxed bound on rho - q(W_t)/||W_t|| for t = t1+1 .. steps (Theorems 4.1, 4.3, 4.6 =
        D.4, E.4, F.4, G.4)."""
        eta = self.step_sizes(steps)
        late = eta[t1:]
        sums = np.cumsum(late)
        decay = np.exp(-self.rho / 4 * (sums - late))
        early = self.rho * (start_norm + self.step_sum(0, t1))
        top = (
            early
            + self.rho * c.NATS / 2 * np.cumsum(late * decay)
            + self.alpha * np.cumsum(late**2)
            + self.drift_sum(t1)
        )
        return top / (start_norm + np.cumsum(eta)[t1:])


def measured_margin_floor(eta, ratio, error, margin, radius):
    """A-posteriori D.3: sum eta_s (gamma - eps_s - 2 R^2 e^(2 R eta_s) eta_s) G/L from a step with
    L <= log 2 / n.

    Arrays of shape (T,) that start at that step; returns T+1 values, a lower bound of q(W_t)
    wherever q(W_t) >= 0. It needs no a-priori condition: ``error`` is the measured 2 ||S_t - grad
    L||_* / G, so it also covers methods whose rho is negative.
    """
    eta = np.asarray(eta, dtype=float)
    gain = (
        eta * (margin - np.asarray(error)) * ratio
        - 2 * radius**2 * np.exp(2 * radius * eta) * eta**2 * ratio
    )
    return np.concatenate([[0.0], np.cumsum(gain)])
