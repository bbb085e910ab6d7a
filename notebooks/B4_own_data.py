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
# (sec-fluctuating-own-data)=
# # B4 The paper's own experiments: MNIST and Shakespeare
#
# **The question.** Chapters B1 to B3 tested the theory on networks of ours. Does it hold in the experiments of the paper itself, and can its
# published numbers be had again?
#
# :::{admonition} In one minute
# :class: tip ibias-minute
# The public code of [arXiv:2605.22644](https://arxiv.org/abs/2605.22644) trains a network of 386 parameters on MNIST and a transformer of 960
# on Shakespeare. At its settings most of the published numbers come out again, the stationary formula's failure over all directions among
# them. That failure is repaired here: the finite-time formula, followed along the path of the mean, gives the variance along nearly every direction
# that has noise, with replacement and reshuffled, and nothing is fitted. Two published numbers mean less than they seem to. The flattest
# directions of that network are symmetries that no batch can move, so that what was measured there is rounding; and the better mean of a
# drift-corrected walk is the luck of 32 runs.
# :::
#
# **What is theirs and what is ours.** Models, numbers of samples and runs, batches of 64, step sizes and the definition of every number are
# read off the public code. The experiments keep the names they have there (EXP2, EXP5, ...), and the network of 386 parameters is called MLP-386. The images are ours: 10,000 digits of MNIST are at hand here, and where the paper takes the first of them, we draw
# as many by a seed. They are pooled to 6 x 6 as in that code, in windows of five or six pixels, which overlap since 28 is no multiple of 6.
# Weights, batches and the number of repetitions are ours as well. Every number below is a mean over seeds with its standard error, where
# the paper has one run.

# %% tags=["parameters"]
networks = 3
repetitions = 6
reshuffled_repetitions = 3
toys_repetitions = 4
walk_repetitions = 12

# %% tags=["remove-cell"]
from ibias_book.run.parameters import settle

settle(globals())

# %% tags=["remove-cell"]
import numpy as np
import pandas as pd
from ibias_book.claims import claim
from ibias_book.figures import published as plots_published
from ibias_book.fluctuating.published import (
    ensembles,
    langevin,
    language,
    mlp386,
    stationary,
    step_sizes,
    table,
    toys,
)
from ibias_book.fluctuating.published import transformer as language_network
from ibias_book.provenance import show
from ibias_book.words import counted
from IPython.display import Markdown
from myst_nb import glue

# %% tags=["hide-input"]
no_mnist = mlp386.digits().without
no_plays = language_network.transformer().without
images = mlp386.digits().name
compared = "could not be" if no_plays else "were"
glue("b4_images", Markdown(images), display=False)
glue("b4_compared", Markdown(compared), display=False)

# %% [markdown]
# The images of this page are {glue:md}`b4_images`. The transformer's runs are of Shakespeare's text; they ship with the book, and
# {glue:md}`b4_compared` compared with the text here. Where one of the two data sets was not at hand when the book was built, the page computes
# with what it has, and what it says of the paper's is marked as not tested.
#
# ## EXP2: the stationary formula, and every direction
#
# From a point that 500 steps of SGD have reached, 128 replicas run another 500 steps with $\eta = 0.05$. The public code compares the
# variance along each eigenvector of the Hessian with $\eta\operatorname{Var}(G_i)/(2|\lambda_i| + 10^{-6})$. That point is no minimum: its
# gradient is not small, many of its eigenvalues are negative, and the mean of the replicas moves on while they spread. So we follow the
# mean $m_t$, which is gradient descent on the whole loss, and linearise around it; $\Sigma_t$ is the covariance of the replicas:
#
# $$\Sigma_{t+1} = (1-\eta H_t)\,\Sigma_t\,(1-\eta H_t) + \eta^2\,C_t, \qquad H_t = \nabla^2 L(m_t),\quad
# C_t = \operatorname{Cov} g_B(m_t).$$ (eq-path)
#
# This is called the *formula along the path*. Reshuffled, the batches of an epoch sum to zero and only the deviations of their weights from the mean weight count, as in
# {ref}`chapter B3 <sec-fluctuating-reshuffling>`; the term of second order, $\eta^4\operatorname{Var}X$, is added. Its traces are taken from
# products of sample Hessians with vectors, so that no sample's Hessian is ever formed.

