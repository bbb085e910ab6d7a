"""`ibias train`: one method on a data set, its trajectory as netCDF and figure, and which maximum
margin it approaches."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Annotated

import typer
import xarray as xr

from ..norms import FROBENIUS, MAX, SPECTRAL
from .inputs import (
    BiasOption,
    DataArgument,
    JsonOption,
    LabelOption,
    NormOption,
    QuietOption,
    StandardiseOption,
    StoreOption,
    emit,
    open_data,
    table,
)

RIVALS = (MAX, FROBENIUS, SPECTRAL)  # the margins that every run is measured against
MOST = (
    100_000  # seeds, records: beyond it the request itself, before any run, would fill the memory
)
EPILOGUE = """Examples: `ibias train digits:3-8 --norm spectral --batch-size full` ·
`ibias train mine.csv --bias --norm max --batch-size 10 --momentum 0.9 --variance-reduction --seeds 5 --out signum.nc`"""


def add_to(app: typer.Typer) -> None:
    app.command("train", epilog=EPILOGUE)(train)


def train(
    data: DataArgument,
    norm: NormOption,
    batch_size: Annotated[
        str,
        typer.Option(
            "--batch-size",
            "-b",
            show_default=False,
            help="Samples per step: a divisor of n, or full.",
        ),
    ],
    momentum: Annotated[
        float, typer.Option(help="Weight of the past in the average of gradients, in [0, 1).")
    ] = 0.0,
    variance_reduction: Annotated[
        bool,
        typer.Option(
            "--variance-reduction", help="Correct gradients by those at the epoch's start."
        ),
    ] = False,
    steps: Annotated[int, typer.Option(help="Updates.")] = 20_000,
    seeds: Annotated[int, typer.Option(help="Number of seeds, 0, 1, ...")] = 5,
    eta0: Annotated[float, typer.Option(help="Length of the first step, in the norm.")] = 0.1,
    a: Annotated[
        float, typer.Option(help="Decay of the step length, eta0 (t+1)^-a, in (0, 1].")
    ] = 0.5,
    loss: Annotated[str, typer.Option(help="cross-entropy or exponential.")] = "cross-entropy",
    records: Annotated[
        int, typer.Option(help="Steps at which to measure, evenly spaced in the logarithm.")
    ] = 200,
    ragged: Annotated[
        bool,
        typer.Option(
            "--ragged", help="Allow a batch size that does not divide n: outside the theorem."
        ),
    ] = False,
    anyway: Annotated[
        bool,
        typer.Option(
            "--anyway", help="Run although the data are not separable; the figure says so."
        ),
    ] = False,
    out: Annotated[
        Path, typer.Option(help="netCDF file to write; the figure lies beside it as .svg.")
    ] = Path("train.nc"),
    backend: Annotated[
        str, typer.Option(help="auto, kernel, gpu, lanes, composed or persistent.")
    ] = "auto",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, ...")] = "auto",
    label: LabelOption = "label",
    standardise: StandardiseOption = False,
    bias: BiasOption = False,
    store: StoreOption = None,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Run **steepest descent** in a norm on DATA and say which maximum margin it approaches.

    Separability is certified first: data that no linear classifier separates end with exit code 3,
    unless `--anyway`.
    """
    from .. import maxmargin
    from ..losses import LOSSES
    from ..norms import norm as norm_of
    from ..runs.simulation import logspaced
    from ..runs.sweeping import sweep

    dataset = open_data(data, label=label, standardise=standardise, bias=bias)
    method = _method(
        norm_of(norm),
        _size(batch_size, dataset.n),
        momentum,
        variance_reduction,
        eta0,
        a,
        ragged,
        dataset.n,
    )
    if loss not in LOSSES:
        raise ValueError(f"--loss {loss!r}: use {' or '.join(LOSSES)}")
    for name, value in (("--seeds", seeds), ("--records", records)):
        if not 1 <= value <= MOST:
            raise ValueError(f"{name} {value}: a number from 1 to {MOST:,}")
    check_writable(out)
    try:
        best = {
            rival.text: maxmargin.max_margin(dataset, rival)
            for rival in dict.fromkeys((method.norm, *RIVALS))
        }
        banner = ""
    except maxmargin.NotSeparable as error:
        if not anyway:
            raise
        best, banner = {}, str(error)
    runs = sweep(
        dataset,
        [method],
        seeds=range(seeds),
        steps=steps,
        record=logspaced(records),
        loss=LOSSES[loss],
        backend=backend,
        device=device,
        progress=not quiet,
        store=store or "auto",
    )
    runs = with_ratios(runs, best).assign_attrs(
        data=data, standardise=int(standardise), bias=int(bias), ragged=int(ragged)
    )
    verdict = banner or judge(runs)
    figure = out.with_suffix(".svg")
    write_netcdf(runs.assign_attrs(verdict=verdict), out)
    draw(runs, banner or _outside(method, dataset.n), figure)
    last = {
        name: float(runs.ratio.isel(step=-1, optimizer=0).sel(margin_of=name).median())
        for name in best
    }
    if json:
        emit(
            {
                "data": dataset.name,
                "method": method.label,
                "steps": steps,
                "seeds": seeds,
                "share_of_maximum_margin": last,
                "verdict": verdict,
                "separable": bool(best),
                "out": out,
                "figure": figure,
                "backend": runs.attrs["backend"],
                "seconds": runs.attrs["seconds"],
            }
        )
        return
    table(
        f"{method.label} on {dataset.name}, {steps} steps, {seeds} seeds",
        [
            *(
                (f"share of the maximum {name} margin", f"{share:.2%}")
                for name, share in last.items()
            ),
            ("verdict", verdict),
            ("written", f"{out}, {figure}"),
        ],
    )


