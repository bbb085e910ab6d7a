"""The store: what is put comes back, what is damaged never does, and nothing is deleted unasked."""

import errno
import io
import json
import os
import tracemalloc
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import ibias as ib
from ibias.data import npz
from ibias.data.npz import NpzError
from ibias.runs.store import (
    BadEntry,
    Store,
    StoreWarning,
    content_of,
    default_folder,
    key_of,
    read_entry,
)

ABOUT = {"method": "Signum", "seed": 3, "nested": {"b": [1, 2], "a": None}}
ARRAYS = {
    "loss": np.linspace(0, 1, 7),
    "weights": np.arange(24.0).reshape(2, 3, 4),
    "diverged": np.array([True, False]),
}


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "a folder with spaces, ü" / "store")


def same(found, wanted):
    assert found.keys() == wanted.keys()
    for name, array in wanted.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


def test_what_is_put_comes_back(store):
    key = store.put(ABOUT, ARRAYS, {"seconds": 1.5})
    entry = store.get(key)
    same(entry.arrays, ARRAYS)
    assert entry.about == ABOUT and entry.provenance == {"seconds": 1.5} and key in store
    assert store.get("0" * 64) is None and "0" * 64 not in store


def test_the_key_is_the_description_and_not_its_order(store):
    backwards = dict(reversed(ABOUT.items()))
    assert key_of(backwards) == key_of(ABOUT) != key_of(ABOUT | {"seed": 4})


def test_the_content_leaves_out_when_and_where(store, tmp_path):
    other = Store(tmp_path / "other")
    first, second = (
        store.put(ABOUT, ARRAYS, {"seconds": 1.0}),
        other.put(ABOUT, ARRAYS, {"seconds": 2.0}),
    )
    assert store.get(first).content == other.get(second).content == content_of(ARRAYS)
    assert content_of(ARRAYS) != content_of(ARRAYS | {"loss": ARRAYS["loss"] + 1e-16})


def test_the_same_entry_is_the_same_bytes(store, tmp_path):
    key = store.put(ABOUT, ARRAYS, {"seconds": 1.0})
    other = Store(tmp_path / "other")
    other.put(dict(reversed(ABOUT.items())), dict(reversed(ARRAYS.items())), {"seconds": 1.0})
    assert store.path(key).read_bytes() == other.path(key).read_bytes()


def test_numpy_reads_the_files_too(store):
    with np.load(store.path(store.put(ABOUT, ARRAYS)), allow_pickle=False) as archive:
        np.testing.assert_array_equal(archive["weights"], ARRAYS["weights"])


@pytest.mark.parametrize(
    "label", ["../../etc/passwd", "-rf", "x" * 300, "a/b\\c", "ü ∇ \u202e", "", "\0", "con"]
)
def test_file_names_are_hashes_whatever_the_label(store, label):
    path = store.path(store.put({"method": label}, ARRAYS))
    assert path.parent.parent == store.folder and len(path.stem) == 64 and path.stem.isalnum()
    assert store.get(path.stem).about["method"] == label


def test_a_key_is_64_hexadecimal_digits(store):
    with pytest.raises(ValueError, match="64 hexadecimal"):
        store.path("../x")


