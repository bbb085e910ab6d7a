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
# (sec-k)=
# # K Figures 3 and 4: the max norm and the spectral norm
#
# **The question.** Figure 1 was about normalised SGD. Is what it shows a property of the Frobenius norm, or of mini-batches? The paper
# answers with the same panels for SignSGD and Signum (max norm, Figure 3) and for Spectral-SGD and Muon (spectral norm, Figure 4), and one
# sentence: the qualitative behaviour is the same.
#
# :::{admonition} In one minute
# :class: tip ibias-minute
# The pattern is that of {ref}`chapter 5 <sec-experiment>`, in both norms: without momentum the error is ordered by batch size and only the full
# batch comes close to the maximum margin; momentum 0.99 or variance reduction bring small batches there too (single samples later). Two things differ. In the max
# norm the error of a mini-batch levels off early, on both data sets, and more momentum is needed to close the gap. And since optima need not be
# unique in these norms, the cosine to one of them says little and is not drawn.
# :::
#
# Settings are those of Section 5 (both data sets, batch sizes, momenta, five shuffles); the first step is $\eta_0 = 0.05$ (max, set I),
# $0.1$ (max, set II) and $0.3$ (spectral), our choice: they make $\eta_0\gamma$ about equal in the three norms. Optima need not be unique in
# these norms ({numref}`tab-faces` says where they are), so the error is the measure. The cosine to the optimum of least Frobenius norm is among the data under each figure; where
# there are several optima a value below one proves nothing, so it is not drawn.

# %% tags=["parameters"]
steps = 20_000
seeds = 5
batch_sizes = [1, 10, 20, 50, 100]
data_seed = 0

# %% tags=["remove-cell"]
from ibias_book.run.parameters import settle

settle(globals())

# %% tags=["remove-cell"]
import xarray as xr
from ibias_book.batches import compared, untested
from ibias_book.claims import claim
from ibias_book.figures import style as plots
from ibias_book.provenance import show
from ibias_book.words import in_words
from IPython.display import Markdown
from myst_nb import glue

import ibias as ib

drawn = ["error", "cosine", "log_loss"]
both_sets = xr.Variable("data", ["set I", "set II"])
gaussian = ib.data.gaussian(
    classes=10, per_class=10, dim=100, variance=1 / 100, seed=data_seed
)
mixture = ib.data.mixture(
    classes=10, per_class=10, dim=25, spread=0.6, seed=data_seed
)
sizes = compared(batch_sizes, gaussian.n)
choices = {
    "batch_sizes": sizes,
    "momenta": [0, 0.5, 0.99],
    "variance_reduction": [False, True],
}

# %% [markdown]
# ## Figure 3: SignSGD and Signum

# %%
best_max_one = ib.max_margin(gaussian, ib.MAX)
methods_max_one = ib.grid(
    norms=[ib.MAX], schedule=ib.Power(0.05, a=0.5), **choices
)
runs_max_one = ib.sweep(
    gaussian,
    methods_max_one,
    seeds=range(seeds),
    steps=steps,
    record=ib.logspaced(80),
    directions={"max": best_max_one.canonical},
)
runs_max_one = ib.relative_error(runs_max_one, {"max": best_max_one})

# %% tags=["remove-cell"]
end_max_one = runs_max_one.error.isel(step=-1)
full_max_one = float(
    end_max_one.sel(optimizer=f"SignSGD b={gaussian.n}").median()
)
table_max_one = (
    end_max_one.median("seed")
    .to_dataframe()
    .pivot_table(
        index=["variance_reduction", "momentum"],
        columns="batch_size",
        values="error",
    )
)
glue(
    "tab_max_one",
    Markdown(
        in_words(table_max_one).to_markdown(
            index=False, floatfmt=("", "g", *[".4f"] * len(sizes))
        )
    ),
    display=False,
)

# %% [markdown]
# ````{table} Max norm, set I: median relative margin error after the last step, by batch size (columns).
# :name: tab-max-one
#
# ```{glue:md} tab_max_one
# :format: myst
# ```
# ````