# %%
runs = list(map(stationary.measured, range(networks)))
exp2 = pd.DataFrame(map(stationary.published_scores, runs))
along = pd.DataFrame(map(stationary.agreement, runs))

# %% tags=["hide-input"]
everything = pd.concat(
    [run.to_dataframe() for run in runs], keys=range(networks)
)
show(
    plots_published.every_mode(runs),
    "fig-b4-every-mode",
    data=everything.reset_index(names=["seed", "number"]),
    alt="Measured against predicted variance of every noisy mode of the"
    " network, seed by seed. The formula along the path lies on the"
    " diagonal over six decades in both panels; the stationary formula"
    " leaves it by orders of magnitude for the flat modes.",
    caption="**The formula along the path predicts the variance of nearly every"
    " noisy mode; the stationary formula does not.** "
    "Variance along every noisy eigenvector of MLP-386,"
    f" {counted(networks, 'seed')}."
    " Left: 500 steps with replacement, 128 replicas. Right: five"
    " reshuffled epochs.",
    seeds=range(networks),
)
kept = along.mean()
glue("b4_noisy", int(kept["noisy modes"]), display=False)
glue("b4_still", int(386 - kept["noisy modes"]), display=False)
glue("b4_wr_ratio", float(kept["independent: median ratio"]), display=False)
glue("b4_rr_ratio", float(kept["reshuffled: median ratio"]), display=False)
glue("b4_wr_z", float(kept["independent: spread of z"]), display=False)
glue("b4_rr_z", float(kept["reshuffled: spread of z"]), display=False)
glue("b4_log", float(kept["independent: log-correlation"]), display=False)
below = int((runs[0].curvature < -1e-4).sum())
glue("b4_negative", below, display=False)
glue("b4_all", float(exp2["log-correlation, all"].mean()), display=False)
shown = along.T.rename(columns="seed {}".format)
glue("tab_b4_path", Markdown(shown.to_markdown(floatfmt=".3f")), display=False)

# %% [markdown]
# ````{table} The formula along the path on every noisy mode of MLP-386. z is against the Gaussian standard error of 128 replicas.
# :name: tab-b4-path
#
# ```{glue:md} tab_b4_path
# :format: myst
# ```
# ````
#
# Of the 386 modes {glue:text}`b4_noisy` have noise, and {glue:text}`b4_negative` have a curvature below $-10^{-4}$ (first seed). Over all of
# them the logarithms of the stationary formula correlate with the measured ones at {glue:text}`b4_all:.2f`, those of the formula along the path
# at {glue:text}`b4_log:.4f`. The median ratio is {glue:text}`b4_wr_ratio:.3f`
# with replacement and {glue:text}`b4_rr_ratio:.3f` reshuffled, and the z values spread by {glue:text}`b4_wr_z:.2f` and
# {glue:text}`b4_rr_z:.2f`, where sampling alone would give 1.

