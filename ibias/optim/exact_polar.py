"""The exact polar factor by products and Cholesky factors: faster on a GPU than many SVDs."""

import torch
from torch import Tensor

SQUARINGS = 12  # trace(G^4096)^(1/4096) exceeds the largest of 4,000 eigenvalues by at most 0.2 %
HALLEY = 9  # from a lower bound of 1e-8 on, more than enough to reach rounding
SHARPENINGS = 12  # what is 1 % off the cut is at 0 or 1 after these


def polar_factor(g: Tensor, rtol: float) -> Tensor:
    """The polar factor of matrices ``(*stack, rows, columns)`` without what lies below the
    numerical rank: singular values above ``rtol`` times the largest become one, those below zero.

    Computed in float64, so ``rtol`` must be at least 1e-7 (float32's rounding leaves about that
    much).  With ``c = rtol * largest`` the matrix ``[g, c / sqrt(2) I]`` has singular values of at
    least ``c / sqrt(2)``: its polar factor comes from Halley's iteration with weights chosen for
    that bound (QDWH: Nakatsukasa, Bai and Gygi 2010, SIAM J. Matrix Anal. Appl. 31, equation 3.5),
    each step one Cholesky factor.  Its first columns are ``f(g)`` with
    ``f(s) = s / sqrt(s^2 + c^2 / 2)``, which is ``sqrt(2/3)`` at the cut; the polynomial
    ``x^3 (5 - 3 x^2) / 2`` keeps that point and drives all above to one and all below to zero.
    Values within about 1 % of the cut end in between.  Zero stays zero.
    """
    tall = g.shape[-2] > g.shape[-1]
    x = (g.mT if tall else g).double()
    x = x / _positive(x.abs().amax((-2, -1), keepdim=True))
    x = x / _positive(_largest_singular_value(x))
    rows = x.shape[-2]
    ridge = rtol / 2**0.5
    eye = torch.eye(rows, dtype=x.dtype, device=x.device).expand(*x.shape[:-1], rows)
    longest = (1 + ridge**2) ** 0.5
    y = torch.cat([x, ridge * eye], -1) / longest
    least = ridge / longest
    for _ in range(HALLEY):
        y, least = _halley(y, eye, least)
    y = _sharpened(y[..., : x.shape[-1]], eye)
    return (y.mT if tall else y).to(g.dtype)


def _halley(x, eye, least):
    """One step ``x (a + b x^2) / (1 + c x^2)`` for values in ``[least, 1]``; the next bound."""
    d = (4 * (1 - least**2) / least**4) ** (1 / 3) if least < 1 else 0.0
    root = (1 + d) ** 0.5
    a = root + 0.5 * (8 - 4 * d + 8 * (2 - least**2) / (least**2 * root)) ** 0.5
    b = (a - 1) ** 2 / 4
    c = a + b - 1
    factor = torch.linalg.cholesky(eye + c * x @ x.mT)
    x = b / c * x + (a - b / c) * torch.cholesky_solve(x, factor)
    return x, min(1.0, least * (a + b * least**2) / (1 + c * least**2))


def _sharpened(y, eye):
    """``x^3 (5 - 3 x^2) / 2`` on the singular values, repeated on the small side's Gram matrix."""
    gram, total = y @ y.mT, eye
    for _ in range(SHARPENINGS):
        factor = (5 * gram - 3 * gram @ gram) / 2
        total, gram = factor @ total, factor @ gram @ factor
        gram = (gram + gram.mT) / 2
    return total @ y


def _largest_singular_value(x):
    """``(*stack, 1, 1)``, at most 0.2 % too large: the trace of a high power of ``x x^T``."""
    gram = x @ x.mT
    logarithm = torch.zeros_like(gram[..., :1, :1])
    for i in range(SQUARINGS + 1):
        trace = _positive(gram.diagonal(dim1=-2, dim2=-1).sum(-1)[..., None, None])
        logarithm = logarithm + trace.log() / 2**i
        gram = gram / trace
        gram = gram @ gram
    return (logarithm / 2).exp()


def _positive(a):
    """``a`` with ones for zeros, so that nothing divides by zero."""
    return torch.where(a > 0, a, torch.ones_like(a))
