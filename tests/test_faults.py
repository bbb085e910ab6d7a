"""Processes that die, disks that fill, two sweeps on one store: nothing finished is lost, nothing
half-written is read."""

import contextlib
import gzip
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse

import ibias as ib
from ibias.cli.app import main
from ibias.runs.store import Store, read_entry

# Forks a process per sweep from one that has imported everything: a kill then falls on the sweep
# and not on the imports. 48 runs in 12 blocks.
SERVER = """
import os, sys, ibias as ib

def sweep(store, steps):
    data = ib.data.mixture(classes=3, per_class=10, dim=5, seed=0)
    methods = ib.grid(norms=[ib.MAX, ib.SPECTRAL], batch_sizes=[5, 10], momenta=[0.0, 0.5], schedule=ib.Power(0.1))
    ib.sweep(data, methods, seeds=range(6), steps=steps, record=ib.logspaced(20), store=store, progress=False)

sweep(None, 20)
print("ready", flush=True)
for line in sys.stdin:
    steps, count, store = line.rstrip("\\n").split(" ", 2)
    for _ in range(int(count)):
        pid = os.fork()
        if not pid:
            code = 1
            try:
                sweep(store, int(steps))
                code = 0
            finally:
                os._exit(code)
        print(pid, flush=True)
    for _ in range(int(count)):
        print(os.waitstatus_to_exitcode(os.wait()[1]), flush=True)
"""
ENVIRONMENT = os.environ | {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}


