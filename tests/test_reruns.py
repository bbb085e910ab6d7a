"""What the chapters' programs say when a rerun asks for too little to compute anything from."""

import numpy as np
import pandas as pd
import pytest
from ibias_book.fluctuating.published import table
from ibias_book.fluctuating.studies import modes, reshuffling
from ibias_book.referee import dimension
from ibias_book.steepest.statements import reports

import ibias as ib


def test_less_than_an_epoch_is_refused_where_runs_are_recorded_at_ends_of_epochs():
    data = ib.data.scale_skewed(classes=3, samples=7)
    methods = [ib.SteepestDescent(ib.FROBENIUS, ib.Minibatch(1), ib.Power(0.1), name="N-SGD")]
    with pytest.raises(ValueError, match="an epoch of one sample at a time takes 7 steps"):
        reports.per_sample(data, methods, seeds=[0], steps=6)
    assert reports.per_sample(data, methods, seeds=[0], steps=7).step.values.tolist() == [7]


def test_data_that_are_not_separated_yet_have_no_time_of_separation():
    few = {"n": 20, "d": 0, "k": 4, "steps": 2}
    with pytest.raises(ValueError, match="is still misclassified after 2 steps: take more"):
        dimension.sizes({ib.MAX: 0.4}, "d", [30], **few, seeds=range(3))
    with pytest.raises(ValueError, match="got 2 sizes of 1 seeds: use more seeds"):
        dimension.sizes({ib.MAX: 0.4}, "d", [30, 40], **few, seeds=[0])


def test_one_replica_or_a_few_epochs_leave_no_error_to_compare_with():
    with pytest.raises(ValueError, match="needs at least 2 of them"):
        modes.mode_cases(1)
    for epochs in (1, 2):
        with pytest.raises(ValueError, match=f"over {epochs} random epochs has no standard error"):
            reshuffling.sampled_area(epochs)


def test_one_seed_tests_no_published_number_but_one_it_meets():
    def verdict(values):
        return table.rows({"EXP33": pd.DataFrame({name: values})}).verdict.item()

    (name,) = table.PUBLISHED["EXP33"]
    assert [verdict([v]) for v in (0.854, 0.8, np.nan)] == ["reproduced", *["not tested"] * 2]
    assert verdict([0.1, 0.11]) == "not reproduced"
    assert table.alone(1) and not table.alone(2)
