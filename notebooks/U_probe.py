# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# (sec-probe)=
# # U Optimizers on networks of your own
#
# **Which margin does an optimizer maximise on my network?** Give `ib.Probe` a model and data, call `measure` now and then, print it. It leaves no trace in the training: modes, gradients, buffers and
# random numbers stay as they are. Here it looks at two small networks, trained by AdamW, Muon and Signum on {glue:text}`samples` digits.

# %% tags=["parameters"]
samples = 192
steps = 400

# %% tags=["remove-cell"]
from ibias_book.run.parameters import settle

settle(globals())

# %% tags=["remove-cell"]
import json
from pathlib import Path

from ibias_book.figures import optimizers as plots
from ibias_book.own_networks import curves, endings
from ibias_book.provenance import show
from IPython.display import Markdown
from myst_nb import glue

here = Path("notebooks") if Path("notebooks").is_dir() else Path()
measured = json.loads((here / "../benchmarks/character_model.json").read_text())
glue("samples", f"{samples}", display=False)

# %%
import copy

import torch
from ibias_book.own_networks import images, leaders, table, together, train
from torch import nn

import ibias as ib

x, y = images(samples)

# %% [markdown]
# The training loop is the usual one, with one more line:
#
# ```{literalinclude} ../book/ibias_book/own_networks.py
# :pyobject: train
# ```
#
# ## A small convolutional network
#
# Without biases, and with ReLU and average pooling only: scaling all weights by $c$ scales the logits by $c^3$.

# %%
torch.manual_seed(0)
network = nn.Sequential(
    nn.Conv2d(1, 8, 3, padding=1, bias=False),
    nn.ReLU(),
    nn.AvgPool2d(2),
    nn.Conv2d(8, 16, 3, padding=1, bias=False),
    nn.ReLU(),
    nn.AvgPool2d(2),
    nn.Flatten(),
    nn.Linear(64, 10, bias=False),
).double()
a, b, c = (copy.deepcopy(network) for _ in range(3))
adamw = torch.optim.AdamW(a.parameters(), lr=0.03, weight_decay=0.0)
muon = ib.optim.Muon(b.parameters(), lr=0.1)
signum = ib.optim.Signum(c.parameters(), lr=0.02)
convolutional = {
    "AdamW": train(a, adamw, x, y, steps),
    "Muon": train(b, muon, x, y, steps),
    "Signum": train(c, signum, x, y, steps),
}

# %%
print(convolutional["Muon"])

# %% [markdown]
# Nobody told the probe the degree $L$ of the network. It measured it by Euler's identity, $\langle\theta,\nabla z\rangle = L z$ for the logits $z$ of every sample. Print another run for the same five
# sentences; `probe.runs` has the numbers as an `xarray.Dataset`, `probe.plot()` draws them. The last margins of all three, normalised by each norm and
# divided by the largest of a column:

# %% tags=["remove-cell"]
glue(
    "tab_convolutional", Markdown(table(together(convolutional))), display=False
)
glue("first_convolutional", leaders(together(convolutional)), display=False)

# %% [markdown]
# ````{table} Normalised margins of the convolutional network, over the largest in each norm.
# :name: tab-probe-convolutional
#
# ```{glue:md} tab_convolutional
# :format: myst
# ```
# ````
#
# ## A small transformer
#
# The eight rows of a digit are its tokens. It has biases, layer norms and a softmax in its attention, so no power of $c$ comes out of its logits, and the
# probe says so. `ib.optim.groups` gives Muon the hidden matrices (query, key and value as three) and Adam the rest.

# %%
torch.manual_seed(0)
tokens, network = (
    x.squeeze(1),
    nn.Sequential(
        nn.Linear(8, 32),
        nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, batch_first=True),
        nn.Flatten(),
        nn.Linear(256, 10),
    ).double(),
)
a, b, c = (copy.deepcopy(network) for _ in range(3))
adamw = torch.optim.AdamW(a.parameters(), lr=0.01, weight_decay=0.0)
groups = ib.optim.groups(b)
muon = ib.optim.MuonAdam(groups.matrices, groups.rest, lr=0.1, rest_lr=0.01)
signum = ib.optim.Signum(c.parameters(), lr=0.01)
transformer = {
    "AdamW": train(a, adamw, tokens, y, steps),
    "Muon": train(b, muon, tokens, y, steps),
    "Signum": train(c, signum, tokens, y, steps),
}

