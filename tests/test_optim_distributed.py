"""Two processes (gloo) against one: DistributedDataParallel, shards of FSDP2 (DTensor), even,
uneven and empty ones."""

import copy
import os
from datetime import timedelta

import pytest
import torch
import torch.distributed as dist
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

SHAPES = [(4, 6), (5, 7), (3, 2, 2), (1, 6), (4,), (3,)]  # over two: even, uneven, empty shards


def matrices(params):
    return [p for p in params if p.ndim > 1]


def vectors(params):
    return [p for p in params if p.ndim < 2]


EVERY = {
    "SignSGD": lambda p: SignSGD(p, 0.1),
    "Signum": lambda p: Signum(p, 0.1, nesterov=True, weight_decay=0.1),
    "NormalizedSGD, no momentum": lambda p: NormalizedSGD(p, 0.1, weight_decay=0.1),
    "NormalizedSGD": lambda p: NormalizedSGD(p, 0.1, momentum=0.9),
    "Muon": lambda p: Muon(matrices(p), 0.1, weight_decay=0.1),
    "stacks": lambda p: Muon(matrices(p), 0.1, matrices="batched"),
    "Muon, scaled": lambda p: Muon(matrices(p), 0.1, adjust_lr="match_rms_adamw", nesterov=True),
    "Newton-Schulz": lambda p: Muon(matrices(p), 0.1, polar=NewtonSchulz()),
    "Adam": lambda p: Adam(p, 0.1, weight_decay=0.1),
    "MuonSignum": lambda p: MuonSignum(matrices(p), vectors(p), 0.1),
    "MuonAdam": lambda p: MuonAdam(matrices(p), vectors(p), 0.1),
    "joint 3": lambda p: SteepestDescent(p, 0.1, ib.Entrywise(3), across="joint"),
    "joint max": lambda p: SteepestDescent(p, 0.1, ib.MAX, 0.9, across="joint"),
    "joint sum": lambda p: SteepestDescent(p, 0.1, ib.SUM, 0.9, across="joint"),
} | {
    norm.text: lambda p, norm=norm: SteepestDescent(
        matrices(p) if isinstance(norm, ib.Schatten) else p, 0.1, norm, 0.9
    )
    for norm in ib.CATALOG
}
SHARED = {
    "Muon": lambda p: Muon(matrices(p), 0.1, share_work=True),
    "nuclear": lambda p: SteepestDescent(matrices(p), 0.1, ib.NUCLEAR, share_work=True),
    "MuonAdam": lambda p: MuonAdam(matrices(p), vectors(p), 0.1, share_work=True),
}
# float32, 4 steps of 0.1 on entries of about 3: the issue asks for 1e-6 of one process
CLOSE = dict(rtol=1e-6, atol=1e-6)


def start(shard=lambda t: t):
    generator = torch.Generator().manual_seed(0)
    return [nn.Parameter(shard(torch.randn(s, generator=generator))) for s in SHAPES]


def walk(optimizer, params, shard=lambda t: t, steps=range(4), scale=1.0):
    for step in steps:
        generator = torch.Generator().manual_seed(step)
        for p in params:
            p.grad = shard(scale * torch.randn(p.shape, generator=generator))
        optimizer.step()
    return params


def alone(build, **walked):
    params = start()
    return [p.detach() for p in walk(build(params), params, **walked)]


def _process(rank, folder):
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo",
        init_method=f"file://{os.path.join(folder, 'meet')}",
        rank=rank,
        world_size=2,
        timeout=timedelta(minutes=2),  # one that failed leaves the other waiting
    )
    try:
        for work in WORKS:
            work(rank)
    finally:
        dist.destroy_process_group()


def distributor():
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import Shard, distribute_tensor

    mesh = init_device_mesh("cpu", (2,))
    return lambda t: distribute_tensor(t.detach(), mesh, [Shard(0)])


def sharded_steps(rank):
    shard = distributor()
    for name, build in EVERY.items():
        params = walk(build(params := start(shard)), params, shard)
        for a, b in zip(params, alone(build), strict=True):
            torch.testing.assert_close(a.detach().full_tensor(), b, **CLOSE, msg=name)


def tiny_and_huge_gradients(rank):
    shard = distributor()
    for scale in (1e-30, 1e30):
        build = EVERY["NormalizedSGD"]
        params = walk(build(params := start(shard)), params, shard, scale=scale)
        for a, b in zip(params, alone(build, scale=scale), strict=True):
            torch.testing.assert_close(a.detach().full_tensor(), b, **CLOSE)


