"""Sweeps: the answer of `simulate`, remembered run by run, continued after whatever happens."""

import logging
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest
import torch
import xarray as xr

import ibias as ib
from ibias.engine import driver
from ibias.runs import Request, SweepIncomplete, compute, status
from ibias.runs import key as sweep_key
from ibias.runs.key import PACKAGE, source_files
from ibias.runs.memory import Memory
from ibias.runs.store import Store, key_of

MODULE = sys.modules["ibias.runs.experiment"]
DATA = ib.data.mixture(classes=3, per_class=6, dim=5, seed=0)
METHODS = ib.grid(
    norms=[ib.MAX, ib.SPECTRAL], batch_sizes=[6, 18], momenta=[0.0, 0.5], schedule=ib.Power(0.1)
)
ASK = dict(seeds=[0, 1], steps=60, record=[0, 1, 10, 60], progress=False)


def contents(folder) -> dict[str, str]:
    """Run -> checksum of its numbers; journals left out."""
    entries = [Store(folder).get(path.stem) for path in Store(folder).paths()]
    return {entry.key: entry.content for entry in entries if entry.about["kind"] == "run"}


def forbid_computing(monkeypatch):
    monkeypatch.setattr(MODULE, "compute", lambda *a, **k: pytest.fail("something was computed"))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"weights": True},
        {"loss": ib.EXPONENTIAL},
        {"dtype": torch.float32, "backend": "lanes"},
        {"backend": "composed"},
        {"directions": {"ones": np.ones((3, 5))}},
    ],
    ids=str,
)
def test_the_answer_is_that_of_simulate_stored_or_not(tmp_path, options, monkeypatch):
    wanted = ib.simulate(DATA, METHODS, **ASK, **options)
    fresh = ib.sweep(DATA, METHODS, **ASK, **options, store=tmp_path)
    forbid_computing(monkeypatch)
    stored = ib.sweep(DATA, METHODS, **ASK, **options, store=tmp_path)
    xr.testing.assert_identical(fresh.drop_attrs(), wanted.drop_attrs())
    xr.testing.assert_identical(stored.drop_attrs(), wanted.drop_attrs())
    assert (fresh.attrs["from_store"], stored.attrs["from_store"]) == (0, 16)
    shared = ("dataset", "digest", "loss", "backend", "device", "dtype")
    assert {k: stored.attrs[k] for k in shared} == {k: wanted.attrs[k] for k in shared}


def test_without_a_store_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("IBIAS_STORE", raising=False)
    ib.sweep(DATA, METHODS[:1], **ASK, store=None)
    ib.sweep(DATA, METHODS[:1], **ASK)  # not in the repository: "auto" is none
    assert not list(tmp_path.iterdir())


def test_the_environment_names_the_store(tmp_path, monkeypatch):
    monkeypatch.setenv("IBIAS_STORE", str(tmp_path))
    ib.sweep(DATA, METHODS[:1], **ASK)
    assert len(contents(tmp_path)) == 2


CHANGES = {
    "data": lambda ask: ask | {"dataset": ib.data.mixture(classes=3, per_class=6, dim=5, seed=1)},
    "method": (
        lambda ask: (
            ask | {"methods": [ib.SteepestDescent(ib.MAX, ib.Minibatch(6), ib.Power(0.1001))]}
        )
    ),
    "seed": lambda ask: ask | {"seeds": [7]},
    "steps": lambda ask: ask | {"steps": 61},
    "record": lambda ask: ask | {"record": [0, 1, 11, 60]},
    "loss": lambda ask: ask | {"loss": ib.EXPONENTIAL},
    "backend": lambda ask: ask | {"backend": "composed"},
    "weights": lambda ask: ask | {"weights": True},
    "directions": lambda ask: ask | {"directions": {"ones": np.ones((3, 5))}},
}


def keys(ask):
    return Memory(Request(**ask), Store("nowhere")).keys


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_whatever_changes_the_answer_changes_the_key(change):
    base = {
        "dataset": DATA,
        "methods": [ib.SteepestDescent(ib.MAX, ib.Minibatch(6), ib.Power(0.1))],
        "seeds": [0],
        "steps": 60,
        "record": [0, 1, 10, 60],
        "loss": ib.CROSS_ENTROPY,
        "backend": "auto",
        "device": "auto",
        "dtype": torch.float64,
        "weights": False,
    }
    assert not set(keys(base)) & set(keys(change(base)))


