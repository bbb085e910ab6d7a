"""Numbers, norms and formulas as in print, where a program wrote them plainly."""

import pytest
from docutils import nodes
from ibias_book.sphinx import plain_words


@pytest.mark.parametrize(
    "plain, printed",
    [
        ("2e-14", "2·10⁻¹⁴"),
        ("until the loss reaches 1e-8, or 1.5e+03", "until the loss reaches 10⁻⁸, or 1.5·10³"),
        (
            "771 (frobenius), schatten:4, entrywise:1.5",
            "771 (Frobenius), Schatten 4, entry-wise 1.5",
        ),
        ("l2 and l-infinity", "ℓ₂ and ℓ∞"),
        ("fig-1e-3, chapter 2e, model-l2, x.l1", "fig-1e-3, chapter 2e, model-l2, x.l1"),
    ],
)
def test_a_text_as_in_print(plain, printed):
    assert plain_words.printed(plain) == printed


def test_a_cell_has_its_formulas_as_mathematics():
    made = list(plain_words.pieces("(ii) L <= 2 G, with rho <= margin"))
    kinds = [nodes.Text, nodes.math, nodes.Text, nodes.math, nodes.Text]
    assert [type(node) for node in made] == kinds
    assert made[1].astext() == r"L \le 2 G" and made[-1] == " ≤ margin"
