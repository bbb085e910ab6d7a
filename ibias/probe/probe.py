"""Measures a user's own network along its training: margins, homogeneity, stationarity."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache

import numpy as np
import torch
import xarray as xr
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from .._checks import whole
from ..losses import CROSS_ENTROPY
from ..norms import MAX, SPECTRAL, Norm
from ..optim.groups import groups
from .evaluation import Evaluation, evaluate, labels_of, tensor_of
from .network_norms import L2, EachOwn, WholeNorm, of_block
from .sentences import HOMOGENEOUS, described
from .stationarity import inner, log_sum_loss, separated, slackness

WRAPPERS = nn.DataParallel, nn.parallel.DistributedDataParallel, AveragedModel
"""What has a model inside and computes what it does."""
NORMS = ("l2", "linf", "spectral", "hybrid")


class Probe:
    """Margins of ``model`` on ``(x, y)``, measured as often as you like and leaving no trace in the
    training: modes, gradients, buffers and random numbers stay as they are::

        probe = ib.Probe(model, x, y)
        probe.measure(step)
        print(probe)

    ``model``: any ``torch.nn.Module`` that maps ``x``, a tensor ``(n, ...)``, to logits ``(n, k)``,
    ``(n,)`` or ``(n, ..., k)``; measured in evaluation mode.  ``y``: labels 0 to k - 1, of shape
    ``(n,)`` or ``(n, ...)``; 0 and 1, or -1 and 1, for a model with one output.  ``norms``: one
    or a list of: names out of "l2", "linf", "spectral" (the largest spectral norm), "hybrid"
    (spectral for the hidden matrices as ``ib.optim.groups`` finds them, largest entry for the
    rest), a norm of ``ib.norms`` for every parameter, or a mapping of parameter names to norms; the
    network's norm is the largest of its parameters'.  Tensors of more than two axes count as
    (first, rest).

    ``runs`` is an ``xarray.Dataset`` over ``step``, and ``norm``, ``parameter`` where it says so:

    - ``loss`` and ``log_loss``, mean cross-entropy; ``min_margin``, the least ``z_y - max z_c``;
    - ``degree``, the median over samples of ``<theta, grad z> / z`` (Euler's identity: the degree L
      of a homogeneous model) and ``degree_spread``, the largest distance from it, over at most
      256 samples spread evenly over ``x``;
    - ``margin (norm)``: ``min_margin / N(theta)^L``; ``balanced_margin (norm)``: its largest value
      over rescalings of the parameters that keep a homogeneous model as it is, else NaN;
    - ``kkt (norm)``: ``<theta, u> / (N(theta) N*(u))``, u the direction that lowers the loss; and
      ``slackness``, 0 where all loss weight is on the least margins (arXiv:2602.16340): alignment
      1 with slackness 0 is a stationary (KKT) direction of the margin in that norm;
    - ``parameter_norm (norm, parameter)`` and ``parameter_degree (parameter)``.

    Costs of a measurement: one forward and one backward pass over ``x``, ``batch_size`` samples at
    a time, a forward-mode pass over 256 and the singular values of each matrix and its gradient, in
    float64 where the model allows (``precision`` says so): about four training steps on 1,024
    digits and two layers.  Memory: a float64 copy of the parameters and one gradient.

    Raises ValueError for labels that do not fit, a model without trainable parameters or with
    another output, an unknown norm and a step not later than the last one; TypeError for what is no
    module and for x or y that are no tensors; FloatingPointError for parameters or logits that are
    not finite.
    """

    def __init__(
        self,
        model: nn.Module,
        x: Tensor,
        y: Tensor,
        norms: Sequence | str | Norm | Mapping = NORMS,
        batch_size: int = 1024,
    ):
        if not isinstance(model, nn.Module):
            raise TypeError(f"Probe takes a torch.nn.Module; got {type(model).__name__}")
        model = getattr(model, "_orig_mod", model)  # of torch.compile
        self.model = model.module if isinstance(model, WRAPPERS) else model
        self.x, self.y = tensor_of("x", x), labels_of(y)
        if len(self.x) != len(self.y) or not len(self.x):
            raise ValueError(f"Probe: {len(self.x)} samples in x and {len(self.y)} labels in y")
        self.batch_size = whole("Probe(batch_size=...) counts samples", batch_size, least=1)
        self.names = [n for n, p in self.model.named_parameters() if p.requires_grad]
        if not self.names:
            raise ValueError("Probe: the model has no parameter that requires a gradient")
        hidden = {n for group in groups(self.model).matrices for n, _ in group["params"]}
        listed = norms if isinstance(norms, (list, tuple)) else [norms]
        self.norms = [_network_norm(norm, self.names, hidden) for norm in listed]
        if not self.norms:
            raise ValueError("Probe(norms=...) is empty; give at least one norm")
        self.precision = "not measured yet"
        self._steps: list[int] = []
        self._rows: list[dict] = []

    def measure(self, step: int) -> None:
        """Measures now, as training step ``step``, an integer from 0."""
        step = whole("Probe.measure(step)", step)
        if self._steps and step <= self._steps[-1]:
            raise ValueError(f"Probe.measure(step): steps rise; got {step} after {self._steps[-1]}")
        seen, self.precision = evaluate(self.model, self.names, self.x, self.y, self.batch_size)
        self._rows.append(_row(seen, self.norms))
        self._steps.append(step)

    @property
    def runs(self) -> xr.Dataset:
        """All measurements; ValueError before the first."""
        if not self._rows:
            raise ValueError("Probe.runs: nothing is measured yet; call probe.measure(step)")
        axes = {"parameter_norm": ("norm", "parameter"), "parameter_degree": ("parameter",)}
        axes |= dict.fromkeys(("margin", "balanced_margin", "kkt"), ("norm",))
        columns = {name: np.stack([row[name] for row in self._rows]) for name in self._rows[0]}
        data = {name: (("step", *axes.get(name, ())), a) for name, a in columns.items()}
        texts = [norm.text for norm in self.norms]
        coordinates = {"step": self._steps, "norm": texts, "parameter": self.names}
        attributes = {"precision": self.precision, "samples": len(self.x)}
        return xr.Dataset(data, coordinates, attributes)

    def __str__(self):
        return described(self.runs) if self._rows else "Probe: nothing is measured yet."

    def plot(self):
        """A matplotlib figure: normalised margins over their last value, and alignment, by norm."""
        from matplotlib import pyplot as plt

        runs = self.runs
        figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
        labels = "normalised margin over its last value", "alignment with stationarity"
        for axis, name, label in zip(axes, ("margin", "kkt"), labels, strict=True):
            values = runs[name] / abs(runs[name][-1]) if name == "margin" else runs[name]
            for text in runs.norm.values:
                axis.plot(runs.step, values.sel(norm=text), label=text)
            axis.set(xlabel="step", ylabel=label, xscale="symlog")
        axes[1].legend()
        return figure


def _network_norm(given, names, hidden) -> WholeNorm:
    if given == "l2":
        return L2
    sides: dict[str, Callable[[str], Norm]] = {
        "linf": lambda name: MAX,
        "spectral": lambda name: SPECTRAL,
        "hybrid": lambda name: SPECTRAL if name in hidden else MAX,
    }
    if isinstance(given, str) and given in sides:
        return EachOwn(tuple(map(sides[given], names)), given)
    if isinstance(given, Norm):
        return EachOwn((given,) * len(names), given.text)
    if isinstance(given, Mapping) and set(given) == set(names):
        return EachOwn(tuple(given[name] for name in names), "your own")
    if isinstance(given, Mapping):
        wrong = sorted(set(given) ^ set(names))
        raise ValueError(f"Probe: a mapping of norms names every parameter once; look at {wrong}")
    raise ValueError(
        f"Probe(norms=...) are names out of {NORMS}, norms such as ib.Schatten(4), or a mapping of"
        f" parameter names to norms; got {given!r}"
    )


def _row(seen: Evaluation, norms) -> dict:
    """One measurement: numbers, and arrays over norms and parameters."""
    theta = seen.theta
    u = separated(seen.ascent.value, [(p.shape[0], p.shape[1]) for p in theta])
    log_loss = log_sum_loss(CROSS_ENTROPY, seen.soft) - np.log(len(seen.soft))
    least, degree = seen.margins.amin(), seen.degrees.nanmedian()
    spread = (seen.degrees - degree).abs().nan_to_num(0.0).amax() + 0 * degree
    euler = torch.stack([inner([p], [g]) for p, g in zip(theta, u, strict=True)]) / seen.euler
    # degrees below 0.01 are rounding, or of parameters that the margins do not see
    spread = torch.maximum(spread, (euler.sum() - degree).abs())  # on all samples together
    balanced = float(spread) < HOMOGENEOUS * float(degree) and bool((euler > 0.01).all())
    blocks, dual_blocks = _sizes(norms, theta, u)
    whole = list(zip(norms, blocks, dual_blocks, strict=True))
    values = torch.stack([n.combine(b) for n, b, _ in whole])
    duals = torch.stack([n.combine_dual(d) for n, _, d in whole])
    nan = torch.tensor(torch.nan)
    rescaled = torch.stack([n.balanced(b, euler) if balanced else nan for n, b, _ in whole])
    scalars = dict(loss=log_loss.exp(), log_loss=log_loss, min_margin=least, degree=degree)
    scalars |= dict(degree_spread=spread, slackness=slackness(seen.weights, seen.margins))
    by_norm = dict(
        margin=least / values**degree,
        balanced_margin=least / rescaled**degree,
        kkt=inner(theta, u) / (values * duals),
    )
    row = {name: float(value) for name, value in scalars.items()}
    row |= {name: value.numpy() for name, value in by_norm.items()}
    return row | {"parameter_norm": blocks.numpy(), "parameter_degree": euler.numpy()}


def _sizes(norms, theta, u):
    """The blocks' norms and u's dual norms, each (norms, blocks); equal ones are computed once."""

    @cache
    def pair(norm, weight, i):
        own = of_block(norm, theta[i])
        return weight * own.value(theta[i]), own.dual(u[i]) / weight

    rows = [[pair(*part, i) for i, part in enumerate(norm.parts(len(theta)))] for norm in norms]
    return torch.tensor(rows, dtype=theta[0].dtype).unbind(-1)
