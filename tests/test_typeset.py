"""Formulas in the texts of claims."""

import re
from pathlib import Path

import pytest
from ibias_book import claims
from ibias_book.sphinx.typeset import GREEK, typeset

EXECUTED = sorted((Path(__file__).resolve().parents[1] / "_build" / "executed").glob("*.ipynb"))


@pytest.mark.parametrize(
    "plain, made",
    [
        ("error at b >= 10", r"error at $b \ge 10$"),
        ("gamma <= 2R (Lemma V, proved)", r"$\gamma \le 2R$ (Lemma V, proved)"),
        ("over 2 eta0 sqrt(t), for t = 1e4", r"over $2 \eta_0 \sqrt{t}$, for $t = 10^{4}$"),
        ("the inverse, t^-(1-a).", "the inverse, $t^{-(1-a)}$."),
        ("at most (D log t + nD)/sqrt(t)", r"at most $(D \log t + nD)/\sqrt{t}$"),
        ("eta Var(G_i) / (2 |lambda_i|)", r"$\eta \operatorname{Var} (G_i) / (2|\lambda_i|)$"),
        ("no faster than beta2^(t/2);", r"no faster than $\beta_2^{t/2}$;"),
        ("worst -4.7e-04, width 1e-12", r"worst $-4.7\cdot 10^{-4}$, width $10^{-12}$"),
        ("about -0.05 (eta = 0.2, s2 = 1)", r"about -0.05 $(\eta = 0.2, s^2 = 1)$"),
        ("eta 0.05 and 0.1, |z| < 4", r"$\eta$ 0.05 and 0.1, $|z| < 4$"),
        ("10 <= b < n", r"$10 \le b < n$"),
        ("Adam's l-infinity margin after t steps", r"Adam's $\ell_\infty$ margin after $t$ steps"),
        ("r - A is at least 0.02, with r >= A", r"$r - A$ is at least 0.02, with $r \ge A$"),
        ("4 x 4 matrices", "4 × 4 matrices"),
        ("distance: eta_0/t", r"distance: $\eta_0/t$"),
        ("gamma G <= ‖grad L‖_*", r"$\gamma G \le \Vert \nabla L\Vert _*$"),
        ("Phi_t <= c_2 eta_t from t_0 on", r"$\Phi_t \le c_2 \eta_t$ from $t_0$ on"),
    ],
)
def test_a_formula_is_found(plain, made):
    assert typeset(plain) == made
    assert typeset(made) == made  # what is mathematics already is left alone


@pytest.mark.parametrize(
    "text",
    [
        "Section 5, Figure 1 (a)-(b) (v1), read from its prose",
        "version 1's sum; a step in v2; digits 3-8, even/odd",
        "a tenth of 20 000 steps, 5 % in set II, 44 of 100 samples",
        "Lemmas D.1, E.1 and Corollary F.5: chapters R and U",
        "the log-loss of float64, arXiv:2602.16340",
    ],
)
def test_words_stay_words(text):
    assert typeset(text) == text


@pytest.mark.skipif(not EXECUTED, reason="no notebook is computed; run `make book`")
@pytest.mark.parametrize("path", EXECUTED, ids=lambda path: path.stem)
def test_no_formula_of_a_claim_is_left_in_plain_letters(path):
    plain = re.compile(rf"<=|>=|\^|\b(?:{GREEK}|sqrt)\d?\b|\w = |\de[+-]\d")
    left = [
        (c.id, found[0])
        for c in claims.from_notebook(path)
        for text in (c.sentence, *(text for _, text in claims.facts(c)))
        if (found := plain.search(re.sub(r"\$[^$]*\$", "", typeset(text))))
    ]
    assert left == []
