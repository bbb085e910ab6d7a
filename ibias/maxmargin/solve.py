"""``max_margin``: choose a route, solve, certify."""

import warnings
from contextlib import contextmanager, nullcontext
from dataclasses import replace

import numpy as np

from .._checks import is_number
from ..data import Dataset
from ..norms import FROBENIUS, Entrywise, Norm, Schatten
from ..progress import bar
from .certificate import margins
from .face import optimal_face
from .first_order import first_order
from .newton import Pairs, active, candidates, interior
from .nonseparable import proved_not_separable, refuse_contradiction
from .plain import solve_plain
from .result import MaxMargin
from .search import EXACT, Search, in_units
from .threads import one_thread
from .units import raw, spread
from .working import working_set

SOLVERS = "auto", "interior", "working-set", "first-order", "cvxpy"
WIDE = 1e-6  # relative gap above which nothing is said about uniqueness
RAW = 17  # bits between columns from which on they are solved in raw units
FACE_LIMIT = 3000  # unknowns of a face whose dimension is determined
ONE_SYSTEM = 1500, 20_000  # unknowns, pairs: below both, all pairs at once
DENSE_LIMIT = 12_000  # unknowns of one system (1 GB)
THREADS = 3_000  # unknowns from which on a second thread of the linear algebra is worth its risk


def max_margin(
    dataset: Dataset,
    norm: Norm,
    solver: str = "auto",
    *,
    tolerance: float | None = None,
    seconds: float | None = None,
    progress: bool = True,
    on_interrupt: str = "raise",
) -> MaxMargin:
    """The maximum margin of a data set in a norm, with a certified interval.

    ``solver``: "auto" chooses among "interior" (a primal-dual method on all pairs; relative gaps
    near 1e-14), "working-set" (the same on the pairs that matter) and "first-order" (products with
    x only).  "cvxpy" is the plain program through a general solver, for cross-checks and for norms
    that are neither ``Entrywise`` nor ``Schatten`` (these always take it).

    ``tolerance``: stop at this certified relative gap (None: at rounding).  ``seconds``: return the
    best certified interval found by then, marked ``complete=False``.  ``progress``: a bar on stderr
    after two seconds.  ``on_interrupt="return"``: Ctrl-C returns what is known instead of raising.

    Raises NotSeparable, with a certificate, when no W classifies every sample;
    UndecidedSeparability (an ArithmeticError) when float64 cannot tell; TimeoutError when no
    positive margin was known after ``seconds``.
    """
    _check(dataset, norm, solver, tolerance, seconds, on_interrupt)
    refuse_contradiction(dataset)
    samples, exponent, kept = in_units(dataset)
    few = one_thread if dataset.k * min(dataset.n, dataset.d) < THREADS else nullcontext
    with _bar(tolerance, progress) as report, few():
        search = Search(samples, norm, tolerance, seconds, report)
        complete = True
        try:
            refuted = _search(search, solver)
        except KeyboardInterrupt as interrupt:
            if on_interrupt == "raise" or search.w is None or search.a is None:
                low, high = np.ldexp([search.lower, search.upper], exponent)
                interrupt.add_note(f"certified so far: {low:.6g} <= maximum margin <= {high:.6g}")
                raise
            complete, refuted = False, None
    if search.w is None:
        if search.late:
            raise TimeoutError(
                f"no positive margin was certified within {seconds} seconds (upper bound"
                f" {np.ldexp(search.upper, exponent):.3g}); allow more, or set a tolerance"
            )
        raise proved_not_separable(dataset, samples, kept, refuted)
    complete = complete and search.gap <= (tolerance or np.inf)
    with few():
        return _result(dataset, search, exponent, kept, complete and not search.late)


def _check(dataset, norm, solver, tolerance, seconds, on_interrupt):
    if not isinstance(dataset, Dataset) or not isinstance(norm, Norm):
        raise TypeError(
            "max_margin(dataset, norm) takes an ib.Dataset and a norm such as ib.SPECTRAL or"
            f" ib.norm('schatten:4'); got {dataset!r}, {norm!r}"
        )
    if solver not in SOLVERS:
        raise ValueError(f"solver must be one of {', '.join(SOLVERS)}; got {solver!r}")
    if tolerance is not None and not (is_number(tolerance) and 0 < tolerance < 1):
        raise ValueError(f"tolerance is a relative gap in (0, 1), or None; got {tolerance!r}")
    if seconds is not None and not (is_number(seconds) and seconds > 0):
        raise ValueError(f"seconds must be a positive number, or None; got {seconds!r}")
    if on_interrupt not in ("raise", "return"):
        raise ValueError(f"on_interrupt must be 'raise' or 'return'; got {on_interrupt!r}")


@contextmanager
def _bar(tolerance, show):
    """A bar that moves by one for every tenth of a decade of the certified gap."""

    def tenths(gap):
        return int(-10 * np.log10(np.clip(gap, max(tolerance or 0, EXACT), 1)))

    with bar(tenths(0), "certified gap", show) as advance:
        yield lambda before, now: advance(tenths(now) - tenths(before))


