"""A probe's measurements in sentences."""

from textwrap import fill

HOMOGENEOUS = 1e-3
"""Relative spread of the degree below which a model counts as homogeneous."""


def described(runs) -> str:
    """The measurements of a probe in sentences, a paragraph each in lines of 88 characters."""
    last, first = runs.isel(step=-1), runs.isel(step=0)
    where = f"Step {int(last.step)}, {runs.attrs['samples']} samples"
    sentences = [f"{where}, logits in {runs.attrs['precision']}.", _homogeneity(last)]
    sentences += [_separation(runs), _growth(first, last), _stationarity(last)]
    return "\n".join(fill(sentence, 88, subsequent_indent="  ") for sentence in sentences)


def _listed(values, form):
    """Numbers over norms, each behind its norm's name."""
    pairs = zip(values.norm.values, values, strict=True)
    return ", ".join(f"{norm} {form.format(float(value))}" for norm, value in pairs)


def _homogeneity(row):
    degree, spread = float(row.degree), float(row.degree_spread)
    if spread < HOMOGENEOUS * degree:
        known = f"Euler's identity, within {spread:.1g} over the samples"
        return f"The model is homogeneous of degree {degree:.4g} on this data ({known})."
    if degree != degree:
        return "All logits are zero, which says nothing about the model's degree."
    return (
        f"The model is not homogeneous: its degree by Euler's identity is {degree:.4g} in the"
        f" median over the samples and up to {spread:.2g} from it. The normalised margin is then"
        " the margin over that power of a norm: it can be followed along a run, but rescaling the"
        " weights changes it, and the theory of margin maximisation does not apply."
    )


def _separation(runs):
    separates, least = runs.min_margin > 0, f"{float(runs.min_margin[-1]):.4g}"
    if not bool(separates[-1]):
        return f"It does not separate the data: the least margin is {least}."
    since = int(runs.step[int(separates.values.argmax())])
    now = f"the least margin is {least} and the loss {float(runs.loss[-1]):.3g}"
    return f"It separates the data (measured first at step {since}); {now}."


def _growth(first, last):
    if int(first.step) == int(last.step) or float(last.min_margin) <= 0:
        return "Normalised margins are compared once two measurements separate the data."
    ratio = last.margin / first.margin
    if float(first.min_margin) <= 0:
        ended = _listed(last.margin, "{:.3g}")
        return f"Normalised margins, none at the first measurement: {ended}."
    best, changes = str(ratio.norm.values[int(ratio.values.argmax())]), _listed(ratio, "x{:.3g}")
    verb = "grew most" if float(ratio.max()) > 1 else "shrank least"
    return f"The margin normalised by {best} {verb} since step {int(first.step)}: {changes}."


def _stationarity(row):
    nearest, listed = str(row.norm.values[int(row.kkt.values.argmax())]), _listed(row.kkt, "{:.4f}")
    slack = float(row.slackness)
    said = "not defined, as samples are misclassified" if slack != slack else f"{slack:.2g}"
    return (
        f"It is nearest to a stationary direction in {nearest} (alignment {listed}; 1 is stationary"
        f" for the loss weights of now); slackness is {said} (0: all weight on the least margins)."
    )
