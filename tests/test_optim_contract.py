"""What an optimizer owes its user: state that survives, schedulers, scalers, batching, and
sentences for bad input."""

import copy
import io
import pickle

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
    VarianceReduced,
)

EVERY = {
    "SignSGD": lambda m, r: SignSGD([*m, *r], lr=0.1),
    "Signum": lambda m, r: Signum([*m, *r], lr=0.1),
    "NormalizedSGD": lambda m, r: NormalizedSGD([*m, *r], lr=0.1, momentum=0.9),
    "Muon": lambda m, r: Muon(m, lr=0.1),
    "Newton-Schulz": lambda m, r: Muon(m, lr=0.1, polar=NewtonSchulz(dtype=None)),
    "Schatten": lambda m, r: SteepestDescent(m, lr=0.1, norm=ib.Schatten(4), momentum=0.9),
    "Adam": lambda m, r: Adam([*m, *r], lr=0.1),
    "MuonSignum": lambda m, r: MuonSignum(m, r, lr=0.1),
    "MuonAdam": lambda m, r: MuonAdam(m, r, lr=0.1),
}
every = pytest.mark.parametrize("build", EVERY.values(), ids=EVERY)


def parameters(dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    drawn = [
        torch.randn(s, generator=generator, dtype=torch.float64).to(dtype)
        for s in [(4, 6), (4, 6), (3, 2, 2), (5,)]
    ]
    return [nn.Parameter(p) for p in drawn[:3]], [nn.Parameter(drawn[3])]


def fill(params, step, scale=1.0):
    generator = torch.Generator().manual_seed(step)
    for p in params:
        p.grad = (scale * torch.randn(p.shape, generator=generator, dtype=torch.float64)).to(
            p.dtype
        )


def walk(optimizer, params, steps):
    for step in steps:
        fill(params, step)
        optimizer.step()
    return [p.detach().clone() for p in params]


@every
def test_a_saved_state_continues_bit_for_bit(build):
    m, r = parameters()
    straight = walk(build(m, r), [*m, *r], range(6))
    m, r = parameters()
    optimizer = build(m, r)
    walk(optimizer, [*m, *r], range(3))
    file = io.BytesIO()
    torch.save(optimizer.state_dict(), file)
    file.seek(0)
    resumed = build(m, r)
    resumed.load_state_dict(torch.load(file))  # weights_only, torch's default: no arbitrary code
    for a, b in zip(straight, walk(resumed, [*m, *r], range(3, 6)), strict=True):
        assert torch.equal(a, b)


@every
def test_a_model_may_change_its_type_between_steps(build):
    m, r = parameters(torch.float32)
    optimizer = build(m, r)
    walk(optimizer, [*m, *r], range(2))
    again = [[nn.Parameter(p.detach().double()) for p in side] for side in (m, r)]
    other = build(*again)
    other.load_state_dict(copy.deepcopy(optimizer.state_dict()))  # takes the parameters' type
    for p in [*m, *r]:
        p.grad, p.data = None, p.data.double()  # what model.double() does
    ours, theirs = (
        walk(o, [*a, *b], range(2, 4)) for o, (a, b) in [(optimizer, (m, r)), (other, again)]
    )
    assert all(torch.equal(p, q) for p, q in zip(ours, theirs, strict=True))


@every
def test_a_copy_goes_its_own_way(build):
    m, r = parameters()
    optimizer = build(m, r)
    walk(optimizer, [*m, *r], range(2))
    clone = copy.deepcopy(optimizer)
    state = {k: {n: v.clone() for n, v in s.items()} for k, s in optimizer.state.items()}
    walk(clone, [p for g in clone.param_groups for p in g["params"]], range(2, 4))
    assert all(
        torch.equal(optimizer.state[k][n], v) for k, s in state.items() for n, v in s.items()
    )


@every
def test_the_scale_of_the_loss_changes_nothing(build):
    """Powers of two scale without rounding; 2^-200 squares to 1e-120."""
    ends = []
    for scale in (1.0, 2.0**-200):
        m, r = parameters()
        optimizer = build(m, r)
        for step in range(3):
            fill([*m, *r], step, scale)
            optimizer.step()
        ends.append([p.detach() for p in (*m, *r)])
    for a, b in zip(*ends, strict=True):
        torch.testing.assert_close(
            a, b, rtol=1e-12, atol=1e-12
        )  # norms rescale by a largest entry that is no power of two


@every
def test_a_zero_gradient_moves_nothing(build):
    m, r = parameters()
    optimizer, before = build(m, r), [p.detach().clone() for p in (*m, *r)]
    for p in (*m, *r):
        p.grad = torch.zeros_like(p)
    optimizer.step()
    assert all(torch.equal(a, b) for a, b in zip(before, (*m, *r), strict=True))


@every
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_lower_precision_follows_float64(build, dtype):
    """One step: parameters of size about 3 carry eps * 3; the maps themselves are computed in at
    least float32."""
    m, r = parameters()
    exact = walk(build(m, r), [*m, *r], [0])
    m, r = parameters(dtype)
    for a, b in zip(exact, walk(build(m, r), [*m, *r], [0]), strict=True):
        assert b.dtype == dtype
        # the polar map amplifies the gradient's own rounding by the inverse of its smallest
        # singular value, here up to 5
        torch.testing.assert_close(a, b.double(), rtol=0, atol=16 * torch.finfo(dtype).eps)


def stepped(optimizer, params, step):
    """How far each of the optimizer's parameters moves in one step."""
    own = [p for group in optimizer.param_groups for p in group["params"]]
    before = [p.detach().clone() for p in own]
    walk(optimizer, params, [step])
    return [p.detach() - b for p, b in zip(own, before, strict=True)]


@every
def test_schedulers_change_the_length_of_the_step(build):
    m, r = parameters()
    optimizer = build(m, r)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: (t + 1) ** -1.0)
    walk(optimizer, [*m, *r], [0])
    twin, *copies = copy.deepcopy((optimizer, *m, *r))
    scheduler.step()
    for half, whole in zip(stepped(optimizer, [*m, *r], 1), stepped(twin, copies, 1), strict=True):
        # differences of numbers of size 3, each rounded
        torch.testing.assert_close(half, whole / 2, rtol=0, atol=1e-15)
        assert whole.abs().amax() > 1e-3
    torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=3)


