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
# (sec-fluctuating-networks)=
# # B2 Networks: vision, language, and every mode
#
# **The question.** The abstract says that near a critical point SGD splits along the eigenvectors of the mean Hessian, that nearly flat
# directions diffuse for ever with a coefficient proportional to the step size, and that this is seen in networks for vision and language.
# Is it true of *every* eigenvector, with no parameter fitted?
#
# Two networks with one hidden layer, small enough for an exact Hessian: scikit-learn's digits pooled to 4 x 4 (226 parameters, SiLU), and
# the next character of the Gettysburg Address from the two before it (344 parameters, tanh). Cross-entropy with weight decay, trained by
# Newton's method to a gradient below $10^{-10}$. From that one point, 256 replicas run SGD with batches of 32. Three seeds each: another
# sample of the data, another minimum. The settings are ours; the paper's networks are not at hand.
#
# The trained points and the ensembles (the 256 replicas of a point) ship with the package, since a Newton path differs between linear-algebra libraries; the code that made
# them is `ibias_book.fluctuating.shipped`, and one ensemble is run again below. A *mode* is an eigenvector of the Hessian $H$ of the whole loss, $\lambda$ its eigenvalue.

# %% tags=["parameters"]
rerun_seed = 0
drift_eta = 0.05

# %% tags=["remove-cell"]
from ibias_book.run.parameters import settle

settle(globals())

# %% tags=["remove-cell"]
from ibias_book.claims import claim
from ibias_book.figures import replicas as plots_replicas
from ibias_book.fluctuating.studies import network_tables, networks
from ibias_book.provenance import show
from IPython.display import Markdown
from myst_nb import glue

# %%
again = network_tables.rerun("digits", rerun_seed)
spectrum = network_tables.spectrum("text")

# %% tags=["remove-cell"]
glue("b2_rerun", float(again.difference), display=False)
glue("b2_flat", int(spectrum.flat), display=False)
glue("b2_parameters", int(spectrum.parameters), display=False)
glue(
    "b2_lanczos",
    float(abs(spectrum.lanczos / spectrum.exact - 1).max()),
    display=False,
)

# %% [markdown]
# The run repeated on this machine differs from the file by at most {glue:text}`b2_rerun:.1e` of a variance. Along
# {glue:text}`b2_flat` of the {glue:text}`b2_parameters` eigenvectors of the text network $\eta|\lambda| t$ stays below 1 for the whole run at
# $\eta = 0.05$: they have no time to settle. (The
# largest eigenvalues also come from Lanczos iterations on Hessian-vector products, equal to {glue:text}`b2_lanczos:.0e`.) A few modes are
# exactly noiseless, symmetries of the softmax and characters
# that never occur; they are left out.
#
# ## Two formulas, all modes
#
# The public material around the paper compares measured variances with the *stationary* value $\eta\,c_i/(2|\lambda_i|)$, on the 48 modes of largest curvature. The mode equations of
# {ref}`chapter B1 <sec-fluctuating-theory>` say more, for every mode $i$ and time. Here a prime again marks the value after a step:
#
# $$\begin{aligned}
# v_i' &= (1-\eta\lambda_i)^2 v_i + \eta^2\Big(c_i + 2k_i\mu_i + \sum_j V_{ij}\,(v_j + \mu_j^2)\Big), \\
# \mu_i' &= (1-\eta\lambda_i)\mu_i - \eta g_i,
# \end{aligned}$$ (eq-closure)
#
# Here $g_i$ is the gradient of the whole loss along mode $i$, $c_i$ the variance of a batch's gradient along it, $V_{ij}$ the variance of the entry $(i,j)$ of a batch's Hessian, and
# $k_i$ the covariance of the gradient along mode $i$ with the entry $(i,i)$. Covariances between different modes are left out: this *closure* follows the diagonal only. Nothing is
# fitted. It is called the *finite-time formula* below.

# %%
runs = networks.independent_runs(("digits", "text"), etas=(0.05, 0.1))
early = networks.independent_runs(("digits-early", "text-early"), etas=(0.05,))
table = networks.agreement(runs + early)

