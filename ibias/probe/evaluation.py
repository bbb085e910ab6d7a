"""Logits, margins, degrees and the gradient of a module, without a trace in it."""

from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.func import functional_call

from ..losses import CROSS_ENTROPY
from ..problem import Scaled, weighted_sum
from ..progress import bar
from .stationarity import joined, margins_of

EULER = 256
"""Samples at most whose degree is measured one by one."""


@dataclass(frozen=True)
class Evaluation:
    """What a measurement is made of, for n samples: the parameters as matrices
    ``(rows, columns)``, the ascent direction u of the margins (all blocks in one row, see
    `joined`), its loss weights, hard and soft margins, each ``(n,)``, degrees of some samples (NaN
    where all logits are 0), and ``euler``, ``sum_i weights_i <d soft_i / dz, z> = <theta, u> / L``.
    """

    theta: list[Tensor]
    ascent: Scaled
    weights: Tensor
    margins: Tensor
    soft: Tensor
    degrees: Tensor
    euler: Tensor


def evaluate(model, names, x, y, batch_size) -> tuple[Evaluation, str]:
    """In float64, or in the model's own type where it cannot; and a text that says which."""
    try:
        return _evaluate(model, names, x, y, batch_size, torch.float64), "float64"
    except (RuntimeError, TypeError, NotImplementedError) as error:
        kept, reason = next(model.parameters()).dtype, str(error).split("\n")[0]
    return (
        _evaluate(model, names, x, y, batch_size, None),
        f"{str(kept).removeprefix('torch.')} (the model does not compute in float64: {reason})",
    )


def _evaluate(model, names, x, y, batch_size, dtype):
    def cast(t):
        t = t.detach()
        return t.to(dtype) if dtype and t.is_floating_point() else t

    state = {n: cast(p) for n, p in model.named_parameters()}
    state |= {n: cast(b).clone() for n, b in model.named_buffers()}
    leaves = [state[n] for n in names]
    if not all(bool(p.isfinite().all()) for p in leaves):
        raise FloatingPointError("Probe: the model has parameters that are not finite")
    device, pieces = leaves[0].device, []
    some = torch.linspace(0, len(x) - 1, min(len(x), EULER)).long()
    with _untouched(model, device), bar(len(x), "probe") as advance:
        for rows in torch.arange(len(x)).split(batch_size):
            inputs, labels = cast(x[rows].to(device)), y[rows].to(device)
            pieces.append(_batch(model, state, names, inputs, labels))
            advance(len(rows))
        inputs = (cast(x[rows].to(device)) for rows in some.split(batch_size))
        degrees = torch.cat([_degrees(model, state, names, batch) for batch in inputs])
    ascent = pieces[0][0]
    for piece in pieces[1:]:
        ascent = weighted_sum((1.0, ascent), (1.0, piece[0]))
    margins, soft, slopes = (torch.cat([p[i] for p in pieces]) for i in range(1, 4))
    weights = (CROSS_ENTROPY.log_residual(soft) - ascent.log_scale).exp()
    theta, euler = [_matrix(p).double().cpu() for p in leaves], (weights * slopes).sum()
    return Evaluation(theta, ascent, weights, margins, soft, degrees, euler)


def _batch(model, state, names, x, y):
    """(scaled gradient, margins, soft margins, ``<d soft / dz, z>``) of a batch, float64, CPU."""
    leaves = [state[n].detach().requires_grad_() for n in names]
    with torch.enable_grad():
        logits = functional_call(model, {**state, **dict(zip(names, leaves, strict=True))}, (x,))
    if not isinstance(logits, Tensor):
        raise ValueError(
            f"Probe: the model returns a {type(logits).__name__}; wrap it in a module that returns"
            " the logits, a tensor (n, k)"
        )
    z, labels = _samples(logits.detach(), y)
    z = z.double().cpu()
    if not bool(z.isfinite().all()):
        raise FloatingPointError("Probe: the model's logits are not finite")
    margins, soft, slope = margins_of(z, labels.cpu())
    log_weights = CROSS_ENTROPY.log_residual(soft)
    scale = log_weights.amax()
    cotangent = (log_weights - scale).exp()[:, None] * slope
    cotangent = cotangent.reshape(logits.shape).to(logits)
    pulled = torch.autograd.grad(logits, leaves, cotangent, allow_unused=True)
    blocks = [
        _matrix(torch.zeros_like(p) if g is None else g).detach().double().cpu()
        for g, p in zip(pulled, leaves, strict=True)
    ]
    return Scaled(joined(blocks), scale), margins, soft, (slope * z).sum(-1)