@pytest.mark.parametrize(
    "schedule",
    [
        lambda o, **k: torch.optim.lr_scheduler.OneCycleLR(o, 0.1, total_steps=8, **k),
        lambda o, **k: torch.optim.lr_scheduler.CyclicLR(o, 0.01, 0.1, 4, **k),
    ],
    ids=["OneCycleLR", "CyclicLR"],
)
def test_a_scheduler_turns_a_momentum_only_where_there_is_one(schedule):
    """SignSGD would become Signum; Signum's momentum is turned, as the one of torch's SGD is."""
    m, r = parameters()
    with pytest.raises(ValueError, match="must support momentum"):
        schedule(SignSGD(m, lr=0.1))
    optimizer, turned = SignSGD(m, lr=0.1), Signum(r, lr=0.1)
    schedule(optimizer, cycle_momentum=False)
    walk(optimizer, m, range(3))
    assert optimizer.param_groups[0]["momentum"] == 0 and not optimizer.state
    scheduler, seen = schedule(turned), set()
    for step in range(4):
        walk(turned, r, [step])
        scheduler.step()
        seen.add(turned.param_groups[0]["momentum"])
    assert len(seen) > 1


@every
def test_gradient_scalers_skip_overflows_and_leave_the_rest_alone(build):
    """GradScaler multiplies the loss and hides infinite gradients from the optimizer; the step does
    not see the scale, a power of two."""
    m, r = parameters(torch.float32)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    optimizer = build(m, r)
    own = [p for group in optimizer.param_groups for p in group["params"]]
    twin, *copies = copy.deepcopy((optimizer, *own))
    before = [p.detach().clone() for p in own]
    for value in (float("inf"), 1.0):
        optimizer.zero_grad()
        scaler.scale(sum((p * p).sum() for p in (*m, *r)) * value).backward()
        scaler.step(optimizer)
        scaler.update()
        stayed = [torch.equal(a, b) for a, b in zip(before, own, strict=True)]
        assert stayed == [value == float("inf")] * len(own)
    sum((p * p).sum() for p in copies).backward()
    twin.step()
    assert all(torch.equal(a, b) for a, b in zip(own, copies, strict=True))


@every
def test_clipping_composes(build):
    m, r = parameters()
    optimizer = build(m, r)
    fill([*m, *r], 0, 1e6)
    nn.utils.clip_grad_norm_([*m, *r], 1.0)
    optimizer.step()
    assert all(torch.isfinite(p).all() for p in (*m, *r))


