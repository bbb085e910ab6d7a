"""From ``runs.cu`` to a function: torch's NVRTC on CUDA, a C++ compiler and a cache on the CPU."""

import ctypes
import hashlib
import os
import shutil
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path

import torch

SOURCE = Path(__file__).parent
HOST_SHARED_BYTES = 232_448  # what an H100 or H200 grants a block; the CPU build keeps to it
FLAGS = ("-O3", "-std=c++20", "-fPIC", "-shared", "-pthread")
REAL = {torch.float64: "double", torch.float32: "float"}


def missing(device: torch.device) -> str:
    """What is lacking here to build the kernel for ``device``, to end a sentence ("": nothing)."""
    if device.type == "cpu":
        remedy = "install g++, or name one in the environment variable CXX"
        return "" if compiler() else f"no C++ compiler was found: {remedy}"
    kernel = getattr(torch.cuda._utils, "_CudaKernel", None)
    if hasattr(torch.cuda, "_compile_kernel") and hasattr(kernel, "set_shared_memory_config"):
        return ""
    what = "cannot compile CUDA source with large shared memory (torch.cuda._compile_kernel)"
    return f"torch {torch.__version__} {what}: update torch"


def shared_bytes(device: torch.device) -> int:
    """The most shared memory that a block may have there."""
    if device.type == "cpu":
        return HOST_SHARED_BYTES
    properties = torch.cuda.get_device_properties(device)
    return properties.shared_memory_per_block_optin  # type: ignore[attr-defined]  # torch's stub


@lru_cache
def launcher(device: torch.device, dtype: torch.dtype):
    """``launch(runs, threads, bytes of shared memory, job)`` on ``device``; ``job``: the struct of
    ``runs.cu`` as an int64 tensor there."""
    if device.type == "cpu":
        library = ctypes.CDLL(host_library(dtype))
        return lambda runs, threads, shared, job: library.launch(
            runs, threads, ctypes.c_void_p(job.data_ptr())
        )
    kernel = _cuda_kernel(device, dtype)
    return lambda runs, threads, shared, job: kernel((runs, 1, 1), (threads, 1, 1), [job], shared)


def _cuda_kernel(device, dtype):
    from torch.utils import cpp_extension

    home = cpp_extension.CUDA_HOME
    # torch wants a folder of headers even for a source that includes none
    cpp_extension.CUDA_HOME = home or str(SOURCE)
    source, real = (SOURCE / "runs.cu").read_text(encoding="utf-8"), [f"-DREAL={REAL[dtype]}"]
    try:
        with torch.cuda.device(device):
            kernel = torch.cuda._compile_kernel(source, "persistent", nvcc_options=real)
            kernel.set_shared_memory_config(shared_bytes(device))
    finally:
        cpp_extension.CUDA_HOME = home
    return kernel


def compiler() -> str | None:
    """The C++ compiler: the one that CXX names, or g++, clang++, c++."""
    names = os.environ.get("CXX"), "g++", "clang++", "c++"
    return next(filter(None, map(shutil.which, filter(None, names))), None)


def host_library(
    dtype: torch.dtype, source: Path = SOURCE, flags=FLAGS, cache: Path | None = None
) -> str:
    """The path of the compiled library, in ``cache`` under a digest of all that goes into it.

    Raises RuntimeError with the compiler's words when it fails.
    """
    options = [*flags, f"-DREAL={REAL[dtype]}", f"-DSHARED_BYTES={HOST_SHARED_BYTES}"]
    command = [compiler() or "c++", *options, str(source / "host.cpp")]
    version = subprocess.run([command[0], "--version"], capture_output=True, text=True).stdout
    files = [source / name for name in ("host.cpp", "runs.cu")]
    texts = [repr(options), version, *(file.read_text(encoding="utf-8") for file in files)]
    digest = hashlib.sha256(chr(0).join(texts).encode()).hexdigest()
    folder = cache or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ibias"
    target = folder / f"persistent-{digest[:24]}.so"
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as work:
            library = f"{work}/built.so"
            built = subprocess.run([*command, "-o", library], capture_output=True, text=True)
            if built.returncode:
                said = f"it needs C++20 with <barrier>:\n{built.stderr[:2000]}"
                raise RuntimeError(f"{' '.join(command)} failed; {said}")
            os.replace(library, target)  # at once: another process may be building the same
    return str(target)