class Server:
    """Starts sweeps as processes of their own."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER],
            env=ENVIRONMENT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.line() == "ready"

    def line(self):
        return self.process.stdout.readline().strip()

    def start(self, store, steps=3000, count=1) -> list[int]:
        """Start `count` processes at once on one store; their ids."""
        self.process.stdin.write(f"{steps} {count} {store}\n")
        self.process.stdin.flush()
        return [int(self.line()) for _ in range(count)]

    def finish(self, count=1):
        """Wait for what `start` started; the exit codes."""
        return [int(self.line()) for _ in range(count)]

    def close(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def server():
    found = Server()
    yield found
    found.close()


def contents(folder) -> dict[str, str]:
    """Run -> checksum. Reads every file: a damaged one raises here."""
    entries = [read_entry(path) for path in Store(folder).paths()]
    return {entry.key: entry.content for entry in entries if entry.about["kind"] == "run"}


def left_behind(folder) -> list[str]:
    """Journals of sweeps that ended, and files that had to be set aside."""
    kinds = [read_entry(path).about["kind"] for path in Store(folder).paths()]
    return [kind for kind in kinds if kind != "run"] + [
        str(path) for path in Path(folder).glob("set-aside/*")
    ]


def check_kills(server, tmp_path, count):
    """Sweeps killed at random moments, again and again until they are through: the end is that of
    one that was left alone."""
    began = time.monotonic()
    server.start(tmp_path / "whole")
    assert server.finish() == [0]
    usual, wanted, rng = (
        time.monotonic() - began,
        contents(tmp_path / "whole"),
        np.random.default_rng(count),
    )
    assert len(wanted) == 48
    hits, store, known = 0, tmp_path / "store0", 0
    for kill in range(count):
        (pid,) = server.start(store)
        time.sleep(float(rng.uniform(0, usual)))
        with contextlib.suppress(
            ProcessLookupError
        ):  # it was through already: not counted as a hit
            os.kill(pid, signal.SIGKILL)
        hits += server.finish() == [-signal.SIGKILL]
        now = contents(store)
        assert (
            len(now) >= known and now.items() <= wanted.items()
        )  # what was finished stays, and is right
        known = len(now)
        if known == 48 or kill == count - 1:
            server.start(store)
            assert server.finish() == [0] and contents(store) == wanted and not left_behind(store)
            store, known = tmp_path / f"store{kill + 1}", 0
    # Moments are spread over a sweep's time at the start. Where the machine is less busy later, or
    # most is stored already, many come too late (29 of 50 have been seen); ten at work are enough.
    assert hits >= max(1, count // 5)


def test_a_killed_sweep_ends_as_one_that_was_never_killed(server, tmp_path):
    check_kills(server, tmp_path, 4)


@pytest.mark.slow
def test_fifty_killed_sweeps_end_as_one_that_was_never_killed(server, tmp_path):
    check_kills(server, tmp_path, 50)


@pytest.mark.parametrize("repetitions", [3, pytest.param(100, marks=pytest.mark.slow)])
def test_two_processes_on_one_store(server, tmp_path, repetitions):
    server.start(tmp_path / "whole", steps=100)
    assert server.finish() == [0]
    wanted = contents(tmp_path / "whole")
    for repetition in range(repetitions):
        store = tmp_path / f"shared {repetition}"
        server.start(store, steps=100, count=2)
        assert server.finish(2) == [0, 0]
        assert contents(store) == wanted and not left_behind(store)
        shutil.rmtree(store)


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 128 kB: 48 runs of about 6 kB do not fit."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=128k", "ibias-test", str(place)], capture_output=True
    )
    if not mounted or mounted.returncode:
        pytest.skip(
            "a small tmpfs cannot be mounted here (that needs root); test_store.py fails the file"
            " object instead"
        )
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_is_one_line_and_loses_nothing(small_disk, tmp_path, capsys):
    (tmp_path / "grid.toml").write_text(
        'data = "mixture"\nnorms = ["max"]\nbatch_sizes = [10, 20, 50]\nseeds = 8\nsteps = 30\n'
    )
    store = small_disk / "store"
    argv = ["sweep", str(tmp_path / "grid.toml"), "--store", str(store), "-q"]
    assert main(argv) == 4
    err = capsys.readouterr().err
    assert (
        err.count("\n") == 1 and "No space left on device" in err and " of 24 runs are in " in err
    )
    kept = contents(store)
    assert f"({len(kept)} of 24 runs" in err and 0 < len(kept) < 24
    assert not list(store.rglob("*.part"))
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    assert main(argv) == 0  # with room, it goes on
    assert kept.items() <= contents(store).items() and len(contents(store)) == 24


@pytest.mark.parametrize(
    "argv",
    [
        ["sweep", "grid.toml", "-q", "--store", "/proc/ibias"],
        [
            "train",
            "counterexample:X.3",
            "--norm",
            "max",
            "-b",
            "full",
            "--steps",
            "5",
            "-q",
            "--store",
            "/proc/ibias",
        ],
    ],
    ids=["sweep", "train"],
)
@pytest.mark.skipif(
    not Path("/proc/self").exists(), reason="no folder here that even root may not write to"
)
def test_a_folder_that_may_not_be_written_is_one_line(tmp_path, monkeypatch, capsys, argv):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "grid.toml").write_text(
        'data = "counterexample:X.3"\nnorms = ["max"]\nbatch_sizes = ["full"]\nsteps = 5\n'
    )
    assert main(argv) in (2, 4)  # the system calls it "no such file" or "not permitted"
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "/proc/ibias" in err


def test_a_store_that_may_not_be_written_is_exit_code_4(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        os,
        "fsync",
        lambda handle: (_ for _ in ()).throw(PermissionError(13, "Permission denied", "store")),
    )
    argv = [
        "train",
        "counterexample:X.3",
        "--norm",
        "max",
        "-b",
        "full",
        "--steps",
        "5",
        "-q",
        "--store",
        "store",
    ]
    assert main(argv) == 4
    assert "store: Permission denied" in capsys.readouterr().err
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def mutated(data: bytes, rng) -> bytes:
    at = int(rng.integers(max(1, len(data))))
    if rng.integers(4) == 0:
        return data[:at]
    if rng.integers(4) == 0:
        return data[:at] + data[at + int(rng.integers(1, 60)) :]
    changed = bytearray(data)
    for place in rng.integers(max(1, len(data)), size=int(rng.integers(1, 12))):
        changed[place] = int(rng.integers(256))
    return bytes(changed)


def originals(tmp_path) -> dict[str, bytes]:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(6, 3)), np.array(["a", "b", "c"] * 2)
    np.savez(tmp_path / "m.npz", x=x, y=y)
    np.savez_compressed(tmp_path / "c.npz", x=x, y=np.arange(6) % 2)
    (tmp_path / "m.csv").write_text(
        "u,v,label\n"
        + "\n".join(f"{a:.3f},{b:.3f},{c}" for (a, b, _), c in zip(x, y, strict=True))
        + "\n"
    )
    packed = gzip.compress((tmp_path / "m.csv").read_bytes(), mtime=0)
    (tmp_path / "m.csv.gz").write_bytes(packed)
    rows = [f"{c} 1:{a:.3f} 3:{b:.3f}" for (a, b, _), c in zip(x, y, strict=True)]
    (tmp_path / "m.svm").write_text("# fuzz\n" + "\n".join(rows) + "\n")
    rows = [f"{a:.3f},{b:.3f},'{c}'" for (a, b, _), c in zip(x, y, strict=True)]
    (tmp_path / "m.arff").write_text(
        "@relation r\n@attribute u real\n@attribute v real\n@attribute c {a,b,c}\n@data\n"
        + "\n".join(rows)
    )
    for kind in ("csr", "csc", "coo"):
        matrix = scipy.sparse.coo_array(x * (x > 0)).asformat(kind)
        scipy.sparse.save_npz(tmp_path / f"{kind}.npz", matrix, compressed=False)
        arrays = dict(np.load(tmp_path / f"{kind}.npz"))
        np.savez(tmp_path / f"{kind}.npz", y=y, **arrays)
    np.save(tmp_path / "m_x.npy", x)
    return {path.name: path.read_bytes() for path in sorted(tmp_path.iterdir())}


def check_loading(folder, files, seeds):
    """`load` gives a data set or a ValueError, whatever the bytes; how often each."""
    good = 0
    np.save(folder / "fuzz-m_y.npy", np.arange(6) % 3)
    for seed in seeds:
        rng = np.random.default_rng(seed)
        name = sorted(files)[seed % len(files)]
        path = folder / f"fuzz-{name}"
        path.write_bytes(mutated(files[name], rng))
        try:
            data = ib.data.load(path)
        except ValueError as error:
            assert "\n" not in str(error) and str(path) in str(error)
        else:
            good += 1
            entries = data.x.data if data.is_sparse else data.x
            assert np.isfinite(entries).all() and data.k >= 2 and set(data.y) == set(range(data.k))
    return good


@pytest.mark.filterwarnings("ignore")  # mapped labels are said; that is not the point here
def test_mutated_data_files_give_data_or_the_documented_error(tmp_path):
    files = originals(tmp_path)
    assert 0 < check_loading(tmp_path, files, range(600)) < 600


@pytest.mark.filterwarnings("ignore")
def test_sparse_files_with_one_wrong_array_give_data_or_the_documented_error(tmp_path):
    """The zip's checksums hold: what is wrong is what the arrays say."""
    original, path, good = (
        np.random.default_rng(0).normal(size=(6, 5)).round(0),
        tmp_path / "s.npz",
        0,
    )
    for seed in range(900):
        rng = np.random.default_rng(seed)
        matrix = scipy.sparse.coo_array(original).asformat(["csr", "csc", "coo"][seed % 3])
        scipy.sparse.save_npz(path, matrix)
        arrays = dict(np.load(path))
        name = sorted(arrays)[int(rng.integers(len(arrays)))]
        wrong = arrays[name].ravel().copy()
        if name != "format" and rng.integers(3):
            wrong[rng.integers(wrong.size)] = rng.choice([-1, 0, 1, 7, 100, 2**31 - 1])
        else:
            text = wrong.astype("S3")
            wrong = [wrong[:-1], wrong.repeat(2), wrong[None], text][rng.integers(4)]
        np.savez(path, **(arrays | {name: wrong}), y=np.arange(6) % 3)
        try:
            good += np.isfinite(ib.data.load(path).x.data).all()
        except ValueError as error:
            assert "\n" not in str(error) and str(path) in str(error)
    assert 0 < good < 900


