"""The committed measurements meet the targets, and the peers they were measured against compute the
same thing."""

import csv
import importlib
import json
from pathlib import Path

import numpy as np
import pytest
from engine_cells import final
from ibias_book import own_networks

from benchmarks import engines, margin_scale, naive, optim, polar, startup
from benchmarks.cases import K, cell_lanes, cells, dataset, flops, sweep_lanes
from benchmarks.timing import interleaved
from ibias.engine.planner import plan
from ibias.methods import Trajectory
from ibias.problem import Problem

MEASURED = Path(__file__).parent.parent / "benchmarks"
RESULTS = json.loads((MEASURED / "results.json").read_text())
SCALE = json.loads((MEASURED / "margin_scale.json").read_text())
PAGES = MEASURED.parent / "book"
OPTIM = json.loads((MEASURED / "optim.json").read_text())["milliseconds"]
# least speed-up over the naive loop by features: max and Frobenius norm, then spectral norm, at b =
# 1, 10, 100, n
FASTER = {
    25: ({1: 600, 10: 260, 100: 50, 500: 20}, {1: 115, 10: 110, 100: 55, 500: 26}),
    200: ({1: 100, 10: 48, 100: 11, 500: 6}, {1: 55, 10: 45, 100: 15, 500: 8}),
}
SWEEP = {
    25: {"kernel_every_run": 60, "kernel_planned": 120, "lanes_planned": 8},
    200: {"kernel_every_run": 15, "kernel_planned": 30, "lanes_planned": 6},
}
OVER_LIMIT = {25: 1.8, 200: 1.9}


def test_what_is_timed_starts_again_each_time(monkeypatch):
    """Timing a group again and again must not add up its margins: after a thousand rounds a step
    would cost something else."""
    cell = cells(25)[3]
    problem = Problem(dataset(25))
    (group,) = plan(cell_lanes(cell), problem.dataset.n, 25, K, dedupe=False)
    made = {}
    for name, real in engines.WORKSPACES.items():
        monkeypatch.setitem(
            engines.WORKSPACES,
            name,
            lambda *given, name=name, real=real: made.setdefault(name, real(*given)),
        )
        work = engines.steps_of(name, problem, group)
        work(3)
        once = made[name].weights()
        work(3)
        np.testing.assert_array_equal(made[name].weights(), once)
    np.testing.assert_allclose(
        made["kernel"].weights(), made["lanes"].weights(), rtol=0, atol=1e-13
    )  # rounding of three steps of length < 1


def test_every_part_of_the_benchmarks_can_be_loaded():
    for name in ("__main__", "character_model", "margins", "optim", "peers", "polar", "scaling"):
        assert importlib.import_module(f"benchmarks.{name}")


def test_every_measured_cell_meets_its_target():
    assert len(RESULTS["cells"]) == 60
    for row in RESULTS["cells"]:
        wanted = FASTER[row["d"]][row["norm"] == "spectral"]
        assert row["speedup"] >= wanted.get(row["b"], 0), row
        assert row["over_limit"] <= OVER_LIMIT[row["d"]] or row["b"] < 50 or row["norm"] != "max", (
            row
        )


def test_the_measured_sweep_meets_its_targets():
    for row in RESULTS["sweep"]:
        assert row["runs"] == 600 and row["planned_runs"] == 487
        for name, wanted in SWEEP[row["d"]].items():
            assert row[f"speedup_{name}"] >= wanted, (name, row)


def test_measured_start_memory_and_growth_meet_their_targets():
    assert RESULTS["startup"]["first_cpu"] <= 25
    assert RESULTS["startup"]["later_cpu"] <= 1
    assert (
        RESULTS["memory"]["peak_mib"] < 1024
        and RESULTS["memory"]["runs"] == 600
        and RESULTS["memory"]["d"] == 200
    )
    slopes = {row["quantity"]: row["slope"] for row in RESULTS["scaling"]}
    assert abs(slopes["steps"] - 1) <= 0.05 and abs(slopes["runs"] - 1) <= 0.05


