"""Weight decay, Nesterov, ascent, factors on lr, stacks and splits: against torch's classes where
they coincide, else against a few lines of numpy."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

import ibias as ib
from ibias.optim import (
    Adam,
    Muon,
    MuonAdam,
    MuonSignum,
    NewtonSchulz,
    NormalizedSGD,
    SignSGD,
    Signum,
    SteepestDescent,
)

STEPS, LR = 20, 0.05
SHAPES = [(5, 7), (5, 7), (9, 3), (1, 6)]
# float64, 20 steps: rounding accumulates to about 1e-14; 1e-10 is what the issue asks for
CLOSE = dict(rtol=1e-10, atol=1e-10)


def parameters(shapes=SHAPES):
    generator = torch.Generator().manual_seed(0)
    return [nn.Parameter(torch.randn(s, generator=generator, dtype=torch.float64)) for s in shapes]


def drive(optimizer, params, steps=STEPS):
    generator = torch.Generator().manual_seed(1)
    for _ in range(steps):
        for p in params:
            p.grad = torch.randn(p.shape, generator=generator, dtype=torch.float64)
        optimizer.step()
    return params


def assert_same(ours, theirs, **close):
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a.detach(), b.detach(), **CLOSE | close)


def svd_polar(g):
    u, _, vh = np.linalg.svd(g, full_matrices=False)
    return u @ vh


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("weight_decay", [0.0, 0.3])
@pytest.mark.parametrize("adjust_lr", ["original", "match_rms_adamw"])
@pytest.mark.parametrize("polar", ["exact", NewtonSchulz(dtype=None)], ids=["exact", "quintic"])
def test_muon_is_torch_muon(monkeypatch, nesterov, weight_decay, adjust_lr, polar):
    """torch's class with only its polar factor exchanged (its own is in bfloat16)."""
    import torch.optim._muon as torch_muon

    def factor(g, *_):
        return torch.from_numpy(svd_polar(g.numpy())) if polar == "exact" else polar(g)

    monkeypatch.setattr(torch_muon, "_zeropower_via_newtonschulz", factor)
    options = dict(momentum=0.9, nesterov=nesterov, weight_decay=weight_decay)
    ours, theirs = parameters(), parameters()
    drive(Muon(ours, LR, adjust_lr=adjust_lr, polar=polar, **options), ours)
    drive(torch.optim.Muon(theirs, LR, adjust_lr_fn=adjust_lr, **options), theirs)
    assert_same(ours, theirs)


@pytest.mark.parametrize("maximize", [False, True])
@pytest.mark.parametrize("eps", [0.0, 1e-3])
def test_adam_is_torch_adamw(maximize, eps):
    options = dict(betas=(0.9, 0.95), eps=eps, weight_decay=0.3, maximize=maximize)
    ours, theirs = parameters(), parameters()
    drive(Adam(ours, LR, **options), ours)
    drive(torch.optim.AdamW(theirs, LR, **options), theirs)
    assert_same(ours, theirs)


def torch_directions(nesterov, steps=STEPS):
    """What torch.optim.SGD subtracts at lr 1: 10 times the average, or the look-ahead."""
    shadow = [nn.Parameter(torch.zeros(s, dtype=torch.float64)) for s in SHAPES]
    sgd = torch.optim.SGD(shadow, lr=1.0, momentum=0.9, nesterov=nesterov)
    generator = torch.Generator().manual_seed(1)
    for _ in range(steps):
        before = [p.detach().clone() for p in shadow]
        for p in shadow:
            p.grad = torch.randn(p.shape, generator=generator, dtype=torch.float64)
        sgd.step()
        yield [(b - p.detach()).numpy() for b, p in zip(before, shadow, strict=True)]


