"""Many optimizers and seeds trained side by side on homogeneous models, measured into labelled
arrays."""

from time import perf_counter, process_time

import numpy as np
import torch
import xarray as xr

from ibias._checks import whole
from ibias.losses import CROSS_ENTROPY, Loss
from ibias.probe.stationarity import joined, log_sum_loss, separated
from ibias.problem import Scaled, weighted_sum
from ibias.runs import logspaced, recording
from ibias.signals import FullBatch, Signal, recipe

from ..batches import batch_rows
from .ascent import Ascent, ascent
from .networks import HomogeneousModel
from .norms import WHOLE
from .observables import KINDS, measure
from .rules import Rule, Steppers
from .tasks import Task


def train(
    model: HomogeneousModel,
    task: Task,
    rules: list[Rule],
    steps: int,
    *,
    record=logspaced(40),
    scale: float = 0.1,
    batches: Signal = FullBatch(),
    loss: Loss = CROSS_ENTROPY,
    until: float | None = None,
    iterates: bool = False,
) -> xr.Dataset:
    """Trains every rule on every seed of ``task`` from the same start per seed and measures at the
    ``record`` steps.

    Returns variables over ``(optimizer, seed, step)``, some with an extra ``norm`` (the four
    whole-parameter norms) or ``block, kind`` axis; their units and formulas are in ``observables``.
    Step t is measured after t updates; ``alignment`` and ``step_norm`` belong to the update that
    follows.

    ``record``: ``ib.logspaced(count)`` or increasing steps.  ``batches``: what a rule sees at each
    step, ``FullBatch()``, ``Minibatch(b)`` or ``VarianceReduced(Minibatch(b))``, in an order that
    is each seed's own and the same for every rule.  ``until``: stop, and measure, at the first step
    at which the mean loss of every run is at most this, for full batches.  ``iterates``: keep the
    parameters too, all blocks in one row.  Raises ValueError for repeated names, a model that does
    not fit the data, and batches that do not divide it.
    """
    steps = whole("steps counts updates", steps)
    _check(model, task, rules, batches, until)
    grid = recording(record, steps)
    began = perf_counter(), process_time()
    run = _Training(model, task, rules, scale, batches, loss, steps)
    measured, wanted = {}, frozenset(grid.tolist())
    for t in range(steps + 1):
        here = run.here() if run.rows is None or t in wanted else None
        directions = run.directions(t, here)
        ended = until is not None and run.below(here, until)
        if t in wanted or ended:
            measured[t] = run.measure(here, directions)
            if iterates:
                measured[t]["iterate"] = joined(run.theta)[..., 0, :]
        if ended:
            break
        if t < steps:
            run.move(t, directions)
    result = _labelled(measured, rules, task, len(model.shapes))
    return result.assign_attrs(
        model=repr(model),
        task=task.name,
        degree=model.degree,
        steps=t,
        loss=loss.text,
        batches=repr(batches),
        seconds=round(perf_counter() - began[0], 2),
        cpu_seconds=round(process_time() - began[1], 2),
    )


def _check(model, task, rules, batches, until):
    names, (width, given) = [r.name for r in rules], (model.shapes[0][1], task.x.shape[-1])
    if len(set(names)) < len(names) or not names:
        raise ValueError(f"rules need distinct names, at least one; got {names}")
    if width != given and not hasattr(model, "rank"):
        raise ValueError(f"the model takes {width} inputs, the task has {given}")
    if until is not None and batches != FullBatch():
        needs = "needs the loss at every step, which only full batches have"
        raise ValueError(f"until = {until!r} {needs}; got {batches!r}")