# %% tags=["hide-input"]
frame = table.rows({"EXP2, MLP-386": exp2}).set_index("quantity")["agrees"]
top = ["log-correlation, top 48", "relative error, top 48"]
claim(
    "own-exp2-top",
    "On MLP-386 the stationary formula predicts the variance along the 48"
    " sharpest directions: logarithms correlate at 0.94.",
    kind="paper",
    where="public code of arXiv:2605.22644 (v1), EXP2",
    tested="the same network, settings and definitions,"
    f" {counted(networks, 'seed')}: is the published number one that a further"
    " seed could give?",
    holds=bool(frame[top].all()),
    tolerance="the 95 % interval of a further draw",
    because="the published number is one run; digits, weights and batches are"
    " drawn anew here",
    caveat="On the sharpest directions only. Over all of them it fails, in the"
    " paper and here.",
    without=no_mnist or table.alone(networks),
)
schemes = ["independent", "reshuffled"]
claim(
    "own-path-formula",
    "Along the path of the mean, the finite-time formula gives the variance of"
    " the noisy directions of MLP-386, all but a few in a hundred, with"
    " replacement and reshuffled, without a parameter.",
    kind="ours",
    where="ours; derived for this book",
    tested=f"all noisy modes, {counted(networks, 'seed')}, 128 replicas: 500"
    " steps with"
    " replacement and five reshuffled epochs at eta = 0.05",
    holds=bool(
        (along[[f"{s}: z below 4" for s in schemes]] >= 0.98).all(axis=None)
        and (along[[f"{s}: within 1.5" for s in schemes]] >= 0.97).all(
            axis=None
        )
        and (
            abs(along[[f"{s}: median ratio" for s in schemes]] - 1) < 0.12
        ).all(axis=None)
    ),
    tolerance="98 % of modes with |z| < 4, 97 % within a factor 1.5, median"
    " ratio within 12 %",
    because="a standard error is 12.5 % of a variance, modes of one run share"
    " its luck, and the next order in eta grows with the largest curvature",
    caveat="First order around the path; reshuffled, at the ends of epochs.",
    without=no_mnist,
)

# %% [markdown]
# ## EXP5: flat and sharp directions against the step size
#
# The public code takes the eight eigenvectors of smallest $|\lambda|$ as *flat* and the eight of largest $\lambda$ as *sharp*, and looks at
# the last third of 400 steps. Its flat directions are no valley. Adding one number to all ten outputs changes no probability: that makes nine
# directions (eight hidden units and the bias) along which *every* batch's gradient is zero. In double precision nothing moves there. In single
# precision, which that code uses, the computed eigenvectors lean a little towards the others, and what is measured is that leak. The eight
# flattest directions *with* noise are shown beside them.

# %%
first = step_sizes.measured(0, formula=True)
rest = list(map(step_sizes.measured, range(1, networks)))
exp5 = pd.DataFrame(map(step_sizes.published_scores, [first, *rest]))

# %% tags=["hide-input"]
show(
    plots_published.step_sizes(first),
    "fig-b4-step-sizes",
    data=first,
    tolerance={"plateau": 1e-6, "slope": 1e-3, "single": 2.0},
    rounding={"plateau": 1e-18, "slope": 1e-18},
    because="the flattest directions hold nothing but rounding, in double"
    " precision below 1e-18; in single precision it is the whole value",
    alt="Late variance against the step size. The eight flattest directions"
    " lie at rounding in double precision and near 1e-10 in single; the"
    " flattest noisy ones follow the predicted line. The sharp ones rise"
    " nearly in proportion to the step size, on their predicted line.",
    caption="**Along the flattest directions nothing moves but rounding; along"
    " those with noise the variance follows the formula.** "
    "Late variance of eight directions each, 24 replicas. Lines: the"
    " formula along the path, without a parameter.",
    seeds=[0],
)
noisy = first.slope.sel(group="flattest noisy")
exponents = step_sizes.slope_exponents(first)
still = first.plateau.sel(group="flattest", of="measured")
leak = first.single.sel(number="plateau")
glue("b4_still_variance", float(still.max()), display=False)
glue("b4_leak", float(leak.max()), display=False)
glue("b4_noisy_exponent", float(exponents["measured"].value), display=False)
glue("b4_noisy_error", float(exponents["measured"].error), display=False)
glue("b4_path_exponent", float(exponents["predicted"].value), display=False)
glue("b4_path_error", float(exponents["predicted"].error), display=False)
fit = step_sizes.plateau_exponent(first)
glue("b4_sharp_exponent", float(fit.value), display=False)
glue("b4_sharp_error", float(fit.error), display=False)

