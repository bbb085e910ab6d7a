"""Steepest descent written once more: one run, one loop, float64, LAPACK's SVD.  Shares no code
with the package.

Every signal is (matrix, log of its scale), straight from the definitions, so that it also holds at
margins of thousands.
"""

import numpy as np


def residuals(z, y, loss):
    """Rows of dl_i/dz divided by exp(scale), and the scale."""
    rows = np.arange(len(y))
    own, others = z[rows, y], z.copy()
    others[rows, y] = -np.inf
    top = others.max(1)
    e = np.exp(others - top[:, None])
    mu = own - top - np.log(e.sum(1))
    log_r = -mu if loss == "exponential" else -np.logaddexp(0, mu)
    r = e / e.sum(1, keepdims=True)
    r[rows, y] = -1
    return r, log_r


def direction(s, family, p):
    """The steepest-descent map of the table in Section 3.1."""
    if not s.any():
        return np.zeros_like(s)
    s = s / np.abs(s).max()
    if family == "schatten":
        u, sigma, vt = np.linalg.svd(s, full_matrices=False)
        sigma[sigma <= 4e-14 * sigma[0]] = 0
        return u * vector_map(sigma, p) @ vt
    return vector_map(s.ravel(), p).reshape(s.shape)


def vector_map(v, p):
    if p == np.inf:
        return np.sign(v)
    if p == 1:
        i = np.abs(v).argmax()
        return np.where(np.arange(v.size) == i, np.sign(v), 0)
    q = p / (p - 1)
    return np.sign(v) * np.abs(v) ** (q - 1) / (np.abs(v) ** q).sum() ** ((q - 1) / q)


def trajectory(
    x, y, k, family, p, b, beta, reduced, steps, eta0, a=0.5, seed=0, loss="cross-entropy"
):
    """W after ``steps`` updates."""
    n, d = x.shape
    per_epoch = n // b
    epochs = -(-steps // per_epoch)
    orders = np.random.Generator(np.random.Philox(key=seed)).permuted(
        np.tile(np.arange(n), (epochs, 1)), axis=1
    )
    w, m, log_m = np.zeros((k, d)), np.zeros((k, d)), -np.inf
    for t in range(steps):
        epoch, j = divmod(t, per_epoch)
        rows = orders[epoch, j * b : (j + 1) * b]
        if reduced and j == 0:
            then, log_then = residuals(x @ w.T, y, loss)
            log_full = log_then.max()
            full = (np.exp(log_then - log_full)[:, None] * then).T @ x / n
        now, log_now = residuals(x[rows] @ w.T, y[rows], loss)
        scale = max(log_now.max(), log_full) if reduced else log_now.max()
        change = np.exp(log_now - scale)[:, None] * now
        if reduced:
            # at the snapshot itself the two residuals are equal; the products that made them may
            # round differently
            change = (
                0 * change
                if j == 0
                else change - np.exp(log_then[rows] - scale)[:, None] * then[rows]
            )
        g = change.T @ x[rows] / b
        if reduced:
            g = g + np.exp(log_full - scale) * full
        new = max(log_m, scale) if beta else scale
        m = (beta * np.exp(log_m - new) * m if beta else 0) + (1 - beta) * np.exp(scale - new) * g
        size = np.abs(m).max()
        log_m = new + np.log(size) if size else new
        m = m / size if size else m
        w = w - eta0 * (t + 1.0) ** -a * direction(m, family, p)
    return w