# %%
best_max_two = ib.max_margin(mixture, ib.MAX)
methods_max_two = ib.grid(
    norms=[ib.MAX], schedule=ib.Power(0.1, a=0.5), **choices
)
runs_max_two = ib.sweep(
    mixture,
    methods_max_two,
    seeds=range(seeds),
    steps=steps,
    record=ib.logspaced(80),
    directions={"max": best_max_two.canonical},
)
runs_max_two = ib.relative_error(runs_max_two, {"max": best_max_two})

# %% tags=["hide-input"]
show(
    plots.by_recipe(
        {
            "relative error, set I": runs_max_one.error,
            "relative error, set II": runs_max_two.error,
        }
    ),
    "fig-3",
    data=xr.concat([runs_max_one, runs_max_two], both_sets)[drawn],
    alt=(
        "Panels for SignSGD and Signum on two data sets (rows) and four recipes"
        " (columns), a line a batch size. Without memory the lines of smaller"
        " batches stay high; with momentum 0.99 or variance reduction they"
        " meet the full batch."
    ),
    caption=(
        "**In the max norm a small batch without memory stops short early,"
        " on both data sets.** The paper's Figure 3: relative error of the max"
        " margin. Median and range of the shuffles."
    ),
    steps=steps,
    datasets=f"{gaussian.name}; {mixture.name}",
)

# %% tags=["remove-cell"]
end_max_two = runs_max_two.error.isel(step=-1)
full_max_two = float(
    end_max_two.sel(optimizer=f"SignSGD b={mixture.n}").median()
)
table_max_two = (
    end_max_two.median("seed")
    .to_dataframe()
    .pivot_table(
        index=["variance_reduction", "momentum"],
        columns="batch_size",
        values="error",
    )
)
glue(
    "tab_max_two",
    Markdown(
        in_words(table_max_two).to_markdown(
            index=False, floatfmt=("", "g", *[".4f"] * len(sizes))
        )
    ),
    display=False,
)

# %% [markdown]
# ````{table} Max norm, set II: median relative margin error after the last step, by batch size (columns).
# :name: tab-max-two
#
# ```{glue:md} tab_max_two
# :format: myst
# ```
# ````

# %% tags=["hide-input"]
plain_max = end_max_one.where(
    (end_max_one.momentum == 0) & ~end_max_one.variance_reduction, drop=True
).sortby("batch_size")
claim(
    "fig-3-order",
    (
        "Without momentum the error grows as batches shrink; on set I single"
        " samples do not even separate the training set."
    ),
    kind="paper",
    where="Appendix K, Figure 3 (v1), read from its prose",
    tested=(
        "set I, median error at the last step ordered by batch size; above"
        " 1 at b = 1 in every shuffle"
    ),
    holds=bool(
        (plain_max.median("seed").diff("optimizer") < 0).all()
        and (plain_max.where(plain_max.batch_size == 1, 2) > 1).all()
    ),
    without=untested(sizes, gaussian.n, 1, 1),
    because=(
        "none needed: an order of medians, and errors above 1 in every shuffle"
    ),
    caveat=(
        "The second half is about set I: on set II single samples separate"
        " within the run (see the tables)."
    ),
)

