"""Closed forms on the orthogonal scale-skewed data of Section 4.4: d = k and x_i = s_i e_{y_i}, s_i
> 0 (Appendix H).

``labels`` has shape (n,), ``scales`` (n,) holds the s_i. Here per-sample steps average directions,
and the limit is a bias matrix that the scales do not enter, while the maximum margin is decided by
the smallest scales.
"""

import math

import numpy as np


def scales(x, y):
    """The s_i of scale-skewed data; ValueError when a point is not a positive multiple of its own
    class axis."""
    points, labels = np.asarray(x, dtype=float), np.asarray(y)
    fits = points.ndim == 2 and points.shape[1] > labels.max()
    own = points[np.arange(len(points)), labels] if fits else np.zeros(1)
    if np.any(own <= 0) or np.count_nonzero(points) != len(points):
        raise ValueError(
            "scale-skewed data needs x_i = s_i e_(y_i) with s_i > 0; use ib.data.scale_skewed"
        )
    return own


def sign_bias(labels, classes):
    """Definition 4.8 for SignSGD: (1/n) sum_i (2 e_y - 1) e_y^T, shape (k, k)."""
    share = np.bincount(labels, minlength=classes) / len(labels)
    return (2 * np.eye(classes) - 1) * share


def normalized_bias(labels, classes):
    """Definition 4.8 for Normalized- and Spectral-SGD: (1/n) sum_i U_i, U_i = sqrt(k/(k-1)) (e_y -
    1/k) e_y^T."""
    share = np.bincount(labels, minlength=classes) / len(labels)
    return math.sqrt(classes / (classes - 1)) * (np.eye(classes) - 1 / classes) * share


def sign_step(label, classes):
    """H.2: the direction of a SignSGD step on one sample, whatever the weights are."""
    column = np.eye(classes)[label]
    return np.outer(2 * column - 1, column)


def normalized_step(label, classes):
    """H.3/H.4: the direction of an N-SGD (and Spectral-SGD) step on one sample, from weights with
    equal off-class entries."""
    column = np.eye(classes)[label]
    return math.sqrt(classes / (classes - 1)) * np.outer(column - 1 / classes, column)


def sample_margins(scale, labels, class_step_sums, *, family):
    """H.2/H.3: the margin of each sample, 2 s_i S_y ("sign") or sqrt(k/(k-1)) s_i S_y
    ("normalized").

    ``class_step_sums`` (..., k) holds S_c(t), the step sizes spent on class c so far. Returns (...,
    n).
    """
    k = class_step_sums.shape[-1]
    factor = {"sign": 2.0, "normalized": math.sqrt(k / (k - 1))}[family]
    return factor * np.asarray(scale) * class_step_sums[..., labels]


def max_norm_margin(scale):
    """gamma for the max norm: 2 min_i s_i."""
    return 2 * float(np.min(scale))


def frobenius_margin(scale, labels):
    """gamma for the Frobenius norm: sqrt(k/(k-1)) (sum_c s_(c,min)^-2)^(-1/2)."""
    smallest = _smallest(scale, labels)
    return math.sqrt(len(smallest) / (len(smallest) - 1) / np.sum(smallest**-2.0))


def frobenius_solution(scale, labels):
    """The unit Frobenius max-margin matrix: columns proportional to (e_c - 1/k) / s_(c,min), shape
    (k, k)."""
    smallest = _smallest(scale, labels)
    k = len(smallest)
    solution = (np.eye(k) - 1 / k) / smallest
    return solution / np.linalg.norm(solution)


def _smallest(scale, labels):
    return np.array(
        [np.min(np.asarray(scale)[labels == c]) for c in range(int(np.max(labels)) + 1)]
    )


def direction_bound(epoch_starts, samples, bias, *, step_norm, eta0):
    """The explicit rate (*sharper*): ||W/||W||_F - bias/||bias||_F||_F <= 2 (n-1) u eta_0 / (n S_r
    ||bias||_F) after r epochs.

    ``epoch_starts`` (r,) holds S_r = sum of the step sizes at the first step of the finished
    epochs, ``step_norm`` is u, the
    Frobenius length of one step: sqrt(k) for SignSGD, 1 for N-SGD. Valid for every non-increasing
    schedule and W_0 = 0.
    """
    return (
        2
        * (samples - 1)
        * step_norm
        * eta0
        / (samples * np.asarray(epoch_starts) * np.linalg.norm(bias))
    )


def position_bound(samples, *, step_norm, eta0):
    """||W_(rn) - n S_r bias||_F <= (n-1) u eta_0: the weights never leave a tube around the ray of
    the bias matrix."""
    return (samples - 1) * step_norm * eta0
