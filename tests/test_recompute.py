"""`ibias store verify --recompute`: a stored run computed again says what the entry says, or it is
said what differs."""

import json
from dataclasses import dataclass

import numpy as np
import pytest

import ibias as ib
from ibias.cli.app import main
from ibias.runs import recompute
from ibias.runs.store import Store

DATA = ib.data.mixture(classes=3, per_class=6, dim=5, seed=0)
METHODS = [
    *ib.grid(norms=ib.CATALOG, batch_sizes=[6], schedule=ib.Power(0.1)),
    *ib.grid(
        norms=[ib.MAX, ib.SPECTRAL],
        batch_sizes=[3, 18],
        momenta=[0.5],
        variance_reduction=[False, True],
        schedule=ib.Power(0.2, a=0.75),
    ),
    ib.SteepestDescent(ib.FROBENIUS, ib.FullBatch(), name="full"),
]
KNOWN = {DATA.digest: DATA}


@dataclass(frozen=True)
class Own:
    def __call__(self, t):
        return 0.1


def entries(folder):
    return [Store(folder).get(path.stem) for path in Store(folder).paths()]


@pytest.mark.parametrize(
    "options",
    [
        {"record": ib.logspaced(100)},
        {"record": ib.logspaced(20), "weights": True},
        {"record": range(0, 101, 3), "loss": ib.EXPONENTIAL},
        {"record": [0, 60], "backend": "composed", "steps": 60},
        {"record": [100], "dtype": __import__("torch").float32, "backend": "lanes"},
        {"directions": {"it": np.ones((3, 5))}},
    ],
    ids=lambda options: ", ".join(options),
)
def test_every_entry_is_made_again_from_what_it_says(tmp_path, options):
    ask = {"seeds": [3], "steps": 100, "progress": False, "store": tmp_path} | options
    ib.sweep(DATA, METHODS, **ask)
    # equal to 1e-6 although a run alone rounds in another order than one in company
    assert [recompute.difference(entry, KNOWN) for entry in entries(tmp_path)] == [""] * len(
        METHODS
    )


def forged(store, entry, name, place, factor):
    """The entry with one number changed, and every checksum right."""
    arrays = {key: value.copy() for key, value in entry.arrays.items()}
    arrays[name][place] = arrays[name][place] * factor
    return store.put(entry.about, arrays, entry.provenance)


@pytest.mark.parametrize("name", ["loss", "margin", "norm_max", "log_loss", "proxy"])
@pytest.mark.parametrize("place", [1, 50, -1])
def test_a_forged_number_is_found_and_named(tmp_path, name, place):
    ib.sweep(DATA, METHODS[0], steps=300, store=tmp_path, progress=False)
    store, (entry,) = Store(tmp_path), entries(tmp_path)
    forged(store, entry, name, place, 1.001)
    assert store.verify() == (list(store.paths()), [])  # no checksum tells
    said = recompute.difference(store.get(entry.key), KNOWN)
    step = np.r_[0 : len(entry.arrays[name])][place]
    stored = store.get(entry.key).arrays[name][place]
    assert said.startswith(f"{name} at step ") and f"stored {stored:.9g}, now " in said
    assert int(said.split()[3].rstrip(":")) == recompute.asked(entry, KNOWN).record[step]


def test_what_cannot_be_made_again_is_said(tmp_path, monkeypatch):
    ib.sweep(DATA, METHODS[0], steps=9, store=tmp_path / "a", progress=False)
    ib.sweep(DATA, METHODS[0], steps=99, record=[0, 7, 8], store=tmp_path / "b", progress=False)
    own = ib.SteepestDescent(ib.MAX, ib.Minibatch(6), Own(), name="own")
    ib.sweep(DATA, own, steps=9, store=tmp_path / "c", progress=False)

    def says(folder, known, words):
        with pytest.raises(LookupError, match=words):
            recompute.difference(entries(tmp_path / folder)[0], known)

    says("a", {}, "its data are not here")
    says("b", KNOWN, "the steps at which it was measured are not known")
    says("c", KNOWN, "made with classes of your own")
    monkeypatch.setattr(recompute, "source_hash", lambda: "newer")
    says("a", KNOWN, "made by another version of ibias")


@pytest.mark.parametrize(
    "method",
    [
        "__import__('os').system('x')",
        "SteepestDescent(norm=Entrywise(p=__import__('os').getpid()))",
        "Power(0.1)",
        "Power(eta0=0.1, a=0.5)",
        "SteepestDescent(norm=Entrywise(p=0.5))",
        "(" * 500,
        "1 +",
        "SteepestDescent.__class__(x=1)",
        "[Power(eta0=0.1, a=0.5) for i in (1,)]",
    ],
)
def test_nothing_of_a_strangers_store_runs(tmp_path, method, monkeypatch):
    import os

    ib.sweep(DATA, METHODS[0], steps=9, store=tmp_path, progress=False)
    store, (entry,) = Store(tmp_path), entries(tmp_path)
    key = store.put(dict(entry.about) | {"method": method}, entry.arrays, entry.provenance)
    monkeypatch.setattr(os, "system", lambda *a: pytest.fail("it ran"))
    with pytest.raises(LookupError, match="its description is not one of ibias's"):
        recompute.difference(store.get(key), KNOWN)


def test_the_command_runs_a_sample_again_and_says_what_differed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.savez("mine.npz", x=DATA.x, y=DATA.y)
    mine = ib.data.load("mine.npz")
    assert mine.digest == DATA.digest
    ib.sweep(DATA, METHODS[:4], steps=50, store="store", progress=False)
    ib.sweep(ib.data.counterexample("X.1"), ib.SteepestDescent(ib.MAX), steps=50, store="store")

    def answer(*words, code=0):
        capsys.readouterr()
        assert main(["store", "verify", "--store", "store", "--json", *words]) == code
        return json.loads(capsys.readouterr().out)

    assert answer()["recomputed"] == 0
    found = answer("--recompute", "9")  # only one of five is of a built-in set
    assert found["recomputed"] == 1 and list(found["not_recomputed"].values()) == [4]
    found = answer("--recompute", "9", "--data", "mine.npz")
    assert found["recomputed"] == 5 and not found["differ"] and not found["not_recomputed"]
    assert answer("--recompute", "2", "--data", "mine.npz")["recomputed"] == 2

    entry = next(e for e in entries("store") if e.about["dataset"] == DATA.digest)
    forged(Store("store"), entry, "loss", 10, 0.99)
    found = answer("--recompute", "9", "--data", "mine.npz", code=1)
    assert list(found["differ"]) == [entry.key] and len(found["set_aside"]) == 1
    assert found["differ"][entry.key].startswith("loss at step ") and found["sound"] == 4
    assert answer("--recompute", "9", "--data", "mine.npz")["recomputed"] == 4
    # and the next sweep computes it anew
    runs = ib.sweep(DATA, METHODS[:4], steps=50, store="store", progress=False)
    assert runs.attrs["from_store"] == 3

    forged(Store("store"), entry, "loss", 10, 0.99)
    argv = ["store", "verify", "--store", "store", "--recompute", "9", "--data", "mine.npz"]
    assert main(argv) == 1
    out = capsys.readouterr()
    assert "differs" in out.out and "loss at step " in out.out
    assert "set aside" in out.err and "loss at step " in out.err
