"""Optimizers against independent references: torch's own where they coincide, numpy's SVD, and the
first paper's engine."""

from inspect import signature

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

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

STEPS = 30
SHAPES = [(5, 7), (5, 7), (9, 3), (4,), ()]
# float64, 30 steps of size 0.1: rounding accumulates to about 1e-14; 1e-10 is what the issue asks
# for
CLOSE = dict(rtol=1e-10, atol=1e-10)


def parameters(shapes=SHAPES, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [
        nn.Parameter(torch.randn(shape, generator=generator, dtype=torch.float64))
        for shape in shapes
    ]


def gradients(shapes=SHAPES, steps=STEPS):
    generator = torch.Generator().manual_seed(1)
    return [
        [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]
        for _ in range(steps)
    ]


def drive(optimizer, params, stream):
    """Feeds a fixed stream of gradients: the rules are compared on the same input, whatever the
    parameters are."""
    for grads in stream:
        for p, g in zip(params, grads, strict=True):
            p.grad = g.clone()
        optimizer.step()
    return params


def assert_same(ours, theirs):
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a.detach(), b.detach(), **CLOSE)


def averages_by_torch_sgd(stream, beta):
    """``m_t`` read off torch.optim.SGD: with lr 1 its parameter moves by minus its buffer.

    Its buffer starts at the first gradient, ours at zero: the first gradient is passed as (1 -
    beta) g.
    """
    shadow = [nn.Parameter(torch.zeros_like(g)) for g in stream[0]]
    sgd = torch.optim.SGD(shadow, lr=1.0, momentum=beta, dampening=beta)
    for t, grads in enumerate(stream):
        before = [p.detach().clone() for p in shadow]
        drive(sgd, shadow, [[(1 - beta) * g for g in grads] if t == 0 else grads])
        yield [b - p.detach() for b, p in zip(before, shadow, strict=True)]


@pytest.mark.parametrize("beta", [0.5, 0.9])
def test_momentum_is_that_of_torch_sgd_with_dampening(beta):
    stream = gradients()
    ours = parameters()
    drive(Signum(ours, lr=0.1, momentum=beta), ours, stream)
    theirs = parameters()
    for average in averages_by_torch_sgd(stream, beta):
        for p, m in zip(theirs, average, strict=True):
            p.data -= 0.1 * torch.sign(m)
    assert_same(ours, theirs)


def test_sign_sgd_is_torch_adam_without_memory():
    """g / sqrt(g^2) = sign(g): torch's Adam with betas (0, 0) and eps 0, away from g = 0 where it
    divides 0 by 0."""
    ours, theirs = parameters(), parameters()
    drive(SignSGD(ours, lr=0.1), ours, gradients())
    drive(torch.optim.Adam(theirs, lr=0.1, betas=(0.0, 0.0), eps=0.0), theirs, gradients())
    assert_same(ours, theirs)


def test_normalized_sgd_is_torch_sgd_at_the_rate_divided_by_the_length_of_the_gradient():
    ours, theirs = parameters(), parameters()
    drive(NormalizedSGD(ours, lr=0.1), ours, gradients())
    sgd = torch.optim.SGD(theirs, lr=1.0)
    for grads in gradients():
        length = np.linalg.norm(np.concatenate([g.numpy().ravel() for g in grads]))
        sgd.param_groups[0]["lr"] = 0.1 / length
        drive(sgd, theirs, [grads])
    assert_same(ours, theirs)


def test_normalized_momentum_is_torch_sgd_with_momentum_divided_by_its_length():
    ours, theirs = parameters(), parameters()
    drive(NormalizedSGD(ours, lr=0.1, momentum=0.9), ours, gradients())
    for average in averages_by_torch_sgd(gradients(), 0.9):
        length = np.linalg.norm(np.concatenate([m.numpy().ravel() for m in average]))
        for p, m in zip(theirs, average, strict=True):
            p.data -= 0.1 / length * m
    assert_same(ours, theirs)


@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.9, 0.9), (0.0, 0.5)])
@pytest.mark.parametrize("eps", [0.0, 1e-8, 1.0])
def test_adam_is_torch_adam(betas, eps):
    ours, theirs = parameters(), parameters()
    drive(Adam(ours, lr=0.1, betas=betas, eps=eps), ours, gradients())
    drive(torch.optim.Adam(theirs, lr=0.1, betas=betas, eps=eps), theirs, gradients())
    assert_same(ours, theirs)


def exact_polar(grad, *_):
    u, _, vh = np.linalg.svd(grad.double().numpy(), full_matrices=False)
    return torch.from_numpy(u @ vh)


MATRICES = [(5, 7), (5, 7), (9, 3), (1, 6)]


