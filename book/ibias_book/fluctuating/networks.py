"""Two small networks whose exact Hessian fits in memory: digits (vision) and the next character of
a text (language).

One hidden layer.  A parameter vector ``theta`` has shape ``(p,)``; replicas are the rows of
``(R, p)``.  The loss is the mean cross-entropy plus ``weight_decay / 2 * ||theta||^2``; the decay
is what gives it a minimum at all.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import resources

import numpy as np
import torch
import torch.nn.functional as F
from torch.func import grad, hessian, vmap

from ibias import streams

_DTYPE = torch.float64


@dataclass(frozen=True, eq=False)
class Network:
    """A classifier with its training set: ``x`` is ``(n, d)`` numbers, or ``(n, context)``
    characters when ``embedding > 0``."""

    x: torch.Tensor
    y: torch.Tensor
    classes: int
    hidden: int
    activation: Callable
    weight_decay: float
    embedding: int = 0
    name: str = field(default="")

    def __post_init__(self):
        if self.weight_decay < 0:
            raise ValueError(f"weight_decay must be >= 0; got {self.weight_decay}")
        if len(self.x) != len(self.y):
            raise ValueError(
                f"x has {len(self.x)} samples and y has {len(self.y)}; they must agree"
            )

    @property
    def n(self) -> int:
        return len(self.y)

    @property
    def shapes(self) -> dict:
        width = self.x.shape[1] * max(1, self.embedding)
        first = {"embedding": (self.classes, self.embedding)} if self.embedding else {}
        return first | {
            "w1": (self.hidden, width),
            "b1": (self.hidden,),
            "w2": (self.classes, self.hidden),
            "b2": (self.classes,),
        }

    @property
    def p(self) -> int:
        """Number of parameters."""
        return sum(int(np.prod(s)) for s in self.shapes.values())

    @property
    def by_hand(self) -> bool:
        """Whether its derivatives are written down here: one hidden layer on numbers.  In single
        precision a published number is made of autograd's rounding, and stays with it."""
        return set(self.shapes) == {"w1", "b1", "w2", "b2"} and self.x.dtype == _DTYPE

    def start(self, seed: int) -> torch.Tensor:
        """Gaussian weights of scale 1 / sqrt(fan-in), embeddings of scale 1, biases of scale
        0.1."""
        rng = streams.generator(seed)
        scale = {"embedding": 1.0, "b1": 0.1, "b2": 0.1}
        parts = [
            rng.standard_normal(s).ravel() * scale.get(k, s[-1] ** -0.5)
            for k, s in self.shapes.items()
        ]
        return torch.tensor(np.concatenate(parts), dtype=_DTYPE)

    def unpack(self, theta):
        """The named blocks of ``theta (R, p)``, each with its leading R."""
        sizes = [int(np.prod(s)) for s in self.shapes.values()]
        return {
            k: part.reshape(-1, *s)
            for (k, s), part in zip(self.shapes.items(), theta.split(sizes, -1), strict=True)
        }

    def logits(self, theta, x):
        """``theta (R, p)``, ``x (R, b, ...)`` -> ``(R, b, classes)``."""
        w = self.unpack(theta)
        if self.embedding:
            replicas, b, context = x.shape
            rows = x.reshape(replicas, b * context, 1).expand(-1, -1, self.embedding)
            x = torch.gather(w["embedding"], 1, rows).reshape(replicas, b, context * self.embedding)
        h = self.activation(torch.baddbmm(w["b1"][:, None], x, w["w1"].transpose(1, 2)))
        return torch.baddbmm(w["b2"][:, None], h, w["w2"].transpose(1, 2))

    def losses(self, theta, x, y):
        """Loss of every replica on its own batch, ``(R,)``."""
        z = self.logits(theta, x)
        fit = F.cross_entropy(z.flatten(0, 1), y.flatten(), reduction="none").view(y.shape).mean(1)
        return fit + 0.5 * self.weight_decay * theta.square().sum(-1)

    def loss(self, theta):
        """Loss of one ``theta (p,)`` on the whole training set."""
        return self.losses(theta[None], self.x[None], self.y[None])[0]

    def sample_loss(self, theta, x, y):
        """Loss of one ``theta (p,)`` on one sample."""
        return self.losses(theta[None], x[None, None], y[None, None])[0]

    def batch_gradients(self, theta, rows):
        """Gradient of each replica ``theta (R, p)`` on its own batch ``rows (R, b)``."""
        theta, x, y = theta.detach(), self.x[rows], self.y[rows]
        if not self.by_hand:
            theta = theta.requires_grad_(True)
            return torch.autograd.grad(self.losses(theta, x, y).sum(), theta)[0]
        w = self.unpack(theta)
        inner = torch.baddbmm(w["b1"][:, None], x, w["w1"].mT).requires_grad_(True)
        h = self.activation(inner)
        z = torch.baddbmm(w["b2"][:, None], h.detach(), w["w2"].mT)
        slope = z.softmax(-1)
        slope.scatter_add_(-1, y[..., None], -torch.ones_like(z[..., :1])).div_(y.shape[1])
        (back,) = torch.autograd.grad(h, inner, slope @ w["w2"])
        blocks = back.mT @ x, back.sum(1), slope.mT @ h.detach(), slope.sum(1)
        return torch.cat([b.flatten(1) for b in blocks], 1) + self.weight_decay * theta

    def hessian(self, theta, rows=slice(None)) -> torch.Tensor:
        """Hessian ``(p, p)`` of the mean loss of the samples ``rows`` where ``by_hand``: a few
        large products, in a seventh of the time of Hessian-vector products."""
        x, y = self.x[rows], self.y[rows]
        w = {name: block[0] for name, block in self.unpack(theta.detach()[None]).items()}
        inner = torch.addmm(w["b1"], x, w["w1"].T).requires_grad_(True)
        h = self.activation(inner)
        (slope,) = torch.autograd.grad(h.sum(), inner, create_graph=True)
        (bend,) = torch.autograd.grad(slope.sum(), inner)
        h, slope, ones = h.detach(), slope.detach(), torch.ones_like(x[:, :1])
        share = torch.addmm(w["b2"], h, w["w2"].T).softmax(-1)
        rest = share.scatter_add(-1, y[:, None], -ones)  # the loss by the logits
        curved = torch.diag_embed(share) - share[:, :, None] * share[:, None]
        back = slope[:, :, None] * w["w2"].T  # the logits by what enters the hidden layer
        own = torch.diag_embed(bend * (rest @ w["w2"])) + back @ curved @ back.mT
        crossed = torch.diag_embed(slope)[:, :, None] * rest[:, None, :, None]
        crossed = F.pad(crossed, (0, 1))
        x, h = torch.cat([x, ones], 1), torch.cat([h, ones], 1)
        crossed = crossed + (back @ curved)[..., None] * h[:, None, None]
        first = torch.einsum("nij,na,nb->iajb", own, x, x).flatten(2).flatten(0, 1)
        mixed = torch.einsum("nicm,na->iacm", crossed, x).flatten(2).flatten(0, 1)
        last = torch.einsum("nce,nm,nl->cmel", curved, h, h).flatten(2).flatten(0, 1)
        whole = torch.cat([torch.cat([first, mixed], 1), torch.cat([mixed.T, last], 1)]) / len(x)
        return self._biases_behind(whole) + self.weight_decay * torch.eye(self.p).to(whole)

    def _biases_behind(self, matrix):
        """From an order in which each unit's weights and its bias stand side by side to that of
        ``theta``."""
        first = self.hidden * (self.x.shape[1] + 1)
        blocks = torch.arange(first), torch.arange(first, self.p)
        units = [
            b.view(count, -1) for b, count in zip(blocks, (self.hidden, self.classes), strict=True)
        ]
        order = torch.cat([part.flatten() for u in units for part in (u[:, :-1], u[:, -1])])
        return matrix[order][:, order]

    def sample_gradients(self, theta):
        """``(n, p)``."""
        return vmap(grad(self.sample_loss), in_dims=(None, 0, 0))(theta, self.x, self.y).detach()

    def sample_hessians(self, theta, rows):
        """``(len(rows), p, p)``."""
        return vmap(hessian(self.sample_loss), in_dims=(None, 0, 0))(
            theta, self.x[rows], self.y[rows]
        ).detach()

    def accuracy(self, theta) -> float:
        guess = self.logits(theta[None], self.x[None])[0].argmax(-1)
        return (guess == self.y).double().mean().item()


