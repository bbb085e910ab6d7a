"""Formulas in the texts of claims: "b >= 10" in the notebook, mathematics on the page.

A claim is also read in a terminal and in a notebook, so it is written plainly: ``eta0 sqrt(t)``,
``m/(1 - beta)``, ``1e-9``. On the page the same text gets its formulas as ``$...$``. A formula is
the longest run of numbers, single letters, Greek names, functions and signs that holds something
only a formula has: a relation, a power, a Greek name, a function, a sign between letters.
"""

from __future__ import annotations

import re

GREEK = "Phi|alpha|beta|gamma|delta|eta|theta|kappa|lambda|rho|nu|sigma|tau|eps|mu|pi"
FUNCTIONS = {
    "sqrt": r"\sqrt",
    "log10": r"\log_{10} ",
    "log": r"\log ",
    "Var": r"\operatorname{Var} ",
    "arcsin": r"\arcsin ",
    "sum": r"\sum ",
    "grad": r"\nabla ",
}
RELATIONS = {"<=": r"\le ", ">=": r"\ge ", ">>": r"\gg ", "<": "<", ">": ">", "=": "="}
WORDS = {"l-infinity": r"$\ell_\infty$", "linf": r"$\ell_\infty$", "l2": r"$\ell_2$"}
TOKEN = re.compile(
    rf"""(?P<small>(?<![\w.])(?:(?<![^\s(])-)?\d+(?:\.\d+)?e[+-]?\d+(?!\w))
    |(?P<number>(?<![A-Za-z.\d])(?:(?<![^\s(])-)?\d+(?:\.\d+)?)
    |(?P<greek>(?<![A-Za-z])(?:{GREEK})(?:\d|_[a-z\d])?(?![A-Za-z]))
    |(?P<function>(?<![A-Za-z\d])(?:sqrt|log10|log|Var|arcsin|grad|sum(?=\(|\ eta))(?![A-Za-z-]))
    |(?P<letter>(?<![A-Za-z'’])(?:s2(?![A-Za-z\d])|(?:[a-z]?[A-Z]|[a-z])(?:_[a-z\d](?![a-z\d]))?
        (?![A-Za-z\d]|\.\d|['’]|-[A-Za-z]{{2}})))
    |(?P<relation><=|>=|>>|[<>=])|(?P<sign>[-+*/^])|(?P<bracket>[()|‖])
    |(?P<below>_[*F](?!\w))|(?P<comma>,)|(?P<space>\ )
    |(?P<other>[A-Za-z]+|.)""",
    re.X | re.S,
)
ATOMS = ("small", "number", "greek", "function", "letter")
Tokens = list[tuple[str, str]]


def typeset(text: str) -> str:
    """`text` with its formulas between dollar signs; what stands between dollar signs already is
    left alone."""
    for word, made in WORDS.items():
        text = re.sub(rf"(?<![\w$\\]){word}(?!\w)", lambda _, made=made: made, text)
    parts = re.split(r"(\$[^$]*\$)", re.sub(r"(\d) x (\d)", r"\1 × \2", text))
    return "".join(p if p.startswith("$") else _formulas(p) for p in parts)


def _formulas(text: str) -> str:
    tokens = [(str(m.lastgroup), m[0]) for m in TOKEN.finditer(text)]
    made, at = "", 0
    while at < len(tokens):
        end = _run(tokens, at)
        if end and _is_formula(tokens[at:end], _within_brackets(tokens, at, end)):
            made, at = f"{made}${_tex(tokens[at:end])}$", end
        else:
            made, at = made + tokens[at][1], at + 1
    return made


def _run(tokens: Tokens, at: int) -> int:
    """The end of the longest run from `at` that can be a formula; 0 where none begins."""
    if tokens[at][0] not in ATOMS and tokens[at][1] not in ("(", "|", "‖"):
        return 0
    end, depth, place = 0, 0, at
    while place < len(tokens):
        kind, text = tokens[place]
        if kind == "other" or (kind == "comma" and depth == 0):
            break
        if kind == "space" and _apart(tokens, place):
            break
        depth += (text == "(") - (text == ")")
        if depth < 0:
            break
        place += 1
        whole = kind in (*ATOMS, "below") or text in (")", "|", "‖")
        if whole and (kind != "function" or text == "log10") and _balanced(tokens[at:place]):
            end = place
    return _trimmed(tokens, at, end)