def test_ours_have_the_smallest_gap_of_all_margin_solvers():
    for row in RESULTS["margins"]:
        others = [
            o["gap"]
            for o in RESULTS["margins"]
            if (o["data"], o["norm"]) == (row["data"], row["norm"]) and o["solver"] != "ibias"
        ]
        # a certified gap of 1e-12 is rounding: below it order means nothing
        assert row["solver"] != "ibias" or row["gap"] <= max(1e-12, min(others, default=np.inf)), (
            row
        )


@pytest.mark.parametrize("index", range(0, 30, 4))
def test_the_naive_peer_runs_the_same_method(index):
    cell = cells(25)[index]
    problem = Problem(dataset(25))
    w = naive.train(problem.x, problem.y, K, cell, 40)
    (method,) = cell.methods(momenta=[0.0])
    ours = final("kernel", problem, [Trajectory(method, 0)], 40)[0]
    # after 40 steps margins are small, so autograd still has its digits; spectral b = 10 is the
    # worst conditioned
    assert float((w - ours).norm() / ours.norm()) < 1e-9


def test_the_cases_are_the_paper_s_sweep():
    assert (
        len(sweep_lanes(25)) == len({(lane.method, lane.seed) for lane in sweep_lanes(25)}) == 600
    )
    assert (
        flops(cells(25)[5]) > 2 * flops(cells(25)[4]) - 7 * K * 25 - 1
    )  # variance reduction needs a second gradient


def test_contenders_take_turns_and_the_first_round_is_thrown_away():
    calls = []
    found = interleaved(
        {
            "a": (lambda steps: calls.append(("a", steps)), 8, 1),
            "b": (lambda steps: calls.append(("b", steps)), 4, 2),
        },
        rounds=2,
    )
    assert calls == [("a", 2), ("b", 1), ("a", 8), ("b", 4), ("a", 8), ("b", 4)]
    assert found.keys() == {"a", "b"} and all(value["us"] >= 0 for value in found.values())


@pytest.mark.slow
def test_the_sweep_at_d_200_stays_below_a_gibibyte():
    assert startup.measure_memory(steps=20, records=4)["peak_mib"] < 1024


@pytest.mark.parametrize(
    "ours",
    [
        name
        for name, peer in optim.PEERS.items()
        # the default steps are foreach operations, torch's and ours alike; the bound is about
        # fused=True
        if peer.startswith("torch SGD") and name in OPTIM and "foreach" not in name
    ],
)
def test_sign_and_normalised_steps_cost_at_most_a_fifth_more_than_torchs(ours):
    """The same memory is read and written; the look for NaN and the length read the gradients once
    more, and each tensor is looked at."""
    assert OPTIM[ours] <= (1.3 if "100 tensors" in ours else 1.2) * OPTIM[optim.PEERS[ours]]


@pytest.mark.parametrize(
    "name, rows, page",
    [
        ("optim", optim.table(OPTIM), "use_optimizers"),
        ("margin_scale", margin_scale.table(SCALE), "margins"),
    ],
    ids=["optim", "margin_scale"],
)
def test_the_page_shows_what_was_measured(name, rows, page):
    assert list(csv.reader((MEASURED / f"{name}.csv").open())) == rows and len(rows) > 10
    assert f":file: ../benchmarks/{name}.csv" in (PAGES / f"{page}.md").read_text()


def scale_row(data, norm, solver="ibias", tolerance=None):
    """The one measured row, ``failed`` or not."""
    wanted = (data, norm, solver, tolerance)
    (row,) = (r for r in SCALE if (r["data"], r["norm"], r["solver"], r.get("tolerance")) == wanted)
    return row


