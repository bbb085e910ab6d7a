"""The persistent CUDA kernel: its source compiled for the CPU here, by nvcc where there is one, and
run where there is a device.

That its trajectories are the reference's is tested in test_engine and test_driver with the other
fast backends.
"""

import os
import re
import shutil
import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from engine_cells import cells, clusters, final, method, worst
from slow import mostly_slow

import ibias as ib
from ibias.engine import backend_named, refusal
from ibias.engine.experimental.persistent import backend as persistent
from ibias.engine.experimental.persistent import build
from ibias.methods import Trajectory
from ibias.problem import Problem

CPU = torch.device("cpu")
SOURCE = (build.SOURCE / "runs.cu").read_text(encoding="utf-8")
needs_compiler = pytest.mark.skipif(build.missing(CPU) != "", reason=build.missing(CPU))
needs_nvcc = pytest.mark.skipif(
    shutil.which("nvcc") is None, reason="no nvcc here: the source was not compiled for a GPU"
)
needs_cuda = pytest.mark.skipif(
    not torch.cuda.is_available(),
    reason="torch sees no CUDA device: the kernel has not run on one here",
)


@needs_compiler
@pytest.mark.parametrize("k, d", mostly_slow([(2, 64), (10, 64)], [(2, 64)]))
def test_digits_sized_runs_agree_with_the_lanes_at_step_1000(k, d):
    problem = Problem(clusters(100, k, d))
    trajectories = cells([ib.MAX, ib.Entrywise(3), ib.SPECTRAL], (1, 10, 100))
    w, expected = (
        final(backend, problem, trajectories, dedupe=False) for backend in ("persistent", "lanes")
    )
    # 1e-12 is what the engines promise at step 1000
    assert worst(w, expected) < 1e-12


@needs_compiler
@pytest.mark.parametrize("loss", [ib.CROSS_ENTROPY, ib.EXPONENTIAL], ids=lambda loss: loss.text)
def test_digits_sized_runs_agree_with_the_composed_reference(loss):
    problem = Problem(clusters(100, 10, 64), loss)
    trajectories = cells(
        [ib.MAX, ib.SUM, ib.Entrywise(1.5), ib.SPECTRAL, ib.Schatten(1.5)], (1, 10, 100)
    )
    w, expected = (
        final(backend, problem, trajectories, 30) for backend in ("persistent", "composed")
    )
    # without the nuclear map: at b = n the reference against itself with eta0 one ulp larger moves
    # by 7e-12
    assert worst(w, expected) < 1e-12


@needs_compiler
def test_any_number_of_threads_gives_the_same_bits(monkeypatch):
    problem = Problem(clusters(60, 7, 9))
    trajectories = cells([ib.MAX, ib.SUM, ib.FROBENIUS, ib.SPECTRAL, ib.Schatten(4)], (1, 6, 60))
    alone = final("persistent", problem, trajectories, 40)
    for threads in (3, 4):  # one count divides the numbers of entries and parts, the other does not
        monkeypatch.setitem(persistent.THREADS, "cpu", threads)
        assert torch.equal(final("persistent", problem, trajectories, 40), alone)


@needs_compiler
def test_residuals_that_do_not_fit_the_chip_are_kept_off_it(monkeypatch):
    problem = Problem(clusters(60, 5, 8))
    trajectories = cells([ib.MAX, ib.SPECTRAL], (20, 60))
    on_chip = final("persistent", problem, trajectories, 40)
    need = persistent.shared_numbers(5, 8, reduced=True, schatten=True)
    monkeypatch.setattr(build, "HOST_SHARED_BYTES", 8 * need)  # not one residual fits besides
    build.launcher.cache_clear()
    assert torch.equal(final("persistent", problem, trajectories, 40), on_chip)
    build.launcher.cache_clear()


@needs_compiler
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("norm", [ib.MAX, ib.SPECTRAL], ids=lambda norm: norm.text)
@pytest.mark.parametrize("reduced", [False, True])
@pytest.mark.parametrize("k, d", [(2, 3), (3, 40), (7, 4), (10, 25)])
def test_the_host_reserves_the_shared_memory_that_a_run_uses(dtype, norm, reduced, k, d):
    problem = Problem(clusters(60, k, d), dtype=dtype)
    final("persistent", problem, [Trajectory(method(norm, 6, 0.9, reduced), 0)], 5, dedupe=False)
    import ctypes

    used = ctypes.CDLL(build.host_library(dtype)).written()
    # the last piece are the residuals of the batch, every one of which is written
    assert used == persistent.shared_numbers(
        k, d, reduced=reduced, schatten=norm == ib.SPECTRAL, batch=6
    )


