"""The persistent kernel behind the common contract: what it takes, how a group is laid out."""

import numpy as np
import torch

from ....losses import EXPONENTIAL
from ....norms import Norm
from ....problem import Problem
from ....signals import Recipe
from ...driver import drive
from ...planner import Group
from . import build

PARTS, ROW_PARTS = 64, 8  # as in runs.cu
THREADS = {"cpu": 1, "cuda": 128}  # per run
STREAMS = 16  # groups at work at once on a CUDA device


def run(problem: Problem, *args, workers: int = 1, **options) -> None:
    """``driver.drive`` with a thread block per run.  On CUDA ``STREAMS`` groups share the device,
    on the CPU, which has one chip, they come one after the other, however many ``workers``."""
    build.launcher(problem.x.device, problem.dtype)  # once, before several threads ask for it
    workers = STREAMS if problem.x.is_cuda else 1
    drive(PersistentWorkspace, problem, *args, workers=workers, **options)


def refusal(problem: Problem, norm: Norm, recipe: Recipe) -> str:
    """Why the kernel cannot run a method ("" if it can), as the end of a sentence; its norm and the
    loss are known to the compiled engines."""
    dtype, device = problem.dtype, problem.x.device
    if device.type not in THREADS or dtype not in build.REAL:
        return f"it computes on CUDA or the CPU in float64 or float32, not on {device} in {dtype}"
    if reason := build.missing(device):
        return reason
    n, k, d = problem.dataset.n, problem.dataset.k, problem.dataset.d
    reduced = recipe.variance_reduction and recipe.batch_size < n
    need = shared_numbers(k, d, reduced=reduced, schatten=norm.family == "schatten")
    room, matrices = build.shared_bytes(device) // problem.x.element_size(), 3 + reduced
    if need > room:
        widest = d - -(-(need - room) // (matrices * k))
        return (
            f"its {matrices} matrices of {k} x {d} do not fit the {room} numbers of shared memory"
            f" on {device}: with {k} classes at most {widest} features do. backend='lanes' has no"
            " such limit"
        )
    return ""


def shared_numbers(k: int, d: int, *, reduced: bool, schatten: bool, batch: int = 0) -> int:
    """Shared memory of ``Chip`` in ``runs.cu`` for a run and the residuals of ``batch`` samples."""
    pairs = k // 2
    polar = (k - 1) * (k + 2) + 3 * pairs if schatten else 0
    scratch = max(PARTS, 3 * ROW_PARTS * pairs)
    return (3 + reduced) * k * d + 9 * k + scratch + polar + batch * k


class PersistentWorkspace:
    """Runs, a thread block each; W, M and what variance reduction keeps stay on the device."""

    def __init__(self, problem: Problem, group: Group):
        data, runs, x, b = problem.dataset, group.runs, problem.x, group.batch_size
        self.problem, self.b, self.count, self.per_epoch = problem, b, len(runs), data.n // b
        reduced = [run.reduced and self.per_epoch > 1 for run in runs]
        schatten = [run.norm.family == "schatten" for run in runs]
        self._reserve(reduced, schatten)
        rows = [(run.momentum, run.norm.q, run.norm.cut(x.dtype)) for run in runs]
        self.method = x.new_tensor(rows)
        kinds = list(zip(group.schedule_rows, schatten, reduced, strict=True))
        self.kind = torch.tensor(kinds, device=x.device, dtype=torch.int64)
        self.w, self.m, self.f = (problem.start(self.count) for _ in range(3))
        self.log_m, self.log_f = (x.new_full((self.count, data.k), -torch.inf) for _ in range(2))
        self.kept = x.new_zeros(self.count if any(reduced) else 0, data.n, data.k)
        self.spill = x.new_zeros(0 if self.on_chip else self.count, b, data.k)
        self.launch, self.threads = build.launcher(x.device, x.dtype), THREADS[x.device.type]
        # groups side by side; None: a CPU has no streams
        self.stream = torch.cuda.Stream(x.device) if x.is_cuda else None
        if self.stream:  # what was made above, on another stream, must be there
            torch.cuda.current_stream(x.device).synchronize()

    def _reserve(self, reduced, schatten):
        """Shared memory for the largest run, the residuals of its batch included if they fit."""
        k, d, size = self.problem.dataset.k, self.problem.dataset.d, self.problem.x.element_size()

        def need(batch):
            pairs = zip(reduced, schatten, strict=True)
            return max(shared_numbers(k, d, reduced=r, schatten=s, batch=batch) for r, s in pairs)

        self.on_chip = need(self.b) <= build.shared_bytes(self.problem.x.device) // size
        self.shared = need(self.b if self.on_chip else 0) * size

    def advance(self, orders: np.ndarray, rates: np.ndarray, first: int, last: int) -> None:
        """One launch for steps ``first .. last-1``."""
        with torch.cuda.stream(self.stream):
            self._launch(orders, np.ascontiguousarray(rates[:, : last - first]), first, last)

    def _launch(self, orders, rates, first, last):
        data, x = self.problem.dataset, self.problem.x
        orders = torch.as_tensor(np.ascontiguousarray(orders), device=x.device)
        rates = torch.as_tensor(rates, dtype=x.dtype, device=x.device)
        carried = self.w, self.m, self.log_m, self.f, self.log_f, self.kept, self.spill
        arrays = x, self.problem.y, orders, rates, self.method, self.kind, *carried
        exponential = self.problem.loss == EXPONENTIAL
        shape = data.n, data.d, data.k, self.b
        numbers = *shape, last - first, first % self.per_epoch, exponential, self.on_chip
        job = [a.data_ptr() for a in arrays] + [int(number) for number in numbers]
        job = torch.tensor(job, device=x.device)
        self.launch(self.count, self.threads, self.shared, job)

    def weights(self) -> torch.Tensor:
        with torch.cuda.stream(self.stream):
            w = self.w.cpu()  # waits for the stream: the reader has another one
        return w.clone() if self.stream is None else w.to(self.problem.x.device)

    def arrays(self) -> dict[str, np.ndarray]:
        with torch.cuda.stream(self.stream):
            return {name: getattr(self, name).cpu().numpy().copy() for name in ("w", "m", "log_m")}

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        with torch.cuda.stream(self.stream):
            for name, value in arrays.items():
                getattr(self, name).copy_(torch.as_tensor(value))