@np.errstate(all="ignore")  # a candidate that overflows is none: the certificate says so
def _search(search, solver):
    """Run a route; the multipliers of a subset without positive margin, or None."""
    samples, norm, search.used = search.samples, search.norm, search.samples.n
    if solver == "cvxpy" or not isinstance(norm, Entrywise | Schatten):
        search.route = "cvxpy"
        search.offer(*solve_plain(samples, norm))
        return None
    norm = _plainest(norm, samples.k)
    solver = _route(search, norm) if solver == "auto" else solver
    search.route = solver.replace("-", " ")
    if solver == "first-order":
        first_order(search, norm, search.tolerance or 1e-4)
        if search.w is not None or search.late:
            return None
        solver = "working-set"  # perhaps not separable, which an exact route can prove
    if solver == "working-set":
        return working_set(search, norm, solve_pairs)
    # to rounding: polished pairs as well, as the gap sees errors of W and of the face squared
    spare = 0 if search.tolerance else 1 if norm.p == 2 else 9
    for w, a in solve_pairs(samples, norm, search.tolerance or 0.0, search):
        search.offer(w, a)
        spare -= search.ended
        if spare < 0 or search.late:
            break
    return None


def _plainest(norm, k):
    """FROBENIUS where it has the same optimum: p = 2 is one ball in both families, and of two
    classes the optimum (v, -v) has rank one, where all Schatten norms agree."""
    return FROBENIUS if norm.p == 2 or (k == 2 and isinstance(norm, Schatten)) else norm


def _route(search, norm):
    samples = search.samples
    unknowns, pairs = samples.k * samples.d, samples.n * (samples.k - 1)
    if not samples.sparse and unknowns <= ONE_SYSTEM[0] and pairs <= ONE_SYSTEM[1]:
        return "interior"
    loose = search.tolerance is not None and search.tolerance >= 1e-5
    matrix = not isinstance(norm, Entrywise) or norm.p not in (1, 2, np.inf)
    slow = not matrix and norm.p != 2 and pairs <= 30_000  # there the working set is faster
    if loose and not slow and (samples.sparse or unknowns > ONE_SYSTEM[0]):
        return "first-order"
    if matrix and min(unknowns, samples.k * samples.n) > DENSE_LIMIT:
        return "first-order"
    return "working-set"


def solve_pairs(samples, norm, tolerance, search):
    """Candidates (w, a) for dense samples, in the order of their polish."""
    wide = spread(samples)
    if wide <= RAW:
        pairs = Pairs.of(samples, norm)
        optimum = interior(pairs, norm, max(tolerance, 1e-13), stop=lambda: search.late)
        yield optimum.w, optimum.a
        if optimum.lower > 0 and tolerance < 1e-8 and not search.late:
            yield from candidates(pairs, norm, optimum)
        if search.ended or tolerance >= 1e-8 or wide <= 4 or optimum.gap < 1e-11:
            return
    if samples.n * samples.k * samples.d <= 1e6:
        yield from raw(samples, norm)


def _result(dataset, search, exponent, kept, complete):
    """The result in the data's units, with all features, and what can be said of the face."""
    margin, k, d = search.margin, dataset.k, dataset.d
    weights = np.zeros((k, d))
    weights[:, kept] = search.w
    slack = margins(search.samples, search.w) - margin
    on = active(np.arange(k) == dataset.y[:, None], search.a, slack, margin)
    lower, upper, margin = np.ldexp([search.lower, search.upper, margin], exponent).tolist()
    best = MaxMargin(
        search.norm, lower, upper, margin, weights, search.a, np.flatnonzero(on.any(1)),
        "cvxpy" if search.route == "cvxpy" else "interior", search.route, search.used, complete,
        dataset=dataset,
    )  # fmt: skip
    if search.gap > WIDE:
        if search.tolerance is None and complete:
            warnings.warn(
                f"the certified interval is wide (relative {search.gap:.1e}): nothing is said about"
                " uniqueness. Features of comparable size (standardise) usually help.",
                stacklevel=3,
            )
        return best
    return best if search.route == "cvxpy" else with_face(dataset, best, exponent)


def with_face(dataset, best, exponent):
    """``best`` with dimension and canonical point of the optimal face, where the system fits."""
    inner = _plainest(best.norm, dataset.k)
    strict = 1 < inner.p < np.inf
    if not strict and (hasattr(dataset.x, "tocsr") or dataset.k * dataset.d > FACE_LIMIT):
        return best
    pairs = None if strict else Pairs.of(in_units(dataset, zeros=True)[0], inner)
    face = optimal_face(pairs, inner, best.weights, best.dual, best.gap)
    if face is None:
        return best
    dimension, point, accuracy = face
    known = {"unique": dimension == 0, "face_dim": dimension, "canonical": point}
    return replace(best, **known, canonical_accuracy=accuracy)