@needs_compiler
def test_single_precision_follows_double_for_a_while_and_keeps_its_directions():
    trajectories = cells([ib.MAX, ib.FROBENIUS, ib.SPECTRAL], (6, 60))
    single, double = (
        final("persistent", Problem(clusters(), dtype=dtype), trajectories, 100).double()
        for dtype in (torch.float32, torch.float64)
    )
    assert (
        1e-9 < worst(single, double) < 1e-2
    )  # 1e-7 times the condition of spectral steps and a hundred steps
    problem = Problem(clusters(30, 3, 5, spread=0.15), dtype=torch.float32)
    w = final("persistent", problem, [Trajectory(method(ib.MAX, 30, eta0=0.5), 0)], 2000)
    assert problem.min_margin(w) > 40
    best = ib.max_margin(problem.dataset, ib.MAX)
    assert (
        problem.min_margin(w) / ib.MAX.value(w) > 0.97 * best.margin
    )  # as for "lanes" in test_engine


@needs_compiler
def test_simulate_takes_it_by_name_only():
    options = dict(steps=20, record=[20], device="cpu", progress=False, weights=True)
    runs = ib.simulate(clusters(), method(ib.SPECTRAL, 6), backend="persistent", **options)
    assert runs.attrs["backend"] == "persistent"
    np.testing.assert_allclose(
        runs.weights,
        ib.simulate(clusters(), method(ib.SPECTRAL, 6), **options).weights,
        rtol=0,
        atol=1e-12,
    )
    assert (
        backend_named(
            "auto", Problem(clusters(), dtype=torch.float32), [Trajectory(method(ib.MAX, 6), 0)]
        )[0]
        == "lanes"
    )


@needs_compiler
def test_what_it_cannot_run_is_refused_with_the_reason():
    def why(problem, norm=ib.MAX, reduced=False):
        return refusal("persistent", problem, Trajectory(method(norm, 6, 0.9, reduced), 0))

    assert "in torch.float16" in why(Problem(clusters(), dtype=torch.float16))
    fits = int(
        re.search(
            r"with 10 classes at most (\d+) features",
            why(Problem(clusters(60, 10, 3000)), reduced=True),
        )[1]
    )
    assert not why(Problem(clusters(60, 10, fits)), reduced=True) and why(
        Problem(clusters(60, 10, fits + 1)), reduced=True
    )
    assert not why(Problem(clusters(60, 10, fits + 1)))  # three matrices instead of four
    with pytest.raises(
        ValueError,
        match=(
            "do not fit the 29056 numbers of shared memory on cpu.*backend='lanes' has no such"
            " limit"
        ),
    ):
        backend_named(
            "persistent", Problem(clusters(60, 10, 3000)), [Trajectory(method(ib.MAX, 6), 0)]
        )


def test_a_machine_that_cannot_build_it_is_told_what_is_missing(monkeypatch):
    monkeypatch.setattr(build.shutil, "which", lambda name: None)
    with pytest.raises(
        ValueError,
        match=(
            "no C\\+\\+ compiler was found: install g\\+\\+, or name one in the environment"
            " variable CXX"
        ),
    ):
        backend_named("persistent", Problem(clusters()), [Trajectory(method(ib.MAX, 6), 0)])
    monkeypatch.delattr(torch.cuda, "_compile_kernel", raising=False)
    assert "update torch" in build.missing(torch.device("cuda"))


