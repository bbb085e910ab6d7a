"""`ibias store`: what finished runs there are, whether they are sound, and removing those nobody
will ask for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ..runs.store import Store, default_folder, read_entry
from .inputs import JsonOption, StoreOption, emit, table


def add_to(app: typer.Typer) -> None:
    """Register the group `store`."""
    group = typer.Typer(
        no_args_is_help=True,
        help="The store of finished runs: list, check, clean.",
        epilog=(
            "Examples: `ibias store ls` · `ibias store verify --store /data/runs --json` · `ibias"
            " store gc --dry-run`"
        ),
    )
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
            entries.append(
                {
                    "key": entry.key,
                    "bytes": path.stat().st_size,
                    "about": entry.about,
                    "provenance": entry.provenance,
                }
            )
        except ValueError as error:
            damaged.append(str(error))
    if json:
        emit({"folder": place.folder, "entries": entries, "damaged": damaged})
        return
    rows = [(item["key"][:12], _line(item)) for item in entries] + [
        ("damaged", text) for text in damaged
    ]
    table(
        f"{place.folder}: {len(entries)} entries,"
        f" {sum(item['bytes'] for item in entries) / 1e6:.1f} MB",
        rows,
    )


def verify(store: StoreOption = None, json: JsonOption = False) -> None:
    """Read every entry and check its checksums. Damaged files are set aside (kept, never used);
    exit code 1 if there were any."""
    place = opened(store)
    sound, damaged = place.verify()
    if json:
        emit(
            {
                "folder": place.folder,
                "sound": len(sound),
                "set_aside": [str(path) for path in damaged],
            }
        )
    else:
        table(str(place.folder), [("sound", str(len(sound))), ("set aside", str(len(damaged)))])
    if damaged:
        raise typer.Exit(1)


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
    if json:
        emit(
            {
                "folder": place.folder,
                "would_delete" if dry_run else "deleted": [str(path) for path in doomed],
            }
        )
    else:
        table(
            str(place.folder), [("would delete" if dry_run else "deleted", f"{len(doomed)} files")]
        )


def _line(item: dict) -> str:
    about, made = item["about"], item["provenance"]
    if about.get("kind") != "run":
        return f"{about.get('kind', 'unknown kind')} of {len(about.get('runs', ()))} runs"
    where = f"{made.get('backend', '?')} on {made.get('device', '?')}, {made.get('date', '?')}"
    return f"{about['method']}  seed {about['seed']}, {about['steps']} steps, {where}"