# %% [markdown]
# Along the flattest eight the variance is at most {glue:text}`b4_still_variance:.0e` in double precision, against
# {glue:text}`b4_leak:.0e` in single. Along the flattest noisy ones its late slope grows as $\eta$ to the power
# {glue:text}`b4_noisy_exponent:.2f` ± {glue:text}`b4_noisy_error:.2f`; the formula along the path says {glue:text}`b4_path_exponent:.2f` ±
# {glue:text}`b4_path_error:.2f`. That is more than the 2 of pure diffusion, and the formula says why: after 100 steps of training the point
# is still on its way, a larger step carries the replicas further along the path in the same number of steps, and the noise grows on the way.
# The plateau of the sharp directions has the exponent {glue:text}`b4_sharp_exponent:.2f` ± {glue:text}`b4_sharp_error:.2f`.

# %% tags=["hide-input"]
frame = table.rows({"EXP5-lr": exp5}).set_index("quantity")["agrees"]
claim(
    "own-exp5-flat",
    "Along the eight flattest directions of MLP-386 mini-batch noise makes the"
    " variance grow, with a slope of the order of eta to the power 3.07.",
    kind="paper",
    where="public code of arXiv:2605.22644 (v1), EXP5-lr",
    tested="the same directions in double and in single precision, 24 replicas,"
    " four step sizes",
    verdict="contradicted"
    if bool(still.max() < 1e-12 * leak.max())
    else "not reproduced",
    because="the gradient of every batch is zero along a symmetry of the"
    " softmax; in double precision the variance is rounding, twelve orders"
    " and more below the published ones",
    caveat="The exponent of the flattest directions that do have noise is that"
    " of the formula along the path.",
    without=no_mnist,
)
claim(
    "own-exp5-sharp",
    "Along the eight sharpest directions of MLP-386 the variance reaches a"
    " plateau that grows as eta to the power 0.89.",
    kind="paper",
    where="public code of arXiv:2605.22644 (v1), EXP5-lr",
    tested=f"the same settings, {counted(networks, 'seed')}, exponent and"
    " plateau",
    holds=bool(
        frame[["exponent, sharp plateau", "sharp plateau at 0.1"]].all()
    ),
    tolerance="the 95 % interval of a further draw",
    because="the published number is one run of 24 replicas",
    without=no_mnist or table.alone(networks),
)

# %% [markdown]
# ## EXP33, EXP35, EXP43: few runs
#
# *EXP33* asks how diagonal the covariance of 32 runs is in the basis of the Hessian: the share of its squared entries on the diagonal, along
# six flat and six sharp directions. *EXP35* divides the trace of the covariance of eight reshuffled runs, at an epoch's end, by that with
# replacement. *EXP43* compares SGD with two Gaussian walks whose coefficients are frozen at the first point: drift $-\eta g$, and
# $-\eta g - \tfrac{\eta^2}{2} Hg$, both with the covariance of the batches' gradients.

# %%
exp33 = pd.DataFrame(map(ensembles.eigenbasis_mass, range(repetitions)))
exp35 = pd.DataFrame(map(ensembles.trace_ratio, range(reshuffled_repetitions)))
exp43 = pd.DataFrame(map(langevin.comparison, range(walk_repetitions)))