@every
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_gradient_that_is_not_finite_is_named_and_nothing_moves(build, bad):
    m, r = parameters()
    optimizer, before = build(m, r), [p.detach().clone() for p in (*m, *r)]
    fill([*m, *r], 0)
    m[1].grad[0, 0] = bad
    with pytest.raises(
        FloatingPointError, match=r"parameter 1 of group 0, shape \(4, 6\), has 1 NaN or infinite"
    ):
        optimizer.step()
    assert (
        all(torch.equal(a, b) for a, b in zip(before, (*m, *r), strict=True))
        and not optimizer.state
    )


def test_every_group_is_looked_at():
    groups = [nn.Parameter(torch.ones(3)) for _ in range(3)]
    optimizer = SignSGD([{"params": [p]} for p in groups], lr=0.1)
    for bad in range(3):
        for i, p in enumerate(groups):
            p.grad = torch.full((3,), float("nan") if i == bad else 1.0)
        with pytest.raises(FloatingPointError, match=f"parameter 0 of group {bad}"):
            optimizer.step()


def test_a_group_that_is_not_to_be_looked_at_is_not():
    """The squares of the first gradient overflow, so the exact look is taken; the NaN of the second
    is its owner's wish."""
    p, q = nn.Parameter(torch.ones(1)), nn.Parameter(torch.ones(1))
    p.grad, q.grad = torch.full((1,), 1e20), torch.full((1,), float("nan"))
    SignSGD([{"params": [p]}, {"params": [q], "check_finite": False}], lr=0.5).step()
    assert p.item() == 0.5 and q.item() == 1


