"""`ibias store`: which finished runs there are, whether they are sound, and which can go."""

import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from ..progress import bar
from ..runs.store import Store, default_folder, read_entry
from .inputs import JsonOption, QuietOption, StoreOption, emit, known_data, table


def add_to(app: typer.Typer) -> None:
    """Register the group `store`."""
    commands = "ls", "verify --recompute 5", "gc --dry-run"
    examples = "Examples: " + " · ".join(f"`ibias store {command}`" for command in commands)
    words = "The store of finished runs: list, check, clean."
    group = typer.Typer(no_args_is_help=True, help=words, epilog=examples)
    group.command("ls")(ls)
    group.command("verify")(verify)
    group.command("gc")(gc)
    app.add_typer(group, name="store")


def opened(folder: Path | None) -> Store:
    """The store at `folder`, or the default one; ValueError where there is none."""
    chosen = folder or default_folder()
    if chosen is None:
        raise ValueError("no store here: give --store FOLDER or set IBIAS_STORE")
    if folder is not None and not Path(folder).is_dir():
        raise FileNotFoundError(f"{folder}: no such folder")
    return Store(chosen)


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
    if json:
        emit({"folder": place.folder, "entries": entries, "damaged": damaged})
        return
    rows = [(item["key"][:12], _line(item)) for item in entries]
    rows += [("damaged", text) for text in damaged]
    size = sum(item["bytes"] for item in entries) / 1e6
    table(f"{place.folder}: {len(entries)} entries, {size:.1f} MB", rows)


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
    checked = _again(place, sound, recompute, datasets, progress=not quiet)
    damaged += [place.set_aside(path, f"{path}: {said}") for path, said in checked.differ]
    kept, differ = len(sound) - len(checked.differ), {p.stem: said for p, said in checked.differ}
    if json:
        found = {"folder": place.folder, "sound": kept, "set_aside": list(map(str, damaged))}
        found |= {"recomputed": checked.agree + len(checked.differ), "differ": differ}
        emit(found | {"not_recomputed": checked.left})
    else:
        rows = [("sound", str(kept)), ("set aside", str(len(damaged)))]
        if recompute:
            rows += [("run again, equal", str(checked.agree))]
            rows += [(f"{path.stem[:12]} differs", said) for path, said in checked.differ]
            rows += [("not run again", f"{n}: {why}") for why, n in checked.left.items()]
        table(str(place.folder), rows)
    if damaged:
        raise typer.Exit(1)


@dataclass
class _Checked:
    """Entries run again: how many agree, which differ and how, how many could not run and why."""

    agree: int = 0
    differ: list[tuple[Path, str]] = field(default_factory=list)
    left: dict[str, int] = field(default_factory=dict)


def _again(place, sound: list[Path], count: int, datasets: dict, progress: bool) -> _Checked:
    from ..runs.recompute import difference

    checked = _Checked()
    with bar(count, "runs again", progress and bool(count)) as advance:
        for path in random.sample(sound, len(sound)) if count else ():
            try:
                said = difference(read_entry(path), datasets)
            except LookupError as why:
                checked.left[str(why.args[0])] = checked.left.get(str(why.args[0]), 0) + 1
                continue
            if said:
                checked.differ.append((path, said))
            else:
                checked.agree += 1
            advance(1)
            if checked.agree + len(checked.differ) == count:
                break
    return checked


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
    if json:
        emit({"folder": place.folder, done.replace(" ", "_"): [str(path) for path in doomed]})
    else:
        table(str(place.folder), [(done, f"{len(doomed)} files")])


def _line(item: dict) -> str:
    about, made = item["about"], item["provenance"]
    if about.get("kind") != "run":
        return f"{about.get('kind', 'unknown kind')} of {len(about.get('runs', ()))} runs"
    where = f"{made.get('backend', '?')} on {made.get('device', '?')}, {made.get('date', '?')}"
    return f"{about['method']}  seed {about['seed']}, {about['steps']} steps, {where}"