def test_torch_is_asked_for_the_kernel_in_the_precision_and_with_the_memory_it_needs(monkeypatch):
    from contextlib import nullcontext

    from torch.utils import cpp_extension

    asked, home = [], cpp_extension.CUDA_HOME

    class Kernel:
        def set_shared_memory_config(self, size):
            asked.append(size)

        def __call__(self, *launch):
            asked.append(launch)

    def compile_kernel(source, name, nvcc_options):
        asked.extend([source, name, nvcc_options, Path(cpp_extension.CUDA_HOME).is_dir()])
        return Kernel()

    monkeypatch.setattr(torch.cuda, "_compile_kernel", compile_kernel, raising=False)
    monkeypatch.setattr(torch.cuda, "device", lambda device: nullcontext())
    monkeypatch.setattr(build, "shared_bytes", lambda device: 1000)
    launch = build.launcher.__wrapped__(torch.device("cuda"), torch.float32)
    launch(3, 128, 400, "job")
    assert asked == [
        SOURCE,
        "persistent",
        ["-DREAL=float"],
        True,
        1000,
        ((3, 1, 1), (128, 1, 1), ["job"], 400),
    ]
    assert home == cpp_extension.CUDA_HOME


@needs_compiler
def test_the_library_is_built_once_and_again_after_an_edit(tmp_path):
    source, cache = _copy(tmp_path / "source", SOURCE), tmp_path / "cache"
    first = build.host_library(torch.float64, source, cache=cache)
    made = os.stat(first).st_mtime_ns
    assert (
        build.host_library(torch.float64, source, cache=cache) == first
        and os.stat(first).st_mtime_ns == made
    )
    _copy(source, SOURCE + "// edited\n")
    assert build.host_library(torch.float64, source, cache=cache) != first
    _copy(source, SOURCE + "nonsense\n")
    with pytest.raises(
        RuntimeError, match="failed; it needs C\\+\\+20 with <barrier>:(.|\n)*nonsense"
    ):
        build.host_library(torch.float64, source, cache=cache)
    assert len(list(cache.iterdir())) == 2


def test_stored_runs_know_the_kernel_s_source():
    from ibias.runs.key import source_files

    assert {"runs.cu", "host.cpp", "build.py"} <= {path.name for path in source_files()}


def _copy(folder: Path, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    shutil.copy(build.SOURCE / "host.cpp", folder)
    (folder / "runs.cu").write_text(text, encoding="utf-8")
    return folder


FAULTS = {
    "steps too short by a hundredth": (
        "chip.w[o] -= eta * total",
        "chip.w[o] -= 0.99 * eta * total",
    ),
    "own class without its minus": ("? -value : value", "? value : value"),
    "no rank cut": ("sigma[s] > cut * top ? f", "sigma[s] > 0 ? f"),
    "momentum forgets its scale": ("beta * exp(old - scale)", "beta"),
    "snapshot taken once only": (
        "reduced && opening)",
        "reduced && opening && isinf(chip.log_f[0]))",
    ),
    "snapshot residuals on another scale": (
        "chip.z[o] -= chip.share[o % k] * kept",
        "chip.z[o] -= kept",
    ),
    "one Jacobi sweep": ("SWEEPS = 30", "SWEEPS = 1"),
}


@needs_compiler
@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_the_source_is_noticed(fault, tmp_path, monkeypatch):
    before, after = FAULTS[fault]
    assert SOURCE.count(before) == 1
    source, whole = _copy(tmp_path / "source", SOURCE.replace(before, after)), build.host_library
    problem = Problem(clusters())
    trajectories = cells([ib.MAX, ib.SPECTRAL], (6,))
    expected = final("lanes", problem, trajectories, 100)
    assert worst(final("persistent", problem, trajectories, 100), expected) < 1e-12
    monkeypatch.setattr(build, "host_library", lambda dtype: whole(dtype, source, cache=tmp_path))
    build.launcher.cache_clear()
    assert worst(final("persistent", problem, trajectories, 100), expected) > 1e-6
    build.launcher.cache_clear()


# a run of every map, with and without variance reduction, under the thread sanitizer; argv: folder
# of the source, cache.  Three threads, and matrices larger than the parts of a sum: three divides
# no number of parts, else a thread could meet its own work only
RACES = """
import sys
from pathlib import Path
import numpy as np
import ibias as ib
from ibias.engine import backend_named
from ibias.engine.experimental.persistent import backend, build
from ibias.methods import Trajectory
from ibias.problem import Problem
from engine_cells import clusters, method

whole, backend.THREADS["cpu"] = build.host_library, 3
flags = ("-O1", "-std=c++20", "-fPIC", "-shared", "-pthread", "-fsanitize=thread")
build.host_library = lambda dtype: whole(dtype, Path(sys.argv[1]), flags, Path(sys.argv[2]))
problem = Problem(clusters(12, 4, 25))
norms = ib.MAX, ib.SUM, ib.Entrywise(3), ib.Schatten(4)
signals = (4, 0.9, True), (12, 0.0, False)
trajectories = [Trajectory(method(norm, *signal), 0) for norm in norms for signal in signals]
run = backend_named("persistent", problem, trajectories)[1]
run(problem, trajectories, 6, np.array([4, 6]), lambda *seen: None)
"""


def _races(source: Path, cache: Path) -> str:
    """What the thread sanitizer says about the source: "" when nothing."""
    sanitizer = subprocess.run(
        [build.compiler(), "-print-file-name=libtsan.so"], capture_output=True, text=True
    ).stdout.strip()
    if not Path(sanitizer).is_absolute():
        pytest.skip("the C++ compiler has no thread sanitizer")
    env = os.environ | {
        "LD_PRELOAD": sanitizer,
        "TSAN_OPTIONS": "halt_on_error=1",
        "PYTHONPATH": str(Path(__file__).parent / "support"),
    }
    try:
        done = subprocess.run(
            [sys.executable, "-c", RACES, str(source), str(cache)],
            capture_output=True,
            text=True,
            env=env,
            timeout=600,
        )
    except subprocess.TimeoutExpired:  # seconds are usual
        return "threads wait for each other"
    assert done.returncode == 0 or "data race" in done.stderr, done.stderr[-2000:]
    return done.stderr if done.returncode else ""


@needs_compiler
@pytest.mark.slow
def test_the_threads_of_a_run_do_not_race(tmp_path):
    assert _races(_copy(tmp_path / "source", SOURCE), tmp_path) == ""


BARRIERS = [match.start() for match in re.finditer(r"__syncthreads\(\);", SOURCE)]


@needs_compiler
@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(BARRIERS)))
def test_every_barrier_is_needed(number, tmp_path):
    at = BARRIERS[number]
    without = SOURCE[:at] + SOURCE[at:].replace("__syncthreads();", ";", 1)
    assert _races(_copy(tmp_path / "source", without), tmp_path)


