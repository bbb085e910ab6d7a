"""Many optimizers and seeds trained side by side on homogeneous models, measured into labelled
arrays."""

from dataclasses import dataclass
from time import perf_counter, process_time

import numpy as np
import torch
import xarray as xr

from ibias.losses import CROSS_ENTROPY, Loss
from ibias.streams import permutations

from ibias.probe.stationarity import ScaledBlocks, combination

from .ascent import Ascent, ascent
from .networks import HomogeneousModel
from .observables import KINDS, measure
from .rules import Rule
from .tasks import Task
from ibias.probe.network_norms import WHOLE


@dataclass(frozen=True)
class Batches:
    """Mini-batches of ``size`` by random reshuffling, the order of each seed its own;
    ``variance_reduced`` corrects them (SVRG)."""

    size: int
    variance_reduced: bool = False

    def __post_init__(self):
        if self.size < 1:
            raise ValueError(
                f"Batches(size=...) counts samples and must be at least 1; got {self.size}"
            )


def logspaced(steps: int, count: int = 40) -> list[int]:
    """About ``count`` distinct steps from 0 to ``steps``, evenly spaced in the logarithm."""
    return sorted({0, steps, *np.geomspace(1, steps, count).round().astype(int).tolist()})


def train(
    model: HomogeneousModel,
    task: Task,
    rules: list[Rule],
    steps: int,
    *,
    record=None,
    scale: float = 0.1,
    batches: Batches | None = None,
    loss: Loss = CROSS_ENTROPY,
) -> xr.Dataset:
    """Trains every rule on every seed of ``task`` from the same start per seed and measures at the
    ``record`` steps.

    Returns variables over ``(optimizer, seed, step)``, some with an extra ``norm`` (the four
    whole-parameter norms) or ``block, kind`` axis; their units and formulas are in ``observables``.
    Step t is measured after t updates; ``alignment`` and ``step_norm`` belong to the update that
    follows.  Raises ValueError for repeated names or a model that does not fit the data.
    """
    names = [rule.name for rule in rules]
    if len(set(names)) < len(names) or not names:
        raise ValueError(f"rules need distinct names, at least one; got {names}")
    if model.shapes[0][1] != task.x.shape[-1] and not hasattr(model, "rank"):
        raise ValueError(
            f"the model takes {model.shapes[0][1]} inputs, the task has {task.x.shape[-1]}"
        )
    record = logspaced(steps) if record is None else sorted(set(record))
    began = perf_counter(), process_time()
    run = _Run(model, task, rules, scale, batches, loss)
    found, wanted = [], frozenset(record)
    for t in range(steps + 1):
        here = run.here() if batches is None or t in wanted else None
        directions = run.directions(t, here)
        if t in wanted:
            found.append(run.measure(here, directions))
        if t < steps:
            run.move(t, directions)
    result = _labelled(found, rules, task, record, len(model.shapes))
    return result.assign_attrs(
        model=repr(model),
        task=task.name,
        degree=model.degree,
        steps=steps,
        loss=loss.text,
        batches=repr(batches),
        seconds=round(perf_counter() - began[0], 2),
        cpu_seconds=round(process_time() - began[1], 2),
    )


class _Run:
    """The state of one call of ``train``: parameters ``(optimizer, seed, rows, columns)`` and the
    averages."""

    def __init__(self, model, task, rules, scale, batches, loss):
        self.model, self.task, self.rules, self.batches, self.loss = (
            model,
            task,
            rules,
            batches,
            loss,
        )
        start = model.initial(task.seeds, scale)
        self.theta = [p.expand(len(rules), *p.shape).clone() for p in start]
        self.steppers = [rule.start([p[i] for p in self.theta]) for i, rule in enumerate(rules)]
        self.orders, self.anchored = {}, None

    def here(self) -> Ascent:
        return ascent(self.model, self.theta, self.task.x, self.task.y, self.loss)

    def directions(self, t, here):
        u, samples = (here.u, self.task.n) if self.batches is None else self._batch(t)
        per_rule = [
            stepper.direction(ScaledBlocks([b[i] for b in u.blocks], u.log_scale[i]), samples)
            for i, stepper in enumerate(self.steppers)
        ]
        return [torch.stack(column) for column in zip(*per_rule, strict=True)]

    def move(self, t, directions):
        eta = torch.tensor(
            [rule.eta0 * (t + 1.0) ** -rule.a for rule in self.rules], dtype=torch.float64
        ).view(-1, 1, 1, 1)
        self.theta = [p + eta * d for p, d in zip(self.theta, directions, strict=True)]

    def _batch(self, t):
        b, n = self.batches.size, self.task.n
        per_epoch = n // b
        epoch, j = divmod(t, per_epoch)
        if epoch not in self.orders:
            # a hundred epochs drawn at once from the seed's own generator; the same orders for
            # every optimizer
            drawn = np.stack(
                [permutations(n, seed, epoch + 100)[epoch:] for seed in self.task.seeds], 1
            )
            self.orders = {epoch + i: torch.from_numpy(order) for i, order in enumerate(drawn)}
        rows = self.orders[epoch][:, j * b : (j + 1) * b]
        x, y = (
            self.task.x.gather(1, rows[..., None].expand(-1, -1, self.task.x.shape[-1])),
            self.task.y.gather(1, rows),
        )
        u = ascent(self.model, self.theta, x, y, self.loss).u
        if self.batches.variance_reduced:
            if j == 0:
                self.anchored = self.theta, self.here().u
            there = ascent(self.model, self.anchored[0], x, y, self.loss).u
            # sums, not means: the full gradient weighs b / n
            u = combination((1.0, u), (-1.0, there), (b / n, self.anchored[1]))
        return u, b

    def measure(self, here, directions):
        steppers = self.steppers
        average = [
            torch.stack(column)
            for column in zip(
                *(
                    [b * (s.log_average - k).exp()[..., None, None] for b in s.averaged_blocks]
                    for s, k in zip(steppers, here.u.log_scale, strict=True)
                ),
                strict=True,
            )
        ]
        entries = any(rule.betas for rule in self.rules)
        return measure(
            self.model,
            [rule.norm for rule in self.rules],
            self.loss,
            self.theta,
            here,
            directions,
            average,
            entries,
        )


def _labelled(found, rules, task, record, blocks):
    lanes = ["optimizer", "seed"]
    extra = {
        "gamma": ["norm"],
        "gamma_balanced": ["norm"],
        "kkt": ["norm"],
        "block_norm": ["block", "kind"],
    }
    data = {
        name: (
            [*lanes, "step", *extra.get(name, [])],
            torch.stack([f[name] for f in found], 2).numpy(),
        )
        for name in found[0]
    }
    return xr.Dataset(
        data,
        {
            "optimizer": [r.name for r in rules],
            "seed": list(task.seeds),
            "step": record,
            "norm": [n.text for n in WHOLE],
            "block": list(range(blocks)),
            "kind": list(KINDS),
            "family": ("optimizer", [r.family for r in rules]),
            **{
                name: ("optimizer", [getattr(r, name) for r in rules])
                for name in ("eta0", "momentum", "a")
            },
        },
    )
