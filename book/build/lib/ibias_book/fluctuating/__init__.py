"""Stochastic gradient descent as a deterministic map in a landscape that fluctuates with the batch
(companion to arXiv:2605.22644).

``circle``: densities in one dimension, exactly, and the two equations that approximate them.
``modes``: mean, variance, tail of one eigendirection.  ``landscape``, ``sampling``, ``ensemble``:
quadratics, ways to draw batches, replicas.  ``reshuffling``: what the zero sum of an epoch leaves.
``networks``, ``training``, ``statistics``, ``closure``, ``replicas``, ``spectra``: real networks
around one point. ``exponents``: growth laws with error bars.  ``shipped``: trained points and
measurements.  ``studies``: the chapter's experiments.
"""

from .circle import Circle, CircleLandscape, random_circle
from .closure import predict_reshuffled, predict_variance, stationary_variance
from .ensemble import evolve, sample_variance
from .exponents import Exponent, fit_exponent, growth_exponents, universal_curve
from .landscape import Landscape, four_batches, gaussian_batches, sampled_landscape
from .modes import Mode, hill, lyapunov, raw_moments, tail_index
from .networks import Network, digits_network, text_network
from .replicas import run_replicas
from .sampling import RESHUFFLING, WITH_REPLACEMENT, CommonOrder, Independent, OwnOrder, Reshuffled
from .shipped import Point, Run
from .spectra import eigenbasis, exact_hessian, lanczos, stationary_covariance
from .statistics import NoiseStatistics, frame_at, noise_statistics

__all__ = [
    "RESHUFFLING",
    "WITH_REPLACEMENT",
    "Circle",
    "CircleLandscape",
    "CommonOrder",
    "Exponent",
    "Independent",
    "Landscape",
    "Mode",
    "Network",
    "NoiseStatistics",
    "OwnOrder",
    "Point",
    "Reshuffled",
    "Run",
    "digits_network",
    "eigenbasis",
    "evolve",
    "exact_hessian",
    "fit_exponent",
    "four_batches",
    "frame_at",
    "gaussian_batches",
    "growth_exponents",
    "hill",
    "lanczos",
    "lyapunov",
    "noise_statistics",
    "predict_reshuffled",
    "predict_variance",
    "random_circle",
    "raw_moments",
    "run_replicas",
    "sample_variance",
    "sampled_landscape",
    "stationary_covariance",
    "stationary_variance",
    "tail_index",
    "text_network",
    "universal_curve",
]
