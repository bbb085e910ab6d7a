"""Compiled updates against torch's own operations, and what must send a tensor to the latter."""

import copy
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from ibias.optim import Muon, MuonSignum, NormalizedSGD, SignSGD, Signum, fused, steepest
from ibias.optim.fused import Fused

ENTRYWISE = {
    "SignSGD": lambda p: SignSGD(p, lr=0.1, fused=True),
    "SignSGD, unchecked": lambda p: SignSGD(p, lr=0.1, fused=True, check_finite=False),
    "Signum": lambda p: Signum(p, lr=0.1, fused=True),
    "Signum, half": lambda p: Signum(p, lr=0.1, fused=True, momentum=0.5),
    "Signum, short memory": lambda p: Signum(
        p, lr=0.1, momentum=0.3, fused=True
    ),  # lerp takes the other end from a weight of one half
    "NormalizedSGD": lambda p: NormalizedSGD(p, lr=0.1, fused=True),
    "NormalizedSGD, momentum": lambda p: NormalizedSGD(p, lr=0.1, fused=True, momentum=0.9),
    "Signum, climbing": lambda p: Signum(p, lr=0.1, fused=True, maximize=True),
    "Signum, Nesterov": lambda p: Signum(p, lr=0.1, fused=True, nesterov=True),
    "NormalizedSGD, Nesterov, climbing": lambda p: NormalizedSGD(
        p, lr=0.1, fused=True, momentum=0.9, nesterov=True, maximize=True
    ),
}
entrywise = pytest.mark.parametrize("build", ENTRYWISE.values(), ids=ENTRYWISE)
floats = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
SHAPES = [(40, 33), (7,), (), (0, 5), (1,), (3, 5, 2)]  # whole vectors, tails, a scalar, nothing


@pytest.fixture
def taken(monkeypatch):
    """Which of the two paths each call took: True for the kernels."""
    seen, of = [], Fused.of

    def spy(params, grads):
        memory = of(params, grads)
        seen.append(memory is not None)
        return memory

    monkeypatch.setattr(steepest.Fused, "of", staticmethod(spy))
    return seen


def parameters(dtype, shapes=SHAPES):
    generator = torch.Generator().manual_seed(0)
    return [
        nn.Parameter(torch.randn(s, generator=generator, dtype=torch.float64).to(dtype))
        for s in shapes
    ]


def walk(optimizer, params, steps, scale=1.0):
    for step in steps:
        generator = torch.Generator().manual_seed(step)
        for p in params:
            g = scale * torch.randn(p.shape, generator=generator, dtype=torch.float64)
            p.grad = torch.where(g.abs() < 0.05 * scale, 0.0, g).to(
                p.dtype
            )  # sign(0) = 0 is part of the rule
        optimizer.step()
    return params


