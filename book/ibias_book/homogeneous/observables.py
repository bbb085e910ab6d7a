"""What is measured along a run, per (optimizer, seed): margins, stationarity, alignment, layer
balance."""

from math import log

import torch

from ibias.losses import Loss
from ibias.norms import FROBENIUS, MAX, SPECTRAL
from ibias.probe.network_norms import WholeNorm, of_block
from ibias.probe.stationarity import inner, kkt_alignment, log_sum_loss, slackness

from .ascent import Ascent
from .networks import HomogeneousModel
from .norms import WHOLE

KINDS = {"l2": FROBENIUS, "linf": MAX, "spectral": SPECTRAL}


def normalized_margin(model: HomogeneousModel, norm: WholeNorm, theta, q):
    """``gamma_N = q / N(theta)^L``: unchanged by rescaling theta."""
    return q / norm.value(theta) ** model.degree


def balanced_margin(model: HomogeneousModel, norm: WholeNorm, theta, q):
    """The largest ``gamma_N`` over rescalings of the layers that keep the function: a property of
    the classifier alone."""
    return q / norm.balanced(norm.blocks(theta), model.degrees) ** model.degree


def alignment(norm: WholeNorm, direction, u):
    """``r = <D, u> / N*(u)``: 1 where the step D is a steepest one for the present gradient."""
    return inner(direction, u) / norm.dual(u)


def smoothed_margin(loss: Loss, soft):
    """``psi = l^-1(sum_i l(q_i)) <= q_min``: the margin a single sample would need for the whole
    loss.

    exponential: ``-log S``; logistic: ``-log(e^S - 1)``, defined for S < log 2 (NaN otherwise).
    """
    log_s = log_sum_loss(loss, soft)
    if loss.text == "exponential":
        return -log_s
    s = log_s.exp()
    # e^S - 1 = S to double precision once S < e^-40
    psi = torch.where(log_s < -40, -log_s, -torch.log(torch.expm1(s.clamp(1e-300, 1))))
    return torch.where(log_s < log(log(2)), psi, torch.nan)


def measure(
    model: HomogeneousModel,
    norms: list[WholeNorm],
    loss: Loss,
    theta,
    now: Ascent,
    directions,
    average,
    entries,
) -> dict:
    """Every variable at one recorded step; ``norms`` has the own norm of each optimizer (the first
    lane axis)."""
    u, q = now.blocks, now.margins.amin(-1)
    found = {
        "log_loss": log_sum_loss(loss, now.soft) - log(now.margins.shape[-1]),
        "min_margin": q,
        "slackness": slackness(now.weights, now.margins),
        "euler": (
            (inner(theta, u) - model.degree * now.euler).abs()
            / (now.weights * now.soft.abs()).sum(-1)
        ),
        "smoothed_margin": smoothed_margin(loss, now.soft),
    }
    found |= {
        "gamma": torch.stack([normalized_margin(model, n, theta, q) for n in WHOLE], -1),
        "gamma_balanced": torch.stack([balanced_margin(model, n, theta, q) for n in WHOLE], -1),
        "kkt": torch.stack([kkt_alignment(n, theta, u) for n in WHOLE], -1),
        "block_norm": torch.stack(
            [torch.stack([of_block(n, p).value(p) for n in KINDS.values()], -1) for p in theta], -2
        ),
    }
    own = [
        (n, [p[i] for p in theta], [g[i] for g in u], [d[i] for d in directions])
        for i, n in enumerate(norms)
    ]
    found |= {
        "own_norm": torch.stack([n.value(p) for n, p, _, _ in own]),
        "own_kkt": torch.stack([kkt_alignment(n, p, g) for n, p, g, _ in own]),
        "alignment": torch.stack([alignment(n, d, g) for n, _, g, d in own]),
        "step_norm": torch.stack([n.value(d) for n, _, _, d in own]),
    }
    found["average_ratio"] = median_over_large(average, u, u)
    found["unit"] = (
        median_over_large(directions, [torch.ones_like(g) for g in u], u)
        if entries
        else torch.full_like(q, torch.nan)
    )
    return found


def median_over_large(values, reference, u, share: float = 0.1):
    """Median of values / reference over the entries with ``|u_j| > share max |u|``, all blocks
    together; magnitudes."""
    flat = [
        torch.cat([b.flatten(-2) for b in blocks], -1).abs() for blocks in (values, reference, u)
    ]
    large = flat[2] > share * flat[2].amax(-1, keepdim=True)
    return (
        torch.where(large, flat[0] / torch.where(large, flat[1], 1.0), torch.nan)
        .nanmedian(-1)
        .values
    )
