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
# (sec-experiment)=
# # 5 Experiment: normalised SGD and its batches
#
# **The question.** All these methods end up with zero training errors if they work at all. Do they end up with the *same* classifier,
# the one of maximum Frobenius margin, or does the mini-batch leave a mark that never fades?
#
# Before looking: with batches of one sample and no momentum, normalised SGD takes steps of the same length as the full-batch method,
# through the same data, the same number of times. Would you expect it to separate the training set at all?

# %% [markdown]
# ## Settings
#
# | | the paper (arXiv:2602.11557, Section 5) | here |
# |---|---|---|
# | data, set I | iid Gaussian features, equal class counts, separable; sizes not recoverable | 10 classes, 10 samples each, $d = 100$, variance $1/d$ |
# | data, set II | – | mixture: class centres plus noise, $d = 25$; ours, because its claims show sooner |
# | start, sampling | $W_0 = 0$, random reshuffling | the same |
# | step size | $\eta_0\,t^{-a}$, one $\eta_0$ for all methods of this norm | $\eta_t = (t+1)^{-1/2}$ |
# | batch sizes, momenta | several, values not recoverable | $\{1, 10, 20, 50, n\}$ and $\{0, 0.5, 0.99\}$ |
# | seeds | one curve per batch size | five shuffles each: median, and a band from smallest to largest |
#
# In the Frobenius norm the maximum-margin solution $W^*$ is unique, so that the cosine of the angle between $W_t$ and $W^*$ measures the approach. In the max and
# spectral norms it need not be unique.

# %% tags=["parameters"]
steps = 20_000
seeds = 5
batch_sizes = [1, 10, 20, 50, 100]
eta0 = 1.0
data_seed = 0
# a file of your own (.npz, .csv, .parquet) replaces set I; choose batch
# sizes that divide its n (on set II those that divide 100 are run)
data = ""

# %% tags=["remove-cell"]
from ibias_book.run.parameters import settle

settle(globals())

# %% tags=["remove-cell"]
from ibias_book.batches import compared, untested
from ibias_book.claims import claim
from ibias_book.figures import style as plots
from ibias_book.provenance import show
from ibias_book.words import in_words
from IPython.display import Markdown
from myst_nb import glue

import ibias as ib

# %% [markdown]
# Per data set an optimizer for every batch size and momentum, with and without variance reduction; each is an expression: a norm, a signal and a
# schedule.

# %%
gaussian = (
    ib.data.load(data)
    if data
    else ib.data.gaussian(
        classes=10, per_class=10, dim=100, variance=1 / 100, seed=data_seed
    )
)
mixture = ib.data.mixture(
    classes=10, per_class=10, dim=25, spread=0.6, seed=data_seed
)
sizes = compared(batch_sizes, gaussian.n)
sizes_two = compared(batch_sizes, mixture.n, elsewhere="set II")
recipes = {
    "norms": [ib.FROBENIUS],
    "momenta": [0, 0.5, 0.99],
    "variance_reduction": [False, True],
    "schedule": ib.Power(eta0, a=0.5),
}
optimizers = ib.grid(batch_sizes=sizes, **recipes)
optimizers[len(sizes)]

# %% [markdown]
# ## Set I: Gaussian features, more dimensions than the labels need

# %%
best = ib.max_margin(gaussian, ib.FROBENIUS)
runs = ib.sweep(
    gaussian,
    optimizers,
    seeds=range(seeds),
    steps=steps,
    record=ib.logspaced(80),
    directions={"frobenius": best.weights},
)
runs = ib.relative_error(runs, {"frobenius": best})

# %% tags=["hide-input"]
show(
    plots.by_recipe(
        {"relative margin error": runs.error, "cosine to $W^*$": runs.cosine}
    ),
    "fig-1",
    data=runs[["error", "cosine", "log_loss"]],
    alt=(
        "A panel a recipe, relative margin error above and cosine below"
        " against iterations, a line a batch size. Without memory the lines"
        " are ordered by batch size and only the full batch ends near the"
        " bottom; with momentum 0.99 or variance reduction all lines meet."
    ),
    caption=(
        "**Small batches lag without memory; momentum 0.99 or variance"
        " reduction brings them back.** The paper's Figure 1 on set I. Top:"
        " relative margin error $1 - q(W_t)/(\\gamma\\lVert W_t\\rVert_F)$;"
        " above the dotted line some training sample is misclassified. Bottom:"
        " cosine to the maximum-margin solution. Median of the shuffles, band"
        " from smallest to largest. Variance reduction *with* momentum, the"
        " paper's remaining panels, looks like variance reduction alone:"
        " {numref}`tab-set-one`."
    ),
    steps=steps,
    eta0=eta0,
    dataset=gaussian.name,
)

