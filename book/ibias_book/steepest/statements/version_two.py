"""What the chapter on version 2 draws: the counterexamples, their repairs, effective margins."""

import numpy as np
import xarray as xr

from ibias.data import counterexample
from ibias.methods import SteepestDescent
from ibias.norms import FROBENIUS, MAX, SPECTRAL, SUM
from ibias.runs import sweep
from ibias.schedules import Power
from ibias.signals import Minibatch, Momentum, VarianceReduced

from ...batches import batch_rows
from ..theory import constants

STEP = Power(0.1)


def corrections(seeds=range(5), steps=20_000):
    """The counterexamples of V.1-V.5: minimum margin and loss of the plain method, of momentum, of
    VR and of both.

    Over (example, repair, seed, step), the example named as its proposition; ``norm`` and
    ``batches`` are coordinates of the example.
    """
    cases = {
        "V.1": ("X.1", MAX, 1),
        "V.2": ("X.2", SPECTRAL, 1),
        "V.3": ("X.3", MAX, 2),
        "V.4": ("X.4", SUM, 1),
        "V.5": ("X.5", FROBENIUS, 1),
    }
    parts = []
    for name, (points, norm, b) in cases.items():
        data = counterexample(points)
        plain, reduced = Minibatch(b), VarianceReduced(Minibatch(b))
        signals = {
            "none": plain,
            "momentum": Momentum(0.99, plain),
            "VR": reduced,
            "both": Momentum(0.9, reduced),
        }
        methods = [
            SteepestDescent(norm, signal, STEP, name=repair) for repair, signal in signals.items()
        ]
        runs = sweep(data, methods, seeds=seeds, steps=steps, progress=False)[
            ["min_margin", "loss"]
        ]
        runs = runs.drop_vars(
            [v for v in runs.coords if v not in ("optimizer", "seed", "step")]
        ).rename(optimizer="repair")
        parts.append(
            runs.assign_coords(example=name, norm=norm.text, batches=data.n // b, eta0=STEP.eta0)
        )
    return xr.concat(parts, "example", coords="different", compat="equals")


def two_batches(steps=20_000, seeds=range(5)):
    """Half batches (m = 2) of V.3's data in three norms: the minimum margin, over (optimizer, seed,
    step)."""
    data = counterexample("X.3")
    methods = [
        SteepestDescent(norm, Minibatch(data.n // 2), STEP, name=norm.text)
        for norm in (MAX, FROBENIUS, SPECTRAL)
    ]
    return sweep(data, methods, seeds=seeds, steps=steps, progress=False)[["min_margin", "loss"]]


def largest_min_margin(name="X.1", seeds=range(100), steps=100_000):
    """SignSGD, one sample at a time, on a counterexample with two classes: max over *all* steps of
    q(W_t), one number per seed.

    Of u = w_0 - w_1: a residual is positive, so that the signs of a step are those of its sample
    whatever the weights, and u is a running sum; observing every step through the engine would cost
    ten thousand times more. `tests/test_theory.py` compares it with the engine.
    """
    data = counterexample(name)
    signed = data.x * np.where(data.y == 0, 1.0, -1.0)[:, None]
    lengths = 2 * STEP.steps(steps)[:, None]  # both rows of W move, apart
    top = []
    for seed in seeds:
        rows = batch_rows(data.n, 1, seed, steps)[:, 0]
        u = np.cumsum(lengths * np.sign(signed)[rows], axis=0)
        top.append((u @ signed.T).min(1).max())
    return xr.DataArray(
        top,
        {"seed": list(seeds)},
        "seed",
        attrs={"long_name": "largest minimum margin after the start"},
    )


def effective_margins(radius=1.0, margin=2.0):
    """The share of gamma that Theorem 4.3 keeps, over (batches, momentum, form), in the best case
    gamma = 2R that Lemma V leaves."""
    beta = 1 - np.geomspace(1, 1e-4, 120)
    counts = np.array([2, 3, 5, 10, 50])
    grids = [
        constants.effective_margin(margin, radius, counts[:, None], beta[None, :], form=form)
        / margin
        for form in ("paper", "sharper")
    ]
    return xr.Dataset(
        {"share": (("form", "batches", "momentum"), np.stack(grids))},
        {"form": ["paper", "sharper"], "batches": counts, "momentum": beta},
    )
