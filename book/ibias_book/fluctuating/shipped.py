"""Trained points and replica measurements that ship with the package, and the code that made them.

The pages read these files, so that they do not depend on a Newton path that differs between
linear-algebra libraries; a slow test recomputes them.  ``python -m ibias_book.fluctuating FOLDER``
makes what is missing there (15 minutes on one free core for all of it).
"""

import io
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np
import torch
import xarray as xr

from ibias.progress import bar
from ibias.runs.store import write_whole

from . import networks, replicas, sampling, training
from .spectra import eigenbasis, exact_hessian
from .statistics import NoiseStatistics, noise_statistics

SEEDS = (0, 1, 2)
ETAS = (0.05, 0.1, 0.2)
BATCH = 32
REPLICAS = 256
DATA = resources.files(__package__) / "data"


@dataclass(frozen=True)
class Point:
    """A trained network by name: ``kind`` is digits, digits-weak, text, digits-early or
    text-early."""

    kind: str
    seed: int

    def __post_init__(self):
        if self.kind not in KINDS or self.seed not in SEEDS:
            raise ValueError(
                f"no shipped point {self.kind!r} with seed {self.seed}; kinds are"
                f" {', '.join(KINDS)}, seeds {SEEDS}"
            )

    @property
    def key(self) -> str:
        return f"{self.kind}-{self.seed}"

    def network(self):
        build, decay, _ = KINDS[self.kind]
        return build(weight_decay=decay, seed=self.seed)

    def train(self):
        """Compute the point anew; ``load`` reads the shipped one."""
        return KINDS[self.kind][2](self.network(), self.seed)

    def load(self) -> torch.Tensor:
        return torch.from_numpy(_file("points.npz")[self.key].copy())


KINDS = {
    "digits": (networks.digits_network, 1e-3, training.minimum),
    "digits-weak": (networks.digits_network, 1e-5, training.minimum),
    "text": (networks.text_network, 1e-3, training.minimum),
    "digits-early": (networks.digits_network, 0.0, training.early_point),
    "text-early": (networks.text_network, 0.0, training.early_point),
}


