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
# (sec-beyond)=
# # X Beyond the paper
#
# **The question.** What would a reader try next? Longer runs, other norms, the approximation that practice uses, real data. Everything on this
# page is ours; nothing here is a claim of the paper unless the box says so.

# %% tags=["parameters"]
long_steps = 200_000
steps = 20_000
seeds = 3
data_seed = 0
mnist_n = 200

# %% tags=["remove-cell"]
from ibias_book.run.parameters import settle

settle(globals())

# %% tags=["remove-cell"]
from math import inf

from ibias_book.batches import parts
from ibias_book.claims import claim
from ibias_book.figures import margins as plots_margins
from ibias_book.provenance import show
from ibias_book.repository import archives
from ibias_book.steepest import fits, remedies, tables
from ibias_book.words import numbers
from IPython.display import Markdown
from myst_nb import glue

import ibias as ib
from ibias.optim.newton_schulz import CONVERGENT, NewtonSchulzSpectral

gaussian = ib.data.gaussian(seed=data_seed)
mixture = ib.data.mixture(seed=data_seed)
batches = parts(mnist_n, (25, 5))

# %% [markdown]
# ## 1. Is the gap a plateau?
#
# The runs of {numref}`fig-1` stop at some step, and an error that is still falling may look like one that has settled. Here are runs ten times as long, on set I, in the max and in the
# Frobenius norm.

# %%
lengths = {ib.MAX: ib.Power(0.05), ib.FROBENIUS: ib.Power(1.0)}
best = {n.text: ib.max_margin(gaussian, n) for n in lengths}
plain = ib.grid(
    norms=list(lengths), batch_sizes=[1, 10, 50, 100], schedule=lengths
)
averaged = ib.grid(
    norms=list(lengths), batch_sizes=[10], momenta=[0.99], schedule=lengths
)
reduced = ib.grid(
    norms=list(lengths),
    batch_sizes=[10],
    variance_reduction=[True],
    schedule=lengths,
)
runs = ib.relative_error(
    ib.sweep(
        gaussian,
        plain + averaged + reduced,
        seeds=range(seeds),
        steps=long_steps,
        record=ib.logspaced(80),
    ),
    best,
)

# %% tags=["hide-input"]
show(
    plots_margins.long_runs(runs),
    "fig-plateau",
    data=runs[["error"]],
    alt=(
        "Relative margin error over long runs. In the max"
        " norm mini-batches without momentum level off; in the Frobenius norm"
        " batches of ten and fifty keep falling."
    ),
    caption=(
        "**In the max norm every mini-batch without momentum stays near a"
        " plateau; in the Frobenius norm batches of ten and fifty do not.** "
        "Relative margin error on set I over long runs. Solid: no"
        " momentum; dashed: momentum 0.99; dotted: variance reduction."
    ),
    steps=long_steps,
    dataset=gaussian.name,
)

