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
# (sec-preliminaries)=
# # 3 Preliminaries: norms, algorithms, assumptions
#
# **The question.** What exactly is being compared? A family of algorithms, each a choice of two things: the norm in which a step is
# measured, and the signal that stands in for the gradient. This chapter defines loss and margin, shows the norms and the signals, writes every
# algorithm of the paper as one expression, and checks the paper's assumptions on the data that the other chapters use.

# %% tags=["parameters"]
seed = 0
trials = 2000

# %% tags=["remove-cell"]
from ibias_book.run.parameters import settle

settle(globals())

# %% tags=["remove-cell"]
import numpy as np
from ibias_book.claims import claim
from ibias_book.figures import style as plots
from ibias_book.provenance import show
from ibias_book.steepest import tables
from ibias_book.steepest.balls import plane
from ibias_book.words import in_words
from IPython.display import Markdown
from myst_nb import glue

import ibias as ib

# %% [markdown]
# (sec-model)=
# ## Model, loss and margin
#
# There are $n$ samples $x_i\in\mathbb R^d$ with labels $y_i$ out of $k$ classes, and every class occurs. Weights are a matrix $W\in\mathbb R^{k\times d}$, one
# row per class; the *logits* of a sample are the vector $Wx_i$, and the softmax turns them into probabilities $s_i$,
#
# $$s_{ic}=\frac{e^{(Wx_i)_c}}{\sum_je^{(Wx_i)_j}},\qquad L(W)=\frac1n\sum_{i=1}^n\ell_i,\quad\ell_i=-\log s_{iy_i},$$ (eq-loss)
#
# where $L$ is the *cross-entropy loss*. Its *proxy* is the mean *residual*,
#
# $$G(W)=\frac1n\sum_{i=1}^nr_i,\qquad r_i=1-s_{iy_i}.$$ (eq-proxy)
#
# $G$ is what the size of the gradient is compared with in every proof, and it is close to $L$ once the loss is small ({prf:ref}`stmt-c-5`, {prf:ref}`stmt-c-7`).
# With $e_c$ for the $c$-th axis of $\mathbb R^k$, the *margin* of the weights is by how much the logit of a sample's own class exceeds that of its best rival, on the worst sample,
#
# $$q(W)=\min_i\min_{c\ne y_i}(e_{y_i}-e_c)^\top Wx_i .$$ (eq-margin)
#
# $q(W)>0$ says that every sample is classified correctly. Twice the weights have twice the margin, so weights are compared by the *normalised margin*
# $q(W)/\lVert W\rVert$, in the norm at hand. The *maximum margin* is the best there is,
#
# $$\gamma=\max_{\lVert W\rVert\le1}q(W),\qquad W^*\text{ a matrix that attains it},$$ (eq-max-margin)
#
# and the *relative margin error* of a run is $1-q(W_t)/(\gamma\lVert W_t\rVert)$: zero at the maximum margin, above one while a sample is misclassified. $\gamma$
# depends on the data *and on the norm*, and so does $W^*$: that is why the optimizers of this book choose different classifiers.
#
# Four more letters stand in every statement:
#
# * $R=\max_i\lVert x_i\rVert_1$, the *radius* of the data. The sum of absolute entries is the largest of all the norms in question, so
#   that one radius serves them all;
# * $b$, the *batch size*, and $m=n/b$, the number of *batches in an epoch* (a whole number; $m=1$ is the full batch). Every sample is drawn once an epoch, in
#   random order;
# * $\rho$, the *effective margin*: $\gamma$ less a penalty for the noise of the mini-batches. It is the normalised margin that a theorem promises in the limit. It is $\gamma$ for the
#   full batch and with variance reduction; {eq}`eq-effective-margin` and {eq}`eq-momentum-margin` give it for the others. Where $\rho\le0$ a theorem promises nothing.
#
# The paper assumes of the data that
#
# * they are *separable*: $\gamma>0$ (Assumption 3.1);
# * $R$ is finite (Assumption 3.2).
#
# ## Norms and their steepest directions
#
# A method chooses its step by a matrix $S$, its *signal*: the gradient, or what the method puts in the gradient's place. For a norm $\lVert\cdot\rVert$ the
# *steepest direction* is a matrix of length one whose inner product with $S$ is the largest,
#
# $$\Delta(S) \in \arg\max_{\lVert D\rVert \le 1} \langle S, D\rangle, \qquad \langle S, \Delta(S)\rangle = \lVert S\rVert_* ,$$ (eq-steepest)
#
# where $\langle S,D\rangle=\operatorname{tr}S^\top D$ and $\lVert\cdot\rVert_*$ is the dual norm; the second equation is its definition. A step is
# $W_{t+1}=W_t-\eta_t\,\Delta(S_t)$, so the step size $\eta_t$ is the *length* of the step in that norm.
#
# A picture in the plane spanned by the identity and the exchange of two coordinates, $a\,I + b\,J$: there the max norm is a square,
# and the spectral norm, whose singular values are $|a+b|$ and $|a-b|$, is a diamond.