def test_names_of_data_and_methods_are_not_in_the_key(tmp_path, monkeypatch):
    one = ib.SteepestDescent(ib.MAX, ib.Minibatch(6), ib.Power(0.1), name="first")
    two = ib.SteepestDescent(ib.MAX, ib.Minibatch(6), ib.Power(0.1), name="second")
    ib.sweep(DATA, [one], **ASK, store=tmp_path)
    forbid_computing(monkeypatch)
    renamed = ib.Dataset(DATA.x, DATA.y, name="another name")
    both = ib.sweep(renamed, [one, two], **ASK, store=tmp_path)
    np.testing.assert_array_equal(
        both.loss.sel(optimizer="first"), both.loss.sel(optimizer="second")
    )


def test_a_longer_sweep_computes_only_what_is_new(tmp_path, monkeypatch):
    ib.sweep(DATA, METHODS, **ASK, store=tmp_path)
    before = contents(tmp_path)
    more = ib.sweep(DATA, METHODS, **ASK | {"seeds": [0, 1, 2]}, store=tmp_path)
    assert more.attrs["from_store"] == len(before) == 16 and len(contents(tmp_path)) == 24
    assert before.items() <= contents(tmp_path).items()


def test_the_source_behind_the_numbers_is_in_the_key_and_no_other(tmp_path, monkeypatch):
    names = {path.relative_to(PACKAGE).as_posix() for path in source_files()}
    assert {
        "norms.py",
        "losses.py",
        "schedules.py",
        "streams.py",
        "problem.py",
        "signals.py",
        "methods.py",
        "measures.py",
        "runs/compute.py",
        "runs/request.py",
        "engine/driver.py",
        "engine/planner.py",
        "engine/lanes.py",
        "engine/composed.py",
        "engine/kernel/advance.py",
    } <= names
    assert not [name for name in names if name.startswith(("cli", "data", "maxmargin", "optim"))]
    ib.sweep(DATA, METHODS[:1], **ASK, store=tmp_path)
    monkeypatch.setattr(sweep_key, "source_hash", lambda: "one line was changed")
    assert ib.sweep(DATA, METHODS[:1], **ASK, store=tmp_path).attrs["from_store"] == 0


