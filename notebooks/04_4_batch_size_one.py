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
# (sec-batch-one)=
# # 4.4 Batch size one
#
# **The question.** With one sample per step and no momentum, in which direction do the weights go, if not to a maximum margin?
#
# ## With one sample, Spectral-SGD is N-SGD
#
# ````{prf:lemma} H.1: one sample
# :label: stmt-h-1
# :class: as-in-the-paper
#
# With $b=1$ every Schatten norm has the same steepest step, $\frac{(e_y-s)x^\top}{\lVert e_y-s\rVert\lVert x\rVert}$ (for a sample $x\ne0$ of class $y$ with softmax vector $s$): Spectral-SGD is N-SGD.
# ````
#
# ````{proof} stmt-h-1
# :tested: steepest/statements/batch_one.py rank_one
#
# By {prf:ref}`stmt-c-2` the negative gradient of one sample is $(e_y-s)x^\top$, a matrix of rank one with the only singular value $\sigma=\lVert e_y-s\rVert\lVert x\rVert>0$ and the singular vectors $u=\frac{e_y-s}{\lVert e_y-s\rVert}$ and $v=\frac x{\lVert x\rVert}$. The closed forms of {prf:ref}`stmt-map` give it the coefficient $(\sigma/\sigma)^{q-1}=1$ for every $p$, so the step is $uv^\top$.
# ````
#
# The lemma is about the exact steepest direction, which has rank one. The $UV^\top$ of a thin singular value decomposition would fill the other ranks with
# arbitrary directions, so the library leaves out singular values that are zero up to rounding.
#
# ## Data and bias matrices
#
# The theorem is about *orthogonal scale-skewed* data: $d=k$ and $x_i=s_ie_{y_i}$ with scales $s_i>0$, so that samples of different classes are orthogonal. (The
# paper's sizes were not at hand; ours are in the parameters of the notebook.) On such data a sample acts on one column of $W$ only, and from $W_0=0$ each of its steps is the same
# matrix up to the step size, whatever has happened before and however long the sample is. So the weights are a sum of such matrices, and their direction tends to the
# average of these matrices over the samples:
#
# ````{prf:definition} 4.8: bias matrices
# :label: stmt-4-8
# :class: as-in-the-paper
#
# $\bar W_{\rm Sign}=\frac1n\sum_i(2e_{y_i}-\mathbf 1)e_{y_i}^\top$ and $\bar W_{\rm N}=\frac1n\sum_iU_i$ with $U_i=\sqrt{\frac k{k-1}}\,(e_{y_i}-\frac1k\mathbf 1)e_{y_i}^\top$. The scales $s_i$ do not enter: only the class counts do. (As in the paper up to a positive factor.)
# ````
# ````{prf:theorem} 4.9: per-sample bias
# :label: stmt-4-9
# :class: as-in-the-paper sharper
#
# Per-sample SignSGD, N-SGD and Spectral-SGD from $W_0=0$ on these data have $L\to0$ and $W_t/\lVert W_t\rVert\to\bar W/\lVert\bar W\rVert$. After $r$ epochs, with $S_r=\sum_{e<r}\eta_{en}$ and $u=\sqrt k$ (Sign) or $1$ (N),
#
# $$\Big\lVert\frac W{\lVert W\rVert_F}-\frac{\bar W}{\lVert\bar W\rVert_F}\Big\rVert_F\le\frac{2(n-1)\,u\,\eta_0}{n\,S_r\,\lVert\bar W\rVert_F}$$
#
# for every non-increasing schedule. (The explicit rate is ours; it replaces a mean-value argument.)
# ````
#
# ````{proof} stmt-4-9
# :tested: steepest/statements/batch_one.py per_sample_bias
#
# 1. By {prf:ref}`stmt-h-2`, {prf:ref}`stmt-h-3` and {prf:ref}`stmt-h-4` the step on a sample of class $c$ is $\eta_tU_c$ with a fixed matrix $U_c$ of Frobenius length $u$: $(2e_c-\mathbf 1)e_c^\top$, or $\sqrt{\frac k{k-1}}(e_c-\frac1k\mathbf 1)e_c^\top$. So $W_t=\sum_{s<t}\eta_sU_{y_{i_s}}$, and $n\bar W=\sum_iU_{y_i}$.
# 2. *Loss.* Every epoch spends at least the first step size of the next one on each class, and these sizes have an infinite sum. All margins go to infinity, and $L\le\log(1+(k-1)e^{-q})\to0$.
# 3. *Position.* Epoch $e$ uses every sample once, so its steps sum to $\eta_{en}n\bar W$ minus $\sum_{j<n}(\eta_{en}-\eta_{en+j})U_{y_{i_{en+j}}}$. Of these $n$ differences the first is zero and no other exceeds $\eta_{en}-\eta_{(e+1)n}$. The sum over epochs telescopes: $\lVert W_{rn}-nS_r\bar W\rVert_F\le(n-1)\,u\,\eta_0$.
# 4. *Direction.* For $a,b\ne0$ we have $\frac a{\lVert a\rVert}-\frac b{\lVert b\rVert}=\frac{a-b}{\lVert b\rVert}+a\big(\frac1{\lVert a\rVert}-\frac1{\lVert b\rVert}\big)$, whose length is at most $\frac{2\lVert a-b\rVert}{\lVert b\rVert}$. With $a=W_{rn}$ and $b=nS_r\bar W$ this is the rate, and $S_r\to\infty$. Inside an epoch the weights move by at most $nu\eta_0$ while their length goes to infinity, so the whole sequence converges.
#
# *Here we differ:* steps 3 and 4 replace the paper's mean-value argument, and give the rate.
# ````
#
# ````{prf:lemma} H.2: SignSGD, part I of the theorem
# :label: stmt-h-2
# :class: as-in-the-paper
#
# The step on sample $i$ is $\eta_t(2e_{y_i}-\mathbf 1)e_{y_i}^\top$ whatever the weights are, and the margin of $i$ is $2s_iS_{y_i}(t)$, where $S_c(t)$ is the step length spent on class $c$. It needs $\operatorname{sign}(0)=0$.
# ````
#
# ````{proof} stmt-h-2
# :tested: steepest/statements/batch_one.py sign_steps
#
# With $x_i=s_ie_{y_i}$ the negative gradient of sample $i$ is $s_i(e_{y_i}-p)e_{y_i}^\top$, $p$ its softmax vector ({prf:ref}`stmt-c-2`). Only column $y_i$ is not zero; its entry is $s_i(1-p_{y_i})>0$ in row $y_i$ and $-s_ip_c<0$ in every other row. The sign of the matrix is $(2e_{y_i}-\mathbf 1)e_{y_i}^\top$, whatever $W$ is, if $\operatorname{sign}(0)=0$. From $W_0=0$ column $c$ is then $S_c(t)(2e_c-\mathbf 1)$, and $(e_{y_i}-e_c)^\top W_tx_i=s_i\big(W_{y_iy_i}-W_{cy_i}\big)=2s_iS_{y_i}(t)$ for every $c\ne y_i$.
# ````
#
# ````{prf:lemma} H.3: N-SGD and Spectral-SGD, part II
# :label: stmt-h-3
# :class: as-in-the-paper
#
# The margin of $i$ is $\sqrt{\frac k{k-1}}\,s_iS_{y_i}(t)$, with the same conclusion.
# ````
#
# ````{proof} stmt-h-3
# :tested: steepest/statements/batch_one.py normalized_steps
#
# $W_0=0$ has equal off-class entries, so by {prf:ref}`stmt-h-4` every step of N-SGD is $\eta_tU_i$, and by {prf:ref}`stmt-h-1` every step of Spectral-SGD is the same. Column $c$ of $W_t$ is $S_c(t)\sqrt{\frac k{k-1}}(e_c-\frac1k\mathbf 1)$, in which the own entry exceeds any other by $S_c(t)\sqrt{\frac k{k-1}}$; multiply by $s_i$.
# ````
#
# ````{prf:lemma} H.4: the normalised step
# :label: stmt-h-4
# :class: as-in-the-paper
#
# Let the off-class entries of every column of $W$ be equal: in column $c$ all entries but the one in row $c$. Then the normalised step is exactly $U_i$, and the weights keep that form.
# ````
#
# ````{proof} stmt-h-4
# :tested: steepest/statements/batch_one.py equal_columns
#
# The logits of sample $i$ are $s_i$ times column $y=y_i$ of $W$. If its off-class entries are equal, the other classes share the residual $r=1-p_y$ equally, $p_c=\frac r{k-1}$, and $e_y-p=re_y-\frac r{k-1}\sum_{c\ne y}e_c=\frac{rk}{k-1}\big(e_y-\frac1k\mathbf 1\big)$. Since $\lVert e_y-\frac1k\mathbf 1\rVert^2=(1-\frac1k)^2+\frac{k-1}{k^2}=\frac{k-1}k$, the normalised negative gradient is $U_i$, for any $s_i>0$. Adding a multiple of $U_i$ changes the off-class entries of column $y$ by one and the same number, and no other column: the form persists.
# ````