def damaged(kind, path):
    whole = path.read_bytes()
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "truncated":
        path.write_bytes(whole[: len(whole) // 2])
    elif kind == "text":
        path.write_text("not an archive")
    elif kind == "another entry":
        path.write_bytes(
            npz.pack(
                ARRAYS, {"entry.json": json.dumps(header(path) | {"about": {"seed": 9}}).encode()}
            )
        )
    elif kind == "other numbers":
        path.write_bytes(
            npz.pack(
                ARRAYS | {"loss": ARRAYS["loss"] + 1},
                {"entry.json": json.dumps(header(path)).encode()},
            )
        )
    elif kind == "no header":
        path.write_bytes(npz.pack(ARRAYS))
    elif kind == "header is a list":
        path.write_bytes(npz.pack(ARRAYS, {"entry.json": b"[1, 2]"}))
    elif kind == "another format":
        path.write_bytes(
            npz.pack(ARRAYS, {"entry.json": json.dumps(header(path) | {"format": 99}).encode()})
        )
    elif kind == "pickle":
        with open(path, "wb") as handle:
            np.savez(handle, loss=np.array([Trap(path.with_name("executed"))], dtype=object))


def header(path):
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("entry.json"))


class Trap:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


KINDS = [
    "empty",
    "truncated",
    "text",
    "another entry",
    "other numbers",
    "no header",
    "header is a list",
    "another format",
    "pickle",
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_entry_is_set_aside_and_said(store, kind):
    path = store.path(store.put(ABOUT, ARRAYS))
    damaged(kind, path)
    left = path.read_bytes()
    with pytest.warns(StoreWarning, match="set aside"):
        assert store.get(path.stem) is None
    (kept,) = (store.folder / "set-aside").iterdir()
    assert kept.read_bytes() == left and not path.exists()
    assert not path.with_name("executed").exists()
    store.put(ABOUT, ARRAYS)  # computed again: usable again
    same(store.get(path.stem).arrays, ARRAYS)


@pytest.mark.parametrize("where", ["write", "flush", "rename"])
def test_a_full_disk_leaves_the_old_entry_and_no_half_file(store, where, monkeypatch):
    key = store.put(ABOUT, ARRAYS, {"seconds": 1.0})
    before = store.path(key).read_bytes()
    full = OSError(errno.ENOSPC, "No space left on device")

    def fail(*args, **kwargs):
        raise full

    if where == "write":
        real = open
        monkeypatch.setattr(
            "builtins.open",
            lambda path, mode="r", *a, **k: (
                FullFile(path) if "x" in mode else real(path, mode, *a, **k)
            ),
        )
    else:
        monkeypatch.setattr(os, {"flush": "fsync", "rename": "replace"}[where], fail)
    with pytest.raises(OSError, match="No space left"):
        store.put(ABOUT, ARRAYS, {"seconds": 2.0})
    monkeypatch.undo()
    assert store.path(key).read_bytes() == before
    assert [path.name for path in store.path(key).parent.iterdir()] == [f"{key}.npz"]


class FullFile(io.FileIO):
    """A file on a disk that is full after 100 bytes."""

    def __init__(self, path):
        super().__init__(path, "x")

    def write(self, data):
        super().write(data[:100])
        raise OSError(errno.ENOSPC, "No space left on device")


def test_an_interrupt_while_writing_leaves_no_half_file(store, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda handle: (_ for _ in ()).throw(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        store.put(ABOUT, ARRAYS)
    assert not [path for path in store.folder.rglob("*") if path.is_file()]


def test_many_writers_of_one_key_do_no_harm(store):
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda i: store.put(ABOUT, ARRAYS, {"writer": i}), range(64)))
    (key,) = keys
    same(store.get(key).arrays, ARRAYS)
    assert len(list(store.path(key).parent.iterdir())) == 1


def test_verify_reads_everything_and_sets_aside_what_is_damaged(store):
    keys = [store.put({"seed": seed}, ARRAYS) for seed in range(5)]
    store.path(keys[2]).write_bytes(b"x")
    with pytest.warns(StoreWarning):
        sound, aside = store.verify()
    assert {path.stem for path in sound} == set(keys) - {keys[2]} and aside[0].read_bytes() == b"x"


def test_gc_deletes_what_is_stale_and_old_temporary_files_only(store):
    keys = [store.put({"source": name}, ARRAYS) for name in ("old", "new")]
    folder = store.path(keys[0]).parent
    for name, age in ((".a.part", 7200), (".b.part", 0)):  # seconds; an hour is what gc waits
        (folder / name).write_bytes(b"half")
        os.utime(folder / name, (os.path.getmtime(folder / name) - age,) * 2)
    (store.folder / "set-aside").mkdir()
    (store.folder / "set-aside" / "kept.npz").write_bytes(b"?")
    stale = {store.path(keys[0]), folder / ".a.part"}
    assert set(store.gc(lambda entry: entry.about["source"] == "old", dry_run=True)) == stale
    assert all(path.exists() for path in stale)
    assert set(store.gc(lambda entry: entry.about["source"] == "old")) == stale
    assert not any(path.exists() for path in stale)
    assert (
        keys[1] in store
        and (folder / ".b.part").exists()
        and (store.folder / "set-aside" / "kept.npz").exists()
    )


def test_the_default_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("IBIAS_STORE", raising=False)
    assert default_folder() is None  # nothing is written unasked
    monkeypatch.setenv("IBIAS_STORE", str(tmp_path / "elsewhere"))
    assert default_folder() == tmp_path / "elsewhere"


def claiming(shape, dtype="<f8", body=b"\0" * 64, name="x.npy"):
    """An archive whose npy header claims what it does not hold."""
    head = repr({"descr": dtype, "fortran_order": False, "shape": shape}).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + body)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "shape", [(10**9,), (2**40, 2**40), (-1,), (0, 10**30), (3,), (True, 8), ("8",)], ids=str
)
def test_a_header_is_checked_before_its_array_is_read(tmp_path, shape):
    (tmp_path / "a.npz").write_bytes(claiming(shape))
    tracemalloc.start()
    with pytest.raises(NpzError, match=r"a\.npz"):
        npz.read(tmp_path / "a.npz")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (
        peak < 2**21
    )  # bytes: two pieces of reading; the claims go from gigabytes to more than exists