NUMPY = {  # the step of each rule for a list of directions, all in numpy
    "Signum": (Signum, {}, lambda ds: [np.sign(d) for d in ds]),
    "NormalizedSGD": (
        NormalizedSGD,
        {},
        lambda ds: [d / np.linalg.norm(np.concatenate([e.ravel() for e in ds])) for d in ds],
    ),
    "Muon, spectral_norm": (
        Muon,
        dict(adjust_lr="spectral_norm"),
        lambda ds: [svd_polar(d) * (d.shape[0] / d.shape[1]) ** 0.5 for d in ds],
    ),
    "Frobenius blocks": (
        SteepestDescent,
        dict(norm=ib.FROBENIUS),
        lambda ds: [d / np.linalg.norm(d) for d in ds],
    ),
}


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("maximize", [False, True])
@pytest.mark.parametrize("name", NUMPY)
def test_every_option_is_ten_lines_of_numpy(name, nesterov, maximize):
    make, own, step = NUMPY[name]
    ours, theirs = parameters(), [p.detach().numpy().copy() for p in parameters()]
    options = dict(momentum=0.9, nesterov=nesterov, maximize=maximize, weight_decay=0.3)
    drive(make(ours, lr=LR, **own, **options), ours)
    for directions in torch_directions(nesterov):
        for p, d in zip(theirs, step(directions), strict=True):
            p *= 1 - LR * 0.3
            p += LR * d if maximize else -LR * d
    assert_same(ours, map(torch.from_numpy, theirs))


def test_the_sides_of_a_hybrid_have_their_own_decay_and_options():
    ours, theirs = parameters(), parameters()
    shared = dict(momentum=0.9, nesterov=True)
    muon = dict(adjust_lr="original", **shared)
    for make, rest in (
        (MuonSignum, lambda p: Signum(p, 0.2, weight_decay=0.1, **shared)),
        (MuonAdam, lambda p: Adam(p, 0.2, betas=(0.9, 0.95), weight_decay=0.1)),
    ):
        ours, theirs = parameters(), parameters()
        drive(
            make(
                ours[:2], ours[2:], LR, rest_lr=0.2, weight_decay=0.4, rest_weight_decay=0.1, **muon
            ),
            ours,
        )
        first, second = Muon(theirs[:2], LR, weight_decay=0.4, **muon), rest(theirs[2:])
        generator = torch.Generator().manual_seed(1)
        for _ in range(STEPS):
            for p in theirs:
                p.grad = torch.randn(p.shape, generator=generator, dtype=torch.float64)
            first.step(), second.step()
        assert_same(ours, theirs)


def test_groups_have_their_own_options():
    ours, theirs = parameters(), parameters()
    groups = [
        {"params": ours[:2], "weight_decay": 0.5, "maximize": True},
        {"params": ours[2:], "nesterov": True},
    ]
    drive(Muon(groups, LR), ours)
    generator = torch.Generator().manual_seed(1)
    separate = [
        Muon(theirs[:2], LR, weight_decay=0.5, maximize=True),
        Muon(theirs[2:], LR, nesterov=True),
    ]
    for _ in range(STEPS):
        for p in theirs:
            p.grad = torch.randn(p.shape, generator=generator, dtype=torch.float64)
        for optimizer in separate:
            optimizer.step()
    assert_same(ours, theirs)


@pytest.mark.parametrize("norm", [ib.MAX, ib.SPECTRAL, ib.FROBENIUS, ib.Schatten(4)], ids=str)
def test_weight_decay_keeps_the_weights_in_a_ball(norm):
    """||theta|| <= (1 - lr wd) ||theta|| + lr has the fixed point 1 / wd."""
    params = parameters()
    optimizer = SteepestDescent(params, 0.1, norm, 0.9, weight_decay=2.0)
    start = max(float(norm.value(p.detach())) for p in params)
    drive(optimizer, params, 100)
    # what is left of the start, and rounding
    allowed = 0.5 + start * (1 - 0.2) ** 100 + 1e-12
    assert max(float(norm.value(p.detach())) for p in params) <= allowed


STACK = (3, 4, 6)  # three matrices
VIEWS = {
    "stack": (STACK, dict(matrices="batched"), lambda g: list(g)),
    "deep stack": ((2, 3, 4, 6), dict(matrices="batched"), lambda g: list(g.reshape(6, 4, 6))),
    "flat": (STACK, {}, lambda g: [g.reshape(3, 24)]),
    "fused rows": ((12, 5), dict(split=(4, 6, 2)), lambda g: [g[:4], g[4:10], g[10:]]),
    "heads": ((12, 5), dict(split=3), lambda g: [g[:4], g[4:8], g[8:]]),
    "columns": ((5, 12), dict(split=3, split_axis=1), lambda g: [g[:, :4], g[:, 4:8], g[:, 8:]]),
    "column sizes": ((5, 12), dict(split=(5, 7), split_axis=1), lambda g: [g[:, :5], g[:, 5:]]),
    "heads of a stack": (
        (2, 6, 4),
        dict(matrices="batched", split=2),
        lambda g: [g[0, :3], g[0, 3:], g[1, :3], g[1, 3:]],
    ),
    "stack, column sizes": (
        (2, 4, 6),
        dict(matrices="batched", split=(2, 4), split_axis=1),
        lambda g: [g[0, :, :2], g[0, :, 2:], g[1, :, :2], g[1, :, 2:]],
    ),
    "convolution": ((4, 3, 2, 2), {}, lambda g: [g.reshape(4, 12)]),
}


