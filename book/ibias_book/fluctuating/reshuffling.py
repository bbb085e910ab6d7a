"""What the zero sum of an epoch leaves: exact variances of theta' = (1 - eta h_B) theta - eta b_B
under random reshuffling.

m = n/b batches an epoch; c, s2, k = variance of b_B, of h_B and their covariance for ONE batch; l
the mean curvature.
"""

import itertools

import numpy as np

from ibias._checks import whole

from .checks import positive_step


def bridge_variance(eta, c, m, position):
    """Flat, not fluctuating (l = s2 = 0): variance after ``position`` batches of an epoch, eta^2 c
    J (m - J) / (m - 1); exact, 0 at the end."""
    m = whole("m", m, 2)
    return positive_step(eta) ** 2 * c * position * (m - position) / (m - 1)


def linear_epoch_variance(eta, l, c, m):
    """Variance one epoch adds at its end when only b fluctuates: eta^2 c m/(m-1) [sum q^2j - (sum
    q^j)^2 / m], q = 1 - eta l; exact, 0 at l = 0.

    The bracket is a difference of nearly equal numbers for small eta l, so it is summed as squared
    deviations from the mean power.
    """
    q = 1 - positive_step(eta) * np.asarray(l, dtype=float)
    powers = q ** np.arange(m).reshape(-1, *[1] * q.ndim)
    return eta**2 * c * m / (m - 1) * ((powers - powers.mean(0)) ** 2).sum(0)


def confined_variance(eta, l, c, m):
    """Stationary variance at epoch ends of a confined mode, s2 = 0; exact.  About eta^2 l^2 m (m +
    1) / 12 of that with replacement."""
    q = 1 - positive_step(eta) * np.asarray(l, dtype=float)
    if (np.abs(q) >= 1).any():
        raise ValueError(
            f"a confined mode has 0 < eta l < 2; got eta l between {np.min(1 - q):.3g} and"
            f" {np.max(1 - q):.3g}"
        )
    return linear_epoch_variance(eta, l, c, m) / (1 - q ** (2 * m))


def partition_variance(m, l, c, s2, k):
    """Var X for fixed batches in random order, X = sum_{i>j} H_i b_j: (m^2/12) [(m+1) l^2 c + c s2
    - k^2]; exact."""
    return m**2 / 12 * ((m + 1) * l**2 * c + c * s2 - k**2)


def area_variance(n, b, a, cross, z, tau):
    """Var X over uniformly random epochs (random partition and order) of X = sum_{i>j} x_i . y_j,
    batch means of zero-mean samples; exact.

    ``a`` = tr(S_x S_y), ``cross`` = tr(K^2) with K = E x y^T, ``z`` = sum_s (x_s . y_s)^2, ``tau``
    = sum_s x_s . y_s. The first part is the Levy area of the order, the second the choice of the
    partition.
    """
    if n % b or n < 4:
        raise ValueError(f"the formula needs n >= 4 samples in whole batches; got n = {n}, b = {b}")
    area = n**2 * (n - b) * (n - 2 * b) * (a - cross) / (12 * b**4 * (n - 1) * (n - 2))
    p2 = (b - 1) / (n - 1)
    p3 = p2 * (b - 2) / (n - 2)
    p4 = p3 * (b - 3) / (n - 3) + p2 * (n - b) * (b - 1) / ((n - 2) * (n - 3))
    pairs = n**2 * (a + cross) / 2 - z
    partition = (2 * pairs * (p2 - 2 * p3 + p4) + 4 * (p3 - p4) * z + (p4 - p2**2) * tau**2) / (
        4 * b**4
    )
    return area + partition


def sample_area_variance(x, y, b):
    """``area_variance`` from the samples themselves: ``x``, ``y`` are ``(n,)`` or ``(n, d)`` and
    are centred here."""
    x, y = (np.asarray(v, dtype=float).reshape(len(v), -1) for v in (x, y))
    x, y = x - x.mean(0), y - y.mean(0)
    n = len(x)
    k = x.T @ y / n
    dots = (x * y).sum(1)
    return area_variance(
        n, b, np.trace((x.T @ x / n) @ (y.T @ y / n)), np.trace(k @ k), (dots**2).sum(), dots.sum()
    )


def epoch_area(h, b):
    """X = sum_{i>j} h_i b_j along the last axis (batch means in the order of the epoch)."""
    return (h[..., 1:] * np.cumsum(b, -1)[..., :-1]).sum(-1)


def sign_kept(m):
    """What reshuffling leaves of the diffusion of sign steps over an epoch of m Gaussian batches,
    exactly: 1 - (m - 1)(2/pi) arcsin(1/(m - 1)); 0 at m = 2, 1 - 2/pi for many.

    Two batches of an epoch that sums to zero correlate with -1/(m - 1), and signs of Gaussians of
    correlation r with (2/pi) arcsin r.
    """
    m = whole("m", m, 2)
    return 1 - (m - 1) * 2 / np.pi * np.arcsin(1 / (m - 1))


def all_orders(m):
    """Every order of m batches, ``(m!, m)``; m <= 8."""
    if not 2 <= m <= 8:
        raise ValueError(
            f"enumeration covers 2 to 8 batches ({m} would need {m}! orders); use sampled orders"
            " instead"
        )
    return np.array(list(itertools.permutations(range(m))))


def enumerate_epoch(offsets, slopes, eta):
    """Displacement from 0 after each batch of the epoch, for every order of the batches ``(m,)``:
    ``(m!, m + 1)``; no sampling."""
    eta = positive_step(eta)
    orders = all_orders(len(offsets))
    b, h = np.asarray(offsets)[orders], np.asarray(slopes)[orders]
    theta = np.zeros((len(orders), len(offsets) + 1))
    for j in range(len(offsets)):
        theta[:, j + 1] = (1 - eta * h[:, j]) * theta[:, j] - eta * b[:, j]
    return theta


def effective_curvature(eta, l, s2):
    """Curvature under reshuffling, l + (eta/2)(l^2 + s2): the gradient of L + (eta/4) E|g_B|^2."""
    return l + positive_step(eta) / 2 * (l**2 + s2)


def epochs_variance(eta, l, s2, m, per_epoch, epochs):
    """Variance after 1 .. ``epochs``: v_{r+1} = (1 - 2 eta m l_eff) v_r + per_epoch, from 0
    (leading order)."""
    factor = 1 - 2 * eta * m * effective_curvature(eta, l, s2)
    return (
        per_epoch * (1 - factor ** np.arange(1, epochs + 1)) / (1 - factor)
        if factor != 1
        else per_epoch * np.arange(1, epochs + 1)
    )


def momentum_floor(eta, c, m, beta):
    """Flat, EMA momentum, reshuffled: stationary variance at epoch ends, exact for s2 = 0; Lemma
    C.12 bounds the walk."""
    full = beta**2 / (1 - beta**2)
    epoch = beta**2 * (1 - beta**m) ** 2 / (m * (1 - beta) ** 2 * (1 - beta ** (2 * m)))
    return positive_step(eta) ** 2 * c * m / (m - 1) * (full - epoch)


def momentum_growth(eta, c, beta, steps):
    """Flat, EMA momentum, with replacement: eta^2 c sum_{k <= t} (1 - beta^k)^2, exact; the
    diffusion coefficient is that of plain SGD."""
    k = np.arange(1, whole("steps", steps, 1) + 1)
    return positive_step(eta) ** 2 * c * np.cumsum((1 - float(beta) ** k) ** 2)
