"""The probe against the second paper's measurements, numpy, and the promise to leave no trace."""

import copy
import itertools

import numpy as np
import pytest
import torch
from ibias_book import homogeneous as h
from ibias_book.homogeneous import observables
from torch import nn
from torch.optim.swa_utils import AveragedModel

import ibias as ib
from ibias.losses import CROSS_ENTROPY
from ibias.probe import stationarity
from ibias.probe.stationarity import separated


class Squared(nn.Module):
    def forward(self, x):
        return x.clamp_min(0) ** 2


def layers(*widths, activation=Squared, bias=False):
    torch.manual_seed(0)
    stack = []
    for i, (a, b) in enumerate(itertools.pairwise(widths)):
        stack += ([activation()] if i else []) + [nn.Linear(a, b, bias=bias)]
    return nn.Sequential(*stack)


def data(n=30, d=6, k=3):
    x = torch.randn(n, d, generator=torch.Generator().manual_seed(1))
    return x, (x[:, :k]).argmax(-1)


def measured(model, x, y, **options):
    probe = ib.Probe(model, x, y, **options)
    probe.measure(0)
    return probe


@pytest.mark.parametrize("widths", [(6, 3), (6, 8, 3), (6, 8, 5, 3), (6, 8, 1)])
def test_measurements_are_those_of_the_second_paper(widths):
    x, y = data(k=max(2, widths[-1]))
    model = layers(*widths).double()
    theta = [p.detach()[None] for p in model.parameters()]
    paper = h.Layers(widths[0], widths[1:-1], widths[-1])
    now = h.ascent(paper, theta, x.double()[None], y[None])
    q, u = now.margins.amin(-1), separated(now.u.value, now.shapes)
    runs = measured(model, x, y).runs.isel(step=0)
    near = dict(rtol=1e-10, atol=1e-10)  # float64 sums in another order; what the issue asks for
    np.testing.assert_allclose(runs.degree, paper.degree, **near)
    np.testing.assert_allclose(runs.parameter_degree, paper.degrees, **near)
    np.testing.assert_allclose(runs.min_margin, q[0], **near)
    np.testing.assert_allclose(runs.slackness, observables.slackness(now.weights, now.margins)[0])
    log_loss = observables.log_sum_loss(CROSS_ENTROPY, now.soft)[0] - np.log(len(x))
    np.testing.assert_allclose(runs.log_loss, log_loss, **near)
    for norm in h.WHOLE:
        ours = runs.sel(norm=norm.text)
        for name, theirs in (
            ("margin", observables.normalized_margin(paper, norm, theta, q)),
            ("balanced_margin", observables.balanced_margin(paper, norm, theta, q)),
            ("kkt", observables.kkt_alignment(norm, theta, u)),
            ("parameter_norm", norm.blocks(theta)),
        ):
            if norm.text == "hybrid" and len(widths) == 2:
                continue  # a single layer is the head here and a matrix there
            np.testing.assert_allclose(ours[name], theirs[0], **near, err_msg=f"{name} {norm.text}")


