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
# (sec-fluctuating-theory)=
# # B1 SGD in a fluctuating landscape: the theory, executed
#
# :::{admonition} The paper of this part
# :class: note
# Igor Ignashin, Anna Radovskaya, Andrew Semenov, Egor Lopatin, Stanislav Potapov, Aleksandr Kovalenko, Andrey Veprikov, Aleksandr Shestakov, Andrey Leonidov and Aleksandr Beznosikov, *Why SGD is not Brownian motion: a new perspective on stochastic dynamics*, [arXiv:2605.22644](https://arxiv.org/abs/2605.22644) {cite:p}`ignashin2026`.
# :::
#
# **The question.** Ignashin and nine co-authors ({cite:p}`ignashin2026`, [arXiv:2605.22644](https://arxiv.org/abs/2605.22644)) read stochastic gradient descent not as Brownian motion in a fixed
# landscape but as deterministic motion in a landscape that changes with every mini-batch. Only the abstract is at hand here; the
# equations below are our derivations from it. At which order in the step size do the two readings part, and does the difference show
# in anything one can measure?
#
# Throughout, a step is $\theta' = \theta - \eta\, g_B(\theta)$ with the gradient $g_B$ of the mean loss of a batch $B$, which is drawn afresh at each step; chapter B3 draws it by
# reshuffling. $L$ is the mean loss of all samples, and in this chapter $\theta$ is one number. A prime on $\theta$, $\mu$ or $v$ marks the value after the step; on a function, as in $L'$ and
# $\varphi'''$, it is the derivative, which for densities is written $\partial$.

# %% tags=["parameters"]
replicas = 50_000
tail_replicas = 12_000

# %% tags=["remove-cell"]
from ibias_book.run.parameters import settle

settle(globals())

# %% tags=["remove-cell"]
from ibias_book.claims import claim
from ibias_book.figures import fluctuating as plots_fluctuating
from ibias_book.fluctuating.studies import modes, one_step
from ibias_book.provenance import show
from IPython.display import Markdown
from myst_nb import glue

# %% [markdown]
# ## One step of a density
#
# Let $P_t$ be the density of $\theta$ before step $t$, and $\langle\cdot\rangle_B$ the mean over batches. The density after the step is an average over batches, nothing more:
#
# $$P_{t+1}(\theta) = \Big\langle \int \delta\big(\theta - \vartheta + \eta\, g_B(\vartheta)\big)\, P_t(\vartheta)\, d\vartheta \Big\rangle_B
#  = \sum_{j\ge 0} \frac{\eta^j}{j!}\,\partial^j\big(\langle g_B^j\rangle P_t\big).$$ (eq-master-equation)
#
# This is the *master equation*; the sum is what a Taylor series in $\eta$ makes of it. Cut after $j = 2$, the sum is a *discrete Fokker-Planck equation*. It carries the raw second
# moment $S = \langle g_B^2\rangle = C + L'^2$, where $C$ is the variance of $g_B$. The Langevin equation, Brownian motion in the mean landscape, has $C$ in its place and continuous
# time. The error of one step, tested with a smooth function $\varphi$, is the mean of $\varphi$ after the approximate step minus that after the exact one. To leading order it is
#
# $$\text{discrete: } \frac{\eta^3}{6}\int P\,\langle g_B^3\rangle\,\varphi''' , \qquad
#   \text{Langevin: } \frac{\eta^2}{4}\int P\,(L'^2)'\,\varphi' .$$ (eq-one-step)
#
# The second is a pure drift. In the *modified loss* $L + \tfrac{\eta}{4}L'^2$ the term added makes up for it, and with this loss the Langevin equation errs at order $\eta^3$ too.
#
# This is checked without noise. There are six losses on a circle, all 15 batches of two are enumerated, a density has values at 128 angles, and derivatives are those of its Fourier
# series. Errors are then exact to rounding.

# %%
errors = one_step.one_step_errors()
orders = one_step.fitted_orders(errors)
overall = one_step.global_errors()