@pytest.mark.parametrize("dtype", ["|O", "<M8[s]", "|V8", [("a", "<f8")]], ids=str)
def test_only_numbers_and_text_are_read(tmp_path, dtype):
    (tmp_path / "a.npz").write_bytes(claiming((8,), dtype))
    with pytest.raises(NpzError, match="only numbers and text"):
        npz.read(tmp_path / "a.npz")


def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path):
    np.savez_compressed(tmp_path / "bomb.npz", x=np.zeros(10**6))
    with pytest.raises(NpzError, match=r"unpacks to 8,000,128 bytes, more than the 1,000,000"):
        npz.read(tmp_path / "bomb.npz", limit=10**6)


def mutated(data: bytes, rng) -> bytes:
    """`data` with one to eight bytes changed, or cut, or with a piece repeated or removed."""
    at = int(rng.integers(len(data)))
    kind = rng.integers(5)
    if kind == 0:
        return data[:at]
    if kind == 1:
        return data[:at] + data[at + int(rng.integers(1, 40)) :]
    if kind == 2:
        return data[:at] + data[max(0, at - int(rng.integers(1, 40))) :]
    changed = bytearray(data)
    for place in rng.integers(len(data), size=int(rng.integers(1, 9))):
        changed[place] = int(rng.integers(256))
    return bytes(changed)


def check_mutations(tmp_path, seeds):
    """Every mutated file is refused in the documented way, or still holds exactly what was put."""
    store = Store(tmp_path)
    path = store.path(store.put(ABOUT, ARRAYS, {"seconds": 1.0}))
    whole, refused = path.read_bytes(), 0
    for seed in seeds:
        path.write_bytes(mutated(whole, np.random.default_rng(seed)))
        try:
            entry = read_entry(path)
        except (NpzError, BadEntry):
            refused += 1
        else:
            same(entry.arrays, ARRAYS)
            assert entry.about == ABOUT
    return refused


def test_mutated_entries_give_the_documented_errors(tmp_path):
    # about 1 in 60 mutations falls on a byte that says nothing (a date, a padding), and then the
    # arrays must be right
    assert check_mutations(tmp_path, range(500)) > 400


@pytest.mark.slow
def test_ten_thousand_mutated_entries_give_the_documented_errors(tmp_path):
    assert check_mutations(tmp_path, range(1000, 11_000)) > 8000


@pytest.mark.parametrize("given", ["", 3, True])
def test_a_store_is_a_folder(given):
    """An empty text, of a variable that is not set, would be the folder one happens to be in."""
    with pytest.raises(ValueError, match="a store is a folder, or None to keep nothing"):
        ib.sweep(ib.data.counterexample("X.1"), [ib.SteepestDescent(ib.MAX)], store=given)


def test_a_file_is_no_store(tmp_path):
    (tmp_path / "notes").write_text("mine")
    with pytest.raises(NotADirectoryError, match="a store is a folder, and .*notes is a file"):
        ib.Store(tmp_path / "notes")