# %%
print(transformer["Muon"])

# %% tags=["remove-cell"]
glue("tab_transformer", Markdown(table(together(transformer))), display=False)
glue("first_transformer", leaders(together(transformer)), display=False)

# %% [markdown]
# ````{table} Margins of the transformer over the median degree's power of each norm, over the largest in each norm.
# :name: tab-probe-transformer
#
# ```{glue:md} tab_transformer
# :format: myst
# ```
# ````
#
# These have the largest margins, norm by norm, on the convolutional network: {glue:text}`first_convolutional`; and on the transformer: {glue:text}`first_transformer`. What the theory
# promises of smooth homogeneous networks is that each optimizer approaches a stationary point of the margin in its own norm, Muon in the spectral one, Signum and Adam in
# $\ell_\infty$; that each then has the largest margin there is {ref}`what experiments find <sec-homogeneous-experiments>`. Where the model is not homogeneous, such a number describes a run and not a
# classifier: weights of another scale are another function. Alignments far below 1 say that the limit is not near; kinks of ReLU keep them low.

# %% tags=["hide-input"]
seen = {
    "convolutional": together(convolutional),
    "transformer": together(transformer),
}
show(
    plots.probed(seen),
    "fig-probe",
    data=seen["convolutional"][["margin"]].assign(
        transformer=seen["transformer"].margin
    ),
    alt=(
        "Two rows of three panels: normalised margins of AdamW, Muon and"
        " Signum in three norms against the step, on a convolutional network"
        " and on a transformer."
    ),
    caption=(
        "**On the convolutional network Muon leads in the spectral margin"
        " and Signum in $\\ell_\\infty$; on the transformer Signum leads in all"
        " three.** "
        "Normalised margins of both networks along training, from where a"
        " run separates the data, over the largest of each panel."
    ),
    tolerance={"margin": 0.03, "transformer": 0.3},
    because=(
        "steps of Muon and Signum have a length of their own, so rounding"
        " is not damped: between two processors it grew from 1e-7 to 0.01"
        " of a margin (convolutional) and to 0.13 (transformer)"
    ),
    steps=steps,
)

# %% [markdown]
# ## And the loss: a character model
#
# A transformer of {glue:text}`parameters` parameters reads {glue:text}`text` ({glue:text}`characters` characters; the last tenth is kept for validation).
# All have the same starts, batches and schedule; embeddings, head and vectors are AdamW's or Adam's at one rate in every run. The rate in the table was
# chosen by full runs of another seed, and is no end of the range that was tried. The numbers come from one committed file, which
# `python -m benchmarks.character_model` writes; nothing of it is computed here.

# %% tags=["remove-cell"]
glue("parameters", f"{measured['parameters']:,}", display=False)
glue("characters", f"{measured['characters']:,}", display=False)
glue("text", measured["text"], display=False)
glue("tab_characters", Markdown(endings(measured)), display=False)

# %% tags=["hide-input"]
show(
    plots.loss_curves(curves(measured)),
    "fig-character-model",
    data=curves(measured),
    alt=(
        "Validation loss of a character model under AdamW, torch's Muon and"
        " ours with an exact and an approximate polar factor: against steps on"
        " the left, against seconds on the right."
    ),
    caption=(
        "**Every Muon is ahead of AdamW, at equal steps and at equal"
        " seconds.** "
        "Validation loss, mean and range over three seeds. Left: equally"
        " many steps. Right: as many steps as the slowest's CPU seconds"
        " allow, each with its own schedule."
    ),
    text=measured["text"],
    sha256=measured["sha256"],
)

# %% [markdown]
# ````{table} Validation loss at the end: mean over seeds, least to largest. CPU milliseconds of forward, backward and step on one thread.
# :name: tab-character-model
#
# ```{glue:md} tab_characters
# :format: myst
# ```
# ````
#
# At equal steps the three Muons lie within each other's seeds, far from AdamW. At equal seconds torch's is first in the mean, but its three seeds span
# the others': its steps cost less, as it iterates in bfloat16 and ours in float32 unless asked (`NewtonSchulz(dtype=torch.bfloat16)`). The machine was
# shared while this was measured, and each rate was tuned on one seed: three seeds of short runs rank AdamW against Muon, not one Muon against another.
