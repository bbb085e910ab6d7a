"""Reading and writing npz archives that nobody has to trust.

An npz archive is a zip of ``.npy`` members. `numpy.load` believes what a member's header claims and
can be asked to unpickle; `read` does neither. The claimed shape times the size of an item must be
exactly the number of bytes that the zip directory promises, and below a stated limit, before one
byte of the array is read; a member that would need pickle is refused.
"""

import io
import math
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

LIMIT = 8 * 2**30  # bytes; what one archive may unpack to unless the caller says otherwise
_CHUNK = 2**20


class NpzError(ValueError):
    """Not an npz archive that can be read without trusting it; names the file and the member."""


def read(path: str | Path, limit: int = LIMIT) -> tuple[dict[str, np.ndarray], dict[str, bytes]]:
    """Every array of the archive, and every other member as bytes.

    Raises:
        NpzError: damaged, truncated, too large, or holding Python objects.
        OSError: the file cannot be opened or read.
    """
    arrays: dict[str, np.ndarray] = {}
    texts: dict[str, bytes] = {}
    with _bytes_of(Path(path), limit) as stream:
        if not zipfile.is_zipfile(stream):
            why = "no zip directory; truncated, or another format"
            raise NpzError(f"{path}: not an npz file ({why})")
        with zipfile.ZipFile(stream) as archive:
            total = sum(member.file_size for member in archive.infolist())
            if total > limit:
                most = f"more than the {limit:,} that are read at most"
                raise NpzError(f"{path}: unpacks to {total:,} bytes, {most}")
            for member in archive.infolist():
                size, name = member.file_size, member.filename
                called = f"{path}: member {name!r}"
                stored = member.compress_type == zipfile.ZIP_STORED
                if stored and size > len(stream.getbuffer()):
                    raise NpzError(f"{called} claims {size:,} bytes, more than the file holds")
                with archive.open(member) as handle:
                    if name.endswith(".npy"):
                        arrays[name.removesuffix(".npy")] = _array(handle, size, called)
                    else:
                        texts[name] = _exactly(handle, size, called)
    return arrays, texts


def read_npy(path: str | Path, limit: int = LIMIT) -> np.ndarray:
    """The array of one ``.npy`` file, read with the same care; raises as `read` does."""
    path = Path(path)
    with _bytes_of(path, limit) as stream:
        return _array(stream, len(stream.getbuffer()), f"{path}: member {path.name!r}")


@contextmanager
def _bytes_of(path: Path, limit: int) -> Iterator[io.BytesIO]:
    """The file in memory; whatever is wrong with its bytes is an NpzError."""
    kind = path.suffix[1:] or "npz"
    if path.is_dir():
        raise NpzError(f"{path}: a folder, not an {kind} file")
    size = path.stat().st_size
    if size > limit:
        raise NpzError(f"{path}: {size:,} bytes, more than the {limit:,} that are read at most")
    data = path.read_bytes()
    try:
        yield io.BytesIO(data)
    except NpzError:
        raise
    # zipfile, zlib and numpy have a dozen ways to say that bytes are damaged: one documented way
    # leaves here
    except Exception as error:
        said = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise NpzError(f"{path}: not a readable {kind} file ({said})") from error


def pack(arrays: dict[str, np.ndarray], texts: dict[str, bytes] | None = None) -> bytes:
    """The archive as bytes, the same for the same arrays: members are sorted and undated."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in sorted((texts or {}).items()):
            archive.writestr(zipfile.ZipInfo(name), text)
        for name, array in sorted(arrays.items()):
            member = io.BytesIO()
            np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), member.getbuffer())
    return buffer.getvalue()


def _array(handle, size: int, called: str) -> np.ndarray:
    """The array of ``size`` bytes of .npy format that ``handle`` has left."""
    version = np.lib.format.read_magic(handle)
    if version not in ((1, 0), (2, 0)):
        raise NpzError(f"{called} has npy version {version}; (1, 0) and (2, 0) are read")
    shape, fortran, dtype = getattr(np.lib.format, f"read_array_header_{version[0]}_0")(handle)
    if dtype.hasobject:
        read = "only numbers and text are read, never pickles. Save text with y.astype(str)"
        raise NpzError(f"{called} holds Python objects; {read}")
    if dtype.kind not in "biufcUS":
        raise NpzError(f"{called} has dtype {dtype}; only numbers and text are read")
    if any(not isinstance(length, int) or length < 0 for length in shape):
        raise NpzError(f"{called} has the impossible shape {shape}")
    claimed, present = math.prod(shape) * dtype.itemsize, size - handle.tell()
    if claimed != present:
        claim = f"claims shape {shape} of {dtype}, {claimed:,} bytes"
        raise NpzError(f"{called} {claim}, but {present:,} bytes follow")
    data = _exactly(handle, claimed, called)
    return np.ndarray(shape, dtype, data, order="F" if fortran else "C")


def _exactly(handle, count: int, called: str) -> bytes:
    """`count` bytes to the member's end, in pieces: a false size costs nothing, CRC is checked."""
    parts, left = [], count + 1  # one more than there should be
    while part := handle.read(min(_CHUNK, left)):
        parts.append(part)
        left -= len(part)
    if left != 1:
        raise NpzError(f"{called} is not {count:,} bytes long as its header says")
    return b"".join(parts)
