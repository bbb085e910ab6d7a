"""The command line: what it says, what it writes, what a script gets."""

import importlib.metadata
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import xarray as xr

import ibias as ib
from ibias.cli import app as cli
from ibias.cli.app import exit_code, main
from ibias.runs.store import Store

X = np.array([[2.0, 1.0], [1.5, 0.5], [-2.0, -1.0], [-1.0, -1.5]])
Y = np.array([0, 0, 1, 1])
GRID = """
data = "mine.npz"
norms = ["max", "spectral"]
batch_sizes = [2, "full"]
momenta = [0.0, 0.9]
seeds = 2
steps = 150
[schedule]
eta0 = 0.2
[schedule.max]
a = 0.75
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IBIAS_STORE", str(tmp_path / "store"))
    np.savez("mine.npz", x=X, y=Y)
    (tmp_path / "grid.toml").write_text(GRID)
    return tmp_path


def answer(capsys, *argv, code=0):
    """The JSON object that a command prints."""
    capsys.readouterr()
    assert main([*argv, "--json"]) == code
    return json.loads(capsys.readouterr().out)


COMMANDS = [
    "margin",
    "train",
    "sweep",
    "reproduce",
    "build",
    "verify",
    "doctor",
    "store",
    "store ls",
    "store verify",
    "store gc",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command, capsys):
    assert main([*command.split(), "--help"]) == 0
    out = capsys.readouterr().out
    assert "Usage: ibias " + command in " ".join(out.split())
    if not command.startswith("store "):
        assert "Example" in out


def test_the_overview_names_every_command_and_exit_code(capsys):
    assert main(["--help"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert all(name in out for name in {command.split()[0] for command in COMMANDS})
    assert all(
        words in out
        for words in (
            "2 bad input",
            "3 data not separable",
            "4 disk or permission",
            "--install-completion",
        )
    )


def test_margin_is_the_certified_interval(here, capsys):
    found = answer(capsys, "margin", "mine.npz", "--norm", "max")
    best = ib.max_margin(ib.data.load("mine.npz"), ib.MAX)
    assert (found["lower"], found["upper"], found["unique"]) == (
        best.lower,
        best.upper,
        best.unique,
    )
    assert {item["sample"] for item in found["support"]} == set(best.support_vectors.tolist())
    assert sum(item["weight"] for item in found["support"]) == pytest.approx(
        1, abs=1e-8
    )  # weights below 1e-9 of the largest are left out


@pytest.mark.parametrize("limit", [(), ("--tolerance", "0.1")])
def test_support_vectors_are_counted_once_whatever_rivals_they_have(here, capsys, limit):
    """Ten classes, where a sample has several rivals; a loose search leaves weight everywhere."""
    tolerance = float(limit[1]) if limit else None
    best = ib.max_margin(ib.data.mixture(seed=0), ib.MAX, tolerance=tolerance)
    found = answer(capsys, "margin", "mixture", "--norm", "max", *limit)
    assert {item["sample"] for item in found["support"]} == set(best.support_vectors.tolist())
    assert main(["margin", "mixture", "--norm", "max", *limit]) == 0
    assert f"{len(best.support_vectors)} support vectors" in capsys.readouterr().out


def test_margin_for_people_shows_the_same(here, capsys):
    assert main(["margin", "mine.npz", "--norm", "frobenius"]) == 0
    out = capsys.readouterr().out
    assert (
        "maximum margin (frobenius)" in out
        and "certified interval" in out
        and "support vectors" in out
    )


def test_train_writes_what_it_says(here, capsys):
    found = answer(
        capsys,
        "train",
        "mine.npz",
        "--norm",
        "max",
        "-b",
        "full",
        "--steps",
        "3000",
        "--seeds",
        "2",
        "--out",
        "mine run.nc",
        "-q",
    )
    runs = xr.load_dataset("mine run.nc", engine="h5netcdf")
    data = ib.data.load("mine.npz")
    wanted = ib.simulate(
        data,
        [ib.SteepestDescent(ib.MAX, ib.Minibatch(4), ib.Power(0.1))],
        seeds=[0, 1],
        steps=3000,
        progress=False,
    )
    np.testing.assert_allclose(
        runs.margin, wanted.margin, rtol=1e-12
    )  # two loads of one engine: equal up to how files keep NaN
    share = (
        float(wanted.margin.isel(optimizer=0, seed=0, step=-1)) / ib.max_margin(data, ib.MAX).margin
    )
    assert found["share_of_maximum_margin"]["max"] == pytest.approx(share, rel=1e-12)
    assert (
        found["verdict"].startswith("nearest to the maximum max margin")
        and runs.attrs["verdict"] == found["verdict"]
    )
    assert (here / "mine run.svg").read_text().count("<svg") == 1
    assert not list(here.glob(".*"))  # no temporary file


def test_the_verdict_names_the_nearest_margin_and_refuses_to_when_samples_are_misclassified(here):
    from ibias.measures import nearest_margin as judge

    shares = xr.DataArray(
        [[[[0.2, 0.9]], [[0.3, 0.8]]]],
        dims=("optimizer", "seed", "step", "margin_of"),
        coords={"margin_of": ["max", "spectral"], "step": [7]},
    )
    assert judge(xr.Dataset({"ratio": shares})).startswith(
        "nearest to the maximum spectral margin: 85.00% of it after 7 steps (max 25.00%"
    )
    assert (
        judge(xr.Dataset({"ratio": -shares}))
        == "approaches none: after 7 steps 2 of 2 seeds still misclassify a sample"
    )
    assert judge(xr.Dataset({"ratio": shares * np.nan})).startswith("no verdict")
    tied = xr.Dataset({"ratio": shares * 0 + xr.DataArray([0.5, 0.5 + 1e-15], dims="margin_of")})
    assert judge(tied).startswith("nearest to the maximum max and spectral margins alike: 50.00%")


def test_sweep_computes_a_grid_once(here, capsys):
    assert answer(capsys, "sweep", "grid.toml", "--status") == {"done": 0, "total": 16}
    first = answer(capsys, "sweep", "grid.toml", "-q")
    again = answer(capsys, "sweep", "grid.toml", "-q", "--out", "again.nc")
    assert (first["done"], first["from_store"], again["from_store"]) == (16, 0, 16)
    assert answer(capsys, "sweep", "grid.toml", "--status") == {"done": 16, "total": 16}
    one, two = (xr.load_dataset(name, engine="h5netcdf") for name in ("grid.nc", "again.nc"))
    xr.testing.assert_equal(one, two)
    schedules = {ib.MAX: ib.Power(0.2, 0.75), ib.SPECTRAL: ib.Power(0.2, 0.5)}
    methods = ib.grid(
        norms=[ib.MAX, ib.SPECTRAL], batch_sizes=[2, 4], momenta=[0.0, 0.9], schedule=schedules
    )
    wanted = ib.simulate(ib.data.load("mine.npz"), methods, seeds=[0, 1], steps=150, progress=False)
    np.testing.assert_allclose(one.margin, wanted.margin, rtol=1e-12)
    assert one.attrs["grid"] == GRID


def test_sweep_says_how_much_was_known(here, capsys):
    assert main(["sweep", "grid.toml"]) == 0
    assert main(["sweep", "grid.toml"]) == 0
    assert "16 of 16 runs were found" in capsys.readouterr().err


def test_store_lists_checks_and_cleans(here, capsys, monkeypatch):
    main(["sweep", "grid.toml", "-q"])
    listed = answer(capsys, "store", "ls")
    assert len(listed["entries"]) == 16 and {e["about"]["steps"] for e in listed["entries"]} == {
        150
    }
    Store("store").path(listed["entries"][0]["key"]).write_bytes(b"x")
    assert len(answer(capsys, "store", "ls")["damaged"]) == 1
    checked = answer(capsys, "store", "verify", code=1)
    assert checked["sound"] == 15 and len(checked["set_aside"]) == 1
    assert answer(capsys, "store", "gc") == {"folder": str(here / "store"), "deleted": []}
    monkeypatch.setattr("ibias.runs.key.source_hash", lambda: "newer")
    assert len(answer(capsys, "store", "gc", "--dry-run")["would_delete"]) == 15
    assert len(answer(capsys, "store", "gc")["deleted"]) == 15
    assert answer(capsys, "store", "ls")["entries"] == []


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"ibias {importlib.metadata.version('ibias')}\n"


def test_train_draws_a_run_without_steps(here, capsys):
    found = answer(
        capsys, "train", "mine.npz", "--norm", "max", "--batch-size", "full", "--steps", "0"
    )
    assert (here / "train.svg").is_file() and found["verdict"].startswith("no verdict")


def test_doctor_reports_this_machine(here, capsys, monkeypatch):
    import torch

    found = answer(capsys, "doctor")
    assert found["versions"]["torch"] == torch.__version__ and found["store"]["folder"] == str(
        here / "store"
    )
    assert len(found["devices"]) == 1 + torch.cuda.device_count() and found["missing"] == []
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert {
        "package": "numba",
        "without": "the compiled engine (others are slower)",
        "extra": "fast",
    } in answer(capsys, "doctor")["missing"]


def test_reproduce_and_verify_hand_over_to_the_book(here, capsys, monkeypatch):
    from ibias_book.figure_data import Comparison
    from ibias_book.run import notebooks, verification

    asked = []
    monkeypatch.setattr(notebooks, "find_root", lambda: here)
    monkeypatch.setattr(
        notebooks,
        "run",
        lambda root, which, given, **k: (
            asked.append((which, given)) or [notebooks.Outcome("05", "done", 2.0)]
        ),
    )
    assert answer(capsys, "reproduce", "05", "-p", "steps=2000")["notebooks"][0]["status"] == "done"
    assert asked == [(["05"], {"steps": "2000"})]
    whole = "no data " * 100  # 800 characters: more than a line of a terminal
    failed = notebooks.Outcome("05", "failed", message=f"{whole}\nx = 1")
    monkeypatch.setattr(notebooks, "run", lambda *a, **k: [failed])
    assert main(["reproduce", "-q"]) == 1
    assert f"1 of 1 notebooks failed, the first: {whole}\n" in capsys.readouterr().err
    apart = {"fig-1": 0.0, "fig-2": 0.1}
    monkeypatch.setattr(
        verification,
        "verify",
        lambda ids, **k: [
            verification.Verified(i, "05", Comparison({"loss": apart[i]}), 2.0) for i in ids
        ],
    )
    assert answer(capsys, "verify", "fig-1")["figures"]["fig-1"]["agrees"] is True
    assert answer(capsys, "verify", "fig-1", "fig-2", code=1)["figures"]["fig-2"]["agrees"] is False


def test_build_makes_pages_and_says_when_it_could_not(here, capfd, monkeypatch):
    from ibias_book.run import notebooks

    monkeypatch.setattr(notebooks, "find_root", lambda: here)
    monkeypatch.setattr(notebooks, "run", lambda *a, **k: [])
    (here / "_toc.yml").write_text("format: jb-book\nroot: intro\n")
    (here / "_config.yml").write_text("title: x\nexecute:\n  execute_notebooks: 'off'\n")
    (here / "intro.md").write_text("# A page\n")
    assert (
        main(["build"]) == 0 and "A page" in (here / "_build" / "html" / "intro.html").read_text()
    )
    (here / "intro.md").write_text("# A page\n\n{ref}`nowhere`\n")
    assert main(["build", "-q"]) == 1
    assert (
        "building the pages failed" in capfd.readouterr().err
        and not (here / "_build" / ".doctrees").exists()
    )


def test_debug_shows_the_traceback_and_nothing_else_does(here, capsys):
    assert main(["margin", "none.npz", "--norm", "max"]) == 2
    assert "Traceback" not in capsys.readouterr().err
    with pytest.raises(FileNotFoundError):
        main(["margin", "none.npz", "--norm", "max", "--debug"])


def test_an_error_nobody_foresaw_is_one_line_as_well(here, capsys, monkeypatch):
    monkeypatch.setattr("ibias.maxmargin.max_margin", lambda *a, **k: {}[()])
    monkeypatch.setattr(cli, "exit_code", lambda error: 1)
    monkeypatch.setattr(
        "ibias.cli.margins.open_data", lambda *a, **k: (_ for _ in ()).throw(AttributeError("x\ny"))
    )
    assert main(["margin", "mine.npz", "--norm", "max"]) == 1
    assert (
        capsys.readouterr().err
        == "ibias: error: unexpected AttributeError: x y (--debug shows the traceback)\n"
    )


@pytest.mark.parametrize(
    "library, extra", [("numba", "fast"), ("distributed.client", "sweep"), ("nbformat", "data,")]
)
def test_a_missing_library_is_named_with_what_installs_it(
    monkeypatch, here, capsys, library, extra
):
    missing = ModuleNotFoundError(f"No module named '{library}'", name=library)
    monkeypatch.setattr(
        "ibias.cli.margins.open_data", lambda *a, **k: (_ for _ in ()).throw(missing)
    )
    assert main(["margin", "mine.npz", "--norm", "max"]) == 1
    err = capsys.readouterr().err
    assert f"needs {library}" in err and f"'ibias[{extra}" in err and err.count("\n") == 1


@pytest.mark.parametrize(
    "error, code",
    [
        (ValueError("x"), 2),
        (FileNotFoundError(2, "x"), 2),
        (MemoryError("x"), 2),
        (KeyError("x"), 2),
        (PermissionError(13, "x"), 4),
        (OSError(28, "No space left on device"), 4),
        (OSError(30, "Read-only file system"), 4),
        (KeyboardInterrupt(), 130),
        (RuntimeError("x"), 1),
    ],
    ids=repr,
)
def test_the_kind_of_an_error_is_the_exit_code(error, code):
    assert exit_code(error) == code


def command(*argv, **options):
    environment = (
        os.environ
        | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        | options.pop("env", {})
    )
    return subprocess.Popen(
        [sys.executable, "-m", "ibias.cli", *argv],
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,
    )


def test_the_real_command_in_another_locale_with_optimised_python(here):
    """Checks are exceptions, not asserts, and numbers do not depend on locale, time zone, hash seed
    or -O."""
    outs = []
    for environment in (
        {"LC_ALL": "C", "PYTHONHASHSEED": "1", "TZ": "UTC"},
        {"LC_ALL": "de_DE.UTF-8", "PYTHONHASHSEED": "2", "TZ": "Asia/Tokyo", "PYTHONOPTIMIZE": "1"},
    ):
        with command("margin", "mine.npz", "--norm", "max", "--json", env=environment) as process:
            out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        outs.append({k: v for k, v in json.loads(out).items() if k != "seconds"})
    assert outs[0] == outs[1]


@pytest.mark.parametrize(
    "how",
    [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)],
    ids=["Ctrl-C", "SIGTERM"],
)
def test_an_interrupted_sweep_says_so_and_goes_on(here, how, capsys):
    (here / "grid.toml").write_text(
        GRID.replace("150", "30000").replace("seeds = 2", "seeds = 30") + ""
    )
    with command("sweep", "grid.toml") as process:
        wait_for(lambda: list((here / "store").glob("??/*.npz")), process)
        process.send_signal(how)
        _, err = process.communicate(timeout=120)
    assert process.returncode == 130 and "Traceback" not in err, err
    assert "ibias: interrupted; " in err and " of 240 runs are in " in err
    kept = answer(capsys, "sweep", "grid.toml", "--status")["done"]
    assert f"{kept} of 240 runs are in" in err and kept < 240


def wait_for(condition, process, seconds=120):
    """Until `condition()`; the limit is for a hang, not a measurement."""
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.02)


def test_a_reader_that_leaves_is_no_error(here):
    with command("margin", "mine.npz", "--norm", "max", "--json") as process:
        process.stdout.close()
        assert process.wait(timeout=120) == 0, process.stderr.read()
