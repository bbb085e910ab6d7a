"""Names of the code as words, where a reader reads them."""

import pandas as pd
import pytest
from ibias_book import words


@pytest.mark.parametrize(
    "text, name",
    [
        ("frobenius", "Frobenius"),
        ("max", "max"),
        ("schatten:4", "Schatten 4"),
        ("entrywise:1.5", "entry-wise 1.5"),
        ("mine", "mine"),
    ],
)
def test_the_name_of_a_norm(text, name):
    assert words.norm(text) == name


@pytest.mark.parametrize(
    "name, shown",
    [
        ("Signum b=10 beta=0.99", r"Signum, $b = 10$, $\beta = 0.99$"),
        ("Adam, beta2 = 0.95", r"Adam, $\beta_2 = 0.95$"),
        ("eps = 1e-08", r"$\varepsilon = 10^{-8}$"),
        ("flat, fixed tau", r"flat, fixed $\tau$"),
        ("digits-weak", "digits, weak decay"),
        ("tuned, 5", "tuned, 5"),
    ],
)
def test_the_name_of_a_method_in_a_legend(name, shown):
    assert words.label(name) == shown


def test_a_table_has_no_code_in_it():
    raw = pd.DataFrame(
        {"variance_reduction": [False, True], "norm": ["frobenius", "max"], 10: [0.1, 0.2]}
    )
    for made in (
        words.in_words(raw),
        words.in_words(raw.set_index(["variance_reduction", "norm"])),
    ):
        assert list(made.columns) == ["variance reduction", "norm", "10"]
        assert list(made["variance reduction"]) == ["no", "yes"]
        assert list(made["norm"]) == ["Frobenius", "max"]
    assert "variance_reduction" in raw, "the data keep their names"


@pytest.mark.parametrize(
    "n, said", [(0, "no seeds"), (1, "one seed"), (12, "twelve seeds"), (20, "20 seeds")]
)
def test_a_count_in_a_sentence(n, said):
    assert words.counted(n, "seed") == said
