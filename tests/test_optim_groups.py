"""Which parameters are hidden matrices: by the module that owns them."""

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm, weight_norm

from ibias.optim import Adam, Muon, MuonAdam, groups


class Transformer(nn.Module):
    def __init__(self, vocabulary=11, width=8):
        super().__init__()
        self.token = nn.Embedding(vocabulary, width)
        self.position = nn.Parameter(torch.zeros(5, width))
        self.attention = nn.MultiheadAttention(width, 2)
        self.normed = nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.head = nn.Linear(width, vocabulary)


def names(listed):
    return [name for group in listed for name, _ in group["params"]]


def test_a_transformers_parameters_are_sorted_by_their_modules():
    found = groups(Transformer(), embeddings="position")
    assert names(found.matrices) == [
        "attention.in_proj_weight",
        "attention.out_proj.weight",
        "up.weight",
        "down.weight",
    ]
    assert [group.get("split") for group in found.matrices] == [3, None]
    assert names(found.embeddings) == ["position", "token.weight"]
    assert names(found.head) == ["head.weight"]
    assert names(found.vectors) == [
        n for n, p in Transformer().named_parameters() if p.ndim < 2 and n != "position"
    ]
    assert len(names([*found.matrices, *found.rest])) == len(list(Transformer().parameters()))


def test_the_table_says_why():
    table = str(groups(Transformer())).split("\n")
    assert table[0].split() == ["parameter", "shape", "role", "because"]
    assert any(
        line.split()[:3] == ["position", "5x8", "matrices"] and "look whether" in line
        for line in table
    )
    assert any(line.split()[:3] == ["head.weight", "11x8", "head"] for line in table)
    assert len({line.find("matrices") for line in table if "matrices" in line}) == 1  # a column


OTHERS = {
    "convolutions": (
        nn.Sequential(nn.Conv2d(3, 4, 2), nn.BatchNorm2d(4), nn.Linear(4, 2)),
        {"matrices": ["0.weight"], "head": ["2.weight"]},
    ),
    "no Linear": (nn.Conv1d(3, 4, 2), {"matrices": ["weight"], "vectors": ["bias"]}),
    "recurrent": (
        nn.LSTM(4, 5, proj_size=3, bias=False),
        {"matrices": ["weight_ih_l0", "weight_hh_l0", "weight_hr_l0"]},
    ),
    "bilinear": (nn.Bilinear(2, 3, 4), {"matrices": ["weight"], "vectors": ["bias"]}),
    "parametrized": (
        nn.Sequential(spectral_norm(nn.Linear(2, 3)), weight_norm(nn.Linear(3, 2))),
        {
            "matrices": ["0.parametrizations.weight.original"],
            "head": ["1.parametrizations.weight.original1"],
            "vectors": ["0.bias", "1.bias", "1.parametrizations.weight.original0"],
        },
    ),
    "bag": (nn.EmbeddingBag(5, 2), {"embeddings": ["weight"]}),
}


@pytest.mark.parametrize("model, wanted", OTHERS.values(), ids=OTHERS)
def test_other_modules(model, wanted):
    found = groups(model)
    for role, listed in wanted.items():
        assert sorted(names(getattr(found, role))) == sorted(listed)


def test_options_come_with_the_matrices():
    gates = {group.get("split") for group in groups(OTHERS["recurrent"][0]).matrices}
    assert gates == {4, None}  # weight_hr is one matrix
    (stack,) = groups(nn.Bilinear(2, 3, 4)).matrices
    assert stack["matrices"] == "batched"


def test_a_tied_head_stays_with_the_embeddings_and_frozen_parameters_are_left_out():
    model = Transformer()
    model.head.weight = model.token.weight
    model.up.weight.requires_grad_(False)
    found = groups(model)
    assert names(found.embeddings) == ["token.weight"] and not found.head
    assert "up.weight" not in names([*found.matrices, *found.rest])
    assert "frozen" in str(found)


def test_the_recipe():
    """Hidden matrices by Muon, the rest by its own rule and rate; a step moves them all."""
    model = Transformer()
    found = groups(model, embeddings="position")
    optimizer = MuonAdam(found.matrices, found.rest, lr=0.02, rest_lr=0.003, nesterov=True)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    for p in model.parameters():
        p.grad = torch.randn(p.shape, generator=torch.Generator().manual_seed(0))
    optimizer.step()
    for name, p in model.named_parameters():
        rate = 0.02 if name in names(found.matrices) else 0.003
        step = (before[name] - p).detach()
        assert step.abs().max() <= rate * (1 + 1e-5)  # rounding of float32
        assert step.abs().max() > 0
    Muon(found.matrices, lr=0.02)


@pytest.mark.parametrize(
    "make",
    [
        lambda found, lr: Muon(found.matrices, lr),
        lambda found, lr: Adam(found.rest, lr),
        lambda found, lr: MuonAdam(found.matrices, found.rest, lr),
    ],
)
def test_the_same_groups_serve_another_optimizer_at_its_own_rate(make):
    found = groups(Transformer())
    rows = str(found.matrices + found.rest)
    for lr in (0.1, 0.2):
        assert {group["lr"] for group in make(found, lr).param_groups} == {lr}
        assert str(found.matrices + found.rest) == rows


@pytest.mark.parametrize(
    "build, message",
    [
        (lambda: groups([nn.Parameter(torch.ones(2))]), "takes a torch.nn.Module; got list"),
        (lambda: groups(nn.LazyLinear(2)), "weight belongs to a lazy module"),
        (lambda: groups(nn.Linear(2, 2), heads="weight"), "the roles are matrices.*got 'heads'"),
        (lambda: groups(nn.Linear(2, 2), head="wieght"), "matches none of weight, bias"),
        (
            lambda: groups(nn.Linear(2, 2), head="weight", embeddings="w*"),
            "weight is both head and embeddings",
        ),
        (lambda: groups(nn.Linear(2, 2), matrices="bias"), r"bias has shape \(2,\) and is no"),
    ],
)
def test_bad_input_is_a_sentence(build, message):
    with pytest.raises((TypeError, ValueError), match=message):
        build()