@dataclass(frozen=True)
class Run:
    """One ensemble of 256 replicas from a shipped point, batch 32; ``scheme`` is "wr" or "rr"."""

    point: Point
    scheme: str
    eta: float

    @property
    def key(self) -> str:
        return f"{self.point.key}-{self.scheme}-{self.eta:g}"

    @property
    def steps(self) -> int:
        return 800 if self.point.kind.endswith("early") else 1600

    def record(self, m: int) -> np.ndarray:
        """With replacement: growth in time, and 400, 800, 1600 for the exponents in eta.
        Reshuffled: epoch ends, and the last mid-epoch."""
        common = [self.steps // 4, self.steps // 2, self.steps]
        if self.scheme == "rr":
            grid = [
                m,
                10 * m,
                *range(self.steps // 4, self.steps + 1, 3 * self.steps // 16 // m * m),
                self.steps - m // 2,
            ]
        else:
            grid = [] if self.eta == ETAS[-1] else replicas.log_and_linear(self.steps, 6, 6)
        return np.unique(np.concatenate([grid, common]).astype(np.int64))

    def measure(self, theta: torch.Tensor | None = None) -> xr.Dataset:
        """Run the ensemble (6 to 9 s on one free core) from ``theta (p,)``, the shipped point
        unless given."""
        network = self.point.network()
        theta = self.point.load() if theta is None else theta
        basis = eigenbasis(exact_hessian(network.loss, theta))
        scheme = {"wr": sampling.WITH_REPLACEMENT, "rr": sampling.RESHUFFLING}[self.scheme]
        record = self.record(network.n // BATCH)
        return replicas.run_replicas(
            network,
            theta,
            basis.vectors,
            self.eta,
            scheme,
            BATCH,
            self.steps,
            record,
            range(REPLICAS),
        )

    def load(self) -> xr.Dataset:
        """The shipped measurement: ``variance`` (step, mode) in float32, ``mean`` (mode) at the
        last step."""
        file = _file("replicas.npz")
        if self.key + ":variance" not in file:
            raise ValueError(f"no shipped measurement {self.key!r}; run it with .measure()")
        variance = file[self.key + ":variance"].astype(float)
        kept = {
            "variance": (("step", "mode"), variance),
            "mean": ("mode", file[self.key + ":mean"].astype(float)),
        }
        labels = {
            "eta": self.eta,
            "batch": BATCH,
            "replicas": REPLICAS,
            "scheme": self.scheme,
            "network": self.point.kind,
            "seed": self.point.seed,
        }
        return xr.Dataset(
            kept, {"step": file[self.key + ":step"], "mode": np.arange(variance.shape[1])}, labels
        )


RANK = 8
"""V_ij ships as its 8 largest eigenvalues and vectors, to 2 % (digits) or 8 % (text) of its norm.

A digits variance at eta = 0.05 moves by 0.1 % (median), 1 % (worst). Sampling with 256 replicas
moves a measured one by 9 %.
"""


def shipped_statistics(point: Point) -> NoiseStatistics:
    """Noise statistics of a shipped point, from the file (float32; the coupling to rank 8)."""
    file = _file("statistics.npz")
    rows = file[point.key + ":modes"].astype(float)
    vectors, values = (file[f"{point.key}:{part}"].astype(float) for part in ("vectors", "values"))
    area = rows[4:] if len(rows) == 7 else None
    return NoiseStatistics(
        point.network().n,
        file[point.key + ":curvature"],
        *rows[:2],
        (vectors * values) @ vectors.T,
        *rows[2:4],
        area=area,
    )


def pack_statistics(key: str, statistics: NoiseStatistics) -> dict:
    """What ``shipped_statistics`` reads back."""
    values, vectors = np.linalg.eigh(statistics.coupling)
    largest = np.argsort(-np.abs(values))[:RANK]
    modes = [statistics.gradient, statistics.noise, statistics.diagonal, statistics.force]
    modes += [] if statistics.area is None else list(statistics.area)
    small = {"modes": np.array(modes), "vectors": vectors[:, largest], "values": values[largest]}
    kinds = {"modes": np.float32, "vectors": np.float16, "values": np.float32}
    return {f"{key}:curvature": statistics.curvature} | {
        f"{key}:{name}": value.astype(kinds[name]) for name, value in small.items()
    }


def runs() -> list[Run]:
    """Every shipped measurement."""
    minima = [
        Run(Point(kind, seed), "wr", eta)
        for kind in ("digits", "text", "digits-weak")
        for seed in SEEDS
        for eta in ETAS
    ]
    early = [
        Run(Point(kind, seed), "wr", ETAS[0])
        for kind in ("digits-early", "text-early")
        for seed in SEEDS
    ]
    shuffled = [
        Run(Point(kind, seed), "rr", eta)
        for kind in ("digits-weak", "digits", "text")
        for seed in SEEDS
        for eta in ETAS
    ]
    return minima + early + shuffled


@cache
def _file(name: str) -> dict:
    with (DATA / name).open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
        return {key: archive[key] for key in archive.files}


def make(folder: Path) -> None:
    """Train the points that ``folder`` lacks, measure the runs and the statistics it lacks.

    What is finished is kept at once, so that an interrupted call goes on where it stopped.
    """
    every = [Point(kind, seed) for kind in KINDS for seed in SEEDS]
    trained = _complete(folder / "points.npz", every, lambda point: {point.key: _trained(point)})
    _complete(
        folder / "replicas.npz", runs(), lambda run: _measured(run, trained[run.point.key].copy())
    )
    _complete(
        folder / "statistics.npz",
        every,
        lambda point: _statistics(point, trained[point.key].copy()),
    )


def _complete(path: Path, wanted, arrays_of) -> dict:
    """The archive at ``path`` once it holds the arrays of everything ``wanted``."""
    kept = dict(np.load(path, allow_pickle=False)) if path.exists() else {}
    there = {name.partition(":")[0] for name in kept}
    missing = [one for one in wanted if one.key not in there]
    with bar(len(missing), path.name) as advance:
        for one in missing:
            kept |= arrays_of(one)
            archive = io.BytesIO()
            np.savez_compressed(archive, **kept)
            write_whole(path, archive.getvalue())
            advance(1)
    return kept


def _trained(point: Point) -> np.ndarray:
    return point.train().numpy()


def _measured(run: Run, theta: np.ndarray) -> dict:
    result = run.measure(torch.from_numpy(theta))
    return {
        f"{run.key}:step": result.step.values.astype(np.int16),
        f"{run.key}:variance": result.variance.values.astype(np.float32),
        f"{run.key}:mean": result["mean"].values[-1].astype(np.float32),
    }


def _statistics(point: Point, theta: np.ndarray) -> dict:
    early = point.kind.endswith("early")
    return pack_statistics(
        point.key, noise_statistics(point.network(), torch.from_numpy(theta), reshuffling=not early)
    )
