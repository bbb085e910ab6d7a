"""Checks a proof about a max margin in whole numbers: python checker.py PROOF DATA

DATA is .npz (x float64 in C order, y int64), .csv (with a column `label`) or .json {"x": rows of
hexadecimal floats, "y": labels}.  Floats are rational.  With z_ic = (e_yi - e_c) x_i^T for samples
i and classes c != y_i, and gamma = max over ||W|| <= 1 of min <z_ic, W>, the theorems used are:
- any W: gamma >= min <z_ic, W> / ||W||.  Any a >= 0, not zero: gamma <= ||S||_* / sum a with
  S = sum a_ic z_ic, and no W separates if S = 0.  (*: exponent q = p / (p - 1), same family.)
- Norms, from above.  Entry-wise: p-th powers rounded up; exact for p = 1 and inf.  Schatten: let
  Q M have rows b_i, and any s_i > 0.  Then M = Q^-1 diag(s) C, ||M|| <= ||s||_p |Q^-1| |C|, and
  by Gershgorin |C|^2 <= the largest row sum of |<b_i, b_j>| / (s_i s_j), |Q^-1|^2 <= 1 / (1 - e)
  for the largest row sum e of |Q Q^T - I|.  s_i is |b_i| and at most 2^-60 of the largest more.
"""

import csv
import json
import re
import struct
import sys
import zipfile
from fractions import Fraction
from hashlib import sha256
from math import inf, isqrt
from operator import mul
from pathlib import Path

UNIT = 1 << 192  # powers are rounded up to its inverse
STEP = 1 << 60  # exponents are rounded to its inverse, to the side of larger bounds
NAMES = {"max": "entrywise:inf", "sum": "entrywise:1", "frobenius": "entrywise:2"}
NAMES |= {"spectral": "schatten:inf", "nuclear": "schatten:1"}


def require(truth, sentence):
    """Raise ValueError with the sentence unless ``truth``."""
    if not truth:
        raise ValueError(sentence)