@pytest.mark.parametrize("norm", [ib.SPECTRAL, ib.Schatten(4), ib.FROBENIUS], ids=str)
@pytest.mark.parametrize("shape, options, pieces", VIEWS.values(), ids=VIEWS)
def test_each_matrix_of_a_tensor_takes_its_own_unit_step(shape, options, pieces, norm):
    (p,), (before,) = parameters([shape]), parameters([shape])
    drive(SteepestDescent([p], LR, norm, **options), [p], 1)
    moved = pieces(((before - p) / LR).detach())
    expected = [norm.steepest(g) for g in pieces(p.grad)]
    assert_same(moved, expected)


def test_factors_are_those_of_the_pieces():
    (p,), (before,) = parameters([(12, 5)]), parameters([(12, 5)])
    drive(Muon([p], LR, momentum=0.0, split=(4, 8), adjust_lr="spectral_norm"), [p], 1)
    moved = (before - p).detach()
    for rows, piece in ((4, moved[:4]), (8, moved[4:])):
        assert float(ib.SPECTRAL.value(piece)) == pytest.approx(LR * (rows / 5) ** 0.5, rel=1e-12)


def two():
    return nn.Parameter(torch.ones(2, 2))


BAD = {
    "a typing error": (
        lambda: Muon([{"params": [two()], "weight_decy": 0.1}], 0.1),
        "Muon has no group key 'weight_decy', but 'weight_decay'",
    ),
    "another class's key": (
        lambda: Signum([{"params": [two()], "betas": (0.9, 0.9)}], 0.1),
        "no group key 'betas'",
    ),
    "another side's key": (
        lambda: MuonAdam([two()], [{"params": [two()], "momentum": 0.5}], 0.1),
        "no group key 'momentum'",
    ),
    "decay below 0": (
        lambda: Muon([two()], 0.1, weight_decay=-1),
        r"\[0, 1 / lr\], here \[0, 10\]",
    ),
    "decay turns round": (lambda: Adam([two()], 0.1, weight_decay=11), r"\[0, 10\]; got 11"),
    "decay is NaN": (lambda: Signum([two()], 0.1, weight_decay=float("nan")), "got nan"),
    "nothing to look ahead": (lambda: Muon([two()], 0.1, 0.0, nesterov=True), "there is none"),
    "unknown factor": (lambda: Muon([two()], 0.1, adjust_lr="rms"), "must be one of.*'original'"),
    "factor elsewhere": (
        lambda: SteepestDescent([two()], 0.1, ib.MAX, adjust_lr="original"),
        "scales steps under the spectral norm",
    ),
    "unknown view": (lambda: Muon([two()], 0.1, matrices="stack"), "one of.*'flat', 'batched'"),
    "a rest": (lambda: Muon([nn.Parameter(torch.ones(5, 2))], 0.1, split=2), "has 5 rows.*split=2"),
    "wrong sizes": (lambda: Muon([two()], 0.1, split=(1, 2)), r"2 rows, which split=\(1, 2\)"),
    "no sizes": (lambda: Muon([two()], 0.1, split=()), "number of equal matrices"),
    "zero heads": (lambda: Muon([two()], 0.1, split=0), "number of equal matrices"),
    "true heads": (lambda: Muon([two()], 0.1, split=True), "number of equal matrices"),
    "third axis": (lambda: Muon([two()], 0.1, split=2, split_axis=2), r"one of \(0, 1\)"),
    "joint split": (
        lambda: SteepestDescent([two()], 0.1, ib.MAX, across="joint", split=2),
        "no meaning for a joint norm",
    ),
    "a vector split": (
        lambda: SteepestDescent([nn.Parameter(torch.ones(4))], 0.1, ib.MAX, split=2),
        "no matrix to be split",
    ),
    "a rest for the other side": (
        lambda: MuonSignum([two()], [two()], 0.1).add_param_group({"params": [two()]}),
        "group 2 needs side='matrices' or side='rest'",
    ),
    "no such side": (
        lambda: MuonSignum([two()], [two()], 0.1).add_param_group(
            {"params": [two()], "side": "left"}
        ),
        "side=.* must be one of",
    ),
    "unknown schedule": (lambda: NewtonSchulz(coefficients="quintic"), "polar-express"),
    "no triples": (lambda: NewtonSchulz(coefficients=[(1.0, 2.0)]), "three numbers"),
    "lazy": (lambda: Muon(nn.LazyLinear(3).parameters(), 0.1), "lazy module.*Run one batch"),
}