# %% tags=["hide-input"]
shown = [ib.MAX, ib.FROBENIUS, ib.SPECTRAL, ib.SUM, ib.NUCLEAR, ib.Schatten(4)]
gradients = [(1.0, 0.35), (-0.2, 1.0), (-0.8, -0.6)]
balls = plane(shown, gradients)
show(
    plots.unit_balls(balls),
    "fig-unit-balls",
    data=balls,
    alt="Six unit balls in a plane of two-by-two matrices with three gradients"
    " each. Steps under the max norm go to corners of a square, "
    "under the Frobenius norm along the gradient, under the spectral norm to"
    " corners of a diamond.",
    caption="**Whatever the gradient, the max and the spectral norm step to one"
    " of a few corners.** "
    "Unit balls of six norms on the plane $aI + bJ$, three gradients"
    " (dotted) and the unit steps they cause (solid).",
)

# %% [markdown]
# The code computes the steepest direction and the dual norm independently of each other, so that {eq}`eq-steepest` can be tested: here on random
# matrices, for every norm of the library's catalogue.

# %%
checked = tables.duality(ib.CATALOG, trials=trials, seed=seed)
worst, outside = float(checked.difference.max()), float(checked.excess.max())

# %% tags=["hide-input"]
claim(
    "sec-3-duality",
    (
        "The closed forms of the steepest directions attain the dual norm with"
        " a unit matrix."
    ),
    kind="paper",
    where=(
        "Section 3.1 (v1): the steepest-descent maps of the entry-wise and"
        " Schatten norms"
    ),
    tested=(
        f"{trials} random 10 x 25 matrices, nine norms: worst relative"
        f" difference {worst:.1e}, worst excess length {outside:.1e}"
    ),
    holds=worst < 1e-10 and outside < 1e-10,
    tolerance="1e-10",
    because="a few hundred float64 roundings, and powers near 1/p amplify them",
)

