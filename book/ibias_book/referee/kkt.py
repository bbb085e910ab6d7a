"""Are trained homogeneous networks at KKT points of the margin problem, and at local optima of it?

The problem is min |theta| subject to q_i(theta) >= 1. Multipliers are fitted, not taken from the
loss: lambda_i >= 0 on the samples of smallest margin alone.
"""

from collections.abc import Sequence

import numpy as np
import torch
import xarray as xr
from scipy.linalg import null_space
from scipy.optimize import linprog, nnls

from ..homogeneous import LINF, HomogeneousModel, Rule, Task, ascent

ACTIVE = 1.05
"""A sample is active up to this multiple of the smallest margin."""


def subsets(task: Task, n: int) -> Task:
    """Disjoint parts of ``n`` samples of the first seed's, with a start of their own each."""
    parts = task.n // n
    x, y = task.x[0, : parts * n], task.y[0, : parts * n]
    return Task(
        x.reshape(parts, n, -1),
        y.reshape(parts, n),
        tuple(range(parts)),
        f"parts of {n}, {task.name}",
    )


def trained(model: HomogeneousModel, task: Task, rule: Rule, marks: Sequence[int]):
    """The parameters after the steps in ``marks``, each a list of blocks ``(seeds, rows,
    columns)``."""
    theta, seen = model.initial(task.seeds), []
    stepper = rule.start(theta)
    for t in range(max(marks)):
        steps = stepper.direction(ascent(model, theta, task.x, task.y).u, task.n)
        theta = [p + rule.schedule(t) * d for p, d in zip(theta, steps, strict=True)]
        if t + 1 in marks:
            seen.append(theta)
    return seen


class Point:
    """One network as a vector: its margins and their derivatives by automatic differentiation,
    scaled to a smallest margin of 1."""

    def __init__(self, model: HomogeneousModel, theta, x, y):
        self.model, self.shapes, self.x = model, [p.shape for p in theta], x
        self.sign = (2.0 * y - 1).to(x)
        flat = torch.cat([p.reshape(-1) for p in theta])
        self.q = self._margins(flat)
        self.separated = bool(self.q.min() > 0)
        if self.separated:
            flat = flat / self.q.min() ** (1 / model.degree)
        self.theta, self.q = flat, self._margins(flat)
        self.active = (self.q <= ACTIVE * self.q.min()).numpy()
        self.gradients = torch.func.jacrev(self._margins)(flat).numpy()[self.active]

    def _margins(self, flat):
        parts = flat.split([s.numel() for s in self.shapes])
        blocks = [p.view(s) for p, s in zip(parts, self.shapes, strict=True)]
        return self.sign * self.model.logits(blocks, self.x)[..., 0]

    def euclidean(self) -> tuple[np.ndarray, float]:
        """Multipliers of min |theta|_2^2 / 2 and what they leave of theta, relative to its norm."""
        theta = self.theta.numpy()
        multipliers, rest = nnls(self.gradients.T, theta, maxiter=50 * len(theta))
        return multipliers, rest / float(np.linalg.norm(theta))

    def largest_entry(self) -> float:
        """The same for the max norm: 1 - <theta, v> / (|theta|_max |v|_sum) for the best v =
        sum_i lambda_i grad q_i, a linear programme; 0 at a KKT point."""
        theta, active = self.theta.numpy(), self.gradients
        count, p = active.shape
        # |v_j| <= s_j, <theta, v> = 1: the smallest sum of s
        rows = np.block([[active.T, -np.eye(p)], [-active.T, -np.eye(p)]])
        found = linprog(
            np.r_[np.zeros(count), np.ones(p)],
            rows,
            np.zeros(2 * p),
            np.r_[active @ theta, np.zeros(p)][None],
            [1.0],
        )
        return 1 - 1 / (np.abs(theta).max() * found.fun)

    def curvature(self, multipliers: np.ndarray) -> float:
        """The smallest eigenvalue of the Lagrangian's Hessian, I - sum lambda_i Hess q_i, across
        the active constraints with a multiplier: above 0 at a strict local optimum."""
        weights = torch.zeros(len(self.q), dtype=torch.float64)
        weights[self.active] = torch.from_numpy(multipliers)
        bent = torch.func.hessian(lambda v: weights @ self._margins(v))(self.theta).numpy()
        used = self.gradients[multipliers > 0]
        across = null_space(used)
        return float(np.linalg.eigvalsh(across.T @ (np.eye(len(bent)) - bent) @ across)[0])


