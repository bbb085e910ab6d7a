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
    assert list(raw.columns)[0] == "variance_reduction", "the data keep their names"
