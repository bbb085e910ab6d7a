"""Faults for `tests/test_mutations.py`: (module of the book's package, text there, what replaces it,
tests that must fail).

Each is a mistake that a person could make and that no test of violations sees: a constant of a
bound that is looser, a factor dropped, a shifted threshold, a law that is no longer clipped.
"""

VALUES = "tests/test_theory_values.py"
WAVES = "tests/test_fluctuating_values.py"
LAYERS = "tests/test_homogeneous_values.py"
SLACK = "tests/test_statements.py::test_slack"
HOLDS = "tests/test_statements.py::test_statement"

CONSTANTS, RATES = "steepest/theory/constants.py", "steepest/theory/rates.py"
RECURSION, SKEWED = "steepest/theory/recursion.py", "steepest/theory/skewed.py"
NOISE, LOSS = "steepest/statements/noise.py", "steepest/statements/loss_and_proxy.py"
CORRECTED = "steepest/statements/counterexamples.py"
LAWS, FAMILIES = "homogeneous/laws.py", "homogeneous/families.py"
MEASURES, NETWORKS = "homogeneous/observables.py", "homogeneous/networks.py"
RULES, TRAINING = "homogeneous/rules.py", "homogeneous/training.py"
MODES, CLOSURE = "fluctuating/modes.py", "fluctuating/closure.py"
EPOCHS, BATCHES = "fluctuating/reshuffling.py", "fluctuating/statistics.py"
ASKED, SCHEMES = "tests/test_referee.py::test_", "referee/sampling.py"
CIRCLE, SPECTRA = "fluctuating/circle.py", "fluctuating/spectra.py"