# %% tags=["parameters"]
classes = 5
samples = 50
data_seed = 0
seeds = 5
steps = 20_000
eta0 = 0.1

# %% tags=["remove-cell"]
from ibias_book.run.parameters import settle

settle(globals())

# %% tags=["remove-cell"]
from ibias_book.claims import claim
from ibias_book.figures import theory as plots_theory
from ibias_book.provenance import show
from ibias_book.steepest.statements import reports, slack_table
from ibias_book.words import counted

import ibias as ib

# %%
data = ib.data.scale_skewed(classes=classes, samples=samples, seed=data_seed)
methods = [
    ib.SteepestDescent(ib.MAX, ib.Minibatch(1), ib.Power(eta0), name="SignSGD"),
    ib.SteepestDescent(
        ib.FROBENIUS, ib.Minibatch(1), ib.Power(eta0), name="N-SGD"
    ),
    ib.SteepestDescent(
        ib.SPECTRAL, ib.Minibatch(1), ib.Power(eta0), name="Spectral-SGD"
    ),
]
runs = reports.per_sample(data, methods, seeds=range(seeds), steps=steps)

# %% tags=["hide-input"]
families = {"SignSGD": "SignSGD", "N-SGD": "N-SGD = Spectral-SGD"}
show(
    plots_theory.explicit_rate(runs, families),
    "fig-explicit-rate",
    data=runs[["distance", "bound"]],
    alt=(
        "Distance of the direction from the bias matrix on logarithmic axes"
        " for SignSGD and N-SGD; it falls steadily and stays below the"
        " explicit bound."
    ),
    caption=(
        "**Single samples lead to the bias matrix, faster than the bound"
        " says.** Distance between the direction of $W_t$ and that of the bias"
        " matrix, and the explicit bound of Theorem 4.9, at ends of epochs;"
        f" {counted(seeds, 'shuffle')}."
    ),
    steps=steps,
    dataset=data.name,
)