def with_ratios(runs: xr.Dataset, best: dict) -> xr.Dataset:
    """`runs` with ``ratio`` over (optimizer, seed, step, margin_of): the iterate's margin in each
    norm over the maximum margin there."""
    known = {"max": "norm_max", "frobenius": "norm_frobenius", "spectral": "norm_spectral"}
    parts = {
        name: (
            runs.min_margin
            / runs[known.get(name, "norm_own")].where(lambda size: size > 0)
            / found.margin
        )
        for name, found in best.items()
    }
    if not parts:
        return runs
    ratio = xr.concat(list(parts.values()), dim=xr.Variable("margin_of", list(parts)))
    return runs.assign(
        ratio=ratio.transpose("optimizer", "seed", "step", "margin_of").assign_attrs(
            long_name="share of the maximum margin"
        )
    )


def judge(runs: xr.Dataset) -> str:
    """Which maximum margin the last iterates are nearest to, in one sentence, with the numbers it
    rests on."""
    last = runs.ratio.isel(optimizer=0, step=-1)
    steps = int(runs.step[-1])
    wrong = int((last.isel(margin_of=0) <= 0).sum())
    if not bool(last.notnull().all()):
        return f"no verdict: after {steps} steps the weights of some seeds are zero or not finite"
    if wrong:
        return (
            f"approaches none: after {steps} steps {wrong} of {last.sizes['seed']} seeds still"
            " misclassify a sample"
        )
    middle = last.median("seed")
    nearest = str(middle.margin_of.values[int(middle.argmax("margin_of"))])
    others = ", ".join(
        f"{name} {float(middle.sel(margin_of=name)):.2%}"
        for name in middle.margin_of.values
        if name != nearest
    )
    return (
        f"nearest to the maximum {nearest} margin: {float(middle.max()):.2%} of it after {steps}"
        f" steps ({others}; medians over seeds)"
    )


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


def write_netcdf(runs: xr.Dataset, out: Path) -> None:
    """Write all of the file or nothing."""
    from ibias_book.figure_data import as_dataset

    part = out.with_name(f".{secrets.token_hex(6)}.part")
    try:
        as_dataset(runs).to_netcdf(part, engine="h5netcdf")
        os.replace(part, out)
    finally:
        part.unlink(missing_ok=True)


def draw(runs: xr.Dataset, banner: str, figure: Path) -> None:
    """Share of each maximum margin (or the smallest margin, where there is no maximum) against
    steps."""
    import matplotlib

    matplotlib.use("Agg")
    pass

    fig, axes = plots.canvas(height=3.2)
    ax = axes[0, 0]
    if "ratio" in runs:
        for name in runs.margin_of.values:
            colour = plots.NORM_COLOURS.get(str(name), plots.REFERENCE)
            plots.band(
                ax,
                runs.ratio.isel(optimizer=0).sel(margin_of=name),
                colour=colour,
                label=plots.NORM_NAMES.get(str(name), str(name)),
            )
        ax.axhline(1, color=plots.FAINT, lw=0.8, ls=":")
        ax.set(ylabel="share of the maximum margin", ylim=(-0.05, 1.05))
        ax.legend()
    else:
        plots.band(ax, runs.min_margin.isel(optimizer=0), colour=plots.REFERENCE)
        ax.set(ylabel=runs.min_margin.attrs["long_name"])
    ax.set(
        xscale="log" if int(runs.step.max()) > 0 else "linear",
        xlabel="iterations",
        title=str(runs.optimizer.values[0]),
    )
    if banner:
        fig.suptitle(
            banner if len(banner) < 90 else banner[:87] + "...", color="#B00020", fontsize=9
        )
    fig.savefig(figure)


def _outside(method, n: int) -> str:
    size = method.signal.batch_size(n)
    return (
        f"outside the theorem: {size} does not divide {n}, the last batch of an epoch is smaller"
        if n % size
        else ""
    )


def _size(text: str, n: int) -> int:
    if text in ("full", "n"):
        return n
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"--batch-size {text!r}: a whole number, or full") from None


def _method(norm, size, momentum, reduced, eta0, a, ragged, n):
    from ..methods import SteepestDescent
    from ..schedules import Power
    from ..signals import Minibatch, Momentum, VarianceReduced

    signal = Minibatch(size, ragged=ragged and size > 0 and n % size != 0)
    signal.batch_size(n)  # refuses what does not fit the data before anything is computed
    signal = VarianceReduced(signal) if reduced else signal
    return SteepestDescent(norm, Momentum(momentum, signal) if momentum else signal, Power(eta0, a))