# %% [markdown]
# ## The maps
#
# With $q = p/(p-1)$ and the singular value decomposition $S = \sum_l \sigma_l u_l v_l^\top$, the closed forms ({prf:ref}`stmt-map`) are:
#
# | norm | $\Delta(S)$ | $\langle S, \Delta\rangle = \lVert S\rVert_*$ |
# |---|---|---|
# | entry-wise, $1 < p < \infty$ | $\operatorname{sign}(S_{ij})\,\lvert S_{ij}\rvert^{q-1} / \lVert S\rVert_q^{q-1}$ | $\lVert S\rVert_q$ |
# | max ($p = \infty$) | $\operatorname{sign}(S)$, with $\operatorname{sign}(0) = 0$ | sum norm |
# | sum ($p = 1$) | the sign of one largest entry, in its place | max norm |
# | Schatten, $1 < p < \infty$ | $\sum_l (\sigma_l / \lVert\sigma\rVert_q)^{q-1} u_l v_l^\top$ | $\lVert\sigma\rVert_q$ |
# | spectral ($p = \infty$) | $U_r V_r^\top$, $r$ the numerical rank | nuclear norm |
# | nuclear ($p = 1$) | $u_1 v_1^\top$ | spectral norm |
# | Frobenius ($p = 2$) | $S / \lVert S\rVert_F$ | Frobenius norm |
#
# In the spectral norm the rank $r$ matters: a batch of $b$ samples gives a gradient of rank at most $\min(b, k-1)$, and $UV^\top$ of a thin singular value
# decomposition would fill the remaining ranks with arbitrary directions. A zero signal has the zero matrix for its direction. Symbols are collected on {doc}`the notation page <../book/notation>`.
#
# ## Signals
#
# $\nabla L_{\mathcal B}$ is the gradient of the loss averaged over the samples of a batch $\mathcal B$ only, and $\mathcal B_t$ is the batch of step $t$. The paper has four signals:
#
# * the *mini-batch gradient* $\nabla L_{\mathcal B_t}(W_t)$, which is the full gradient where $b=n$;
# * *momentum* $\beta\in[0,1)$, its exponential average $M_t=\beta M_{t-1}+(1-\beta)\nabla L_{\mathcal B_t}(W_t)$;
# * the *variance-reduced gradient*, with a *snapshot* $\widetilde W$ of the weights at the start of the epoch,
#
#   $$V_t=\nabla L_{\mathcal B_t}(W_t)-\nabla L_{\mathcal B_t}(\widetilde W)+\nabla L(\widetilde W);$$ (eq-variance-reduced)
#
# * momentum of the variance-reduced gradient, with $V_t$ in place of the batch's gradient in $M_t$.
#
# The average starts at zero, $M_{-1} = 0$; a bias correction would change no step, since the steepest direction does not depend on the length of the signal.
# An average with momentum $\beta$ extends over about $1/(1-\beta)$ steps; this number is called its *memory*.
#
# ## Every algorithm of Section 3.1 as one expression
#
# | the field's name | norm | expression |
# |---|---|---|
# | SignSGD | max | `SteepestDescent(MAX, Minibatch(b), schedule)` |
# | Signum | max | `SteepestDescent(MAX, Momentum(beta, Minibatch(b)), schedule)` |
# | normalised SGD | Frobenius | `SteepestDescent(FROBENIUS, Minibatch(b), schedule)` |
# | Spectral-SGD | spectral | `SteepestDescent(SPECTRAL, Minibatch(b), schedule)` |
# | Muon (exact polar factor) | spectral | `SteepestDescent(SPECTRAL, Momentum(beta, Minibatch(b)), schedule)` |
# | VR-SignSGD, VR-Muon, ... | any | `SteepestDescent(norm, Momentum(beta, VarianceReduced(Minibatch(b))), schedule)` |

# %%
muon = ib.SteepestDescent(
    ib.SPECTRAL,
    ib.Momentum(0.9, ib.Minibatch(10)),
    ib.Power(0.3, a=0.5),
    name="Muon",
)
muon

# %% [markdown]
# ## The data
#
# Each data set has one name throughout the book; beside it stands what it is called in the library. $\mathcal N$ is the normal distribution and $I$ the unit
# matrix; the sizes are in {numref}`tab-shapes`.
#
# * **Set I** (`ib.data.gaussian`): $x_i\sim\mathcal N(0,\sigma^2I)$, independent, with $\sigma^2=1/d$ and equally many samples of each class, as in the paper's
#   Section 5. The labels say nothing about the features; the data are separable because $d$ is large.
# * **Set II** (`ib.data.mixture`), ours, because it shows the same claims sooner: one cloud per class, $x_i=\mu_{y_i}+\varsigma\,\xi_i$ with the centres
#   $\mu_c$ and the noise $\xi_i$ drawn from $\mathcal N(0,I/d)$, and a spread $\varsigma<1$.
# * **The skewed data** (`ib.data.scale_skewed`), those of Section 4.4: $d=k$ and $x_i=s_ie_{y_i}$ with scales $s_i>0$, so that every sample lies on the axis of
#   its class.
# * **Digits** and **digits 3-8** (`ib.data.digits`): the handwritten digits that ship with scikit-learn, all ten or two of them, pixels in $[0,1]$.
# * **The counterexamples** (`ib.data.counterexample`), two points in the plane, one of them repeated where need be: the data of {prf:ref}`stmt-v-1` to {prf:ref}`stmt-v-5`.
#   (The library keeps the names they had in its first version, `"X.1"` to `"X.5"`.)
#
# Real data can fail Assumption 3.1; iris does.

# %%
datasets = {
    "set I": ib.data.gaussian(seed=seed),
    "set II": ib.data.mixture(seed=seed),
    "skewed": ib.data.scale_skewed(seed=seed),
    "digits 3-8": ib.data.digits((3, 8)),
    "digits": ib.data.digits(),
}
norms = [ib.MAX, ib.FROBENIUS, ib.SPECTRAL]
constants = tables.margins(datasets, norms)

