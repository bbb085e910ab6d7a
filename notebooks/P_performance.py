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
# (sec-performance)=
# # P How fast, and how well the engines agree
#
# **The question.** Figures like the paper's take hundreds of runs; here 600: three norms, five batch sizes, four momenta, with and without variance
# reduction, five shuffles (our grid; the paper's is not public). What does a step cost here, beside the loop one writes first, beside other people's optimizers, and beside what the
# machine could do? And do the fast engines give the same answer?
#
# Everything on this page comes from one committed file, `benchmarks/results.json`. The command that makes it is
#
# ```
# make bench
# ```
#
# What is measured is the CPU time of one thread, with every library pinned to it. The contenders of a cell take turns, so that a busy machine slows them alike; each
# number is the median of three rounds. The data have $n = 500$ samples of $k = 10$ classes. Nothing here is a setting of the paper.

# %% tags=["parameters"]
agreement_steps = 500

# %% tags=["remove-cell"]
from ibias_book.run.parameters import settle

settle(globals())

# %% tags=["remove-cell"]
import json
from pathlib import Path

import pandas as pd
from ibias_book.claims import claim
from ibias_book.figures import performance as plots_performance
from ibias_book.provenance import show
from ibias_book.steepest.agreement import agreement
from IPython.display import Markdown
from myst_nb import glue

import ibias as ib

here = Path("notebooks") if Path("notebooks").is_dir() else Path()
results = json.loads((here / "../benchmarks/results.json").read_text())
frame = pd.DataFrame(results["cells"])
cells = (
    frame.set_index(["d", "norm", "b", "variance_reduction"])
    .drop(columns="runs")
    .to_xarray()
)
sweep = pd.DataFrame(results["sweep"]).set_index("d")
machine = results["machine"]
machine["vectors"] = "with" if machine["avx512"] else "without"
glue(
    "machine",
    (
        "{processor}, {cores} cores, {vectors} AVX-512, Python {python},"
        " {date}".format(**machine)
    ),
    display=False,
)
glue("dgemm", results["dgemm_gflops"], display=False)
glue("load", machine["load"], display=False)

# %% [markdown]
# Measured on {glue:text}`machine`; load average {glue:text}`load`; a large matrix product runs at {glue:text}`dgemm:.0f` Gflop/s on one thread.
#
# ## A step

# %% tags=["hide-input"]
show(
    plots_performance.step_costs(cells),
    "fig-step-costs",
    data=cells,
    alt="Microseconds per step and run against batch size on logarithmic axes,"
    " in four panels. The naive loop takes hundreds everywhere, "
    "the torch lanes tens, the compiled kernel from a fraction of one to tens,"
    " for large batches close to the work at matrix-product speed.",
    caption=(
        "**The compiled kernel is faster than a loop in torch at every batch"
        " size, most of all at small ones.** "
        "Cost of a step of one run; ours inside a block of 24 that share"
        " their mini-batches. Frobenius and max norm nearly coincide."
    ),
    seeds="none",
)

# %% [markdown]
# ## The 600 runs
#
# A planner removes what cannot matter: at $b = n$ neither the seed nor variance reduction changes anything, and at $b = 1$ without momentum
# and variance reduction every Schatten map is the Frobenius map (Lemma H.1). CPU seconds for $10^5$ steps:

# %% tags=["remove-cell"]
names = {
    "naive": "naive loop",
    "lanes_planned": "torch lanes",
    "kernel_every_run": "kernel, all 600",
    "kernel_planned": "kernel, planned",
    "planned_runs": "runs left",
    "speedup_lanes_planned": "lanes: times faster",
    "speedup_kernel_every_run": "kernel: times faster",
    "speedup_kernel_planned": "planned: times faster",
}
glue(
    "tab_sweep",
    Markdown(
        sweep[list(names)].rename(columns=names).T.to_markdown(floatfmt=",.0f")
    ),
    display=False,
)
peers = pd.DataFrame(results["peers"]).drop(columns="d").set_index("b")
glue(
    "tab_peers",
    Markdown(peers.T.rename_axis("batch size").to_markdown(floatfmt=",.1f")),
    display=False,
)
margins = pd.DataFrame(results["margins"])
glue(
    "tab_best_margins",
    Markdown(
        margins.rename(
            columns={"gap": "relative gap", "seconds": "CPU s"}
        ).to_markdown(index=False, floatfmt=("", "", "", ".2f", ".0e", ".10g"))
    ),
    display=False,
)

