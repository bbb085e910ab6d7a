"""From random weights to a minimum where the full gradient is zero to rounding: Adam, then damped
Newton with the exact Hessian."""

import torch
from torch.func import grad, hessian


def adam(network, theta, steps=1500, rate=0.02, late_rate=0.003):
    """Full-batch Adam, the last 30 % of the steps at ``late_rate``.  Returns ``theta (p,)``, near a
    minimum but not at it."""
    theta = theta.clone().requires_grad_(True)
    optimizer = torch.optim.Adam([theta], lr=rate)
    for step in range(steps):
        if step == int(0.7 * steps):
            optimizer.param_groups[0]["lr"] = late_rate
        optimizer.zero_grad()
        network.loss(theta).backward()
        optimizer.step()
    return theta.detach()


def newton(network, theta, tolerance=1e-10, iterations=200):
    """Damped Newton on the absolute spectrum, step -U (U^T g) / (|lambda| + mu), until
    ``|grad| < tolerance``.

    |lambda| turns a saddle into a descent direction; mu falls by 4 after a success and grows by 5
    after a failure. Raises RuntimeError when the tolerance is out of reach: without weight decay
    these networks have no minimum.
    """
    gradient, curvature = grad(network.loss), hessian(network.loss)
    value, mu = network.loss(theta).item(), 1e-2
    for _ in range(iterations):
        g = gradient(theta)
        if g.norm() < tolerance:
            return theta
        values, vectors = torch.linalg.eigh(curvature(theta).detach())
        theta, value, mu = _damped_step(network, theta, value, g, values, vectors, mu)
    raise RuntimeError(
        f"Newton stopped at |grad| = {gradient(theta).norm():.1e} after {iterations} steps, above"
        f" {tolerance:g}; weight_decay = {network.weight_decay:g} may be too small for a minimum to"
        " exist"
    )


def _damped_step(network, theta, value, g, values, vectors, mu):
    coefficients = vectors.T @ g
    for _ in range(12):
        trial = theta - vectors @ (coefficients / (values.abs() + mu))
        new = network.loss(trial).item()
        # Close to the minimum the loss is flat to rounding: there the gradient decides.
        near = g.norm() < 1e-6 and grad(network.loss)(trial).norm() < g.norm()
        if new < value or near:
            return trial.detach(), new, max(mu / 4, 1e-13)
        mu = max(mu, 1e-10) * 5
    return theta, value, mu


def minimum(network, seed=0):
    """A trained point: |gradient| < 1e-10."""
    return newton(network, adam(network, network.start(seed)))


def early_point(network, seed=0, steps=400):
    """A point that training has not finished with: gradient about 1e-2, some curvatures clearly
    negative."""
    return adam(network, network.start(seed), steps=steps)
