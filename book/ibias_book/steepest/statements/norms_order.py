"""The map of Appendix A and the first four technical lemmas: norms, gradient, Hessian, softmax
(MAP, C.1-C.4)."""

import numpy as np
import torch
from numpy.polynomial.legendre import leggauss

from ibias.norms import CATALOG, MAX, NUCLEAR, SPECTRAL, SUM

from .catalog import Collector
from .instances import instances

IDENTITY = 1e-10  # a relative error of a few hundred roundings in products of up to 5 x 13 entries


def matrices(count=400, seed=1):
    """Random, sparse, rank-one, integer (ties) and badly scaled matrices, (count, 4, 6)."""
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(count, 4, 6))
    a[1::5] *= rng.random(a[1::5].shape) < 0.3
    a[2::5] = rng.normal(size=(len(a[2::5]), 4, 1)) * rng.normal(size=(len(a[2::5]), 1, 6))
    a[3::5] = rng.integers(-1, 2, a[3::5].shape)
    a[4::5] *= 10 ** rng.uniform(-6, 6, (len(a[4::5]), 4, 1))
    a[0] = np.eye(4, 6)
    a[5] = 1.0
    return torch.as_tensor(a)


def steepest_map():
    """MAP: ||Delta(S)|| <= 1 and <S, Delta(S)> = ||S||_* for every norm of the catalog."""
    out, a = Collector(), matrices()
    for norm in CATALOG:
        step, dual = norm.steepest(a), norm.dual(a)
        kept = (dual > 0).numpy()
        out.same(f"unit length, {norm.text}", (norm.value(step)[kept] - 1).abs(), IDENTITY)
        inner = ((a * step).sum((-2, -1)) / dual - 1).abs()[kept]
        out.same(f"attains the dual norm, {norm.text}", inner, IDENTITY)
    return out.bounds()


def norm_order():
    """C.1: max norm <= any norm and its dual <= sum norm; max <= spectral <= Schatten <= nuclear <=
    sum."""
    out, a = Collector(), matrices()
    a = a / a.abs().amax((-2, -1), keepdim=True).clamp(min=1e-300)
    low, high = MAX.value(a), SUM.value(a)
    for norm in CATALOG:
        out.add("max norm below every norm", low, norm.value(a))
        out.add("max norm below every dual norm", low, norm.dual(a))
        out.add("every norm below the sum norm", norm.value(a), high)
        out.add("every dual norm below the sum norm", norm.dual(a), high)
        if norm.text.startswith(("schatten", "spectral", "nuclear")):
            out.add("(C.1) spectral below Schatten", SPECTRAL.value(a), norm.value(a))
            out.add("(C.2) Schatten below nuclear", norm.value(a), NUCLEAR.value(a))
    out.add("(C.3) max below spectral", low, SPECTRAL.value(a))
    out.add("(C.4) nuclear below sum", NUCLEAR.value(a), high)
    return out.bounds()


def gradient_and_hessian():
    """C.2: autograd as the oracle, zero column sums, (C.5), (C.6), and Taylor's remainder (C.7) by
    quadrature."""
    out = Collector()
    for instance in instances():
        problem, w, a = instance.problem, instance.w, instance.other
        data, log_g = problem.dataset, problem.log_proxy(w)
        g = problem.gradient(w)
        unit = g.value * (g.log_scale - log_g).exp()[:, None, None]
        size = instance.radius
        early = (
            problem.min_margin(w).abs() < 15
        ).numpy()  # autograd of a softmax keeps 9 digits up to there
        error = (_autograd(problem, w) / log_g.exp()[:, None, None] - unit).abs().amax(
            (-2, -1)
        ).numpy() / size
        out.same("(i) agrees with automatic differentiation", error[early], 1e-7)
        out.same("(ii) columns sum to zero", unit.sum(-2).abs().amax(-1) / size, 1e-13)
        margins, share = _gaps(data, a), _shares(problem, w, log_g)
        inner = -(unit * a).sum((-2, -1)).numpy()
        scale = np.abs(margins).max((1, 2)) + 1e-300
        out.same(
            "(iii) equality (C.5)",
            np.abs(inner - (share * margins).sum((1, 2)) / data.n) / scale,
            1e-12,
        )
        least = np.where(share >= 0, margins, np.inf).min((1, 2))
        out.add("(iii) q(A) G <= <A, -grad L> (C.6)", least / scale + 2, inner / scale + 2)
        _add_remainder(out, instance)
    return out.bounds()


def _add_remainder(out, instance):
    """L(W + D) - L(W) - <grad L, D> is a weighted mean of Hessian forms on the segment, so one of
    them equals it."""
    problem, w, move = instance.problem, instance.w, instance.other - instance.w
    kept = (problem.log_loss(w) > -5) & (move.abs().amax((-2, -1)) * instance.radius > 0.02)
    if not kept.any():
        return
    w, move = w[kept], move[kept]
    rest = (
        problem.log_loss(w + move).exp()
        - problem.log_loss(w).exp()
        - (problem.gradient(w).plain() * move).sum((-2, -1))
    )
    nodes, weights = leggauss(32)
    at = torch.as_tensor((1 + nodes) / 2)[:, None, None, None]
    forms = _hessian_form(problem, w + at * move, move)
    mean = (forms * torch.as_tensor(weights * (1 - nodes) / 4)[:, None]).sum(0)
    size = (problem.log_loss(w + move).exp() + problem.log_loss(w).exp() + 1).numpy()
    out.same(
        "(iv) Taylor remainder is the weighted Hessian mean",
        (rest - mean).abs().numpy() / size,
        1e-9,
    )
    out.add(
        "(iv) remainder at most the largest Hessian form (C.7)",
        2 * rest.numpy() / size,
        forms.amax(0).numpy() / size + 1e-9,
    )


