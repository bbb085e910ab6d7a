"""Which maximum-margin classifier does an optimizer choose?  Steepest descent on separable data,
measured and certified.

import ibias as ib

data = ib.data.mixture(seed=0)
muon = ib.SteepestDescent(ib.SPECTRAL, ib.Momentum(0.9, ib.Minibatch(10)), ib.Power(0.3))
runs = ib.simulate(data, [muon], seeds=range(5), steps=20_000)
best = ib.max_margin(data, ib.SPECTRAL)
1 - runs.margin / best.margin
"""

from importlib import import_module

from . import data as data
from .data import Dataset as Dataset
from .losses import CROSS_ENTROPY as CROSS_ENTROPY, EXPONENTIAL as EXPONENTIAL
from .measures import relative_error as relative_error
from .methods import SteepestDescent as SteepestDescent, grid as grid
from .norms import (
    CATALOG as CATALOG,
    FROBENIUS as FROBENIUS,
    MAX as MAX,
    NUCLEAR as NUCLEAR,
    SPECTRAL as SPECTRAL,
    SUM as SUM,
    Entrywise as Entrywise,
    Norm as Norm,
    Schatten as Schatten,
    norm as norm,
)
from .problem import Problem as Problem, Scaled as Scaled
from .schedules import Power as Power
from .signals import (
    FullBatch as FullBatch,
    Minibatch as Minibatch,
    Momentum as Momentum,
    Signal as Signal,
    VarianceReduced as VarianceReduced,
)
from .simulate import logspaced as logspaced, simulate as simulate
from .streams import permutations as permutations
from .sweep import sweep as sweep

# imported when first used: `import ibias` stays light
_LAZY = {
    "max_margin": "maxmargin",
    "MaxMargin": "maxmargin",
    "NotSeparable": "maxmargin",
    "UndecidedSeparability": "maxmargin",
    "certify": "maxmargin",
    "random_optima": "maxmargin",
    "plane": "balls",
}
_LAZY_MODULES = ("optim", "homogeneous", "fluctuating", "theory", "plots", "tables", "store")


def __getattr__(name):
    if name in _LAZY:
        value = globals()[name] = getattr(import_module(f".{_LAZY[name]}", __name__), name)
        return value
    if name in _LAZY_MODULES:
        return import_module(f".{name}", __name__)
    raise AttributeError(f"module 'ibias' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *_LAZY, *_LAZY_MODULES})
