"""The compiled kernel's parts: exact exponents, residuals, Jacobi's pairs, Helmert rows, the
cache."""

import shutil
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from ibias.engine import kernel
from ibias.engine.kernel.arrays import Data, Task, aligned, make_slots
from ibias.engine.kernel.cache import jit, source_stamp
from ibias.engine.kernel.factor import helmert
from ibias.engine.kernel.products import product
from ibias.engine.kernel.residual import UNBOUNDED, residuals
from ibias.engine.kernel.simd import exp_scaled, exponent, load, store, two_to
from ibias.engine.kernel.wide import tiers, wide_product
from ibias.engine.kernel.wide_advance import make_wide_arrays
from ibias.engine.tournament import tournament


@jit
def _exponentials(x, e, out):
    for i in range(0, x.size, 8):
        store(out, i, exp_scaled(load(x, i), load(e, i)))


@jit
def _powers(e, power, back):
    for i in range(0, e.size, 8):
        store(power, i, two_to(load(e, i)))
        store(back, i, exponent(two_to(load(e, i))))


def vectors(*arrays):
    out = []
    for a in arrays:
        out.append(aligned(len(a)))
        out[-1][:] = a
    return out


def test_the_vector_exponential_is_right_to_an_ulp_and_scales_exactly():
    rng = np.random.default_rng(0)
    x, zero, far, out, scaled = vectors(
        -rng.uniform(0, 700, 4096),
        np.zeros(4096),
        np.full(4096, 900.0),
        np.zeros(4096),
        np.zeros(4096),
    )
    _exponentials(x, zero, out)
    _exponentials(x, far, scaled)
    assert np.abs(out / np.exp(x) - 1).max() < 5e-16  # two ulps: one ours, one numpy's
    assert (scaled * 2.0**-900 == out).all()  # same mantissa at every scale


def test_powers_of_two_are_exact_and_stop_at_the_ends_of_the_range():
    e, power, back = vectors(np.arange(-1100.0, 1100.0), np.zeros(2200), np.zeros(2200))
    _powers(e, power, back)
    inside = (e >= -1022) & (e <= 1023)
    assert (power[inside] == np.ldexp(1.0, e[inside].astype(int))).all()
    assert (back[inside] == e[inside]).all()
    assert (power[e < -1022] == 0).all() and (power[e > 1023] == 2.0**1023).all()


@pytest.mark.parametrize("exponential", [False, True])
@pytest.mark.parametrize("k", [2, 3, 10])
def test_residuals_do_not_cancel(k, exponential):
    rng = np.random.default_rng(k)
    rows, slots = 16, 8
    y = rng.integers(0, k, rows)
    margin = np.array(
        [0.0, 5.0, 40.0, 300.0, 740.0, 2000.0, 9000.0, 1e5]
    )  # one a slot, on top of order one
    logits = rng.normal(size=(rows, k, slots))
    logits[np.arange(rows), y] += margin
    z, (notes, ceiling, e) = (
        logits.copy(),
        vectors(np.zeros(16 * rows), np.full(slots, UNBOUNDED), np.zeros(slots)),
    )
    task = Task(k, slots, exponential)
    residuals(z.reshape(rows, k * slots), y, task, k, notes, ceiling, e)
    others = logits.copy()
    others[np.arange(rows), y] = -np.inf
    top = others.max(1)
    own = logits[np.arange(rows), y]
    mu = own - top - np.log(np.exp(others - top[:, None]).sum(1))
    log_r = (-mu if exponential else -np.logaddexp(0, mu)) + e * np.log(2)
    expected = (
        np.exp(others - top[:, None])
        / np.exp(others - top[:, None]).sum(1, keepdims=True)
        * np.exp(log_r)[:, None]
    )
    expected[np.arange(rows), y] = -np.exp(log_r)
    # a logit of 1e5 has an ulp of 1e-11, and the reference takes logarithms
    np.testing.assert_allclose(z, expected, rtol=2e-10, atol=0)
    assert (np.abs(z).max((0, 1)) > 0.1).all() and (np.abs(z).max((0, 1)) < 10 * k).all()
    assert np.abs(z.sum(1)).max() < 1e-14 * k


@pytest.mark.parametrize("width, idle", [(8, 0), (8, 1), (8, 7), (16, 4), (24, 7)])
def test_a_product_leaves_idle_slots_out_and_the_rest_in_place(width, idle):
    rng, task = np.random.default_rng(width), Task(3, width, False, idle)
    x, a, out = rng.normal(size=(5, 4)), aligned(4, 3 * width), aligned(5, 3 * width)
    a.reshape(4, 3, width)[..., idle:] = rng.normal(size=(4, 3, width - idle))
    out[:] = np.nan
    product(x, a, task, aligned(2, 5 * 3 * width + 16), out)
    # products with fewer columns may be summed in another order
    np.testing.assert_allclose(out, x @ a, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("gap", [0, 100, 510, 600, 5000])
def test_a_wide_product_gives_every_entry_whatever_its_exponent(gap):
    # feature 1 is 0 in the sample that weighs 2**gap of the other; at gap = 510 its entry, below
    # 2**-512 of the largest, is in the last tier all the same
    x = np.array([[1.0, 0.0, 3.0], [0.0, 1e-3, 1.0]])
    task, slots = Task(1, 8, False), make_slots(*[[0] * 8] * 5)
    out = make_wide_arrays(Data(x, np.zeros(2, int)), task, slots, 2, False).batch
    out.z[:], out.ze[0], out.ze[1] = 1.5, 0.0, gap
    wide_product(x, out)
    shift = np.array([0.0, gap, 0.0])[:, None]
    product = out.g * 2.0 ** (shift - out.ge)
    expected = np.array([1.5, 1.5e-3, 4.5 + 1.5 * 2.0**-gap])[:, None]
    np.testing.assert_allclose(product, expected + np.zeros(8), rtol=4e-16)  # rounding, twice
    assert tiers(out.top, out.bottom) == max(1, -(-gap // 512))


@pytest.mark.parametrize("count", range(1, 14))
def test_a_tournament_meets_every_pair_once_in_rounds_of_disjoint_pairs(count):
    rounds = tournament(count)
    met = [tuple(pair) for pairs in rounds for pair in pairs]
    assert sorted(met) == list(combinations(range(count), 2))
    assert all(len(set(pairs.ravel())) == pairs.size for pairs in rounds)


@pytest.mark.parametrize("k", [2, 3, 10])
def test_helmert_rows_are_orthonormal_and_orthogonal_to_ones(k):
    own, past = helmert(k)
    rows = np.array([[own[j]] * (j + 1) + [-past[j]] + [0.0] * (k - j - 2) for j in range(k - 1)])
    np.testing.assert_allclose(
        rows @ np.c_[np.ones(k), rows.T], np.c_[np.zeros(k - 1), np.eye(k - 1)], atol=1e-15
    )  # rounding


def test_the_cache_notices_an_edit_of_any_file_of_the_kernel(tmp_path):
    home = Path(kernel.__file__).parent
    for name in ("simd.py", "factor.py", "schatten.py", "residual.py", "arrays.py"):
        folder = tmp_path / name
        shutil.copytree(home, folder, ignore=shutil.ignore_patterns("__pycache__"))
        assert source_stamp(folder) == source_stamp(home)
        (folder / name).write_text((folder / name).read_text().replace("0", "1", 1))
        assert source_stamp(folder) != source_stamp(home)


def test_the_compiled_loop_is_kept_under_that_stamp():
    from ibias.engine.kernel.advance import advance

    assert advance._cache._impl.locator.get_source_stamp() == source_stamp(
        Path(kernel.__file__).parent
    )
