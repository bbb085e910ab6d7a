"""Maximum margins: ours with its certified interval, beside scikit-learn's Crammer-Singer machine
and plain cvxpy."""

import time

import numpy as np

import ibias as ib


def measure_margins() -> list[dict]:
    """A row per data set, norm and solver: CPU seconds, the certified relative gap of what it
    returned, and the margin."""
    sets = {
        "mixture d = 25": ib.data.mixture(),
        "digits 3-8": ib.data.digits((3, 8)),
        "digits": ib.data.digits(),
    }
    rows = []
    for title, data in sets.items():
        for norm in (ib.MAX, ib.FROBENIUS, ib.SPECTRAL):
            solvers = {"ibias": lambda data=data, norm=norm: ib.max_margin(data, norm)}
            if title != "digits":  # minutes there
                solvers["cvxpy"] = lambda data=data, norm=norm: ib.max_margin(
                    data, norm, solver="cvxpy"
                )
            for solver, solve in solvers.items():
                began = time.process_time()
                best = solve()
                gap = (best.upper - best.lower) / best.upper
                rows.append(_row(title, norm, solver, time.process_time() - began, gap, best.lower))
            if norm == ib.FROBENIUS and title != "digits":
                rows.append(_crammer_singer(title, data, best.upper))
    return rows


def _crammer_singer(title, data, upper):
    from sklearn.svm import LinearSVC

    began = time.process_time()
    # C large enough to be a hard margin; the intercept is off, as in the paper
    machine = LinearSVC(
        multi_class="crammer_singer",
        C=1e6,
        fit_intercept=False,
        max_iter=20_000,
        tol=1e-9,
        random_state=0,
    )
    w = machine.fit(data.x, data.y).coef_
    seconds = time.process_time() - began
    if len(w) == 1:  # two classes come back as one row
        w = np.concatenate([-w, w]) / 2
    z = data.x @ w.T
    own = z[np.arange(data.n), data.y].copy()
    z[np.arange(data.n), data.y] = -np.inf
    margin = (own - z.max(1)).min() / np.linalg.norm(w)
    return _row(
        title,
        ib.FROBENIUS,
        "scikit-learn Crammer-Singer",
        seconds,
        (upper - margin) / upper,
        margin,
    )


def _row(title, norm, solver, seconds, gap, margin):
    return {
        "data": title,
        "norm": norm.text,
        "solver": solver,
        "seconds": round(seconds, 3),
        "gap": float(gap),
        "margin": float(margin),
    }