# %% tags=["hide-input"]
show(
    plots_replicas.predicted_and_measured(
        [runs[0], runs[6], early[0], early[3]]
    ),
    "fig-b2-all-modes",
    data=network_tables.flattened([runs[0], runs[6], early[0], early[3]]),
    alt="Measured against predicted variance of every mode for four points."
    " The finite-time prediction lies on the diagonal "
    "everywhere; the stationary "
    "formula scatters away from it by orders of magnitude for flat modes, and"
    " at points that are no minima has no relation to the measurement.",
    caption="**The finite-time formula predicts the variance along the modes of"
    " both networks; the stationary one is too large for most.** "
    "Variance over 256 replicas against two parameter-free"
    " predictions. Top: minima. Bottom: points that training has not"
    " finished with (Adam, 400 steps, no decay).",
    seeds=range(256),
)
columns = {
    "within_4": "z below 4",
    "within_factor": "within 1.5",
    "median_log_ratio": "median log10 ratio",
    "correlation_closure": "finite time",
    "correlation_stationary": "stationary",
    "correlation_stationary_top": "stationary, top 48",
}
shown = table[list(columns)].rename(columns).to_dataframe().reset_index()
glue(
    "tab_b2_agreement",
    Markdown(shown.to_markdown(index=False, floatfmt=".3f")),
    display=False,
)

# %% [markdown]
# ````{table} Last step, all noisy modes: agreement with the finite-time formula, and correlations of logarithms with both formulas.
# :name: tab-b2-agreement
#
# ```{glue:md} tab_b2_agreement
# :format: myst
# ```
# ````
#
# The stationary formula does well on the steepest modes and badly over all of them, most at the points that are no minima. The reason is plain: where
# $\eta\lambda t < 1$ the variance has not had the time to settle, and where $\lambda < 0$ it never will. The finite-time formula repairs both.

# %% tags=["hide-input"]
points = network_tables.flattened(runs, ("variance", "closure", "z", "x"))
show(
    plots_replicas.z_values(points),
    "fig-b2-z",
    data=points,
    alt=(
        "z values of all modes at the last step against eta lambda t, for both"
        " networks, scattered evenly between minus four and four."
    ),
    caption=(
        "**The measured variances scatter around the finite-time formula by"
        " their sampling error.** "
        "$z$ of the measured variance against the finite-time formula: two"
        " networks, three seeds, two step sizes, every noisy mode, last step."
    ),
    seeds=range(3),
)
minima, unfinished = (
    table.isel(run=slice(0, len(runs))),
    table.isel(run=slice(len(runs), None)),
)
claim(
    "brownian-networks",
    "The theory is seen in neural networks for vision and for language.",
    kind="paper",
    where="abstract of arXiv:2605.22644 (v1)",
    tested="digits and character network, three seeds, eta 0.05 and 0.1, 1600"
    " steps, 256 replicas: the variance along every noisy Hessian"
    " eigenvector against the finite-time formula",
    holds=bool(
        (minima.within_4 >= 0.98).all()
        and (minima.within_factor >= 0.99).all()
        and (abs(minima.median_log_ratio) <= 0.03).all()
    ),
    tolerance=(
        "98 % of modes with |z| < 4, 99 % within a factor 1.5, median"
        " within 7 %"
    ),
    because=(
        "Gaussian standard errors of 256 replicas are 9 % of a variance;"
        " the rest is the next order in eta"
    ),
    caveat=(
        "With the finite-time formula. The stationary one fails over all"
        " modes (next claim), for language most of all."
    ),
)
fails = (
    (unfinished.correlation_stationary < 0.5).all()
    and (table.stationary_within_factor < 0.98).all()
    and (table.correlation_closure > 0.98).all()
)
claim(
    "brownian-stationary-formula",
    (
        "The variance along mode i is eta Var(G_i) / (2 |lambda_i|), without a"
        " free parameter."
    ),
    kind="expectation",
    where=(
        "public code of arXiv:2605.22644 (its experiment EXP2, formula with"
        " the sign of an absolute value); not in the abstract of v1, and its"
        " own figures for all directions are low too"
    ),
    tested=(
        "correlation of logarithms over all noisy modes and share within a"
        " factor 1.5, minima and unfinished points, three seeds"
    ),
    verdict="contradicted" if bool(fails) else "not reproduced",
    tolerance="0.5 and 0.98 in correlation",
    because=(
        "the failure is gross and so is the repair: the finite-time"
        " formula stays above 0.98 on the same modes"
    ),
    caveat="It is right on modes that had time to settle, eta lambda t >> 1;"
    " on the 48 steepest modes of the minima logarithms correlate at "
    f"{float(minima.correlation_stationary_top.min()):.2f} to"
    f" {float(minima.correlation_stationary_top.max()):.2f}.",
)

