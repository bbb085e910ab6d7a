"""Data for the experiments on networks: one sub-sample or draw per seed."""

from dataclasses import dataclass, replace

import numpy as np
import torch


@dataclass(frozen=True, eq=False)
class Task:
    """``x`` ``(seeds, n, d)`` float64 and labels ``y`` ``(seeds, n)`` int64; seed s owns row s and
    its own initialisation."""

    x: torch.Tensor
    y: torch.Tensor
    seeds: tuple[int, ...]
    name: str

    @property
    def n(self):
        return self.x.shape[1]

    @property
    def d(self):
        return self.x.shape[2]

    def first(self, count: int) -> "Task":
        """The same with its first ``count`` seeds only."""
        if not 1 <= count <= len(self.seeds):
            raise ValueError(f"the task has {len(self.seeds)} seeds; {count} were asked for")
        return replace(self, x=self.x[:count], y=self.y[:count], seeds=self.seeds[:count])


def digits(n: int = 512, seeds=range(10), classes: int = 2) -> Task:
    """scikit-learn's 8 x 8 digits, even against odd (``classes=2``) or all ten: ``n`` random images
    per seed.

    The mean image is subtracted and everything divided by one global root mean square.  Per-pixel
    standardisation would blow up the rarely inked pixels; raw intensities, all positive, need
    longer runs.
    """
    from sklearn.datasets import load_digits

    raw = load_digits()
    return subsampled(raw.data, raw.target, n, seeds, classes, "digits")


def aniso(n: int = 40, d: int = 12, seeds=range(10)) -> Task:
    """Synthetic and small: one clean feature ``y + 0.1 noise``, the other d - 1 weak ones
    ``0.35 y + 0.3 noise``.

    The l2 classifier likes the clean feature, the l-infinity one the many weak ones: optimizers
    part early.
    """
    xs, ys = [], []
    for seed in seeds:
        generator = np.random.Generator(np.random.Philox(key=int(seed)))
        y = np.arange(n) % 2
        sign = 2.0 * y[:, None] - 1
        xs.append(
            np.hstack(
                [
                    sign + 0.1 * generator.standard_normal((n, 1)),
                    0.35 * sign + 0.3 * generator.standard_normal((n, d - 1)),
                ]
            )
        )
        ys.append(y)
    return Task(
        torch.tensor(np.stack(xs)), torch.tensor(np.stack(ys)), tuple(seeds), f"aniso, n={n}"
    )


def planar_xor(n: int = 40, seeds=range(10)) -> Task:
    """XOR in the plane with a constant feature: small networks sometimes never separate it.  The
    exceptions to every rule."""
    xs, ys = [], []
    for seed in seeds:
        generator = np.random.Generator(np.random.Philox(key=int(seed)))
        corner = generator.integers(0, 2, (n, 2))
        xs.append(
            np.hstack([2.0 * corner - 1 + 0.2 * generator.standard_normal((n, 2)), np.ones((n, 1))])
        )
        ys.append(corner.sum(1) % 2)
    return Task(torch.tensor(np.stack(xs)), torch.tensor(np.stack(ys)), tuple(seeds), "planar XOR")


def subsampled(images, labels, n, seeds, classes, name) -> Task:
    """``n`` of the images ``(total, d)`` per seed, prepared as ``digits`` says."""
    if classes not in (2, 10):
        raise ValueError(f"classes is 2 (even against odd) or 10; got {classes}")
    if not 1 <= n <= len(images):
        raise ValueError(f"n = {n} images were asked for; {name} has {len(images)}")
    x = images.astype(np.float64)
    x = x - x.mean(0)
    x /= np.sqrt(np.mean(x**2))
    y = labels.astype(np.int64) if classes == 10 else 1 - labels.astype(np.int64) % 2
    picks = np.stack(
        [
            np.random.Generator(np.random.Philox(key=int(seed))).permutation(len(x))[:n]
            for seed in seeds
        ]
    )
    kind = "even/odd" if classes == 2 else "ten classes"
    return Task(
        torch.from_numpy(x[picks]),
        torch.from_numpy(y[picks]),
        tuple(seeds),
        f"{name}, {kind}, n={n}",
    )
