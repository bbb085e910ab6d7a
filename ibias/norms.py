"""Norms on k x d matrices, their duals, and the steepest directions of descent."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import inf

import numpy as np
import torch
from torch import Tensor

from ._checks import is_number


class Norm(ABC):
    """A norm on real k x d matrices; every method maps over leading axes ("lanes").

    Shapes, with ``<g, v> = sum(g * v)`` and any float dtype or device (numpy arrays are accepted):

    - ``value(w)``     ``||w||``                                  ``(*lanes, k, d) -> (*lanes,)``
    - ``dual(g)``      ``max <g, v>`` over ``||v|| <= 1``          ``(*lanes, k, d) -> (*lanes,)``
    - ``steepest(g)``  a ``v`` attaining it (Section 3.1)
      ``(*lanes, k, d) -> (*lanes, k, d)``
    - ``cvx(w)``       ``||w||`` as a convex cvxpy expression

    Choices where the maximiser is not unique: ``steepest(0) = 0``; ``sign(0) = 0``; ties of a
    largest entry go to the first one; singular directions below the numerical rank are dropped,
    never filled in.  ``dual`` does not use ``steepest``, so that ``<g, steepest(g)> = dual(g)`` is
    a test.  Inputs are rescaled by a largest entry first: 1e-300 and 1e300 are safe.
    """

    p: float

    @property
    def q(self) -> float:
        """The conjugate exponent, ``1/p + 1/q = 1``."""
        return inf if self.p == 1 else 1.0 if self.p == inf else self.p / (self.p - 1)

    @property
    def family(self) -> str:
        """Which norms of this file it is one of, "entrywise" or "schatten", so that p says
        everything.  "" for any other, subclasses of the two included: their maps may be others."""
        return {Entrywise: "entrywise", Schatten: "schatten"}.get(type(self), "")

    @property
    def flatness(self) -> float:
        """``p - 1``, as ``steepest`` keeps entries' (or singular values') ``1/flatness``-th power.

        inf: signs alone (p = inf); 1: their ratios (p = 2); 0: the largest alone (p = 1).
        """
        return self.p - 1

    def cut(self, dtype: torch.dtype) -> float:
        """Singular values at or below ``cut`` times the largest count as zero in ``steepest``."""
        return 0.0

    @property
    @abstractmethod
    def text(self) -> str:
        """The name that ``ib.norm`` reads back, ``max``, ``spectral`` or ``schatten:4``."""

    @abstractmethod
    def value(self, w: Tensor) -> Tensor: ...

    @abstractmethod
    def dual(self, g: Tensor) -> Tensor: ...

    @abstractmethod
    def steepest(self, g: Tensor) -> Tensor: ...

    @abstractmethod
    def cvx(self, w): ...


@dataclass(frozen=True)
class Entrywise(Norm):
    """``(sum |w_ij|^p)^(1/p)``, for p = inf the max norm (SignSGD), for 2 Frobenius (normalised
    SGD), for 1 the sum norm."""

    p: float

    def __post_init__(self):
        _check_exponent("Entrywise", self.p)

    @property
    def text(self):
        return {inf: "max", 2: "frobenius", 1: "sum"}.get(self.p, f"entrywise:{_digits(self.p)}")

    def value(self, w):
        unit, scale = _rescaled(w)
        return scale * _power_norm(unit.flatten(-2), self.p)

    def dual(self, g):
        unit, scale = _rescaled(g)
        return scale * _power_norm(unit.flatten(-2), self.q)

    def steepest(self, g):
        unit, _ = _rescaled(g)
        return _power_steepest(unit.flatten(-2), self.p).view_as(unit)

    def cvx(self, w):
        import cvxpy as cp

        return cp.pnorm(cp.vec(w, order="C"), self.p)


@dataclass(frozen=True)
class Schatten(Norm):
    """The p-norm of singular values, for inf spectral (Muon), for 2 Frobenius, for 1 nuclear.

    ``rtol``: singular values below ``rtol`` times the largest count as zero.  Mini-batch gradients
    have rank at most ``min(b, k - 1)``; without the cut a thin SVD adds arbitrary directions and
    Lemma H.1 fails.
    """

    p: float
    # rounding of a float64 gradient leaves about 1e-16; the compiled kernel uses the same cut
    rtol: float = 4e-14

    def __post_init__(self):
        _check_exponent("Schatten", self.p)
        if not 0 <= self.rtol < 1:
            raise ValueError(f"Schatten(rtol=...) is a relative cut in [0, 1); got {self.rtol}")

    @property
    def text(self):
        return {inf: "spectral", 1: "nuclear"}.get(self.p, f"schatten:{_digits(self.p)}")

    def value(self, w):
        unit, scale = _rescaled(w)
        return scale * _power_norm(_singular_values(unit), self.p)

    def dual(self, g):
        unit, scale = _rescaled(g)
        return scale * _power_norm(_singular_values(unit), self.q)

    def steepest(self, g):
        unit, _ = _rescaled(g)
        u, s, vh = _svd(unit)
        s = torch.where(s > self.cut(s.dtype) * s.amax(-1, keepdim=True), s, 0)
        return (u * _power_steepest(s, self.p)[..., None, :]) @ vh

    def cut(self, dtype: torch.dtype) -> float:
        """``rtol``, or rounding in a float dtype that is coarser."""
        return max(self.rtol, 8 * torch.finfo(dtype).eps if dtype != torch.float64 else 0.0)

    def cvx(self, w):
        import cvxpy as cp

        if self.p == inf:
            return cp.sigma_max(w)
        if self.p in (1, 2):
            return cp.normNuc(w) if self.p == 1 else cp.norm(w, "fro")
        return _schatten_cvx(cp, w, self.p)


def _check_exponent(family, p):
    if not is_number(p) or p < 1:
        got = f"got p = {p!r}. Use p = inf (math.inf) for the limit case."
        raise ValueError(f"{family}(p) is a norm for numbers p in [1, inf] only; {got}")


def _digits(p):
    """As few digits of an exponent as give it back: 1.5, and 1.0001234 whole."""
    return f"{p:g}" if float(f"{p:g}") == p else repr(float(p))


def _rescaled(w):
    """``(w / m, m)`` with ``m`` the largest magnitude per lane, 1 for a zero matrix."""
    w = torch.as_tensor(w)
    if not w.is_floating_point():
        w = w.double()
    if w.ndim < 2:
        shape = tuple(w.shape)
        raise ValueError(f"a norm takes matrices (*lanes, classes, features); got shape {shape}")
    largest = w.abs().amax((-2, -1))
    scale = torch.where(largest > 0, largest, torch.ones_like(largest))
    return w / scale[..., None, None], scale


def _singular_values(a):
    """``svdvals``, NaN for matrices that are not finite: a run that diverged is data, no error."""
    try:
        return torch.linalg.svdvals(a)
    except torch.linalg.LinAlgError:
        finite = _finite(a)
        values = torch.linalg.svdvals(torch.where(finite, a, 0))
        return torch.where(finite[..., 0], values, torch.nan)


def _svd(a):
    """Thin SVD, NaN for matrices that are not finite."""
    try:
        return torch.linalg.svd(a, full_matrices=False)
    except torch.linalg.LinAlgError:
        finite = _finite(a)
        parts = torch.linalg.svd(torch.where(finite, a, 0), full_matrices=False)
        masks = finite, finite[..., 0], finite
        return [torch.where(m, part, torch.nan) for m, part in zip(masks, parts, strict=True)]


def _finite(a):
    """``(*lanes, 1, 1)``: which matrices are finite; LinAlgError when all of them are."""
    finite = a.isfinite().all(-1, keepdim=True).all(-2, keepdim=True)
    if finite.all():
        raise torch.linalg.LinAlgError("the singular values of a finite matrix did not converge")
    return finite


def _power_norm(a, p):
    """p-norm over the last axis of entries of magnitude <= 1."""
    a = a.abs()
    if p == inf:
        return a.amax(-1)
    return a.sum(-1) if p == 1 else a.pow(p).sum(-1).pow(1 / p)  # a power of 1 copies


def _power_steepest(a, p):
    """argmax of <a, v> over the p-ball, last axis; the vector case of Section 3.1's table."""
    if p == inf:
        return a.sign()
    top = a.abs().amax(-1, keepdim=True)
    a = a / torch.where(top > 0, top, torch.ones_like(top))
    if p == 1:
        first = a.abs().argmax(-1, keepdim=True)
        return torch.zeros_like(a).scatter(-1, first, a.gather(-1, first).sign())
    q = p / (p - 1)
    length = _power_norm(a, q)[..., None].pow(q - 1)
    return a.sign() * a.abs().pow(q - 1) / torch.where(length > 0, length, torch.ones_like(length))


