"""Newton's method on the optimality conditions of a face of the spectral or the nuclear ball."""

import numpy as np
from scipy.linalg import block_diag, lstsq, lu_factor, lu_solve

from ...norms import SPECTRAL
from ..balls import shared_rank
from ..first_order import onto_ball

LIMIT = 2500  # unknowns of one dense system (0.3 s to factor)


def newton_spectral(pairs, w, s, a, on, gamma, eps, free=0, rounds=4):
    """S of rank r, ``W = U1 V1' + U2 W2 V2'``; unknowns a, W2, gamma and the last ``free`` columns
    of W, where S is zero.  Yields (W in data coordinates, a)."""
    q, d = w.shape[0], w.shape[1] - free
    r, count = shared_rank(w[:, :d], s[:, :d]), len(a)
    if r == 0 or count + (q - r) * (d - r) + q * free + 1 > LIMIT:
        return
    for _ in range(rounds):
        s = pairs.adjoint_of(a, on)
        u, sigma, vt = np.linalg.svd(s[:, :d])
        basis = block_diag(vt.T, np.eye(free))
        rows = pairs.rotated(u, basis).matrix(*np.nonzero(on)).reshape(count, q, d + free)
        current = u.T @ w @ basis
        current[:r], current[:, :r] = np.eye(r, d + free), np.eye(q, r)
        current[:r, d:] = u[:, :r].T @ w[:, d:]
        current[r:, r:d] = onto_ball(SPECTRAL, current[r:, r:d])
        change = np.zeros_like(rows)
        change[:, :, :d] = _polar_change(rows[:, :, :d], sigma[:r], current[r:, r:d])
        linear = np.zeros((q, d + free), bool)  # the entries that are unknowns themselves
        linear[r:, r:d] = linear[:, d:] = True
        rest = u.T @ s @ basis
        curvature = rows.reshape(count, -1) @ change.reshape(count, -1).T
        border = np.c_[rows[:, linear], -np.ones(count)]
        corner, reached = np.zeros((border.shape[1],) * 2), (rows * current).sum((1, 2))
        system = np.block([[(curvature + curvature.T) / 2, border], [border.T, corner]])
        z = _proximal_solve(system, np.r_[gamma - reached, -rest[linear], a.sum() - 1], count, eps)
        a = a + z[:count]
        current += (change.T @ z[:count]).T
        current[linear] += z[count:-1]
        w = u @ current @ basis.T
        # a point of the ball: the exact subgradient at the new S
        u, _, vt = np.linalg.svd(pairs.adjoint_of(a, on)[:, :d])
        inside = u[:, r:] @ onto_ball(SPECTRAL, u[:, r:].T @ w[:, :d] @ vt[r:].T) @ vt[r:]
        w[:, :d] = u[:, :r] @ vt[:r] + inside
        yield pairs.lift(w), a
    yield pairs.lift(_levelled(pairs, w, on, u[:, :r], vt[:r], free)), a


def _levelled(pairs, w, on, u, vt, free):
    """W with its active margins made equal by the least change that keeps the singular values of
    the pairs ``u, vt`` at one: the residual of W itself, not of a Newton system."""
    i, j = np.triu_indices(u.shape[1])
    kept = u.T[i, :, None] * vt[j, None] + u.T[j, :, None] * vt[i, None]
    kept = np.pad(kept, ((0, 0), (0, 0), (0, free))).reshape(len(i), -1)
    margins = pairs.margins(w)[on]
    rows = np.r_[pairs.matrix(*np.nonzero(on)), kept]
    change = lstsq(rows, np.r_[margins.mean() - margins, np.zeros(len(i))], cond=1e-12)[0]
    return w + change.reshape(w.shape)


