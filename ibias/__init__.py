"""Which maximum-margin classifier does an optimizer choose?  Steepest descent on separable data,
measured and certified.

    import ibias as ib

    data = ib.data.mixture(seed=0)
    muon = ib.SteepestDescent(ib.SPECTRAL, ib.Momentum(0.9, ib.Minibatch(10)), ib.Power(0.3))
    runs = ib.simulate(data, [muon], seeds=range(5), steps=20_000)
    best = ib.max_margin(data, ib.SPECTRAL)
    1 - runs.margin / best.margin
"""

from importlib import import_module, metadata

from . import data
from .data import Dataset
from .losses import CROSS_ENTROPY, EXPONENTIAL
from .measures import relative_error
from .methods import SteepestDescent, grid
from .norms import CATALOG, FROBENIUS, MAX, NUCLEAR, SPECTRAL, SUM, Entrywise, Norm, Schatten, norm
from .problem import Problem, Scaled
from .runs import logspaced, simulate, sweep
from .schedules import Power
from .signals import FullBatch, Minibatch, Momentum, Signal, VarianceReduced
from .streams import permutations

__version__ = metadata.version("ibias")

# imported when first used: `import ibias` stays light
_MARGINS = "MaxMargin", "NotSeparable", "UndecidedSeparability", "certify", "max_margin"
_LAZY = dict.fromkeys((*_MARGINS, "random_optima"), "maxmargin")
_LAZY |= {"Store": "runs.store", "MaxMarginClassifier": "estimator", "Probe": "probe"}
__all__ = [
    "CATALOG", "CROSS_ENTROPY", "EXPONENTIAL", "FROBENIUS", "MAX", "NUCLEAR", "SPECTRAL", "SUM",
    "Dataset", "Entrywise", "FullBatch", "MaxMargin", "MaxMarginClassifier", "Minibatch",
    "Momentum", "Norm", "NotSeparable", "Power", "Probe", "Problem", "Scaled", "Schatten",
    "Signal", "SteepestDescent", "Store", "UndecidedSeparability", "VarianceReduced", "certify",
    "data", "grid", "logspaced", "max_margin", "norm", "optim", "permutations", "random_optima",
    "relative_error", "simulate", "sweep",
]  # fmt: skip


def __getattr__(name):
    if name in _LAZY:
        value = globals()[name] = getattr(import_module(f".{_LAZY[name]}", __name__), name)
        return value
    if name == "optim":
        return import_module(".optim", __name__)
    raise AttributeError(f"module 'ibias' has no attribute {name!r}")


def __dir__():
    return __all__
