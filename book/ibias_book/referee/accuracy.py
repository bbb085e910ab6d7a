"""Does the margin matter? Accuracy of the classifiers on images that no optimizer saw, as they are
and under attack."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
import xarray as xr

from ibias.data import Dataset
from ibias.methods import SteepestDescent
from ibias.norms import FROBENIUS, MAX, SPECTRAL, SUM
from ibias.runs import sweep
from ibias.streams import generator

ATTACKS = {"l1": np.inf, "l2": 2, "l-infinity": 1}
"""A perturbation's norm, and the exponent of the norm that is dual to it."""


def split(dataset: Dataset, train: int, seed: int) -> tuple[Dataset, Dataset]:
    """``train`` samples, equally many of each class, and the rest; drawn by ``seed``.

    Raises ValueError where the classes do not divide ``train`` or a class has too few samples.
    """
    each, rest = divmod(train, dataset.k)
    if rest or each > np.bincount(dataset.y).min():
        raise ValueError(
            f"{train} training samples of {dataset.k} classes: pass a multiple of {dataset.k}, at"
            f" most {np.bincount(dataset.y).min() * dataset.k}"
        )
    order = generator(seed).permutation(dataset.n)
    chosen = np.concatenate([order[dataset.y[order] == c][:each] for c in range(dataset.k)])
    others = np.setdiff1d(order, chosen)
    return tuple(
        Dataset(dataset.x[rows], dataset.y[rows], f"{dataset.name}, {len(rows)} of seed {seed}")
        for rows in (np.sort(chosen), others)
    )


def robust_accuracy(w: np.ndarray, test: Dataset, attack: str, budget: float) -> np.ndarray:
    """Share of samples that no perturbation of norm ``budget`` moves across a boundary; exact.

    For a linear classifier the worst perturbation takes ``budget |w_y - w_c|_*`` from the logit
    difference of classes y and c. ``w`` is ``(runs, k, d)``; the result ``(runs,)``.
    """
    dual = ATTACKS[attack]
    logits = test.x @ np.swapaxes(w, -1, -2)
    own = np.take_along_axis(logits, np.broadcast_to(test.y[:, None], (*logits.shape[:2], 1)), -1)
    apart = np.linalg.norm(w[:, :, None] - w[:, None], dual, axis=-1)[:, test.y]
    slack = own - logits - budget * apart
    np.put_along_axis(slack, np.broadcast_to(test.y[:, None], (*logits.shape[:2], 1)), np.inf, -1)
    return (slack.min(-1) > 0).mean(-1)


def judged(
    dataset: Dataset,
    methods: Sequence[SteepestDescent],
    budgets: Mapping[str, float],
    *,
    train: int,
    steps: int,
    splits: Sequence[int],
) -> xr.Dataset:
    """Each method trained on ``train`` samples and judged on the rest, over (optimizer, split).

    ``test``: accuracy; ``robust`` (also over attack): accuracy under `ATTACKS` of size
    ``budgets``; ``margin`` (also over measured): normalised margins of the training set in the
    max, Frobenius, spectral and sum norms.
    """
    norms = (MAX, FROBENIUS, SPECTRAL, SUM)
    out = {"test": [], "robust": [], "margin": []}
    for seed in splits:
        seen, unseen = split(dataset, train, seed)
        runs = sweep(
            seen, methods, seeds=[seed], steps=steps, record=[steps], weights=True, progress=False
        )
        w = runs.weights.isel(seed=0, step=-1).transpose("optimizer", ...).values
        q = runs.min_margin.isel(seed=0, step=-1).values
        out["test"].append(robust_accuracy(w, unseen, "l2", 0.0))
        out["robust"].append([robust_accuracy(w, unseen, a, e) for a, e in budgets.items()])
        sizes = [norm.value(torch.as_tensor(w)).numpy() for norm in norms]
        out["margin"].append([q / size for size in sizes])
    coordinates = {
        name: ("optimizer", runs[name].values)
        for name in ("norm", "batch_size", "momentum", "variance_reduction")
    }
    return xr.Dataset(
        {
            "test": (("split", "optimizer"), np.array(out["test"])),
            "robust": (("split", "attack", "optimizer"), np.array(out["robust"])),
            "margin": (("split", "measured", "optimizer"), np.array(out["margin"])),
        },
        {
            "split": list(splits),
            "optimizer": runs.optimizer.values,
            "attack": list(budgets),
            "measured": [norm.text for norm in norms],
            **coordinates,
        },
    )