# %% tags=["hide-input"]
show(
    plots_fluctuating.orders(errors),
    "fig-b1-orders",
    data=errors,
    alt="Error of one step against the step size on logarithmic axes: two"
    " lines of slope three for the discrete equation and the modified"
    " Langevin equation, two of slope two. Beside it, errors divided by"
    " the predicted leading term approach one.",
    caption="**Two of the four equations err at order three in the step size,"
    " two at order two.** "
    "One-step error of four equations. Left: L1 distance of densities;"
    " right: signed errors of five test functions over their predicted "
    "leading term (only the two equations for which it is predicted). No"
    " sampling is involved.",
    rounding={"push_error": 1e-14},
    because=(
        "the error of the exact push of a density is rounding and nothing else"
    ),
)

# %% tags=["remove-cell"]
glue(
    "b1_discrete_order",
    float(orders.l1.sel(equation="discrete Fokker-Planck")),
    display=False,
)
glue(
    "b1_langevin_order",
    float(orders.l1.sel(equation="Langevin")),
    display=False,
)
glue(
    "b1_modified_order",
    float(orders.l1.sel(equation="Langevin, modified loss")),
    display=False,
)
glue(
    "b1_wrong_order",
    float(orders.l1.sel(equation="discrete, C for S")),
    display=False,
)
glue(
    "b1_prefactor",
    float(abs(one_step.prefactors(errors) - 1).max()),
    display=False,
)

# %% [markdown]
# Fitted orders on the three smallest steps: discrete {glue:text}`b1_discrete_order:.3f`, Langevin {glue:text}`b1_langevin_order:.3f`, Langevin with
# the modified loss {glue:text}`b1_modified_order:.3f`; and, as a control, {glue:text}`b1_wrong_order:.3f` when the covariance is put where the raw
# moment belongs. The leading coefficients are the predicted ones to {glue:text}`b1_prefactor:.1e`.

# %% tags=["hide-input"]
claim(
    "brownian-master-equation",
    (
        "For independent batches SGD is deterministic dynamics in a landscape"
        " that fluctuates with the mini-batch; a master equation for the"
        " parameter distribution follows from the discrete update."
    ),
    kind="self-check",
    where="abstract of arXiv:2605.22644 (v1); a push-forward computed two ways",
    tested="push-forward of a density through all batches by characteristic"
    " functions, against direct expectations of five test "
    "functions, six step sizes; total mass",
    holds=bool(
        (errors.push_error < 1e-13).all() and (errors.mass_error < 1e-13).all()
    ),
    tolerance="1e-13",
    because="sums of 128 terms in double precision",
    caveat="For independent batches. Under random reshuffling the batches of"
    " an epoch depend on each other, and the equation holds for "
    "whole epochs only.",
)
claim(
    "brownian-discrete-fokker-planck",
    (
        "The discrete Fokker-Planck equation differs from the Langevin form at"
        " order eta squared."
    ),
    kind="paper",
    where="abstract of arXiv:2605.22644 (v1)",
    tested="one-step errors of both against the exact push-forward: L1 and"
    " five test functions, orders by regression on three step sizes,"
    " leading coefficients",
    holds=bool(
        (abs(orders.l1 - orders.order) < 0.1).all()
        and (abs(orders.weak - orders.order) < 0.1).all()
        and (
            abs(one_step.prefactors(errors).dropna("equation") - 1) < 0.01
        ).all()
    ),
    tolerance="0.1 in an order, 1 % in a coefficient",
    because=(
        "the next order still bends the fits a little; coefficients are"
        " extrapolated to eta = 0"
    ),
    caveat="The difference is a drift, removed by the modified loss; and the"
    " discrete equation describes one step of a smooth density, "
    "not an evolution (next section).",
)

# %% [markdown]
# ## Where the truncated equation breaks
#
# A density narrower than about the root mean square (rms) of a step, $\eta\sqrt S$, such as that of replicas started from one point, becomes *negative* after one truncated step: for a
# Gaussian of width $\sigma$ when $\sigma < \eta\,S/\sqrt{S+C}$, up to a factor $1 + O(\eta)$. And iterated on ever finer grids the equation blows up: a wave $e^{i\omega\theta}$ is
# multiplied by about $1 - \eta^2 S\omega^2/2$, which for short waves is below $-1$. It is an asymptotic expansion, not an evolution equation.

# %%
narrow = one_step.narrow_density()
widths = one_step.positivity_widths()
radius = one_step.iterated_radius()