@every
def test_parameters_without_entries_stay_what_they_are(build):
    m, r = parameters()
    straight = walk(build(m, r), [*m, *r], range(3))
    m, r = parameters()
    empty = [
        nn.Parameter(torch.ones(shape, dtype=torch.float64)) for shape in [(0, 5), (5, 0), (0,)]
    ]
    m, r = [*m, *empty[:2]], [*r, *empty[2:]]
    ends = [e for e in walk(build(m, r), [*m, *r], range(3)) if e.numel()]
    for a, b in zip(straight, ends, strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize(
    "norm",
    [ib.MAX, ib.FROBENIUS, ib.Entrywise(1), ib.Entrywise(1.5), ib.SPECTRAL],
    ids=lambda norm: norm.text,
)
@pytest.mark.parametrize("across", ["max", "joint"])
def test_nothing_but_parameters_without_entries(norm, across):
    if norm == ib.SPECTRAL and across == "joint":
        pytest.skip("refused at construction")
    p = nn.Parameter(torch.ones(0, 5))
    p.grad = torch.ones(0, 5)
    SteepestDescent([p], 0.1, norm, across=across).step()
    assert p.shape == (0, 5)


def test_a_shape_that_changed_shows_before_anything_moves():
    for shape in ((3, 2), (4,)):
        p, q = nn.Parameter(torch.ones(2, 3)), nn.Parameter(torch.ones(2, 3))
        optimizer = Signum([{"params": [p]}, {"params": [q]}], lr=0.1)
        p.grad, q.grad = torch.ones(2, 3), torch.ones(2, 3)
        q.data = torch.ones(shape)
        with pytest.raises(
            ValueError,
            match=(
                r"parameter 0 of group 1, shape .* has a gradient of shape \(2, 3\). Nothing was"
                r" updated"
            ),
        ):
            optimizer.step()
        assert torch.equal(p, torch.ones(2, 3))


def test_the_check_can_be_left_out():
    p = nn.Parameter(torch.ones(3))
    p.grad = torch.tensor([1.0, float("nan"), 1.0])
    NormalizedSGD([p], lr=0.1, check_finite=False).step()
    assert p.isnan().any()


def test_names_appear_in_errors():
    model = nn.Linear(2, 2)
    optimizer = SignSGD(model.named_parameters(), lr=0.1)
    model.weight.grad = torch.full((2, 2), float("nan"))
    with pytest.raises(FloatingPointError, match="'weight'"):
        optimizer.step()


@every
def test_sparse_gradients_are_refused(build):
    m, r = parameters()
    optimizer = build(m, r)
    fill([*m, *r], 0)
    m[0].grad = torch.eye(4, 6, dtype=torch.float64).to_sparse()
    with pytest.raises(TypeError, match="sparse=False"):
        optimizer.step()


@pytest.mark.parametrize("lr", [0, -0.1, float("nan"), float("inf")])
@pytest.mark.parametrize("make", [SignSGD, Muon, Adam, NormalizedSGD])
def test_step_lengths_must_be_positive(make, lr):
    with pytest.raises(ValueError, match=r"lr=.* length of one step and must be positive"):
        make([nn.Parameter(torch.ones(2, 2))], lr=lr)


def matrix():
    return nn.Parameter(torch.ones(2, 2))


@pytest.mark.parametrize(
    "build, kind, message",
    [
        (
            lambda: Muon([nn.Parameter(torch.ones(3))], lr=0.1),
            ValueError,
            r"shape \(3,\), and spectral steps need matrices.*MuonSignum",
        ),
        (
            lambda: MuonAdam([nn.Parameter(torch.ones(()))], [matrix()], lr=0.1),
            ValueError,
            "need matrices",
        ),
        (lambda: MuonSignum([], [matrix()], lr=0.1), ValueError, "matrices is empty. Take Signum"),
        (lambda: MuonAdam([matrix()], [], lr=0.1), ValueError, "rest is empty. Take Muon"),
        (
            lambda: MuonSignum([nn.Parameter(torch.ones(3))], [matrix()], lr=0.1),
            ValueError,
            "belong into rest, the second argument",
        ),
        (
            lambda: MuonSignum([matrix()], [matrix()], lr=0.1, rest_lr=0),
            ValueError,
            r"rest_lr=.* must be positive",
        ),
        (
            lambda: Muon(nn.Linear(2, 2).named_parameters(), lr=0.1),
            ValueError,
            r"parameter 1 'bias' of group 0, shape \(2,\)",
        ),
        (lambda: SignSGD(nn.Linear(2, 2), lr=0.1), TypeError, r"SignSGD\(model.parameters\(\)"),
        (lambda: SignSGD([nn.Linear(2, 2).parameters()], lr=0.1), TypeError, r"\*a.parameters\(\)"),
        (lambda: SignSGD(torch.ones(2), lr=0.1), TypeError, "iterable of Tensors"),
        (lambda: SignSGD({"params": [matrix()]}, lr=0.1), TypeError, "iterable.*got one dict"),
        (lambda: SignSGD(ib.optim.groups(nn.Linear(2, 2)), 0.1), TypeError, "got one Groups"),
        (lambda: SignSGD(None, 0.1), TypeError, "got one NoneType"),
        (lambda: MuonAdam(matrix(), [matrix()], 0.1), TypeError, "got one Parameter"),
        (lambda: MuonAdam([matrix()], matrix(), 0.1), TypeError, "got one Parameter"),
        (lambda: MuonAdam(nn.Linear(2, 2), [matrix()], 0.1), TypeError, "got a module"),
        (lambda: MuonAdam([iter([]), nn.Linear(2, 2).parameters()], [], 0.1), TypeError, "list of"),
        (lambda: Signum([matrix()], None), TypeError, "lr=.* must be a number; got None"),
        (lambda: Signum([matrix()], "0.1"), TypeError, "lr=.* must be a number; got '0.1'"),
        (
            lambda: Signum([matrix()], 0.1, None),
            TypeError,
            "momentum=.* must be a number; got None",
        ),
        (lambda: Adam([matrix()], lr=0.1, betas=0.9), ValueError, "two numbers.*got 0.9"),
        (
            lambda: Adam([matrix()], lr=0.1, betas=(0.9, float("nan"))),
            ValueError,
            r"betas=.* \[0, 1\)",
        ),
        (
            lambda: Adam([matrix()], lr=0.1, eps=None),
            TypeError,
            "eps=.* must be a number; got None",
        ),
        (
            lambda: VarianceReduced(SignSGD([matrix()], lr=0.1)).anchor(lambda: None),
            RuntimeError,
            "left no gradient",
        ),
        (lambda: SignSGD([{"params": []}], lr=0.1), ValueError, "group 0 is empty"),
        (lambda: SignSGD([], lr=0.1), ValueError, "empty parameter list"),
        (
            lambda: SteepestDescent([matrix()], lr=0.1, norm="spectral"),
            TypeError,
            r"ib\.norm\(text\)",
        ),
        (
            lambda: SteepestDescent([matrix()], lr=0.1, norm=ib.SPECTRAL, across="joint"),
            ValueError,
            "no joint singular values",
        ),
        (
            lambda: SteepestDescent([matrix()], lr=0.1, norm=ib.MAX, across="all"),
            ValueError,
            r"must be one of",
        ),
        (
            lambda: SteepestDescent([matrix()], lr=0.1, norm=ib.MAX, polar=NewtonSchulz()),
            ValueError,
            "under the spectral norm",
        ),
        (lambda: Signum([matrix()], lr=0.1, momentum=1.0), ValueError, r"momentum=.* \[0, 1\)"),
        (lambda: Adam([matrix()], lr=0.1, betas=(0.9, 1.0)), ValueError, r"betas=.* \[0, 1\)"),
        (lambda: Adam([matrix()], lr=0.1, betas=(0.9,)), ValueError, "two numbers"),
        (lambda: Adam([matrix()], lr=0.1, betas=(0.9, 0.0)), ValueError, "beta2 >= beta1"),
        (
            lambda: MuonAdam([matrix()], [matrix()], lr=0.1, betas=(0.9, 0.5)),
            ValueError,
            "steps grow as .* have no bound; take beta2 >= beta1.2, or eps > 0",
        ),
        (lambda: Adam([matrix()], lr=0.1, eps=-1), ValueError, "must not be negative"),
        (lambda: NewtonSchulz(steps=0), ValueError, "an integer >= 1; got 0"),
        (lambda: NewtonSchulz(coefficients=(1.0, 2.0)), ValueError, "three numbers"),
        (
            lambda: SignSGD([nn.Parameter(torch.ones(2, dtype=torch.complex64))], lr=0.1),
            TypeError,
            "floating point",
        ),
        (lambda: VarianceReduced([matrix()]), TypeError, "wraps a torch.optim.Optimizer"),
        (
            lambda: VarianceReduced(SignSGD([matrix()], lr=0.1)).step(lambda: None),
            RuntimeError,
            "needs an anchor",
        ),
    ],
)
def test_bad_input_is_a_sentence(build, kind, message):
    with pytest.raises(kind, match=message):
        build()


@pytest.mark.parametrize(
    "bad",
    [
        nn.Parameter(torch.ones(3)),
        nn.Parameter(torch.ones(2, 2, dtype=torch.complex64)),
        nn.Parameter(torch.ones(2, 2, dtype=torch.int64), requires_grad=False),
    ],
    ids=["vector", "complex", "integer"],
)
def test_a_refused_group_is_not_kept(bad):
    optimizer = Muon([matrix()], lr=0.1)
    with pytest.raises((ValueError, TypeError), match="group 1"):
        optimizer.add_param_group({"params": [bad]})
    assert len(optimizer.param_groups) == 1


def test_a_new_group_of_muon_adam_says_which_step_it_takes():
    optimizer = MuonAdam([matrix()], [matrix()], lr=0.1)
    with pytest.raises(ValueError, match="group 2 needs side=.*norm=.*or betas"):
        optimizer.add_param_group({"params": [matrix()]})
    assert len(optimizer.param_groups) == 2
    for step in ({"norm": ib.MAX}, {"betas": (0.9, 0.9)}):
        p = matrix()
        optimizer.add_param_group({"params": [p], **step})
        p.grad = torch.ones(2, 2)
        optimizer.step()
        torch.testing.assert_close(p.detach(), torch.full((2, 2), 0.9), rtol=1e-6, atol=0)


def test_rates_may_be_tensors():
    p = matrix()
    p.grad = torch.ones(2, 2)
    Signum([p], lr=torch.tensor(0.5), momentum=torch.tensor(0.5)).step()
    assert torch.equal(p.detach(), torch.full((2, 2), 0.5))


SAVED_BY_ANOTHER = {
    "Signum's in Muon": (
        lambda p: Signum(p, lr=0.1),
        lambda p: Muon(p, lr=0.1),
        r"group 0 has norm Entrywise\(p=inf\), this one Schatten",
    ),
    "torch's": (
        lambda p: torch.optim.Adam(p, lr=0.1),
        lambda p: Signum(p, lr=0.1),
        "has no 'norm'",
    ),
    "Signum's in Adam": (lambda p: Signum(p, lr=0.1), lambda p: Adam(p, lr=0.1), "has no 'betas'"),
    "blocks' in joint": (
        lambda p: SteepestDescent(p, 0.1, ib.FROBENIUS),
        lambda p: NormalizedSGD(p, lr=0.1),
        "across max, this one joint",
    ),
    "bare in VarianceReduced": (
        lambda p: Signum(p, lr=0.1),
        lambda p: VarianceReduced(Signum(p, lr=0.1)),
        "plain optimizer",
    ),
}


@pytest.mark.parametrize("saved, here, message", SAVED_BY_ANOTHER.values(), ids=SAVED_BY_ANOTHER)
def test_the_state_of_another_optimizer_is_refused(saved, here, message):
    p = matrix()
    optimizer, before = here([p]), here([p]).state_dict()
    with pytest.raises(ValueError, match=message):
        optimizer.load_state_dict(saved([p]).state_dict())
    assert optimizer.state_dict() == before


def test_a_saved_state_that_does_not_fit_is_refused():
    p, larger = matrix(), nn.Parameter(torch.ones(3, 2))
    walk(saved := Signum([larger], lr=0.1), [larger], [0])
    optimizer = Signum([p], lr=0.1)
    with pytest.raises(ValueError, match=r"shape \(2, 2\), has a momentum of shape \(3, 2\)"):
        optimizer.load_state_dict(saved.state_dict())
    broken = Signum([p], lr=0.1).state_dict()
    broken["param_groups"][0]["lr"] = float("nan")
    with pytest.raises(ValueError, match="lr=.* positive"):
        optimizer.load_state_dict(broken)
    assert optimizer.param_groups[0]["lr"] == 0.1 and not optimizer.state
    broken["param_groups"][0]["lr"] = 0.0  # the end of a schedule
    optimizer.load_state_dict(broken)


def test_a_saved_state_brings_its_rates():
    p = matrix()
    saved = Signum([p], lr=0.1, momentum=0.5)
    torch.optim.lr_scheduler.LambdaLR(saved, lambda t: 1.0)
    optimizer = Signum([p], lr=0.3)
    optimizer.load_state_dict(saved.state_dict())
    assert optimizer.param_groups[0]["lr"] == 0.1 and optimizer.param_groups[0]["momentum"] == 0.5
    saved.load_state_dict(optimizer.state_dict())  # a scheduler's own key may be missing


def test_adam_counts_zero_over_zero_as_zero():
    p = nn.Parameter(torch.ones(2, dtype=torch.float64))
    p.grad = torch.tensor([0.0, 1.0], dtype=torch.float64)
    Adam([p], lr=0.1).step()
    assert p[0] == 1 and abs(p[1] - 0.9) < 1e-15


def test_adam_keeps_directions_whose_squares_underflow():
    """float32: g = 1e-30 squares to zero, where torch's Adam without eps divides by it."""
    p = nn.Parameter(torch.zeros(2))
    p.grad = torch.tensor([1e-30, -3e-30])
    Adam([p], lr=0.1).step()
    torch.testing.assert_close(p.detach(), torch.tensor([-0.1, 0.1]), rtol=1e-5, atol=0)


@pytest.mark.parametrize(
    "dtype, g",
    [
        (torch.float32, [1e-3, 1e-25]),
        (torch.float32, [3e38, 1.0]),
        (torch.float32, [1e-35, 3e38]),
        (torch.bfloat16, [1.0, 1e-22]),
        (torch.float64, [1.0, 1e-170]),
        (torch.float64, [1e300, 1e-300]),
        (torch.float16, [1.0, 1e-3]),
    ],
    ids=str,
)
def test_adams_entries_do_not_see_each_others_size(dtype, g):
    """Twenty steps along a steady gradient are twenty times lr for every entry."""
    p = nn.Parameter(torch.zeros(2, dtype=dtype))
    optimizer = Adam([p], lr=0.125)
    for _ in range(20):
        p.grad = torch.tensor(g, dtype=dtype)
        optimizer.step()
    # 16 bits: forty roundings of averages and twenty of the parameter, each up to 2^-9
    torch.testing.assert_close(
        p.detach().double(),
        torch.full((2,), -2.5, dtype=torch.float64),
        rtol=1e-4 if dtype.itemsize > 2 else 0.1,
        atol=0,
    )


def test_adam_never_leaps_over_what_underflows():
    """Entries below the least normal number move less than lr, never more."""
    p = nn.Parameter(torch.zeros(3))
    p.grad = torch.tensor([1.0, 1e-40, 1e-45])
    Adam([p], lr=0.1).step()
    assert ((p.detach() <= 0) & (p.detach() >= -0.101)).all()


def test_adam_takes_every_beta2_that_bounds_its_steps():
    """From beta2 = beta1^2 on, an entry whose gradient became 0 moves by less and less."""
    p = nn.Parameter(torch.zeros(1, dtype=torch.float64))
    optimizer, before = Adam([p], lr=0.125, betas=(0.9, 0.8125), eps=0), 0.125 * (1 + 1e-12)
    for t in range(200):
        p.grad, last = torch.full_like(p, float(t == 0)), p.item()
        optimizer.step()
        moved = last - p.item()
        assert 0 < moved <= before  # the first step is lr, to rounding
        before = moved + 1e-15  # of p, below 1
    with pytest.raises(ValueError, match="take beta2 >= beta1"):
        Adam([p], lr=0.125, betas=(0.9, 0.8), eps=0)


def test_adam_counts_its_steps_whatever_the_default_dtype():
    """bfloat16 would count to 256."""
    p = nn.Parameter(torch.zeros(1))
    p.grad = torch.ones(1)
    torch.set_default_dtype(torch.bfloat16)
    try:
        optimizer = Adam([p], lr=0.1)
        optimizer.step()
    finally:
        torch.set_default_dtype(torch.float32)
    assert optimizer.state[p]["step"].dtype == torch.float32


@pytest.mark.parametrize("scale", [1e-30, 1e-23, 1e20, 1e30])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_newton_schulz_does_not_see_the_scale(dtype, scale):
    g = torch.randn(4, 5, generator=torch.Generator().manual_seed(0))
    for schulz in (NewtonSchulz(), NewtonSchulz(dtype=None)):
        # bfloat16 rounds the entries of g differently at another scale; small singular values grow
        # up to 3.4^5 times
        room = 1e-4 if dtype == torch.float32 and schulz.dtype is None else 0.1
        torch.testing.assert_close(
            schulz((g * scale).to(dtype)), schulz(g.to(dtype)), rtol=0, atol=room
        )


def test_variance_reduction_is_the_full_gradient_right_after_an_anchor():
    """A quadratic whose batches disagree: at the anchor the corrected gradient is the full one,
    away from it exact for equal Hessians."""
    centres = torch.tensor([[1.0, 0.0], [0.0, 3.0], [-2.0, 1.0]], dtype=torch.float64)
    p = nn.Parameter(torch.tensor([5.0, 5.0], dtype=torch.float64))
    optimizer = VarianceReduced(torch.optim.SGD([p], lr=0.1))

    def closure(rows):
        def evaluate():
            optimizer.zero_grad()
            loss = ((p - centres[rows]) ** 2).sum(1).mean() / 2
            loss.backward()
            return loss

        return evaluate

    optimizer.anchor(closure([0, 1, 2]))
    expected = p.detach().clone()
    for rows in ([0], [1], [2]):
        optimizer.step(closure(rows))
        expected = expected - 0.1 * (expected - centres.mean(0))
        torch.testing.assert_close(p.detach(), expected, rtol=1e-12, atol=0)
    saved = optimizer.state_dict()
    again = VarianceReduced(torch.optim.SGD([p], lr=0.1))
    again.load_state_dict(saved)
    again.step(closure([0]))
    torch.testing.assert_close(
        p.detach(), expected - 0.1 * (expected - centres.mean(0)), rtol=1e-12, atol=0
    )


def quadratic(p, scaler=None):
    """A closure that forgets ``zero_grad``."""

    def evaluate():
        loss = (p**2).sum()
        (loss if scaler is None else scaler.scale(loss)).backward()
        return loss

    return evaluate


def test_variance_reduction_clears_gradients_itself():
    p = matrix()
    optimizer = VarianceReduced(torch.optim.SGD([p], lr=0.25))
    optimizer.anchor(quadratic(p))
    optimizer.step(quadratic(p))
    assert torch.equal(p.grad, torch.full((2, 2), 2.0)) and torch.equal(
        p.detach(), torch.full((2, 2), 0.5)
    )


def anchored(p, **inner):
    optimizer = VarianceReduced(torch.optim.SGD([p], lr=0.25, **inner))
    optimizer.anchor(quadratic(p))
    return optimizer


@pytest.mark.parametrize(
    "again",
    [copy.deepcopy, lambda optimizer: pickle.loads(pickle.dumps(optimizer))],
    ids=["copy", "pickle"],
)
def test_variance_reduction_can_be_copied(again):
    p = matrix()
    clone = again(anchored(p))
    (q,) = clone.param_groups[0]["params"]
    assert q is not p and clone.param_groups is clone.inner.param_groups
    clone.step(quadratic(q))
    assert torch.equal(q.detach(), torch.full((2, 2), 0.5)) and torch.equal(
        p.detach(), torch.ones(2, 2)
    )


def test_a_state_that_the_inner_optimizer_loads_is_seen_by_its_wrapper():
    p = matrix()
    optimizer = anchored(p)
    optimizer.inner.load_state_dict(optimizer.inner.state_dict())  # makes new lists of groups
    optimizer.step(quadratic(p))
    assert optimizer.param_groups is optimizer.inner.param_groups
    torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: 0.5)
    assert optimizer.inner.param_groups[0]["lr"] == 0.125


