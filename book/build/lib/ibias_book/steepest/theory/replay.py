"""From the weights of a run back to what drove it: signals, gradients and the error between them,
at every step.

A second, vectorised route to the signals of Appendix A: all steps at once from the stored weights,
with the momentum sum as a linear filter. The engines never see this file, so agreement between the
two is evidence (`tests/test_theory.py`).
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.signal import lfilter

from ibias.problem import Problem


@dataclass(frozen=True, eq=False)
class Replay:
    """One run of T steps, arrays over t = 0..T-1 unless said otherwise.

    ``signal`` S_t and ``gradient`` grad L(W_t) have shape (T, k, d) and are divided by ``proxy`` =
    G(W_t), so that late steps keep their digits; ``parts`` are the named summands of S_t - grad
    L(W_t), divided likewise. ``log_loss``, ``log_proxy`` and ``min_margin`` have T+1 entries, the
    start included.
    """

    signal: np.ndarray
    gradient: np.ndarray
    parts: dict
    log_loss: np.ndarray
    log_proxy: np.ndarray
    min_margin: np.ndarray

    def error(self, norm):
        """The measured eps_t = 2 ||S_t - grad L(W_t)||_* / G(W_t), shape (T,)."""
        return 2 * norm.dual(self.signal - self.gradient).numpy()


def replay(problem: Problem, weights, rows, *, beta=0.0, variance_reduction=False) -> Replay:
    """Recompute the signals of a run from its weights.

    ``weights`` (T+1, k, d): every iterate; ``rows`` (T, b): the batch of every step (b = n gives
    the full gradient); ``beta`` 0 means no momentum. Raises ValueError when the shapes disagree or
    b does not divide n.
    """
    w = torch.as_tensor(np.array(weights, dtype=float))
    n, (steps, b) = problem.dataset.n, rows.shape
    if len(w) != steps + 1 or n % b:
        raise ValueError(
            f"replay needs weights at all {steps + 1} points of {steps} steps and b dividing n ="
            f" {n}; got {len(w)}, b = {b}"
        )
    log_proxy = problem.log_proxy(w)
    scale = log_proxy.max()
    absolute = _Gradients(problem, torch.as_tensor(np.array(rows)), scale)
    full = absolute.full(w[:-1])
    signal = absolute.batch(w[:-1])
    if variance_reduction:
        epoch_start = np.arange(steps) - np.arange(steps) % (n // b)
        old = w[epoch_start]
        signal = signal - absolute.batch(old) + absolute.full(old)
    parts = {"batch": signal - full}
    if beta > 0:
        signal, parts = _averaged(absolute, w[:-1], signal, full, rows, beta, variance_reduction)
    unit = np.exp((log_proxy[:-1] - scale).numpy())[:, None, None]
    return Replay(
        signal.numpy() / unit,
        full.numpy() / unit,
        {k: v.numpy() / unit for k, v in parts.items()},
        problem.log_loss(w).numpy(),
        log_proxy.numpy(),
        problem.min_margin(w).numpy(),
    )


class _Gradients:
    """Batch, full and weighted gradients of many iterates at once, on one common log scale."""

    def __init__(self, problem, rows, scale):
        self.problem, self.rows, self.scale = problem, rows, scale

    def full(self, w):
        return self._on_scale(self.problem.gradient(w))

    def batch(self, w):
        return self._on_scale(self.problem.gradient(w, self.rows))

    def weighted(self, w, coefficients):
        """sum_i c_{t,i} grad l_i(W_t) for coefficients (T, n)."""
        r = self.problem.residual(w)
        value = (r.value * torch.as_tensor(coefficients)[..., None]).mT @ self.problem.x
        return value * (r.log_scale - self.scale).exp()[:, None, None]

    def _on_scale(self, scaled):
        return scaled.value * (scaled.log_scale - self.scale).exp()[:, None, None]


def _averaged(absolute, w, signal, full, rows, beta, variance_reduction):
    """M_t and its decomposition: E.1 (stale, sampling, start) without, G.1 (estimator, stale,
    start) with variance reduction."""
    average = _filter(signal, beta)
    mass = 1 - beta ** torch.arange(1, len(w) + 1, dtype=torch.float64)[:, None, None]
    start = (mass - 1) * full
    if variance_reduction:
        return average, {
            "estimator": _filter(signal - full, beta),
            "stale": _filter(full, beta) - mass * full,
            "start": start,
        }
    n, (steps, b) = absolute.problem.dataset.n, rows.shape
    drawn = np.zeros((steps, n))
    np.put_along_axis(drawn, rows, 1 / b, axis=1)
    here = absolute.weighted(w, _filter(drawn, beta))
    return average, {"stale": average - here, "sampling": here - mass * full, "start": start}


def _filter(values, beta):
    """(1 - beta) sum_tau beta^tau values_{t-tau} along the first axis."""
    out = lfilter([1 - beta], [1, -beta], np.asarray(values), axis=0)
    return torch.as_tensor(out) if isinstance(values, torch.Tensor) else out
