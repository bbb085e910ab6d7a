"""The persistent kernel behind the common contract: which runs it takes, and how a block of them is
laid out."""

import numpy as np
import torch

from ....losses import CROSS_ENTROPY, EXPONENTIAL
from ....norms import Schatten
from ....signals import recipe
from ...driver import drive
from ...planner import is_power_norm
from . import build

PARTS, ROW_PARTS = 64, 8  # as in runs.cu
THREADS = {"cpu": 1, "cuda": 128}  # per run
STREAMS = 16  # blocks of runs at work at once on a CUDA device


def run(
    problem,
    lanes,
    steps,
    record,
    observe,
    progress=None,
    state=None,
    checkpoint=None,
    *,
    workers=1,
    dedupe=True,
):
    """Advance ``lanes``, a thread block each; see ``engine.driver.drive``.  On CUDA blocks of runs
    share the device."""
    build.launcher(problem.x.device, problem.dtype)  # once, before several threads ask for it
    workers = STREAMS if problem.x.is_cuda else 1  # there is one chip on the CPU
    drive(
        PersistentBlock,
        problem,
        lanes,
        steps,
        record,
        observe,
        progress,
        state,
        checkpoint,
        workers=workers,
        dedupe=dedupe,
    )


def refusal(problem, lane) -> str:
    """Why the kernel cannot run ``lane`` ("" if it can), as the end of a sentence; ``lane`` has a
    signal of the standard form."""
    norm, loss, dtype, device = lane.method.norm, problem.loss, problem.dtype, problem.x.device
    if device.type not in THREADS or dtype not in build.REAL:
        return f"it computes on CUDA or the CPU in float64 or float32, not on {device} in {dtype}"
    if loss not in (CROSS_ENTROPY, EXPONENTIAL):
        return f"it does not know the loss {loss!r}"
    if not is_power_norm(norm):
        return f"it does not know the norm {norm!r}"
    if reason := build.missing(device):
        return reason
    n, k, d = problem.dataset.n, problem.dataset.k, problem.dataset.d
    b, _, reduced = recipe(lane.method.signal, n)
    matrices = 3 + (reduced and b < n)
    need = shared_numbers(k, d, reduced=reduced and b < n, schatten=type(norm) is Schatten)
    room = build.shared_bytes(device) // problem.x.element_size()
    if need > room:
        widest = d - -(-(need - room) // (matrices * k))
        return (
            f"its {matrices} matrices of {k} x {d} do not fit the {room} numbers of shared memory"
            f" on {device}: with {k} classes at most {widest} features do. backend='lanes' has no"
            " such limit"
        )
    return ""


def shared_numbers(k: int, d: int, *, reduced: bool, schatten: bool, batch: int = 0) -> int:
    """What ``Chip`` in ``runs.cu`` takes of shared memory for one run, with the residuals of
    ``batch`` samples."""
    pairs = k // 2
    polar = (k - 1) * (k + 2) + 3 * pairs
    return (
        (3 + reduced) * k * d
        + 9 * k
        + max(PARTS, 3 * ROW_PARTS * pairs)
        + schatten * polar
        + batch * k
    )


class PersistentBlock:
    """A block of runs, one thread block each; W, M and what variance reduction keeps stay on the
    device between launches."""

    def __init__(self, problem, block):
        data, runs, device, dtype = problem.dataset, block.runs, problem.x.device, problem.dtype
        self.problem, self.b, self.count, self.per_epoch = (
            problem,
            block.batch_size,
            len(runs),
            data.n // block.batch_size,
        )
        reduced = [run.reduced and self.per_epoch > 1 for run in runs]
        schatten = [type(run.norm) is Schatten for run in runs]
        sizes = [
            {"k": data.k, "d": data.d, "reduced": r, "schatten": s}
            for r, s in zip(reduced, schatten, strict=True)
        ]
        room = build.shared_bytes(device) // problem.x.element_size()
        self.on_chip = max(shared_numbers(**size, batch=self.b) for size in sizes) <= room
        self.shared = (
            max(shared_numbers(**size, batch=self.b * self.on_chip) for size in sizes)
            * problem.x.element_size()
        )
        cut = 8 * torch.finfo(dtype).eps if dtype != torch.float64 else 0.0  # as in norms.Schatten
        self.method = problem.x.new_tensor(
            [(run.momentum, run.norm.q, max(getattr(run.norm, "rtol", 0.0), cut)) for run in runs]
        )
        self.kind = torch.tensor(
            list(zip(block.schedule_rows, schatten, reduced, strict=True)),
            device=device,
            dtype=torch.int64,
        )
        self.w, self.m, self.f = (problem.start(self.count) for _ in range(3))
        self.log_m, self.log_f = (
            problem.x.new_full((self.count, data.k), -torch.inf) for _ in range(2)
        )
        self.kept = problem.x.new_zeros(self.count if any(reduced) else 0, data.n, data.k)
        self.spill = problem.x.new_zeros(0 if self.on_chip else self.count, self.b, data.k)
        self.launch, self.threads = build.launcher(device, dtype), THREADS[device.type]
        self.stream = (
            torch.cuda.Stream(device) if problem.x.is_cuda else None
        )  # blocks of runs side by side; None: a CPU has none
        if self.stream:
            torch.cuda.current_stream(
                device
            ).synchronize()  # what was made above, on another stream

    def advance(self, orders, rates, first, last):
        """One launch for steps ``first .. last-1``."""
        data, device = self.problem.dataset, self.problem.x.device
        with torch.cuda.stream(self.stream):
            orders = torch.as_tensor(np.ascontiguousarray(orders), device=device)
            rates = torch.as_tensor(
                np.ascontiguousarray(rates[:, : last - first]),
                dtype=self.problem.dtype,
                device=device,
            )
            arrays = (
                self.problem.x,
                self.problem.y,
                orders,
                rates,
                self.method,
                self.kind,
                self.w,
                self.m,
                self.log_m,
                self.f,
                self.log_f,
                self.kept,
                self.spill,
            )
            numbers = (
                data.n,
                data.d,
                data.k,
                self.b,
                last - first,
                first % self.per_epoch,
                self.problem.loss == EXPONENTIAL,
                self.on_chip,
            )
            job = torch.tensor(
                [a.data_ptr() for a in arrays] + [int(number) for number in numbers], device=device
            )
            self.launch(self.count, self.threads, self.shared, job)

    def weights(self):
        with torch.cuda.stream(self.stream):
            w = self.w.cpu()  # waits for the stream: the reader has another one
        return w.clone() if self.stream is None else w.to(self.problem.x.device)

    def arrays(self):
        with torch.cuda.stream(self.stream):
            return {name: getattr(self, name).cpu().numpy().copy() for name in ("w", "m", "log_m")}

    def restore(self, arrays):
        with torch.cuda.stream(self.stream):
            for name, value in arrays.items():
                getattr(self, name).copy_(torch.as_tensor(value))
