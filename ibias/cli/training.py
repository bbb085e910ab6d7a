"""`ibias train`: one method on a data set, its netCDF and figure, the margin it approaches."""

import os
from pathlib import Path
from typing import Annotated, Any

import xarray as xr
from typer import Option

from ..measures import margin_shares, nearest_margin
from ..methods import SteepestDescent
from ..norms import FROBENIUS, MAX, SPECTRAL
from ..norms import norm as norm_of
from ..runs import logspaced, sweep
from ..runs.results import write_netcdf
from ..schedules import Power
from ..signals import Minibatch, Momentum, Signal, VarianceReduced
from . import inputs
from .inputs import answer, loss_named, note_bias, open_data

RIVALS = (MAX, FROBENIUS, SPECTRAL)  # the margins that every run is measured against
# seeds, records: beyond it the request itself, before any run, would fill the memory
MOST = 100_000
EPILOGUE = (
    "Examples: `ibias train digits:3-8 --norm spectral --batch-size full` · `ibias train mine.csv"
    " --bias --norm max --batch-size 10 --momentum 0.9 --variance-reduction --seeds 5 --out"
    " signum.nc`"
)
BatchSize = Annotated[
    str, Option("--batch-size", "-b", help="Samples per step: a divisor of n, or full.")
]
Beta = Annotated[float, Option(help="Weight of the past in the average of gradients, [0, 1).")]
Reduced = Annotated[
    bool, Option("--variance-reduction", help="Correct gradients by those at the epoch's start.")
]
Steps = Annotated[int, Option(help="Updates.")]
Seeds = Annotated[int, Option(help="Number of seeds, 0, 1, ...")]
First = Annotated[float, Option(help="Length of the first step, in the norm.")]
Decay = Annotated[float, Option(help="Decay of the step length, eta0 (t+1)^-a, in (0, 1].")]
LossText = Annotated[str, Option(help="cross-entropy or exponential.")]
Records = Annotated[int, Option(help="Steps at which to measure, evenly spaced in the logarithm.")]
Ragged = Annotated[
    bool, Option("--ragged", help="Allow a batch size that does not divide n: outside the theorem.")
]
Anyway = Annotated[
    bool, Option("--anyway", help="Run although the data are not separable; the figure says so.")
]
Out = Annotated[Path, Option(help="netCDF file to write; the figure lies beside it as .svg.")]
Backend = Annotated[str, Option(help="auto, kernel, gpu, lanes, composed or persistent.")]
Device = Annotated[str, Option(help="auto, cpu, cuda, ...")]


def train(
    data: inputs.DataArgument,
    norm: inputs.NormOption,
    batch_size: BatchSize,
    momentum: Beta = 0.0,
    variance_reduction: Reduced = False,
    steps: Steps = 20_000,
    seeds: Seeds = 5,
    eta0: First = 0.1,
    a: Decay = 0.5,
    loss: LossText = "cross-entropy",
    records: Records = 200,
    ragged: Ragged = False,
    anyway: Anyway = False,
    out: Out = Path("train.nc"),
    backend: Backend = "auto",
    device: Device = "auto",
    label: inputs.LabelOption = "label",
    standardise: inputs.StandardiseOption = False,
    bias: inputs.BiasOption = False,
    store: inputs.StoreOption = None,
    quiet: inputs.QuietOption = False,
    json: inputs.JsonOption = False,
) -> None:
    """Run **steepest descent** in a norm on DATA and say which maximum margin it approaches.

    Separability is certified first: data that no linear classifier separates end with exit code 3,
    unless `--anyway`.
    """
    for name, value in (("--seeds", seeds), ("--records", records)):
        if not 1 <= value <= MOST:
            raise ValueError(f"{name} {value}: a number from 1 to {MOST:,}")
    dataset = open_data(data, label=label, standardise=standardise, bias=bias)
    signal = _signal(batch_size, dataset.n, momentum, variance_reduction, ragged)
    method = SteepestDescent(norm_of(norm), signal, Power(eta0, a))
    options: dict[str, Any] = dict(steps=steps, backend=backend, device=device)
    options |= dict(loss=loss_named("--loss", loss), record=logspaced(records))
    check_writable(out)
    best, banner = _certified(dataset, method.norm, anyway)
    options |= dict(seeds=range(seeds), progress=not quiet, store=store or "auto")
    runs = sweep(dataset, [method], **options)
    runs = margin_shares(runs, best) if best else runs
    asked = {"data": data, "standardise": int(standardise), "bias": int(bias)}
    runs = runs.assign_attrs(asked, ragged=int(ragged), verdict=banner or nearest_margin(runs))
    write_netcdf(runs, out)
    figure = out.with_suffix(".svg")
    draw(runs, banner or _outside(method, dataset.n), figure)
    found = _found(runs, dataset.name, best) | {"out": out, "figure": figure}
    answer(found, json, *_shown(found))