# %% tags=["remove-cell"]
end = runs.error.isel(step=-1)
table = (
    end.median("seed")
    .to_dataframe()
    .pivot_table(
        index=["variance_reduction", "momentum"],
        columns="batch_size",
        values="error",
    )
)
glue(
    "tab_set_one",
    Markdown(
        in_words(table).to_markdown(
            index=False, floatfmt=("", "g", *[".4f"] * len(sizes))
        )
    ),
    display=False,
)
glue("gamma_one", float(best.margin), display=False)
glue("gap_one", float((best.upper - best.lower) / best.lower), display=False)
plain = end.where(
    (end.momentum == 0) & ~end.variance_reduction, drop=True
).sortby("batch_size")
full_error = float(plain.isel(optimizer=-1).median())
glue("full_one", full_error, display=False)

# %% [markdown]
# The maximum margin is {glue:text}`gamma_one:.6f`, certified to a relative gap of {glue:text}`gap_one:.0e`. Full-batch normalised gradient
# descent ends {glue:text}`full_one:.3f` below it; {numref}`tab-set-one` has the rest.
#
# ````{table} Set I: median relative margin error after the last step, by batch size (columns).
# :name: tab-set-one
#
# ```{glue:md} tab_set_one
# :format: myst
# ```
# ````

# %% [markdown]
# ### What the paper concludes from its figure, and what holds here

# %% tags=["hide-input"]
singles = plain.where(plain.batch_size == 1, drop=True)
claim(
    "fig-1-order",
    "Without momentum only the full batch comes close to the maximum margin"
    " within the run; the error grows as batches shrink, and "
    "with batches of one the training set is not even separated.",
    kind="paper",
    where=(
        "Section 5, Figure 1 (a)-(b) (v1), read from its prose; sizes and"
        " steps are ours"
    ),
    tested=(
        "median relative margin error at the last step, set I, ordered by"
        " batch size; error above 1 at b = 1 in every shuffle"
    ),
    holds=bool(
        (plain.median("seed").diff("optimizer") < 0).all()
        and (singles > 1).all()
        and full_error < 0.1
    ),
    tolerance="close is a relative error below 0.1",
    without=untested(sizes, gaussian.n, 1, 1),
    because=(
        "an order of medians that differ by more than the shuffles, errors"
        " above 1 in every shuffle, and a full batch that ends near 0.07"
    ),
    caveat="At a fixed horizon. On these over-parameterised data the errors"
    " for b >= 10 are still falling at the end: they are late, not"
    " stuck. Chapter X follows them ten times longer; set II below"
    " shows a real plateau.",
)

# %% tags=["hide-input"]
half = end.where(
    (end.momentum == 0.5) & ~end.variance_reduction, drop=True
).sortby("batch_size")
small = slice(0, len(sizes) - 1)
claim(
    "fig-1-moderate-momentum",
    "Moderate momentum helps every mini-batch and closes the gap for none.",
    kind="paper",
    where="Section 5, Figure 1 (c)-(d) (v1), read from its prose",
    tested=(
        "momentum 0.5 against 0 and against the full batch, medians at the"
        " last step, every b < n"
    ),
    holds=bool(
        (
            half.median("seed").values[small]
            < plain.median("seed").values[small]
        ).all()
        and (half.median("seed").values[small] > 1.1 * full_error).all()
    ),
    without=untested(sizes, gaussian.n),
    tolerance="at least 10 % above the full batch's error",
    because="shuffles differ by less than 5 % at b >= 10",
)

# %% tags=["hide-input"]
heavy = end.where(
    (end.momentum == 0.99) & ~end.variance_reduction, drop=True
).sortby("batch_size")
claim(
    "fig-1-heavy-momentum",
    (
        "Momentum close to one lets small batches reach what the full batch"
        " reaches."
    ),
    kind="paper",
    where="Section 5, Figure 1 (e)-(f) (v1), read from its prose",
    tested=(
        "momentum 0.99, every b >= 10 and every shuffle, against the full"
        " batch without momentum"
    ),
    holds=bool(
        (
            heavy.where(heavy.batch_size >= 10, drop=True) - full_error < 0.01
        ).all()
    ),
    without=untested(sizes, gaussian.n, 10),
    tolerance="0.01 in relative error",
    because="the error of the full batch itself is near 0.07 and still falling",
    caveat=(
        "Not yet for b = 1, where an epoch has a hundred steps, as many as"
        " this momentum remembers."
    ),
)

# %% tags=["hide-input"]
reduced = end.where(
    (end.momentum == 0) & end.variance_reduction, drop=True
).sortby("batch_size")
claim(
    "fig-1-variance-reduction",
    (
        "Variance reduction reaches the full-batch solution for every batch"
        " size, without any momentum."
    ),
    kind="paper",
    where="Section 5, Figure 1 (g)-(i) (v1), read from its prose",
    tested=(
        "VR, momentum 0, every b >= 10 and every shuffle, against the full"
        " batch"
    ),
    holds=bool(
        (
            abs(reduced.where(reduced.batch_size >= 10, drop=True) - full_error)
            < 0.003
        ).all()
    ),
    without=untested(sizes, gaussian.n, 10),
    tolerance="0.003 in relative error",
    because="a tenth of what momentum 0.5 leaves at b = 50",
    caveat=(
        "Batches of one lag behind at this horizon: the transient of"
        " Theorem 4.6 grows with the square of the number of batches."
    ),
)