@needs_nvcc
@pytest.mark.parametrize(
    "architecture, real",
    mostly_slow(product(["sm_80", "sm_90"], build.REAL.values()), [("sm_90", "double")]),
)
def test_nvcc_compiles_it_without_spilling_registers(architecture, real, tmp_path):
    command = [
        "nvcc",
        "-cubin",
        f"-arch={architecture}",
        f"-DREAL={real}",
        "-Xptxas",
        "-v",
        "-o",
        str(tmp_path / "runs.cubin"),
        str(build.SOURCE / "runs.cu"),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = done.stdout + done.stderr
    assert set(re.findall(r"(\d+) bytes (?:stack frame|spill stores|spill loads)", said)) == {"0"}
    # a multiprocessor has 65536 registers: three runs of 128 threads side by side (a bound for four
    # makes nvcc spill 16 bytes)
    assert (
        int(re.search(r"Used (\d+) registers", said)[1]) * persistent.THREADS["cuda"] * 3 <= 65536
    )
    assert "warning" not in said


@needs_cuda
@pytest.mark.parametrize("dtype, tolerance", [(torch.float64, 1e-10), (torch.float32, 1e-2)])
def test_a_device_agrees_with_the_cpu(dtype, tolerance):
    trajectories = cells(
        [ib.MAX, ib.SUM, ib.FROBENIUS, ib.SPECTRAL, ib.Schatten(4)], (1, 6, 60), seeds=(0, 1)
    )
    problem = Problem(clusters(), device="cuda", dtype=dtype)
    w = torch.empty(len(trajectories), 5, 8, dtype=torch.float64)
    run = backend_named("persistent", problem, trajectories)[1]
    run(
        problem,
        trajectories,
        200,
        np.array([200]),
        lambda index, indices, v: w.index_copy_(0, torch.tensor(indices), v.cpu().double()),
    )
    assert worst(w, final("kernel", Problem(clusters()), trajectories, 200)) < tolerance
