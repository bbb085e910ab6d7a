"""Adversarial search for the slack of bounds whose runs are of a kind of their own: single samples
on orthogonal data (H.2, H.3, 4.9), the counterexamples (V.2, V.3), the slopes of rates (D.5 to
G.5).

As in `search`, a record is a case, so that its ratio is found again by one call of `ratios`.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from operator import itemgetter

import numpy as np

from ibias.data import Dataset, gaussian
from ibias.norms import FROBENIUS, MAX, SPECTRAL
from ibias.schedules import Power

from ..batches import batch_rows
from .statements import batch_one, convergence, counterexamples
from .statements.catalog import Bound

NORMS = {norm.text: norm for norm in (MAX, FROBENIUS, SPECTRAL)}


def skewed_run(case: dict) -> tuple:
    """Orthogonal samples of length 1, ``n`` in ``k`` classes; those that the first epoch draws
    last, ``rest`` of them, make up all classes but the first. Over ``epochs``."""
    n, k = round(case["n"]), round(case["k"])
    rest = min(max(round(case["rest"]), k - 1), n - 1)
    y = np.zeros(n, dtype=int)
    y[batch_rows(n, 1, 0, n)[n - rest :, 0]] = 1 + np.arange(rest) % (k - 1)
    data = Dataset(np.eye(k)[y], y, f"skewed(n={n}, k={k}, rest={rest})")
    return data, Power(case["eta0"], case["a"]), n * round(case["epochs"]), 0


def stuck_run(case: dict) -> tuple:
    """A run of V.2 or V.3 as its program takes it."""
    schedule = Power(case["eta0"], case["a"])
    norm, copies, b = NORMS[case["norm"]], case["copies"], case["b"]
    return norm, copies, b, case["seed"], schedule, round(case["steps"])


def rate_run(case: dict) -> tuple:
    """A run of a corollary on six Gaussian samples."""
    data = gaussian(classes=3, per_class=2, dim=8, variance=0.1, seed=case["data"])
    return data, NORMS[case["norm"]], case["a"], case["seed"]


PROGRAMS: dict[str, tuple[Callable, Callable]] = {
    "H.2": (batch_one.sign_steps, skewed_run),
    "H.3": (batch_one.normalized_steps, skewed_run),
    "4.9": (batch_one.per_sample_bias, itemgetter("seed")),
    "V.2": (counterexamples.loss_diverges, stuck_run),
    "V.3": (counterexamples.half_batches, stuck_run),
    **{
        f"{letter}.5": (partial(convergence.corollary, kind), rate_run)
        for letter, kind in zip("DEFG", ("plain", "momentum", "VR", "VR+momentum"), strict=True)
    },
}
"""Number -> the statement's program, and what makes a run for it of a case."""


SIGNS = {"the loss has grown past its start"}
"""What says that something has happened by the end of the recorded runs and bounds nothing."""
BOUNDS, HORIZONS = ("H.2", "H.3", "V.2", "V.3"), ("4.9", "D.5", "E.5", "F.5", "G.5")
"""Statements whose inequalities are proved; and limits and rates, whose numbers after so many steps
are ours, for the data of their programs: other data may pass 1 there, and do."""


def ratios(number: str, case: dict) -> dict[str, float]:
    """Bound -> the ratio of its sides on the case; raises AssertionError where a proved inequality
    fails."""
    program, run = PROGRAMS[number]
    found: tuple[Bound, ...] = program([run(case)])
    bounds = [b for b in found if not b.identity and b.name not in SIGNS]
    broken = [b.name for b in bounds if b.violations()]
    if broken and number in BOUNDS:
        raise AssertionError(f"{broken} of {number} fail on {case}")
    return {b.name: b.slack for b in bounds if (b.rhs > 0).any()}


def cases(number: str, rng: np.random.Generator) -> Iterator[dict]:
    """The cases of one statement: numbers drawn over their ranges, some at their ends."""
    if number in ("H.2", "H.3"):
        for _ in range(80):
            n = int(np.exp(rng.uniform(np.log(2), np.log(400))))
            k = int(rng.integers(2, min(n, 6) + 1))
            rest = int(rng.choice([k - 1, n // 2, int(rng.integers(k - 1, n))]))
            a = float(rng.choice([0.01, 0.5, 1.0]))
            yield {
                "n": n,
                "k": k,
                "rest": rest,
                "a": a,
                "eta0": float(rng.choice([0.01, 0.1, 1.0])),
                "epochs": int(rng.choice([1, 2, 20])),
            }
    elif number in ("V.2", "V.3"):
        for _ in range(120):
            shapes = [(2, 1), (5, 1), (5, 2)] if number == "V.2" else [(1, 1), (3, 2)]
            copies, b = shapes[rng.integers(len(shapes))]
            yield {
                "norm": str(rng.choice(list(NORMS))) if number == "V.2" else "max",
                "copies": copies,
                "b": b,
                "seed": int(rng.integers(5)),
                "eta0": float(f"{10 ** rng.uniform(-2, 1):.3g}"),
                "a": float(rng.choice([0.01, 0.3, 0.5, 1.0])),
                "steps": int(rng.choice([60, 1500])),
            }
    elif number == "4.9":
        yield from ({"seed": seed} for seed in range(5, 25))
    else:
        for a in convergence.FIRST_STEPS:
            for data in range(2, 6):
                norm = str(rng.choice(list(NORMS)))
                yield {"norm": norm, "data": data, "a": a, "seed": int(rng.integers(5))}


def found(numbers: Sequence[str]) -> Iterator[tuple[str, str, float, dict]]:
    """(statement, bound, ratio, case) of the best case of every bound."""
    for number in numbers:
        best: dict[str, tuple[float, dict]] = {}
        for case in cases(number, np.random.default_rng(len(number))):
            for bound, ratio in ratios(number, case).items():
                if math.isfinite(ratio) and ratio > best.get(bound, (-math.inf, {}))[0]:
                    best[bound] = ratio, case
        yield from ((number, bound, ratio, case) for bound, (ratio, case) in best.items())