def _hessian_form(problem, w, move):
    """(1/n) sum_i x_i^T D^T (diag s - s s^T) D x_i, one number per lane."""
    s, u = problem.logits(w).softmax(-1), problem.logits(move)
    mean = (s * u).sum(-1, keepdim=True)
    return (s * (u - mean) ** 2).sum(-1).mean(-1)


def _autograd(problem, w):
    leaf = w.clone().requires_grad_(True)
    logits = problem.logits(leaf)
    targets = problem.y.expand(len(w), -1)
    loss = (
        torch.nn.functional.cross_entropy(logits.transpose(1, 2), targets, reduction="none")
        .mean(-1)
        .sum()
    )
    return torch.autograd.grad(loss, leaf)[0]


def _gaps(data, a):
    """(e_y - e_c)^T A x_i, (lanes, n, k)."""
    z = np.einsum("lkd,nd->lnk", a.numpy(), data.x)
    return np.take_along_axis(z, np.broadcast_to(data.y[None, :, None], (len(z), data.n, 1)), 2) - z


def _shares(problem, w, log_g):
    """s_ic for c != y in units of G, (lanes, n, k); -0 at the own class."""
    r = problem.residual(w)
    share = (r.value * (r.log_scale - log_g).exp()[:, None, None]).numpy().copy()
    np.put_along_axis(
        share,
        np.broadcast_to(problem.dataset.y[None, :, None], (*share.shape[:2], 1)),
        -1e-300,
        axis=2,
    )
    return share


def hessian_bound():
    """C.3: x^T D^T (diag s - s s^T) D x <= 4 R^2 ||D||^2 (1 - s_y) for every class y, with the max
    norm of D (sharper)."""
    rng, out = np.random.default_rng(3), Collector()
    for concentration in (0.02, 0.3, 1.0, 10.0):
        k, d, count = 5, 4, 500
        s = rng.dirichlet(np.full(k, concentration), count)
        near = np.logspace(
            -12, -1, count // 2
        )  # one class close to certain: the constant 4 is attained in the limit
        s[: count // 2] = 0
        s[np.arange(count // 2), 1], s[: count // 2, 0] = near, 1 - near
        x, step = (
            rng.normal(size=(count, d)),
            rng.choice([-1.0, 1.0], (count, k, d)) * rng.random((count, 1, 1)),
        )
        step[::2] = np.where(np.arange(k) == 0, 1.0, -1.0)[:, None] * np.sign(x[::2, None, :])
        # one feature, two classes: the most that a step of spectral norm 1 can do
        x[1::8, 1:], step[1::8] = 0, 0
        step[1::8, 0, 0], step[1::8, 1, 0] = 0.5**0.5, -(0.5**0.5)
        u = np.einsum("ckd,cd->ck", step, x)
        form = (s * (u - (s * u).sum(1, keepdims=True)) ** 2).sum(1)
        radius = np.abs(x).sum(1)
        for y in range(k):
            rest = np.delete(s, y, axis=1).sum(1)
            kept = rest > 1e-9
            kept &= np.abs(step).max((1, 2)) > 0
            top = 4 * radius**2 * np.abs(step).max((1, 2)) ** 2 * rest
            out.add("max norm of the step (sharper)", form[kept] / top[kept], 1.0)
            spectral = 4 * radius**2 * SPECTRAL.value(torch.as_tensor(step)).numpy() ** 2 * rest
            out.add("spectral norm of the step", form[kept] / spectral[kept], 1.0)
    return out.bounds()


def softmax_ratio():
    """C.4: both ratios of softmax entries lie in [e^(-2 delta), e^(2 delta)]."""
    rng, out = np.random.default_rng(4), Collector()
    v = torch.as_tensor(rng.normal(size=(600, 5)) * 10 ** rng.uniform(-2, 1.5, (600, 1)))
    delta = torch.as_tensor(10 ** rng.uniform(-6, 0.3, (600, 1)))
    signs = torch.as_tensor(
        rng.choice([-1.0, 1.0], (600, 5))
        * np.where(np.arange(600) % 2, rng.random((600, 5)).T, 1.0).T
    )
    signs[::3] = torch.where(torch.arange(5) == 0, -1.0, 1.0)
    other = v + delta * signs / signs.abs().amax(1, keepdim=True)
    size = delta[:, 0].numpy()
    for c in range(5):
        ratio, rest = (
            _log_softmax(other, c) - _log_softmax(v, c),
            _log_rest(other, c) - _log_rest(v, c),
        )
        kept = size > 1e-4
        for name, value in (("(i) S_c", ratio.numpy()), ("(ii) 1 - S_c", rest.numpy())):
            out.add(
                f"{name}, logarithm of the ratio",
                np.abs(value) / (2 * size),
                np.ones(600) + 1e-9 / size,
            )
            out.add(
                f"{name}, as stated",
                (np.abs(np.expm1(value)) / np.expm1(2 * size))[kept],
                np.ones(kept.sum()),
            )
    return out.bounds(noise=1e-9)


def _log_softmax(v, c):
    return v.log_softmax(1)[:, c]


def _log_rest(v, c):
    return v[:, [j for j in range(v.shape[1]) if j != c]].logsumexp(1) - v.logsumexp(1)