FAULTS = [
    # the first paper: constants
    (CONSTANTS, "return 2 * radius\n", "return 2.02 * radius\n", VALUES),
    (CONSTANTS, "stack([points, -points], axis=1)).min()", "stack([points, -points], axis=1)).max()", VALUES),
    (CONSTANTS, "m * rest * (1 + (1 - rest) / lost) - 1", "m * rest * (1 + 1 / lost) - 1", VALUES),
    (CONSTANTS, "m * (m**2 - 1) / 2", "m * (m**2 - 1)", VALUES),
    (CONSTANTS, "m * (m**2 - 1) / 2", "m * (m - 1) / 2", VALUES),
    (CONSTANTS, "return margin - 4 * radius * sampling_error", "return margin - 2 * radius * sampling_error", VALUES),
    (CONSTANTS, "4 * radius * samples / (4 * radius + margin)", "4 * radius * samples / (4 * radius)", VALUES),
    (CONSTANTS, "1 - margin / (2 * radius * batches", "1 - margin / (4 * radius * batches", VALUES),
    (CONSTANTS, "2 * radius**2 * math.exp(2 * radius * eta0)", "2 * radius**2 * math.exp(radius * eta0)", VALUES),
    (CONSTANTS, "np.power(float(beta), t + 1)", "np.power(float(beta), t)", VALUES),
    (CONSTANTS, "4 / (1 - beta) ** 2 + 2 * lag", "2 / (1 - beta) ** 2 + 2 * lag", VALUES),
    (CONSTANTS, "math.e if lag > 0 else 1.0", "math.e", VALUES),
    (CONSTANTS, "math.ceil(max(smooth, window, 8 * lag, growth, power))", "math.ceil(max(smooth, window, 4 * lag, growth, power))", VALUES),
    (CONSTANTS, "np.maximum(t - age - lag, 0)", "np.maximum(t - age - lag + 1, 0)", VALUES),
    # rates and the recursion
    (RATES, "return a if a <= 0.5 else 1 - a", "return 1 - a", "tests/test_theory.py::test_rates_have_the_stated_exponents"),
    (RATES, "start = n * d ** (1 / a - 1)", "start = n * d ** (1 / a)", "tests/test_theory.py::test_rates_by_hand"),
    (RATES, "batches**2 if variance_reduction", "batches if variance_reduction", VALUES),
    (RECURSION, "2 ** (self.a + 4) * r**2 * (m - 1) ** 2", "2 ** (self.a + 4) * r**2 * m * (m - 1)", VALUES),
    (RECURSION, "per_batch = 1 if self.variance_reduction else m", "per_batch = m", VALUES),
    (RECURSION, "share = 4 if self.beta > 0 else 2", "share = 2", VALUES),
    (RECURSION, "return 2 * noise + self.nu(t)", "return noise + self.nu(t)", VALUES),
    (RECURSION, "sums[t] - sums[t - t % m]", "sums[t] - sums[t - t % m] + eta[t]", VALUES),
    (RECURSION, "c.NATS / 2 * np.cumsum(late * decay)", "c.NATS * np.cumsum(late * decay)", VALUES),
    (RECURSION, "gain = self.rho * np.cumsum(eta * ratio) - self.alpha", "gain = self.rho * np.cumsum(eta * ratio) - 0.5 * self.alpha", VALUES),
    (SKEWED, '"normalized": math.sqrt(k / (k - 1))', '"normalized": math.sqrt((k - 1) / k)', VALUES),
    (SKEWED, "return 2 * float(np.min(scale))", "return 2 * float(np.mean(scale))", VALUES),
    (SKEWED, "smallest**-2.0", "smallest**-1.0", VALUES),
    # the first paper: bounds that would be looser, lemmas that would say less
    (NOISE, "one, epoch = 2 * (m - 1)", "one, epoch = 2 * m", f"{HOLDS}[C.11]"),
    (NOISE, "radius, 4 * (m - 1)", "radius, 2 * m * (m - 1)", f"{HOLDS}[C.11]"),
    (NOISE, "exact, 2 * (counts - 1) * (1 - betas)", "exact, 3 * (counts - 1) * (1 - betas)", f"{SLACK}[C.12]"),
    (LOSS, "out.add(\"(ii) L <= 2 G\", 1 / ratio[small], 2.0)", "out.add(\"(ii) L <= 2 G\", 1 / ratio[small], 2.2)", f"{SLACK}[C.7]"),
    (LOSS, "1 - ratio, n * loss / 2", "1 - ratio, n * loss", f"{SLACK}[C.7]"),
    (LOSS, "size = 2 * instance.radius * top[kept]\n", "size = 3 * instance.radius * top[kept]\n", f"{SLACK}[C.9]"),
    (CORRECTED, "            2 * theta**2,", "            theta**2,", f"{SLACK}[R]"),
    (CORRECTED, "drift / best + 1, spread", "drift / best + 1, 2 * spread", f"{SLACK}[V.5]"),
    (CORRECTED, "torch.as_tensor(w), 2 * schedule.eta0", "torch.as_tensor(w), 3 * schedule.eta0", f"{SLACK}[V.3]"),
    # homogeneous networks
    (LAWS, "return -np.log(beta2) / 2", "return -np.log(beta2)", LAYERS),
    (LAWS, "rest = np.maximum(1 - beta2 * np.exp(2 * np.asarray(delta)), 0)", "rest = np.maximum(1 - beta2 * np.exp(np.asarray(delta)), 0)", LAYERS),
    (LAWS, "np.minimum(1, (stable_rank / 2) ** 1.5)", "(stable_rank / 2) ** 1.5", LAYERS),
    (LAWS, "np.maximum(sigma, ratio) ** 3", "np.maximum(sigma, ratio) ** 2", LAYERS),
    (LAWS, '"falls": (rises < 0)', '"falls": (rises <= 0.5)', LAYERS),
    (LAWS, "eta = runs.eta0 * (runs.step + 1.0) ** -runs.a", "eta = runs.eta0 * (runs.step + 2.0) ** -runs.a", LAYERS),
    (FAMILIES, 'xr.where(ratio.norm == "l2", ratio**2, ratio)', "ratio", LAYERS),
    (FAMILIES, "np.maximum(sigma * first, last) ** 3", "np.maximum(sigma * first, last) ** 2", LAYERS),
    (FAMILIES, "float(rho) ** (2 / 3)", "float(rho) ** (1 / 3)", LAYERS),
    (MEASURES, "q / norm.value(theta) ** model.degree", "q / norm.value(theta) ** (model.degree - 1)", LAYERS),
    (MEASURES, "torch.where(log_s < -40, -log_s, -torch.log(torch.expm1(s.clamp(1e-300, 1))))", "-log_s", LAYERS),
    (MEASURES, "share: float = 0.1", "share: float = 0.01", LAYERS),
    (MEASURES, "- log(now.margins.shape[-1])", "", LAYERS),
    (NETWORKS, "back = self.power * cotangent if self.power else cotangent", "back = cotangent", LAYERS),
    (NETWORKS, "margin_l2 * depth ** (-depth / 2)", "margin_l2 * depth ** (-depth)", LAYERS),
    (NETWORKS, "max(self.power, 1) ** (depth - j)", "max(self.power, 1) * (depth - j)", LAYERS),
    (RULES, "sqrt(b) / a for a, b", "1 / a for a, b", LAYERS),
    (RULES, "samples * r.eps * sqrt(c)", "r.eps * sqrt(c)", LAYERS),
    (RULES, "[1 - decay for decay in decays]", "[1 for decay in decays]", LAYERS),
    (TRAINING, "(1, u), (-1, there), (b / n, self.snapshot[1])", "(1, u), (-1, there), (1, self.snapshot[1])", LAYERS),
    (TRAINING, "(1, u), (-1, there), (b / n, self.snapshot[1])", "(1, u)", LAYERS),
    (TRAINING, "if t % (n // b) == 0:", "if t == 0:", LAYERS),
    # fluctuating landscapes
    (MODES, "(1 - eta * self.curvature) ** 2 + eta**2 * self.fluctuation", "(1 - eta * self.curvature) ** 2 + eta * self.fluctuation", WAVES),
    (MODES, "self.noise + 2 * k * mean + s2 * mean**2", "self.noise + 2 * k * mean + s2 * mean", WAVES),
    (MODES, "(replicas - 3) / (replicas - 1)", "1", WAVES),
    (MODES, "top[:count] / top[count]", "top[:count] / top[count - 1]", WAVES),
    (CLOSURE, "V @ (v + mu**2)", "V @ v", WAVES),
    (CLOSURE, "positive_step(eta) * c / (2 * np.abs", "positive_step(eta) * c / (np.abs", WAVES),
    (CLOSURE, "drift = -(eta**2) * m / 2 * f", "drift = -(eta**2) * m * f", WAVES),
    (CLOSURE, "mu = q * mu - eta / 2 *", "mu = q * mu - eta *", WAVES),
    (EPOCHS, "position * (m - position) / (m - 1)", "position * (m - position) / m", WAVES),
    (EPOCHS, "(1 - q ** (2 * m))", "(1 - q**m)", WAVES),
    (EPOCHS, "c * s2 - k**2", "c * s2 - k", WAVES),
    (EPOCHS, "(n - b) * (n - 2 * b) * (a - cross)", "(n - b) * (n - b) * (a - cross)", WAVES),
    (EPOCHS, "eta) / 2 * (l**2 + s2)", "eta) * (l**2 + s2)", WAVES),
    (EPOCHS, "1 - (m - 1) * 2 / np.pi * np.arcsin(1 / (m - 1))", "1 - m * 2 / np.pi * np.arcsin(1 / m)", WAVES),
    (EPOCHS, "full - epoch)", "full)", WAVES),
    (BATCHES, "(n - b) / ((n - 1) * b)", "(n - b) / (n * b)", WAVES),
    (CIRCLE, "self.second_moment - self.slope**2", "self.second_moment", WAVES),
    (CIRCLE, "(1 + eta / 2 * (self.derivative @ self.slope))", "(1 + eta * (self.derivative @ self.slope))", WAVES),
    (CIRCLE, "-2 * self.second_amplitude[:, None]", "-self.second_amplitude[:, None]", WAVES),
    (SPECTRA, "eta**2 * noise\n", "eta * noise\n", WAVES),
    ("fluctuating/landscape.py", "f * np.mean(b * (h - h.mean()))", "np.mean(b * (h - h.mean()))", WAVES),
    ("fluctuating/ensemble.py", "self.mean_slope * state[\"anchor\"]", "h * state[\"anchor\"]", "tests/test_fluctuating.py::test_ensemble_agrees_with_a_plain_loop"),
    ("fluctuating/sampling.py", "rows[..., j][taken] = n - size + j", "rows[..., j][taken] = n - size + j - 1", "tests/test_fluctuating.py"),
    ("exponents.py", "math.sqrt(rest @ rest / (len(x) - 2)", "math.sqrt(rest @ rest / len(x)", WAVES),
    ("fluctuating/networks.py", "torch.diag_embed(bend * (rest", "torch.diag_embed(slope * (rest", "tests/test_fluctuating_networks.py::test_the_hessian_by_hand_is_autograds"),
    ("fluctuating/replicas.py", "z.var(0)", "z.var(0, correction=0)", WAVES),
    ("homogeneous/tasks.py", "0.35 * sign + 0.3 * generator", "0.30 * sign + 0.3 * generator", LAYERS),
    ("steepest/fits.py", "(1 - rho / margin).where", "(rho / margin).where", "tests/test_tables.py::test_momentum_map_has_the_effective_margin_on_its_axis"),
    (CIRCLE, "np.cos(self.theta - center) - 1", "np.cos(self.theta + center) - 1", WAVES),
    (BATCHES, "(h.diagonal(dim1=1, dim2=2) * b)", "(h.diagonal(dim1=1, dim2=2) * b.abs())", WAVES),
    # the referee's chapter
    (SCHEMES, "(m * shares @ shares - 1) / (m - 1)", "(m * shares @ shares - 1) / m", ASKED + "remaining_variance_by_enumeration"),
    (SCHEMES, "(running + whole).mean()", "running.mean()", ASKED + "remaining_variance_by_enumeration"),
    (SCHEMES, "return (1 - beta) / (1 + beta)", "return (1 - beta)", ASKED + "remaining_variance_of_independent_batches_is_a_geometric_sum"),
    (SCHEMES, "new.log_scale + (1 - beta).log()", "new.log_scale", ASKED + "adam_is_adam"),
    ("referee/plateau.py", "w = w - piece * steepest", "w = w + piece * steepest", ASKED + "the_plateau_of_orthogonal_samples_is_known_by_hand"),
    ("referee/plateau.py", "a + h * u - c * v", "a + h * u + c * v", ASKED + "the_polar_factor_of_two_rows_agrees_with_singular_values"),
    ("referee/plateau.py", "w[3] - w[2], w[1] - w[0]", "w[3], w[1]", ASKED + "the_drift_settles_faster_than_the_weights"),
    ("referee/law.py", "(y > resolved) & (y < 0.5)", "y > 0", ASKED + "agreement_finds_a_planted_law"),
    ("referee/separation.py", "record[np.minimum(after, ", "record[np.minimum(after - 1, ", ASKED + "lasting_separation_is_the_last_time_wrong"),
    ("referee/dimension.py", "np.sqrt(k * d)", "np.sqrt(d)", ASKED + "euclidean_factor_is_attained"),
    ("referee/dimension.py", "(1 - share) * own", "own", ASKED + "matched_data_have_the_margin_asked_for"),
    ("referee/accuracy.py", "logits - budget * apart", "logits - 0.99 * budget * apart", ASKED + "no_perturbation_beats_the_closed_form_and_one_attains_it"),
    ("referee/adam.py", "2 * g.log_scale", "g.log_scale", ASKED + "adam_is_adam"),
    ("referee/adam.py", "(1 - beta1**t)", "1", ASKED + "adam_is_adam"),
]  # fmt: skip
