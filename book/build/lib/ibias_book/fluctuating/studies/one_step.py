"""One step in one dimension: the order in eta of the discrete and the Langevin equation, and where
the discrete one breaks."""

import math

import numpy as np
import xarray as xr

from ..circle import Circle, random_circle
from ..exponents import fit_exponent

ETAS = 0.16 / 2 ** np.arange(6)
# name: phi, phi', phi'''
TESTS = {
    "cos": (np.cos, lambda x: -np.sin(x), np.sin),
    "sin": (np.sin, np.cos, lambda x: -np.cos(x)),
    "cos 2": (lambda x: np.cos(2 * x), lambda x: -2 * np.sin(2 * x), lambda x: 8 * np.sin(2 * x)),
    "exp sin": (
        lambda x: np.exp(np.sin(x)),
        lambda x: np.cos(x) * np.exp(np.sin(x)),
        lambda x: (np.cos(x) ** 3 - 3 * np.sin(x) * np.cos(x) - np.cos(x)) * np.exp(np.sin(x)),
    ),
    "sin 3": (lambda x: np.sin(3 * x), lambda x: 3 * np.cos(3 * x), lambda x: -27 * np.cos(3 * x)),
}
EQUATIONS = {
    "discrete Fokker-Planck": lambda circle, eta: circle.fokker_planck(eta),
    "discrete, C for S": lambda circle, eta: circle.fokker_planck(eta, circle.covariance),
    "Langevin": lambda circle, eta: circle.langevin(eta),
    "Langevin, modified loss": lambda circle, eta: circle.langevin(eta, modified=True),
}
_ORDERS = {
    "discrete Fokker-Planck": 3,
    "discrete, C for S": 2,
    "Langevin": 2,
    "Langevin, modified loss": 3,
}


def one_step_errors(circle=None, etas=ETAS) -> xr.Dataset:
    """Signed weak errors (equation, test, eta), L1 errors of the density (equation, eta), predicted
    leading coefficients, mass errors."""
    circle = circle or Circle(random_circle())
    density = circle.von_mises()
    weak = np.empty((len(EQUATIONS), len(TESTS), len(etas)))
    total, mass, push = (
        np.empty((len(EQUATIONS), len(etas))),
        np.empty(len(etas)),
        np.empty(len(etas)),
    )
    for e, eta in enumerate(etas):
        exact = circle.step(circle.push_forward(eta), density)
        truth = [circle.exact_expectation(density, phi, eta) for phi, _, _ in TESTS.values()]
        mass[e] = abs(2 * np.pi * exact.mean() - 1)
        push[e] = max(
            abs(circle.expectation(exact, phi) - t)
            for (phi, _, _), t in zip(TESTS.values(), truth, strict=True)
        )
        for i, equation in enumerate(EQUATIONS.values()):
            guess = circle.step(equation(circle, eta), density)
            weak[i, :, e] = [
                circle.expectation(guess, phi) - t
                for (phi, _, _), t in zip(TESTS.values(), truth, strict=True)
            ]
            total[i, e] = 2 * np.pi * np.abs(guess - exact).mean()
    coefficient = _coefficients(circle, density)
    coords = {
        "equation": list(EQUATIONS),
        "test": list(TESTS),
        "eta": etas,
        "order": ("equation", list(_ORDERS.values())),
    }
    kept = {
        "error": (("equation", "test", "eta"), weak),
        "l1": (("equation", "eta"), total),
        "coefficient": (("equation", "test"), coefficient),
        "mass_error": ("eta", mass),
        "push_error": ("eta", push),
    }
    return xr.Dataset(kept, coords)


def _coefficients(circle, density):
    """Predicted error / eta^order where it is known (the discrete equation and Langevin); nan
    elsewhere."""
    found = np.full((len(EQUATIONS), len(TESTS)), np.nan)
    for j, (_, first, third) in enumerate(TESTS.values()):
        found[0, j] = circle.expectation(density * circle.third_moment, third) / 6
        found[2, j] = circle.expectation(density * (circle.derivative @ circle.slope**2), first) / 4
    return found


def fitted_orders(errors: xr.Dataset, smallest=3) -> xr.Dataset:
    """Slope of |error| in eta over the ``smallest`` step sizes: ``weak`` (equation, test), ``l1``
    (equation)."""
    last = errors.isel(eta=slice(-smallest, None))
    weak = [
        [fit_exponent(last.eta, np.abs(row)).value for row in block] for block in last.error.values
    ]
    total = [fit_exponent(last.eta, row).value for row in last.l1.values]
    return xr.Dataset(
        {"weak": (("equation", "test"), weak), "l1": ("equation", total)},
        {"equation": errors.equation, "test": errors.test, "order": errors.order},
    )


