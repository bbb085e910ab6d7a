"""Long work says how far it is: on a terminal, after two seconds, and nowhere else."""

import io
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import ibias as ib
from ibias import progress
from ibias.cli.app import main

X = np.array([[2.0, 1.0], [1.5, 0.5], [-2.0, -1.0], [-1.0, -1.5]])
Y = np.array([0, 0, 1, 1])


class Terminal(io.StringIO):
    def isatty(self):
        return True


def margin(folder):
    ib.max_margin(ib.Dataset(X, Y), ib.MAX)


def proof(folder):
    main(["margin", str(folder / "mine.npz"), "--norm", "max", "--proof", str(folder / "p")])


def check(folder):
    proof(folder)
    main(["check", str(folder / "p"), str(folder / "mine.npz")])


def runs(folder):
    ib.simulate(ib.Dataset(X, Y), ib.SteepestDescent(ib.MAX), steps=3)


def sweep(folder):
    ib.sweep(ib.Dataset(X, Y), ib.SteepestDescent(ib.MAX), steps=3, store=folder / "store")


def verify(folder):
    sweep(folder)
    words = ["--recompute", "1", "--data", str(folder / "mine.npz")]
    main(["store", "verify", "--store", str(folder / "store"), *words])


def probe(folder):
    torch.manual_seed(0)
    ib.Probe(torch.nn.Linear(2, 2), torch.tensor(X), torch.tensor(Y)).measure(0)


def shipped(folder):
    from ibias_book.fluctuating import shipped

    one = SimpleNamespace(key="one")
    shipped._complete(folder / "points.npz", [one], lambda point: {"one": np.zeros(1)})


def slack(folder):
    from ibias_book.steepest import slack

    slack.measured()


WORK = {
    margin: ["certified gap"],
    proof: ["certified gap", "proof"],
    check: ["checking"],
    runs: ["1 runs"],
    sweep: ["1 runs"],
    verify: ["entries", "runs again"],
    probe: ["probe"],
    shipped: ["points.npz"],
    slack: ["statements"],
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    np.savez(tmp_path / "mine.npz", x=X, y=Y)
    monkeypatch.delenv("IBIAS_PROGRESS", raising=False)
    monkeypatch.setattr("ibias_book.steepest.slack.programs", lambda: [])
    return tmp_path


@pytest.mark.parametrize("work", WORK, ids=lambda work: work.__name__)
def test_long_work_says_how_far_it_is_on_a_terminal(folder, monkeypatch, work):
    monkeypatch.setattr(progress, "DELAY", 0)
    monkeypatch.setattr(sys, "stderr", Terminal())
    work(folder)
    said = sys.stderr.getvalue()
    assert all(f"{words}:" in said for words in WORK[work]), said
    assert said.endswith("\r")  # and takes it away again


@pytest.mark.parametrize("work", WORK, ids=lambda work: work.__name__)
@pytest.mark.parametrize("silent", ["no terminal", "IBIAS_PROGRESS=0", "quick"])
def test_nothing_is_said_where_nobody_watches_or_waits(folder, monkeypatch, work, silent):
    monkeypatch.setattr(progress, "DELAY", 60 if silent == "quick" else 0)
    if silent == "IBIAS_PROGRESS=0":
        monkeypatch.setenv("IBIAS_PROGRESS", "0")
    monkeypatch.setattr(sys, "stderr", io.StringIO() if silent == "no terminal" else Terminal())
    work(folder)
    assert sys.stderr.getvalue() == ""