# %% tags=["hide-input"]
tens_max = runs_max_two.error[runs_max_two.optimizer == "SignSGD b=10"]
late_max = tens_max.sel(step=[steps // 10, steps], method="nearest").median(
    "seed"
)
claim(
    "fig-3-plateau",
    (
        "A mini-batch without momentum stops short of the maximum margin and"
        " stays there."
    ),
    kind="paper",
    where="Appendix K, Figure 3 (v1), read from its prose",
    tested=(
        "set II, batches of ten: the median error does not improve by more"
        " than 10 % over the last decade of steps, and is above 0.2"
    ),
    holds=bool(
        (late_max.isel(step=1) > 0.9 * late_max.isel(step=0)).all()
        and (late_max.isel(step=1) > 0.2).all()
    ),
    without=untested(sizes, mixture.n, 10, 10),
    tolerance="10 % over a decade",
    because="converging methods here improve threefold over the same decade",
    caveat=(
        "One batch size (ten) on one data set, and this horizon; what the"
        " plateau is, and that some data have none, is not tested here."
    ),
)

# %% tags=["hide-input"]
repaired_max = end_max_two.where(
    (end_max_two.variance_reduction | (end_max_two.momentum == 0.99))
    & (end_max_two.batch_size >= 10),
    drop=True,
)
claim(
    "fig-3-repair",
    (
        "Momentum near one, or variance reduction, brings small batches to the"
        " full-batch solution."
    ),
    kind="paper",
    where="Appendix K, Figure 3 (v1), read from its prose",
    tested=(
        "set II, momentum 0.99 or VR, every b >= 10 and shuffle, against"
        " the full batch without momentum"
    ),
    holds=bool((repaired_max - full_max_two < 0.02).all()),
    without=untested(sizes, mixture.n, 10),
    tolerance="0.02 in relative error",
    because=(
        "momentum 0.99 delays even the full batch by 0.006, and the gaps"
        " to be closed are ten times that"
    ),
    caveat="Batches of one are later: see the tables.",
)

# %% [markdown]
# ## Figure 4: Spectral-SGD and Muon

# %%
best_spectral_one = ib.max_margin(gaussian, ib.SPECTRAL)
methods_spectral_one = ib.grid(
    norms=[ib.SPECTRAL], schedule=ib.Power(0.3, a=0.5), **choices
)
runs_spectral_one = ib.sweep(
    gaussian,
    methods_spectral_one,
    seeds=range(seeds),
    steps=steps,
    record=ib.logspaced(80),
    directions={"spectral": best_spectral_one.canonical},
)
runs_spectral_one = ib.relative_error(
    runs_spectral_one, {"spectral": best_spectral_one}
)

# %% tags=["remove-cell"]
end_spectral_one = runs_spectral_one.error.isel(step=-1)
full_spectral_one = float(
    end_spectral_one.sel(optimizer=f"Spectral-SGD b={gaussian.n}").median()
)
table_spectral_one = (
    end_spectral_one.median("seed")
    .to_dataframe()
    .pivot_table(
        index=["variance_reduction", "momentum"],
        columns="batch_size",
        values="error",
    )
)
glue(
    "tab_spectral_one",
    Markdown(
        in_words(table_spectral_one).to_markdown(
            index=False, floatfmt=("", "g", *[".4f"] * len(sizes))
        )
    ),
    display=False,
)

# %% [markdown]
# ````{table} Spectral norm, set I: median relative margin error after the last step, by batch size (columns).
# :name: tab-spectral-one
#
# ```{glue:md} tab_spectral_one
# :format: myst
# ```
# ````

# %%
best_spectral_two = ib.max_margin(mixture, ib.SPECTRAL)
methods_spectral_two = ib.grid(
    norms=[ib.SPECTRAL], schedule=ib.Power(0.3, a=0.5), **choices
)
runs_spectral_two = ib.sweep(
    mixture,
    methods_spectral_two,
    seeds=range(seeds),
    steps=steps,
    record=ib.logspaced(80),
    directions={"spectral": best_spectral_two.canonical},
)
runs_spectral_two = ib.relative_error(
    runs_spectral_two, {"spectral": best_spectral_two}
)

# %% tags=["hide-input"]
show(
    plots.by_recipe(
        {
            "relative error, set I": runs_spectral_one.error,
            "relative error, set II": runs_spectral_two.error,
        }
    ),
    "fig-4",
    data=xr.concat([runs_spectral_one, runs_spectral_two], both_sets)[drawn],
    alt=(
        "Panels for Spectral-SGD and Muon on two data sets (rows) and four"
        " recipes (columns), a line a batch size. Without memory the lines of"
        " smaller batches stay high; with momentum 0.99 or variance reduction"
        " they meet the full batch."
    ),
    caption=(
        "**The spectral norm orders the batches as the Frobenius norm does.**"
        " The paper's Figure 4: relative error of the spectral margin. Median"
        " and range of the shuffles."
    ),
    steps=steps,
    datasets=f"{gaussian.name}; {mixture.name}",
)

# %% tags=["remove-cell"]
end_spectral_two = runs_spectral_two.error.isel(step=-1)
full_spectral_two = float(
    end_spectral_two.sel(optimizer=f"Spectral-SGD b={mixture.n}").median()
)
table_spectral_two = (
    end_spectral_two.median("seed")
    .to_dataframe()
    .pivot_table(
        index=["variance_reduction", "momentum"],
        columns="batch_size",
        values="error",
    )
)
glue(
    "tab_spectral_two",
    Markdown(
        in_words(table_spectral_two).to_markdown(
            index=False, floatfmt=("", "g", *[".4f"] * len(sizes))
        )
    ),
    display=False,
)

# %% [markdown]
# ````{table} Spectral norm, set II: median relative margin error after the last step, by batch size (columns).
# :name: tab-spectral-two
#
# ```{glue:md} tab_spectral_two
# :format: myst
# ```
# ````

# %% tags=["hide-input"]
plain_spectral = end_spectral_one.where(
    (end_spectral_one.momentum == 0) & ~end_spectral_one.variance_reduction,
    drop=True,
).sortby("batch_size")
claim(
    "fig-4-order",
    (
        "Without momentum the error grows as batches shrink; on set I single"
        " samples do not even separate the training set."
    ),
    kind="paper",
    where="Appendix K, Figure 4 (v1), read from its prose",
    tested=(
        "set I, median error at the last step ordered by batch size; above"
        " 1 at b = 1 in every shuffle"
    ),
    holds=bool(
        (plain_spectral.median("seed").diff("optimizer") < 0).all()
        and (plain_spectral.where(plain_spectral.batch_size == 1, 2) > 1).all()
    ),
    without=untested(sizes, gaussian.n, 1, 1),
    because=(
        "none needed: an order of medians, and errors above 1 in every shuffle"
    ),
    caveat=(
        "The second half is about set I: on set II single samples separate"
        " within the run (see the tables)."
    ),
)

# %% tags=["hide-input"]
tens_spectral = runs_spectral_two.error[
    runs_spectral_two.optimizer == "Spectral-SGD b=10"
]
late_spectral = tens_spectral.sel(
    step=[steps // 10, steps], method="nearest"
).median("seed")
claim(
    "fig-4-plateau",
    (
        "A mini-batch without momentum stops short of the maximum margin and"
        " stays there."
    ),
    kind="paper",
    where="Appendix K, Figure 4 (v1), read from its prose",
    tested=(
        "set II, batches of ten: the median error does not improve by more"
        " than 10 % over the last decade of steps, and is above 0.2"
    ),
    holds=bool(
        (late_spectral.isel(step=1) > 0.9 * late_spectral.isel(step=0)).all()
        and (late_spectral.isel(step=1) > 0.2).all()
    ),
    without=untested(sizes, mixture.n, 10, 10),
    tolerance="10 % over a decade",
    because="converging methods here improve threefold over the same decade",
    caveat=(
        "One batch size (ten) on one data set, and this horizon; what the"
        " plateau is, and that some data have none, is not tested here."
    ),
)

# %% tags=["hide-input"]
repaired_spectral = end_spectral_two.where(
    (end_spectral_two.variance_reduction | (end_spectral_two.momentum == 0.99))
    & (end_spectral_two.batch_size >= 10),
    drop=True,
)
claim(
    "fig-4-repair",
    (
        "Momentum near one, or variance reduction, brings small batches to the"
        " full-batch solution."
    ),
    kind="paper",
    where="Appendix K, Figure 4 (v1), read from its prose",
    tested=(
        "set II, momentum 0.99 or VR, every b >= 10 and shuffle, against"
        " the full batch without momentum"
    ),
    holds=bool((repaired_spectral - full_spectral_two < 0.02).all()),
    without=untested(sizes, mixture.n, 10),
    tolerance="0.02 in relative error",
    because=(
        "momentum 0.99 delays even the full batch by 0.006, and the gaps"
        " to be closed are ten times that"
    ),
    caveat="Batches of one are later: see the tables.",
)

# %% [markdown]
# ## The answer
#
# The pattern of {numref}`fig-1` is not about the Frobenius norm. In the max norm it is sharper: the error of a mini-batch without momentum levels off early, on both data sets, and it takes
# more momentum to close the gap.