@torch.no_grad()
def _degrees(model, state, names, x, h=1e-5):
    """``<theta, grad z> / z`` per sample, in the mean over outputs weighed by ``z^2``: no division
    by a zero logit.  By forward-mode derivatives, or a central difference of relative step ``h``
    where the model has an operation without them."""
    theta = {n: state[n] for n in names}
    try:
        with forward_ad.dual_level():
            duals = {n: forward_ad.make_dual(p, p) for n, p in theta.items()}
            z, along = forward_ad.unpack_dual(functional_call(model, {**state, **duals}, (x,)))
    except NotImplementedError:
        near = [{**state, **{n: f * p for n, p in theta.items()}} for f in (1, 1 + h, 1 - h)]
        z, up, down = (functional_call(model, each, (x,)) for each in near)
        along = (up - down) / (2 * h)
    along = torch.zeros_like(z) if along is None else along
    z, along = (t.reshape(len(x), -1).double().cpu() for t in (z, along))
    squares = (z * z).sum(-1)
    return (along * z).sum(-1) / torch.where(squares > 0, squares, torch.nan)  # 0 = L 0


def _samples(logits, y):
    """Logits ``(samples, k)`` and as many labels."""
    if logits.shape == y.shape:
        if y.ndim > 1 and y.shape[-1] > 1 and bool((y.sum(-1) == 1).all()):
            raise ValueError("Probe: labels are class numbers, not one-hot rows; y.argmax(-1)")
        logits = logits[..., None]
    if logits.shape[:-1] != y.shape:
        raise ValueError(
            f"Probe: the model's output {tuple(logits.shape)} does not fit labels of shape"
            f" {tuple(y.shape)}; it takes (n, k), or (n, ..., k) with labels (n, ...)"
        )
    k = max(2, logits.shape[-1])
    if int(y.max()) >= k:
        raise ValueError(f"Probe: label {int(y.max())} for a model with {logits.shape[-1]} outputs")
    return logits.reshape(-1, logits.shape[-1]), y.reshape(-1)


def _matrix(p):
    return p.reshape(p.shape[0], -1) if p.ndim > 1 else p.reshape(1, -1)


def tensor_of(name, given) -> Tensor:
    """``given`` as a tensor without a graph; TypeError for what cannot be one."""
    try:
        return torch.as_tensor(given).detach()
    except (TypeError, ValueError, RuntimeError) as error:
        what = f"{name} is a tensor or an array of numbers"
        raise TypeError(f"Probe: {what}; got a {type(given).__name__} ({error})") from None


def labels_of(y) -> Tensor:
    """Integer labels from 0; -1 and 1 become 0 and 1."""
    y = tensor_of("y", y)
    fractional = y.is_complex() or (y.is_floating_point() and bool((y != y.round()).any()))
    if fractional or not y.numel():
        raise ValueError("Probe: labels are whole numbers, 0 to k - 1 or -1 and 1")
    y = y.long()
    if int(y.min()) == -1 and bool((y.abs() == 1).all()):
        y = (y + 1) // 2
    if int(y.min()) < 0:
        raise ValueError(f"Probe: labels are 0 to k - 1, or -1 and 1; got {int(y.min())}")
    return y


@contextmanager
def _untouched(model, device):
    """Evaluation mode and random numbers for a while; everything as it was afterwards."""
    modes = {module: module.training for module in model.modules()}
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        try:
            model.eval()
            yield
        finally:
            for module, mode in modes.items():
                module.training = mode