def _apart(tokens: Tokens, space: int) -> bool:
    """Whether a space ends a formula: "eta 0.05" is a name and a value, "0.05 (eta = 0.2)" a value
    and a remark, "at 2 a" the start of a sentence."""
    before, after = tokens[space - 1], tokens[min(space + 1, len(tokens) - 1)]
    valued = before[0] in ("letter", "greek", "number", "small") or before[1] in ("|", "‖")
    if valued and after[0] in ("number", "small"):
        return True
    return before[0] in ("number", "small") and after[1] in ("a", "A", "I", "(")


def _balanced(tokens: Tokens) -> bool:
    texts = [text for _, text in tokens]
    return texts.count("(") == texts.count(")") and not (
        texts.count("|") % 2 or texts.count("‖") % 2
    )


def _trimmed(tokens: Tokens, at: int, end: int) -> int:
    """`end` without the article that may follow a formula; 0 where an article or a count begins."""
    core = [t for t in tokens[at:end] if t[0] != "space"]
    if len(core) > 1 and core[0] == ("letter", "a") and core[1][0] not in ("relation", "sign"):
        return 0
    counted = len(core) > 1 and core[0][0] == "number" and tokens[at + 1][0] == "space"
    if counted and core[1][0] == "letter" and all(kind != "relation" for kind, _ in core):
        return 0
    if len(core) > 1 and core[-1][1] in ("a", "A") and core[-2][0] not in ("relation", "sign"):
        return _run(tokens[: end - 1], at) if end - 1 > at else 0
    return end


def _within_brackets(tokens: Tokens, at: int, end: int) -> bool:
    return at > 0 and end < len(tokens) and (tokens[at - 1][1], tokens[end][1]) == ("(", ")")


def _is_formula(run: Tokens, bracketed: bool) -> bool:
    core = [t for t in run if t[0] != "space"]
    if len(core) == 1 and core[0][0] == "letter":  # "after t steps", but neither "a step" nor "(b)"
        return core[0][1].islower() and core[0][1] != "a" and not bracketed
    if any(k in ("relation", "small", "greek", "function") or v in ("^", "|") for k, v in core):
        return True
    triples = zip(core, core[1:], core[2:], strict=False)
    return any(
        sign[0] == "sign" and "letter" in (a[0], b[0]) and a[0] in ATOMS and b[0] in ATOMS
        for a, sign, b in triples
    )


def _tex(tokens: Tokens) -> str:
    made, at = "", 0
    while at < len(tokens):
        kind, text = tokens[at]
        at += 1
        if text == "^":
            inner, at = _argument(tokens, at)
            made = f"{made.rstrip()}^{{{inner}}}"
        elif text == "sqrt":
            inner, at = _argument(tokens, at)
            made += rf"\sqrt{{{inner}}}"
        else:
            made += _sign(kind, text)
    return re.sub(r" +(?=[,)|}])", "", re.sub(r" +", " ", made)).strip()


def _argument(tokens: Tokens, at: int) -> tuple[str, int]:
    """The exponent or radicand that begins at `at`, without its brackets, and where it ends."""
    minus = "-" if tokens[at][1] == "-" else ""
    at += len(minus)
    if tokens[at][1] != "(":
        return minus + _tex(tokens[at : at + 1]), at + 1
    end = at + 1
    while not _balanced(tokens[at:end]):
        end += 1
    inner = _tex(tokens[at + 1 : end - 1])
    return (f"-({inner})" if minus else inner), end


def _sign(kind: str, text: str) -> str:
    if kind == "small":
        digits, power = text.split("e")
        ten = f"10^{{{int(power)}}}"
        return {"1": ten, "-1": f"-{ten}"}.get(digits, rf"{digits}\cdot {ten}")
    if kind == "greek":
        name, index = re.fullmatch(r"([A-Za-z]+?)_?(\d|(?<=_)[a-z])?", text).groups()
        return rf"\{'varepsilon' if name == 'eps' else name}" + (f"_{index}" if index else " ")
    if kind == "function":
        return FUNCTIONS[text]
    if kind == "relation":
        return RELATIONS[text]
    return {"s2": "s^2", "*": r"\cdot ", "‖": r"\Vert "}.get(text, text)