def test_variance_reduction_leaves_what_the_loss_does_not_see():
    p, frozen = matrix(), nn.Parameter(torch.ones(2), requires_grad=False)
    optimizer = VarianceReduced(torch.optim.AdamW([p, frozen], lr=0.1, weight_decay=0.5))
    optimizer.anchor(quadratic(p))
    optimizer.step(quadratic(p))
    assert (
        frozen.grad is None
        and torch.equal(frozen, torch.ones(2))
        and not torch.equal(p.detach(), torch.ones(2, 2))
    )


def test_a_part_of_the_loss_that_comes_and_goes_counts_as_zero():
    p, q = matrix(), matrix()
    optimizer = VarianceReduced(torch.optim.SGD([p, q], lr=0.25))
    optimizer.anchor(quadratic(p))
    optimizer.step(lambda: (quadratic(p)(), quadratic(q)()))
    assert torch.equal(q.grad, torch.zeros(2, 2)) and torch.equal(p.grad, torch.full((2, 2), 2.0))


def test_a_closure_that_fails_leaves_parameters_where_they_were():
    p = matrix()
    optimizer = anchored(p)
    optimizer.step(quadratic(p))

    def fails():
        raise ArithmeticError

    with pytest.raises(ArithmeticError):
        optimizer.step(fails)
    assert torch.equal(p.detach(), torch.full((2, 2), 0.5))


