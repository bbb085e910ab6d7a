"""The optimizers that run in the book's pages are the optimizers of ibias, number for number."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import ibias as ib

NODE = shutil.which("node")
DRIVER = Path(__file__).with_name("drive_playground.js")
NORMS = {"max": ib.MAX, "frobenius": ib.FROBENIUS, "sum": ib.SUM}
RECORD = [1, 10, 100, 500]
# (batch, momentum, variance reduction, eta0, a) on the eight samples of the first preset
RECIPES = [
    (8, 0, False, 0.3, 0.5),
    (8, 0.9, False, 0.2, 0.6),
    (2, 0, False, 0.3, 0.5),
    (2, 0.9, False, 0.3, 0.5),
    (2, 0, True, 0.3, 0.5),
    (4, 0.5, True, 0.2, 0.6),
    (1, 0, False, 0.5, 1.0),
    (1, 0.99, False, 0.1, 0.5),
    (1, 0.9, True, 0.4, 0.3),
]
pytestmark = pytest.mark.skipif(
    not NODE, reason="node is not installed; it runs the page's JavaScript"
)


def node(*cases):
    done = subprocess.run(
        [NODE, DRIVER], input=json.dumps(cases), capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def cloud(seed=0, n=8):
    """Separable points with two labels, away from ties."""
    rng = np.random.default_rng(seed)
    z = np.abs(rng.normal([1.7, 1.1], [0.8, 0.7], (n, 2))) + [0.05, -0.4]
    y = np.arange(n) % 2
    return ib.Dataset(np.where(y[:, None] == 0, z, -z), y, "cloud")


def points(data):
    return [{"x": x, "y": y, "label": int(c)} for (x, y), c in zip(data.x, data.y, strict=False)]


@pytest.mark.parametrize("n, seed", [(2, 1), (8, 3), (16, 0), (12, 9999), (300, 7)])
def test_shuffles_are_those_of_ibias(n, seed):
    epochs = [0, 1, 2, 57]
    (found,) = node({"task": "orders", "n": n, "seed": seed, "epochs": epochs})
    assert np.array_equal(found, ib.permutations(n, seed, 58)[epochs])


@pytest.mark.parametrize("name", NORMS)
def test_trajectories_are_those_of_ibias(name):
    data, seed = cloud(), 3
    best = ib.max_margin(data, NORMS[name]).margin
    cases, methods = [], []
    for batch, momentum, reduced, eta0, a in RECIPES:
        cases.append(
            {
                "task": "trajectory",
                "points": points(data),
                "norm": name,
                "batch": batch,
                "momentum": momentum,
                "reduced": reduced,
                "eta0": eta0,
                "a": a,
                "seed": seed,
                "record": RECORD,
                "best": best,
            }
        )
        signal = ib.VarianceReduced(ib.Minibatch(batch)) if reduced else ib.Minibatch(batch)
        methods.append(
            ib.SteepestDescent(
                NORMS[name],
                ib.Momentum(momentum, signal) if momentum else signal,
                ib.Power(eta0, a),
                name=str(len(methods)),
            )
        )
    runs = ib.simulate(
        data,
        methods,
        seeds=[seed],
        steps=RECORD[-1],
        record=RECORD,
        backend="composed",
        weights=True,
        progress=False,
    )
    for method, found in enumerate(node(*cases)):
        for step in RECORD:
            run = runs.isel(optimizer=method, seed=0).sel(step=step)
            w = run.weights.values
            # 1e-9 is what the page promises; about 500 roundings of 1e-16 were measured as 1e-14
            np.testing.assert_allclose(
                found[str(step)]["u"],
                w[0] - w[1],
                rtol=0,
                atol=1e-9,
                err_msg=f"{RECIPES[method]} step {step}",
            )
            np.testing.assert_allclose(
                found[str(step)]["error"], 1 - run.margin / best, rtol=0, atol=1e-9
            )


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", NORMS)
def test_maximum_margins_are_certified_ones(name, seed):
    data = cloud(seed, n=4 + 3 * seed)
    (found,) = node({"task": "margin", "points": points(data), "norm": name})
    best = ib.max_margin(data, NORMS[name])
    slack = (
        1e-9 * best.upper
    )  # the page's answer is exact up to rounding; the solver's interval can be 1e-12 wide
    assert best.lower - slack <= found["margin"] <= best.upper + slack
    touch = np.array(
        [found["touch"], [0, 0]]
    )  # the ball of radius 1/margin reaches margins of 1, and no further
    z = data.x * np.where(data.y == 0, 1, -1)[:, None]
    np.testing.assert_allclose((z @ touch[0]).min(), 1, atol=1e-9)


def test_inseparable_points_have_no_maximum_margin():
    twins = [{"x": 1, "y": 2, "label": 0}, {"x": 1, "y": 2, "label": 1}]
    assert not any(
        found["separable"]
        for found in node(*({"task": "margin", "points": twins, "norm": name} for name in NORMS))
    )


def test_proposition_x_sign_descent_never_leaves_its_line_and_help_frees_it():
    cases = [
        {"task": "race", "preset": "stuck", "steps": 3000, "change": {"seed": seed}}
        for seed in range(10)
    ]
    for found in node(*cases):
        stuck, momentum, reduced = found["lanes"]
        assert (
            found["most"] <= 0 and abs(stuck["u"][0] + stuck["u"][1]) < 1e-9
        )  # on the line through (1, -1), always
        assert momentum["now"]["max"] < 0.05 and reduced["now"]["max"] < 0.05
        assert "to and fro along (1, −1)" in found["caption"]


def test_each_optimizer_leads_the_race_of_its_own_norm():
    (found,) = node({"task": "race", "preset": "norms", "steps": 10_000})
    for name in NORMS:
        assert min(found["lanes"], key=lambda lane: lane["now"][name])["id"] == name


def test_counting_heads_n_sgd_settles_on_the_average_and_not_on_the_margin():
    (found,) = node({"task": "race", "preset": "average", "steps": 10_000})
    full, mini, reduced = (lane["now"]["frobenius"] for lane in found["lanes"])
    assert mini > 0.6 and full < 0.01 and reduced < 0.01


def test_a_url_holds_the_whole_state():
    (found,) = node({"task": "hash", "hash": "#preset=stuck&norm=frobenius&t=250"})
    (again,) = node({"task": "hash", "hash": found["again"]})
    assert (
        again["settings"] == found["settings"]
        and again["t"] == 250
        and again["settings"]["norm"] == "frobenius"
    )


def test_links_of_the_book_open_a_preset_and_nothing_else():
    named, unknown = node(
        {"task": "hash", "hash": "#preset-average"}, {"task": "hash", "hash": "#preset-constructor"}
    )
    assert named["preset"] == "average" and named["t"] == 2000 and unknown is None


@pytest.mark.parametrize(
    "text",
    ["#a-heading", "#", "#points=", "#points=nonsense", "#preset=toString", "#points=%E0%A4%A"],
)
def test_a_url_of_someone_else_does_no_harm(text):
    (found,) = node({"task": "hash", "hash": text})
    assert found is None or len(found["settings"]["points"]) == 8


def test_a_batch_size_that_does_not_divide_is_refused():
    case = {
        "task": "trajectory",
        "points": points(cloud()),
        "norm": "max",
        "batch": 3,
        "eta0": 0.3,
        "a": 0.5,
        "seed": 0,
        "record": [1],
    }
    (found,) = node(case)
    assert "does not divide n = 8" in found["refused"]