def by_torch(build, dtype, steps, scale=1.0, shapes=SHAPES):
    """The same walk with every group on torch's own operations."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(steepest.Fused, "of", staticmethod(lambda params, grads: None))
        params = parameters(dtype, shapes)
        optimizer = build(params)
        return walk(optimizer, params, steps, scale), optimizer


def assert_alike(ours, theirs, exactly):
    for a, b in zip(ours, theirs, strict=True):
        if exactly:
            assert torch.equal(a, b)
        # 20 steps of 0.1 along directions whose length torch sums in the tensors' own precision:
        # 1e-6 in float32
        else:
            torch.testing.assert_close(a, b, rtol=0, atol=16 * torch.finfo(a.dtype).eps)


@floats
@entrywise
def test_compiled_steps_are_torchs_own(build, dtype, taken):
    ours, (theirs, other) = parameters(dtype), by_torch(build, dtype, range(20))
    optimizer = build(ours)
    taken.clear()
    walk(optimizer, ours, range(20))
    assert taken == [True] * 20
    assert_alike(ours, theirs, exactly="Normalized" not in type(optimizer).__name__)
    for a, b in zip(ours, theirs, strict=True):
        if "momentum" in optimizer.state[a]:
            assert torch.equal(optimizer.state[a]["momentum"], other.state[b]["momentum"])


@floats
@pytest.mark.parametrize("entries", [512 * 129, 512 * 129 + 7, 512 * 130, 512 * 131 - 1])
@entrywise
def test_each_entry_of_a_large_tensor_is_visited_once(build, entries, dtype):
    """Blocks of a large tensor are taken from both halves by turns: an odd and an even number of
    them, the last one short."""
    ours = parameters(dtype, [(entries,)])
    walk(build(ours), ours, range(2))
    theirs, optimizer = by_torch(build, dtype, range(2), shapes=[(entries,)])
    assert_alike(ours, theirs, exactly=not isinstance(optimizer, NormalizedSGD))


@pytest.mark.parametrize(
    "dtype, exponent",
    [
        *((torch.float32, e) for e in (-44, -37, -25, -22, 18, 25, 37)),
        *((torch.float64, e) for e in (-320, -300, -140, 300)),
    ],
)
@entrywise
def test_gradients_of_any_size_take_the_same_step(build, dtype, exponent):
    """The direction does not know the scale: also where squares leave the range of the dtype, or
    entries are subnormal."""
    scale = 10.0**exponent
    ours = parameters(dtype)
    walk(build(ours), ours, range(2), scale)
    assert_alike(
        ours,
        by_torch(build, dtype, range(2), scale)[0],
        exactly=build in (ENTRYWISE["SignSGD"], ENTRYWISE["Signum"]),
    )


@entrywise
def test_zero_gradients_move_nothing(build):
    ours, before = parameters(torch.float32), parameters(torch.float32)
    optimizer = build(ours)
    for p in ours:
        p.grad = torch.zeros_like(p)
    optimizer.step()
    assert all(torch.equal(a, b) for a, b in zip(ours, before, strict=True))


@floats
@pytest.mark.parametrize(
    "build",
    [b for name, b in ENTRYWISE.items() if "unchecked" not in name],
    ids=[n for n in ENTRYWISE if "unchecked" not in n],
)
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_a_gradient_that_is_not_finite_leaves_parameters_and_averages(build, dtype, bad, taken):
    params = parameters(dtype)
    optimizer = build(params)
    walk(optimizer, params, range(3))
    before = copy.deepcopy((params, optimizer.state_dict()["state"]))
    params[0].grad[20, 20] = bad
    with pytest.raises(
        FloatingPointError,
        match=(
            r"parameter 0 of group 0, shape \(40, 33\), has 1 NaN or infinite .* Nothing was"
            r" updated"
        ),
    ):
        optimizer.step()
    assert all(taken)
    assert all(torch.equal(a, b) for a, b in zip(params, before[0], strict=True))
    for i, state in optimizer.state_dict()["state"].items():
        assert all(torch.equal(v, before[1][i][k]) for k, v in state.items())


def test_a_gradient_that_overflows_when_squared_is_finite():
    p = nn.Parameter(torch.zeros(3, dtype=torch.float64))
    p.grad = torch.tensor([1e200, -1e200, 0.0], dtype=torch.float64)
    SignSGD([p], lr=0.5, fused=True).step()
    assert p.tolist() == [-0.5, 0.5, 0.0]


def test_unchecked_a_nan_has_no_sign_as_in_torch():
    p = nn.Parameter(torch.ones(40))
    p.grad = torch.full((40,), float("nan"))
    SignSGD([p], lr=0.1, fused=True, check_finite=False).step()
    assert torch.equal(p, torch.ones(40)) and torch.equal(torch.sign(p.grad), torch.zeros(40))


@entrywise
def test_a_stale_graph_is_refused(build, taken):
    """The kernels write where autograd does not look: a backward pass through the old values must
    fail as with torch.optim."""
    for make in (build, lambda p: torch.optim.SGD(p, lr=0.1)):
        p = nn.Parameter(torch.ones(5))
        optimizer = make([p])
        loss = (p * p).sum()
        p.grad = torch.ones(5)
        optimizer.step()
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            loss.backward()
    assert taken == [True]


@entrywise
def test_written_memory_is_known_to_its_other_owners(build, taken):
    """Parameters that are views of one flat buffer: the buffer's version moves too."""
    flat = torch.ones(20)
    params = [nn.Parameter(flat[:12].view(3, 4)), nn.Parameter(flat[12:])]
    assert params[1].data_ptr() == flat[12:].data_ptr()
    version = params[0]._version, params[1]._version
    optimizer = build(params)
    walk(optimizer, params, [0])
    assert taken == [True] and params[0]._version > version[0] and params[1]._version > version[1]
    assert torch.equal(flat[12:], params[1].detach()) and not torch.equal(flat, torch.ones(20))
    averages = [v for state in optimizer.state.values() for v in state.values()]
    assert all(v._version > 0 for v in averages)


