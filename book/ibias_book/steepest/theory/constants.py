"""The numbers a margin theorem is made of, each as one function (arXiv:2602.11557, Sections 3-4,
Appendices C-G).

Letters: ``radius`` is R = max_i ||x_i||_1, ``margin`` is gamma (the largest margin in the norm of
the method), ``batches`` is m = n/b, ``beta`` is the momentum. Tags say where a formula comes from:
*text* (forced by the surviving prose of version 1), *derived* (ours, the constant may differ),
*sharper* (stronger than version 1).
"""

import math

import numpy as np

NATS = math.log(2)


def margin_ceiling(radius):
    """Lemma V: gamma <= 2R in every entry-wise and Schatten p-norm (*derived*)."""
    return 2 * radius


def finer_margin_ceiling(norm, x):
    """min_i ||(e_y - e_c) x_i^T||_*, an upper bound of gamma that is never above 2R (the finer half
    of Lemma V).

    ``norm`` is an `ibias.norms.Norm`, ``x`` has shape (n, d). The dual norm does not depend on
    which two classes are meant, so two rows are enough.
    """
    points = np.asarray(x, dtype=float)
    return float(norm.dual(np.stack([points, -points], axis=1)).min())


def sampling_error(beta, batches):
    """N(beta, m): ||(1-beta) sum_tau beta^tau Xi_(t-tau)||_sum <= 2 R N G (C.12, *sharper*).

    The exact worst case over reshuffled epochs: N(0, m) = m - 1 is C.11, N(beta, 1) = 0, and N <= 2
    (m-1)(1-beta).
    """
    _check_momentum(beta)
    m, rest = np.asarray(batches, dtype=float), 1 - np.asarray(beta, dtype=float)
    lost = (
        -np.expm1(m * np.log1p(-rest))
        if np.all(rest < 1)
        else 1 - np.asarray(beta, dtype=float) ** m
    )
    return m * rest * (1 + (1 - rest) / lost) - 1


def sampling_error_paper(beta, batches):
    """(1-beta) m (m^2-1) / 2, the same role as `sampling_error`: version 1's two-part sum over
    epochs, ||E_t||_sum <= m (m^2-1) R G (C.12, *text*)."""
    _check_momentum(beta)
    m = np.asarray(batches, dtype=float)
    return (1 - np.asarray(beta, dtype=float)) * m * (m**2 - 1) / 2


def effective_margin(
    margin, radius, batches, beta=0.0, *, variance_reduction=False, form="sharper"
):
    """rho, the margin a theorem promises in the limit; the theorem is empty where rho <= 0.

    ===================  =============================  ====================
    method               ``form="paper"``               ``form="sharper"``
    ===================  =============================  ====================
    no momentum (4.1)    gamma - 4 (m-1) R              the same
    momentum (4.3)       gamma - 2 (1-beta) m (m^2-1) R  gamma - 4 R N(beta, m)
    variance reduction   gamma                          gamma
    ===================  =============================  ====================

    The paper's two formulas disagree at beta = 0 (Remark 4.4); ours is continuous there.
    """
    if form not in ("paper", "sharper"):
        raise ValueError(f"effective_margin(form=...) is 'paper' or 'sharper'; got {form!r}")
    if variance_reduction:
        return margin - 0.0 * np.asarray(batches, dtype=float) * np.asarray(beta, dtype=float)
    if form == "sharper":
        return margin - 4 * radius * sampling_error(beta, batches)
    plain = np.asarray(batches, dtype=float) - 1
    return margin - 4 * radius * np.where(
        np.asarray(beta) > 0, sampling_error_paper(beta, batches), plain
    )


def least_batch_size(margin, radius, samples):
    """4Rn/(4R+gamma): Theorem 4.1 needs b above this number (*text*). Lemma V puts it at or above
    2n/3."""
    return 4 * radius * samples / (4 * radius + margin)


