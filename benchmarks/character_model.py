"""A character transformer of about a million parameters under four optimizers:
``python -m benchmarks.character_model`` writes ``benchmarks/character_model.csv``.

Text: the notebooks of this repository (their Python sources), the last tenth for validation.  Every
optimizer has the same starts and batches and the rest of the parameters (embeddings, head, vectors)
under AdamW or Adam at one rate; the rate of the hidden matrices (for AdamW: of all) is the best of
three by validation loss after a short run of another seed, and falls linearly to a tenth.  Seconds
are CPU seconds of one thread, of forward, backward and step; measuring is not counted.
"""

import csv
import os
from pathlib import Path
from time import process_time

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import torch
from torch import nn
from torch.nn.functional import cross_entropy, scaled_dot_product_attention

TABLE = Path(__file__).with_suffix(".csv")
WIDTH, LAYERS, HEADS, CONTEXT, BATCH = 128, 5, 4, 64, 8
STEPS, TUNING_STEPS, SEEDS, EVERY = 240, 60, (1, 2, 3), 20
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


def text():
    """The characters as numbers, and how many there are."""
    folder = Path(__file__).resolve().parents[1] / "notebooks"
    letters = "".join(file.read_text("utf-8") for file in sorted(folder.glob("*.py")))
    known = {c: i for i, c in enumerate(sorted(set(letters)))}
    return torch.tensor([known[c] for c in letters]), len(known)


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
    "AdamW": (3e-3, 6e-3, 1.2e-2),
    "torch Muon": (1.2e-2, 2.4e-2, 4.8e-2),
    "ours, exact": (1.2e-2, 2.4e-2, 4.8e-2),
    "ours, Newton-Schulz": (1.2e-2, 2.4e-2, 4.8e-2),
}


def batch(data, count, generator):
    starts = torch.randint(len(data) - CONTEXT - 1, (count,), generator=generator)
    rows = data[starts[:, None] + torch.arange(CONTEXT + 1)]
    return rows[:, :-1], rows[:, 1:]


def loss_of(model, x, y):
    return cross_entropy(model(x).flatten(0, 1), y.flatten())


def train(name, lr, seed, steps):
    """Rows (step, CPU seconds, validation loss)."""
    data, letters = text()
    cut = len(data) * 9 // 10
    torch.manual_seed(seed)
    model, generator = Model(letters), torch.Generator().manual_seed(seed)
    held_out = batch(data[cut:], 64, torch.Generator().manual_seed(0))
    steppers = optimizers(model, name, lr)
    schedules = [
        torch.optim.lr_scheduler.LambdaLR(o, lambda t: 1 - 0.9 * t / steps) for o in steppers
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


def main():
    torch.set_num_threads(1)
    parameters = sum(p.numel() for p in Model(text()[1]).parameters())
    print(f"{parameters} parameters, {len(text()[0])} characters", flush=True)
    with TABLE.open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["optimizer", "rate", "seed", "step", "cpu seconds", "validation loss"])
        for name, rates in RATES.items():
            tuned = {lr: train(name, lr, 0, TUNING_STEPS)[-1][-1] for lr in rates}
            best = min(tuned, key=tuned.get)
            print(name, tuned, flush=True)
            for seed in SEEDS:
                rows = train(name, best, seed, STEPS)
                table.writerows([name, best, seed, *row] for row in rows)
                file.flush()
                print(name, best, seed, rows[-1], flush=True)


if __name__ == "__main__":
    main()