@pytest.mark.parametrize("build, message", BAD.values(), ids=BAD)
def test_bad_options_are_a_sentence(build, message):
    with pytest.raises((ValueError, TypeError), match=message):
        build()


@pytest.mark.parametrize(
    "build, message",
    [
        (
            lambda: Muon([two()], 0.1, weigth_decay=0.1),
            "argument 'weigth_decay', but 'weight_decay",
        ),
        (lambda: SignSGD([two()], 0.1, momentum=0.9), "SignSGD has no argument 'momentum'"),
        (lambda: Signum([two()], 0.1, adjust_lr="original"), "has no argument 'adjust_lr'"),
        (lambda: MuonAdam([two()], [two()], 0.1, fused=True), "has no argument 'fused'"),
        (lambda: Signum([two()], 0.1, nesterov=1), "nesterov=.* is True or False; got 1"),
        (lambda: Adam([two()], 0.1, maximize="yes"), "maximize=.* is True or False; got 'yes'"),
        (lambda: Adam([two()], 0.1, weight_decay=None), "must be a number; got None"),
    ],
)
def test_bad_arguments_are_a_sentence(build, message):
    with pytest.raises(TypeError, match=message):
        build()


def test_keys_of_schedulers_and_loggers_are_welcome():
    p = two()
    optimizer = Muon([{"params": [p], "initial_lr": 0.2, "name": "hidden"}], 0.1)
    torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: 0.5, last_epoch=3)
    assert optimizer.param_groups[0]["lr"] == 0.1
    again = Muon(optimizer.param_groups, 0.3)  # groups of another optimizer
    assert again.param_groups[0]["lr"] == 0.1


def test_a_group_of_a_hybrid_may_hold_one_tensor_or_a_generator():
    p, q = two(), nn.Linear(2, 2)
    optimizer = MuonAdam([{"params": p}], [{"params": q.parameters(), "lr": 0.3}], 0.1)
    assert [len(group["params"]) for group in optimizer.param_groups] == [1, 2]
    assert optimizer.param_groups[0]["params"][0] is p


@pytest.mark.parametrize("make", [MuonSignum, MuonAdam])
def test_a_later_group_of_a_hybrid_has_the_settings_of_its_side(make):
    optimizer = make([two()], [two()], 0.1, rest_lr=0.3, adjust_lr="original", weight_decay=0.2)
    group = {"params": [two()], "side": "matrices"}
    optimizer.add_param_group(group)
    optimizer.add_param_group({"params": [nn.Parameter(torch.ones(2))], "side": "rest"})
    first, second, third, fourth = (
        {k: v for k, v in g.items() if k != "params"} for g in optimizer.param_groups
    )
    assert third == first and fourth == second and fourth["lr"] == 0.3
    assert group == {"params": group["params"], "side": "matrices"}  # the caller's stays as it was


def test_a_gradient_of_another_type_is_used():
    for given, dtype in ((torch.bfloat16, torch.float32), (torch.float64, torch.float32)):
        p, q = (nn.Parameter(torch.ones(2, 3, dtype=dtype)) for _ in range(2))
        g = torch.arange(1.0, 7.0).reshape(2, 3)  # exact in every type
        if not hasattr(p, "grad_dtype"):
            pytest.skip("this torch refuses such a gradient itself")
        p.grad_dtype = None
        p.grad, q.grad = g.to(given), g
        r, s = (nn.Parameter(torch.ones(3)) for _ in range(2))
        r.grad, s.grad = torch.ones(3), torch.ones(3)
        MuonSignum([p], [r], 0.1).step(), MuonSignum([q], [s], 0.1).step()
        assert torch.equal(p, q) and torch.equal(r, s)


