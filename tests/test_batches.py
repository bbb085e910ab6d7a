"""Which batch sizes the chapters compare, and what they say of those that a run leaves out."""

import numpy as np
import pytest
from ibias_book.batches import compared, parts, untested
from ibias_book.figures import margins


def test_the_full_batch_is_always_among_the_sizes_and_said(capsys):
    assert compared([1, 10, 100], 100) == [1, 10, 100] and not capsys.readouterr().out
    assert compared([20, 10, 10], 100) == [10, 20, 100]
    assert "Here: batch sizes [10, 20, 100]" in capsys.readouterr().out


def test_a_size_that_does_not_divide_is_refused_but_for_sizes_of_other_data(capsys):
    with pytest.raises(ValueError, match="nearest divisors are 5 and 10"):
        compared([1, 7], 100)
    assert compared([1, 7, 357], 100, elsewhere="set II") == [1, 100]
    assert "set II: batch sizes [1, 100]" in capsys.readouterr().out


@pytest.mark.parametrize(
    "sizes, least, most, why",
    [
        ([1, 100], 1, None, ""),
        ([100], 1, None, "no batches of 1 or more, below all 100"),
        ([10, 100], 1, 1, "no batches of 1 are among those of this run: 10, 100"),
        ([1, 100], 10, None, "no batches of 10 or more, below all 100"),
        ([1, 50, 100], 10, None, ""),
        ([1, 10], 10, 10, ""),
    ],
)
def test_a_claim_about_batches_that_were_not_run_is_not_tested(sizes, least, most, why):
    said = untested(sizes, 100, least, most)
    assert said.startswith(why) and bool(said) == bool(why)


def test_the_parts_of_any_number_of_samples_divide_it():
    assert parts(200, (25, 5)) == [1, 8, 40, 200]
    for n in range(4, 400):
        try:
            found = parts(n, (25, 5))
        except ValueError as error:
            assert "choose a number such as" in str(error)
            assert not any(n % b == 0 for b in range(2, n // 5 + 1))
        else:
            assert len(found) > 2 and all(n % b == 0 and b <= n // 5 for b in found[:-1])


@pytest.mark.parametrize("centres", [[3.0], [1, 10], [1, 10, 100]])
def test_the_cells_of_a_map_hold_their_centres_also_when_there_is_one(centres):
    edges = margins._edges(centres)
    assert len(edges) == len(centres) + 1
    assert (edges[:-1] < np.array(centres)).all() and (np.array(centres) < edges[1:]).all()
