"""What stands under every figure: its data, its parameters, and the means to make it again.

A notebook calls `show(fig, "fig-1", data=..., alt=...)`. The call displays the figure and leaves a
record in the cell's output; the book turns the record into a numbered figure with a fold beneath it
and a download of the data. `verification.verify(["fig-1"])` recomputes the data by running the
figure's notebook again.
"""

from __future__ import annotations

import html
import json
import os
import re
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .figure_data import TOLERANCE, as_dataset, digest, write
from .repository.machine import machine

MIME = "application/vnd.ibias.figure+json"
FOLDER = "IBIAS_FIGURES"
"""Environment variable: where `show` writes the data behind the figures. Unset, it writes
nothing."""
own: dict[str, str] = {}
"""The parameters of this run that are not the book's; every caption names them."""
_clock = [time.perf_counter()]


@dataclass(frozen=True)
class Record:
    """What the book and `verify` know about one figure. `image` is SVG text, or base64 PNG for very
    heavy drawings."""

    id: str
    alt: str
    caption: str
    digest: str
    image: str = ""
    image_type: str = "image/svg+xml"
    width: float = 0.0
    tolerance: float | dict[str, float] = TOLERANCE
    rounding: dict[str, float] = field(default_factory=dict)
    because: str = ""
    seconds: float = 0.0
    facts: dict = field(default_factory=dict)
    machine: dict = field(default_factory=dict)
    files: tuple[str, ...] = ()


def show(
    fig,
    id: str,
    *,
    data,
    alt: str,
    caption: str = "",
    seeds=None,
    tolerance: float | dict[str, float] = TOLERANCE,
    rounding: dict[str, float] | None = None,
    because: str = "",
    **facts,
) -> None:
    """Display a figure with its provenance.

    fig: a matplotlib Figure or a string of SVG. id: its label, such as "fig-1".
    data: what it shows (xarray Dataset or DataArray, pandas DataFrame or Series); it becomes the
    download and what `ibias verify` compares.
    alt: what a reader who cannot see it needs to know. tolerance: largest relative difference
    `ibias verify` accepts, for all variables or {name: tolerance}; rounding: {name: absolute
    difference that counts as none}; because: why this figure needs more than the usual tolerance.
    facts: anything else for the fold (steps=20_000, store=...).
    """
    if not id or set(id) - set("abcdefghijklmnopqrstuvwxyz0123456789-"):
        raise ValueError(f"a figure's id is made of a-z, 0-9 and '-', such as 'fig-1'; got {id!r}")
    if len(alt.split()) < 3:
        raise ValueError(
            f"figure {id!r} needs an alternative text that says what is seen; got {alt!r}"
        )
    dataset = as_dataset(data)
    _explained(id, dataset, tolerance, rounding or {}, because)
    seconds = float(facts.pop("seconds", dataset.attrs.get("seconds", _lap())))
    image, image_type, width = _draw(fig, id)
    folder = os.environ.get(FOLDER)
    files = write(dataset, Path(folder), id) if folder else ()
    record = Record(
        id,
        alt,
        (caption or alt) + _own_run(),
        digest(dataset),
        image,
        image_type,
        width,
        tolerance,
        rounding or {},
        because,
        seconds,
        {"seeds": _seeds(seeds, dataset)} | {k: _text(v) for k, v in facts.items()},
        machine(),
        files,
    )
    if folder:
        small = {k: v for k, v in asdict(record).items() if k != "image"}
        Path(folder, f"{id}.json").write_text(json.dumps(small, indent=1), encoding="utf-8")
    _display(record)


def _explained(id, dataset, tolerance, rounding, because) -> None:
    special = {**(tolerance if isinstance(tolerance, dict) else {}), **rounding}
    unknown = sorted(set(special) - set(map(str, dataset.variables)))
    if unknown:
        raise ValueError(
            f"figure {id!r}: a tolerance for {', '.join(unknown)}, but its data hold"
            f" {', '.join(map(str, dataset.variables))}"
        )
    if (special or tolerance != TOLERANCE) and not because:
        raise ValueError(
            f"figure {id!r} states a tolerance of its own without a reason; pass because='...'"
        )