def test_a_gradient_that_overflows_in_the_parameters_type_is_named():
    p = nn.Parameter(torch.ones(2, dtype=torch.float16))
    if not hasattr(p, "grad_dtype"):
        pytest.skip("this torch refuses such a gradient itself")
    p.grad_dtype = None
    p.grad = torch.tensor([1e6, 1.0])
    with pytest.raises(FloatingPointError, match="has 1 NaN or infinite"):
        SignSGD([p], 0.1).step()
    assert torch.equal(p, torch.ones(2, dtype=torch.float16))


def test_frozen_tied_and_late_parameters():
    """A parameter without a gradient stays and has no state; once it has one, it moves as a new
    one does; a tied one moves once."""
    p, q = two(), two()
    optimizer = Signum([p, q], 0.25)
    p.grad = torch.ones(2, 2)
    optimizer.step()
    assert torch.equal(q, torch.ones(2, 2)) and q not in optimizer.state
    q.grad = torch.ones(2, 2)
    optimizer.step()
    assert torch.equal(q, torch.full((2, 2), 0.75)) and torch.equal(p, torch.full((2, 2), 0.5))
    model = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False))
    model[1].weight = model[0].weight
    assert len(Signum(model.parameters(), 0.1).param_groups[0]["params"]) == 1


def test_averaged_weights_and_accumulated_gradients():
    """Two backward passes add up; torch's EMA copies what the steps left."""
    model = nn.Linear(3, 2, dtype=torch.float64)
    ema = torch.optim.swa_utils.AveragedModel(
        model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.5)
    )
    optimizer, x = MuonSignum([model.weight], [model.bias], 0.1), torch.eye(3, dtype=torch.float64)
    for rows in (x[:1], x[1:]):
        model(rows).sum().backward()
    accumulated = model.weight.grad.clone()
    model.zero_grad()
    model(x).sum().backward()
    torch.testing.assert_close(model.weight.grad, accumulated, **CLOSE)
    ema.update_parameters(model)
    before = model.weight.detach().clone()
    optimizer.step()
    ema.update_parameters(model)
    torch.testing.assert_close(ema.module.weight, (before + model.weight) / 2, **CLOSE)


COMPILED = {
    "SignSGD": lambda p: SignSGD(p, 0.1, weight_decay=0.1),
    "Signum": lambda p: Signum(p, 0.1, nesterov=True),
    "NormalizedSGD": lambda p: NormalizedSGD(p, 0.1, momentum=0.9),
    "Muon": lambda p: Muon(p, 0.1, adjust_lr="original"),
    "Newton-Schulz": lambda p: Muon(p, 0.1, polar=NewtonSchulz()),
    "Adam": lambda p: Adam(p, 0.1, weight_decay=0.1),
    "MuonAdam": lambda p: MuonAdam(p[:1], p[1:], 0.1),
    "joint": lambda p: SteepestDescent(p, 0.1, ib.Entrywise(3), across="joint"),
    "a tensor as rate": lambda p: Signum(p, torch.tensor(0.1)),
}


@pytest.mark.parametrize("backend", ["eager", pytest.param("inductor", marks=pytest.mark.slow)])
@pytest.mark.parametrize("build", COMPILED.values(), ids=COMPILED)
def test_a_step_compiles_without_graph_breaks(build, backend):
    torch._dynamo.reset()
    ours, theirs = parameters([(4, 5), (3, 3)]), parameters([(4, 5), (3, 3)])
    optimizer = build(ours)
    step = torch.compile(optimizer.step, backend=backend, fullgraph=True)
    drive(build(theirs), theirs, 3)
    # a compiler reorders the float32 products of an iteration: 2e-6 was seen
    rounding = 1e-10
    if any("polar" in g and g["polar"] != "exact" for g in optimizer.param_groups):
        rounding = 1e-5
    driven = drive(SimpleNamespace(step=step), ours, 3)
    assert_same(driven, theirs, rtol=rounding, atol=rounding)
    before = [p.detach().clone() for p in ours]
    ours[1].grad[0, 0] = float("nan")
    try:
        with pytest.raises(RuntimeError, match="Nothing was updated"):
            step()
        assert torch.is_grad_enabled()  # a graph that raises ends no try block
    finally:
        torch.set_grad_enabled(True)  # for the next test
    assert all(torch.equal(a, b) for a, b in zip(before, ours, strict=True))
