"""Smooth homogeneous networks under steepest descent, Adam and Muon (arXiv:2602.16340)."""

from ibias.probe.stationarity import ScaledBlocks

from .ascent import Ascent, ascent
from .networks import Factored, HomogeneousModel, Layers, deep_linear_optima
from .rules import Rule, family_rules
from .tasks import Task, aniso, digits, mnist, mnist_here, planar_xor
from .training import Batches, logspaced, train
from ibias.probe.network_norms import (
    HYBRID,
    L2,
    LINF,
    MAX_SPECTRAL,
    WHOLE,
    BlockMax,
    Euclidean,
    hybrid,
)

__all__ = [
    "Ascent",
    "Batches",
    "BlockMax",
    "Euclidean",
    "Factored",
    "HYBRID",
    "HomogeneousModel",
    "L2",
    "LINF",
    "Layers",
    "MAX_SPECTRAL",
    "Rule",
    "ScaledBlocks",
    "Task",
    "WHOLE",
    "aniso",
    "ascent",
    "deep_linear_optima",
    "digits",
    "family_rules",
    "hybrid",
    "logspaced",
    "mnist",
    "mnist_here",
    "planar_xor",
    "train",
]
