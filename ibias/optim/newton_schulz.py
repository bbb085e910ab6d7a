"""Newton-Schulz iterations: the usual approximate stand-in for the exact polar factor."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class NewtonSchulz:
    """``x <- (a I + b x x^T + c (x x^T)^2) x``, from ``x = g / ||g||_F``, a fixed number of times.

    The default coefficients (the ones in ``torch.optim.Muon``) are tuned for speed and do not
    converge: five steps leave singular values of up to about 1.2 and small ones anywhere below, ten
    or more all of them in about 0.68 to 1.13.  So the step is longer than ``lr`` in the spectral
    norm and shorter in its alignment (notebook M2).
    ``NewtonSchulz(coefficients=(15/8, -10/8, 3/8), dtype=None)`` converges to the polar factor;
    singular values below about ``1.9 ** -steps`` of the Frobenius norm have not arrived.

    ``dtype``: the precision of the iteration; None keeps the gradient's, which on a CPU can take
    longer than the exact factor (measured on the page "Use these optimizers").  Raises ValueError
    for steps that are no positive integer or coefficients that are not three.
    """

    steps: int = 5
    coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315)
    dtype: torch.dtype | None = torch.bfloat16

    def __post_init__(self):
        if not (isinstance(self.steps, int) and self.steps >= 1):
            raise ValueError(
                f"NewtonSchulz(steps=...) must be a positive integer; got {self.steps}"
            )
        if len(self.coefficients) != 3:
            raise ValueError(
                "NewtonSchulz(coefficients=...) are the three numbers of a quintic; got"
                f" {self.coefficients}"
            )

    def __call__(self, g: Tensor) -> Tensor:
        """Maps ``(*lanes, k, d)`` to the same shape; zero stays zero."""
        a, b, c = self.coefficients
        # lengths are squared on the way: first the largest entry becomes 1, whatever the scale of
        # the loss
        largest = g.abs().amax((-2, -1), keepdim=True)
        x = g / torch.where(largest > 0, largest, torch.ones_like(largest))
        x = x if self.dtype is None else x.to(self.dtype)
        tall = x.shape[-2] > x.shape[-1]
        x = x.mT if tall else x
        length = torch.linalg.matrix_norm(
            x.float() if x.dtype in (torch.bfloat16, torch.float16) else x, keepdim=True
        ).to(x.dtype)
        x = x / torch.where(length > 0, length, torch.ones_like(length))
        for _ in range(self.steps):
            gram = x @ x.mT
            x = a * x + (b * gram + c * gram @ gram) @ x
        return (x.mT if tall else x).to(g.dtype)