def digits_network(weight_decay=1e-3, seed=0, hidden=8, samples=512) -> Network:
    """scikit-learn's digits pooled to 4 x 4 and standardised, SiLU; ``seed`` chooses the
    samples."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    pooled = images.reshape(-1, 4, 2, 4, 2).mean((2, 4)).reshape(-1, 16)
    pick = streams.permutations(len(pooled), seed, 1)[0, :samples]
    x = pooled[pick]
    x = (x - x.mean(0)) / (x.std(0) + 1e-9)
    return Network(
        torch.tensor(x),
        torch.tensor(labels[pick]),
        10,
        hidden,
        F.silu,
        weight_decay,
        name=f"digits, decay {weight_decay:g}",
    )


def text_network(weight_decay=1e-3, seed=0, hidden=8, samples=1024, embedding=3) -> Network:
    """Two characters predict the third, tanh, on Lincoln's Gettysburg Address (1863, public domain)
    in letters and blanks; ``seed`` chooses the positions."""
    letters = plain_text()
    alphabet = sorted(set(letters))
    codes = np.array([alphabet.index(c) for c in letters])
    pick = streams.permutations(len(codes) - 2, seed, 1)[0, :samples]
    x = np.stack([codes[:-2], codes[1:-1]], 1)[pick]
    y = codes[2:][pick]
    return Network(
        torch.tensor(x),
        torch.tensor(y),
        len(alphabet),
        hidden,
        torch.tanh,
        weight_decay,
        embedding,
        name=f"text, decay {weight_decay:g}",
    )


def plain_text() -> str:
    """The shipped text in lower case, everything but letters turned into single blanks; the
    signature line is left out."""
    raw = (resources.files(__package__) / "data" / "gettysburg.txt").read_text("utf-8")
    speech = raw.rsplit("\n\n", 1)[0]
    return " ".join("".join(c if c.isalpha() else " " for c in speech.lower()).split())