@entrywise
def test_a_saved_state_goes_on_by_the_other_path(build, taken):
    params = parameters(torch.float64)
    optimizer = build(params)
    walk(optimizer, params, range(3))
    resumed = [nn.Parameter(p.detach().clone()) for p in params]
    other = build(resumed)
    other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    walk(optimizer, params, range(3, 6))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(steepest.Fused, "of", staticmethod(lambda params, grads: None))
        walk(other, resumed, range(3, 6))
    assert taken == [True] * 6
    assert_alike(params, resumed, exactly="Normalized" not in type(optimizer).__name__)


def test_averages_of_another_shape_are_refused(taken):
    """A state dict from elsewhere: kernels that trusted it would write past its end."""
    p = nn.Parameter(torch.zeros(8))
    optimizer = Signum([p], lr=0.1, fused=True)
    walk(optimizer, [p], [0])
    optimizer.state[p]["momentum"] = torch.zeros(4)
    with pytest.raises(ValueError, match=r"momentum of shape \(4,\). Nothing was updated"):
        walk(optimizer, [p], [1])


def test_the_rest_of_a_hybrid_is_compiled_and_its_matrices_are_not(taken):
    m, r = parameters(torch.float32, [(4, 6)]), parameters(torch.float32, [(9,)])
    walk(MuonSignum(m, r, lr=0.1, fused=True), m + r, range(2))
    assert taken == [True] * 2


class Own(torch.Tensor):
    pass


def leaf(values, grad=None):
    p = nn.Parameter(values)
    p.grad = torch.ones_like(p) if grad is None else grad
    return p


ELSEWHERE = {
    "transposed": lambda: [leaf(torch.ones(4, 6).T)],
    "strided gradient": lambda: [leaf(torch.ones(3), torch.ones(6)[::2])],
    "negated gradient": lambda: [leaf(torch.ones(3), torch._neg_view(-torch.ones(3)))],
    "subclass": lambda: [leaf(torch.ones(3).as_subclass(Own))],
    "two dtypes": lambda: [leaf(torch.ones(3)), leaf(torch.ones(3).double())],
}


@pytest.mark.parametrize("make", ELSEWHERE.values(), ids=ELSEWHERE)
@entrywise
def test_other_tensors_take_torchs_operations(build, make, taken):
    params = make()
    optimizer = build(params)
    optimizer.step()
    assert taken == [False]
    length = sum(p.numel() for p in params) ** 0.5 if isinstance(optimizer, NormalizedSGD) else 1
    step = 0.1 / length if optimizer.defaults["maximize"] else -0.1 / length
    for p in params:  # ones along ones; float32 rounds at 6e-8
        torch.testing.assert_close(
            p.detach().double().as_subclass(torch.Tensor),
            torch.full(p.shape, 1 + step, dtype=torch.float64),
            rtol=0,
            atol=1e-6,
        )


