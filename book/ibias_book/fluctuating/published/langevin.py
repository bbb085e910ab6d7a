"""EXP43: SGD on MLP-386 against two Gaussian walks with coefficients frozen at the first point."""

import numpy as np
import torch

from ibias import streams

from .mlp386 import BATCH, mlp386, reference
from .path import descent, hessian_of
from .repeating import WITH_REPETITION
from .stationary import GRADIENTS, batch_gradients
from .walk import walk

ETA, STEPS, RUNS = 0.05, 40, 32
MANY = 512


def comparison(seed: int, many=MANY) -> dict[str, float]:
    """Error of the plain walk over that of the walk with the corrected drift, in mean and in
    covariance along the two sharpest directions, averaged over the steps.

    ``published`` runs: 32 of everything. Then ``many`` runs of SGD against the walks' exact laws,
    and against the formula along the path.
    """
    network = mlp386(512, seed)
    theta = reference(network, seed, 20)
    hessian = hessian_of(network, theta)
    vectors = np.linalg.eigh(hessian)[1][:, -2:]
    drift = network.batch_gradients(theta[None], torch.arange(network.n)[None])[0].numpy()
    corrected = drift + ETA / 2 * hessian @ drift
    gradients = batch_gradients(network, theta, GRADIENTS, seed).numpy()
    noise = (gradients - gradients.mean(0)) / np.sqrt(GRADIENTS - 1)
    few = _moments(network, theta, vectors, range(seed * RUNS, (seed + 1) * RUNS))
    rng = streams.generator(seed)
    walks = [_gaussian(d @ vectors, noise @ vectors, rng) for d in (drift, corrected)]
    more = _moments(network, theta, vectors, range(MANY * (seed + 1), MANY * (seed + 1) + many))
    times = np.arange(STEPS + 1)[:, None]
    laws = [-ETA * times * (d @ vectors) for d in (drift, corrected)]
    path = torch.stack(descent(network, theta, ETA, STEPS)) - theta
    return {
        "mean, plain over corrected": _ratio(0, few, *walks),
        "covariance, plain over corrected": _ratio(1, few, *walks),
        "mean, without sampling error": _error(more[0], laws[0]) / _error(more[0], laws[1]),
        "mean, plain over the path": _error(more[0], laws[0])
        / _error(more[0], path.numpy() @ vectors),
    }


def _moments(network, theta, vectors, seeds):
    """Mean ``(steps + 1, 2)`` and covariance ``(steps + 1, 2, 2)`` of SGD's runs."""
    places = walk(network, theta, ETA, WITH_REPETITION, BATCH, seeds, STEPS)
    frame = torch.from_numpy(vectors)
    return _of(torch.stack([(place - theta) @ frame for place in places]).numpy())


def _gaussian(drift, noise, rng):
    """The same of a Gaussian walk with the covariance of the batches' gradients."""
    kicks = rng.standard_normal((STEPS, RUNS, len(noise))) @ noise
    steps = np.concatenate([np.zeros((1, RUNS, 2)), -ETA * drift + ETA * kicks])
    return _of(np.cumsum(steps, 0))


def _of(places):
    return places.mean(1), np.array([np.cov(at, rowvar=False) for at in places])


def _error(one, other) -> float:
    """Norm of the difference, averaged over the steps."""
    return float(np.linalg.norm((one - other).reshape(len(one), -1), axis=1).mean())


def _ratio(moment, sgd, plain, corrected) -> float:
    return _error(sgd[moment], plain[moment]) / _error(sgd[moment], corrected[moment])
