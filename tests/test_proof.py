"""Exact proofs of max margins: written, checked in whole numbers, and every false one refused."""

import ast
import json
import random
import subprocess
import sys
from fractions import Fraction
from functools import cache
from hashlib import sha256
from math import inf, nextafter
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import ibias.data as data
from ibias.cli import main
from ibias.data import Dataset
from ibias.maxmargin import NotSeparable, checker, max_margin
from ibias.maxmargin.proof import basis, hexadecimal, plain, prove, refute
from ibias.maxmargin.vanishing import solve
from ibias.norms import CATALOG, FROBENIUS, MAX, NUCLEAR, SPECTRAL, Entrywise, Schatten
from ibias.norms import norm as norm_of

SCRIPT = Path(checker.__file__)
NORMS = (*CATALOG, Entrywise(1.1), Schatten(1.1), Schatten(2), Schatten(30))
each_norm = pytest.mark.parametrize("norm", NORMS, ids=lambda norm: norm.text)
SETS = {
    "mixture": data.mixture,
    "clusters": lambda: data.mixture(classes=3, per_class=4, dim=4, spread=0.3),
    "scale-skewed": data.scale_skewed,
    **{f"X.{i}": lambda i=i: data.counterexample(f"X.{i}") for i in range(1, 6)},
}
BOOK = SETS | {
    "gaussian": data.gaussian,
    "digits 3-8": lambda: data.digits((3, 8)),
    "digits": data.digits,
}
XOR = Dataset([[1.0, 1], [-1, -1], [1, -1], [-1, 1]], [0, 0, 1, 1])


@cache
def solved(name, norm):
    return max_margin(BOOK[name](), norm)


@cache
def proof_of(name, norm):
    return solved(name, norm).proof()


def lists(dataset):
    return dataset.x.tolist(), dataset.y.tolist()


def claimed(text):
    proof = json.loads(text)
    return float.fromhex(proof["lower"]), float.fromhex(proof["upper"])


def sealed(proof):
    """A proof with a right hash, whatever it says: what a forger would write."""
    proof = {key: value for key, value in proof.items() if key != "sha256"}
    head, body = '{"sha256":"', '",' + json.dumps(proof)[1:]
    return (head + sha256((head + body).encode()).hexdigest() + body).encode()


def refused(raw, x, y, module=checker):
    try:
        module.check(raw, x, y)
    except Exception:
        return True
    return False


