"""Saved states: plain values, and those of version 0.1.0."""

import copy
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from test_optim_contract import EVERY, every, parameters, walk

import ibias as ib
from ibias.optim import Muon, NewtonSchulz, Signum, SteepestDescent

OLD = Path(__file__).parent / "saved" / "optim_states_0_1.pt"
"""By version 0.1.0, for some of EVERY: the state after three steps, the parameters then and after
three more (flattened)."""


def of_plain_values(value):
    if isinstance(value, dict):
        return all(map(of_plain_values, (*value, *value.values())))
    if isinstance(value, (list, tuple)):
        return all(map(of_plain_values, value))
    return value is None or isinstance(value, (bool, int, float, str, torch.Tensor))


@every
def test_states_are_plain_values(build):
    m, r = parameters()
    optimizer = build(m, r)
    walk(optimizer, [*m, *r], range(2))
    assert of_plain_values(optimizer.state_dict())


def test_a_process_that_never_imported_this_package_reads_a_checkpoint(tmp_path):
    for name, build in EVERY.items():
        m, r = parameters()
        optimizer = build(m, r)
        walk(optimizer, [*m, *r], range(2))
        torch.save(optimizer.state_dict(), tmp_path / f"{name}.pt")
    code = (
        "import sys, torch; from pathlib import Path\n"
        f"files = sorted(Path({str(tmp_path)!r}).glob('*.pt'))\n"
        "states = [torch.load(file)['param_groups'][0]['lr'] for file in files]\n"
        "print(states, any(name.startswith('ibias') for name in sys.modules))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == f"{[0.1] * len(EVERY)} False"


@pytest.mark.parametrize("name", torch.load(OLD))
def test_states_of_version_0_1_go_on(name):
    builds = EVERY | {
        "Newton-Schulz, bfloat16": lambda m, r: Muon(
            m, lr=0.1, polar=NewtonSchulz(dtype=torch.bfloat16)
        )
    }
    saved = torch.load(OLD)[name]  # weights_only, torch's default
    m, r = parameters()
    params = [*m, *r]
    for p, old in zip(params, saved["at_3"].split([p.numel() for p in params]), strict=True):
        p.data = old.reshape(p.shape)
    optimizer = builds[name](m, r)
    optimizer.load_state_dict(saved["state"])
    ends = torch.cat([p.ravel() for p in walk(optimizer, params, range(3, 6))])
    # float64 and the same decomposition; bfloat16 maps round alike on one machine and not on two:
    # 2^-8 of three steps of 0.1
    near = 1e-2 if "bfloat16" in name else 1e-12
    torch.testing.assert_close(ends, saved["at_6"], rtol=0, atol=near)
    assert optimizer.param_groups[0]["weight_decay"] == 0


def test_what_an_old_state_does_not_say_is_the_optimizers():
    saved = torch.load(OLD)["Muon"]["state"]
    m, _ = parameters()
    optimizer = Muon(m, lr=0.3, weight_decay=0.2, adjust_lr="original")
    optimizer.load_state_dict(saved)
    group = optimizer.param_groups[0]
    assert (group["lr"], group["weight_decay"], group["adjust_lr"]) == (0.1, 0.2, "original")


@pytest.mark.parametrize(
    "polar",
    ["exact", NewtonSchulz(3, "polar-express", torch.bfloat16), NewtonSchulz(7, dtype=None)],
    ids=["exact", "express", "classic"],
)
def test_a_state_brings_its_polar_factor(polar):
    m, _ = parameters()
    saved = Muon(m, lr=0.1, polar=polar, nesterov=True)
    optimizer = Muon(m, lr=0.2)
    optimizer.load_state_dict(copy.deepcopy(saved.state_dict()))
    assert optimizer.param_groups[0]["polar"] == polar and optimizer.param_groups[0]["nesterov"]


def test_a_rank_cut_is_part_of_the_rule():
    m, _ = parameters()
    saved = SteepestDescent(m, 0.1, ib.Schatten(float("inf"), rtol=1e-3))
    optimizer = SteepestDescent(m, 0.1, ib.SPECTRAL)
    with pytest.raises(ValueError, match=r"rtol=0.001\), this one Schatten\(p=inf, rtol=4e-14"):
        optimizer.load_state_dict(saved.state_dict())
    again = SteepestDescent(m, 0.1, ib.Schatten(float("inf"), rtol=1e-3))
    again.load_state_dict(saved.state_dict())
    assert again.param_groups[0]["norm"] == ib.Schatten(float("inf"), rtol=1e-3)


def test_an_option_of_a_state_is_looked_at():
    m, _ = parameters()
    optimizer = Signum(m, lr=0.1)
    broken = optimizer.state_dict()
    broken["param_groups"][0]["weight_decay"] = -1.0
    with pytest.raises(ValueError, match="weight_decay"):
        optimizer.load_state_dict(broken)
    assert optimizer.param_groups[0]["weight_decay"] == 0
