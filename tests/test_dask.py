"""A real scheduler and two real worker processes on loopback: the same answer, whoever dies."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import xarray as xr

import ibias as ib
from ibias.cli.app import main
from ibias.runs import Request, SweepIncomplete
from ibias.runs.cluster import WorkerDiffers, collect, identity
from ibias.runs.store import Store

distributed = pytest.importorskip("distributed")

DATA = ib.data.mixture(classes=3, per_class=6, dim=5, seed=0)
METHODS = ib.grid(
    norms=[ib.MAX, ib.SPECTRAL], batch_sizes=[6, 18], momenta=[0.0, 0.5], schedule=ib.Power(0.1)
)
ASK = dict(seeds=range(6), steps=100, record=[0, 10, 100], progress=False)
ENVIRONMENT = os.environ | {
    "DASK_DISTRIBUTED__DEPLOY__LOST_WORKER_TIMEOUT": "5s",
    "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "20s",
    "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "10",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}


class Cluster:
    """One ``dask scheduler`` and two ``dask worker`` processes, started as a user starts them."""

    def __init__(self, folder):
        self.file = folder / "scheduler.json"
        self.processes = [
            self.start(
                "scheduler",
                "--host",
                "127.0.0.1",
                "--port",
                "0",
                "--no-dashboard",
                "--no-show",
                "--scheduler-file",
                str(self.file),
            )
        ]
        self.workers = [
            self.start(
                "worker",
                "--scheduler-file",
                str(self.file),
                "--host",
                "127.0.0.1",
                "--nthreads",
                "1",
                "--no-dashboard",
                "--no-nanny",
                "--local-directory",
                str(folder),
            )
            for _ in range(2)
        ]
        self.processes += self.workers
        while not self.file.exists():
            time.sleep(0.1)
        self.client = distributed.Client(
            scheduler_file=str(self.file), timeout=10
        )  # also how long it looks for a scheduler that is gone
        self.client.wait_for_workers(2, timeout=120)

    def start(self, *words):
        return subprocess.Popen(
            [sys.executable, "-m", "dask", *words],
            env=ENVIRONMENT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def close(self):
        self.client.close()
        for process in reversed(self.processes):
            process.kill()
            process.wait()


@pytest.fixture
def cluster(tmp_path_factory):
    found = Cluster(tmp_path_factory.mktemp("dask"))
    yield found
    found.close()


def contents(folder):
    return {
        e.key: e.content
        for e in (Store(folder).get(p.stem) for p in Store(folder).paths())
        if e.about["kind"] == "run"
    }


def test_a_cluster_gives_the_local_answer_and_survives_the_death_of_a_worker(
    cluster, tmp_path, monkeypatch
):
    local = ib.sweep(DATA, METHODS, **ASK, store=tmp_path / "local")
    threads = cluster.client.run(threads_of_a_worker)
    killed = []

    put = Store.put

    def kill_once(self, about, arrays, provenance=None):
        if about["kind"] == "run" and not killed:
            killed.append(cluster.workers[0].pid)
            os.kill(cluster.workers[0].pid, signal.SIGKILL)
        return put(self, about, arrays, provenance)

    monkeypatch.setattr(Store, "put", kill_once)
    found = ib.sweep(DATA, METHODS, **ASK, store=tmp_path / "cluster", client=cluster.client)
    assert killed and cluster.workers[0].wait(timeout=60) == -signal.SIGKILL
    xr.testing.assert_identical(found.drop_attrs(), local.drop_attrs())
    assert contents(tmp_path / "cluster") == contents(tmp_path / "local")
    assert set(threads.values()) == {1}

    # the command line, on what is left of the cluster
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    np.savez("mine.npz", x=DATA.x, y=DATA.y)
    (tmp_path / "grid.toml").write_text(
        'data = "mine.npz"\nnorms = ["max"]\nbatch_sizes = [6]\nseeds = 3\nsteps = 50\n'
    )
    address = cluster.client.scheduler.address
    assert (
        main(
            ["sweep", "grid.toml", "--scheduler", address, "--store", str(tmp_path / "line"), "-q"]
        )
        == 0
    )
    assert len(contents(tmp_path / "line")) == 3

    # nobody left: what cannot be computed is reported, and what is known stays known
    cluster.processes[0].kill()
    with pytest.raises((SweepIncomplete, OSError, RuntimeError, TimeoutError)):
        ib.sweep(
            DATA,
            METHODS,
            **ASK | {"seeds": range(7)},
            store=tmp_path / "cluster",
            client=cluster.client,
        )
    assert len(contents(tmp_path / "cluster")) == 48
    assert (
        ib.sweep(DATA, METHODS, **ASK | {"seeds": range(7)}, store=tmp_path / "cluster").attrs[
            "from_store"
        ]
        == 48
    )


def threads_of_a_worker():
    import torch

    import ibias as ib
    from ibias.runs import Request
    from ibias.runs.cluster import collect, identity

    torch.set_num_threads(2)
    method = ib.SteepestDescent(ib.MAX)
    request = Request(ib.data.counterexample("X.1"), method, steps=1, record=[0, 1])
    collect(request, [0], identity(request))
    return torch.get_num_threads()


threads_of_a_worker.__module__ = "__main__"  # sent by value: the workers cannot import this file


@pytest.mark.parametrize("name", ["ibias", "torch", "source", "classes of your own"])
def test_a_worker_that_differs_is_refused_before_anything_is_computed(monkeypatch, name):
    request = Request(DATA, METHODS[:1], steps=1, record=[0, 1])
    monkeypatch.setattr("ibias.runs.cluster.compute", lambda *a: pytest.fail("computed"))
    with pytest.raises(WorkerDiffers, match=f"this worker has {name} .* the same versions"):
        collect(request, [0], identity(request) | {name: "another"})


def test_what_is_no_client_is_refused(tmp_path):
    with pytest.raises(TypeError, match="dask.distributed.Client"):
        ib.sweep(DATA, METHODS, **ASK, client="tcp://127.0.0.1:1", store=tmp_path)


def test_local_sweeps_do_not_import_dask():
    code = (
        "import sys, ibias as ib; ib.sweep(ib.data.counterexample('X.1'),"
        " ib.SteepestDescent(ib.MAX), steps=2, store=None); sys.exit('distributed' in sys.modules)"
    )
    began = time.monotonic()
    assert (
        subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, timeout=300).returncode == 0
    ), time.monotonic() - began


def test_the_files_for_clusters_are_sound_and_use_options_that_exist():
    """They cannot be run here; what can be checked is their syntax and the names they use."""
    import ast
    from pathlib import Path

    import yaml

    from ibias.cli import grids as grid_file

    folder = Path(__file__).resolve().parents[1] / "book" / "scale_out"
    ast.parse((folder / "slurm.py").read_text())
    parts = {
        part["kind"]: part for part in yaml.safe_load_all((folder / "kubernetes.yaml").read_text())
    }
    command = parts["Job"]["spec"]["template"]["spec"]["containers"][0]["command"]
    assert command[:2] == ["ibias", "sweep"]
    known = subprocess.run(
        [sys.executable, "-m", "ibias.cli", "sweep", "--help"],
        env=ENVIRONMENT | {"COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=300,
    ).stdout
    assert all(word in known for word in command if word.startswith("--"))
    asked = grid_file.read(folder / "grid.toml")
    assert len(asked.methods) == 48 and asked.options["steps"] == 20_000
    assert {method.schedule.eta0 for method in asked.methods if method.norm == ib.FROBENIUS} == {
        0.5
    }
