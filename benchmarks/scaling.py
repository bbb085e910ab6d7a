"""How the kernel's cost grows: log-log slopes in samples, features, classes, runs and steps."""

import numpy as np

import ibias as ib
from ibias.methods import Trajectory
from ibias.problem import Problem

from .cases import dataset
from .engines import whole
from .timing import interleaved

BASE = {"n": 400, "d": 64, "k": 8, "runs": 64, "steps": 400}
VALUES = {
    "n": (400, 800, 1600, 3200),
    "d": (64, 128, 256, 512),
    "k": (4, 8, 16, 32),
    "runs": (64, 128, 256, 512),
    "steps": (400, 800, 1600, 3200),
}


def measure_scaling() -> list[dict]:
    """A row per quantity: its values, CPU seconds of the whole computation, and the slope of their
    logarithms.

    Signum at b = 50, except in n, where the full batch is timed: there the cost of a step grows
    with n.
    """
    rows = []
    for name, values in VALUES.items():
        contenders = {}
        for value in values:
            size = BASE | {name: value}
            if name == "n":
                size |= {"steps": 60}
            b = size["n"] if name == "n" else 50
            problem = Problem(dataset(size["d"], size["n"], size["k"]))
            methods = [
                ib.SteepestDescent(ib.MAX, ib.Momentum(0.9, ib.Minibatch(b)), ib.Power(eta))
                for eta in np.linspace(0.1, 0.2, size["runs"])
            ]
            contenders[value] = (
                whole("kernel", problem, [Trajectory(method, 0) for method in methods]),
                size["steps"],
                size["runs"],
            )
        found = interleaved(contenders)
        seconds = [
            found[value]["us"] * contenders[value][1] * contenders[value][2] / 1e6
            for value in values
        ]
        slope = np.polyfit(np.log(values), np.log(seconds), 1)[0]
        rows.append(
            {
                "quantity": name,
                "values": list(values),
                "seconds": [round(s, 4) for s in seconds],
                "slope": round(float(slope), 3),
            }
        )
    return rows