def _batches(signal, task, steps):
    """The samples of every step ``(steps, seeds, b)``, None for all of them, and whether they are
    variance reduced."""
    if signal == FullBatch():
        return None, False
    flat = recipe(signal, task.n)
    if flat is None or flat.momentum:
        raise ValueError(
            "batches is FullBatch(), Minibatch(b) with b dividing n, or VarianceReduced(Minibatch("
            f"b)); momentum belongs to the rules. Got {signal!r} for n = {task.n}"
        )
    rows = [batch_rows(task.n, flat.batch_size, seed, steps) for seed in task.seeds]
    return torch.from_numpy(np.stack(rows, 1)), flat.variance_reduction


class _Training:
    """The state of one call of ``train``: parameters ``(optimizer, seed, rows, columns)`` and the
    averages."""

    def __init__(self, model, task, rules, scale, batches, loss, steps):
        self.model, self.task, self.rules, self.loss = model, task, rules, loss
        # directions are measured after the last step too
        self.rows, self.reduced = _batches(batches, task, steps + 1)
        start = model.initial(task.seeds, scale)
        self.theta = [p.expand(len(rules), *p.shape).clone() for p in start]
        self.steppers = Steppers(rules, self.theta)
        self.snapshot = None  # parameters and full direction at the start of the epoch

    def here(self) -> Ascent:
        return ascent(self.model, self.theta, self.task.x, self.task.y, self.loss)

    def below(self, here, level):
        """Whether the mean loss of every run is at most ``level``."""
        total = log_sum_loss(self.loss, here.soft)
        return bool((total <= np.log(level * self.task.n)).all())

    def directions(self, t, here):
        u, samples = (here.u, self.task.n) if self.rows is None else self._batch(t)
        return self.steppers.directions(u, samples)

    def move(self, t, directions):
        eta = torch.tensor([rule.schedule(t) for rule in self.rules], dtype=torch.float64)
        decay = torch.tensor([rule.weight_decay for rule in self.rules], dtype=torch.float64)
        eta, keep = eta.view(-1, 1, 1, 1), (1 - eta * decay).view(-1, 1, 1, 1)
        self.theta = [keep * p + eta * d for p, d in zip(self.theta, directions, strict=True)]

    def _batch(self, t):
        rows, n = self.rows[t], self.task.n
        b = rows.shape[-1]
        at = rows[..., None].expand(-1, -1, self.task.x.shape[-1])
        x, y = self.task.x.gather(1, at), self.task.y.gather(1, rows)
        u = ascent(self.model, self.theta, x, y, self.loss).u
        if self.reduced:
            if t % (n // b) == 0:
                self.snapshot = self.theta, self.here().u
            there = ascent(self.model, self.snapshot[0], x, y, self.loss).u
            # sums, not means: the full gradient weighs b / n
            u = weighted_sum((1, u), (-1, there), (b / n, self.snapshot[1]))
        return u, b

    def measure(self, here, directions):
        used = self.steppers.used()
        averages = Scaled(used.value, used.log_scale - here.u.log_scale).plain()
        averages = separated(averages, self.model.shapes)
        norms, entries = [r.norm for r in self.rules], any(rule.betas for rule in self.rules)
        now = self.theta, here, directions, averages
        return measure(self.model, norms, self.loss, *now, entries)


def _labelled(measured, rules, task, blocks):
    lanes = ["optimizer", "seed"]
    extra = {
        "gamma": ["norm"],
        "gamma_balanced": ["norm"],
        "kkt": ["norm"],
        "block_norm": ["block", "kind"],
        "iterate": ["entry"],
    }
    steps, data = list(measured), {}
    for name in measured[steps[0]]:
        values = torch.stack([measured[t][name] for t in steps], 2).numpy()
        data[name] = [*lanes, "step", *extra.get(name, [])], values
    coordinates = {
        "optimizer": [r.name for r in rules],
        "seed": list(task.seeds),
        "step": steps,
        "norm": [n.text for n in WHOLE],
        "block": list(range(blocks)),
        "kind": list(KINDS),
    }
    for name in ("family", "eta0", "momentum", "a"):
        coordinates[name] = "optimizer", [getattr(r, name) for r in rules]
    return xr.Dataset(data, coordinates)
