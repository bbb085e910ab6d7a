"""The independent route: ``min ||W||, margins >= 1`` by cvxpy and a general-purpose solver."""

import warnings

import numpy as np

from ..norms import Schatten


def solve_plain(dataset, norm):
    """(W, a) up to scale, to 1e-6 to 1e-13, as the solver can.  Needs the extra ``margin``.

    W is None where the solver calls the program infeasible: the data are then not separable, or
    nearly so.  Raises ArithmeticError where it fails.
    """
    import cvxpy as cp

    w = cp.Variable((dataset.k, dataset.d))
    logits = dataset.x @ w.T
    pairs = [(c, e) for c in range(dataset.k) for e in range(dataset.k) if e != c]
    others = [(dataset.y == c, c, e) for c, e in pairs]
    constraints = [logits[rows, c] - logits[rows, e] >= 1 for rows, c, e in others]
    linear = not isinstance(norm, Schatten) and norm.p in (1, np.inf)
    problem = cp.Problem(cp.Minimize(norm.cvx(w)), constraints)
    try:
        with warnings.catch_warnings():  # of inaccuracy: the certificate judges what comes back
            warnings.filterwarnings("ignore", category=UserWarning, module="cvxpy")
            problem.solve(solver=cp.HIGHS if linear else cp.CLARABEL)
    except cp.error.SolverError as error:
        reason = str(error).partition(". ")[0]  # what follows names an argument of its own
        remedy = "Try solver='auto', or features of similar size"
        raise ArithmeticError(f"the general solver gave no answer: {reason}. {remedy}") from error
    if w.value is None:
        return None, None
    dual = np.zeros((dataset.n, dataset.k))
    for (rows, _, e), constraint in zip(others, constraints, strict=True):
        dual[rows, e] = constraint.dual_value
    return w.value, dual
