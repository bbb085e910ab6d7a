"""`ibias verify`: a figure computed by other means agrees with the book's, and a changed value is seen."""
import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from ibias.companion import figure_data, notebooks, provenance, verification
from ibias.companion.figure_data import TOLERANCE, compare

ROOT = Path(__file__).resolve().parents[1]
FIGURES = ROOT / "_build" / "figures"
RECORDS = provenance.known(FIGURES)
built = pytest.mark.skipif(not RECORDS, reason="the book is not computed; run `make book`")
STEP = np.unique(np.logspace(0, 5, 40).astype(int))


def curves():
    """Errors that fall over five decades, as in the figures of runs."""
    return xr.Dataset({"error": (("optimizer", "step"), np.outer([1.5, 0.4], STEP**-0.9))}, coords={"step": STEP, "optimizer": ["a", "b"]})


def plane():
    return xr.Dataset({"final": (("m", "beta"), np.linspace(-0.3, 2, 12).reshape(3, 4))}, coords={"m": [1, 2, 4], "beta": [0.0, 0.5, 0.9, 0.99]})


def rows():
    return xr.Dataset({"slack": ("statement", [0.1, 1.0, np.nan]), "kind": ("statement", ["lemma", "theorem", "lemma"])})


KINDS = {"curves": (curves, "error"), "plane": (plane, "final"), "rows": (rows, "slack")}


def moved(data, name, factor):
    """`data` with one value of variable `name` changed: of median size among those that are no zeros (above 1e-5 of the largest)."""
    new = data.copy(deep=True)
    flat = new[name].values.ravel().copy()
    sizes = np.where(np.isfinite(flat), np.abs(flat), 0.0)
    sizes = np.where(sizes > 1e-5 * sizes.max(), sizes, np.nan)
    place = np.nanargmin(np.abs(sizes - np.nanquantile(sizes, 0.5, method="nearest")))
    flat[place] *= factor
    return new.assign({name: (new[name].dims, flat.reshape(new[name].shape))})


@pytest.mark.parametrize("kind", KINDS)
def test_a_thousandth_is_seen_and_the_last_digits_are_not(kind):
    make, name = KINDS[kind]
    assert compare(moved(make(), name, 1.001), make(), TOLERANCE).largest == (name, pytest.approx(1e-3))
    assert not compare(moved(make(), name, 1.001), make(), TOLERANCE).agrees
    assert compare(moved(make(), name, 1 + 1e-9), make(), TOLERANCE).agrees


@built
@pytest.mark.parametrize("id", RECORDS)
def test_a_thousandth_is_seen_in_every_figure_of_the_book(id):
    """Whatever tolerance a figure states, it is no blanket: a value changed by 0.1 % is reported, whichever variable it is in."""
    old, record = figure_data.read(FIGURES, id), RECORDS[id]
    floats = [n for n in old.data_vars if old[n].dtype.kind == "f" and np.isfinite(old[n].values).any() and old[n].values.any()]
    rounding = record.get("rounding") or {}
    said = [n for n in floats if n not in rounding and compare(moved(old, n, 1.001), old, record["tolerance"], rounding).agrees]
    assert said == []
    assert compare(old, old, record["tolerance"], rounding).agrees


def test_what_counts_as_rounding_is_stated_and_nothing_else():
    old = xr.Dataset({"gap": ("norm", [1e-14, 3e-15]), "size": ("norm", [1.0, 2.0])})
    new = old.assign(gap=("norm", [5e-14, 0.0]))
    assert not compare(new, old, TOLERANCE).agrees
    assert compare(new, old, TOLERANCE, {"gap": 1e-12}).agrees
    assert not compare(old.assign(gap=("norm", [1e-11, 0.0])), old, TOLERANCE, {"gap": 1e-12}).agrees
    assert not compare(old.assign(size=("norm", [1.0, 2.1])), old, {"gap": 1.0}).agrees


@pytest.mark.parametrize("options, said", [
    ({"tolerance": 1e-3}, "without a reason"), ({"rounding": {"y": 1e-9}}, "without a reason"),
    ({"tolerance": {"z": 1e-3}, "because": "chaos"}, "a tolerance for z"),
])
def test_a_tolerance_needs_a_reason_and_a_variable(options, said):
    with pytest.raises(ValueError, match=said):
        provenance.show("<svg></svg>", "fig-x", data=xr.Dataset({"y": ("x", [1.0])}), alt="An empty drawing only", **options)


def test_a_notebook_runs_once_for_its_figures_and_a_failure_is_told(tmp_path, monkeypatch):
    figures = tmp_path / "_build" / "figures"
    ran = []
    for id in ("fig-a", "fig-b", "fig-c"):
        figure_data.write(curves(), figures, id)
        (figures / f"{id}.json").write_text(json.dumps({"id": id, "tolerance": TOLERANCE}))

    def execute(root, name, target, environment, progress):
        ran.append(name)
        if name == "bad":
            raise RuntimeError("notebook bad failed: no such luck")
        figure_data.write(moved(curves(), "error", 1.001), Path(environment[provenance.FOLDER]), "fig-a")
        return 1.0

    monkeypatch.setattr(notebooks, "find_root", lambda root: tmp_path)
    monkeypatch.setattr(notebooks, "notebook_of_figure", lambda root, id: "bad" if id == "fig-c" else "good")
    monkeypatch.setattr(notebooks, "execute", execute)
    said = []
    found = {one.id: one for one in verification.verify(say=said.append)}
    assert sorted(ran) == ["bad", "good"] and len(said) == 2
    assert "DIFFERS: largest difference 1.0e-03 (error)" in found["fig-a"].line()
    assert "did not make figure 'fig-b'" in found["fig-b"].line()
    assert "no such luck" in found["fig-c"].line()
    (tmp_path / "benchmarks").mkdir()
    verification.save(tmp_path, list(found.values()), "lanes", 2)
    kept = json.loads((tmp_path / verification.SAVED).read_text())["figures"]
    assert kept["fig-a"]["backend"] == "lanes" and [row["agrees"] for row in kept.values()] == [False] * 3


def test_another_machine_is_stood_in_for_by_another_backend():
    assert verification.elsewhere("lanes", 2) == {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2", "MKL_NUM_THREADS": "2", "IBIAS_BACKEND": "lanes"}
    with pytest.raises(ValueError, match="none of kernel"):
        verification.elsewhere("abacus", 1)