# %% tags=["hide-input"]
show(
    plots_fluctuating.narrow_density(narrow, widths),
    "fig-b1-positivity",
    data=narrow,
    alt="A narrow density after one step: the exact one splits into several"
    " positive peaks, the truncated one oscillates below zero. "
    "Measured widths of lost positivity lie on the predicted curve.",
    caption=(
        "**The truncated equation turns a narrow density negative.** "
        "Left: a density half an rms step wide, pushed exactly and by the"
        " truncated equation. Right: the smallest width that stays positive."
    ),
)
shown = (
    radius.rename(shortest_wave="shortest wave").to_dataframe().reset_index()
)
glue(
    "tab_b1_radius",
    Markdown(shown.to_markdown(index=False, floatfmt=".3g")),
    display=False,
)

# %% [markdown]
# ````{table} Largest multiplier of one step, $\eta = 0.1$; shortest wave: $\eta\sqrt{S_{\max}}\,\omega_{\max}$, stable at most up to 2.
# :name: tab-b1-radius
#
# ```{glue:md} tab_b1_radius
# :format: myst
# ```
# ````

# %% [markdown]
# ## One eigendirection
#
# Near a critical point $g_B = b_B + h_B\,\theta$ with an *offset* $b_B$ of mean zero and a *slope* $h_B$. Let $l = \mathrm E\,h_B$ be the curvature of the mode, $c$ and $s_2$ the
# variances of $b_B$ and $h_B$, and $k$ their covariance. Then the mean $\mu$ and the variance $v$ of $\theta$ obey, exactly and for any law of the batches,
#
# $$\mu' = (1-\eta l)\,\mu, \qquad v' = \big((1-\eta l)^2 + \eta^2 s_2\big)\,v + \eta^2\,(c + 2k\mu + s_2\mu^2).$$ (eq-mode)
#
# The variance settles, at $v^* = \eta c/(2l - \eta(l^2+s_2))$, if and only if $\eta s_2 < l(2-\eta l)$. Langevin's condition is $\eta s_2 < 2l$. Between the two lies a strip where one
# theory predicts that the variance grows without bound, and the other that it settles.

# %%
cases = modes.mode_cases(replicas)
strip = modes.strip_points(replicas)
example = modes.showcase(replicas)
diagram = modes.phase_diagram()

# %% tags=["hide-input"]
show(
    plots_fluctuating.mode_checks(cases, strip),
    "fig-b1-modes",
    data=cases,
    alt=(
        "z values of measured variances and means for eight modes and 24"
        " points around the strip, all between minus four and four."
    ),
    caption="**The mode equations give mean and variance to within the sampling"
    " error.** "
    "Mean and variance of the replicas against the mode equations: z"
    " values with the exact standard error (fourth moments; the"
    " Gaussian one would be wrong by far where the kurtosis reaches"
    " 94). Eight modes at eight times, 24 points at two.",
    seeds=range(replicas),
    replicas=replicas,
)
show(
    plots_fluctuating.phase_plane(diagram, strip, example),
    "fig-b1-phase",
    data=diagram,
    alt="Plane of eta times curvature and eta squared times its fluctuation,"
    " in three regions: variance settles, a law without variance, no law. "
    "Langevin's straight line lies above the parabola; a point between them"
    " grows by half per step.",
    caption="**Where Langevin's equation lets a variance settle, it can grow"
    " without bound.** "
    "Left: what becomes of a mode; dots are the tested points. Right:"
    " a point of the strip. Its variance grows by a factor 1.5 per"
    " step; Langevin lets it settle.",
)

# %% tags=["remove-cell"]
inside = (strip.growth > 1) & (strip.langevin_growth < 1)
glue("b1_strip_count", int(inside.sum()), display=False)
largest = [
    abs(found[name]).max()
    for found in (cases, strip)
    for name in ("z_variance", "z_mean")
]
glue("b1_largest_z", float(max(largest)), display=False)

# %% [markdown]
# The largest of all |z| is {glue:text}`b1_largest_z:.1f`. {glue:text}`b1_strip_count` of the points lie inside the strip, and every one grows.