# %% tags=["hide-input"]
exact = slack_table(["H.1", "H.2", "H.3", "H.4", "4.8"])
steps_equal = exact.where(
    exact.name == "update equals the closed form", drop=True
)
claim(
    "h-exact-steps",
    (
        "On orthogonal scale-skewed data, from zero weights, every per-sample"
        " step is the closed form, and with it the margins."
    ),
    kind="paper",
    where="Lemmas H.1-H.4, Definition 4.8 (v1, Section 4.4 and Appendix H)",
    tested=(
        f"{int(steps_equal.cases.sum())} steps on three data sets and two"
        f" families, {int(exact.cases.sum())} comparisons in all,"
        f" {int(exact.violations.sum())} violations"
    ),
    holds=int(exact.violations.sum()) == 0,
    tolerance="1e-11 for a step divided by its size, relative 1e-9 for margins",
    because=(
        "weights of size 10 are known to 1e-15, and step sizes go down to 1e-3"
    ),
)

# %% tags=["hide-input"]
end = runs.isel(step=-1)
toward = float(end.cosine.sel(direction="bias").min())
claim(
    "theorem-4-9",
    (
        "On orthogonal scale-skewed data, from zero weights, per-sample"
        " SignSGD and N-SGD converge in direction to the bias matrix, at an"
        " explicit rate, while the loss goes to zero."
    ),
    kind="paper",
    where="Theorem 4.9 (v1, Section 4.4); the explicit rate is ours",
    tested=f"{counted(seeds, 'shuffle')}, {steps} steps: smallest cosine"
    f" {toward:.6f}; distance over its bound at most"
    f" {float((runs.distance / runs.bound).max()):.3f}; "
    f"largest loss {float(end.loss.max()):.3f} from"
    f" {float(runs.first_loss.max()):.3f}",
    holds=toward > 0.9999
    and bool((runs.distance <= runs.bound).all())
    and bool((end.loss < 0.5 * runs.first_loss).all()),
    tolerance="cosine above 0.9999",
    because=(
        "the explicit rate leaves a distance of order 1/sqrt(T), squared"
        " in a cosine"
    ),
)

# %% [markdown]
# ```{see-it} average three long samples outvote a short one
# ```
#
# ```{see-it} three with three classes Muon and normalised SGD part
# ```
#
# ## The answer
#
# They go to an average of one direction per sample, which counts the samples of each class and ignores how far they are from the boundary: the weights never
# leave a tube of fixed width around the ray of the bias matrix. Chapter J, {ref}`sec-per-sample`, compares this direction with the maximum-margin ones.
