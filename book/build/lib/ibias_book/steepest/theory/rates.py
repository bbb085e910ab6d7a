"""The corollaries' rates for eta_t = eta_0 (t+1)^-a: Corollaries 4.2 (D.5), 4.5 (E.5), F.5 and 4.7
(G.5)."""

import numpy as np


def exponent(a):
    """r such that the margin gap is O(t^-r) up to logarithms: a below 1/2, then 1 - a; 0 at a = 1
    (the gap falls as 1/log t)."""
    _check_power(a)
    return a if a <= 0.5 else 1 - a


def scale(batches=1, beta=0.0, *, variance_reduction=False):
    """D, the constant that slows a method down: m/(1-beta) with momentum, m^2 with VR, their sum
    with both, 1 with neither.

    Its powers enter `gap_rate`. D = m/(1-beta) is *derived* and consistent with the prose; m^2 +
    m/(1-beta) is the least certain.
    """
    momentum = batches / (1 - beta) if beta > 0 else 0.0
    return float(max(1.0, momentum + (batches**2 if variance_reduction else 0)))


def gap_rate(t, a, samples, constant=1.0):
    """The right-hand side inside O(...) of a corollary at step ``t`` >= 2, for the constant D of
    `scale`.

    a < 1/2: (D t^(1-2a) + n D^(1/a-1)) / t^(1-a);  a = 1/2: (D log t + n D) / t^(1/2);
    1/2 < a < 1: (D + n D^(1/a-1)) / t^(1-a);       a = 1: (D + n log D) / log t, with n in place of
    n log D when D = 1 (4.2).
    """
    _check_power(a)
    steps, d, n = np.asarray(t, dtype=float), float(constant), samples
    if a == 1:
        return (d + n * max(1.0, np.log(d))) / np.log(steps)
    start = n * d ** (1 / a - 1)
    if a < 0.5:
        return (d * steps ** (1 - 2 * a) + start) / steps ** (1 - a)
    if a == 0.5:
        return (d * np.log(steps) + start) / np.sqrt(steps)
    return (d + start) / steps ** (1 - a)


def _check_power(a):
    if not 0 < a <= 1:
        raise ValueError(f"the step-size power a must lie in (0, 1]; got {a}")