def _schatten_cvx(cp, w, p):
    """Least ``||s||_p`` over decreasing s whose partial sums dominate the Ky Fan norms of w."""
    from cvxpy.transforms.partial_optimize import partial_optimize

    k, d = w.shape
    r = min(k, d)
    s = cp.Variable(r)
    dilation = cp.bmat([[np.zeros((k, k)), w], [w.T, np.zeros((d, d))]])
    fans = [cp.lambda_sum_largest(dilation, j + 1) <= cp.sum(s[: j + 1]) for j in range(r)]
    ordered = [s[-1] >= 0] + [s[j] >= s[j + 1] for j in range(r - 1)]
    return partial_optimize(cp.Problem(cp.Minimize(cp.pnorm(s, p)), fans + ordered), opt_vars=[s])


MAX, FROBENIUS, SUM = Entrywise(inf), Entrywise(2), Entrywise(1)
SPECTRAL, NUCLEAR = Schatten(inf), Schatten(1)
NAMED = {norm.text: norm for norm in (MAX, FROBENIUS, SUM, SPECTRAL, NUCLEAR)}
# what every test, the engines and the maximum margins iterate over
CATALOG: tuple[Norm, ...]
CATALOG = *NAMED.values(), Entrywise(1.5), Entrywise(3), Schatten(1.5), Schatten(4)


def norm(text: str) -> Norm:
    """The norm of a text: "max", "frobenius", "sum", "spectral", "nuclear", "entrywise:P" or
    "schatten:P" with P in [1, inf].

    For command line and notebook parameters, not code; ValueError for any other text.
    """
    if text in NAMED:
        return NAMED[text]
    family, _, exponent = str(text).partition(":")
    families = {"entrywise": Entrywise, "schatten": Schatten}
    try:
        return families[family](float(exponent))
    except (KeyError, ValueError):
        known = f"{', '.join(NAMED)}, or entrywise:P or schatten:P with P a number in [1, inf]"
        raise ValueError(f"unknown norm {text!r}: use one of {known}") from None
