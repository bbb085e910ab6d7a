"""Proofs of max margins for `checker`: the exact bounds that floating-point optima give."""

import json
from collections.abc import Sequence
from decimal import Decimal, localcontext
from fractions import Fraction
from hashlib import sha256
from math import inf, nextafter
from pathlib import Path

import numpy as np

from ..data import Dataset
from ..norms import MAX, Norm, Schatten
from . import checker
from .vanishing import vanishing

BITS = 128  # of the bases: what is left of the cosines stays far below the rounding of float64
DUST = 2.0**-70  # multipliers below this, relative to the largest, are left out


def prove(dataset: Dataset | None, norm: Norm, weights: np.ndarray, dual: np.ndarray) -> str:
    """The text of a proof that ``lower <= gamma <= upper`` from any weights (k, d) and any
    multipliers (n, k), floats or dyadic fractions (arrays of objects), which hold more digits.

    The bounds are the exact ones of `weights` and `dual`, rounded outwards to float64; the matrices
    of Schatten norms come with the bases that their bounds lean on.  ``checker`` states the
    theorems and the format.  Raises ValueError where `weights` or `dual` bound nothing.
    """
    if dataset is None:
        raise ValueError("this result holds no data set to prove anything about; solve it again")
    heavy = np.argwhere(dual > DUST * dual.max()).tolist()
    multipliers = [[i, c, hexadecimal(dual[i, c])] for i, c in heavy]
    proof = {
        "data": dataset.digest,
        "norm": norm.text,
        "weights": [[hexadecimal(v) for v in row] for row in weights.tolist()],
        "multipliers": multipliers,
    }
    x, y = dataset.x.tolist(), dataset.y.tolist()
    if isinstance(norm, Schatten):
        exact, _ = checker.whole(x)
        proof["basis"] = basis(checker.whole(weights.tolist())[0])
        proof["dual_basis"] = basis(_combination(dataset, exact, multipliers))
    lower, upper = checker.bounds(proof, x, y)
    if not lower > 0:
        raise ValueError("these weights do not separate the data: they prove no lower bound")
    return seal(proof, _beyond(lower, -inf), _beyond(upper, inf))


def refute(dataset: Dataset, certificate: np.ndarray) -> str:
    """The text of a proof that no W separates, from multipliers (n, k) that vanish in float64.

    Raises ArithmeticError when no multipliers near them vanish exactly, or they are too many.
    """
    exact = vanishing(dataset, certificate)
    multipliers = [[i, c, hexadecimal(a)] for (i, c), a in exact.items()]
    return seal({"data": dataset.digest, "norm": MAX.text, "multipliers": multipliers}, 0.0, 0.0)


def written(text: str, path: str | Path | None) -> str:
    """The text, also in a file where a path is given."""
    if path is not None:
        Path(path).write_bytes(text.encode())
    return text


def plain(dataset: Dataset) -> str:
    """The data as JSON with hexadecimal floats, as the stand-alone checker reads them."""
    rows = [[v.hex() for v in row] for row in dataset.x.tolist()]
    return json.dumps({"x": rows, "y": dataset.y.tolist()}, separators=(",", ":"))


def seal(proof: dict, lower: float, upper: float) -> str:
    """The proof with its claim, behind the SHA-256 of everything but that number itself."""
    claimed = {"lower": lower.hex(), "upper": upper.hex()} | proof
    head, body = '{"sha256":"', '",' + json.dumps(claimed, separators=(",", ":"))[1:]
    return head + sha256((head + body).encode()).hexdigest() + body


def hexadecimal(value: float | int | Fraction) -> str:
    """A dyadic number exactly: 0.375 is 0x3p-3."""
    above, below = value.as_integer_ratio()
    return f"{above:#x}p{1 - below.bit_length()}"


def basis(rows: Sequence[Sequence[int]]) -> list[list[str]]:
    """Q (r, r), r the smaller side of a matrix of integers M: orthogonal, and such that Q M (or
    Q M^T) has orthogonal rows, both to 2^-128 of the largest entry.

    One-sided Jacobi rotations (Hestenes 1958) in 60 digits, from the singular vectors of float64.
    """
    rows = rows if len(rows) <= len(rows[0]) else list(zip(*rows, strict=True))
    with localcontext() as context:
        context.prec = 60
        top = Decimal(max(abs(v) for row in rows for v in row) or 1)
        m = np.array([[Decimal(v) / top for v in row] for row in rows])
        start = np.linalg.svd(m.astype(float), full_matrices=False)[0].T
        q = _orthonormal(np.array([[Decimal(v) for v in row] for row in start.tolist()]))
        b = q @ m
        while _sweep(q, b):
            pass
        scale = 2**BITS
        return [[hexadecimal(Fraction(round(v * scale), scale)) for v in row] for row in q]


def _orthonormal(q):
    """Gram-Schmidt on rows that are orthonormal to float64, in place."""
    for i in range(len(q)):
        for j in range(i):
            q[i] -= (q[i] @ q[j]) * q[j]
        q[i] /= (q[i] @ q[i]).sqrt()
    return q


def _sweep(q, b):
    """Rotates every pair of rows of b whose cosine matters, in place; how many did."""
    least, rotated = Decimal("1e-36"), 0  # squared: the checker lengthens rows by 2^-60 = 1e-18
    for i in range(len(b)):
        for j in range(i):
            own, other, cross = b[i] @ b[i], b[j] @ b[j], b[i] @ b[j]
            if cross**2 <= Decimal("1e-40") * (own + least) * (other + least):
                continue
            zeta = (other - own) / (2 * cross)
            t = 1 / (abs(zeta) + (1 + zeta**2).sqrt()) * (1 if zeta >= 0 else -1)
            c = 1 / (1 + t**2).sqrt()
            for m in (q, b):
                m[i], m[j] = c * m[i] - c * t * m[j], c * t * m[i] + c * m[j]
            rotated += 1
    return rotated


def _combination(dataset, exact, multipliers):
    """``sum a_ic (e_y - e_c) x_i^T`` in integers, up to a common factor."""
    (a,), _ = checker.matrix([[text for _, _, text in multipliers]], 1, len(multipliers))
    total = np.zeros((dataset.k, dataset.d), dtype=object)
    for (i, c, _), size in zip(multipliers, a, strict=True):
        row = np.array(exact[i], dtype=object) * size
        total[dataset.y[i]] += row
        total[c] -= row
    return total.tolist()


def _beyond(value, direction):
    """The nearest float64 on the side of `direction`."""
    near = float(value)
    outside = near <= value if direction < 0 else near >= value
    return near if outside else nextafter(near, direction)
