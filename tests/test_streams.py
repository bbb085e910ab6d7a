"""The shuffles: every epoch a permutation, prefixes stable, chunks the same stream."""

import numpy as np
import pytest

import ibias as ib
from ibias.streams import epoch_chunks


def test_every_epoch_is_a_permutation():
    order = ib.permutations(17, seed=3, epochs=50)
    assert order.shape == (50, 17) and order.dtype == np.int64
    np.testing.assert_array_equal(np.sort(order, 1), np.tile(np.arange(17), (50, 1)))


def test_the_stream_is_numpys_philox():
    expected = np.random.Generator(np.random.Philox(key=5)).permuted(
        np.tile(np.arange(9), (4, 1)), axis=1
    )
    np.testing.assert_array_equal(ib.permutations(9, 5, 4), expected)


@pytest.mark.parametrize(
    "ask, say",
    [
        ((10, 2**128, 1), "below 2.128"),
        ((10, None, 1), "a seed: an integer"),
        ((2.5, 0, 1), "n counts samples: .* got 2.5"),
        ((10, 0, -1), "epochs: .* got -1"),
    ],
)
def test_what_is_no_stream_is_refused(ask, say):
    with pytest.raises(ValueError, match=say):
        ib.permutations(*ask)


def test_orders_are_uniform():
    order = ib.permutations(5, seed=0, epochs=20_000)
    counts = np.array([np.bincount(order[:, j], minlength=5) for j in range(5)])
    # each cell is binomial(20 000, 1/5), standard deviation 57: six of them
    assert np.abs(counts - 4000).max() < 6 * 57


@pytest.mark.parametrize("n", [2, 7, 100, 501])
@pytest.mark.parametrize("size", [1, 3, 64])
def test_chunks_and_prefixes_are_the_same_stream(n, size):
    whole = ib.permutations(n, seed=1, epochs=40)
    np.testing.assert_array_equal(np.concatenate(list(epoch_chunks(n, 1, 40, size=size))), whole)
    np.testing.assert_array_equal(
        np.concatenate(list(epoch_chunks(n, 1, 40, start=17, size=size))), whole[17:]
    )
    np.testing.assert_array_equal(ib.permutations(n, seed=1, epochs=11), whole[:11])


def test_seeds_differ():
    assert (ib.permutations(50, 0, 3) != ib.permutations(50, 1, 3)).any()


@pytest.mark.parametrize("seed", [-1, 1.5, True])
def test_only_whole_seeds(seed):
    with pytest.raises(ValueError, match="integer >= 0"):
        ib.permutations(5, seed, 1)
