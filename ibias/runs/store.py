"""A folder of results that survives what happens to folders.

An entry is one npz file: named arrays, and a member ``entry.json`` with

- ``about``: what the arrays are the answer to, as plain JSON. The file's name is the SHA-256 of it,
  so a label can hold any characters;
- ``content``: the SHA-256 of the arrays, names, dtypes and shapes included;
- ``provenance``: when, where and with what it was computed. It is outside both hashes: two machines
  that agree store equal contents.

Writing goes to a temporary file in the same folder, is forced to the disk, then renamed, so a
reader sees the whole entry or none, and two writers of one key do no harm. Reading checks
everything again; a file that fails is moved to ``set-aside/`` with a warning, never deleted and
never used. Nothing here knows what the arrays mean.
"""

import contextlib
import hashlib
import json
import os
import secrets
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..data import npz
from ..progress import bar

FORMAT = 1
_HEADER = "entry.json"
_STALE_AFTER = 3600.0  # seconds; a temporary file this old belongs to a process that died


class StoreWarning(UserWarning):
    """A file of the store could not be used; the sentence says which and where it was put."""


class BadEntry(ValueError):
    """The file is not the entry that its name says it is."""


@dataclass(frozen=True)
class Entry:
    """One stored answer: what it answers, its arrays, and where they came from."""

    key: str
    about: Mapping
    arrays: Mapping[str, np.ndarray]
    provenance: Mapping = field(default_factory=dict)
    content: str = ""


def key_of(about: Mapping) -> str:
    """SHA-256 of the description, whatever the order of its keys, locale and hash seed."""
    return hashlib.sha256(_json(about)).hexdigest()


def content_of(arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256 of the arrays: names, dtypes, shapes and values."""
    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        array = np.asarray(array)
        digest.update(_json([name, array.dtype.str, list(array.shape)]))
        digest.update(array.tobytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class Store:
    """The store in `folder`, made when first written to; ValueError or OSError for what is none.

    Every method that touches the disk raises OSError when it is full or may not be written.
    """

    folder: Path

    def __post_init__(self):
        if not isinstance(self.folder, str | os.PathLike) or not str(self.folder):
            raise ValueError(f"a store is a folder, or None to keep nothing; got {self.folder!r}")
        object.__setattr__(self, "folder", Path(self.folder).expanduser().absolute())
        if self.folder.exists() and not self.folder.is_dir():
            raise NotADirectoryError(f"a store is a folder, and {self.folder} is a file")

    def path(self, key: str) -> Path:
        if len(key) != 64 or set(key) - set("0123456789abcdef"):
            raise ValueError(f"a store key is 64 hexadecimal digits; got {key!r}")
        return self.folder / key[:2] / f"{key}.npz"

    def put(
        self, about: Mapping, arrays: Mapping[str, np.ndarray], provenance: Mapping | None = None
    ) -> str:
        """Store `arrays` as the answer to `about`, an older one replaced whole; returns the key."""
        arrays = {name: np.asarray(array) for name, array in arrays.items()}
        key = key_of(about)
        header = {"format": FORMAT, "key": key, "content": content_of(arrays)}
        header |= {"about": about, "provenance": provenance or {}}
        write_whole(self.path(key), npz.pack(arrays, {_HEADER: _json(header)}))
        return key

    def get(self, key: str) -> Entry | None:
        """The entry; None for none, or for a damaged one (set aside with a `StoreWarning`)."""
        path = self.path(key)
        try:
            return read_entry(path)
        except FileNotFoundError:
            return None
        except ValueError as error:
            self.set_aside(path, str(error))
            return None

    def discard(self, key: str) -> None:
        """Forget one entry (a checkpoint that is no longer needed)."""
        self.path(key).unlink(missing_ok=True)

    def __contains__(self, key: str) -> bool:
        return self.path(key).is_file()

    def paths(self) -> Iterator[Path]:
        """The files of all entries, in the order of their names."""
        found = self.folder.glob("[0-9a-f][0-9a-f]/*.npz")
        yield from sorted(path for path in found if not path.name.startswith("."))

    def verify(self, progress: bool = False) -> tuple[list[Path], list[Path]]:
        """Read and check every entry: (sound files, where the damaged ones were moved to)."""
        sound, damaged, paths = [], [], list(self.paths())
        with bar(len(paths), "entries", progress) as advance:
            for path in paths:
                try:
                    read_entry(path)
                    sound.append(path)
                except FileNotFoundError:
                    pass  # another process discarded it between the listing and now
                except ValueError as error:
                    damaged.append(self.set_aside(path, str(error)))
                advance(1)
        return sound, damaged

    def gc(self, stale: Callable[[Entry], bool], dry_run: bool = False) -> list[Path]:
        """Delete entries that `stale` marks and files of dead processes; set-aside ones stay."""
        old, parts = time.time() - _STALE_AFTER, self.folder.glob("[0-9a-f][0-9a-f]/.*.part")
        doomed = [path for path in parts if path.stat().st_mtime < old]
        for path in self.paths():
            with contextlib.suppress(ValueError, FileNotFoundError):
                if stale(read_entry(path)):
                    doomed.append(path)
        if not dry_run:
            for path in doomed:
                path.unlink(missing_ok=True)
        return doomed

    def set_aside(self, path: Path, reason: str) -> Path:
        """Move a file that cannot be used out of the way, keep it, and say so."""
        kept = self.folder / "set-aside" / f"{path.stem}.{secrets.token_hex(4)}{path.suffix}"
        kept.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.replace(path, kept)
        except FileNotFoundError:
            return kept  # another process was first
        done = f"the file was set aside as {kept} and its run will be computed again"
        warnings.warn(f"{reason}; {done}", StoreWarning, stacklevel=3)
        return kept


def read_entry(path: Path) -> Entry:
    """Read one entry and check it: format, key, file name, content against the arrays.

    Raises:
        BadEntry: the file is not what its name says (a ValueError).
        NpzError: the file is damaged (a ValueError).
        OSError: it cannot be read.
    """
    arrays, texts = npz.read(path)
    try:
        header = json.loads(texts[_HEADER])
        kind, key, content, about, provenance = (
            header[name] for name in ("format", "key", "content", "about", "provenance")
        )
        named = key_of(about)
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        kind = type(error).__name__
        raise BadEntry(f"{path}: its {_HEADER} is missing or damaged ({kind})") from error
    if kind != FORMAT:
        raise BadEntry(f"{path}: format {str(kind)[:20]!r}, while this version reads {FORMAT}")
    if not isinstance(about, dict) or not isinstance(provenance, dict):
        raise BadEntry(f"{path}: its description is not an object")
    if key != named or path.stem != named:
        raise BadEntry(f"{path}: its name is not the hash of its description")
    if content != content_of(arrays):
        raise BadEntry(f"{path}: the checksum of its arrays does not agree")
    return Entry(key, about, arrays, provenance, content)


def write_whole(path: Path, data: bytes) -> None:
    """Write `data`: `path` then holds all of it or is as before; no temporary file is left."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f".{path.name[:16]}.{os.getpid()}.{secrets.token_hex(4)}.part"
    try:
        with open(temporary, "xb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def default_folder() -> Path | None:
    """The folder that the environment variable IBIAS_STORE names, else None: nothing is written
    unless the caller says where, a library does not fill a stranger's disk."""
    chosen = os.environ.get("IBIAS_STORE")
    return Path(chosen) if chosen else None


def _json(value) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