def test_inference_tensors_are_torchs_business():
    with torch.inference_mode():
        p = torch.ones(3)
    assert (
        Fused.of([p], [torch.ones(3)]) is None
        and Fused.of([p.clone()], [torch.ones(3)]) is not None
    )


def test_memory_is_only_read_where_there_is_some():
    """A tensor of symbolic zeros has no address; a gradient of another shape has another length."""
    assert Fused.of([torch.ones(3)], [torch._efficientzerotensor((3,))]) is None
    assert (
        Fused.of([torch.ones(3)], [torch.ones(2)]) is None
        and Fused.of([torch.ones(2, 3)], [torch.ones(3, 2)]) is None
    )


def test_torch_compile_sees_torchs_operations():
    """Dynamo would break the graph at a kernel it cannot read; ``fullgraph`` makes that an
    error."""
    p = nn.Parameter(torch.ones(40))
    p.grad = torch.linspace(-1, 1, 40)
    eager, compiled = copy.deepcopy(p), p
    eager.grad = p.grad.clone()
    SignSGD([eager], lr=0.1, fused=True, check_finite=False).step()
    optimizer = SignSGD([compiled], lr=0.1, fused=True, check_finite=False)
    torch.compile(lambda: optimizer.step(), backend="eager")()
    assert torch.equal(eager, compiled)


@floats
@entrywise
def test_threads_share_the_entries_and_change_nothing(build, dtype, monkeypatch):
    """Shares cut through tensors; only the order of a sum of squares may differ."""
    alone = parameters(dtype)
    walk(build(alone), alone, range(5))
    monkeypatch.setattr(fused, "SHARE", 100)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    shared = parameters(dtype)
    optimizer = build(shared)
    walk(optimizer, shared, range(5))
    assert_alike(shared, alone, exactly=not isinstance(optimizer, NormalizedSGD))


def test_each_share_but_the_first_goes_to_a_thread(monkeypatch):
    class Pool:
        given = 0

        def submit(self, work, share):
            Pool.given += 1
            done = Future()
            done.set_result(work(share))
            return done

    monkeypatch.setattr(fused, "SHARE", 100)
    monkeypatch.setattr(fused, "_pool", lambda threads, process: Pool())
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    p = parameters(torch.float32)
    walk(SignSGD(p, lr=0.1, fused=True), p, [0])
    assert Pool.given == 4  # two each for the look for NaN and for the step


def test_an_interrupt_waits_for_the_threads(monkeypatch):
    """They work on memory that the caller gives back as it leaves."""
    finished = []

    def kernel(*given):
        if threading.current_thread() is threading.main_thread():
            raise KeyboardInterrupt
        time.sleep(0.2)  # longer than it takes to leave
        finished.append(given)

    memory = Fused.of([torch.ones(300)], [torch.ones(300)])
    monkeypatch.setattr(fused, "SHARE", 100)
    monkeypatch.setattr(fused, "_kernels", lambda: SimpleNamespace(squares=kernel))
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    with pytest.raises(KeyboardInterrupt):
        memory.squares()
    assert len(finished) == 2


