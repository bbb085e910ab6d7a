"""One call, labelled results: coordinates, recording grids, sameness alone and in company,
refusals."""

import subprocess
import sys

import numpy as np
import pytest
import torch

import ibias as ib

DATA = ib.data.mixture(classes=3, per_class=4, dim=5, seed=0)
SMALL = dict(steps=40, record=[0, 1, 13, 40], progress=False, backend="composed")


def test_results_are_labelled():
    methods = ib.grid(
        norms=[ib.MAX, ib.SPECTRAL],
        batch_sizes=[3, 12],
        momenta=[0, 0.9],
        variance_reduction=[False, True],
    )
    runs = ib.simulate(DATA, methods, seeds=[4, 2], **SMALL)
    assert dict(runs.sizes) == {"optimizer": 16, "seed": 2, "step": 4}
    one = runs.sel(optimizer="VR-Muon b=3 beta=0.9")
    assert (one.norm, one.batch_size, one.momentum, one.variance_reduction) == (
        "spectral",
        3,
        0.9,
        True,
    )
    assert list(runs.seed) == [4, 2] and list(runs.step) == [0, 1, 13, 40]
    for name in (
        "loss",
        "log_loss",
        "min_margin",
        "proxy",
        "norm_max",
        "norm_frobenius",
        "norm_spectral",
        "norm_own",
        "margin",
    ):
        assert runs[name].dims == ("optimizer", "seed", "step") and runs[name].attrs["long_name"]
    assert (runs.diverged_at == -1).all()


def test_the_start_is_zero_and_the_first_step_has_length_eta0():
    runs = ib.simulate(
        DATA,
        [ib.SteepestDescent(norm, schedule=ib.Power(0.7), name=norm.text) for norm in ib.CATALOG],
        weights=True,
        **SMALL,
    )
    assert (runs.weights.sel(step=0) == 0).all() and runs.margin.sel(step=0).isnull().all()
    np.testing.assert_allclose(runs.norm_own.sel(step=1), 0.7, rtol=1e-12)
    np.testing.assert_allclose(runs.loss.sel(step=0), np.log(3), rtol=1e-14)


def test_measurements_are_those_of_the_weights():
    runs = ib.simulate(
        DATA, ib.SteepestDescent(ib.SPECTRAL, ib.Minibatch(3), ib.Power(0.5)), weights=True, **SMALL
    )
    w = torch.tensor(runs.weights.values[0, 0, -1])
    end, problem = runs.isel(optimizer=0, seed=0, step=-1), ib.Problem(DATA)
    assert end.margin.item() == pytest.approx(
        (problem.min_margin(w) / ib.SPECTRAL.value(w)).item(), rel=1e-13
    )
    assert end.norm_frobenius.item() == pytest.approx(w.norm().item(), rel=1e-13)
    z, y = torch.tensor(DATA.x) @ w.T, torch.tensor(DATA.y)
    own = z.softmax(-1)[
        range(DATA.n), y
    ]  # margins are small here: no digit is lost by the plain formulas
    assert end.proxy.item() == pytest.approx((1 - own).mean().item(), rel=1e-12)
    assert end.loss.item() == pytest.approx(
        torch.nn.functional.cross_entropy(z, y).item(), rel=1e-12
    )
    assert end.log_loss.item() == pytest.approx(np.log(end.loss.item()), rel=1e-12)
    assert end.log_loss.item() == pytest.approx(np.log(end.loss.item()), rel=1e-12)


def test_recording_more_changes_nothing():
    method = ib.SteepestDescent(ib.FROBENIUS, ib.Momentum(0.9, ib.Minibatch(2)), ib.Power(0.5))
    some = ib.simulate(DATA, method, **SMALL)
    every = ib.simulate(DATA, method, **SMALL | {"record": range(41)})
    np.testing.assert_array_equal(every.loss.sel(step=some.step), some.loss)


def test_a_seed_is_the_same_alone_in_company_and_in_another_order():
    methods = ib.grid(norms=[ib.MAX, ib.FROBENIUS], batch_sizes=[2, 3], momenta=[0, 0.5])
    together = ib.simulate(DATA, methods, seeds=[0, 1, 2], weights=True, **SMALL)
    reordered = ib.simulate(DATA, methods[::-1], seeds=[2, 0, 1], weights=True, **SMALL)
    for method in methods:
        alone = ib.simulate(DATA, method, seeds=[1], weights=True, **SMALL).weights.values[0, 0]
        for company in (together, reordered):
            # another number of lanes may change the order of additions, not more
            np.testing.assert_allclose(
                company.weights.sel(optimizer=method.label, seed=1), alone, rtol=1e-12, atol=1e-14
            )


def test_logspaced_grids():
    assert ib.logspaced(5)(1000).tolist() == [0, 1, 6, 32, 178, 1000]
    assert ib.logspaced(200)(0).tolist() == [0] and ib.logspaced(3)(1).tolist() == [0, 1]
    assert len(ib.logspaced(200)(20_000)) <= 201


