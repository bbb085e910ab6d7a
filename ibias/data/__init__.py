"""Labelled samples: the data sets of the paper, its counterexamples, real digits, and the user's
own."""

from .dataset import Dataset as Dataset, with_bias as with_bias
from .files import (
    READERS as READERS,
    DataFileError as DataFileError,
    LabelsMapped as LabelsMapped,
    load as load,
)
from .generators import (
    COUNTEREXAMPLES as COUNTEREXAMPLES,
    counterexample as counterexample,
    digits as digits,
    gaussian as gaussian,
    mixture as mixture,
    scale_skewed as scale_skewed,
)
from .npz import NpzError as NpzError
from .tables import IndexDropped as IndexDropped