# %% [markdown]
# ## Set II: overlapping clouds
#
# On set I almost every sample is a support vector, that is, one of those whose margin is the smallest, so that nearly every direction of descent is a good one.
# Set II has few support vectors among many samples that pull elsewhere, and mini-batches pay for that.

# %%
best_two = ib.max_margin(mixture, ib.FROBENIUS)
runs_two = ib.sweep(
    mixture,
    ib.grid(batch_sizes=sizes_two, **recipes),
    seeds=range(seeds),
    steps=steps,
    record=ib.logspaced(80),
    directions={"frobenius": best_two.weights},
)
runs_two = ib.relative_error(runs_two, {"frobenius": best_two})

# %% tags=["hide-input"]
show(
    plots.by_recipe(
        {
            "relative margin error": runs_two.error,
            "cosine to $W^*$": runs_two.cosine,
        }
    ),
    "fig-1-set-two",
    data=runs_two[["error", "cosine", "log_loss"]],
    alt=(
        "The same panels on set II. Without memory the line for batches of one"
        " flattens far above the others; with momentum 0.99 or variance"
        " reduction all lines fall together."
    ),
    caption=(
        "**On set II single samples without memory stop short for good.** Drawn"
        " as {numref}`fig-1`."
    ),
    steps=steps,
    eta0=eta0,
    dataset=mixture.name,
)

# %% tags=["remove-cell"]
end_two = runs_two.error.isel(step=-1)
table_two = (
    end_two.median("seed")
    .to_dataframe()
    .pivot_table(
        index=["variance_reduction", "momentum"],
        columns="batch_size",
        values="error",
    )
)
glue(
    "tab_set_two",
    Markdown(
        in_words(table_two).to_markdown(
            index=False, floatfmt=("", "g", *[".4f"] * len(sizes_two))
        )
    ),
    display=False,
)

# %% [markdown]
# ````{table} Set II: median relative margin error after the last step, by batch size (columns).
# :name: tab-set-two
#
# ```{glue:md} tab_set_two
# :format: myst
# ```
# ````

# %% tags=["hide-input"]
plain_two = runs_two.error.where(
    (runs_two.momentum == 0) & ~runs_two.variance_reduction, drop=True
).sortby("batch_size")
late = plain_two.where(plain_two.batch_size == 1, drop=True).sel(
    step=[steps // 10, steps], method="nearest"
)
claim(
    "fig-1-plateau",
    (
        "For batches of one, normalised SGD without momentum does not approach"
        " the maximum margin."
    ),
    kind="paper",
    where=(
        "Section 5, Figure 1 (a) (v1), and the abstracts (batches of one"
        " without momentum)"
    ),
    tested=(
        "set II, b = 1: the median error at the end is no smaller than 0.9"
        " times that at a tenth of the run, and above 0.2"
    ),
    holds=bool(
        (
            late.median("seed").diff("step")
            > -0.1 * late.median("seed").isel(step=0)
        ).all()
        and (late.isel(step=-1) > 0.2).all()
    ),
    without=untested(sizes_two, mixture.n, 1, 1),
    tolerance="10 % over the last decade of steps",
    because=(
        "every converging method here improves by a factor of three over"
        " the same decade"
    ),
    caveat=(
        "One batch size on one data set. A plateau is a statement about"
        " this horizon: 10 % a decade is allowed."
    ),
)

# %% tags=["hide-input"]
repaired = end_two.where(
    end_two.variance_reduction | (end_two.momentum == 0.99), drop=True
)
full_two = float(plain_two.isel(optimizer=-1, step=-1).median())
claim(
    "fig-1-repair",
    "Momentum near one, or variance reduction, repairs every batch size.",
    kind="paper",
    where="Section 5, Figure 1 (e)-(i) (v1), and the abstract of v1",
    tested=(
        "set II, momentum 0.99 or VR, every batch size and shuffle, against"
        " the full batch"
    ),
    holds=bool((repaired - full_two < 0.01).all()),
    without=untested(sizes_two, mixture.n),
    tolerance="0.01 in relative error",
    because=(
        "ten times less than the smallest gap that batches of ten leave"
        " without either"
    ),
)

# %% [markdown]
# ## The answer
#
# Not the same classifier: without momentum the batch size decides how far from the maximum margin the run ends, and for single
# samples it stays there. Enough momentum, or variance reduction at any momentum, makes all of them approach the one maximum-margin
# solution. How much momentum is enough, and why, is the subject of Section 4.2.