# %% [markdown]
# ## One curve for every mode
#
# How fast does a variance grow? That of a *confined* mode has settled: it grows like $t^0$. That of a *flat* mode grows like $t^1$. Between them there is no boundary, but a crossover in
# the one variable $x = \eta\lambda T$, with $T$ the steps of the run: for constant coefficients the variance goes like $1 - e^{-2xs}$ with $s=t/T$, and the *universal curve* is the
# exponent that is fitted to this function over the last three quarters of the run.

# %%
growth = network_tables.exponent_points(runs)
classes = networks.class_exponents(runs)

# %% tags=["hide-input"]
show(
    plots_replicas.universal(growth),
    "fig-b2-universal",
    data=network_tables.flattened(
        growth, ("measured", "closure", "universal", "x")
    ),
    alt=(
        "Growth exponents of all modes of all runs against eta lambda T fall"
        " on one S-shaped curve from one on the left to zero on the right."
    ),
    caption=(
        "**All modes lie along one curve, from growth in proportion to time"
        " to none.** "
        "Growth exponent in $t$ of every mode, twelve runs: two networks,"
        " three seeds, two step sizes. Line: the universal curve."
    ),
    seeds=range(3),
)
means = classes.weighted(classes["count"]).mean("run")
shown = (
    means[["measured", "closure", "spread"]]
    .rename(closure="mode equations")
    .to_dataframe()
    .reset_index()
)
glue(
    "tab_b2_classes",
    Markdown(shown.to_markdown(index=False, floatfmt=".3f")),
    display=False,
)
glue(
    "b2_flat_exponent",
    float(means.measured.sel({"class": "x < 0.3"})),
    display=False,
)
glue(
    "b2_flat_theory",
    float(means.closure.sel({"class": "x < 0.3"})),
    display=False,
)

# %% [markdown]
# ````{table} Mean growth exponents by $x = \eta\lambda T$, all runs: measured, from the mode equations, and the spread over modes.
# :name: tab-b2-classes
#
# ```{glue:md} tab_b2_classes
# :format: myst
# ```
# ````

# %% tags=["hide-input"]
crowded = classes["count"] >= 15
off = abs(classes.measured - classes.closure).where(crowded)
claim(
    "brownian-eigenbasis",
    (
        "Near critical points the behaviour splits along the eigenbasis of the"
        " mean Hessian."
    ),
    kind="paper",
    where="abstract of arXiv:2605.22644 (v1)",
    tested=(
        "growth exponents of all modes of twelve runs, in five classes of"
        " eta lambda T, against the mode equations in that basis"
    ),
    holds=bool(off.max() < 0.06),
    tolerance="0.06 in any class of a run",
    because=(
        "an exponent of one mode scatters by 0.13; a class holds 16 modes"
        " or more"
    ),
    caveat="A crossover in eta lambda t, not two classes; and the gradient"
    " noise is not diagonal in that basis, which the variances do "
    "not feel but the drift does.",
)
claim(
    "brownian-flat-variance-grows",
    (
        "Along nearly flat directions the variance grows: an effective"
        " diffusion along valleys."
    ),
    kind="paper",
    where="abstract of arXiv:2605.22644 (v1)",
    tested=(
        "mean growth exponent in t of all modes with eta lambda T below 0.3,"
        " with replacement, twelve runs; mode equations for the same modes"
    ),
    holds=bool(
        abs(
            means.measured.sel({"class": "x < 0.3"})
            - means.closure.sel({"class": "x < 0.3"})
        )
        < 0.03
    ),
    tolerance="0.03",
    because="several hundred modes that scatter by 0.1 each",
    caveat=(
        "With replacement only: under random reshuffling the same"
        " directions are confined (chapter B3)."
    ),
)

# %% [markdown]
# ## Exponents in the step size
#
# If diffusion has a coefficient proportional to $\eta$ per unit of time $\tau = \eta t$, the variance of a flat mode grows like $\eta^2$ at a fixed number $t$ of steps and like
# $\eta^1$ at fixed $\tau$. (Public notes report an exponent of 3.07 per step. That is neither; a second moment about the start, which the drift enlarges, would lie between 2 and 4.
# Here it is the variance over replicas.) Reshuffled runs, explained in chapter B3, are shown beside these; their exponents are 4 and 3.

# %%
exponents = network_tables.eta_table()