def bad_gradients(rank):
    shard = distributor()
    for name, build in EVERY.items():
        params = start(shard)
        optimizer = build(params)
        walk(optimizer, params, shard, range(1))
        before = [p.detach().full_tensor().clone() for p in params]
        bad = torch.ones(5, 7)
        bad[0, 0] = float("nan")  # on the first process alone
        params[1].grad = shard(bad)
        with pytest.raises(FloatingPointError, match="parameter 1 of group 0.* has 1 NaN"):
            optimizer.step()
        after = [p.detach().full_tensor() for p in params]
        assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True)), name


def each_decomposes_its_own(rank):
    """Four matrices, two processes: each maps two, and both end with the same parameters."""
    for shard in (lambda t: t, distributor()):
        for name, build in SHARED.items():
            params, seen = start(shard), []
            optimizer = build(params)
            norm = optimizer.param_groups[0]["norm"]

            class Counting(type(norm)):
                def steepest(self, g, seen=seen):
                    seen.append(len(g))
                    return super().steepest(g)

            optimizer.param_groups[0]["norm"] = Counting(norm.p)
            walk(optimizer, params, shard, range(1))
            assert sum(seen) == 2, (name, seen)
            for a, b in zip(params, alone(build, steps=range(1)), strict=True):
                a = a.detach().full_tensor() if hasattr(a, "full_tensor") else a.detach()
                torch.testing.assert_close(a, b, **CLOSE)


def states_of_shards(rank):
    """A state saved from shards goes on in shards; its tensors are DTensors, for torch's
    distributed checkpoints."""
    shard = distributor()
    for name in ("Muon", "MuonAdam", "NormalizedSGD"):
        build = EVERY[name]
        params = start(shard)
        optimizer = build(params)
        walk(optimizer, params, shard, range(2))
        state = copy.deepcopy(optimizer.state_dict())
        assert all(
            hasattr(s[k], "full_tensor") for s in state["state"].values() for k in set(s) - {"step"}
        )
        resumed = build(params)
        resumed.load_state_dict(state)
        walk(resumed, params, shard, range(2, 4))
        for a, b in zip(params, alone(build), strict=True):
            torch.testing.assert_close(a.detach().full_tensor(), b, **CLOSE)


def model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 4), nn.Tanh(), nn.Linear(4, 3))  # shards: 4 even, 3 uneven


def train(net, build, rows, steps=3):
    """Least squares: a softmax would leave gradients of less than full rank, whose rounding a
    Newton-Schulz iteration makes large."""
    generator = torch.Generator().manual_seed(1)
    x, y = torch.randn(8, 6, generator=generator), torch.randn(8, 3, generator=generator)
    parameters = sorted(net.parameters(), key=lambda p: -p.ndim)  # two matrices, two vectors
    optimizer = build(parameters)

    def closure():
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(net(x[rows]), y[rows])
        loss.backward()
        return loss

    if isinstance(optimizer, VarianceReduced):
        optimizer.anchor(closure)
    for _ in range(steps):
        optimizer.step(closure)
    return [p.detach() for p in net.parameters()]


def trained_models(rank):
    """Every class and norm under DistributedDataParallel and FSDP2 themselves."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard
    from torch.nn.parallel import DistributedDataParallel

    rows = slice(4 * rank, 4 * rank + 4)  # the mean over processes is the mean over all samples
    reduced = {"variance-reduced": lambda p: VarianceReduced(NormalizedSGD(p, 0.1))}
    shared = {f"{name}, shared": build for name, build in SHARED.items()}
    for name, build in (EVERY | reduced | shared).items():
        reference = train(model(), build, slice(None))
        replicated = train(DistributedDataParallel(model()), build, rows)
        net = model()
        for layer in (net[0], net[2], net):
            fully_shard(layer, mesh=init_device_mesh("cpu", (2,)))
        sharded = train(net, build, rows)
        for p, a, b in zip(reference, replicated, sharded, strict=True):
            torch.testing.assert_close(a, p, **CLOSE, msg=lambda m, n=name: f"{n}, DDP: {m}")
            torch.testing.assert_close(
                b.full_tensor(), p, **CLOSE, msg=lambda m, n=name: f"{n}, FSDP2: {m}"
            )


# processes start slowly, so all is done by the same two; the traceback names the one that failed
WORKS = (
    sharded_steps,
    tiny_and_huge_gradients,
    bad_gradients,
    each_decomposes_its_own,
    states_of_shards,
    trained_models,
)


def test_two_processes_do_what_one_does(tmp_path):
    torch.multiprocessing.spawn(_process, (str(tmp_path),), nprocs=2)
