"""The maximum-margin classifier in scikit-learn's manner, which it needs (the ``data`` extra)."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from .data import Dataset, with_bias
from .data.features import features, standardised
from .data.labels import as_array, whole_or_text
from .maxmargin import max_margin
from .norms import Norm
from .norms import norm as norm_of


class MaxMarginClassifier(ClassifierMixin, BaseEstimator):
    """The linear classifier of maximum margin in a norm of its weights, with its certificate.

    ``fit`` maximises the smallest multi-class margin, ``min over i and c != y_i of (w_(y_i) - w_c)
    . x_i + b_(y_i) - b_c``, over all weights ``W`` (classes, features) and intercepts ``b`` with
    ``||[W, b]|| <= 1`` (`ibias.max_margin`; Section 3 of the paper).  The intercept is the weight
    of a constant feature 1 and counts in the norm, as in liblinear and unlike in ``SVC``: features
    of large values make it cheap, of small values dear.  Two classes are no special case in this:
    both have a row of weights.

    Args:
        norm: text, such as "frobenius", "max", "spectral", "schatten:4", or an `ibias.Norm`.
        tolerance: None certifies to rounding; a number stops at that certified relative gap.
        fit_intercept: False maximises over ``||W|| <= 1`` with ``b = 0``.
        standardise: maximise over the weights of features with mean 0 and standard deviation 1
            (constant ones become 0); margin and norm are those of the standardised features,
            ``coef_`` and ``intercept_`` belong to the features as they came, so that
            ``intercept_`` is not 0 even without ``fit_intercept``.  Not for sparse X.

    Attributes:
        coef_: (classes, features), or (1, features) with two classes: row 1 minus row 0.
        intercept_: (classes,) or (1,), in the same way.
        classes_: the labels in sorted order.
        margin_: the certified margin attained, of the unit-norm weights.
        certificate_: the `ibias.maxmargin.MaxMargin`: interval, dual weights, support vectors.
        n_features_in_, feature_names_in_: as everywhere in scikit-learn.

    ``fit`` raises `ibias.NotSeparable`, a ValueError with a proof, for data that no linear
    classifier separates: there is no maximum margin then, and no soft one is put in its place.
    """

    def __init__(
        self,
        norm: str | Norm = "frobenius",
        tolerance: float | None = None,
        fit_intercept: bool = True,
        standardise: bool = False,
    ):
        self.norm, self.tolerance = norm, tolerance
        self.fit_intercept, self.standardise = fit_intercept, standardise

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def fit(self, X: Any, y: Any) -> MaxMarginClassifier:
        """Maximise the margin of ``X`` (samples, features), dense or sparse; ``y``: (samples,)."""
        if hasattr(X, "columns"):
            features(X)  # names the column that cannot be used, which scikit-learn does not
        y = _labels(y)
        X, y = validate_data(self, X, y, accept_sparse="csr", dtype=np.float64)
        check_classification_targets(y)
        norm = self.norm if isinstance(self.norm, Norm) else norm_of(self.norm)
        mean, scale = np.zeros(X.shape[1]), np.ones(X.shape[1])
        if self.standardise:
            X, mean, scale = standardised(X)
        data = Dataset(X, y)
        self.classes_ = np.unique(y)
        data = with_bias(data) if self.fit_intercept else data
        best = max_margin(data, norm, tolerance=self.tolerance, progress=False)
        w = best.weights[:, : X.shape[1]] / scale
        b = (best.weights[:, -1] if self.fit_intercept else 0) - w @ mean
        two = data.k == 2
        self.coef_, self.intercept_ = (w[1:] - w[:1], b[1:] - b[:1]) if two else (w, b)
        self.margin_, self.certificate_ = best.margin, best
        return self

    def decision_function(self, X: Any) -> np.ndarray:
        """``X coef_^T + intercept_``: (samples, classes); (samples,) for two, > 0 the second."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=np.float64, reset=False)
        scores = X @ self.coef_.T + self.intercept_
        return scores[:, 0] if len(self.classes_) == 2 else scores

    def predict(self, X: Any) -> np.ndarray:
        """The class of the largest score, (samples,)."""
        scores = self.decision_function(X)
        best = (scores > 0).astype(int) if scores.ndim == 1 else scores.argmax(1)
        return self.classes_[best]


def _labels(y: Any) -> Any:
    """Labels of a frame, a series or a list as numbers or text; ValueError names any other."""
    held = as_array(y) if y is not None else np.empty(0)
    if held.ndim == 1 and held.dtype.kind == "O":
        return whole_or_text(held, "y[{}] is".format)
    return held if hasattr(y, "to_numpy") else y