def whole(rows):
    """(integers, D): the rows times their common denominator D, a power of two."""
    ratios = [[value.as_integer_ratio() for value in row] for row in rows]
    scale = max(below for row in ratios for _, below in row)
    return [[above * (scale // below) for above, below in row] for row in ratios], scale


def matrix(texts, height, width):
    """The same for rows of hexadecimal floats of any length, such as -0x1abcp-7."""
    require(len(texts) == height and {len(row) for row in texts} == {width}, "wrong shape")
    cells = [[re.fullmatch("(-?0x[0-9a-f]+)p([+-]?[0-9]{1,4})", v) for v in row] for row in texts]
    require(all(map(all, cells)), "a number is not a hexadecimal float")
    return whole([[int(v[1], 16) * Fraction(2) ** int(v[2]) for v in row] for row in cells])


def power(v, p):
    """An upper bound of v^p in units of 1 / UNIT, like v > 0; p > 0 is a multiple of 1 / STEP."""
    for _ in range(p.denominator.bit_length() - 1):
        v = isqrt(v * UNIT - 1) + 1
    out = UNIT
    for bit in f"{p.numerator:b}":
        out = -(-out * out * (v if bit == "1" else UNIT) // UNIT**2)
    return out


def length(entries, p):
    """An upper bound of the p-norm of integers."""
    sizes = [abs(entry) for entry in entries if entry]
    if p in (1, inf):
        return Fraction(sum(sizes) if p == 1 else max(sizes))
    top, down = max(sizes), Fraction(p * STEP // 1, STEP)  # v <= 1: v^p falls with p
    total = sum(power(-(-size * UNIT // top), down) for size in sizes)
    return Fraction(top * power(total, Fraction(-(-STEP // p), STEP)), UNIT)


def bound(rows, family, p, basis):
    """An upper bound of the norm of a matrix of integers; `basis` is Q."""
    if family == "entrywise":
        return length([entry for row in rows for entry in row], p)
    rows = list(zip(*rows, strict=True)) if len(rows) > len(rows[0]) else rows
    q, scale = matrix(basis, len(rows), len(rows))
    gram = [[abs(sum(map(mul, u, v)) - scale**2 * (u is v)) for v in q] for u in q]
    defect = Fraction(max(map(sum, gram)), scale**2)
    require(defect < 1, "a basis is not near an orthogonal one")
    turned = [[sum(map(mul, u, column)) for column in zip(*rows, strict=True)] for u in q]
    gram = [[abs(sum(map(mul, u, v))) for v in turned] for u in turned]
    sizes = [isqrt(row[i] + (max(map(max, gram)) >> 120)) + 1 for i, row in enumerate(gram)]
    cosines = [
        sum(Fraction(g, s * t) for g, t in zip(row, sizes, strict=True))
        for row, s in zip(gram, sizes, strict=True)
    ]
    return length(sizes, p) * (1 + max(cosines) / (1 - defect)) / (2 * scale)  # 2 sqrt(v) <= 1 + v


def bounds(proof, x, y):
    """The lower and the upper bound, as rationals, that a proof gives; (0, 0): not separable."""
    family, _, p = NAMES.get(proof["norm"], proof["norm"]).partition(":")
    p = inf if p == "inf" else Fraction(float(p))  # exactly the float64 that the text denotes
    require(family in ("entrywise", "schatten") and p >= 1, "unknown norm")
    (x, scale), k, entries = whole(x), max(y) + 1, proof["multipliers"]
    (a,), _ = matrix([[text for _, _, text in entries]], 1, len(entries))
    s = [[0] * len(x[0]) for _ in range(k)]
    for (i, c, _), size in zip(entries, a, strict=True):
        require(size >= 0 and 0 <= c != y[i], "a multiplier is negative or at the own class")
        s[y[i]] = [entry + size * v for entry, v in zip(s[y[i]], x[i], strict=True)]
        s[c] = [entry - size * v for entry, v in zip(s[c], x[i], strict=True)]
    require(sum(a) > 0, "all multipliers are zero")
    if not any(map(any, s)):
        return 0, 0
    w, _ = matrix(proof["weights"], k, len(x[0]))
    scores = [[sum(map(mul, row, v)) for v in w] for row in x]
    smallest = min(row.pop(own) - max(row) for row, own in zip(scores, y, strict=True))
    lower = smallest / (scale * bound(w, family, p, proof.get("basis")))
    p = 1 if p == inf else inf if p == 1 else p / (p - 1)
    return lower, bound(s, family, p, proof.get("dual_basis")) / (scale * sum(a))


def check(raw, x, y):
    """What the bytes of a proof prove about x (n rows of d floats) and y (0..k-1), or an error.
    The data's digest is the SHA-256 of n, d, x, y as little-endian int64 and float64."""
    proof, seal, n, d = json.loads(raw), sha256(raw[:11] + raw[75:]).hexdigest(), len(x), len(x[0])
    require(raw[11:75] == seal.encode(), "it is not a proof, or was changed since its making")
    rows = b"".join(struct.pack(f"<{d}d", *row) for row in x)
    data = sha256(struct.pack("<2q", n, d) + rows + struct.pack(f"<{n}q", *y)).hexdigest()
    require(proof["data"] == data, f"it is about other data than these (digest {data})")
    low, high = float.fromhex(proof["lower"]), float.fromhex(proof["upper"])
    lower, upper = bounds(proof, x, y)
    require(0 <= low <= lower, "W does not prove the lower bound that is claimed")
    require(upper <= high < inf, "the multipliers do not prove the upper bound claimed")
    claim = f"{low!r} <= max margin <= {high!r}, relative width {(high - low) / (high or 1):.1e}"
    claim = claim if high else "no linear classifier is right on every sample"
    return f"proved: data {data}, norm {proof['norm']}: {claim}"


def read(path):
    """(x, y) of a file: rows of floats, and labels numbered 0..k-1 in sorted order."""
    if path.endswith(".npz"):
        with zipfile.ZipFile(path) as file:  # a .npy is a line that describes it, and its bytes
            x, y = (memoryview(file.read(f"{name}.npy").partition(b"\n")[2]) for name in "xy")
        y, d = y.cast("q").tolist(), 8 * len(x) // len(y)
        x = [x[i : i + d].cast("d").tolist() for i in range(0, len(x), d)]
    elif path.endswith(".json"):
        x, y = map(json.loads(Path(path).read_bytes()).get, "xy")
        x = [map(float.fromhex, row) for row in x]
    else:
        header, *x = csv.reader(Path(path).read_text("utf-8-sig").splitlines())
        y = [row.pop([name.strip() for name in header].index("label")).strip() for row in x if row]
        y = [float(v) for v in y] if all(re.fullmatch("[-+.0-9eE]+", v) for v in y) else y
    numbers = {name: index for index, name in enumerate(sorted(set(y)))}
    return [list(map(float, row)) for row in x if row], [numbers[label] for label in y]


if __name__ == "__main__":
    try:
        print(check(Path(sys.argv[1]).read_bytes(), *read(sys.argv[2])))
    except Exception as error:
        sys.exit(f"refused: {' '.join(f'{error} ({type(error).__name__})'.split())}")