def newton_nuclear(pairs, w, s, a, on, gamma, eps, rounds=4):
    """W of rank r, ``S / t = U1 V1' + U2 S2 V2'``; unknowns w (W outside block 22), a, t, gamma.

    The conditions ``A'a = t (U1 V1' + ...)``, ``A W = gamma``, ``trace = 1``, ``sum a = 1``,
    linearised:

        [  C    -A'  trace   0 ] [ dw    ]   [ A'a - t trace ]
        [ -A     0    0      1 ] [ da    ] = [ A w - gamma   ]
        [ trace' 0    0      0 ] [ dt    ]   [ 1 - trace w   ]
        [  0     1'   0      0 ] [ gamma ]   [ 1 - sum a     ]
    """
    r, (q, d), count, t = shared_rank(w, s), w.shape, len(a), np.linalg.norm(s, 2)
    free = ~np.pad(np.ones((q - r, d - r), bool), ((r, 0), (r, 0))).ravel()
    size = int(free.sum())
    if r == 0 or size + count + 2 > LIMIT:
        return
    units, corner = np.eye(q * d)[free].reshape(size, q, d), np.zeros((count + 2,) * 2)
    corner[:count, -1] = corner[-1, :count] = 1
    trace = (np.eye(q, d).ravel() * (np.arange(q * d) < r * d))[free]
    for _ in range(rounds):
        u, sigma, vt = np.linalg.svd(w)
        rows = pairs.rotated(u, vt.T).matrix(*np.nonzero(on))[:, free]
        s2 = (u.T @ pairs.adjoint_of(a, on) @ vt.T)[r:, r:] / t
        curvature = t * _polar_change(units, sigma[:r], s2).reshape(size, -1)[:, free]
        current = np.zeros((q, d))
        np.fill_diagonal(current[:r, :r], sigma[:r])
        vector = current.ravel()[free]
        border = np.c_[-rows.T, trace, np.zeros(size)]
        system = np.block([[(curvature + curvature.T) / 2, border], [border.T, corner]])
        rhs = np.r_[rows.T @ a - t * trace, rows @ vector - gamma, 1 - vector @ trace, 1 - a.sum()]
        z = _proximal_solve(system, rhs, size, eps)
        dw, da, (dt, _) = np.split(z, [size, size + count])
        a, t = a + da, t + dt
        current.ravel()[free] += dw
        left, sigma, right = np.linalg.svd(current)
        w = u @ ((left[:, :r] * sigma[:r]) @ right[:r]) @ vt
        yield pairs.lift(w), a


def _polar_change(e, sigma, rest):
    """First-order change of blocks 11, 12, 21 of ``U1 V1' + U2 rest V2'`` when ``U1 diag(sigma)
    V1'`` changes by each of the matrices ``e`` (m, q, d); block 22 is free and stays zero."""
    r, out = len(sigma), np.zeros_like(e)
    e11, e12, e21 = e[:, :r, :r], e[:, :r, r:], e[:, r:, :r]
    out[:, :r, :r] = (e11 - e11.transpose(0, 2, 1)) / (sigma[:, None] + sigma)
    out[:, :r, r:] = (e12 - e21.transpose(0, 2, 1) @ rest) / sigma[:, None]
    out[:, r:, :r] = (e21 - rest @ e12.transpose(0, 2, 1)) / sigma
    return out


def _proximal_solve(matrix, rhs, positive, eps, rounds=4):
    """A symmetric, possibly singular system, made quasi-definite by +eps on the first ``positive``
    unknowns and -eps on the others; repeated with the true residual: singular directions stay where
    they are, the others converge.
    """
    scale = 1 / np.sqrt(np.maximum(np.abs(matrix).max(1), 1e-300))
    matrix = matrix * scale[:, None] * scale
    signs = np.where(np.arange(len(rhs)) < positive, eps, -eps)
    factor = lu_factor(matrix + np.diag(signs), check_finite=False)
    z = np.zeros_like(rhs)
    for _ in range(rounds):
        z = z + lu_solve(factor, rhs * scale - matrix @ z, check_finite=False)
    return z * scale