def stand_alone(*arguments, folder):
    """The script as someone without this package runs it: isolated, no site packages."""
    return subprocess.run(
        [sys.executable, "-I", "-S", SCRIPT, *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("name", SETS)
@each_norm
def test_a_proof_is_accepted_and_lies_inside_the_certificate_of_floating_point(name, norm):
    best, text = solved(name, norm), proof_of(name, norm)
    line = checker.check(text.encode(), *lists(best.dataset))
    lower, upper = claimed(text)
    assert best.dataset.digest in line and norm.text in line and repr(lower) in line
    # the certificate was moved outwards by more than its rounding: the exact bounds lie inside
    assert best.lower <= lower <= upper <= best.upper
    assert upper - lower <= best.upper - best.lower


@pytest.mark.slow
@pytest.mark.parametrize("name", BOOK)
def test_every_max_margin_of_the_book_is_checked_without_the_package(name, tmp_path):
    (tmp_path / "data.json").write_text(plain(BOOK[name]()))
    for chosen in CATALOG:
        solved(name, chosen).proof(tmp_path / "proof")
        result = stand_alone("proof", "data.json", folder=tmp_path)
        assert result.returncode == 0, result.stderr
        lower, upper = claimed((tmp_path / "proof").read_text())
        # widths of the float certificates are 2e-14 to 1.1e-13, all but their rounding is here too
        assert upper - lower <= 1e-13 * upper
        assert solved(name, chosen).lower <= lower <= upper <= solved(name, chosen).upper


def test_the_checker_is_small_and_needs_only_the_standard_library():
    source = SCRIPT.read_text()
    assert len(source.splitlines()) <= 150
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            assert all(alias.name in sys.stdlib_module_names for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module.partition(".")[0] in sys.stdlib_module_names


# --- bounds of norms, against exact values -------------------------------------------------------


def exact_bounds_hold(m):
    """Each line is an inequality between rationals that a bound rounded the wrong way violates."""
    one, two = m.UNIT, Fraction(2)
    for v in (1, 7, one // 3, one - 1, 2 * one + 1):
        assert m.power(v, 1 / two) ** 2 >= v * one
        assert m.power(v, Fraction(3)) * one**2 >= v**3
        assert m.power(v, 3 / two) ** 2 * one >= v**3
    assert m.length([3, 0, -4], 1) == 7 and m.length([3, 0, -4], inf) == 4
    assert 2 <= m.length([1, 1], two) ** 2 <= 2 + Fraction(1, 10**50)
    assert 2 <= m.length([1, -1], Fraction(3)) ** 3 <= 2 + Fraction(1, 10**15)  # 1/3 rounded up
    # (1/8)^(4/3) = 1/16, and 4/3 is no multiple of 1 / STEP
    true = 8**4 * Fraction(17, 16) ** 3
    assert true <= m.length([8, 1], Fraction(4, 3)) ** 4 <= true * (1 + Fraction(1, 10**15))
    assert m.length([3, 4], Fraction(10**300)) >= 4
    # 99 ratios whose last digits in units of 1 / UNIT are lost if they are not rounded up
    assert m.length([1009] + 99 * [900], two) ** 2 >= 1009**2 + 99 * 900**2
    # one row of length sqrt 2: Q need not be normalised, and s need not be |b|
    for q in ("0x1p0", "0x3p-2", "-0x1p-1"):
        assert m.bound([[1, 1]], "schatten", inf, [[q]]) ** 2 >= 2
    unit = [["0x1p0", "0x0p0"], ["0x0p0", "0x1p0"]]
    assert m.bound([[5, 0], [0, 0]], "schatten", Fraction(1), unit) >= 5  # a row that vanishes
    # singular values 5 and 10, turned by (3, 4) / 5 on the left: times 25 all is whole
    rows, turn = [[3 * 5, -4 * 10], [4 * 5, 3 * 10]], [[3, 4], [-4, 3]]
    for p, true in ((inf, 50), (Fraction(1), 75), (Fraction(3), None)):
        for q in (
            turn,
            [[3, 4.25], [-4, 3]],
            [[5, 0], [0, 5]],
            [[4, -3], [3, 4]],
            [[3, 4], [4, -3]],
        ):
            texts = [[hexadecimal(v / 5) for v in row] for row in q]
            found = m.bound(rows, "schatten", p, texts)
            assert found >= true if true else found**3 >= 25**3 + 50**3
    return True


def test_bounds_of_norms_are_upper_bounds_to_the_last_digit():
    assert exact_bounds_hold(checker)
    with pytest.raises(ValueError, match="orthogonal"):
        checker.bound([[1, 1]], "schatten", inf, [["0x1p1"]])


@each_norm
def test_the_basis_makes_the_bound_tight(norm):
    """Wide, tall, of low rank, and of singular values from 1 to 1e-12."""
    rng = np.random.default_rng(0)
    left, right = np.linalg.qr(rng.normal(size=(6, 6)))[0], np.linalg.qr(rng.normal(size=(9, 6)))[0]
    graded = (left * 10.0 ** -np.arange(0, 12, 2)) @ right.T
    for w in (rng.normal(size=(3, 7)), rng.normal(size=(7, 3)), graded, np.ones((4, 5))):
        rows, scale = checker.whole(w.tolist())
        family, p = norm.__class__.__name__.lower(), inf if norm.p == inf else Fraction(norm.p)
        found = float(checker.bound(rows, family, p, basis(rows)) / scale)
        # 1e-14: the rounding of the float norm; `tests` above hold the bound to the right side
        assert found == pytest.approx(float(norm.value(w)), rel=1e-14)


# --- forged proofs, and a checker that lets one pass ---------------------------------------------

SMALL = (MAX, FROBENIUS, SPECTRAL, NUCLEAR, Entrywise(1.5), Schatten(1.5), Schatten(4))


def forgeries(chosen):
    """(name, bytes) of false or broken claims with a right hash about the clusters."""
    text, y = proof_of("clusters", chosen), BOOK["clusters"]().y.tolist()
    true, (lower, upper) = json.loads(text), claimed(text)

    def forged(low=lower, high=upper, **changes):
        return sealed(true | {"lower": float(low).hex(), "upper": float(high).hex()} | changes)

    yield "lower", forged(lower * (1 + 1e-12))
    yield "upper", forged(high=upper * (1 - 1e-12))
    yield "lower far", forged(lower * 1.01, upper * 2)
    yield "upper far", forged(lower / 2, upper * 0.99)
    yield "no upper", forged(high=inf)
    yield "nan", forged(np.nan)
    yield "negative", forged(-1)
    yield "zero margin", forged(0, 0)
    entries = true["multipliers"]
    for c in (y[-1], -1):  # adds to sum a, and nothing to S
        yield f"own {c}", forged(lower / 3, upper / 2, multipliers=[*entries, [11, c, "0x1p20"]])
    yield "zeros", forged(0, 0, multipliers=[[i, c, "0x0p0"] for i, c, _ in entries])
    yield "nothing", forged(0, 0, multipliers=[])
    yield "signs", forged(lower / 3, upper / 2, multipliers=signed_multipliers())
    yield "index", forged(multipliers=[*entries, [99, 0, "0x1p0"]])
    yield "exponent", forged(multipliers=[*entries, [0, int(y[0] == 0), "0x0p99999"]])
    yield "p < 1", forged(2.0**-30, 2.0**30, norm="entrywise:0.5")
    yield "family", forged(2.0**-30, 2.0**30, norm=f"matrix:{chosen.p}")
    for number in ("0x1p99999", "nan", "1.5", "0x1.8p0", 1.5, None, [], "0x1p"):
        weights = [[number, *true["weights"][0][1:]], *true["weights"][1:]]
        yield f"number {number}", forged(weights=weights)
    if "basis" in true:
        for kind, q in wrong_bases(true["basis"]).items():
            yield f"basis {kind}", forged(lower * 1.2, upper * 2, basis=q)
        for kind, q in wrong_bases(true["dual_basis"]).items():
            yield f"dual basis {kind}", forged(lower / 2, upper * 0.8, dual_basis=q)


def wrong_bases(q):
    """Matrices that are no basis, or one that shows too little."""
    plain = np.array([[float(checker.matrix([[v]], 1, 1)[0][0][0]) for v in row] for row in q])
    plain /= np.linalg.norm(plain, axis=1, keepdims=True)
    bases = {"identity": np.eye(3), "small": np.eye(3) / 8, "double": 2 * plain}
    bases |= {"short": plain[1:], "twice": plain[[1, 1, 2]]}
    # orthonormal rows of twice the length, of which the first half is 0.6 of the basis
    bases["wide"] = np.c_[0.6 * plain, 0.8 * np.eye(3)]
    return {
        kind: [[hexadecimal(v) for v in row] for row in m.tolist()] for kind, m in bases.items()
    }


@cache
def all_forged():
    """(name, bytes, x, y): the forgeries, true proofs about other data, and no true vanishing."""
    x, y = lists(BOOK["clusters"]())
    cases = [(f"{n.text} {name}", raw, x, y) for n in SMALL for name, raw in forgeries(n)]
    for chosen in SMALL:
        raw = proof_of("clusters", chosen).encode()
        cases.append((f"{chosen.text} labels", raw, x, y[::-1]))
        cases.append((f"{chosen.text} a sample twice", raw, x + x[-1:], y + y[-1:]))
        cases.append((f"{chosen.text} moved", raw, [[v * (1 + 1e-15) for v in r] for r in x], y))
    true = json.loads(refute(XOR, np.eye(2)[[1, 1, 0, 0]]))
    nearly = [[i, c, "0x1p0" if i else "0x10000000000001p-52"] for i, c, _ in true["multipliers"]]
    return [*cases, ("nearly vanishing", sealed(true | {"multipliers": nearly}), *lists(XOR))]


@cache
def signed_multipliers():
    """Multipliers of both signs whose combination is tiny, though the data are separable."""
    d = BOOK["clusters"]()
    pairs = [(i, c) for i in range(d.n) for c in range(d.k) if c != d.y[i]]
    unit = np.eye(d.k)
    z = np.array([np.outer(unit[d.y[i]] - unit[c], d.x[i]).ravel() for i, c in pairs])
    a = np.linalg.lstsq(np.c_[z, np.ones(len(z))].T, np.r_[np.zeros(z.shape[1]), 1], rcond=None)[0]
    return [[i, c, hexadecimal(float(v))] for (i, c), v in zip(pairs, a, strict=True)]


def test_every_forged_proof_is_refused():
    passed = [name for name, raw, x, y in all_forged() if not refused(raw, x, y)]
    assert not passed


MUTATIONS = [
    ("0 <= low <= lower", "0 <= low"),
    ("0 <= low <= lower", "low <= lower"),
    ("0 <= low <= lower", "0 <= low >= lower"),
    ("upper <= high < inf", "high < inf"),
    ("upper <= high < inf", "upper <= high"),
    ("upper <= high < inf", "upper >= high < inf"),
    ("size >= 0 and 0 <= c != y[i]", "0 <= c != y[i]"),
    ("size >= 0 and 0 <= c != y[i]", "size >= 0 and c != y[i]"),
    ("size >= 0 and 0 <= c != y[i]", "size >= 0 and 0 <= c"),
    ("require(sum(a) > 0,", "require(sum(a) >= 0,"),
    ("and p >= 1", ""),
    ('family in ("entrywise", "schatten") and', ""),
    ("min(row.pop(own) - max(row)", "max(row.pop(own) - max(row)"),
    ("min(row.pop(own) - max(row)", "min(row.pop(own) - min(row)"),
    ("min(row.pop(own) - max(row)", "min(max(row) - row.pop(own)"),
    ("entry - size * v", "entry + size * v"),
    ("inf if p == 1 else p / (p - 1)", "inf if p == 1 else p"),
    ("p = 1 if p == inf", "p = inf if p == inf"),
    ("/ (scale * sum(a))", "/ (scale * sum(a) * 2)"),
    ("smallest / (scale *", "smallest / ("),
    ("length(sizes, p) * (1 + max(cosines)", "length(sizes, p) * (1 + min(cosines) * 0"),
    ("max(cosines) / (1 - defect)", "max(cosines)"),
    ("max(cosines) / (1 - defect)", "max(cosines) / (1 + defect)"),
    ("require(defect < 1,", "require(defect < 9,"),
    (" / (2 * scale)", " / (4 * scale)"),
    (")) + 1 for i, row", ")) for i, row"),
    ("- 1) + 1", "- 1)"),
    ("-(-out * out * (v", "(out * out * (v"),
    ("Fraction(p * STEP // 1, STEP)", "Fraction(-(-p * STEP // 1), STEP)"),
    ("Fraction(-(-STEP // p), STEP)", "Fraction(STEP // p, STEP)"),
    ("-(-size * UNIT // top)", "size * UNIT // top"),
    ("len(texts) == height and", ""),
    ("and {len(row) for row in texts} == {width}", ""),
    ("require(raw[11:75] == seal.encode(),", "require(True,"),
    ('require(proof["data"] == data,', "require(True,"),
    ("if not any(map(any, s)):", "if not all(map(all, s)):"),
    ("{1,4}", "{1,9}"),
    ("sum(sizes) if p == 1 else max(sizes)", "max(sizes)"),
    ("max(map(sum, gram))", "0 * min(map(sum, gram))"),
]


@pytest.mark.parametrize("old, new", MUTATIONS, ids=[f"{old} -> {new}" for old, new in MUTATIONS])
def test_a_checker_with_one_mistake_is_noticed(old, new):
    source = SCRIPT.read_text()
    assert source.count(old) == 1
    broken = ModuleType("broken")
    exec(compile(source.replace(old, new), "broken", "exec"), broken.__dict__)
    assert not sound(broken)


def sound(module):
    """Whether a checker accepts the true proofs, refuses the forged ones, and bounds norms."""
    x, y = lists(BOOK["clusters"]())
    true = [proof_of("clusters", norm).encode() for norm in SMALL]
    if any(refused(raw, x, y, module) for raw in true):
        return False
    changed = true[0].replace(b'"weights"', b'"Weights"', 1).replace(b'"lower"', b'"lower" ')
    if not refused(true[0] + b" ", x, y, module) or not refused(changed, x, y, module):
        return False
    if not all(refused(*forgery, module) for _, *forgery in all_forged()):
        return False
    try:
        return exact_bounds_hold(module)
    except (AssertionError, ZeroDivisionError):
        return False


def test_the_unbroken_checker_is_sound():
    assert sound(checker)


# --- corruptions ---------------------------------------------------------------------------------


def corrupted(raw, rng):
    """A file that is not `raw`: a bit, a digit, a byte lost or doubled, rows swapped, cut off."""
    kind, at = rng.randrange(6), rng.randrange(len(raw))
    if kind == 0:
        return raw[:at] + bytes([raw[at] ^ 1 << rng.randrange(8)]) + raw[at + 1 :]
    if kind == 1:
        places = [i for i, byte in enumerate(raw) if chr(byte) in "0123456789abcdef"]
        at = rng.choice(places)
        return (
            raw[:at]
            + rng.choice(b"0123456789abcdef".replace(raw[at : at + 1], b"")).to_bytes()
            + raw[at + 1 :]
        )
    if kind == 2:
        return raw[:at] + raw[at + 1 :]
    if kind == 3:
        return raw[:at] + raw[at : at + 1] + raw[at:]
    if kind == 4:
        return raw[:at]
    proof = json.loads(raw)
    rows = rng.choice([proof["weights"], proof["multipliers"]])
    i, j = rng.sample(range(len(rows)), 2)
    rows[i], rows[j] = rows[j], rows[i]
    return json.dumps(proof, separators=(",", ":")).encode()


def test_a_thousand_corrupted_proofs_are_refused():
    rng, (x, y) = random.Random(0), lists(BOOK["clusters"]())
    for chosen in (MAX, SPECTRAL):
        raw = proof_of("clusters", chosen).encode()
        for _ in range(500):
            bad = corrupted(raw, rng)
            assert bad != raw and refused(bad, x, y)


def test_corruptions_with_a_right_hash_never_prove_what_is_false():
    """A forger who seals the corrupted numbers again: refused, or still true."""
    rng, (x, y), accepted = random.Random(1), lists(BOOK["clusters"]()), 0
    for _ in range(500):
        norm = rng.choice(SMALL)
        best, proof = solved("clusters", norm), json.loads(proof_of("clusters", norm))
        for _ in range(rng.randrange(1, 3)):
            key = rng.choice(sorted(proof.keys() - {"sha256", "norm", "data"}))
            if isinstance(proof[key], str):
                value = float.fromhex(proof[key]) * rng.choice([0.5, 1 - 1e-14, 1 + 1e-14, 2])
                proof[key] = value.hex()
            else:
                line = rng.choice(proof[key])
                j = rng.randrange(len(line))
                value = line[j]
                line[j] = (
                    rng.choice([rng.randrange(-2, 14), 2**70, "0x1p0", None, True])
                    if isinstance(value, int)
                    else rng.choice(["-" + value, value[:-1] + "0", "0x0p0", "0x1p9999", value * 2])
                )
        if not refused(sealed(proof), x, y):
            lower, upper = claimed(json.dumps(proof))
            assert lower <= best.upper and best.lower <= upper
            accepted += 1
    assert accepted  # weaker claims are true: the test above is not empty


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"[" * 10**5,
        b"\xff\xfe",
        b'{"sha256":"' + b"0" * 64 + b'"}',
        sealed({}),
        sealed({"data": BOOK["X.1"]().digest}),
        sealed({"data": BOOK["X.1"]().digest, "norm": 3, "lower": "1", "upper": "1"}),
        sealed({"data": BOOK["X.1"]().digest, "norm": "max", "lower": 1, "upper": [[]]}),
    ],
)
def test_what_is_no_proof_is_refused_in_one_sentence(raw, tmp_path):
    (tmp_path / "proof").write_bytes(raw)
    (tmp_path / "data.json").write_text(plain(BOOK["X.1"]()))
    result = stand_alone("proof", "data.json", folder=tmp_path)
    assert result.returncode == 1 and not result.stdout
    assert result.stderr.startswith("refused: ") and result.stderr.count("\n") == 1


# --- not separable -------------------------------------------------------------------------------


def not_separable(seed):
    rng = np.random.default_rng(seed)
    n, d, k = rng.integers(20, 60), rng.integers(2, 7), rng.integers(2, 4)
    x = rng.normal(size=(n, d)) * 10.0 ** (rng.integers(-9, 9, d) * (seed % 2))
    if seed % 4 == 3:
        x[:, 0] = 1.7e12 + rng.uniform(0, 2e4, n)
    return Dataset(x, np.r_[np.arange(k), rng.integers(0, k, n - k)])


@pytest.mark.parametrize("seed", range(12))
def test_non_separability_is_proved_exactly_in_any_units(seed):
    dataset = not_separable(seed)
    with pytest.raises(NotSeparable) as refusal:
        max_margin(dataset, FROBENIUS)
    line = checker.check(refusal.value.proof().encode(), *lists(dataset))
    assert line.endswith("no linear classifier is right on every sample")


@pytest.mark.parametrize(
    "dataset",
    [
        Dataset([[1.0, 2], [0, 0], [3, 1]], [0, 1, 1]),
        Dataset([[1.0, 2], [1, 2], [3, 1]], [0, 1, 1]),
        XOR,
    ],
    ids=["a zero row", "equal rows", "xor"],
)
def test_plain_contradictions_are_proved(dataset, tmp_path):
    with pytest.raises(NotSeparable) as refusal:
        max_margin(dataset, MAX)
    text = refusal.value.proof(tmp_path / "proof")
    assert (tmp_path / "proof").read_text() == text
    assert not refused(text.encode(), *lists(dataset))


def test_separable_data_have_no_proof_of_the_contrary():
    dataset = BOOK["clusters"]()
    own = np.arange(dataset.k) == dataset.y[:, None]
    with pytest.raises(ArithmeticError, match="no exact proof"):
        refute(dataset, np.where(own, 0.0, 1.0))


def test_linear_equations_are_solved_exactly():
    rng = np.random.default_rng(0)
    for r, size in ((1, 2), (5, 10), (20, 2**40)):
        a = np.array(rng.integers(-size, size, (r, r)).tolist(), dtype=object)
        b = np.array(rng.integers(-size, size, r).tolist(), dtype=object)
        z, q = solve(a, b)
        assert q > 0 and (a @ z == q * b).all()


# --- files and commands --------------------------------------------------------------------------


def test_csv_npz_and_json_of_the_same_numbers_are_the_same_data(tmp_path):
    d = data.mixture(classes=3, per_class=4, dim=4, spread=0.3)
    max_margin(d, SPECTRAL).proof(tmp_path / "proof")
    (tmp_path / "d.json").write_text(plain(d))
    np.savez(tmp_path / "d.npz", x=d.x, y=d.y)
    np.savez_compressed(tmp_path / "packed.npz", y=d.y * 2 + 1, x=d.x)
    for name, labels in (("d", "abc"), ("numbers", ("-1", "0.0", "10"))):
        rows = [[*map(repr, row), labels[c]] for row, c in zip(*lists(d), strict=True)]
        lines = [["p", "q", "r", "s", " label "], *rows]
        (tmp_path / f"{name}.csv").write_text("\n".join(map(",".join, lines)) + "\n\n")
    for name in ("d.json", "d.npz", "packed.npz", "d.csv", "numbers.csv"):
        result = stand_alone("proof", name, folder=tmp_path)
        assert result.returncode == 0, (name, result.stderr)
        assert d.digest in result.stdout and result.stdout.count("\n") == 1
    np.savez(tmp_path / "turned.npz", x=np.asfortranarray(d.x), y=d.y)
    np.savez(tmp_path / "single.npz", x=d.x.astype(np.float32), y=d.y)
    (tmp_path / "ragged.json").write_text(json.dumps({"x": [["0x1p0"], []], "y": [0, 1]}))
    (tmp_path / "nan.csv").write_text("a,label\nnan,0\n1,1\n")
    for name in ("turned.npz", "single.npz", "ragged.json", "nan.csv", "no.csv"):
        result = stand_alone("proof", name, folder=tmp_path)
        assert result.returncode == 1 and result.stderr.startswith("refused: ")


def test_the_digest_is_the_one_of_the_data_set():
    d = BOOK["mixture"]()
    with pytest.raises(ValueError, match=d.digest):
        checker.check(proof_of("X.1", MAX).encode(), *lists(d))


def test_the_commands_write_and_check(tmp_path, capsys):
    proof, plain_data, csv = (str(tmp_path / name) for name in ("proof", "plain.json", "xor.csv"))
    built_in = ["counterexample:X.5"]
    assert (
        main(["margin", *built_in, "-n", "spectral", "--proof", proof, "--plain", plain_data]) == 0
    )
    capsys.readouterr()
    assert main(["check", proof, *built_in]) == 0
    assert capsys.readouterr().out.startswith("proved: data ")
    assert stand_alone(proof, plain_data, folder=tmp_path).returncode == 0
    assert main(["check", proof, "counterexample:X.1"]) == 2
    assert "refused: it is about other data" in capsys.readouterr().err
    assert main(["check", str(tmp_path / "none"), *built_in]) == 2
    Path(csv).write_text("a,b,label\n1,1,s\n-1,-1,s\n1,-1,t\n-1,1,t\n")
    assert main(["margin", csv, "-n", "max", "--proof", proof]) == 3
    assert proof in capsys.readouterr().err
    assert (
        main(["check", proof, csv]) == 0
        and stand_alone(proof, csv, folder=tmp_path).returncode == 0
    )
    # another data set than the file: standardised before it was solved
    assert main(["check", proof, csv, "--bias"]) == 2


def test_weights_that_do_not_separate_prove_nothing():
    best = solved("clusters", MAX)
    with pytest.raises(ValueError, match="no lower bound"):
        prove(best.dataset, MAX, -best.weights, best.dual)


def test_multipliers_may_have_more_digits_than_float64():
    """Raw units: two columns near 2^53 that only multipliers of 106 bits cancel; gamma = sqrt 2."""
    (p, q), (r, s) = (0x1F9ADD3739635F, 0x126A8A3F2C1B4D), (0x10E3779B97F4A7, 0x1B504F333F9DE7)
    t, u = 0x1A3C6EF372FE95, 0x195917BA16D2C9  # between the two in direction
    dataset = Dataset([[p, q, 1.0], [r, s, 1], [t, u, -1]], [0, 0, 1])
    weights, dual = np.array([[0.0, 0, 1], [0, 0, -1]]), np.zeros((3, 2), dtype=object)
    dual[0, 1], dual[1, 1], dual[2, 0] = t * s - u * r, p * u - q * t, p * s - q * r
    lower, upper = claimed(prove(dataset, FROBENIUS, weights, dual))
    assert lower**2 == pytest.approx(2, rel=1e-15) and upper <= nextafter(lower, inf)
    assert (
        claimed(prove(dataset, FROBENIUS, weights, dual.astype(float)))[1] > 1.01 * upper
    )  # 4 % wider


def test_a_claim_is_rounded_outwards_and_no_further():
    best, x, y = solved("clusters", FROBENIUS), *lists(BOOK["clusters"]())
    proof = json.loads(best.proof())
    lower, upper = claimed(best.proof())
    exact_lower, exact_upper = checker.bounds(proof, x, y)
    assert Fraction(lower) <= exact_lower < Fraction(nextafter(lower, inf))
    assert Fraction(nextafter(upper, 0)) < exact_upper <= Fraction(upper)


def test_norm_names_mean_the_same_to_checker_and_package():
    for text, full in checker.NAMES.items():
        family, _, p = full.partition(":")
        assert norm_of(text) == norm_of(full)
        assert type(norm_of(text)).__name__.lower() == family and norm_of(text).p == float(p)
