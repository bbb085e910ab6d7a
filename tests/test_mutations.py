"""Seeded faults: each is put into a copy of the book's package, and the tests named for it must
fail. One process imports what is heavy and unchanged; every fault runs in a fork of it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.seeded_faults import FAULTS

ROOT = Path(__file__).parents[1]

SERVER = """
import os, sys
import numpy, pandas, pytest, scipy.linalg, scipy.optimize, scipy.signal, scipy.stats, torch, torch.func, xarray
import hypothesis, ibias, ibias.probe.stationarity, ibias.maxmargin, ibias.runs
print("ready", flush=True)
for line in sys.stdin:
    pid = os.fork()
    if not pid:
        import ibias_book
        assert ibias_book.__file__.startswith(os.getcwd()), ibias_book.__file__
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os._exit(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *line.split()]))
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The book's package and the tests, elsewhere."""
    root = tmp_path_factory.mktemp("copy")
    for name in ("book/ibias_book", "tests"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("book/slack.json", "pyproject.toml"):
        shutil.copy(ROOT / name, root / name)
    return root


@pytest.fixture(scope="module")
def matching(copy):
    """Runs the tests of a line in the copy; their exit code (0: all passed, 1: some failed)."""
    paths = [str(copy / "book"), str(ROOT), os.environ.get("PYTHONPATH", "")]
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER],
        cwd=copy,
        # nothing compiled is kept: a fault of the same length within a second would go unseen
        env=os.environ | one | {"PYTHONPATH": ":".join(paths), "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout.readline() == "ready\n"

    def run(tests: str) -> int:
        server.stdin.write(tests + "\n")
        server.stdin.flush()
        return int(server.stdout.readline())

    yield run
    server.stdin.close()
    server.wait()


def test_there_are_enough_faults_in_every_science_room():
    assert len({fault[:3] for fault in FAULTS}) == len(FAULTS) >= 60
    rooms = {file.partition("/")[0] for file, *_ in FAULTS}
    assert {"steepest", "homogeneous", "fluctuating"} <= rooms
    for file, old, new, _ in FAULTS:
        text = (ROOT / "book" / "ibias_book" / file).read_text(encoding="utf-8")
        assert text.count(old) == 1 and old != new, (file, old)


@pytest.mark.slow
def test_without_a_fault_the_matching_tests_pass(matching):
    assert matching(" ".join(sorted({tests for *_, tests in FAULTS}))) == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "old", "new", "tests"), FAULTS, ids=[f"{f[0]}: {f[2]}" for f in FAULTS]
)
def test_a_seeded_fault_is_caught(copy, matching, file, old, new, tests):
    path = copy / "book" / "ibias_book" / file
    whole = path.read_text(encoding="utf-8")
    path.write_text(whole.replace(old, new), encoding="utf-8")
    try:
        assert matching(tests) == 1, "no test notices this fault"
    finally:
        path.write_text(whole, encoding="utf-8")