@pytest.mark.parametrize(
    "data, norm, tolerance, seconds, gap, megabytes",
    [  # what was promised for 1,800 threes and eights is held for all 1,976
        ("mnist 3-8 n=1976", "frobenius", None, 5, 1e-12, 1500),
        ("mnist 3-8 n=1976", "spectral", None, 5, 1e-12, 1500),
        ("mnist 3-8 n=1976", "max", None, 15, 1e-12, 1500),
        ("mnist 0..9 n=1000", "frobenius", 1e-4, 10, 1e-4, 1500),
        ("mnist 0..9 n=1000", "spectral", 1e-4, 25, 1e-4, 1500),
        ("mnist 0..9 n=1000", "max", 1e-3, 30, 1e-3, 1500),
        ("mnist 0..9 n=1000", "frobenius", None, 60, 1e-12, 1500),
        ("mnist 0..9 n=1000", "max", None, 120, 1e-12, 1500),
        ("mnist 0..9 n=200", "max", None, 20, 1e-12, 1500),
        ("mnist 0..9 n=10000", "frobenius", 0.1, 600, 0.1, 1500),
        ("tall n=200000", "frobenius", None, 20, 1e-12, 1500),
        ("tall n=200000", "max", None, 20, 1e-12, 1500),
        ("tall n=200000", "spectral", None, 20, 1e-12, 1500),
        ("sparse n=2000", "frobenius", 1e-3, 60, 1e-3, 1000),
    ],
)
def test_margins_at_real_size_meet_their_targets(data, norm, tolerance, seconds, gap, megabytes):
    row = scale_row(data, norm, tolerance=tolerance)
    assert row["seconds"] <= seconds and 0 <= row["gap"] <= gap and row["megabytes"] <= megabytes


def test_no_peer_reaches_the_same_certified_accuracy_sooner():
    """To 1e-12: below it a gap is rounding."""
    exact = [r for r in SCALE if r["solver"] == "ibias" and "tolerance" not in r]
    for ours in exact:
        for peer in SCALE:
            if peer["solver"] != "ibias" and (peer["data"], peer["norm"]) == (
                ours["data"],
                ours["norm"],
            ):
                near = peer.get("gap", 1) <= max(ours["gap"], 1e-12)
                assert not near or ours["seconds"] <= peer["seconds"], (ours, peer)


def test_the_character_model_was_measured_as_the_page_says():
    """Three seeds at equal steps and at equal seconds, a tuned rate inside its range, one text."""
    facts = json.loads((MEASURED / "character_model.json").read_text())
    assert 0.9e6 <= facts["parameters"] <= 1.1e6
    curves = own_networks.curves(facts)
    assert curves.sizes["optimizer"] == 4 and list(curves.seed) == [1, 2, 3]
    for name, losses in facts["tuning"].items():
        rates = sorted(losses, key=float)
        best = min(losses, key=losses.get)
        assert best not in (rates[0], rates[-1])
        own = [run for run in facts["runs"] if run["optimizer"] == name]
        assert {run["rate"] for run in own} == {float(best)}
        assert {run["rows"][-1][0] for run in own if run["equal"] == "steps"} == {facts["steps"]}
    slowest = max(facts["milliseconds"], key=facts["milliseconds"].get)
    for run in facts["runs"]:
        if run["equal"] == "seconds":  # as many steps as the slowest's time allows
            spent = run["rows"][-1][0] * facts["milliseconds"][run["optimizer"]]
            allowed = facts["steps"] * facts["milliseconds"][slowest]
            assert abs(spent / allowed - 1) < 0.01  # a step more or less
            row = curves.sel(optimizer=run["optimizer"], equal="seconds", seed=run["seed"])
            assert row.loss.values[len(run["rows"]) - 1] == run["rows"][-1][-1]


def test_the_page_shows_the_polar_factors_that_were_measured():
    rows = list(csv.reader((MEASURED / "polar.csv").open()))
    assert [row[0] for row in rows[1:]] == list(polar.FACTORS)
    page = (MEASURED.parent / "book" / "use_optimizers.md").read_text()
    assert ":file: ../benchmarks/polar.csv" in page
