"""EXP27 and EXP29: one fluctuating direction, with Gaussian slopes and offsets."""

import itertools

import numpy as np

from ibias import streams

from ..modes import Mode

ETAS, FLUCTUATIONS = (0.2, 0.6, 0.7, 0.8), (0.5, 1.0, 2.0, 2.4, 2.8, 4.0, 8.0)
STEPS, RUNS, NOISE = 500, 16_000, 0.2
UNSTABLE = 20.0  # the public code's bound on a sample variance


def strip() -> list[tuple[float, float]]:
    """The points (eta, s2) of the grid, l = 1, that Langevin calls stable and the discrete equation
    does not."""
    return [
        (eta, s2) for eta, s2 in itertools.product(ETAS, FLUCTUATIONS) if 2 - eta <= eta * s2 < 2
    ]


def unstable_share(seed: int, runs=RUNS) -> float:
    """EXP27: share of the strip's points that the public code's rule calls unstable: a sample
    variance above 20, or ten times the one after five steps."""
    rng = streams.generator(seed)
    return float(np.mean([_unstable(eta, s2, runs, rng) for eta, s2 in strip()]))


def _unstable(eta, s2, runs, rng) -> bool:
    theta, seen = np.zeros(runs), []
    for step in range(1, STEPS + 1):
        slope, offset = rng.standard_normal((2, runs))
        theta = (1 - eta * (1 + np.sqrt(s2) * slope)) * theta - eta * np.sqrt(NOISE) * offset
        if step % 5 == 0:
            seen.append(theta.var(ddof=1))
    return max(seen) > UNSTABLE or seen[-1] > 10 * seen[0]


def growth_in_strip() -> np.ndarray:
    """Factor by which the exact variance grows in one step at the points of the strip."""
    return np.array([Mode(1.0, NOISE, s2).growth(eta) for eta, s2 in strip()])


DRIFT = {"eta": 0.02, "noise": 0.02, "fluctuation": 0.8, "slope": 0.5, "steps": 900}


def drift_spreading(seed: int, runs=50_000) -> dict[str, float]:
    """EXP29: a flat direction with a mean slope: variance at the end, and its growth exponent over
    the later half of a hundred records."""
    eta, steps = DRIFT["eta"], DRIFT["steps"]
    rng, theta = streams.generator(seed), np.zeros(runs)
    records, variance = np.arange(0, steps + 1, steps // 100), []
    for step in range(steps + 1):
        if step % (steps // 100) == 0:
            variance.append(theta.var(ddof=1))
        slope, offset = rng.standard_normal((2, runs))
        pull = DRIFT["slope"] + np.sqrt(DRIFT["noise"]) * offset
        theta = theta - eta * (np.sqrt(DRIFT["fluctuation"]) * slope * theta + pull)
    late = len(records) // 2
    power = np.polyfit(np.log(records[-late:]), np.log(variance[-late:]), 1)[0]
    return {"final variance": float(variance[-1]), "tail exponent": float(power)}


def drift_formulas() -> dict[str, float]:
    """Final variance by diffusion alone, with the published source of drift, and exactly.

    The published source adds eta^2 s2 mu_t^2 a step; the exact recursion also lets the variance
    itself fluctuate, v' = (1 + eta^2 s2) v + eta^2 (c + s2 mu^2).
    """
    eta, s2, c, steps = (DRIFT[k] for k in ("eta", "fluctuation", "noise", "steps"))
    mean = -eta * DRIFT["slope"] * np.arange(steps)
    added = eta**2 * (c + s2 * mean**2)
    left = (1 + eta**2 * s2) ** np.arange(steps - 1, -1, -1)
    return {
        "pure diffusion": eta**2 * c * steps,
        "published formula": float(added.sum()),
        "exact recursion": float(added @ left),
    }
