"""The driver: states that continue, threads, records, progress and errors; the same for every fast
backend."""

import numpy as np
import pytest
import torch
from engine_cells import FAST, cells, clusters, final

import ibias as ib
from ibias.engine import backend_named
from ibias.problem import Problem


@pytest.mark.parametrize("backend", FAST)
def test_a_saved_state_continues_bit_for_bit_at_every_epoch(backend, monkeypatch):
    monkeypatch.setattr("ibias.engine.driver.CHUNK_STEPS", 1)  # a checkpoint after every epoch
    problem = Problem(clusters())
    trajectories = cells([ib.MAX, ib.SPECTRAL, ib.SUM], (1, 20, 60))
    run, record = backend_named(backend, problem, trajectories)[1], np.array([0, 3, 50, 61, 130])
    whole, states = {}, []
    run(problem, trajectories, 130, record, _store(whole), checkpoint=states.append)
    assert len(states) > 100 and states[0].keys() < states[-1].keys()
    for state in states[:: len(states) // 5]:
        assert all(type(value) is np.ndarray for value in state.values())
        rest = {}
        run(
            problem,
            trajectories,
            130,
            record,
            _store(rest),
            state={key: value.copy() for key, value in state.items()},
        )
        assert rest and all(torch.equal(w, whole[key]) for key, w in rest.items())
        assert {key for key in whole if key[0] == len(record) - 1} <= rest.keys() | _finished(
            state, whole
        )


def _store(records):
    def observe(index, indices, w):
        records.update({(index, trajectory): w[j].clone() for j, trajectory in enumerate(indices)})

    return observe


def _finished(state, whole):
    """Everything, when some group is already done: it is rightly not observed again."""
    return (
        whole.keys()
        if any(int(value) == 130 for key, value in state.items() if key.endswith("/t"))
        else set()
    )


@pytest.mark.parametrize("backend", FAST)
def test_threads_change_nothing_and_every_record_arrives_once(backend):
    problem, seen, counted = Problem(clusters()), [], []
    trajectories = cells([ib.MAX, ib.SPECTRAL], (1, 6, 60), seeds=(0, 1))
    one, record = {}, np.array([0, 1, 7, 60, 99, 100])

    def observe(index, indices, w):
        seen.extend((index, trajectory) for trajectory in indices)
        _store(one)(index, indices, w)

    backend_named(backend, problem, trajectories)[1](
        problem, trajectories, 100, record, observe, progress=counted.append, workers=3
    )
    assert sorted(seen) == [
        (r, trajectory) for r in range(len(record)) for trajectory in range(len(trajectories))
    ]
    assert sum(counted) == 100 * len(trajectories)
    assert not any(one[0, trajectory].any() for trajectory in range(len(trajectories)))
    w = final(backend, problem, trajectories, 100)
    assert all(
        torch.equal(one[len(record) - 1, trajectory], w[trajectory])
        for trajectory in range(len(trajectories))
    )


def test_an_error_while_observing_stops_every_thread_and_is_raised():
    problem = Problem(clusters())
    trajectories = cells([ib.MAX], (1, 6, 20), seeds=(0, 1))

    def observe(index, indices, w):
        raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError, match="disk is full"):
        backend_named("kernel", problem, trajectories)[1](
            problem, trajectories, 10**6, np.arange(1, 10**6, 100), observe, workers=2
        )