@pytest.mark.parametrize("batch_size", [1, 7, 1000])
def test_batches_change_nothing(batch_size):
    x, y = data()
    model = layers(6, 8, 3)
    one, several = measured(model, x, y).runs, measured(model, x, y, batch_size=batch_size).runs
    for name in one:
        np.testing.assert_allclose(one[name], several[name], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("widths, degree", [((6, 3), 1), ((6, 8, 3), 3), ((6, 8, 5, 3), 7)])
def test_degrees_are_found(widths, degree):
    probe = measured(layers(*widths), *data())
    assert float(probe.runs.degree[0]) == pytest.approx(degree, abs=1e-10)
    assert f"homogeneous of degree {degree} on this data" in str(probe)


@pytest.mark.parametrize(
    "model",
    [
        layers(6, 8, 3, bias=True),
        layers(6, 8, 3, activation=nn.GELU),
        nn.Sequential(nn.Linear(6, 8, bias=False), nn.LayerNorm(8), nn.Linear(8, 3)),
    ],
    ids=["biases", "gelu", "layer norm"],
)
def test_what_is_not_homogeneous_is_called_so_and_measured(model):
    probe = measured(model, *data())
    assert "not homogeneous" in str(probe) and "does not apply" in str(probe)
    assert np.isfinite(probe.runs.margin).all() and np.isfinite(probe.runs.kkt).all()
    assert np.isnan(probe.runs.balanced_margin).all()


def test_a_convolutional_network_is_that_of_numpy():
    """No biases, ReLU: every number again from einsum and one finite difference."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(2, 3, 2, bias=False), nn.ReLU(), nn.Flatten(), nn.Linear(12, 3, bias=False)
    ).double()
    x = torch.randn(10, 2, 3, 3, dtype=torch.float64)
    y = torch.arange(10) % 3
    kernel, head = (p.detach().numpy() for p in model.parameters())

    def forward(kernel, head):
        windows = np.lib.stride_tricks.sliding_window_view(x.numpy(), (2, 2), axis=(2, 3))
        hidden = np.maximum(np.einsum("nchwij,ocij->nohw", windows, kernel), 0).reshape(10, -1)
        return hidden @ head.T

    def soft(kernel, head):
        z = forward(kernel, head)
        own = np.eye(3, dtype=bool)[y]
        return z[own] - np.log(np.exp(z)[~own].reshape(10, 2).sum(1))

    z, own = forward(kernel, head), np.eye(3, dtype=bool)[y]
    margins = z[own] - np.where(own, -np.inf, z).max(1)
    weights = 1 / (1 + np.exp(soft(kernel, head)))
    gradient, step = [np.zeros_like(kernel), np.zeros_like(head)], 1e-6
    for which, p in enumerate((kernel, head)):
        for index in np.ndindex(p.shape):
            ends = []
            for sign in (1, -1):
                moved = [kernel.copy(), head.copy()]
                moved[which][index] += sign * step
                ends.append(weights @ soft(*moved))
            gradient[which][index] = (ends[0] - ends[1]) / (2 * step)
    theta = [kernel.reshape(3, -1), head]
    u = [g.reshape(t.shape) for g, t in zip(gradient, theta, strict=True)]
    inner = sum((a * b).sum() for a, b in zip(theta, u, strict=True))

    def ends(norms, duals):
        return max(n(t) for n, t in zip(norms, theta, strict=False)), sum(
            d(g) for d, g in zip(duals, u, strict=False)
        )

    op, nuclear = lambda a: np.linalg.norm(a, 2), lambda a: np.linalg.norm(a, "nuc")
    largest, total = lambda a: abs(a).max(), lambda a: abs(a).sum()
    expected = {
        "l2": [np.sqrt(sum((a**2).sum() for a in blocks)) for blocks in (theta, u)],
        "linf": ends([largest] * 2, [total] * 2),
        "spectral": ends([op] * 2, [nuclear] * 2),
        "hybrid": ends([op, largest], [nuclear, total]),
    }
    runs = measured(model, x, y).runs.isel(step=0)
    np.testing.assert_allclose(runs.min_margin, margins.min(), rtol=1e-12)
    for text, (value, dual) in expected.items():
        ours = runs.sel(norm=text)
        np.testing.assert_allclose(ours.margin, margins.min() / value**2, rtol=1e-12)
        # a central difference of step 1e-6 has rounding of about 1e-10
        np.testing.assert_allclose(ours.kkt, inner / (value * dual), rtol=1e-7)


class Everything(nn.Module):
    """Dropout, batch statistics, a mode that the user set by hand, random numbers."""

    def __init__(self):
        super().__init__()
        self.first, self.norm = nn.Linear(6, 8), nn.BatchNorm1d(8)
        self.drop, self.last = nn.Dropout(0.5), nn.Linear(8, 3)

    def forward(self, x):
        x = x + 0.01 * torch.randn(())
        return self.last(self.drop(self.norm(self.first(x))))


def test_training_with_and_without_the_probe_ends_bit_for_bit_equal():
    x, y = data()
    ends = []
    for probing in (False, True):
        torch.manual_seed(0)
        model = Everything()
        model.train()
        model.norm.eval()  # a frozen layer stays so
        optimizer = torch.optim.AdamW(model.parameters(), 0.01)
        probe = ib.Probe(model, x, y)
        for step in range(5):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            kept = {n: p.grad.clone() for n, p in model.named_parameters()}
            if probing:
                probe.measure(step)
                assert all(torch.equal(p.grad, kept[n]) for n, p in model.named_parameters())
                assert model.training and model.drop.training and not model.norm.training
            optimizer.step()
        ends.append((copy.deepcopy(model.state_dict()), torch.random.get_rng_state()))
    assert all(torch.equal(ends[0][0][n], ends[1][0][n]) for n in ends[0][0])
    assert torch.equal(ends[0][1], ends[1][1])


def test_large_margins_lose_no_digits():
    """float32 weights, margins beyond 100: the loss is e^-100 and its weights are relative."""
    x, y = data()
    model = layers(6, 3)
    with torch.no_grad():
        model[0].weight.copy_(1000 * torch.eye(3, 6))
    runs = measured(model, x, y).runs.isel(step=0)
    z = 1000 * x.double()[:, :3]
    own = nn.functional.one_hot(y, 3).bool()
    soft = z[own] - z[~own].reshape(-1, 2).logsumexp(-1)
    exact = torch.nn.functional.softplus(-soft, threshold=1e3).log().logsumexp(0) - np.log(len(x))
    if float(soft.min()) < 30:
        pytest.fail("the data are to have large margins")
    np.testing.assert_allclose(runs.log_loss, exact, rtol=1e-12)
    assert np.isfinite(runs.kkt).all()


class Single(nn.Module):
    """Computes in float32 whatever it is given."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, 6, generator=torch.Generator().manual_seed(0)))

    def forward(self, x):
        return torch.mm(x.float(), self.weight.T)


def test_a_model_that_does_not_compute_in_float64_is_measured_and_it_is_said():
    probe = measured(Single(), *data())
    assert "float32 (the model does not compute in float64" in str(probe)
    assert float(probe.runs.degree[0]) == pytest.approx(1, abs=1e-5)  # float32 rounds at 6e-8


class Cube(torch.autograd.Function):
    """x^3 without a forward mode."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, g):
        return 3 * ctx.saved_tensors[0] ** 2 * g


class Cubed(nn.Module):
    def forward(self, x):
        return Cube.apply(x)


def test_without_forward_mode_degrees_come_from_a_difference():
    probe = measured(layers(6, 8, 3, activation=Cubed), *data())
    assert float(probe.runs.degree[0]) == pytest.approx(4, abs=1e-6)  # 3 + 1; h^2 = 1e-10


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.token, self.attention = (
            nn.Embedding(7, 8),
            nn.MultiheadAttention(8, 2, batch_first=True),
        )
        self.head = nn.Linear(8, 7)

    def forward(self, x):
        h = self.token(x)
        return self.head(h + self.attention(h, h, h, need_weights=False)[0])


def test_a_transformer_over_tokens_is_measured():
    torch.manual_seed(0)
    x = torch.randint(7, (4, 5))
    probe = measured(Attention(), x, x.roll(1, 1))
    assert "not homogeneous" in str(probe) and probe.runs.attrs["precision"] == "float64"


def test_norms_of_ones_own():
    x, y = data()
    model = layers(6, 8, 3)
    own = {"0.weight": ib.SUM, "2.weight": ib.MAX}
    runs = measured(model, x, y, norms=["l2", ib.Schatten(4), own]).runs.isel(step=0)
    assert list(runs.norm.values) == ["l2", "schatten:4", "your own"]
    first, last = (p.detach().double() for p in model.parameters())
    largest = max(float(ib.SUM.value(first)), float(ib.MAX.value(last)))
    expected = runs.min_margin / largest**3
    np.testing.assert_allclose(runs.margin.sel(norm="your own"), expected, rtol=1e-12)


@pytest.mark.parametrize("norm", ["l2", ib.MAX, {"0.weight": ib.SPECTRAL}])
def test_one_norm_needs_no_list(norm):
    x, y = data()
    model = layers(6, 3)
    one, listed = (measured(model, x, y, norms=norms).runs for norms in (norm, [norm]))
    assert one.identical(listed)


def test_a_run_in_sentences_and_a_figure():
    x, y = data()
    model = layers(6, 16, 3)
    probe = ib.Probe(model, x, y)
    optimizer = ib.optim.Signum(model.parameters(), 0.01)
    for step in range(300):
        if step in (0, 100, 200, 299):
            probe.measure(step)
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    assert probe.runs.sizes["step"] == 4
    for part in ("separates the data (measured first at step", "Normalised margins", "slackness"):
        assert part in str(probe)
    assert max(map(len, str(probe).splitlines())) <= 88  # a page of the book cuts longer lines
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    assert len(probe.plot().axes) == 2


class Doubled(nn.Module):
    """A wrapper of a user's own, whose inside computes something else."""

    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, x):
        return 2 * self.module(x)