def test_an_anchor_belongs_to_its_optimizer():
    p = matrix()
    optimizer = anchored(p)
    other = VarianceReduced(torch.optim.SGD([p], lr=0.25))
    other.load_state_dict(optimizer.state_dict())
    for kept in optimizer.state_dict()["anchored"][0]:
        kept.zero_()
    other.step(quadratic(p))
    assert torch.equal(p.grad, torch.full((2, 2), 2.0))
    other.add_param_group({"params": [matrix()]})
    with pytest.raises(RuntimeError, match="needs an anchor"):
        other.step(quadratic(p))


def test_variance_reduction_refuses_a_gradient_scaler():
    """The scaler divides what it finds before the step; the step's own three gradients would keep
    its scale of 65536."""
    p, scaler = matrix(), torch.amp.GradScaler("cpu")
    optimizer = VarianceReduced(torch.optim.SGD([p], lr=0.25))
    optimizer.anchor(quadratic(p, scaler))
    with pytest.raises(RuntimeError, match="GradScaler"):
        scaler.step(optimizer, quadratic(p, scaler))
    assert torch.equal(p.detach(), torch.ones(2, 2))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@every
def test_cuda_agrees_with_the_cpu(build):
    m, r = parameters()
    here = walk(build(m, r), [*m, *r], range(4))
    m, r = parameters()
    m, r = (
        [nn.Parameter(p.detach().cuda()) for p in m],
        [nn.Parameter(p.detach().cuda()) for p in r],
    )
    optimizer = build(m, r)
    for step in range(4):
        generator = torch.Generator().manual_seed(step)
        for p in (*m, *r):
            p.grad = torch.randn(p.shape, generator=generator, dtype=torch.float64).cuda()
        optimizer.step()
    for a, b in zip(here, (*m, *r), strict=True):
        torch.testing.assert_close(a, b.detach().cpu(), rtol=1e-10, atol=1e-10)