def judged(
    cases: dict[str, tuple[HomogeneousModel, Task]], rules: Sequence[Rule], marks: Sequence[int]
):
    """Over (case, optimizer, step, seed): ``residual`` (in the rule's own norm: `Point.euclidean`,
    or `Point.largest_entry` for sign steps), ``norm``, |theta| at a smallest margin of 1, and, for
    Euclidean rules, ``curvature``. A network that has not separated its samples is NaN."""
    seeds = max(len(task.seeds) for _, task in cases.values())
    shape = len(cases), len(rules), len(marks), seeds
    out = {name: np.full(shape, np.nan) for name in ("residual", "norm", "curvature")}
    for i, (model, task) in enumerate(cases.values()):
        for j, rule in enumerate(rules):
            for l, theta in enumerate(trained(model, task, rule, marks)):
                for s in range(len(task.seeds)):
                    point = Point(model, [p[s] for p in theta], task.x[s], task.y[s])
                    if point.separated:
                        found = _measured(point, rule, last=l == len(marks) - 1)
                        for name, value in found.items():
                            out[name][i, j, l, s] = value
    return xr.Dataset(
        {name: (("case", "optimizer", "step", "seed"), values) for name, values in out.items()},
        {
            "case": list(cases),
            "optimizer": [rule.name for rule in rules],
            "step": list(marks),
            "seed": range(seeds),
        },
    )


def _measured(point: Point, rule: Rule, last: bool) -> dict[str, float]:
    if rule.norm == LINF:
        return {"residual": point.largest_entry(), "norm": float(point.theta.abs().max())}
    multipliers, rest = point.euclidean()
    found = {"residual": rest, "norm": float(point.theta.norm())}
    return found | ({"curvature": point.curvature(multipliers)} if last else {})


def falls(points: xr.Dataset) -> xr.DataArray:
    """The median residual at each step over the one before it, per case and optimizer."""
    middle = points.residual.median("seed")
    return middle.isel(step=slice(1, None)) / middle.isel(step=slice(-1)).values


def said(points: xr.Dataset) -> list[str]:
    """Per optimizer and case the last median residual and the power of the steps it falls with."""
    middle = points.residual.median("seed")
    steps = np.log(points.step.values[-1] / points.step.values[0])
    power = np.log(middle.isel(step=0) / middle.isel(step=-1)) / steps
    return [
        f"{optimizer}, {case}: {float(middle.sel(case=case, optimizer=optimizer)[-1]):.2f}"
        f" (power {float(power.sel(case=case, optimizer=optimizer)):.2f})"
        for optimizer in points.optimizer.values
        for case in points.case.values
    ]


def positive(curvature: xr.DataArray) -> str:
    """In how many starts the curvature is positive, per case."""
    return ", ".join(
        f"{int((one > 0).sum())} of {int(one.notnull().sum())} ({case})"
        for case, one in ((case, curvature.sel(case=case)) for case in curvature.case.values)
    )


def spread(points: xr.Dataset) -> str:
    """The range of |theta| at margin 1 over starts, relative to its median, for the Euclidean
    rule, per case."""
    norm = points.norm.isel(step=-1, optimizer=0)
    wide = (norm.max("seed") - norm.min("seed")) / norm.median("seed")
    return ", ".join(f"{float(wide.sel(case=case)):.0%} ({case})" for case in norm.case.values)