# %% [markdown]
# ````{table} CPU seconds of the sweep on one thread, by number of features.
# :name: tab-sweep
#
# ```{glue:md} tab_sweep
# :format: myst
# ```
# ````
#
# ## Other people's optimizers
#
# Ours is the cost per run in a block of 24, theirs of one run: they have no way to share a mini-batch. Adam and SGD are other methods and
# stand here as the floor of their library. Muon with Newton-Schulz is not the exact spectral map either.
#
# ````{table} Microseconds per step and run, d = 25.
# :name: tab-peers
#
# ```{glue:md} tab_peers
# :format: myst
# ```
# ````
#
# ## Maximum margins
#
# The gap is the width of the certified interval, relative to its upper end; for scikit-learn, which certifies nothing, the shortfall from
# our upper bound.
#
# ````{table} CPU seconds and certified relative gaps.
# :name: tab-margin-solvers
#
# ```{glue:md} tab_best_margins
# :format: myst
# ```
# ````
#
# ## How cost grows

# %% tags=["remove-cell"]
grown = pd.DataFrame(results["scaling"])
points = grown.explode(["values", "seconds"]).astype(
    {"values": float, "seconds": float}
)
points["point"] = points.groupby("quantity").cumcount()
points["ratio"] = points["values"] / points.groupby("quantity")[
    "values"
].transform("first")
points["cost"] = points["seconds"] / points.groupby("quantity")[
    "seconds"
].transform("first")
scaling = points.set_index(["quantity", "point"])[
    ["ratio", "cost", "seconds"]
].to_xarray()
scaling["slope"] = grown.set_index("quantity")["slope"].to_xarray()
glue("first", results["startup"]["first_cpu"], display=False)
glue("later", results["startup"]["later_cpu"], display=False)
glue("memory", results["memory"]["peak_mib"], display=False)

# %% tags=["hide-input"]
show(
    plots_performance.growth(scaling),
    "fig-growth",
    data=scaling,
    alt=(
        "CPU time relative to the smallest size against that size for samples,"
        " features, classes, runs and steps; all near the line of slope one."
    ),
    caption=(
        "**The cost grows no faster than any of the sizes.** "
        "Growth of the kernel's cost: Signum at $b = 50$; for $n$ the full"
        " batch."
    ),
    seeds="none",
)

# %% [markdown]
# The first call after installation compiles and takes {glue:text}`first:.0f` CPU seconds; a later process needs {glue:text}`later:.1f` s
# before it has run ten steps. The 600-run sweep at $d = 200$ peaks at {glue:text}`memory:.0f` MiB, Python and torch included.
#
# ## Agreement
#
# The same runs on every engine, device and precision at hand: distances of the weights from the compiled kernel's, relative to their
# Frobenius norm. The persistent kernel is a CUDA source, a thread block per run; on the CPU the same source is compiled to check it, and
# its speed there means nothing.

# %% tags=["remove-cell"]
norms = [ib.MAX, ib.FROBENIUS, ib.SPECTRAL]
methods = ib.grid(
    norms=norms,
    batch_sizes=[10, 50, 100],
    momenta=[0.0, 0.9],
    variance_reduction=[False, True],
    schedule=ib.Power(0.1),
)
mixture = ib.data.mixture(classes=10, per_class=10, dim=25, spread=0.6, seed=0)
report = pd.DataFrame(agreement(mixture, methods, steps=agreement_steps))
report = report.set_index("variant")
glue(
    "tab_agreement",
    Markdown(report.astype(object).fillna("").to_markdown(floatfmt=".0e")),
    display=False,
)
same = float(report.loc["CPU float64 (lanes)", "largest"])