def test_numba_is_loaded_at_the_first_step_and_a_forked_process_has_threads_of_its_own():
    code = (
        "import os, sys, torch; from ibias.optim import SignSGD, fused\nfused.SHARE = 10;"
        " torch.get_num_threads = lambda: 3\np = torch.nn.Parameter(torch.ones(90)); p.grad ="
        " torch.ones(90); o = SignSGD([p], lr=0.25, fused=True)\n"
        "print('numba' in sys.modules); o.step(); print('numba' in sys.modules)\n"
        "child = os.fork()\nif not child:"
        " o.step(); os._exit(0 if bool((p == 0.5).all()) else"
        " 1)\nprint(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))"
    )
    said = subprocess.run(
        [sys.executable, "-uc", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert said.stdout.split() == ["False", "True", "0"]


def test_numba_that_does_not_compile_is_as_good_as_none():
    code = (
        "import torch; from ibias.optim.fused import Fused; print(Fused.of([torch.ones(3)],"
        " [torch.ones(3)]))"
    )
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    assert (
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env=environment,
        ).stdout.strip()
        == "None"
    )


def test_without_numba_a_compiled_step_is_refused_and_the_others_work():
    code = (
        "import sys; sys.modules['numba'] = None\n"
        "import torch; from ibias.optim import Signum\n"
        "p = torch.nn.Parameter(torch.ones(3)); p.grad = torch.ones(3)\n"
        "Signum([p], lr=0.25).step(); print(p.tolist())\n"
        "try: Signum([p], lr=0.25, fused=True)\n"
        "except ImportError as error: print(error)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.split("\n")[:2] == [
        "[0.75, 0.75, 0.75]",
        "Signum(fused=True) needs numba: pip install 'ibias[fast]'",
    ]


REFUSED = {
    "bfloat16": lambda: Signum(
        [nn.Parameter(torch.ones(3, dtype=torch.bfloat16))], 0.1, fused=True
    ),
    "float16": lambda: SignSGD([nn.Parameter(torch.ones(3, dtype=torch.float16))], 0.1, fused=True),
    "elsewhere": lambda: SignSGD([nn.Parameter(torch.ones(3, device="meta"))], 0.1, fused=True),
    "spectral": lambda: Muon([nn.Parameter(torch.ones(3, 3))], 0.1, fused=True),
    "no truth value": lambda: SignSGD([nn.Parameter(torch.ones(3))], 0.1, fused=1),
}


@pytest.mark.parametrize("build", REFUSED.values(), ids=REFUSED)
def test_what_has_no_compiled_step_is_refused(build):
    with pytest.raises((ValueError, TypeError), match=r"fused=(True\)|\.\.\.\) is True or False)"):
        build()


@floats
@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("make", [SignSGD, Signum, NormalizedSGD])
def test_compiled_weight_decay_is_that_of_torchs_operations(make, dtype, nesterov):
    momentum = {} if make is SignSGD else dict(momentum=0.9, nesterov=nesterov)
    ends = []
    for compiled in (False, True):
        params = parameters(dtype)
        walk(make(params, 0.1, weight_decay=0.5, fused=compiled, **momentum), params, range(20))
        ends.append(params)
    for a, b in zip(*ends, strict=True):
        # each of 20 steps rounds once instead of twice, entries of size about 3
        torch.testing.assert_close(a, b, rtol=0, atol=64 * torch.finfo(dtype).eps)


@pytest.mark.parametrize("make", [SignSGD, Signum, NormalizedSGD])
def test_weight_decay_adds_no_pass(make):
    """The parameters are written once: their version rises by one."""
    p = nn.Parameter(torch.ones(3))
    p.grad = torch.ones(3)
    make([p], lr=0.1, weight_decay=0.1, fused=True).step()
    assert p._version == 1


def test_one_pass_means_one_write_per_parameter():
    """Without momentum the parameters are written once: their version rises by one, not by one for
    each operation."""
    p = nn.Parameter(torch.ones(3))
    p.grad = torch.ones(3)
    SignSGD([p], lr=0.1, fused=True).step()
    assert p._version == 1


@pytest.mark.parametrize("recording", [True, False])
def test_a_step_leaves_the_recording_of_gradients_as_it_was(recording):
    p = nn.Parameter(torch.ones(3))
    optimizer = SignSGD([p], lr=0.1, fused=True)
    with torch.set_grad_enabled(recording):
        for value in (1.0, float("nan")):
            p.grad = torch.full((3,), value)
            try:
                optimizer.step()
            except FloatingPointError:
                assert value != 1
            assert torch.is_grad_enabled() == recording
