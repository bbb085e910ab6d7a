"""`ibias store`: which finished runs there are, whether they are sound, and which can go."""

import random
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from ..progress import bar
from ..runs.store import Store, default_folder, read_entry
from .inputs import JsonOption, QuietOption, StoreOption, answer, known_data

group = typer.Typer(
    no_args_is_help=True,
    help="The store of finished runs: list, check, clean.",
    epilog=(
        "Examples: `ibias store ls` · `ibias store verify --recompute 5` · `ibias store gc"
        " --dry-run`"
    ),
)


def opened(folder: Path | None) -> Store:
    """The store at `folder`, or the default one; ValueError where there is none."""
    chosen = folder or default_folder()
    if chosen is None:
        raise ValueError("no store here: give --store FOLDER or set IBIAS_STORE")
    if folder is not None and not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder")
    return Store(chosen)


@group.command()
def ls(store: StoreOption = None, json: JsonOption = False) -> None:
    """List the entries: what each run is, when and with what it was computed. Damaged files are
    named, not touched."""
    place, damaged = opened(store), []
    entries: list[dict[str, Any]] = []
    for path in place.paths():
        try:
            entry = read_entry(path)
            said = {"about": entry.about, "provenance": entry.provenance}
            entries.append({"key": entry.key, "bytes": path.stat().st_size} | said)
        except ValueError as error:
            damaged.append(str(error))
    rows = [(item["key"][:12], _line(item)) for item in entries]
    rows += [("damaged", text) for text in damaged]
    size = sum(item["bytes"] for item in entries) / 1e6
    found = {"folder": place.folder, "entries": entries, "damaged": damaged}
    answer(found, json, f"{place.folder}: {len(entries)} entries, {size:.1f} MB", rows)


@group.command()
def verify(
    store: StoreOption = None,
    recompute: Annotated[
        int, typer.Option(min=0, metavar="N", help="Also run N of them again and compare.")
    ] = 0,
    data: Annotated[
        list[str] | None,
        typer.Option(help="A data set for --recompute; the built-in ones are known."),
    ] = None,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Read every entry and check its checksums; with **--recompute**, run a random sample of N
    entries again. What is damaged or differs is set aside (kept, never used); exit code 1 if there
    was any."""
    place = opened(store)
    datasets = {each.digest: each for each in known_data(data or [])} if recompute else {}
    sound, damaged = place.verify(progress=not quiet)
    agree, differ, left = _again(sound, recompute, datasets, progress=not quiet)
    damaged += [place.set_aside(path, f"{path}: {said}") for path, said in differ.items()]
    kept = len(sound) - len(differ)
    found = {"folder": place.folder, "sound": kept, "set_aside": list(map(str, damaged))}
    found |= {"recomputed": agree + len(differ), "not_recomputed": left}
    found |= {"differ": {path.stem: said for path, said in differ.items()}}
    rows = [("sound", str(kept)), ("set aside", str(len(damaged)))]
    if recompute:
        rows += [("run again, equal", str(agree))]
        rows += [(f"{path.stem[:12]} differs", said) for path, said in differ.items()]
        rows += [("not run again", f"{n}: {why}") for why, n in left.items()]
    answer(found, json, str(place.folder), rows)
    if damaged:
        raise typer.Exit(1)


def _again(sound: list[Path], count: int, datasets: dict, progress: bool):
    """Up to ``count`` entries run again: how many agree, which differ and how, why others cannot be
    run (reason -> number)."""
    from ..runs.recompute import difference

    agree, differ, left = 0, dict[Path, str](), Counter[str]()
    with bar(count, "runs again", progress and bool(count)) as advance:
        for path in random.sample(sound, len(sound)):
            if agree + len(differ) == count:
                break
            try:
                said = difference(read_entry(path), datasets)
            except LookupError as why:
                left[str(why.args[0])] += 1
                continue
            if said:
                differ[path] = said
            else:
                agree += 1
            advance(1)
    return agree, differ, left


@group.command()
def gc(
    store: StoreOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would go, delete nothing.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Delete entries made by other versions of the computing code, and temporary files of dead
    processes."""
    from ..runs.key import source_hash

    place, now = opened(store), source_hash()
    doomed = place.gc(lambda entry: entry.about.get("source") != now, dry_run=dry_run)
    done = "would delete" if dry_run else "deleted"
    found = {"folder": place.folder, done.replace(" ", "_"): doomed}
    answer(found, json, str(place.folder), [(done, f"{len(doomed)} files")])


def _line(item: dict) -> str:
    about, made = item["about"], item["provenance"]
    if about.get("kind") != "run":
        return f"{about.get('kind', 'unknown kind')} of {len(about.get('runs', ()))} runs"
    where = f"{made.get('backend', '?')} on {made.get('device', '?')}, {made.get('date', '?')}"
    return f"{about['method']}  seed {about['seed']}, {about['steps']} steps, {where}"