def test_muon_is_torch_muon_with_numpys_polar_factor(monkeypatch):
    """torch's class with only its Newton-Schulz exchanged for numpy's SVD: averages, batching of
    shapes and steps are its own."""
    import torch.optim._muon as torch_muon

    monkeypatch.setattr(torch_muon, "_zeropower_via_newtonschulz", exact_polar)
    ours, theirs = parameters(MATRICES), parameters(MATRICES)
    drive(Muon(ours, lr=0.1, momentum=0.9), ours, gradients(MATRICES))
    # its factor sqrt(max(1, rows / columns)) on lr is undone: ours is the plain spectral step
    groups = [{"params": [p], "lr": 0.1 / max(1, p.shape[0] / p.shape[1]) ** 0.5} for p in theirs]
    drive(
        torch.optim.Muon(groups, momentum=0.9, nesterov=False, weight_decay=0.0),
        theirs,
        gradients(MATRICES),
    )
    assert_same(ours, theirs)


def test_newton_schulz_is_the_one_of_torch_muon():
    """The same quintic in bfloat16, in another order of operations.

    bfloat16 rounds at 2^-9 = 0.002 of an entry, and five steps multiply the error of small singular
    values by up to 3.4^5: 0.1.
    """
    from torch.optim._muon import _zeropower_via_newtonschulz as theirs

    for shape in MATRICES:
        g = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
        reference = theirs(g, (3.4445, -4.7750, 2.0315), 5, 1e-7).double()
        torch.testing.assert_close(NewtonSchulz()(g), reference, rtol=0, atol=0.1)


def test_defaults_are_those_of_torch_muon():
    theirs = {name: p.default for name, p in signature(torch.optim.Muon).parameters.items()}
    ours = NewtonSchulz()
    assert (ours.coefficients, ours.steps) == (theirs["ns_coefficients"], theirs["ns_steps"])
    assert signature(Muon).parameters["momentum"].default == theirs["momentum"]