# %% tags=["hide-input"]
mass, walk = exp33.mean(), exp43.mean()
glue("b4_mass", float(mass.iloc[0]), display=False)
glue("b4_mass_many", float(mass.iloc[1]), display=False)
glue("b4_mass_axes", float(mass.iloc[2]), display=False)
glue("b4_trace", float(exp35["trace ratio, formula"].mean()), display=False)
glue("b4_walk", float(walk.iloc[2]), display=False)
glue("b4_walk_path", float(walk.iloc[3]), display=False)
wins = (exp43.iloc[:, :2] > 1).sum()
glue("b4_wins_mean", int(wins.iloc[0]), display=False)
glue("b4_wins_covariance", int(wins.iloc[1]), display=False)
glue("b4_repetitions", walk_repetitions, display=False)
ours = table.rows({"EXP33": exp33, "EXP35": exp35, "EXP43": exp43})
frame = ours.set_index("quantity")["agrees"]
claim(
    "own-exp33",
    "The covariance of SGD's runs is nearly diagonal in the basis of the mean"
    " Hessian: 0.85 of its squared entries.",
    kind="paper",
    where="public code of arXiv:2605.22644 (v1), EXP33",
    tested=f"the same settings, {counted(repetitions, 'seed')}; and the formula"
    " along the path, which is the limit of many runs",
    holds=bool(frame["diagonal mass, Hessian's basis"]),
    tolerance="the 95 % interval of a further draw",
    because="the published number is one set of 32 runs",
    caveat="With 32 runs most of what is off the diagonal is sampling: the"
    f" formula says {mass.iloc[1]:.2f}. The first twelve parameters, in no"
    f" special basis, have {mass.iloc[2]:.2f}.",
    without=no_mnist or table.alone(repetitions),
)
claim(
    "own-exp35",
    "At the end of an epoch, reshuffled runs have a small part of the variance"
    " of runs with replacement: 0.00045.",
    kind="paper",
    where="public code of arXiv:2605.22644 (v1), EXP35",
    tested="the same settings,"
    f" {counted(reshuffled_repetitions, 'seed')}, and the formula's ratio",
    holds=bool(
        frame["trace ratio"]
        and (abs(np.log(exp35.iloc[:, 0] / exp35.iloc[:, 1]).mean()) < 0.35)
    ),
    tolerance="the 95 % interval of a further draw; 35 % between measured and"
    " predicted",
    because="eight runs leave 50 % of a variance open, few directions carry"
    " the trace, and three seeds hardly halve that",
    without=no_mnist or table.alone(reshuffled_repetitions),
)
claim(
    "own-exp43-mean",
    "A drift corrected by (eta/2) H g describes the mean of SGD on MLP-386"
    " better than the plain one, by a factor of 1.87.",
    kind="paper",
    where="public code of arXiv:2605.22644 (v1), EXP43",
    tested="the published comparison with 32 runs,"
    f" {counted(walk_repetitions, 'seed')}; and 512 runs of SGD against the"
    " exact means of both walks",
    verdict="contradicted"
    if bool((exp43.iloc[:, 2] < 1).all())
    else "not reproduced",
    because="the coefficients are frozen: SGD slows down as its gradient"
    " falls, and the correction of this sign makes the frozen walk faster;"
    " without sampling error it is worse for every seed",
    caveat="The published factor is among those that 32 runs give by chance."
    f" What describes the mean is the path, {walk.iloc[3]:.0f} times better"
    " than the plain walk.",
    without=no_mnist,
)

# %% [markdown]
# The diagonal holds {glue:text}`b4_mass:.2f` of the squared entries with 32 runs and {glue:text}`b4_mass_many:.2f` in the limit of many; in
# the basis of the first twelve parameters it is {glue:text}`b4_mass_axes:.2f`. The formula's ratio of traces is {glue:text}`b4_trace:.1e`.
# Without sampling error the corrected walk's mean is not better than the plain one's but slightly worse, a factor of
# {glue:text}`b4_walk:.2f`, and the two covariances are equal by construction. In {glue:text}`b4_repetitions` repetitions with 32 runs the corrected walk comes out
# better {glue:text}`b4_wins_mean` times in the mean and {glue:text}`b4_wins_covariance` times in the covariance: chance decides.
#
# ## EXP27 and EXP29: one direction
#
# *EXP27* scans step sizes and fluctuations of the slope for points between the two conditions of {ref}`chapter B1 <sec-fluctuating-theory>`:
# stable for Langevin, unstable for the discrete equation. *EXP29* lets a flat direction drift.

# %%
spreads = pd.DataFrame(map(toys.drift_spreading, range(toys_repetitions)))
exp29 = spreads.assign(**toys.drift_formulas())
exp27 = pd.DataFrame(
    {
        "share found unstable": map(
            toys.unstable_share, range(toys_repetitions)
        ),
        "points in the strip": len(toys.strip()),
    }
)