@pytest.mark.parametrize("record", [[], [3, 2], [-1], [41], [1, 1]])
def test_bad_recording_grids_are_refused(record):
    with pytest.raises(ValueError, match="increasing steps between 0 and 40"):
        ib.simulate(DATA, ib.SteepestDescent(ib.MAX), **SMALL | {"record": record})


@pytest.mark.parametrize(
    "change, say",
    [
        (dict(steps=-1), "integer >= 0"),
        (dict(steps=1.5), "integer >= 0"),
        (dict(seeds=[]), "at least one"),
        (dict(seeds=[-3]), "integer >= 0"),
        (dict(backend="cuda"), "unknown backend"),
    ],
)
def test_bad_requests_are_refused(change, say):
    with pytest.raises(ValueError, match=say):
        ib.simulate(DATA, ib.SteepestDescent(ib.MAX, ib.Minibatch(3)), **SMALL | change)


def test_coinciding_names_are_refused():
    with pytest.raises(ValueError, match="distinct names"):
        ib.simulate(
            DATA,
            [ib.SteepestDescent(ib.MAX), ib.SteepestDescent(ib.MAX, schedule=ib.Power(0.3))],
            **SMALL,
        )


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_asking_for_cuda_without_one_is_an_error():
    with pytest.raises(ValueError, match="no CUDA device"):
        ib.simulate(DATA, ib.SteepestDescent(ib.MAX), device="cuda", **SMALL)


def test_too_much_memory_is_refused_with_the_estimate():
    with pytest.raises(MemoryError, match="GiB"):
        ib.simulate(
            ib.data.digits(),
            ib.SteepestDescent(ib.MAX),
            seeds=range(100),
            steps=10**6,
            record=range(10**6),
            weights=True,
        )


def test_directions_are_a_mapping():
    data = ib.data.counterexample("X.1")
    with pytest.raises(TypeError, match="directions takes a mapping of names to matrices"):
        ib.simulate(data, [ib.SteepestDescent(ib.MAX)], steps=1, directions=[np.ones((2, 2))])


@pytest.mark.parametrize("field", [dict(norm="max"), dict(signal=3), dict(schedule=0.1)])
def test_methods_take_objects(field):
    with pytest.raises(TypeError, match="SteepestDescent"):
        ib.SteepestDescent(**{"norm": ib.MAX} | field)


@pytest.mark.parametrize(
    "make", [lambda: ib.Power(0), lambda: ib.Power(-1), lambda: ib.Power(float("inf"))]
)
def test_step_lengths_are_positive(make):
    with pytest.raises(ValueError, match="positive and finite"):
        make()


@pytest.mark.parametrize("a", [0, -0.5, 1.01, float("nan")])
def test_step_exponents_lie_in_their_interval(a):
    with pytest.raises(ValueError, match=r"\(0, 1\]"):
        ib.Power(0.1, a)


def test_schedules_follow_their_formula():
    steps = ib.Power(0.5, 0.75).steps(4)
    np.testing.assert_allclose(
        steps, [0.5, 0.5 * 2**-0.75, 0.5 * 3**-0.75, 0.5 * 4**-0.75], rtol=1e-15
    )
    np.testing.assert_array_equal(ib.Power(0.5, 0.75).steps(2, start=2), steps[2:])


@pytest.mark.parametrize(
    "bad, message",
    [
        (np.nan, "a step of nan at t = 7; step sizes must be finite"),
        (-0.1, "a step of -0.1 at t = 7; step sizes must be finite numbers and not negative"),
        ("fast", "must give one number for each"),
        (None, "a step of nan"),
        ([0.1, 0.2], "must give one number for each"),
    ],
)
@pytest.mark.parametrize("backend", ["kernel", "lanes", "composed"])
def test_steps_that_are_no_numbers_are_refused(backend, bad, message):
    data = ib.data.mixture(classes=3, per_class=4, dim=5, seed=0)
    method = ib.SteepestDescent(ib.MAX, ib.FullBatch(), lambda t: 0.1 if t < 7 else bad)
    with pytest.raises(ValueError, match=message):
        ib.simulate(data, [method], seeds=[0], steps=10, backend=backend, progress=False)


def test_a_signal_of_the_users_own_runs():
    from dataclasses import dataclass

    @dataclass(frozen=True)
    class Lazy(ib.Signal):
        """Emits the full gradient at every second step only."""

        def batch_size(self, n):
            return n

        def init(self, problem, w):
            return 0

        def emit(self, problem, w, state, batch):
            g = problem.gradient(w)
            return (g if state % 2 == 0 else ib.Scaled(0 * g.value, g.log_scale)), state + 1

    lazy = ib.SteepestDescent(ib.MAX, Lazy(), ib.Power(0.1), name="lazy")
    runs = ib.simulate(DATA, lazy, steps=2, record=[0, 1, 2], progress=False)
    assert (
        runs.norm_max.sel(step=1).item() == runs.norm_max.sel(step=2).item() == pytest.approx(0.1)
    )
    assert runs.backend == "composed"