# %% tags=["hide-input"]
decade = runs.error.sel(
    step=[long_steps // 10, long_steps], method="nearest"
).median("seed")
fall = decade.isel(step=1) / decade.isel(step=0)
# where a batch can miss every support sample: set II
second = ib.max_margin(mixture, ib.FROBENIUS)
shy = ib.relative_error(
    ib.sweep(
        mixture,
        ib.grid(
            norms=[ib.FROBENIUS], batch_sizes=[1, 10], schedule=ib.Power(1.0)
        ),
        seeds=[0],
        steps=long_steps,
        record=[0, long_steps // 10, long_steps],
    ),
    {"frobenius": second},
).error.squeeze()
idle = mixture.n - len(second.support_vectors)
claim(
    "plateau-max",
    (
        "On set I the max-norm gap of mini-batches without momentum is nearly a"
        " plateau."
    ),
    kind="ours",
    where="ours; sharpens the reading of Figure 3 (v1, Appendix K)",
    tested=(
        "set I, SignSGD with b = 1, 10, 50: median error over the last"
        " decade of steps"
    ),
    holds=bool(
        (
            fall.sel(optimizer=["SignSGD b=1", "SignSGD b=10", "SignSGD b=50"])
            > 0.85
        ).all()
    ),
    tolerance="less than 15 % improvement over a decade",
    because="the converging methods improve threefold",
    caveat=(
        (
            "One data set, three batch sizes. Over the last decade the errors"
            " still fall by "
        )
        + ", ".join(
            f"{1 - float(v):.0%}"
            for v in fall.sel(
                optimizer=["SignSGD b=1", "SignSGD b=10", "SignSGD b=50"]
            )
        )
        + " (b = 1, 10, 50)."
    ),
)
claim(
    "no-plateau-frobenius",
    (
        "In the Frobenius norm only full batches reach the maximum margin,"
        " where a batch can miss every support sample."
    ),
    kind="paper",
    where="Section 5, Figure 1 (a)-(b) (v1), and the abstract of v2",
    tested=(
        f"set II, {idle} of {mixture.n} samples no support vectors, N-SGD,"
        f" {long_steps} steps: with b = 1 the error is"
        f" {float(shy[0, -1]):.3f}, a tenth of the run earlier"
        f" {float(shy[0, 1]):.3f}; with b = 10, where nearly every batch holds"
        f" a support vector, {float(shy[1, -1]):.3f} and"
        f" {float(shy[1, 1]):.3f}. Set I, where"
        f" {len(best['frobenius'].support_vectors)} of {gaussian.n} samples"
        " support: with b = 10 and 50 the median error falls by factors"
        f" {1 / float(fall.sel(optimizer='N-SGD b=10')):.1f} and"
        f" {1 / float(fall.sel(optimizer='N-SGD b=50')):.1f} over the same"
        " decade"
    ),
    verdict="holds with a caveat"
    if bool((fall.sel(optimizer=["N-SGD b=10", "N-SGD b=50"]) < 0.5).all())
    and bool(shy[0, -1] > 0.9 * shy[0, 1])
    and bool(shy[0, -1] > 0.2)
    else "not reproduced",
    because="none needed: factors of two a decade against ten per cent",
    caveat=(
        "Not for batches of ten or more that hold support vectors, as all do"
        " on set I and nearly all on set II: there mini-batches are several"
        " times slower, but not stuck."
    ),
)

# %% [markdown]
# ## 2. What a cosine can mean: faces of optimal classifiers
#
# In the max and spectral norms the optimum need not be unique. {numref}`tab-faces` gives the dimension of the set of optimal $W$, the optimal face, and the smallest
# cosine between two of ten points drawn at random from its boundary.

# %%
faces = tables.faces(
    {
        "set I": gaussian,
        "set II": mixture,
        "skewed": ib.data.scale_skewed(seed=data_seed),
        "digits 3-8": ib.data.digits((3, 8)),
    },
    [ib.MAX, ib.FROBENIUS, ib.SPECTRAL],
    draws=10,
)

# %% tags=["remove-cell"]
glue(
    "tab_faces",
    Markdown(
        faces.to_dataframe()
        .reset_index()
        .rename(
            columns={
                "face_dim": "dimension",
                "smallest_cosine": "smallest cosine",
            }
        )
        .to_markdown(index=False, floatfmt=("", "", ".0f", ".4f"))
    ),
    display=False,
)

# %% [markdown]
# ````{table} Optimal faces. A dimension of zero means that the optimum is unique.
# :name: tab-faces
#
# ```{glue:md} tab_faces
# :format: myst
# ```
# ````

# %% tags=["hide-input"]
claim(
    "non-uniqueness",
    (
        "In the max and the spectral norm convergence to *the* maximum-margin"
        " solution is a statement about the margin, not about the direction:"
        " the optimum need not be unique."
    ),
    kind="self-check",
    where="ours; qualifies every cosine in Figures 2 to 4",
    tested=(
        "face dimensions on four data sets and three norms: zero in the"
        " Frobenius norm, positive somewhere in the max and the spectral norm"
    ),
    holds=bool(
        (faces.face_dim.sel(norm="frobenius") == 0).all()
        and (faces.face_dim.sel(norm="max") > 0).any()
        and (faces.face_dim.sel(norm="spectral") > 0).any()
    ),
    because=(
        "none needed: dimensions are whole numbers, and zero in a strictly"
        " convex norm"
    ),
)

# %% [markdown]
# ## 3. The exact polar factor against Newton-Schulz
#
# Muon in practice replaces the polar factor $U V^\top$ of its signal by a few steps of the *Newton-Schulz* iteration, a polynomial of the matrix that moves its singular values towards 1.
# The coefficients in use are tuned for speed and do not converge: singular values end anywhere in about $[0.68, 1.13]$. Others do converge. Here both are compared with the exact factor,
# with the full batch and no momentum on set II, by the relative error of the *spectral* margin.

# %%
polar = ib.Power(0.3)
spectral = ib.max_margin(mixture, ib.SPECTRAL)
variants = [
    ib.SteepestDescent(ib.SPECTRAL, ib.FullBatch(), polar, name="exact"),
    ib.SteepestDescent(
        NewtonSchulzSpectral(5), ib.FullBatch(), polar, name="tuned, 5"
    ),
    ib.SteepestDescent(
        NewtonSchulzSpectral(10), ib.FullBatch(), polar, name="tuned, 10"
    ),
    ib.SteepestDescent(
        NewtonSchulzSpectral(20), ib.FullBatch(), polar, name="tuned, 20"
    ),
    ib.SteepestDescent(
        NewtonSchulzSpectral(20, CONVERGENT),
        ib.FullBatch(),
        polar,
        name="convergent, 20",
    ),
]
approximate = ib.sweep(mixture, variants, steps=steps, record=ib.logspaced(60))
approximate = ib.relative_error(
    approximate, dict.fromkeys(approximate.norm.values.tolist(), spectral)
)
wild = approximate.optimizer == "tuned, 20"

# %% tags=["hide-input"]
show(
    plots_margins.shortfall(approximate),
    "fig-newton-schulz",
    data=approximate[["error"]].assign(
        error=approximate.error.where(~wild),
        error_tuned_20=approximate.error.where(wild),
    ),
    alt=(
        "Relative error of the spectral margin: the exact polar factor keeps"
        " falling, the tuned Newton-Schulz variants level off above it."
    ),
    caption=(
        "**Muon's tuned coefficients slow the approach to the maximum"
        " margin; convergent ones cost nothing.** "
        "Shortfall of the spectral margin with the exact polar factor,"
        " with Muon's Newton-Schulz coefficients (5, 10, 20 iterations),"
        " and with convergent coefficients."
    ),
    tolerance={"error_tuned_20": 1e-2},
    because=(
        "twenty rounds of the tuned polynomial are a chaotic map of each"
        " singular value: rounding comes out at 3e-3"
    ),
    steps=steps,
    dataset=mixture.name,
)

# %% tags=["hide-input"]
last = approximate.error.isel(step=-1, seed=0)
claim(
    "newton-schulz-shortfall",
    (
        "More iterations of the tuned Newton-Schulz polynomial do not bring"
        " Muon closer to the spectral margin."
    ),
    kind="ours",
    where=(
        "ours; bears on the identification of Muon with the spectral norm in"
        " Section 3.1 (v1)"
    ),
    tested=(
        f"set II: errors {', '.join(f'{v:.3f}' for v in last.values)} in"
        " the order of the figure"
    ),
    holds=bool(
        (
            last.sel(optimizer=["tuned, 5", "tuned, 10", "tuned, 20"])
            > 1.5 * last.sel(optimizer="exact")
        ).all()
    ),
    tolerance="half as much again as the exact factor's error",
    because="the exact method's own error at this horizon is the yardstick",
)

# %% [markdown]
# ## 4. Between the norms
#
# Every exponent $p \in [1, \infty]$ defines an optimizer, entry-wise or on singular values. As $p$ moves, so does the classifier it approaches ({numref}`fig-exponents`).

# %%
small = ib.data.mixture(
    classes=4, per_class=10, dim=12, spread=0.6, seed=data_seed
)
exponents = [1, 1.15, 1.5, 2, 3, 6, 15, inf]
entrywise = fits.limits_by_exponent(small, ib.Entrywise, exponents, steps=steps)
schatten = fits.limits_by_exponent(small, ib.Schatten, exponents, steps=steps)

# %% tags=["hide-input"]
show(
    plots_margins.by_exponent(
        {"entry-wise p": entrywise, "Schatten p": schatten}
    ),
    "fig-exponents",
    data=entrywise.rename(
        {
            "gamma": "gamma_entrywise",
            "error": "error_entrywise",
            "reached": "reached_entrywise",
            "to": "to_entrywise",
        }
    ).merge(schatten),
    alt=(
        "Cosines between the optimum of exponent p and the optima of the max,"
        " Frobenius and spectral norms change smoothly with one over p, and"
        " each run ends close to its own optimum."
    ),
    caption=(
        "**The optimum moves smoothly with the exponent, and at every"
        " exponent the run ends close to its own.** "
        "Left: cosine of the optimum for exponent $p$ to three landmarks."
        " Right: how close full-batch steepest descent came to its own"
        " optimum."
    ),
    tolerance={"error": 1e-2, "error_entrywise": 2e-3, "reached": 1e-5},
    because=(
        "a step of the nuclear norm follows one singular pair alone and"
        " jumps where two tie (2e-3 has been seen at p = 1), that of a"
        " large p almost one sign (3e-4)"
    ),
    steps=steps,
    dataset=small.name,
)

# %% tags=["hide-input"]
claim(
    "any-exponent",
    (
        "With the full batch each method approaches the maximum margin of its"
        " own entry-wise or Schatten exponent p."
    ),
    kind="paper",
    where="Sections 3 and 4 (v1), stated for all p",
    tested=(
        "full batch, eight exponents in two families: largest relative margin"
        f" error {float(max(entrywise.error.max(), schatten.error.max())):.3f}"
    ),
    holds=bool((entrywise.error < 0.1).all() and (schatten.error < 0.1).all()),
    tolerance="0.1 in relative error",
    because=(
        "all runs have the same margin budget; log(active constraints)/q"
        " is then about 0.05"
    ),
)

# %% [markdown]
# ## 5. Handwritten digits
#
# These are real images: threes against eights, and all ten classes. They have more samples than features, unlike set I.

# %%
pair = ib.data.digits((3, 8))
steps_pair = {
    ib.MAX: ib.Power(0.05),
    ib.FROBENIUS: ib.Power(0.5),
    ib.SPECTRAL: ib.Power(0.5),
}
best_pair = {n.text: ib.max_margin(pair, n) for n in steps_pair}
choices = ib.grid(
    norms=list(steps_pair),
    batch_sizes=[1, 7, 51, 357],
    momenta=[0, 0.99],
    variance_reduction=[False, True],
    schedule=steps_pair,
)
digits_pair = ib.relative_error(
    ib.sweep(
        pair, choices, seeds=range(seeds), steps=steps, record=ib.logspaced(80)
    ),
    best_pair,
)

# %%
ten = ib.data.digits()
best_ten = {n.text: ib.max_margin(ten, n) for n in steps_pair}
choices_ten = ib.grid(
    norms=list(steps_pair),
    batch_sizes=[3, 599, 1797],
    momenta=[0, 0.99],
    variance_reduction=[False, True],
    schedule=steps_pair,
)
digits_ten = ib.relative_error(
    ib.sweep(
        ten, choices_ten, seeds=[0], steps=steps // 4, record=ib.logspaced(40)
    ),
    best_ten,
)

# %% tags=["hide-input"]
show(
    plots_margins.error_by_batch(digits_pair.error.isel(step=-1)),
    "fig-digits-pair",
    data=digits_pair[["error"]],
    alt=(
        "Digits three against eight: final margin error against batch size in"
        " three norms, lowest with momentum or variance reduction and for the"
        " full batch."
    ),
    caption=(
        "**On digits, too, momentum and variance reduction make up for small"
        " batches, but for single samples.** "
        "Digits 3 and 8 ($n = 357$): final relative margin error against"
        " batch size."
    ),
    rounding={"error": 1e-4},
    because=(
        "single samples with long momentum pass close to zero averages,"
        " where a normalised step magnifies rounding: 2e-5 has been seen"
    ),
    steps=steps,
    dataset=pair.name,
)

# %% tags=["hide-input"]
show(
    plots_margins.error_by_batch(digits_ten.error.isel(step=-1)),
    "fig-digits-ten",
    data=digits_ten[["error"]],
    alt=(
        "All ten digits: final margin error against batch size in three norms"
        " after a quarter of the steps."
    ),
    caption=(
        "**With ten digits batches of three separate nothing within these"
        " steps, with or without a remedy.** "
        "All ten digits ($n = 1797$): final relative margin error against"
        " batch size, a quarter of the steps, one shuffle."
    ),
    steps=steps // 4,
    dataset=ten.name,
)

# %% tags=["hide-input"]
end_pair = digits_pair.error.isel(step=-1).median("seed")
bare = end_pair.where(
    (end_pair.momentum == 0)
    & ~end_pair.variance_reduction
    & (end_pair.batch_size == 7),
    drop=True,
).values
repaired = end_pair.where(
    (end_pair.momentum == 0.99)
    & end_pair.variance_reduction
    & (end_pair.batch_size == 7),
    drop=True,
).values
claim(
    "digits",
    (
        "On real data, too, momentum and variance reduction together bring"
        " small batches closer to the maximum margin."
    ),
    kind="ours",
    where=(
        "ours; the claims of Section 5 (v1) on data that were not made for them"
    ),
    tested=(
        "digits 3-8, b = 7, max, Frobenius and spectral norm: errors"
        f" {numbers(bare, 3)} without either, {numbers(repaired, 3)} with both"
    ),
    holds=bool((repaired < bare).all()),
    because="none needed: an order",
    caveat=(
        "One pair of digits and one batch size; the two remedies are tested"
        " together only."
    ),
)

# %% [markdown]
# ## 6. MNIST
#
# The same question at 28 x 28 pixels: MNIST's threes against eights, and all ten classes, {glue:text}`mnist_shown` digits drawn at random. Far more
# features than samples, so every sample can be a support vector.
# Where they come from, or why the 8 x 8 digits stand in for them in this build: {glue:text}`mnist_source`.

# %%
mnist_pair, missing = archives.mnist_or_digits((3, 8), mnist_n, data_seed)
mnist_ten, _ = archives.mnist_or_digits(None, mnist_n, data_seed)
schedules = {
    ib.MAX: ib.Power(0.02),
    ib.FROBENIUS: ib.Power(0.5),
    ib.SPECTRAL: ib.Power(0.5),
}
best_mnist_pair = {n.text: ib.max_margin(mnist_pair, n) for n in schedules}
best_mnist_ten = {
    n.text: ib.max_margin(mnist_ten, n, tolerance=1e-4) for n in schedules
}
treatments = {"momenta": [0, 0.99], "variance_reduction": [False, True]}
runs_mnist_pair = ib.relative_error(
    ib.sweep(
        mnist_pair,
        ib.grid(
            norms=list(schedules),
            batch_sizes=batches,
            schedule=schedules,
            **treatments,
        ),
        seeds=range(seeds),
        steps=steps,
        record=ib.logspaced(40),
    ),
    best_mnist_pair,
)
runs_mnist_ten = ib.relative_error(
    ib.sweep(
        mnist_ten,
        ib.grid(
            norms=list(schedules),
            batch_sizes=batches[1:],
            schedule=schedules,
            **treatments,
        ),
        seeds=[0],
        steps=steps // 4,
        record=ib.logspaced(40),
    ),
    best_mnist_ten,
)

# %% tags=["remove-cell"]
glue("mnist_shown", mnist_n, display=False)
glue("mnist_source", missing or archives.images().source, display=False)
certified = tables.certified(
    {"3 against 8": best_mnist_pair, "ten classes": best_mnist_ten}
)
glue(
    "tab_mnist_margins",
    Markdown(
        certified.to_markdown(index=False, floatfmt=("", "", ".6f", ".0e", ""))
    ),
    display=False,
)

# %% [markdown]
# ````{table} Certified maximum margins: the lower bound, and the relative width that is proved. For two classes the optimum has rank one, so that Frobenius and spectral margins agree.
# :name: tab-mnist-margins
#
# ```{glue:md} tab_mnist_margins
# :format: myst
# ```
# ````

# %% tags=["hide-input"]
# single samples with long momentum pass close to zero averages, where a
# normalised step magnifies rounding: on another processor these end elsewhere
chaotic = runs_mnist_pair.optimizer.isin(
    [
        "N-MSGD b=1 beta=0.99",
        "Muon b=1 beta=0.99",
        "VR-N-MSGD b=1 beta=0.99",
        "VR-Muon b=1 beta=0.99",
    ]
)
error = runs_mnist_pair.error
show(
    plots_margins.error_by_batch(error.isel(step=-1)),
    "fig-mnist-pair",
    data=runs_mnist_pair[["error"]].assign(
        error=error.where(~chaotic), error_chaotic=error.where(chaotic)
    ),
    alt=(
        "MNIST three against eight: without remedies the final margin error"
        " rises steeply as the batch shrinks, in all three norms; with"
        " momentum or variance reduction it stays low down to batches of"
        " eight."
    ),
    caption=(
        "**On MNIST, too, momentum and variance reduction bring small"
        " batches closer to the maximum margin.** "
        "MNIST, 3 against 8: final relative margin error against batch size."
        " Single samples with momentum 0.99 in the Frobenius and the spectral"
        " norm: rounding alone moves the end by up to a half."
    ),
    rounding={"error_chaotic": 0.1},
    because=(
        "the four chaotic runs ended up to 0.04 elsewhere on another"
        " processor, all others within 3e-14"
    ),
    steps=steps,
    dataset=mnist_pair.name,
)
show(
    plots_margins.error_by_batch(runs_mnist_ten.error.isel(step=-1)),
    "fig-mnist-ten",
    data=runs_mnist_ten[["error"]],
    alt=(
        "MNIST, ten classes: final margin error against batch size in three"
        " norms, a quarter of the steps; the same order of methods."
    ),
    caption=(
        "**With momentum 0.99 the batch size hardly matters; the momentum"
        " itself delays the run.** "
        "MNIST, ten classes: final relative margin error against batch size,"
        " a quarter of the steps, one shuffle."
    ),
    rounding={"error": 1e-4},
    because="as in the figure above",
    steps=steps // 4,
    dataset=mnist_ten.name,
)

# %% tags=["hide-input"]
ends = [
    remedies.by_remedy(runs.error.isel(step=-1).median("seed"))
    for runs in (runs_mnist_pair, runs_mnist_ten)
]
small = [end.isel(batch_size=slice(None, -1)) for end in ends]
falls = [end.sel(remedy="none").diff("batch_size") for end in ends]
spreads = [
    end.isel(batch_size=0) / end.isel(batch_size=-1)
    for end in (end.sel(remedy="none") for end in ends)
]
helps = [
    part.sel(remedy=["momentum", "variance reduction"])
    / part.sel(remedy="none")
    for part in small
]
claim(
    "mnist-small-batches",
    (
        "On MNIST, too, a smaller batch without remedies ends further from the"
        " maximum margin, in every norm."
    ),
    kind="ours",
    where=(
        "ours; the claims of Section 5 (v1) on data that were not made for them"
    ),
    tested=(
        f"{mnist_n} digits, error at the smallest batch over that of the full"
        f" batch: 3 against 8 with b = {', '.join(map(str, batches))}: "
        + remedies.by_norm(spreads[0])
        + f"; ten classes with b = {', '.join(map(str, batches[1:]))}: "
        + remedies.by_norm(spreads[1])
    ),
    holds=all(bool((fall < 0).all()) for fall in falls),
    because="none needed: an order",
    without=missing,
)
claim(
    "mnist-remedies",
    (
        "On MNIST momentum alone, and variance reduction alone, bring every"
        " small batch closer to the maximum margin."
    ),
    kind="ours",
    where=(
        "ours; the claims of Section 5 (v1) on data that were not made for them"
    ),
    tested=(
        "the same runs, every batch size below the full one: error with one"
        " remedy over error with none, momentum "
        + ", variance reduction ".join(
            f"{float(min(h.sel(remedy=r).min() for h in helps)):.3f} to"
            f" {float(max(h.sel(remedy=r).max() for h in helps)):.2f}"
            for r in helps[0].remedy.values
        )
    ),
    holds=all(bool((h < 1).all()) for h in helps),
    because="none needed: an order",
    caveat=(
        "At this number of steps. Momentum is slow: on the full batch, which"
        " needs none, it ends at "
        + " and ".join(
            remedies.by_norm(
                full.sel(remedy="momentum") / full.sel(remedy="none")
            )
            for full in (end.isel(batch_size=-1) for end in ends)
        )
        + " times the error (two classes and ten)."
    ),
    without=missing,
)

# %% [markdown]
# ## The answer
#
# The claims survive longer runs, other norms and real images, with two corrections: in the Frobenius norm batches of ten or more that hold support vectors are merely late, and in
# the max and spectral norms a cosine to *the* solution can be a cosine to one point of a face.
