"""Labelled samples: the data sets of the paper, its counterexamples, digits, and the user's own."""

from .dataset import Dataset, with_bias
from .files import READERS, DataFileError, LabelsMapped, load
from .generators import COUNTEREXAMPLES, counterexample, digits, gaussian, mixture, scale_skewed
from .npz import NpzError
from .tables import IndexDropped

__all__ = [
    "COUNTEREXAMPLES", "READERS", "DataFileError", "Dataset", "IndexDropped", "LabelsMapped",
    "NpzError", "counterexample", "digits", "gaussian", "load", "mixture", "scale_skewed",
    "with_bias",
]  # fmt: skip