def prefactors(errors: xr.Dataset) -> xr.DataArray:
    """Measured over predicted leading coefficient, Richardson-extrapolated from the two smallest
    step sizes (equation, test)."""
    scaled = errors.error / errors.eta**errors.order
    limit = 2 * scaled.isel(eta=-1) - scaled.isel(eta=-2)
    return (limit / errors.coefficient).drop_vars("eta", errors="ignore")


def global_errors(circle=None, steps=(8, 16, 32, 64, 128)) -> xr.DataArray:
    """Largest weak error at time 1 = eta * steps (equation, eta): one order is lost, 2 for the
    discrete equation and 1 for Langevin."""
    circle = circle or Circle(random_circle())
    density = circle.von_mises()
    found = np.empty((len(EQUATIONS), len(steps)))
    for e, count in enumerate(steps):
        exact = np.linalg.matrix_power(circle.push_forward(1 / count), count) @ density
        for i, equation in enumerate(EQUATIONS.values()):
            guess = np.linalg.matrix_power(equation(circle, 1 / count), count) @ density
            found[i, e] = max(
                abs(circle.expectation(guess - exact, phi)) for phi, _, _ in TESTS.values()
            )
    return xr.DataArray(
        found,
        dims=("equation", "eta"),
        coords={"equation": list(EQUATIONS), "eta": 1 / np.array(steps)},
    )


def narrow_density(eta=0.05, at=2.2, width=0.5, points=1024) -> xr.Dataset:
    """A Gaussian of standard deviation ``width`` rms steps, pushed exactly and by the truncated
    equation, which goes negative."""
    circle = Circle(random_circle(), points)
    rms = math.sqrt(np.interp(at, circle.theta, circle.second_moment))
    density = circle.von_mises(1 / (width * eta * rms) ** 2, at)
    kept = {
        "start": density,
        "exact": circle.push_forward(eta) @ density,
        "truncated": circle.fokker_planck(eta) @ density,
    }
    return xr.Dataset(
        {k: ("theta", v) for k, v in kept.items()},
        {"theta": circle.theta},
        {"eta": eta, "width": width},
    )


def positivity_widths(eta=0.05, angles=(1.0, 2.2, 3.6)) -> xr.Dataset:
    """Smallest width, in rms steps eta sqrt(S), at which the truncated density stays >= 0: measured
    and predicted sqrt(S / (S + C))."""
    landscape = random_circle()
    measured, predicted, drift = [], [], []
    for angle in angles:
        s, c, slope = _local_moments(landscape, angle)
        widths = np.geomspace(0.5, 1.5, 150)
        negative = np.array(
            [_lowest_ratio(landscape, eta, angle, w * eta * math.sqrt(s)) < 0 for w in widths]
        )
        measured.append(widths[np.flatnonzero(negative).max() + 1])
        predicted.append(math.sqrt(s / (s + c)))
        drift.append(abs(slope) / math.sqrt(c))
    return xr.Dataset(
        {
            "measured": ("angle", measured),
            "predicted": ("angle", predicted),
            "drift": ("angle", drift),
        },
        {"angle": list(angles)},
        {"eta": eta},
    )


def _local_moments(landscape, angle):
    g = landscape.gradients(np.array([angle]))[:, 0]
    return (g**2).mean(), g.var(), g.mean()


def _lowest_ratio(landscape, eta, angle, width):
    """Smallest value of (truncated density) / (Gaussian) within 8 widths, analytic in the
    Gaussian."""
    x = np.linspace(-8 * width, 8 * width, 1601)
    h = 1e-5
    g, up, down = (landscape.gradients(angle + x + step) for step in (0, h, -h))
    first, second = (up - down) / (2 * h), (up - 2 * g + down) / h**2
    slope, curvature, s = g.mean(0), first.mean(0), (g**2).mean(0)
    s1, s2 = (2 * g * first).mean(0), (2 * first**2 + 2 * g * second).mean(0)
    linear = eta * (curvature - slope * x / width**2)
    square = eta**2 / 2 * (s2 - 2 * s1 * x / width**2 + s * (x**2 / width**4 - 1 / width**2))
    return (1 + linear + square).min()


def iterated_radius(points=(32, 64, 128), eta=0.1) -> xr.Dataset:
    """Largest |eigenvalue| of one step: 1 for the exact map on any grid, growing with the grid for
    the truncated equation (ill-posed)."""
    circles = [Circle(random_circle(), n) for n in points]
    exact = [np.abs(np.linalg.eigvals(c.push_forward(eta))).max() for c in circles]
    cut = [np.abs(np.linalg.eigvals(c.fokker_planck(eta))).max() for c in circles]
    shortest = [eta * math.sqrt(c.second_moment.max()) * c.points / 2 for c in circles]
    return xr.Dataset(
        {
            "exact": ("points", exact),
            "truncated": ("points", cut),
            "shortest_wave": ("points", shortest),
        },
        {"points": list(points)},
        {"eta": eta},
    )
