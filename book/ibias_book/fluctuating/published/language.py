"""EXP2-NanoGPT: the stationary formula on the transformer, computed once and shipped.

One seed takes three minutes of one core.  ``python -m ibias_book.fluctuating.published FOLDER``
makes the file again; a page runs the first steps of it and compares.
"""

import hashlib
import io
import json
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np
import torch
import xarray as xr

from ibias.progress import bar
from ibias.runs.store import write_whole

from ..replicas import run_replicas
from .mlp386 import REFERENCE
from .path import clouds, hessian_in_parts
from .repeating import WITH_REPETITION
from .stationary import batch_gradients, compared, scores, top_modes
from .transformer import Transformer, transformer
from .walk import end

BATCH = 64
SETTINGS = {
    "eta": 0.001,
    "steps": 500,
    "runs": 48,
    "gradient_batches": 24,
    "hessian_windows": 256,
    "reference_rate": 0.01,
    "reference_steps": 2_000,  # ours: the published starting point is not public
    "thinned": 4,  # ours: the path's Hessians are those of every fourth window
    "early": 20,
}
SEEDS, AGAIN = (0, 1, 2), 0  # the vectors ship of the seed that a page runs again
FILE = resources.files(__package__) / "data" / "transformer.npz"


def point(network: Transformer, seed: int) -> torch.Tensor:
    """Where the replicas start, ``(p,)``: SGD from random weights."""
    rate, steps = SETTINGS["reference_rate"], SETTINGS["reference_steps"]
    first = network.start(seed)
    return end(network, first, rate, WITH_REPETITION, BATCH, [REFERENCE + seed], steps)[0]


def measure(network: Transformer, seed: int) -> dict[str, np.ndarray]:
    """Everything that ships of one seed."""
    theta, eta, steps = point(network, seed), SETTINGS["eta"], SETTINGS["steps"]
    first = network.part(slice(SETTINGS["hessian_windows"]))
    curvature, vectors = np.linalg.eigh(hessian_in_parts(first.loss, theta))
    gradients = batch_gradients(network, theta, SETTINGS["gradient_batches"], seed)
    noise = (gradients @ torch.from_numpy(vectors)).var(0).numpy()
    run = ensemble(network, theta, vectors, seed, [SETTINGS["early"], steps])
    thinned = network.part(slice(None, None, SETTINGS["thinned"]))
    (cloud,) = clouds(thinned, theta, eta, BATCH, [steps], WITH_REPETITION, longest=steps // 2)
    return {
        "theta": theta.numpy(),
        "curvature": curvature,
        "stationary": eta * noise / (2 * np.abs(curvature) + 1e-6),
        "early": run.variance.values[0],
        "variance": run.variance.values[1],
        "path": cloud.along(vectors),
        "vectors": vectors[:, top_modes(curvature)].astype(np.float32),
    }


def ensemble(network, theta, vectors, seed, record) -> xr.Dataset:
    """The replicas from ``theta`` along ``vectors`` at the steps ``record``."""
    runs = SETTINGS["runs"]
    seeds = range(seed * runs, (seed + 1) * runs)
    eta = SETTINGS["eta"]
    return run_replicas(
        network, theta, vectors, eta, WITH_REPETITION, BATCH, record[-1], record, seeds
    )


def text_hash(network: Transformer) -> str:
    """Of the windows that the network reads."""
    return hashlib.sha256(network.x.numpy().tobytes()).hexdigest()


@cache
def shipped() -> dict[str, np.ndarray]:
    """The file's arrays, by ``seed:name``.

    Raises ValueError where it was made with other settings, or from a text that is not the one at
    hand.
    """
    with FILE.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
        kept = {key: archive[key] for key in archive.files}
    made = json.loads(str(kept.pop("settings")))
    network = transformer()
    wanted = SETTINGS | {"text": made["text"] if network.without else text_hash(network)}
    differing = sorted(name for name in wanted if made.get(name) != wanted[name])
    if differing:
        raise ValueError(
            f"{FILE.name} was made with another {', '.join(differing)}; call `python -m"
            " ibias_book.fluctuating.published` to make it again"
        )
    return kept


def run(seed: int) -> xr.Dataset:
    """Every mode of a shipped seed: curvature, variance measured and predicted both ways."""
    names = ("curvature", "variance", "stationary", "path")
    kept = {name: ("mode", shipped()[f"{seed}:{name}"]) for name in names}
    return xr.Dataset(kept, attrs={"network": "transformer", "seed": seed})


def first_steps_again(seed: int = AGAIN) -> float:
    """Largest relative difference of a variance along the 48 top modes after the first steps, run
    here, from the shipped one."""
    kept = {k: shipped()[f"{seed}:{k}"] for k in ("theta", "curvature", "early", "vectors")}
    theta = torch.from_numpy(kept["theta"].copy())
    vectors = kept["vectors"].astype(float)
    again = ensemble(transformer(), theta, vectors, seed, [SETTINGS["early"]]).variance.values[0]
    return float(np.abs(again / kept["early"][top_modes(kept["curvature"])] - 1).max())


def published_scores(run: xr.Dataset) -> dict[str, float]:
    """The numbers of EXP2-NanoGPT from one run, by the names of the table."""
    variance, formula = run.variance.values, run.stationary.values
    top = top_modes(run.curvature.values)
    return {
        **{f"{k}, top 48": v for k, v in scores(variance[top], formula[top]).items()},
        **{f"{k}, all": v for k, v in scores(variance, formula).items()},
    }


def agreement(run: xr.Dataset) -> dict[str, float]:
    """The formula along the path over every noisy mode."""
    noisy = run.path.values > 1e-12 * run.path.values.max()
    return compared(run.variance.values[noisy], run.path.values[noisy], SETTINGS["runs"])


def sampling_error() -> float:
    """Relative error of the stationary formula on modes where it is exact, from the numbers of runs
    and of gradient batches alone."""
    return float(np.sqrt(2 / (SETTINGS["runs"] - 1) + 2 / (SETTINGS["gradient_batches"] - 1)))


def make(path: Path) -> None:
    """Measure every seed and write the file.

    Raises ``archives.Unavailable``'s sentence as ValueError where the plays are not at hand.
    """
    network = transformer()
    if network.without:
        raise ValueError(f"the file is made from Shakespeare's text: {network.without}")
    kept = {"settings": np.array(json.dumps(SETTINGS | {"text": text_hash(network)}))}
    with bar(len(SEEDS), path.name) as advance:
        for seed in SEEDS:
            found = measure(network, seed)
            if seed != AGAIN:
                del found["vectors"]
            kept |= {f"{seed}:{name}": row for name, row in found.items()}
            advance(1)
    archive = io.BytesIO()
    np.savez_compressed(archive, **kept)
    write_whole(path, archive.getvalue())
