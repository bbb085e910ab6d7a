"""The experiments of Section 5 of arXiv:2602.16340 as values: what is run, with which settings."""

from dataclasses import asdict, dataclass, replace

import numpy as np
import torch
import xarray as xr

from ..networks import SingleLayers
from ..rules import Rule, family_rules
from ..tasks import Task
from ..training import train

OPTIMIZERS = ("NGD", "MomentumGD", "Signum", "Adam", "Muon", "Muon-Signum", "Muon-Adam")
SHARES = np.linspace(0, 1, 41)
"""Shares of a run at which its curves are kept."""


@dataclass(frozen=True)
class Study:
    """One data set, one activation (``power`` 2: squared ReLU, 1: ReLU), every optimizer.

    Known of the paper's experiment: even against odd, 2048 images of MNIST, one hidden layer, the
    logistic loss down to 1e-8, ``eta0 t^-0.8``, eps 1e-20, ten seeds.  The rest is ours.
    """

    data: str = "mnist"
    power: int = 2
    n: int = 2048
    width: int = 32
    scale: float = 0.1
    loss: float = 1e-8
    exponent: float = 0.8
    momentum: float = 0.9
    betas: tuple[float, float] = (0.9, 0.9)
    eps: float = 1e-20
    seeds: int = 10
    pilot: int = 10
    """The seed, none of the others, with which the first steps are chosen."""
    within: int = 1500
    limit: int = 6000
    every: int = 25
    first: tuple[int, ...] = (-7, -7, -29, -29, -15, -18, -18)
    """Where the search for each optimizer's first step begins, as ``2^(k/4)``."""

    @property
    def name(self) -> str:
        return f"{self.data}-{self.power}"

    @property
    def settings(self) -> dict:
        """All of it, in a form that a file can hold."""
        first = dict(zip(OPTIMIZERS, self.first, strict=True))
        return {**asdict(self), "betas": list(self.betas), "first": first}

    def rule(self, optimizer: str, k: int) -> Rule:
        """With the first step ``2^(k/4)``."""
        rules = family_rules(*[2 ** (k / 4)] * 4, self.momentum, self.betas, self.exponent)
        (rule,) = [rule for rule in rules if rule.name == optimizer]
        return replace(rule, eps=self.eps if rule.betas else 0.0)

    def run(self, task: Task, optimizer: str, k: int, limit: int | None = None) -> xr.Dataset:
        """One seed of ``task`` until its loss is reached, at most ``limit`` steps: every ``every``
        steps, with iterates."""
        limit = self.limit if limit is None else limit
        single = replace(task, x=task.x.float())
        return train(
            SingleLayers(task.d, (self.width,), power=self.power),
            single,
            [self.rule(optimizer, k)],
            limit,
            record=range(0, limit + 1, self.every),
            scale=self.scale,
            until=self.loss,
            iterates=True,
        ).isel(optimizer=0, seed=0)

    def choose(self, task: Task, optimizer: str) -> int:
        """The smallest first step on the grid ``2^(k/4)`` with which the pilot seed reaches the
        loss within ``within`` steps, searched from a first guess."""

        def reaches(k):
            end = self.run(task, optimizer, k, self.within).isel(step=-1)
            return float(end.log_loss) <= np.log(self.loss)

        k = first = self.first[OPTIMIZERS.index(optimizer)]
        if reaches(k):
            while reaches(k - 1):
                k -= 1
            return k
        for k in range(first + 1, first + 13):
            if reaches(k):
                return k
        raise ValueError(
            f"{optimizer} reaches a loss of {self.loss:g} with no first step up to"
            f" {2 ** (k / 4):.2g} in {self.within} steps of {self.name}"
        )


KINKED = (-2, -2, -23, -22, -10, -13, -13)
STUDIES = {
    study.name: study
    for study in (
        Study("digits", 2, 512),
        Study("digits", 1, 512, first=KINKED),
        Study("mnist", 2),
        Study("mnist", 1, first=KINKED),
    )
}


def summary(run: xr.Dataset, loss: float) -> xr.Dataset:
    """What is kept of one run: its end, where it reached ``loss`` (NaN elsewhere), and curves over
    shares of its length."""
    end = run.isel(step=-1)
    last = int(end.step)
    reached = float(end.log_loss) <= np.log(loss)
    iterate = torch.from_numpy(run.iterate.values)
    cosine = torch.cosine_similarity(iterate, iterate[-1:], eps=0).numpy()
    curves = run[["log_loss", "gamma", "alignment"]].assign(cosine=("step", cosine))
    kept = end[["gamma", "gamma_balanced", "own_kkt", "alignment", "block_norm"]]
    return xr.Dataset(
        {
            **{name: value.where(reached) for name, value in kept.data_vars.items()},
            "reached": last if reached else np.nan,
            "steps": last,
            "second_half": float(cosine[run.step.values >= last / 2].min()),
            **{
                f"{name}_along": value.interp(step=SHARES * last)
                .rename(step="share")
                .assign_coords(share=SHARES)
                .astype(np.float32)
                for name, value in curves.data_vars.items()
            },
        }
    ).reset_coords(drop=True)
