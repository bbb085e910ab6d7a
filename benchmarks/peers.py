"""Other people's optimizers on the same steps: optax in a scan, and torch.optim."""

from functools import partial

import torch

import ibias as ib
from ibias.problem import Problem

from . import naive
from .cases import Cell, K, N, cell_lanes, dataset
from .engines import whole
from .timing import interleaved

PEER_STEPS = {1: 400, 50: 200, N: 60}


def measure_peers(d: int = 25) -> list[dict]:
    """A row per batch size: microseconds per step and run.  One run for the peers, a block of 24
    for the kernel."""
    problem, rows = Problem(dataset(d)), []
    for b in PEER_STEPS:
        sign, spectral = Cell(ib.MAX, b, False, d), Cell(ib.SPECTRAL, b, False, d)
        steps = PEER_STEPS[b]
        contenders = {
            "ours, max norm": (whole("kernel", problem, cell_lanes(sign)), 4 * steps, 24),
            "optax.sign_sgd in a scan": (_optax("sign_sgd", problem.dataset, b), steps, 1),
            "optax.adam in a scan": (_optax("adam", problem.dataset, b), steps, 1),
            "ours, spectral norm": (whole("kernel", problem, cell_lanes(spectral)), 2 * steps, 24),
            "optax.contrib.muon in a scan": (_optax("muon", problem.dataset, b), steps, 1),
            "torch.optim.Muon": (
                partial(naive.train, problem.x, problem.y, K, spectral, optimizer=_torch_muon),
                steps // 2,
                1,
            ),
            "torch.optim.SGD": (
                partial(naive.train, problem.x, problem.y, K, sign, optimizer=_torch_sgd),
                steps // 2,
                1,
            ),
        }
        found = interleaved(contenders)
        rows.append(
            {"d": d, "b": b} | {name: round(value["us"], 2) for name, value in found.items()}
        )
    return rows


def _torch_muon(params):
    return torch.optim.Muon(params, lr=0.01, weight_decay=0.0)


def _torch_sgd(params):
    return torch.optim.SGD(params, lr=0.1, momentum=0.9)


def _optax(name, data, b):
    """``work(steps)``: a jitted scan over mini-batches, float64, compiled at the first call for
    each number of steps."""
    import jax
    import jax.numpy as jnp
    import optax
    import optax.contrib

    jax.config.update("jax_enable_x64", True)
    make = getattr(optax, name, None) or getattr(optax.contrib, name)
    rule = make(optax.polynomial_schedule(0.1, 1e-3, 0.5, 100_000))
    x, y = jnp.asarray(data.x), jnp.asarray(data.y)

    def loss(w, rows):
        return optax.softmax_cross_entropy_with_integer_labels(x[rows] @ w.T, y[rows]).mean()

    def step(carry, rows):
        w, state = carry
        updates, state = rule.update(jax.grad(loss)(w, rows), state, w)
        return (optax.apply_updates(w, updates), state), None

    scan = jax.jit(lambda carry, rows: jax.lax.scan(step, carry, rows)[0])
    ready = {}

    def work(steps):
        w = jnp.zeros((data.k, data.d))
        if steps not in ready:
            epochs = -(-steps * b // data.n)
            ready[steps] = jnp.asarray(ib.permutations(data.n, 0, epochs).reshape(-1, b)[:steps])
        jax.block_until_ready(scan((w, rule.init(w)), ready[steps]))

    return work
