"""The paper's language network: a character transformer with one head, one layer and 960
parameters, on the text it read."""

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F

from ibias import streams

from ...repository import archives
from ..networks import Network, plain_text

ALPHABET = " abcdefghijklmnopqrstuvwx"  # 25, as many as the public code keeps
WIDTH, WINDOW, CHARACTERS, WINDOWS = 8, 16, 6_000, 4_736
OPENING = "Before we proceed any further"
"""Coriolanus, where the collection that the public code reads begins as well."""


@dataclass(frozen=True, eq=False)
class Transformer(Network):
    """Windows ``x (n, 16)`` of characters and the next character at every place, ``y (n, 16)``.

    Pre-normalised attention and GELU layers without biases, a head of its own for the output.
    ``without`` says why the text is not Shakespeare's.
    """

    without: str = ""

    @property
    def shapes(self) -> dict:
        return {
            "token": (len(ALPHABET), WIDTH),
            "place": (WINDOW, WIDTH),
            **{f"{part}_{n}": (WIDTH,) for n in (1, 2, 3) for part in ("scale", "shift")},
            "qkv": (3 * WIDTH, WIDTH),
            **{part: (WIDTH, WIDTH) for part in ("out", "up", "down")},
            "head": (len(ALPHABET), WIDTH),
        }

    def start(self, seed: int) -> torch.Tensor:
        """Normal weights of scale 0.02; norms that do nothing at first."""
        rng = streams.generator(seed)
        fixed, parts = {"scale": 1.0, "shift": 0.0}, []
        for name, shape in self.shapes.items():
            kind, size = name.partition("_")[0], math.prod(shape)
            drawn = kind not in fixed
            parts.append(0.02 * rng.standard_normal(size) if drawn else np.full(size, fixed[kind]))
        return torch.tensor(np.concatenate(parts))

    def part(self, windows) -> "Transformer":
        """The same network on some of the windows."""
        return replace(self, x=self.x[windows], y=self.y[windows])

    def logits(self, theta, x):
        """``theta (R, p)``, ``x (R, b, 16)`` -> ``(R, b, 16, 25)``."""
        w = self.unpack(theta)
        replicas, b, length = x.shape
        rows = x.reshape(replicas, -1, 1).expand(-1, -1, WIDTH)
        h = torch.gather(w["token"], 1, rows).reshape(replicas, b, length, WIDTH)
        h = h + w["place"][:, None]
        q, k, v = self._times(w["qkv"], self._norm(h, w, 1)).split(WIDTH, -1)
        scores = q @ k.transpose(-1, -2) / math.sqrt(WIDTH)
        later = torch.ones(length, length, dtype=torch.bool).triu(1)
        h = h + self._times(w["out"], scores.masked_fill(later, -math.inf).softmax(-1) @ v)
        inner = self.activation(self._times(w["up"], self._norm(h, w, 2)))
        h = h + self._times(w["down"], inner)
        return self._times(w["head"], self._norm(h, w, 3))

    @staticmethod
    def _times(weight, h):
        """Every replica's ``weight (R, out, in)`` on ``h (R, b, 16, in)``."""
        flat = h.flatten(1, 2) @ weight.transpose(1, 2)
        return flat.view(*h.shape[:3], weight.shape[1])

    @staticmethod
    def _norm(h, w, number):
        normal = F.layer_norm(h, (WIDTH,))
        return normal * w[f"scale_{number}"][:, None, None] + w[f"shift_{number}"][:, None, None]

    def losses(self, theta, x, y):
        """Mean cross-entropy of every replica on its own batch, ``(R,)``."""
        z = self.logits(theta, x).flatten(0, 2)
        return F.cross_entropy(z, y.flatten(), reduction="none").view(len(y), -1).mean(1)


def transformer(windows: int = WINDOWS) -> Transformer:
    """On the first ``windows`` of the overlapping windows of the text, or all in whole batches."""
    text, name, without = _text()
    codes = torch.tensor([ALPHABET.index(c) for c in text])
    every = codes.unfold(0, WINDOW + 1, 1)
    every = every[: min(windows, len(every) // 64 * 64)]
    x, y = every[:, :-1], every[:, 1:]
    return Transformer(x, y, len(ALPHABET), WIDTH, F.gelu, 0.0, name=name, without=without)


def _text() -> tuple[str, str, str]:
    """6,000 characters of Coriolanus, or the Gettysburg Address; letters a to x, all else a
    blank."""
    try:
        play, without = archives.plays(), ""
        text = play[play.index(OPENING) :][:CHARACTERS]
        name = "Shakespeare"
    except archives.Unavailable as why:
        text, name, without = plain_text(), "the Gettysburg Address", str(why)
    return "".join(c if c in ALPHABET else " " for c in text.lower()), name, without