# %% tags=["hide-input"]
growth = toys.growth_in_strip()
glue("b4_growth", float(growth.min()), display=False)
glue("b4_spread", float(exp29["final variance"].mean()), display=False)
glue("b4_spread_error", float(exp29["final variance"].sem()), display=False)
glue("b4_exact", float(exp29["exact recursion"][0]), display=False)
glue("b4_theirs", float(exp29["published formula"][0]), display=False)
ours = table.rows({"EXP27": exp27, "EXP29": exp29})
frame = ours.set_index("quantity")["agrees"]
claim(
    "own-exp27",
    "Between the two stability conditions SGD is unstable where Langevin says"
    " it is stable: seven points of the grid, of which 86 % are seen so.",
    kind="paper",
    where="public code of arXiv:2605.22644 (v1), EXP27",
    tested="the same grid, rule and 16,000 runs,"
    f" {counted(toys_repetitions, 'seed')}; the exact growth of the variance",
    holds=bool(
        frame[["points in the strip", "share found unstable"]].all()
        and (growth > 1).all()
    ),
    tolerance="the published digits",
    because="the rule's outcome does not depend on the seed here",
    caveat="The exact variance grows at all seven points; 16,000 runs do not"
    " see it where it grows by the rare largest of them.",
)
claim(
    "own-exp29",
    "A drifting flat direction spreads as t cubed through eta^2 s2 mu^2, a"
    " thousand times more than by diffusion.",
    kind="paper",
    where="public code of arXiv:2605.22644 (v1), EXP29",
    tested="the same settings, 50,000 runs,"
    f" {counted(toys_repetitions, 'seed')}, and the exact recursion",
    holds=bool(frame[["tail exponent", "pure diffusion"]].all())
    and bool(
        abs(exp29["final variance"].mean() - exp29["exact recursion"][0])
        < 4 * exp29["final variance"].sem() + 0.01
    ),
    tolerance="the 95 % interval of a further draw; 4 standard errors of the"
    " exact variance",
    without=table.alone(toys_repetitions),
    because="the recursion of the second moment is exact",
    caveat="The published formula leaves out that the variance fluctuates as"
    " well, and is 7 % low.",
)

# %% [markdown]
# At all seven points the exact variance grows, at the least by a factor of {glue:text}`b4_growth:.3f` a step. The drifting direction
# ends with the variance {glue:text}`b4_spread:.2f` ± {glue:text}`b4_spread_error:.2f`; the published formula says
# {glue:text}`b4_theirs:.2f`, the exact recursion {glue:text}`b4_exact:.2f`.
#
# ## EXP2 on the transformer
#
# A character transformer of width 8 with one head and one layer, 960 parameters, on 4,736 overlapping windows of 16 letters: 48 replicas,
# 500 steps, $\eta = 0.001$. Its Hessian is that of the first 256 windows, as in the public code. The text is the opening of *Coriolanus* in 25
# characters, a blank and the letters a to x. The paper's starting point is not public; ours is 2,000 steps of SGD at 0.01. The runs were made
# by a program of this book and ship with it; the first 20 steps of one seed are run again here.

# %%
language_runs = list(map(language.run, language.SEEDS))
spoken = pd.DataFrame(map(language.published_scores, language_runs))
difference = 0.0 if no_plays else language.first_steps_again()
follows = pd.DataFrame(map(language.agreement, language_runs))