def test_converging_newton_schulz_reaches_the_polar_factor():
    g = torch.randn(4, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    quintic = NewtonSchulz(steps=40, coefficients=(15 / 8, -10 / 8, 3 / 8), dtype=None)
    # cubic convergence from the smallest singular value, here about 1e-2 of the norm: 40 steps are
    # ample
    torch.testing.assert_close(quintic(g), ib.SPECTRAL.steepest(g), rtol=0, atol=1e-10)


@pytest.mark.parametrize("norm", ib.CATALOG, ids=lambda norm: norm.text)
def test_blocks_step_by_the_norms_own_map(norm):
    """Batched by shape or not, each matrix moves by lr times its own steepest direction, and by
    exactly lr in the norm."""
    params, before = parameters(MATRICES), parameters(MATRICES)
    drive(SteepestDescent(params, lr=0.1, norm=norm), params, gradients(MATRICES, 1))
    for p, b, g in zip(params, before, gradients(MATRICES, 1)[0], strict=True):
        moved = (b - p).detach() / 0.1
        torch.testing.assert_close(moved, norm.steepest(g), **CLOSE)
        torch.testing.assert_close(
            norm.value(moved), torch.tensor(1.0, dtype=torch.float64), **CLOSE
        )


@pytest.mark.parametrize("p", [1, 1.5, 2, 3, float("inf")])
def test_a_joint_norm_sees_all_tensors_as_one_vector(p):
    norm, params, before = ib.Entrywise(p), parameters(), parameters()
    drive(SteepestDescent(params, lr=0.1, norm=norm, across="joint"), params, gradients(steps=1))
    moved = torch.cat(
        [((b - a) / 0.1).detach().ravel() for a, b in zip(params, before, strict=True)]
    )
    flat = torch.cat([g.ravel() for g in gradients(steps=1)[0]])
    torch.testing.assert_close(moved, norm.steepest(flat[None])[0], **CLOSE)


def test_the_hybrids_are_muon_on_the_matrices_and_their_namesake_on_the_rest():
    ours, theirs = parameters(), parameters()
    matrices, rest = slice(0, 3), slice(3, 5)
    drive(
        MuonSignum(ours[matrices], ours[rest], lr=0.1, momentum=0.9, rest_lr=0.3), ours, gradients()
    )
    drive(Muon(theirs[matrices], lr=0.1, momentum=0.9), theirs, gradients())
    fresh = parameters()
    drive(
        Signum(fresh[rest], lr=0.3, momentum=0.9),
        fresh[rest],
        [grads[rest] for grads in gradients()],
    )
    assert_same(ours, theirs[matrices] + fresh[rest])

    ours, adam = parameters(), parameters()
    drive(
        MuonAdam(ours[matrices], ours[rest], lr=0.1, momentum=0.9, rest_lr=0.3, betas=(0.9, 0.95)),
        ours,
        gradients(),
    )
    drive(
        torch.optim.Adam(adam[rest], lr=0.3, betas=(0.9, 0.95), eps=0.0),
        adam[rest],
        [grads[rest] for grads in gradients()],
    )
    assert_same(ours, theirs[matrices] + adam[rest])


DATA = ib.data.gaussian(classes=4, per_class=10, dim=6, variance=0.01, seed=0)  # separable
# gradients of one softmax layer have rank k - 1; the difference of two batches leaves rounding in
# the last direction, which a polar map would blow up to full size.  The engine projects it out; a
# torch optimizer, which knows no softmax, cuts it off.
CUT = ib.Schatten(float("inf"), rtol=1e-8)
ENGINE = [
    (lambda p: SignSGD(p, lr=0.05), ib.MAX, 0.0),
    (lambda p: Signum(p, lr=0.05, momentum=0.9), ib.MAX, 0.9),
    (lambda p: NormalizedSGD(p, lr=0.3), ib.FROBENIUS, 0.0),
    (lambda p: NormalizedSGD(p, lr=0.3, momentum=0.9), ib.FROBENIUS, 0.9),
    (lambda p: SteepestDescent(p, lr=0.02, norm=CUT, momentum=0.9), CUT, 0.9),
    (lambda p: SteepestDescent(p, lr=0.1, norm=ib.Schatten(4), momentum=0.5), ib.Schatten(4), 0.5),
    (
        lambda p: SteepestDescent(p, lr=0.1, norm=ib.Entrywise(3), momentum=0.9),
        ib.Entrywise(3),
        0.9,
    ),
]


@pytest.mark.parametrize("reduced", [False, True], ids=["plain", "variance-reduced"])
@pytest.mark.parametrize("build, norm, beta", ENGINE, ids=lambda x: getattr(x, "text", None))
def test_a_linear_model_follows_the_first_papers_engine(build, norm, beta, reduced):
    """1000 steps of mini-batches of 8 with torch's own scheduler, against the reference engine.

    Plain batches use torch's autograd and cross-entropy.  With variance reduction their rounding
    (1e-16 of a batch gradient, but up to 1e-8 of the difference that remains) would decide the
    comparison, so there the gradients are Problem's.
    """
    steps, batch, eta0 = 1000, 8, build(parameters()[:3]).defaults["lr"]
    model = nn.Linear(DATA.d, DATA.k, bias=False, dtype=torch.float64)
    nn.init.zeros_(model.weight)
    optimizer = build(model.parameters())
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: (t + 1) ** -0.5)
    outer = VarianceReduced(optimizer) if reduced else optimizer
    closure = problems_gradient(model) if reduced else autograd(model)
    for order in torch.from_numpy(ib.permutations(DATA.n, 0, steps * batch // DATA.n)):
        if reduced:
            outer.anchor(closure(None))
        for rows in order.split(batch):
            outer.step(closure(rows))
            scheduler.step()

    source = ib.VarianceReduced(ib.Minibatch(batch)) if reduced else ib.Minibatch(batch)
    method = ib.SteepestDescent(
        norm, ib.Momentum(beta, source) if beta else source, ib.Power(eta0, 0.5), name="engine"
    )
    runs = ib.simulate(
        DATA,
        method,
        seeds=[0],
        steps=steps,
        record=[steps],
        backend="composed",
        weights=True,
        progress=False,
    )
    torch.testing.assert_close(
        model.weight.detach(), torch.from_numpy(runs.weights.values.squeeze()), **CLOSE
    )


def autograd(model):
    x, y = torch.tensor(DATA.x), torch.tensor(DATA.y)

    def closure(rows):
        model.zero_grad()
        cross_entropy(model(x[rows]), y[rows]).backward()

    return lambda rows: lambda: closure(rows)


def problems_gradient(model):
    problem = ib.Problem(DATA)

    def closure(rows):
        model.weight.grad = problem.gradient(model.weight.detach(), rows).plain()

    return lambda rows: lambda: closure(rows)


@pytest.mark.parametrize(
    "dtype, rtol",
    [(torch.float32, 1e-3), pytest.param(torch.float64, 1e-8, marks=pytest.mark.slow)],
)
def test_a_rank_cut_keeps_rounding_out_of_variance_reduced_polar_steps(dtype, rtol):
    """Softmax gradients sum to zero over classes; what rounding leaves there becomes a full step
    unless the rank is cut (the book's page says so)."""
    x, y = torch.tensor(DATA.x, dtype=dtype), torch.tensor(DATA.y)

    def share_of_noisy_steps(norm):
        model = nn.Linear(DATA.d, DATA.k, bias=False, dtype=dtype)
        nn.init.zeros_(model.weight)
        optimizer = VarianceReduced(
            SteepestDescent(model.parameters(), lr=0.05, norm=norm, momentum=0.9)
        )

        def closure(rows):
            optimizer.zero_grad()
            cross_entropy(model(x[rows]), y[rows]).backward()

        noisy = []
        for order in torch.from_numpy(ib.permutations(DATA.n, 0, 250)):
            optimizer.anchor(lambda: closure(slice(None)))
            for rows in order.split(8):
                before = model.weight.detach().clone()
                optimizer.step(lambda rows=rows: closure(rows))
                # a step along (1, 1, 1, 1) has length up to one in the spectral norm; a tenth of it
                # is no rounding of a parameter
                noisy.append(
                    float((model.weight.detach() - before).mean(0).norm() * DATA.k**0.5 / 0.05)
                    > 0.1
                )
        return np.mean(noisy)

    assert share_of_noisy_steps(ib.Schatten(float("inf"), rtol=rtol)) == 0
    assert share_of_noisy_steps(ib.SPECTRAL) > (
        0.3 if dtype == torch.float32 else 0.01
    )  # 0.8 and 0.04 were seen with one order of the data