def test_a_wrapper_is_looked_through_only_where_it_computes_the_same():
    x, y = data()
    model = layers(6, 3)
    plain = measured(model, x, y).runs
    for same in (AveragedModel(model), nn.DataParallel(model), torch.compile(model)):
        assert measured(same, x, y).runs.identical(plain)
    own = measured(Doubled(model), x, y).runs
    np.testing.assert_allclose(own.min_margin, 2 * plain.min_margin, rtol=1e-12)


def test_labels_in_other_words_are_the_same():
    x, _ = data()
    y, model = (x[:, 0] > 0).long(), layers(6, 8, 1)
    one = measured(model, x, y).runs
    for other in (2 * y - 1, y.double(), y.numpy(), y[:, None]):
        np.testing.assert_array_equal(one.margin, measured(model, x, other).runs.margin)


BAD = {
    "no module": (lambda x, y: ib.Probe(lambda x: x, x, y), TypeError, "takes a torch.nn.Module"),
    "lengths": (
        lambda x, y: ib.Probe(layers(6, 3), x, y[1:]),
        ValueError,
        "30 samples .* 29 labels",
    ),
    "fractions": (lambda x, y: ib.Probe(layers(6, 3), x, y + 0.5), ValueError, "whole numbers"),
    "negative": (lambda x, y: ib.Probe(layers(6, 3), x, y - 2), ValueError, "got -2"),
    "too many classes": (
        lambda x, y: measured(layers(6, 2), x, y),
        ValueError,
        "label 2 for a model with 2 outputs",
    ),
    "shape": (lambda x, y: measured(nn.Linear(6, 3), x[:, None], y), ValueError, "does not fit"),
    "one-hot": (
        lambda x, y: measured(layers(6, 3), x, nn.functional.one_hot(y, 3)),
        ValueError,
        "not one-hot",
    ),
    "text": (lambda x, y: ib.Probe(layers(6, 3), x, ["a"] * 30), TypeError, "y is a tensor.*list"),
    "pairs": (lambda x, y: ib.Probe(layers(6, 3), [x, x], y), TypeError, "x is a tensor.*list"),
    "two outputs": (
        lambda x, y: measured(nn.LSTM(6, 3), x, y),
        ValueError,
        "returns a tuple; wrap it",
    ),
    "no norm": (lambda x, y: ib.Probe(layers(6, 3), x, y, norms=[]), ValueError, "is empty"),
    "half a step": (
        lambda x, y: measured(layers(6, 3), x, y).measure(0.5),
        ValueError,
        r"measure\(step\): an integer >= 0; got 0.5",
    ),
    "norm": (lambda x, y: ib.Probe(layers(6, 3), x, y, norms=["l3"]), ValueError, "got 'l3'"),
    "incomplete mapping": (
        lambda x, y: ib.Probe(layers(6, 8, 3), x, y, norms=[{"0.weight": ib.MAX}]),
        ValueError,
        r"look at \['2.weight'\]",
    ),
    "frozen": (
        lambda x, y: ib.Probe(layers(6, 3).requires_grad_(False), x, y),
        ValueError,
        "no parameter that requires",
    ),
    "lazy": (lambda x, y: ib.Probe(nn.LazyLinear(3), x, y), ValueError, "lazy module"),
    "batch of nothing": (
        lambda x, y: ib.Probe(layers(6, 3), x, y, batch_size=0),
        ValueError,
        "batch_size",
    ),
    "not yet": (lambda x, y: ib.Probe(layers(6, 3), x, y).runs, ValueError, "nothing is measured"),
    "back in time": (
        lambda x, y: measured(layers(6, 3), x, y).measure(0),
        ValueError,
        "steps rise; got 0 after 0",
    ),
    "infinite logits": (
        lambda x, y: measured(layers(6, 3), x * float("inf"), y),
        FloatingPointError,
        "logits are not finite",
    ),
}