# %% tags=["hide-input"]
letters = pd.concat(
    [run.to_dataframe() for run in language_runs], keys=language.SEEDS
)
show(
    plots_published.transformer(language_runs),
    "fig-b4-transformer",
    data=letters.reset_index(names=["seed", "number"]),
    alt="Measured against predicted variance of the transformer's modes. Among"
    " the top 48 both formulas form one small cloud; over all modes the"
    " stationary formula leaves the diagonal and the one along the path"
    " stays on it.",
    caption="**On a transformer, too, the formula along the path predicts the"
    " variances, and the stationary one does not.** "
    f"The transformer, {counted(len(language_runs), 'seed')}. Left: the 48"
    " modes of largest curvature. Right: all that have noise.",
    seeds=language.SEEDS,
)
spread = follows.mean()
glue("b4_again", float(difference), display=False)
glue("b4_expected", float(language.sampling_error()), display=False)
glue(
    "b4_language_error",
    float(spoken["relative error, top 48"].mean()),
    display=False,
)
glue("b4_language_all", float(spread["log-correlation"]), display=False)
glue("b4_language_ratio", float(spread["median ratio"]), display=False)
claim(
    "own-transformer",
    "On the transformer the formula along the path gives the variance of the"
    " noisy directions, all but a few in a hundred, where the stationary"
    " formula fails.",
    kind="ours",
    where="ours; the setting is EXP2-NanoGPT of the public code of"
    " arXiv:2605.22644",
    tested=f"all noisy modes, {counted(len(language_runs), 'seed')}, 48"
    " replicas, 500 steps",
    holds=bool(
        (follows["z below 4"] >= 0.95).all()
        and (abs(follows["median ratio"] - 1) < 0.15).all()
        and (spoken["log-correlation, all"] < 0.9).all()
    ),
    tolerance="95 % of modes with |z| < 4, median ratio within 15 %",
    because="a standard error is 21 % of a variance; the path's Hessians are"
    " those of every fourth window",
    caveat="First order around the path, two segments.",
    without=no_plays,
)

# %% [markdown]
# The steps run again differ from the file by {glue:text}`b4_again:.0e` of a variance. On the top 48 modes the stationary formula's relative
# error is {glue:text}`b4_language_error:.2f`. A formula that is *exact* would show {glue:text}`b4_expected:.2f` there, since 48 runs leave a
# fifth of each variance open and 24 gradient batches a third of each prediction; and the variances of these modes differ by little more than
# that, so that no correlation is to be expected. The published failure on the top modes says nothing about the formula. Over all modes it
# does fail, and the formula along the path holds: correlation {glue:text}`b4_language_all:.3f`, median ratio
# {glue:text}`b4_language_ratio:.2f`.
#
# ## Every published number

# %% tags=["hide-input"]
everything = table.rows(
    {
        "EXP2, MLP-386": exp2,
        "EXP2, transformer": spoken,
        "EXP5-lr": exp5,
        "EXP33": exp33,
        "EXP35": exp35,
        "EXP43": exp43,
        "EXP27": exp27,
        "EXP29": exp29,
    },
    no_mnist,
    no_plays,
)
glue("tab_b4_rows", Markdown(table.markdown(everything)), display=False)
glue("b4_count", len(everything), display=False)
good = int((everything.verdict == "reproduced").sum())
glue("b4_good", good, display=False)

# %% [markdown]
# ````{table} Published and ours. A number counts as reproduced if it lies in the 95 % interval of one more draw of ours (ratios: of their logarithms), or equals ours to its digits. ± is the standard error of our mean.
# :name: tab-b4-rows
#
# ```{glue:md} tab_b4_rows
# :format: myst
# ```
# ````
#
# {glue:text}`b4_good` of {glue:text}`b4_count` numbers are reproduced. Numbers over *all* directions depend on a few that are nearly flat, and
# on the $10^{-12}$ that is added before a logarithm is taken; they scatter between runs, in the public record too.
#
# ## The answer
#
# The experiments can be had again from the public record, and most of their numbers with them. What they were meant to show is true in a
# stronger form than the paper's: not a stationary formula on the sharpest directions, but a finite-time one along the path, on nearly every direction that has noise
# and under both ways of drawing batches.
#
# ```{admonition} Open
# - The next order in $\eta$ around the path, which shows in the spread of z after many reshuffled epochs.
# - The paper's own starting point of the transformer, and EXP3 with its 6,400 images.
# ```
