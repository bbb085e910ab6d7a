"""The descent lemmas D.1, E.1, F.1, G.1 and the recursion (M) behind them, at every step of real
runs."""

import numpy as np

from ibias.norms import SUM

from ..theory import constants
from .catalog import Collector
from .trajectories import of_kind, short_courses


def master():
    """(M) with the measured eps_t: (L(W+) - L(W))/(eta G) + gamma <= eps_t + 2 R^2 e^(2 R eta_t)
    eta_t."""
    out = Collector()
    for course in short_courses():
        out.add(
            f"{course.kind}, measured error",
            course.change + course.recursion.margin,
            course.error + course.curvature(),
        )
    return out.bounds(noise=1e-10)


def _descent(kind, out):
    """The measured error below the a-priori one, and (M) with the a-priori error."""
    for course in of_kind(kind, short_courses()):
        prior, r = course.recursion.error(course.steps), course.recursion
        if r.batches > 1 or course.beta > 0:
            out.add("measured error below the a-priori error", course.error, prior)
        out.add(
            "descent with the a-priori error", course.change + r.margin, prior + course.curvature()
        )
        late = np.arange(course.steps) >= r.valid_from
        if late.any():
            right = r.margin - r.rho + r.nu(np.arange(course.steps)) + r.alpha * course.eta
            out.add(
                "(M') with the constants of the table",
                (course.change + r.margin)[late],
                right[late],
            )
    return out


def plain():
    """D.1: rho = gamma - 4 (m-1) R, alpha = 2 R^2 e^(2 R eta_0)."""
    return _descent("plain", Collector()).bounds(noise=1e-10)


def momentum():
    """E.1: stale gradients (E.2), sampling (E.3) and the zero start (E.4), each under its bound."""
    out = _descent("momentum", Collector())
    for course in of_kind("momentum", short_courses()):
        r, beta, norm = course.recursion, course.beta, course.norm
        size = {name: SUM.value(part).numpy() for name, part in course.replay.parts.items()}
        sums = constants.phi(course.eta, beta, 2 * r.radius)
        out.add(
            "(E.2) stale gradients", size["stale"], 2 * r.radius * r.batches * (1 - beta) * sums
        )
        out.add(
            "(E.3) sampling, N(beta, m) (sharper)",
            size["sampling"],
            2 * r.radius * constants.sampling_error(beta, r.batches),
        )
        out.add(
            "(E.3) sampling, polynomial",
            size["sampling"],
            2 * r.radius * constants.sampling_error_paper(beta, r.batches),
        )
        start = norm.dual(course.replay.parts["start"]).numpy()
        out.add("(E.4) zero start", start, r.nu(np.arange(course.steps)) / 2)
        whole = sum(course.replay.parts.values()) - (course.replay.signal - course.replay.gradient)
        out.same("the three parts add up", np.abs(whole).max((1, 2)), 1e-10 * (1 + r.radius))
    return out.bounds(noise=1e-10)


def variance_reduced():
    """F.1: the error grows with the age of the snapshot, and is O(eta_t) once the step sizes are
    small."""
    out = _descent("VR", Collector())
    for course in of_kind("VR", short_courses()):
        r, t = course.recursion, np.arange(course.steps)
        size = SUM.value(course.replay.parts["batch"]).numpy()
        out.add("age of the snapshot", size, r.error(course.steps) / 2)
        late = t >= r.valid_from
        if late.any():
            out.add(
                "late: O(eta_t) (sharper)",
                size[late],
                (2 ** (r.a + 3) * r.radius**2 * (r.batches - 1) ** 2 * course.eta)[late],
            )
        out.same("full gradient at an epoch start", size[t % r.batches == 0], 1e-10 * r.radius)
    return out.bounds(noise=1e-10)


def variance_reduced_momentum():
    """G.1: estimator (C.14), stale full gradients (no factor m), zero start."""
    out = _descent("VR+momentum", Collector())
    for course in of_kind("VR+momentum", short_courses()):
        r, beta = course.recursion, course.beta
        size = {name: SUM.value(part).numpy() for name, part in course.replay.parts.items()}
        stale = constants.phi(course.eta, beta, 2 * r.radius)
        lagged = constants.phi(course.eta, beta, 2 * r.radius, r.batches - 1)
        out.add(
            "estimator (C.14)",
            size["estimator"],
            2 * (r.batches - 1) * r.radius * (1 - beta) * lagged,
        )
        out.add("stale full gradients", size["stale"], 2 * r.radius * (1 - beta) * stale)
        out.add(
            "zero start",
            course.norm.dual(course.replay.parts["start"]).numpy(),
            r.nu(np.arange(course.steps)) / 2,
        )
        whole = sum(course.replay.parts.values()) - (course.replay.signal - course.replay.gradient)
        out.same("the three parts add up", np.abs(whole).max((1, 2)), 1e-10 * (1 + r.radius))
    return out.bounds(noise=1e-10)
