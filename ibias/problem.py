"""A data set and a loss: gradients, losses and margins of linear classifiers, no cancellation."""

import warnings
from dataclasses import dataclass, field
from math import log

import torch
from torch import Tensor

from .data import Dataset
from .losses import CROSS_ENTROPY, Loss


@dataclass(frozen=True, eq=False)
class Scaled:
    """Matrices ``value * exp(log_scale)``, ``(*lanes, rows, columns)`` and ``(*lanes,)``.

    Gradients decay like exp(-margin) and underflow past margin 745; their direction does not.
    ``log_scale`` is -inf for zero.
    """

    value: Tensor
    log_scale: Tensor

    def rescaled(self) -> "Scaled":
        """The same matrices with a largest entry of 1 (0 stays 0)."""
        top = self.value.abs().amax((-2, -1))
        safe = torch.where(top > 0, top, torch.ones_like(top))
        log_scale = torch.where(top > 0, self.log_scale + safe.log(), -torch.inf)
        return Scaled(self.value / safe[..., None, None], log_scale)

    def plain(self) -> Tensor:
        """As ordinary numbers; may underflow to 0."""
        return self.value * self.log_scale.exp()[..., None, None]


def weighted_sum(*terms: tuple[float, Scaled]) -> Scaled:
    """``sum_j c_j S_j`` on the largest of the scales, added in the order given."""
    logs = [s.log_scale + (log(abs(c)) if c else -torch.inf) for c, s in terms]
    scale = torch.stack(torch.broadcast_tensors(*logs)).amax(0)
    finite = torch.where(scale > -torch.inf, scale, torch.zeros_like(scale))
    total = scale.new_zeros(())
    for (c, s), own in zip(terms, logs, strict=True):
        total = total + (own - finite).exp()[..., None, None] * (s.value if c >= 0 else -s.value)
    return Scaled(total, scale)


def log_mean(logs: Tensor) -> Tensor:
    """The logarithm of the mean over the last axis of numbers given by their logarithms."""
    return logs.logsumexp(-1) - log(logs.shape[-1])


def _csr(x, **kind) -> Tensor:
    """A scipy CSR array as torch's, whose class calls itself beta once a process."""
    starts, columns = (torch.tensor(i, dtype=torch.int64) for i in (x.indptr, x.indices))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse")
        return torch.sparse_csr_tensor(starts, columns, torch.tensor(x.data), x.shape, **kind)


@dataclass(frozen=True, eq=False)
class Problem:
    """Linear classification of ``dataset`` under ``loss``, by weights ``w`` ``(*lanes, k, d)``.

    ``rows`` selects a mini-batch: ``None`` for all samples, ``(b,)`` shared by all lanes (then one
    matrix product serves them all), or ``(*lanes, b)`` with one batch per lane.  ``x`` ``(n, d)``
    is a sparse CSR tensor when the data are sparse; a mini-batch of it is dense.
    """

    dataset: Dataset
    loss: Loss = CROSS_ENTROPY
    device: str = "cpu"
    dtype: torch.dtype = torch.float64
    # the data on the device: (n, d) and (n,)
    x: Tensor = field(init=False, repr=False)
    y: Tensor = field(init=False, repr=False)
    # which class is a sample's own, (n, k)
    own: Tensor = field(init=False, repr=False)

    def __post_init__(self):
        # read-only numpy arrays cannot be shared with torch: copy once
        x, kind = self.dataset.x, {"dtype": self.dtype, "device": self.device}
        x = _csr(x, **kind) if self.dataset.is_sparse else torch.tensor(x, **kind)
        object.__setattr__(self, "x", x)
        object.__setattr__(self, "y", torch.tensor(self.dataset.y, device=self.device))
        own = torch.nn.functional.one_hot(self.y, self.dataset.k).bool()
        object.__setattr__(self, "own", own)

    def samples(self, rows: Tensor | None) -> Tensor:
        """``x`` of the samples ``rows``, ``(*rows.shape, d)`` and dense, or of all."""
        if rows is None:
            return self.x
        if not self.dataset.is_sparse:
            return self.x[rows]
        x = self.dataset.x[rows.cpu().numpy().ravel()].toarray()
        return torch.as_tensor(x, dtype=self.dtype, device=self.device).view(*rows.shape, -1)

    def start(self, *lanes: int) -> Tensor:
        """``W_0 = 0``."""
        shape = (*lanes, self.dataset.k, self.dataset.d)
        return torch.zeros(shape, dtype=self.dtype, device=self.device)

    def logits(self, w: Tensor, rows: Tensor | None = None) -> Tensor:
        """``W x_i``, shape ``(*lanes, b, k)``."""
        x = self.samples(rows)
        if x.ndim > 2:
            return x @ w.mT
        shared = (x @ w.reshape(-1, w.shape[-1]).T).view(len(x), *w.shape[:-1])
        return shared.movedim(0, -2)

    def residual(self, w: Tensor, rows: Tensor | None = None) -> Scaled:
        """``d l_i / d z_i = r_i (pi_i - e_y)``, ``(*lanes, b, k)``, a scale per lane (A, point 4).

        The own-class entry is minus the others' sum: ``softmax - onehot`` cancels past margin 36.
        """
        mu, others = self.soft_margin(self.logits(w, rows), rows)
        log_r = self.loss.log_residual(mu)
        scale = log_r.amax(-1)
        value = (log_r - scale[..., None]).exp()[..., None] * others
        return Scaled(value - self._own(rows) * value.sum(-1, keepdim=True), scale)

    def gradient(self, w: Tensor, rows: Tensor | None = None) -> Scaled:
        """``grad L_B(w) = mean of r_i (pi_i - e_y) x_i^T``, ``(*lanes, k, d)`` (Lemma C.2)."""
        r = self.residual(w, rows)
        x = self.samples(rows)
        if x.layout == torch.sparse_csr:  # whose products take one matrix, not a batch of them
            sums = (r.value.mT.reshape(-1, len(x)) @ x).view(w.shape)
        else:
            sums = r.value.mT @ x
        return Scaled(sums / x.shape[-2], r.log_scale)

    def log_loss(self, w: Tensor, rows: Tensor | None = None) -> Tensor:
        """``log L``, shape ``(*lanes,)``."""
        return log_mean(self.loss.log_loss(self.soft_margin(self.logits(w, rows), rows)[0]))

    def log_proxy(self, w: Tensor, rows: Tensor | None = None) -> Tensor:
        """``log G``, G the mean residual (Section 3), shape ``(*lanes,)``."""
        return log_mean(self.loss.log_residual(self.soft_margin(self.logits(w, rows), rows)[0]))

    def min_margin(self, w: Tensor) -> Tensor:
        """``q(W) = min_i (z_iy - max_(c != y) z_ic)``, not normalised, shape ``(*lanes,)``."""
        return self.worst_gap(self.logits(w))

    def worst_gap(self, z: Tensor) -> Tensor:
        """The smallest margin of logits ``(*lanes, n, k)`` of all samples."""
        own = self._own(None)
        others = z.masked_fill(own, -torch.inf).amax(-1)
        return ((z * own).sum(-1) - others).amin(-1)

    def _own(self, rows):
        return self.own if rows is None else self.own[rows]

    def soft_margin(self, z: Tensor, rows: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Soft margins ``z_y - logsumexp of the others`` ``(*lanes, b)``, the others' softmax."""
        own = self._own(rows)
        rest = z.masked_fill(own, -torch.inf)
        return (z * own).sum(-1) - rest.logsumexp(-1), rest.softmax(-1)