def least_momentum(margin, radius, batches, *, form="sharper"):
    """The smallest beta with a positive effective margin; 0 for full batches (bisection for the
    sharper form)."""
    if batches == 1:
        return 0.0
    if form == "paper":
        return max(0.0, 1 - margin / (2 * radius * batches * (batches**2 - 1)))
    low, high = 0.0, 1 - 1e-12
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (
            (middle, high)
            if sampling_error(middle, batches) > margin / (4 * radius)
            else (low, middle)
        )
    return high


def curvature(radius, eta0):
    """2 R^2 e^(2 R eta_0): the second-order part of alpha, common to all methods (D.1, *text*)."""
    return 2 * radius**2 * math.exp(2 * radius * eta0)


def drift(radius, beta, steps):
    """nu_t = 4 R beta^(t+1), what starting the average from zero costs (E.4, *text*); zero without
    momentum."""
    t = np.asarray(steps, dtype=float)
    return 4 * radius * np.power(float(beta), t + 1)


def phi(etas, beta, c, lag=0):
    """Phi_t(beta, c, lag) for every t = 0..len(etas)-1 (C.14): sum_tau beta^tau (exp(c
    sum_{s=1}^{tau+lag} eta_{t-s}) - 1).

    ``etas`` are the step sizes eta_0, eta_1, ...; step sizes before the start count as zero. O(T
    min(T, 40/(1-beta))): terms whose weight beta^tau is below 1e-18 of the first are dropped only
    where the whole tail stays below 1e-15 of eta_t (the exponent cannot exceed c sum eta, which is
    checked).
    """
    steps = np.asarray(etas, dtype=float)
    total = len(steps)
    before = np.concatenate([[0.0], np.cumsum(steps)])
    tau = np.arange(_horizon(total, beta, c * before[-1], steps[-1] if total else 1.0))
    weights = np.power(float(beta), tau) if beta else np.where(tau == 0, 1.0, 0.0)
    out = np.empty(total)
    for t in range(total):
        age = tau[: t + 1]
        window = before[t] - before[np.maximum(t - age - lag, 0)]
        out[t] = weights[: t + 1] @ np.expm1(c * window)
    return out


def _horizon(total, beta, exponent, smallest):
    if beta == 0:
        return 1
    needed = (exponent + math.log(1 / (1 - beta)) + 35 - math.log(min(smallest, 1.0))) / -math.log(
        beta
    )
    return int(min(total, math.ceil(needed) + 1))


def averaging_constant(beta, c, a, lag=0):
    """c_2 of C.15 (*derived*; Theta((1-beta)^-2)): Phi_t(beta, c, lag) <= c_2 eta_t once t >=
    `averaging_start`."""
    _check_momentum(beta)
    extra = math.e if lag > 0 else 1.0
    return 2**a * c * extra * (4 / (1 - beta) ** 2 + 2 * lag / (1 - beta)) + 1 / (1 - beta)


def averaging_start(beta, c, eta0, a, lag=0):
    """t_0 of C.15 for eta_t = eta_0 (t+1)^-a, the largest of its five conditions (*derived*)."""
    _check_momentum(beta)
    if beta == 0:
        # lambda = log(1/beta) is infinite: only the two conditions about the lag are left
        return math.ceil(max((2**a * c * eta0 * lag) ** (1 / a), 8 * lag))
    rate = math.log(1 / beta)
    smooth = (2 ** (a + 1) * c * eta0 / rate) ** (1 / a)
    window = (2**a * c * eta0 * lag) ** (1 / a)
    tail = 16 * c * eta0 / rate
    growth = (
        (8 * c * eta0 / ((1 - a) * rate)) ** (1 / a) if a < 1 else tail * max(math.log(tail), 0.0)
    )
    power = 1 + 8 / rate * max(a * math.log(8 * a / rate) - a + math.log(1 / eta0), 0.0)
    return math.ceil(max(smooth, window, 8 * lag, growth, power))


def _check_momentum(beta):
    values = np.asarray(beta, dtype=float)
    if np.any((values < 0) | (values >= 1)):
        raise ValueError(f"beta must lie in [0, 1); got {beta}")
