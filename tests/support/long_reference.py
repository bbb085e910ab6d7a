"""Steepest descent in extended precision, literally from the definitions: no scales, no logarithms.

``np.longdouble`` on x86 and on most 64-bit Linux machines has 15 bits of exponent: exp(-11000) is
an ordinary number there, so that the sign of every entry is right without any of the devices under
test.  ``LONG_ENOUGH`` says whether this machine has it.
"""

import numpy as np

LONG_ENOUGH = np.finfo(np.longdouble).maxexp > 16000


def residuals(z, y, loss):
    """``dl_i/dz``, rows of length k; raises when a class underflows even here."""
    rows = np.arange(len(y))
    own, others = z[rows, y], z.copy()
    others[rows, y] = -np.inf
    m = own if loss == "exponential" else np.maximum(own, others.max(1))
    e = np.exp(others - m[:, None])
    r = e if loss == "exponential" else e / (e.sum(1) + np.exp(own - m))[:, None]
    r[rows, y] = -r.sum(1)
    if not r.all():
        raise OverflowError("a residual is below the range of np.longdouble: take smaller steps")
    return r


def direction(m, p):
    """The entry-wise map of Section 3.1."""
    if p == np.inf or not m.any():
        return np.sign(m)
    q = np.longdouble(p) / (p - 1)
    a = np.abs(m) / np.abs(m).max()
    return np.sign(m) * a ** (q - 1) / (a**q).sum() ** ((q - 1) / q)


def trajectory(x, y, k, p, b, beta, reduced, steps, eta0, a=0.5, seed=0, loss="cross-entropy"):
    """W after ``steps`` updates, and the largest ``-log |dl_i/dz_c|`` met."""
    x = x.astype(np.longdouble)
    n, per_epoch = len(x), len(x) // b
    orders = np.random.Generator(np.random.Philox(key=seed)).permuted(
        np.tile(np.arange(n), (-(-steps // per_epoch), 1)), axis=1
    )
    w = np.zeros((k, x.shape[1]), np.longdouble)
    m, least = 0 * w, np.longdouble(1)
    for t in range(steps):
        epoch, j = divmod(t, per_epoch)
        rows = orders[epoch, j * b : (j + 1) * b]
        r = residuals(x[rows] @ w.T, y[rows], loss)
        least = min(least, np.abs(r).min())
        if reduced:
            if j == 0:
                then = residuals(x @ w.T, y, loss)
                full = then.T @ x / n
            r = 0 * r if j == 0 else r - then[rows]
        g = r.T @ x[rows] / b + (full if reduced else 0)
        m = np.longdouble(beta) * m + (1 - np.longdouble(beta)) * g
        w = w - np.longdouble(eta0 * (t + 1.0) ** -a) * direction(m, p)
    return w.astype(float), float(-np.log(least))