def _found(runs: xr.Dataset, data: str, best: dict) -> dict[str, Any]:
    last: Any = runs.ratio.isel(step=-1, optimizer=0) if best else None
    return {
        "data": data,
        "method": str(runs.optimizer.values[0]),
        "steps": int(runs.step[-1]),
        "seeds": runs.sizes["seed"],
        "share_of_maximum_margin": {n: float(last.sel(margin_of=n).median()) for n in best},
        "verdict": runs.attrs["verdict"],
        "separable": bool(best),
        "backend": runs.attrs["backend"],
        "seconds": runs.attrs["seconds"],
    }


def _shown(found: dict[str, Any]) -> tuple[str, list[tuple[str, str]]]:
    shares = found["share_of_maximum_margin"].items()
    rows = [(f"share of the maximum {name} margin", f"{share:.2%}") for name, share in shares]
    rows += [("verdict", found["verdict"]), ("written", f"{found['out']}, {found['figure']}")]
    run = f"{found['steps']} steps, {found['seeds']} seeds"
    return f"{found['method']} on {found['data']}, {run}", rows


def check_writable(out: Path) -> None:
    """Refuse before computing what would be refused after it."""
    if out.suffix != ".nc":
        raise ValueError(f"--out {out}: the file must end in .nc")
    if out.is_dir():
        raise ValueError(f"--out {out}: is a folder")
    folder = out.absolute().parent
    if not folder.is_dir():
        raise FileNotFoundError(f"--out {out}: no folder {folder}")
    if not os.access(folder, os.W_OK):
        raise PermissionError(f"--out {out}: {folder} may not be written")


def draw(runs: xr.Dataset, banner: str, figure: Path) -> None:
    """Shares of the maximum margins (else the smallest margin) by step: median, range of seeds."""
    from matplotlib.figure import Figure

    fig = Figure(figsize=(6.4, 3.2), layout="constrained")
    ax = fig.subplots()
    shown = {"": runs.min_margin.isel(optimizer=0)}
    ax.set(ylabel=runs.min_margin.attrs["long_name"])
    if "ratio" in runs:
        names = [str(name) for name in runs.margin_of.values]
        shown = {name: runs.ratio.isel(optimizer=0).sel(margin_of=name) for name in names}
        ax.axhline(1, color="0.7", lw=0.8, ls=":")
        ax.set(ylabel="share of the maximum margin", ylim=(-0.05, 1.05))
    for name, values in shown.items():
        (line,) = ax.plot(runs.step, values.median("seed"), label=name)
        spread = values.min("seed"), values.max("seed")
        ax.fill_between(runs.step, *spread, color=line.get_color(), alpha=0.2, lw=0)
    if "ratio" in runs:
        ax.legend()
    scale = "log" if int(runs.step.max()) > 0 else "linear"
    ax.set(xscale=scale, xlabel="iterations", title=str(runs.optimizer.values[0]))
    if banner:
        short = banner if len(banner) < 90 else banner[:87] + "..."
        fig.suptitle(short, color="#B00020", fontsize=9)
    fig.savefig(figure)


def _certified(dataset, norm, anyway: bool) -> tuple[dict, str]:
    """The maximum margins by norm, and the banner of a figure that has none."""
    from ..maxmargin import NotSeparable, max_margin

    try:
        return {each.text: max_margin(dataset, each) for each in dict.fromkeys((norm, *RIVALS))}, ""
    except NotSeparable as error:
        if not anyway:
            note_bias(error, dataset)
            raise
        return {}, str(error)


def _signal(batch_size: str, n: int, momentum: float, reduced: bool, ragged: bool):
    try:
        size = n if batch_size in ("full", "n") else int(batch_size)
    except ValueError:
        raise ValueError(f"--batch-size {batch_size!r}: a whole number, or full") from None
    signal: Signal = Minibatch(size, ragged=ragged and size > 0 and n % size != 0)
    signal.batch_size(n)  # refuses what does not fit the data before anything is computed
    signal = VarianceReduced(signal) if reduced else signal
    return Momentum(momentum, signal) if momentum else signal


def _outside(method, n: int) -> str:
    size = method.signal.batch_size(n)
    if n % size == 0:
        return ""
    return f"outside the theorem: {size} does not divide {n}, the last batch of an epoch is smaller"