def test_importing_ibias_is_light():
    heavy = [
        "cvxpy",
        "matplotlib",
        "plotly",
        "dask",
        "distributed",
        "numba",
        "sklearn",
        "typer",
        "rich",
        "papermill",
    ]
    code = f"import sys, ibias; print([m for m in {heavy} if m in sys.modules])"
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.strip()
        == "[]"
    )


def test_cosines_to_directions_are_those_of_the_weights():
    target = np.random.default_rng(0).standard_normal((DATA.k, DATA.d))
    method = ib.SteepestDescent(ib.FROBENIUS, ib.Minibatch(3), ib.Power(0.5))
    runs = ib.simulate(
        DATA, method, weights=True, directions={"t": target, "minus": -target}, **SMALL
    )
    w = runs.weights.values[0, 0, -1]
    expected = (w * target).sum() / np.linalg.norm(w) / np.linalg.norm(target)
    np.testing.assert_allclose(
        runs.cosine.isel(optimizer=0, seed=0, step=-1), [expected, -expected], rtol=1e-13
    )
    with pytest.raises(ValueError, match=r"shape \(3, 5\)"):
        ib.simulate(DATA, method, directions={"t": target.T}, **SMALL)


def test_the_environment_chooses_what_auto_tries_first(monkeypatch):
    method = ib.SteepestDescent(ib.MAX, ib.Minibatch(3))
    for backend in ("lanes", "composed", "kernel"):
        monkeypatch.setenv("IBIAS_BACKEND", backend)
        assert ib.simulate(DATA, method, steps=3, record=[3], progress=False).backend == backend
    monkeypatch.setenv("IBIAS_BACKEND", "fast")
    with pytest.raises(ValueError, match="IBIAS_BACKEND='fast'"):
        ib.simulate(DATA, method, steps=3, record=[3], progress=False)


METHOD = ib.SteepestDescent(ib.MAX, ib.Minibatch(3))


@pytest.mark.parametrize(
    "change, say",
    [
        (dict(seeds=[0.5]), "a seed: an integer >= 0; got 0.5"),
        (dict(seeds=[True]), "got True"),
        (dict(seeds=3), "seeds takes a list of integers"),
        (dict(seeds=[1, 1]), "seeds must be distinct"),
        (dict(seeds=[]), "at least one method and one seed"),
        (dict(methods=[]), "at least one method"),
        (dict(methods=["max"]), "SteepestDescent objects; got 'max'"),
        (dict(dataset=DATA.x), "dataset takes ib.Dataset"),
        (dict(record=[0.5, 1.7]), "whole numbers; got"),
        (
            dict(record=lambda steps: np.linspace(0, steps, 7)),
            "increasing steps between 0 and 40, whole",
        ),
        (dict(record=10), "whole numbers; got"),
        (dict(record=[0, 41]), "between 0 and 40"),
        (dict(record=None), "got None"),
        (dict(steps=None), "steps counts updates"),
        (dict(steps=float("nan")), "steps counts updates"),
        (dict(steps=float("inf")), "steps counts updates"),
        (dict(loss="exponential"), "loss takes ib.CROSS_ENTROPY"),
        (dict(dtype=torch.float16), "dtype is torch.float64 or torch.float32"),
        (dict(device="meta"), "device='meta' is no device on which torch computes"),
        (dict(device=None), "device=None is no device"),
        (dict(dtype="float32"), "dtype is torch.float64 or torch.float32; got 'float32'"),
    ],
)
@pytest.mark.parametrize("run", [ib.simulate, ib.sweep], ids=["simulate", "sweep"])
def test_what_cannot_be_run_is_refused_in_a_sentence(run, change, say):
    asked = dict(dataset=DATA, methods=[METHOD]) | SMALL | change
    with pytest.raises((ValueError, TypeError), match=say):
        run(asked.pop("dataset"), asked.pop("methods"), **asked)


def test_whole_numbers_are_taken_in_any_dress():
    wanted = ib.simulate(DATA, METHOD, seeds=[1], **SMALL)
    asked = SMALL | dict(steps=40.0, record=torch.tensor([0, 1, 13, 40]))
    given = ib.simulate(
        DATA, ib.SteepestDescent(ib.MAX, ib.Minibatch(3.0)), seeds=np.array([1.0]), **asked
    )
    np.testing.assert_array_equal(given.loss, wanted.loss)
    assert (
        list(given.optimizer.values) == list(wanted.optimizer.values)
        and given.step.dtype == np.int64
    )


def test_a_grid_says_which_norm_has_no_schedule():
    with pytest.raises(ValueError, match=r"no entry for Entrywise\(p=inf\); it has \[Schatten"):
        ib.grid(norms=[ib.SPECTRAL, ib.MAX], batch_sizes=[1], schedule={ib.SPECTRAL: ib.Power(0.1)})