# %% [markdown]
# ````{table} Distance from the compiled kernel on the CPU in float64, median and largest over all runs.
# :name: tab-agreement
#
# ```{glue:md} tab_agreement
# :format: myst
# ```
# ````

# %% tags=["hide-input"]
claim(
    "engines-agree",
    "The compiled kernel and the torch lanes compute the same runs.",
    kind="self-check",
    where="about this book, not about a paper",
    tested=(
        "weights of the compiled kernel and of the torch lanes after the"
        f" same {agreement_steps} steps, {len(methods)} methods"
    ),
    holds=same < 1e-10,
    tolerance="1e-10, relative",
    because=(
        "rounding of a few hundred steps is 1e-13; spectral steps on small"
        " batches without momentum multiply it by their condition"
    ),
)

# %% [markdown]
# ## Figures once more
#
# `ibias verify` computes the data under a figure again, from nothing, and compares them value by value with the book's. Here by other means
# than the book was made with: another backend, more threads, or the same programs compiled for a processor without vector instructions,
# which sums in another order. Differences are relative; values below a thousandth of their variable's largest count as if they were that large.
# A row shows the variable that came closest to its tolerance. The figures of chapters R and U and the one on weight decay in M2 are newer than this
# table and wait for their turn.

# %% tags=["remove-cell"]
verified = json.loads((here / "../benchmarks/verified.json").read_text())
again = (
    pd.DataFrame(verified["figures"])
    .T.rename_axis("figure")
    .reset_index()
    .sort_values(["notebook", "figure"])
)
shown = again[
    ["figure", "means", "largest", "variable", "tolerance", "seconds"]
].astype({"largest": float, "tolerance": float})
linked = shown.assign(
    figure="{numref}`" + shown.figure + "`", variable="`" + shown.variable + "`"
)
glue(
    "tab_verified",
    Markdown(
        linked.rename(
            columns={
                "largest": "difference",
                "variable": "of",
                "seconds": "seconds",
            }
        ).to_markdown(index=False, floatfmt=("", "", ".0e", "", ".0e", ""))
    ),
    display=False,
)
closest = shown.loc[(shown.largest / shown.tolerance).idxmax()]
glue(
    "verified_on",
    "{system}, {processor}, {date}; {versions}".format(**verified["machine"]),
    display=False,
)

# %% [markdown]
# Seen on {glue:text}`verified_on`:
#
# `````{dropdown} Figure by figure: means, difference, tolerance
# ````{table} Figures computed again by other means.
# :name: tab-verified
#
# ```{glue:md} tab_verified
# :format: myst
# ```
# ````
# `````

# %% tags=["hide-input"]
claim(
    "figures-again",
    "The data of a figure come out the same by other means.",
    kind="self-check",
    where="about this book, not about a paper",
    tested=(
        f"{len(again)} figures, all but those of chapters R and U and the one"
        f" of weight decay; closest to its tolerance: {closest.figure}, apart"
        f" by {closest.largest:.0e} where {closest.tolerance:.0e} is allowed"
    ),
    holds=bool(again.agrees.all()),
    tolerance="each figure's own, 1e-6 unless its fold says otherwise",
    because=(
        "what is rounding in one step grows with steps; a changed value of"
        " 0.1 % is found in every variable"
    ),
)

# %% [markdown]
# ## The answer
#
# Runs that share their mini-batches, one matrix product for all of them, and a compiled loop make the 600 runs a
# matter of minutes on one core instead of hours, at a small multiple of what the machine's matrix products would need, and the engines
# agree to rounding. Single precision is a different experiment: it is reported here, and used by no linear run of this book.