# %% [markdown]
# ### Maximum margins, certified
#
# Any matrix of norm at most one bounds the maximum margin $\gamma$ from below, by its own margin. Any numbers $a_{ic} \ge 0$, one for each sample $i$ and
# wrong class $c$, that sum to one bound it from above:
#
# $$\min_{i,\,c\ne y_i} (e_{y_i}-e_c)^\top W x_i \;\le\; \gamma \;\le\; \Big\lVert \sum_{i,\,c\ne y_i} a_{ic}\,(e_{y_i}-e_c)\,x_i^\top \Big\rVert_* .$$ (eq-certificate)
#
# Both ends are recomputed with our own norms in double precision, whatever the solver reported, and widened by a bound on the rounding of that computation.

# %% tags=["remove-cell"]
flat = (
    constants[["lower", "gap", "unique", "face_dim", "ratio"]]
    .to_dataframe()
    .reset_index()
)
shape = (
    constants[["n", "d", "k", "radius", "separable"]]
    .to_dataframe()
    .reset_index()
)
flat["unique"] = flat["unique"].map({1.0: "yes", 0.0: "no"})
glue(
    "tab_margins",
    Markdown(
        in_words(flat)
        .rename(
            columns={
                "lower": "certified margin",
                "gap": "relative width",
                "face dim": "face",
                "ratio": "$\\gamma/2R$",
            }
        )
        .to_markdown(
            index=False, floatfmt=("", "", ".12g", ".0e", "", ".0f", ".4f")
        )
    ),
    display=False,
)
glue(
    "tab_shapes",
    Markdown(
        in_words(shape)
        .rename(columns={"radius": "R"})
        .to_markdown(index=False, floatfmt="g")
    ),
    display=False,
)
glue("worst_gap", float(constants.gap.max()), display=False)

# %% [markdown]
# ````{table} Sizes, the radius $R = \max_i \lVert x_i\rVert_1$ of Assumption 3.2, and separability (Assumption 3.1).
# :name: tab-shapes
#
# ```{glue:md} tab_shapes
# :format: myst
# ```
# ````
#
# ````{table} Certified maximum margins: lower end of the interval, and its relative width. Where several matrices attain the maximum, they form a convex set, the optimal face; the column *face* is its dimension.
# :name: tab-margins
#
# ```{glue:md} tab_margins
# :format: myst
# ```
# ````
#
# The widest of these intervals has relative width {glue:text}`worst_gap:.0e`. The column $\gamma/2R$ never reaches one. That is no
# accident: $\gamma\le2R$ on all data, by Lemma V. It is the reason why version 1's theorem on large batches is empty (chapter 4.1).

# %% tags=["hide-input"]
claim(
    "assumption-3-1",
    "The data are linearly separable.",
    kind="self-check",
    where="Assumption 3.1 (v1), on the data of this book",
    tested=(
        "a positive certified lower bound of the maximum margin, five data"
        " sets and three norms"
    ),
    holds=bool((constants.lower > 0).all()),
    because=(
        "none needed: the lower bounds are certified, and a positive"
        " number proves separability"
    ),
)

# %% [markdown]
# Iris is not separable, and a certificate says why: numbers $a_{ic}\ge0$ that sum to one, with a zero matrix on the right of {eq}`eq-certificate`. Then
# $\gamma\le0$, and no $W$ has a positive margin.

# %%
from sklearn.datasets import load_iris

iris = ib.Dataset(*load_iris(return_X_y=True), name="iris")
error = tables.not_separable(iris, ib.FROBENIUS)
error

# %% [markdown]
# (sec-proofs)=
# ### Maximum margins, proved
#
# The intervals above rely on an analysis of rounding. It need not be trusted: floating-point numbers are rational, so the matrix $W$ and the numbers
# $a_{ic}$ prove the two bounds of {eq}`eq-certificate` in whole-number arithmetic. `best.proof(path)` writes such a proof, and `ibias/maxmargin/checker.py`,
# 150 lines that import the standard library only, checks it. Below it checks one proof for
# every norm and every kind of data of this book, and one that iris cannot be separated. It runs in processes of its own that do not load this package.

