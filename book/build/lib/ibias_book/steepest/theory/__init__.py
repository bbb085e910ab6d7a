"""The paper's constants and bounds as functions, used by notebooks and tests alike."""

from .constants import (
    averaging_constant,
    averaging_start,
    curvature,
    drift,
    effective_margin,
    finer_margin_ceiling,
    least_batch_size,
    least_momentum,
    margin_ceiling,
    phi,
    sampling_error,
    sampling_error_paper,
)
from .rates import exponent, gap_rate, scale
from .recursion import Recursion, measured_margin_floor
from .replay import Replay, replay

__all__ = [
    "Recursion",
    "Replay",
    "averaging_constant",
    "averaging_start",
    "curvature",
    "drift",
    "effective_margin",
    "exponent",
    "finer_margin_ceiling",
    "gap_rate",
    "least_batch_size",
    "least_momentum",
    "margin_ceiling",
    "measured_margin_floor",
    "phi",
    "replay",
    "sampling_error",
    "sampling_error_paper",
    "scale",
]