# %% tags=["hide-input"]
show(
    plots_replicas.eta_exponents(exponents),
    "fig-b2-eta",
    data=exponents,
    alt="Exponents in eta: near two, one and one with replacement for three"
    " networks and three seeds; near four, three and three under"
    " reshuffling, with deviations of both signs in the two networks that do"
    " not interpolate.",
    caption="**Reshuffling raises the power of the step size by about two in"
    " each class of modes.** "
    "Exponents in $\\eta$ over 0.05, 0.1, 0.2: medians over the modes"
    " of a class, bars for their spread, three seeds side by side;"
    " black: leading order.",
    seeds=range(3),
)
independent = exponents.value.sel(scheme="with replacement")
spread = exponents.error.sel(scheme="with replacement")
glue(
    "b2_fixed_t",
    float(independent.sel(quantity="flat, fixed t").mean()),
    display=False,
)
glue(
    "b2_fixed_tau",
    float(independent.sel(quantity="flat, fixed tau").mean()),
    display=False,
)
glue(
    "b2_fixed_tau_sd",
    float(spread.sel(quantity="flat, fixed tau").mean()),
    display=False,
)
claim(
    "brownian-diffusion-proportional-to-eta",
    (
        "The diffusion along nearly flat directions has a coefficient"
        " proportional to the learning rate."
    ),
    kind="paper",
    where="abstract of arXiv:2605.22644 (v1)",
    tested=(
        "exponent of the variance in eta at fixed time tau, flat modes,"
        " three networks and three seeds, with replacement"
    ),
    holds=bool(
        (abs(independent.sel(quantity="flat, fixed tau") - 1) < 0.15).all()
    ),
    tolerance="0.15",
    because=(
        "the next order in eta adds up to 0.1 over this range of step"
        " sizes, and few modes qualify in the text network"
    ),
    caveat="With replacement. Reshuffled, the exponent is 3, not 1.",
)

# %% [markdown]
# With replacement the mean exponent of flat modes is {glue:text}`b2_fixed_tau:.2f` at fixed $\tau$ (spread over modes {glue:text}`b2_fixed_tau_sd:.2f`) and
# {glue:text}`b2_fixed_t:.2f` at fixed $t$.
#
# ## Drift
#
# The cloud of replicas also moves as a whole. With replacement its own width pushes it along the third derivatives $T_{ijk}$ of the loss, by $-\tfrac{\eta}{2}\,\sum_{jk}T_{ijk}\Sigma_{jk}$ a
# step with the full covariance $\Sigma$ (an *entropic force*). Reshuffled, an epoch moves it by $-\tfrac{\eta^2 m}{2}\,\mathrm E[H_B b_B]$, with the Hessian $H_B$ and the offset $b_B$ of
# a batch and $m$ batches in an epoch.

# %%
entropic = networks.drift("digits", 0, drift_eta)
shuffled = networks.reshuffled_run("digits-weak", 0, 0.05)

# %% tags=["hide-input"]
show(
    plots_replicas.drifts(entropic, shuffled),
    "fig-b2-drift",
    data=entropic,
    alt=(
        "Measured mean displacements against parameter-free predictions, along"
        " the diagonal in both panels."
    ),
    caption="**The mean drifts as predicted, with replacement and with"
    " reshuffling.** "
    "Left: flat modes of the digits network with replacement, entropic"
    " force. Right: all modes of the weakly regularised digits "
    "network after 100 reshuffled epochs.",
    seeds=[0],
)
glue("b2_drift_slope", float(entropic.slope), display=False)
glue("b2_drift_error", float(entropic.slope_error), display=False)
glue("b2_drift_correlation", float(entropic.correlation), display=False)
fit = networks.line_fit(shuffled.predicted_mean.values, shuffled["mean"].values)
glue("b2_shuffled_slope", float(fit["slope"]), display=False)

# %% [markdown]
# With replacement the slope is {glue:text}`b2_drift_slope:.2f` ({glue:text}`b2_drift_error:.2f` standard error) and the correlation {glue:text}`b2_drift_correlation:.3f`; reshuffled, the
# slope is {glue:text}`b2_shuffled_slope:.3f`.
#
# ## The answer
#
# Yes, in both networks and for three seeds: with replacement, the two-line mode equations give variances, growth exponents and their dependence on the step size without a parameter, for
# all noisy modes but a few in a hundred at most. What fails is the stationary formula, because most modes of a network have no time to become stationary.
#
# ```{admonition} Open
# The closure follows the diagonal of the covariance. A closed equation for all of it, near the edge of stability and at large anharmonicity,
# is not tested here.
# ```