def read_both_ways(path, monkeypatch):
    """What `load` says with pyarrow, and without it."""
    answers = []
    for quick in (True, False):
        with monkeypatch.context() as patch:
            if not quick:
                patch.setattr("ibias.data.cells.Cells._quickly", lambda cells: None)
            try:
                data = ib.data.load(path)
                answers.append((data.digest, data.label_names))
            except ValueError as error:
                answers.append(str(error))
    return answers


@pytest.mark.filterwarnings("ignore")
def test_the_fast_and_the_slow_reader_say_the_same(tmp_path, monkeypatch):
    """Of damaged cells, and of characters that parsers of numbers disagree about."""
    rng, kinds = np.random.default_rng(0), set()
    whole = originals(tmp_path)["m.csv"].split(b"\n")
    marks = b" \t\n\r\x00\",;'+-._eE%#0xinfaN\xc3\xa9"
    for _ in range(400):
        lines = [bytearray(line) for line in whole]
        for _ in range(int(rng.integers(1, 3))):
            line = lines[int(rng.integers(1, len(lines) - 1))]
            line[int(rng.integers(len(line)))] = marks[int(rng.integers(len(marks)))]
        (tmp_path / "both.csv").write_bytes(b"\n".join(lines))
        quick, slow = read_both_ways(tmp_path / "both.csv", monkeypatch)
        assert quick == slow, lines
        kinds.add(type(quick))
    assert kinds == {str, tuple}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_twenty_thousand_mutated_data_files_give_data_or_the_documented_error(tmp_path):
    files = originals(tmp_path)
    assert 0 < check_loading(tmp_path, files, range(1000, 21_000)) < 20_000  # 2,000 of a kind


PARQUET = """
import sys, pathlib, warnings, numpy as np
sys.path.insert(0, sys.argv[3])
import ibias as ib
from test_faults import mutated
warnings.simplefilter("ignore")
path = pathlib.Path(sys.argv[1])
whole = path.read_bytes()
for seed in range(int(sys.argv[2])):
    other = path.with_name("fuzz.parquet")
    other.write_bytes(mutated(whole, np.random.default_rng(seed)))
    try:
        ib.data.load(other)
    except ValueError:
        pass
print("done")
"""


@pytest.mark.parametrize("count", [60, pytest.param(2000, marks=pytest.mark.slow)])
def test_mutated_parquet_files_give_data_or_the_documented_error(tmp_path, count):
    """In a process of its own: the parser is not ours, and a crash of it should be seen as one."""
    pandas = pytest.importorskip("pandas")
    pandas.DataFrame({"a": np.arange(6.0), "b": np.arange(6), "label": list("xyzxyz")}).to_parquet(
        tmp_path / "m.parquet"
    )
    argv = [
        sys.executable,
        "-c",
        PARQUET,
        str(tmp_path / "m.parquet"),
        str(count),
        str(Path(__file__).parent),
    ]
    found = subprocess.run(argv, env=ENVIRONMENT, capture_output=True, text=True, timeout=600)
    assert found.stdout.strip() == "done", found.stderr[-2000:]