# %% tags=["hide-input"]
claim(
    "brownian-finite-step",
    (
        "The square-root-of-eta noise of the continuous-time limit does not"
        " match the discrete update at finite learning rate."
    ),
    kind="paper",
    where="abstract of arXiv:2605.22644 (v1)",
    tested="replicas at 24 points around the strip x(2-x) < y < 2x, x = eta l,"
    " y = eta^2 s2: growth of the variance, and z values against"
    " the mode equation",
    holds=bool(
        (strip.measured_growth.where(inside, 2) > 1).all()
        and (abs(strip.z_variance) < 4).all()
    ),
    tolerance="|z| < 4",
    because=(
        "one of 96 values exceeds 4 with probability 0.6 %; the seeds are fixed"
    ),
)

# %% [markdown]
# ## A law without a variance, and noise with a third moment
#
# "The variance grows for ever" is not "there is no stationary law". With $s_2 > 0$ the recursion is a Kesten process {cite:p}`kesten1973`: its law converges as soon as
# $\mathrm E\log|1-\eta h_B| < 0$. Its tail is $P(|\theta| > x)\sim x^{-\alpha}$, where the *tail index* $\alpha$ solves $\mathrm E|1-\eta h_B|^\alpha = 1$; to leading order
# $\alpha = 1 + 2l/(\eta s_2)$. On a *flat* direction, $l=0$, that is $\alpha = 1$: an infinite variance, and yet a law, even for slightly negative curvature. The tail index is
# estimated below from the largest values {cite:p}`hill1975`.
#
# And if the offsets have a third cumulant $\kappa_3$ (if they are skewed), then so has $\theta$: on a flat direction of constant slope it is $-\eta^3\kappa_3 t$ after $t$ steps. No
# second-order equation has it.

# %%
tails = modes.kesten(tail_replicas)
skew = modes.skewed_noise(replicas)

# %% tags=["hide-input"]
show(
    plots_fluctuating.tails(tails, skew),
    "fig-b1-tails",
    data=tails,
    alt="Medians of the parameter stay constant while sample variances jump by"
    " orders of magnitude; Hill's estimates follow the predicted tail"
    " index; the third cumulant of skewed noise falls linearly in time"
    " where second-order equations give zero.",
    caption=(
        "**Fluctuating curvature gives heavy tails, skewed batches a third"
        " cumulant, and equations of second order have neither.** "
        "Left and middle: fluctuating curvature about $l$, $\\eta = 0.2$,"
        " $s_2 = 1$. Right: a flat direction with skewed batches."
    ),
    replicas=tail_replicas,
)

# %% tags=["hide-input"]
medians = tails["median"]
settled = (abs(medians[:, -1] / medians[:, -2] - 1) < 0.08).all() and (
    abs(tails.hill - tails["index"]) < 0.25
).all()
claim(
    "brownian-flat-no-law",
    "Nearly flat directions have no stationary distribution.",
    kind="paper",
    where="abstract of arXiv:2605.22644 (v1)",
    tested="curvature that fluctuates about 0 and about -0.05 (eta = 0.2, s2 ="
    " 1): medians of |theta| at half time and at the end, Hill's"
    " tail index against the solution of E|1 - eta h|^a = 1",
    verdict="holds with a caveat" if bool(settled) else "not reproduced",
    tolerance="8 % in a median, 0.25 in an index",
    because=(
        "sampling errors of a heavy-tailed median (3 %) and of Hill's"
        " estimate on 240 values"
    ),
    caveat=(
        "Without fluctuation of the curvature the statement is right. With it"
        " a flat direction does have a stationary law, computed here: one"
        " without a variance, so that the variance grows as the paper says."
    ),
)

# %% [markdown]
# ## The answer
#
# The discrete equation errs at order $\eta^3$ a step, Langevin's at order $\eta^2$, and what separates them is a drift. The difference is more than an accounting of orders in three
# places: in large steps, where the variance grows while Langevin lets it settle; in heavy tails, which come from the fluctuating
# Hessian; and in odd cumulants. "Not Brownian" at second order alone would be too strong a word: an SDE with the modified drift is as accurate
# there. The next chapter asks a network.
#
# ```{admonition} Open
# The exact tail law beyond its index is not settled here, nor is a closed equation for the *full* covariance of many coupled modes; chapter
# B2 follows its diagonal only.
# ```