# %%
named = {f"V.{i}": ib.data.counterexample(f"X.{i}") for i in (1, 2, 3, 4, 5)}
named["four classes"] = ib.data.mixture(
    classes=4, per_class=10, dim=12, spread=0.6, seed=seed
)
proved = tables.proofs(datasets | named, ib.CATALOG)
refuted = tables.proofs({"iris": iris}, [ib.MAX])

# %% tags=["remove-cell"]
rows = [each.to_dataframe().reset_index() for each in (proved, refuted)]
glue(
    "tab_proofs",
    Markdown(
        "\n".join(
            [
                rows[0].to_markdown(
                    index=False, floatfmt=("", "", ".15g", ".0e", ".2f")
                ),
                f"| iris | any | not separable | | {rows[1].seconds[0]:.2f} |",
            ]
        )
    ),
    display=False,
)
glue("proofs", proved.lower.size, display=False)
glue("widest_proof", float(proved.width.max()), display=False)
glue(
    "slowest_proof",
    float(max(proved.seconds.max(), refuted.seconds.max())),
    display=False,
)

# %% [markdown]
# All {glue:text}`proofs` proofs of a margin are accepted, none wider than {glue:text}`widest_proof:.0e` (relative) and none read in more than
# {glue:text}`slowest_proof:.1f` seconds; so is the one about iris.
#
# ````{dropdown} What was proved: the lower bound, the relative width of the interval, and the checker's seconds
# ```{glue:md} tab_proofs
# :format: myst
# ```
# ````

# %% tags=["hide-input"]
claim(
    "proofs-checked",
    "Every maximum margin of this book is proved, not only computed.",
    kind="self-check",
    where="new: a property of this book",
    tested=(
        "the stand-alone checker accepts a proof of each, eleven data sets"
        " and nine norms; widths at most 1e-12"
    ),
    holds=bool((proved.lower > 0).all() and (proved.width <= 1e-12).all()),
    tolerance="1e-12 in the width",
    because="the proofs are exact; what they leave open is what float64 left",
)

# %% [markdown]
# ## The step sizes
#
# Assumption 3.3 asks for steps that vanish and whose sum diverges; $\eta_t = \eta_0 (t+1)^{-a}$ with $a \in (0, 1]$ does both. Assumption 3.4 is needed for
# momentum: an average of past gradients lags behind the present one by as much as the weights have moved meanwhile, and this lag $\Phi_t$, with past steps
# discounted by $\beta$, must be of the order of the present step. For every $c_1 > 0$ there are to be $c_2$ and $t_0$ such that
#
# $$\Phi_t = \sum_{\tau=0}^t \beta^\tau\Big(e^{c_1\sum_{s=1}^\tau \eta_{t-s}} - 1\Big) \le c_2\,\eta_t \quad\text{for } t \ge t_0 .$$ (eq-assumption-34)
#
# Lemma C.15 proves it for these schedules with explicit constants, and the chapter on the technical lemmas tests it.

# %%
schedule = ib.Power(0.05, a=0.5)
total = schedule.steps(10**6).cumsum()

# %% tags=["hide-input"]
claim(
    "assumption-3-3",
    "The step sizes decrease to zero and their sum diverges.",
    kind="self-check",
    where="Assumption 3.3 (v1), for the schedule of this book",
    tested=(
        "a = 1/2: the sum of t steps over 2 eta0 sqrt(t), for t = 1e2, 1e4,"
        " 1e6, tends to one from below"
    ),
    holds=bool(
        (
            np.diff(
                total[[99, 9999, 999999]] / (0.1 * np.sqrt([1e2, 1e4, 1e6]))
            )
            > 0
        ).all()
        and (np.diff(schedule.steps(1000)) < 0).all()
    ),
    because=(
        "none needed: a closed form, monotone in exact arithmetic by far"
        " more than rounding"
    ),
)

# %% [markdown]
# ## The answer
#
# Methods that differ in their norm and their signal only. The norm fixes three things at once: the step of length one, the classifier $W^*$ that the theory
# promises in the limit, and its margin $\gamma$. The signal decides whether the method gets there; that is the subject of chapter 4. The data used in this book
# are separable, with certificates that anyone can recompute from {eq}`eq-certificate` in a few lines.
