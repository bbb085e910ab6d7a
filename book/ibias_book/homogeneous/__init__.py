"""Smooth homogeneous networks under steepest descent, Adam and Muon (arXiv:2602.16340)."""

from ibias.probe.network_norms import L2, Euclidean

from .ascent import Ascent, ascent
from .networks import Factored, HomogeneousModel, Layers, deep_linear_optima
from .norms import HYBRID, LINF, MAX_SPECTRAL, WHOLE, BlockMax, hybrid
from .rules import Rule, family_rules
from .tasks import Task, aniso, digits, planar_xor
from .training import train

__all__ = [
    "HYBRID",
    "L2",
    "LINF",
    "MAX_SPECTRAL",
    "WHOLE",
    "Ascent",
    "BlockMax",
    "Euclidean",
    "Factored",
    "HomogeneousModel",
    "Layers",
    "Rule",
    "Task",
    "aniso",
    "ascent",
    "deep_linear_optima",
    "digits",
    "family_rules",
    "hybrid",
    "planar_xor",
    "train",
]
