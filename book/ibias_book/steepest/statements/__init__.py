"""The numbered statements of arXiv:2602.11557 as programs: `CATALOG` holds one `Statement` per
number.

Every statement evaluates inequalities on random, adversarial and recorded cases; `slack_table` says
how close they come. Formulas are in `ibias_book.steepest.theory`; here are the cases. Our own
numbers: V and R (what version 2 corrects), M (the master recursion), MAP.
"""

from functools import partial

from . import (
    batch_one,
    convergence,
    counterexamples,
    descent,
    exponential,
    loss_and_proxy,
    noise,
    norms_order,
)
from .catalog import Bound, Statement

__all__ = ["CATALOG", "Bound", "Statement", "slack_table", "statement"]


def _proof(letter, kind, theorem, rate, noun):
    """The five statements of one of the appendices D-G, and the theorem and corollary of Section 4
    they prove."""
    parts = [
        (
            f"{letter}.1",
            f"Descent, {noun}",
            {
                "plain": descent.plain,
                "momentum": descent.momentum,
                "VR": descent.variance_reduced,
                "VR+momentum": descent.variance_reduced_momentum,
            }[kind],
        ),
        (f"{letter}.2", f"Loss convergence, {noun}", partial(convergence.loss_convergence, kind)),
        (
            f"{letter}.3",
            f"Unnormalised margin, {noun}",
            partial(convergence.unnormalised_margin, kind),
        ),
        (f"{letter}.4", f"Margin gap, {noun}", partial(convergence.margin_gap, kind)),
        (f"{letter}.5", f"Rates, {noun}", partial(convergence.corollary, kind)),
    ]
    section = [(theorem, f"Theorem: margin convergence, {noun}", parts[3][2])] if theorem else []
    section += [(rate, f"Corollary: rates, {noun}", parts[4][2])] if rate else []
    return [
        Statement(number, title, "derived here", evaluate)
        for number, title, evaluate in parts + section
    ]


CATALOG: tuple[Statement, ...] = (
    Statement("MAP", "Steepest-descent map", "as in the paper", norms_order.steepest_map),
    Statement("C.1", "Order of the norms", "as in the paper", norms_order.norm_order),
    Statement("C.2", "Gradient and Hessian", "as in the paper", norms_order.gradient_and_hessian),
    Statement("C.3", "Hessian form", "sharper than the paper", norms_order.hessian_bound),
    Statement("C.4", "Ratios of softmax entries", "as in the paper", norms_order.softmax_ratio),
    Statement("C.5", "Proxy and gradient norm", "as in the paper", loss_and_proxy.gradient_norm),
    Statement("C.6", "Lipschitz loss", "as in the paper", loss_and_proxy.loss_lipschitz),
    Statement("C.7", "Proxy and loss", "as in the paper", loss_and_proxy.proxy_and_loss),
    Statement("C.8", "Low loss separates", "as in the paper", loss_and_proxy.low_loss_separates),
    Statement("C.9", "Stability of the proxy", "as in the paper", loss_and_proxy.proxy_stability),
    Statement(
        "C.10", "Stability of the gradient", "as in the paper", loss_and_proxy.gradient_stability
    ),
    Statement("C.11", "Mini-batch noise", "as in the paper", noise.sampling_noise),
    Statement(
        "C.12", "Noise accumulated by momentum", "sharper than the paper", noise.accumulated_noise
    ),
    Statement(
        "C.13", "Deviation of the variance-reduced gradient", "as in the paper", noise.reduced_noise
    ),
    Statement(
        "C.14", "Variance reduction under momentum", "derived here", noise.averaged_reduced_noise
    ),
    Statement("C.15", "Constants of Assumption 3.4", "derived here", noise.step_size_sums),
    Statement("M", "Master recursion", "derived here", descent.master),
    *_proof("D", "plain", "4.1", "4.2", "no momentum"),
    *_proof("E", "momentum", "4.3", "4.5", "momentum"),
    Statement(
        "4.4", "Remark: momentum zero", "sharper than the paper", counterexamples.momentum_zero
    ),
    *_proof("F", "VR", "4.6", "", "variance reduction"),
    *_proof("G", "VR+momentum", "", "4.7", "variance reduction and momentum"),
    Statement(
        "H.1", "One sample: spectral equals normalised", "as in the paper", batch_one.rank_one
    ),
    Statement("H.2", "SignSGD on one sample at a time", "as in the paper", batch_one.sign_steps),
    Statement(
        "H.3", "N-SGD on one sample at a time", "as in the paper", batch_one.normalized_steps
    ),
    Statement("H.4", "The normalised step", "as in the paper", batch_one.equal_columns),
    Statement("4.8", "Definition: bias matrices", "as in the paper", batch_one.bias_matrices),
    Statement(
        "4.9", "Theorem: per-sample bias", "sharper than the paper", batch_one.per_sample_bias
    ),
    Statement("I.1", "Exponential loss: proxy", "contradicts the paper", exponential.proxy_lemmas),
    Statement(
        "I.2", "Exponential loss: stability", "as in the paper", exponential.gradient_stability
    ),
    Statement("I.3", "Exponential loss: noise", "as in the paper", exponential.sampling_noise),
    Statement("V", "Margin at most 2R", "contradicts the paper", counterexamples.margin_ceiling),
    Statement(
        "V.1",
        "SignSGD on one sample never classifies",
        "contradicts the paper",
        counterexamples.never_classified,
    ),
    Statement(
        "V.2",
        "Three batches an epoch: the loss diverges",
        "contradicts the paper",
        counterexamples.loss_diverges,
    ),
    Statement(
        "V.3",
        "Half batches: the margin stops",
        "contradicts the paper",
        counterexamples.half_batches,
    ),
    Statement(
        "V.4",
        "The sum norm never classifies",
        "contradicts the paper",
        counterexamples.sum_norm_never_classified,
    ),
    Statement(
        "V.5",
        "Any norm, nearly antiparallel data",
        "contradicts the paper",
        counterexamples.nearly_antiparallel,
    ),
    Statement(
        "R", "Refinement for two batches", "sharper than the paper", counterexamples.frozen_epoch
    ),
)


def statement(number: str) -> Statement:
    """The statement with this number; ValueError for one that is not in the catalog."""
    for entry in CATALOG:
        if entry.id == number:
            return entry
    raise ValueError(
        f"no statement {number!r}; there are {', '.join(entry.id for entry in CATALOG)}"
    )


def slack_table(numbers=None):
    """Every inequality of the statements (all, or those in ``numbers``) with its worst ratio, as an
    xarray dataset over ``bound``.

    Variables: ``slack`` (largest lhs/rhs, 1 = attained), ``cases``, ``violations``; coordinates
    ``statement``, ``tag``, ``name``, ``identity``.
    """
    import xarray as xr

    chosen = CATALOG if numbers is None else [statement(number) for number in numbers]
    rows = [(s, b) for s in chosen for b in s.bounds()]
    return xr.Dataset(
        {
            "slack": (
                "bound",
                [b.slack for _, b in rows],
                {"long_name": "worst observed lhs / rhs"},
            ),
            "cases": ("bound", [b.lhs.size for _, b in rows]),
            "violations": ("bound", [b.violations() for _, b in rows]),
        },
        {
            "statement": ("bound", [s.id for s, _ in rows]),
            "tag": ("bound", [s.tag for s, _ in rows]),
            "name": ("bound", [b.name for _, b in rows]),
            "identity": ("bound", [b.identity for _, b in rows]),
        },
    )