def test_every_source_file_counts_but_those_without_a_say(tmp_path):
    for name in ("norms.py", "engine/fast.cu", "engine/notes.txt", "data/files.py", "cli/app.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("pass\n")
    names = [p.relative_to(tmp_path).as_posix() for p in source_files(package=tmp_path)]
    assert names == ["engine/fast.cu", "norms.py"]


class Cut(BaseException):
    """Stands for a signal: not an Exception, so nothing may swallow it."""


def cut_after(monkeypatch, count):
    """Interrupt the process when `count` runs are stored."""
    put, left = Store.put, [count]

    def counted(self, about, arrays, provenance=None):
        if about["kind"] == "run":
            if not left[0]:
                raise Cut
            left[0] -= 1
        return put(self, about, arrays, provenance)

    monkeypatch.setattr(Store, "put", counted)


@pytest.mark.parametrize("backend", ["auto", "lanes", "composed"])
@pytest.mark.parametrize("count", [0, 1, 6, 15])
def test_an_interrupted_sweep_goes_on_and_ends_bit_for_bit_the_same(
    tmp_path, monkeypatch, backend, count, caplog
):
    ib.sweep(DATA, METHODS, **ASK, backend=backend, store=tmp_path / "whole")
    with monkeypatch.context() as patch, pytest.raises(Cut) as cut:
        cut_after(patch, count)
        ib.sweep(DATA, METHODS, **ASK, backend=backend, store=tmp_path / "cut")
    assert f"{count} of 16 runs" in cut.value.__notes__[0]
    with caplog.at_level(logging.INFO, "ibias"):
        result = ib.sweep(DATA, METHODS, **ASK, backend=backend, store=tmp_path / "cut")
    assert result.attrs["from_store"] == count
    assert (f"{count} of 16 runs were found" in caplog.text) == (count > 0)
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")
    assert all(
        Store(tmp_path / "cut").get(path.stem).about["kind"] == "run"
        for path in Store(tmp_path / "cut").paths()
    )  # no journal left


def test_a_sweep_killed_after_its_last_run_leaves_no_journal_for_ever(tmp_path, monkeypatch):
    def cut(*given):
        raise Cut

    with monkeypatch.context() as patch, pytest.raises(Cut):
        patch.setattr(Store, "discard", cut)
        ib.sweep(DATA, METHODS, **ASK, store=tmp_path)
    store = Store(tmp_path)
    assert {store.get(path.stem).about["kind"] for path in store.paths()} == {"run", "journal"}
    assert ib.sweep(DATA, METHODS, **ASK, store=tmp_path).attrs["from_store"] == 16
    assert {store.get(path.stem).about["kind"] for path in store.paths()} == {"run"}


def test_a_store_that_can_only_be_read_keeps_its_journal_and_answers(tmp_path, monkeypatch):
    def refuse(*given):
        raise PermissionError(13, "read-only")

    monkeypatch.setattr(Store, "discard", refuse)
    ib.sweep(DATA, METHODS, **ASK, store=tmp_path)
    assert ib.sweep(DATA, METHODS, **ASK, store=tmp_path).attrs["from_store"] == 16


def test_an_interrupt_while_everything_is_read_back_says_that_all_is_there(tmp_path, monkeypatch):
    def cut(*given):
        raise Cut

    monkeypatch.setattr(MODULE, "labelled", cut)
    with pytest.raises(Cut) as error:
        ib.sweep(DATA, METHODS, **ASK, store=tmp_path)
    assert "16 of 16 runs" in error.value.__notes__[0]


@pytest.mark.parametrize("backend", ["kernel", "lanes"])
def test_a_long_run_goes_on_from_its_saved_state_bit_for_bit(tmp_path, monkeypatch, backend):
    monkeypatch.setattr(driver, "CHUNK_STEPS", 30)
    monkeypatch.setattr("ibias.runs.resume.Journal.__init__.__defaults__", (0.0,))
    methods = ib.grid(
        norms=[ib.MAX, ib.SPECTRAL],
        batch_sizes=[6],
        momenta=[0.9],
        variance_reduction=[False, True],
    )
    ask = ASK | {"steps": 300, "record": [0, 100, 250, 300]}
    ib.sweep(DATA, methods, **ask, backend=backend, store=tmp_path / "whole")
    with monkeypatch.context() as patch, pytest.raises(Cut):
        cut_after_states(patch, 6)
        ib.sweep(DATA, methods, **ask, backend=backend, store=tmp_path / "cut")
    done = []
    monkeypatch.setattr(MODULE, "bar", lambda *a: Counting(done))
    ib.sweep(DATA, methods, **ask, backend=backend, store=tmp_path / "cut")
    # 8 runs in 2 blocks (seeds): 6 chunks of 30 steps of the first block were saved, so 8 x 300 - 4
    # x 180 steps are left
    assert sum(done) == 8 * 300 - 4 * 180
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")


def test_a_sweep_cut_three_times_with_and_without_saved_states_ends_the_same(tmp_path, monkeypatch):
    """A state belongs to the runs of its own call, which after a first cut are not all the runs of
    the journal."""
    monkeypatch.setattr(driver, "CHUNK_STEPS", 30)
    methods = ib.grid(norms=[ib.MAX, ib.SPECTRAL], batch_sizes=[6], momenta=[0.5])
    ask = ASK | {"steps": 300, "record": [0, 100, 250, 300], "seeds": range(5), "backend": "kernel"}
    ib.sweep(DATA, methods, **ask, store=tmp_path / "whole")
    with monkeypatch.context() as patch, pytest.raises(Cut):
        cut_after(patch, 4)
        ib.sweep(DATA, methods, **ask, store=tmp_path / "cut")
    monkeypatch.setattr("ibias.runs.resume.Journal.__init__.__defaults__", (0.0,))
    for states in (3, 12):
        with monkeypatch.context() as patch, pytest.raises(Cut):
            cut_after_states(patch, states)
            ib.sweep(DATA, methods, **ask, store=tmp_path / "cut")
    ib.sweep(DATA, methods, **ask, store=tmp_path / "cut")
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")


def cut_after_states(monkeypatch, count):
    put, left = Store.put, [count]

    def counted(self, about, arrays, provenance=None):
        key = put(self, about, arrays, provenance)
        if about["kind"] == "journal" and arrays:
            left[0] -= 1
            if not left[0]:
                raise Cut
        return key

    monkeypatch.setattr(Store, "put", counted)


class Counting:
    def __init__(self, done):
        self.done = done

    def __enter__(self):
        return self.done.append

    def __exit__(self, *error):
        return False


@dataclass(frozen=True)
class Broken(ib.Signal):
    """A user's signal with a fault that shows after a while."""

    def batch_size(self, n):
        return n

    def init(self, problem, w):
        return 0

    def emit(self, problem, w, state, batch):
        if state == 5:
            raise RuntimeError("the sixth\n gradient is missing")
        return problem.gradient(w), state + 1


def test_a_failing_method_does_not_take_the_others_with_it(tmp_path):
    methods = [ib.SteepestDescent(ib.MAX, Broken(), name="broken"), *METHODS]
    with pytest.raises(
        SweepIncomplete,
        match=(
            r"16 of 18 runs are done; 2 failed, the first \(broken, seed 0\): .*the sixth gradient"
            r" is missing"
        ),
    ):
        ib.sweep(DATA, methods, **ASK, store=tmp_path)
    runs = ib.sweep(DATA, methods, **ASK, store=tmp_path, allow_missing=True)
    assert runs.attrs["from_store"] == 16
    assert (
        runs.status.sel(optimizer="broken") == "failed: RuntimeError: the sixth gradient is missing"
    ).all()
    assert (
        runs.loss.sel(optimizer="broken").isnull().all()
        and not runs.loss.drop_sel(optimizer="broken").isnull().any()
    )
    assert (runs.status.drop_sel(optimizer="broken") == "done").all()


def test_status_computes_nothing(tmp_path, monkeypatch):
    ib.sweep(DATA, METHODS[:3], **ASK, store=tmp_path)
    forbid_computing(monkeypatch)
    ask = {key: value for key, value in ASK.items() if key != "progress"}
    words = status(DATA, METHODS, **ask, store=tmp_path)
    assert (words[:3] == "done").all() and (words[3:] == "missing").all()


def test_a_damaged_run_is_computed_again_and_no_other(tmp_path):
    wanted = ib.sweep(DATA, METHODS, **ASK, store=tmp_path)
    path = next(Store(tmp_path).paths())
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.warns(match="set aside"):
        again = ib.sweep(DATA, METHODS, **ASK, store=tmp_path)
    assert again.attrs["from_store"] == 15 and len(list((tmp_path / "set-aside").iterdir())) == 1
    xr.testing.assert_allclose(
        again.drop_attrs(), wanted.drop_attrs(), rtol=1e-12
    )  # alone in a block, products round differently


def test_a_function_without_a_name_is_not_remembered(tmp_path):
    lengths = ib.SteepestDescent(ib.MAX, ib.FullBatch(), lambda t: 0.1 / (t + 1.0), name="mine")
    with pytest.raises(ValueError, match="frozen dataclass, or pass store=None"):
        ib.sweep(DATA, lengths, **ASK, store=tmp_path)
    assert ib.sweep(DATA, lengths, **ASK, store=None).norm_max.isel(step=1).values.tolist() == [
        [0.1, 0.1]
    ]


def test_the_seconds_of_runs_add_up_to_those_of_the_whole():
    runs = ib.sweep(DATA, METHODS, **ASK, store=None)
    assert (
        runs.attrs["seconds"] <= runs.attrs["wall_seconds"] + 0.001
    )  # both rounded to thousandths; sixteen runs that finish together


def test_a_run_says_where_it_comes_from(tmp_path):
    ib.sweep(DATA, METHODS[:1], **ASK, store=tmp_path)
    entry = Store(tmp_path).get(next(Store(tmp_path).paths()).stem)
    assert {
        "backend",
        "device",
        "seconds",
        "date",
        "machine",
        "torch",
        "numpy",
        "python",
        "ibias",
        "commit",
    } <= set(entry.provenance)
    assert entry.key == key_of(entry.about)


def test_a_complete_sweep_reads_every_file_once(tmp_path, monkeypatch):
    ib.sweep(DATA, METHODS, **ASK, store=tmp_path)
    reads, get = [], Store.get
    monkeypatch.setattr(Store, "get", lambda self, key: reads.append(key) or get(self, key))
    ib.sweep(DATA, METHODS, **ASK, store=tmp_path)
    assert len(reads) == len(set(reads)) == 16


def test_no_module_bears_the_name_of_a_public_function():
    names = {module.rpartition(".")[2] for module in sys.modules if module.startswith("ibias.")}
    assert not names & {name for name in ib.__all__ if callable(getattr(ib, name))}


def test_the_commit_is_the_packages_own_or_none(tmp_path, monkeypatch):
    git = ["git", "-C", str(tmp_path), "-c", "user.name=n", "-c", "user.email=e@x"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "theirs"], check=True)
    installed = tmp_path / "env" / "site-packages" / "ibias"
    installed.mkdir(parents=True)
    monkeypatch.setattr("ibias.runs.compute.PACKAGE", installed)
    compute.commit.cache_clear()
    assert compute.commit() == ""  # a wheel in somebody's repository: not their HEAD
    monkeypatch.setattr("ibias.runs.compute.PACKAGE", tmp_path / "ibias")
    compute.commit.cache_clear()
    assert len(compute.commit()) == 40
    compute.commit.cache_clear()