def _own_run() -> str:
    """What a caption, which was written about the book's run, says of another one."""
    if not own:
        return ""
    said = ", ".join(f"{name} = {value}" for name, value in own.items()).replace("$", r"\$")
    return f" (This is a run with {said}; the sentences above are about the book's.)"


def _lap() -> float:
    """Seconds since the last figure, or since this module was imported."""
    before, _clock[0] = _clock[0], time.perf_counter()
    return _clock[0] - before


def _text(value) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _seeds(seeds, dataset) -> str:
    if isinstance(seeds, str):
        return seeds
    found = dataset.coords["seed"].values if seeds is None and "seed" in dataset.coords else seeds
    if found is None:
        return "none drawn"
    found = [int(s) for s in (found if hasattr(found, "__iter__") else [found])]
    run = len(found) > 2 and found == list(range(found[0], found[0] + len(found)))
    return f"{found[0]} to {found[-1]}" if run else ", ".join(map(str, found))


def _draw(fig, id):
    """(image, its type, width in inches)."""
    if isinstance(fig, str):
        if "<svg" not in fig:
            raise TypeError(
                f"figure {id!r} is a string that holds no <svg>; pass a matplotlib"
                " figure, or SVG text"
            )
        return fig, "image/svg+xml", 0.0
    if not hasattr(fig, "savefig"):
        raise TypeError(
            f"figure {id!r} must be a matplotlib figure or SVG text; got {type(fig).__name__}"
        )
    return _matplotlib(fig, id)


HEAVY = 1_500_000
"""Characters above which an SVG is slower to open than to look at; such a drawing is shipped as
PNG."""


def _matplotlib(fig, id):
    import base64
    import io

    import matplotlib as mpl
    import matplotlib.pyplot as plt

    out = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": id, "svg.fonttype": "path"}):
        fig.savefig(
            out, format="svg", bbox_inches="tight", pad_inches=0.06, metadata={"Date": None}
        )
    width = float(fig.get_size_inches()[0])
    text = _rounded(out.getvalue().decode())
    kind = "image/svg+xml"
    if len(text) > HEAVY:
        out = io.BytesIO()
        fig.savefig(out, format="png", dpi=180, bbox_inches="tight", pad_inches=0.06)
        text, kind = base64.b64encode(out.getvalue()).decode(), "image/png"
    plt.close(fig)  # or the inline backend shows it a second time
    return text, kind, width


def _rounded(svg: str) -> str:
    """The drawing with path coordinates to a hundredth of a point: a third of the bytes, and
    nothing an eye can see."""
    return re.sub(r' d="[^"]*"', lambda path: re.sub(r"(\.\d\d)\d+", r"\1", path[0]), svg)


def _display(record: Record) -> None:
    from IPython.display import display

    bundle = {
        MIME: asdict(record),
        "text/html": _fragment(record),
        "text/plain": f"<Figure {record.id}: {record.alt}>",
    }
    display(bundle, raw=True)


def _fragment(record: Record) -> str:
    """The figure for a notebook read outside the book."""
    picture = (
        record.image
        if record.image_type == "image/svg+xml"
        else f"data:image/png;base64,{record.image}"
    )
    if record.image_type == "image/svg+xml":
        from urllib.parse import quote

        picture = "data:image/svg+xml," + quote(picture)
    return (
        '<figure class="ibias-figure-live"><img style="max-width:100%;background:white"'
        f' alt="{html.escape(record.alt, quote=True)}"'
        f' src="{picture}"><figcaption>{html.escape(record.caption)}</figcaption></figure>'
    )


def known(folder: Path) -> dict[str, dict]:
    """The records of the figures whose data lie in `folder`, by id."""
    return {
        p.stem: json.loads(p.read_text(encoding="utf-8"))
        for p in sorted(Path(folder).glob("*.json"))
    }