@pytest.mark.parametrize("build, kind, message", BAD.values(), ids=BAD)
def test_bad_input_is_a_sentence(build, kind, message):
    with pytest.raises(kind, match=message):
        build(*data())


def test_infinite_parameters_are_a_sentence():
    model = layers(6, 3)
    model[0].weight.data[0, 0] = float("nan")
    with pytest.raises(FloatingPointError, match="parameters that are not finite"):
        measured(model, *data())


def test_labels_that_require_a_gradient_are_labels():
    x, y = data()
    measured(layers(6, 3), x.requires_grad_(), y.double().requires_grad_())


def test_the_shared_measures_have_their_values_by_hand():
    """The book's measurements stand on the same functions, so these need values of their own."""
    weights, margins = torch.tensor([3.0, 1.0]), torch.tensor([2.0, 4.0])
    # (3 * 0 + 1 * 2) / (2 * 4)
    assert stationarity.slackness(weights, margins).item() == 0.25
    assert stationarity.slackness(weights, torch.tensor([-1.0, 2.0])).isnan()
    theta, u = [torch.tensor([[3.0, 0.0]])], [torch.tensor([[3.0, 4.0]])]
    # 9 / (3 * 5) in l2; 9 / (3 * 7) in l-infinity, whose dual is the sum
    for norm, value in ((h.L2, 9 / 15), (h.LINF, 9 / 21)):
        assert stationarity.kkt_alignment(norm, theta, u).item() == pytest.approx(value, rel=1e-6)
    z = torch.tensor([[1.0, 3.0, 2.0]], dtype=torch.float64)
    hard, soft, slope = stationarity.margins_of(z, torch.tensor([1]))
    odds = np.exp([1.0, 2.0])
    assert hard.item() == 1 and soft.item() == pytest.approx(3 - np.log(odds.sum()), rel=1e-12)
    np.testing.assert_allclose(slope[0, [0, 2]], -odds / odds.sum(), rtol=1e-12)
    assert slope[0, 1] == 1
    one = stationarity.margins_of(torch.tensor([[2.0], [2.0]]), torch.tensor([1, 0]))
    assert one[0].tolist() == [2, -2] and one[2].tolist() == [[1], [-1]]
    loss = stationarity.log_sum_loss(CROSS_ENTROPY, torch.zeros(4, dtype=torch.float64))
    assert loss.item() == pytest.approx(np.log(4 * np.log(2)), rel=1e-12)
