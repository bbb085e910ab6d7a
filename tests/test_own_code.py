"""A store never answers for a user's code that has changed: whatever is edited, `sweep` says what
`simulate` says, or refuses."""

import copy
import functools
import importlib
import os
import re
import subprocess
import sys
import types
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr

import ibias as ib
from ibias.runs import Request
from ibias.runs.cluster import identity
from ibias.runs.own_code import own_source

DATA = ib.data.mixture(classes=3, per_class=6, dim=5, seed=0)
ASK = dict(seeds=[0], steps=3, record=[0, 1, 3], progress=False)

# One schedule that needs everything a module can hold. Each {slot} is a number; all of them move
# the result.
MINE = """
import functools
from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction
import numpy as np
import torch
import mine_second
import mine_second as another_name
from mine_second import imported
from mine_fourth import Base
from torch import sin

FACTOR = {constant}
CURVE = np.linspace(0, 1, 5000)
CURVE[2500] = {long_array}
TENSOR = torch.linspace(0, 1, 9, dtype=torch.float64) * (1 + {tensor} * 1e-12)
TABLE = {{"a": [1, (2, {nested_value})]}}
NAMES = {{"x{set_of_texts}", "y"}}
LOOKUP = {{0: {bound_builtin}}}.get
ROOT = Fraction({fraction}, 7)
DEFAULT = {default_by_name}


class Mode(Enum):
    ONE = {enum}


class Helper:
    def __init__(self, size):
        self.size = size

    def __call__(self):
        return self.size + {method_of_instance}


HELPER = Helper({state_of_instance})


def scaled(function):
    @functools.wraps(function)
    def inner(*args):
        return function(*args) + {decorator}

    return inner


def factory(size):
    def inner():
        return size

    return inner


CLOSURE = factory({closure})
PARTIAL = functools.partial(pow, {partial})
LAMBDA = lambda: {lambda_}


@functools.cache
def remembered():
    return {remembered}


@scaled
def decorated():
    return {decorated}


def defaults(a=DEFAULT, *, b={keyword_default}):
    return a + b


def nested():
    def deeper():
        def deepest():
            return {nested_function}

        return deepest()

    return deeper() + sum({comprehension} for _ in range(2))


def local_import():
    from mine_third import local

    return local() + importing().value


def importing():
    import mine_third

    return mine_third.Place


def by_name():
    return getattr(mine_second, "dynamic")() + globals()["hidden"]()


def hidden():
    return {globals_by_name}


def called():
    return {function}


@dataclass(frozen=True)
class Mine(Base):
    def __pow__(self, exponent):
        return 2 ** exponent

    scale: float = {field_default}
    secret: float = field(default={hidden_field}, repr=False)
    curve: object = field(
        default_factory=lambda: np.full(2000, 1.0 + {field_array} * 1e-9), compare=False
    )
    attribute = {class_attribute}
    derived = FACTOR * 2

    @property
    def prop(self):
        return {property}

    @staticmethod
    def static():
        return {static_method}

    @classmethod
    def of_class(cls):
        return {class_method} + cls.attribute

    @functools.cached_property
    def cached(self):
        return {cached_property}

    def __post_init__(self):
        object.__setattr__(self, "late", {post_init})

    @functools.cache
    def __len__(self):
        return {cached_special_method}

    __neg__ = functools.partialmethod(pow, {partial_special_method} + 1)

    def __call__(self, t):
        parts = [
            len(self), -self,
            self.scale, self.secret, self.curve[1000], self.attribute, self.derived, self.prop,
            self.static(), self.of_class(), self.cached, self.late, self.inherited(),
            called(), nested(), defaults(), decorated(), remembered(), LAMBDA(), CLOSURE(),
            PARTIAL(2), HELPER(), Mode.ONE.value, float(ROOT), LOOKUP(0), TABLE["a"][1][1],
            int(min(NAMES)[1:]), TENSOR[8].item() * 1e6, CURVE[2500],
            mine_second.attribute.function(), another_name.VALUE, imported(), by_name(),
            local_import(), {body}, float(sin(torch.tensor(1.0))),
        ]
        weights = 1 + 1e-3 * np.arange(len(parts))
        return 1e-3 * float(np.dot(weights, np.array(parts, dtype=float))) / (t + 1)
"""
SECOND = """
from mine_third import chained
from mine_fourth import Attribute
attribute = Attribute()
VALUE = {second_constant}


def imported():
    return chained() + {second_function}


def dynamic():
    return {getattr_by_name}
"""
THIRD = """
class Place:
    value = {third_attribute}


def chained():
    return {third_function}


def local():
    return {third_local}
"""
FOURTH = """
class Base:
    def inherited(self):
        return {base_class}


class Attribute:
    def function(self):
        return {class_behind_an_instance}
"""
FILES = {"mine_fourth": FOURTH, "mine": MINE, "mine_second": SECOND, "mine_third": THIRD}
SLOTS = sorted(
    {
        name
        for text in FILES.values()
        for _, name, _, _ in __import__("string").Formatter().parse(text)
        if name
    }
)


def imported(folder, values):
    """The schedule of the user's modules as they are when these values stand in them."""
    folder.mkdir(exist_ok=True)
    for name, text in FILES.items():
        (folder / f"{name}.py").write_text(text.format(**values))
        sys.modules.pop(name, None)
    importlib.invalidate_caches()
    sys.path.insert(0, str(folder))
    try:
        schedule = importlib.import_module("mine").Mine()
        schedule(0)  # what it imports by itself comes from here
    finally:
        sys.path.remove(str(folder))
    return ib.SteepestDescent(ib.MAX, ib.Minibatch(6), schedule, name="mine")


@pytest.fixture(autouse=True)
def no_bytecode(monkeypatch):
    # edits within a second of each other have the same time stamp
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield
    for name in FILES:
        sys.modules.pop(name, None)


def numbers(**edits):
    return dict.fromkeys(SLOTS, 1) | edits


@pytest.mark.parametrize("slot", SLOTS)
def test_an_edit_anywhere_is_never_answered_from_before(tmp_path, slot):
    ask = ASK | {"store": tmp_path / "store"}
    before = ib.sweep(DATA, imported(tmp_path / "a", numbers()), **ask)
    method = imported(tmp_path / "c", numbers(**{slot: 3}))
    runs = ib.sweep(DATA, method, **ask)
    assert runs.attrs["from_store"] == 0
    xr.testing.assert_equal(runs.margin, ib.simulate(DATA, method, **ASK).margin)
    assert float(abs(runs.norm_max - before.norm_max).max()) > 0, "the slot has no effect"


@pytest.mark.parametrize("edits", [60, pytest.param(200, marks=pytest.mark.slow)])
def test_many_edits_give_what_simulate_gives(tmp_path, edits):
    """A walk through versions of three modules, back to earlier ones as well."""
    rng, values, known, ask = (
        np.random.default_rng(0),
        numbers(),
        0,
        ASK | {"store": tmp_path / "s"},
    )
    for edit in range(edits):
        for slot in rng.choice(SLOTS[:6] if edit % 2 else SLOTS, size=rng.integers(1, 3)):
            values[str(slot)] = int(rng.integers(1, 3))
        method = imported(tmp_path / f"{edit}", values)
        runs = ib.sweep(DATA, method, **ask)
        xr.testing.assert_equal(runs.margin, ib.simulate(DATA, method, **ASK).margin)
        known += runs.attrs["from_store"]
    assert 0 < known < edits / 2  # the walk comes back now and then, and only then is it answered


def test_a_file_edited_after_it_was_imported_answers_for_neither_version(tmp_path):
    ask = ASK | {"store": tmp_path / "store"}
    old = imported(tmp_path / "a", numbers())
    text = MINE.format(**numbers(function=3))
    (tmp_path / "a" / "mine.py").write_text(text)  # an editor, while Python runs
    assert ib.sweep(DATA, old, **ask).attrs["from_store"] == 0
    new = imported(tmp_path / "a", numbers(function=3))  # another day
    runs = ib.sweep(DATA, new, **ask)
    assert runs.attrs["from_store"] == 0
    xr.testing.assert_equal(runs.margin, ib.simulate(DATA, new, **ASK).margin)


def test_a_method_replaced_in_memory_is_another_method(tmp_path, monkeypatch):
    ask = ASK | {"store": tmp_path / "store"}
    method = imported(tmp_path / "a", numbers())
    ib.sweep(DATA, method, **ask)
    monkeypatch.setattr(type(method.schedule), "__call__", lambda self, t: 0.5)
    runs = ib.sweep(DATA, method, **ask)
    assert runs.attrs["from_store"] == 0 and runs.norm_max[0, 0, 1] == 0.5


def test_an_edit_elsewhere_in_the_users_module_costs_nothing(tmp_path, monkeypatch):
    ask = ASK | {"store": tmp_path / "store"}
    ib.sweep(DATA, imported(tmp_path / "a", numbers()), **ask)
    again = ib.sweep(DATA, imported(tmp_path / "c", numbers()), **ask)
    assert again.attrs["from_store"] == 1  # the same text elsewhere is the same code
    monkeypatch.setitem(FILES, "mine", MINE + "\n\ndef unused():\n    return 1\n")
    runs = ib.sweep(DATA, imported(tmp_path / "b", numbers()), **ask)
    assert runs.attrs["from_store"] == 1


def installed(folder, monkeypatch, version, factor):
    """A package of somebody's, as pip puts it: a schedule in it, and one outside that calls it."""
    package = folder / "site-packages" / "theirs"
    package.mkdir(parents=True, exist_ok=True)
    (package / "__init__.py").write_text(
        f"from dataclasses import dataclass\n__version__ = '{version}'\n"
        f"def length(t):\n    return {factor} / (t + 1)\n"
        "@dataclass(frozen=True)\nclass Theirs:\n    def __call__(self, t):\n        return length(t)\n"
    )
    (folder / "mine.py").write_text(
        "from dataclasses import dataclass\nfrom theirs import length\n"
        "@dataclass(frozen=True)\nclass Mine:\n    def __call__(self, t):\n        return length(t)\n"
    )
    monkeypatch.setattr(
        "ibias.runs.code._installed_in", lambda: [(folder / "site-packages").resolve()]
    )
    for name in ("theirs", "mine"):
        sys.modules.pop(name, None)
    monkeypatch.setattr(sys, "path", [str(folder), str(folder / "site-packages"), *sys.path])
    importlib.invalidate_caches()
    return __import__("theirs").Theirs(), __import__("mine").Mine()


def test_classes_of_an_installed_package_count_by_their_code_and_what_own_code_calls_by_version(
    tmp_path, monkeypatch
):
    ask, made = ASK | {"store": tmp_path / "store"}, []
    for version, factor in (("1", 0.1), ("1", 0.2), ("2", 0.2)):
        theirs, mine = installed(tmp_path / f"{version}{factor}", monkeypatch, version, factor)
        made.append([own_source(theirs), own_source(mine)])
        method = ib.SteepestDescent(ib.MAX, ib.Minibatch(6), theirs)
        assert ib.sweep(DATA, method, **ask).attrs["from_store"] == (version == "2")
        xr.testing.assert_equal(
            ib.sweep(DATA, method, **ask).margin, ib.simulate(DATA, method, **ASK).margin
        )
    assert made[0][0] != made[1][0] == made[2][0]  # the code that runs
    assert made[0][1] == made[1][1] != made[2][1]  # the version it says


def test_own_code_without_a_source_is_refused_by_a_store(tmp_path):
    scope = {"__name__": "typed", "dataclass": dataclass}
    sys.modules["typed"] = types.ModuleType("typed")
    exec("@dataclass(frozen=True)\nclass Typed:\n    def __call__(self, t): return 0.1", scope)
    method = ib.SteepestDescent(ib.MAX, ib.Minibatch(6), scope["Typed"]())
    with pytest.raises(ValueError, match="needs the source of typed.Typed.*store=None"):
        ib.sweep(DATA, method, **ASK, store=tmp_path)
    assert ib.sweep(DATA, method, **ASK, store=None).attrs["from_store"] == 0


LOCK, STREAM = __import__("threading").Lock(), sys.__stdout__
VECTORIZED = np.frompyfunc(lambda t: 0.1, 1, 1)


@dataclass(frozen=True)
class Holding:
    held: object

    def __call__(self, t):
        return 0.1


# ids without addresses: two workers must collect the same names
@pytest.mark.parametrize(
    "held",
    [LOCK, STREAM, VECTORIZED, (i for i in "ab")],
    ids=["lock", "stream", "vectorized", "generator"],
)
def test_what_cannot_be_told_from_another_is_refused(tmp_path, held):
    method = ib.SteepestDescent(ib.MAX, ib.Minibatch(6), Holding(held), name="mine")
    with pytest.raises(ValueError, match="a store cannot .* store=None"):
        ib.sweep(DATA, method, **ASK, store=tmp_path)
    assert ib.sweep(DATA, method, **ASK, store=None).attrs["from_store"] == 0


ONE, TWO = {"a": 1}, {"a": 2}


@pytest.mark.parametrize(
    "first, second",
    [
        ([[ONE, TWO], [ONE, TWO]], [[ONE, TWO], [TWO, ONE]]),
        (np.ma.array([1.0, 2.0], mask=[0, 1]), np.ma.array([1.0, 2.0], mask=[1, 0])),
        (np.array([[1], [2]], dtype=object), np.array([[1], [3]], dtype=object)),
        (torch.tensor([1.0], dtype=torch.bfloat16), torch.tensor([1.0], dtype=torch.float32)),
        (torch.eye(2).to_sparse(), 2 * torch.eye(2).to_sparse()),
        (np.zeros(2000), np.r_[np.zeros(1000), 1e-300, np.zeros(999)]),
        (re.compile("a" * 300 + "b"), re.compile("a" * 300 + "c")),
        (pd.DataFrame({"a": range(300)}), pd.DataFrame({"a": [*range(150), 0, *range(151, 300)]})),
        (np.random.default_rng(1), np.random.default_rng(2)),
        (functools.partial(pow, 2), functools.partial(pow, 3)),
        ({1: 2}.get, {1: 3}.get),
        (0.0, -0.0),
        (1, 1.0),
        ([], ()),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_differs_in_content_has_another_digest(first, second):
    assert own_source(Holding(first)) == own_source(Holding(copy.deepcopy(first)))
    assert own_source(Holding(first)) != own_source(Holding(second))


def test_methods_of_the_package_alone_need_no_inventory():
    assert own_source(ib.SteepestDescent(ib.MAX, ib.Momentum(0.5, ib.Minibatch(2)))) == ""
    assert own_source(ib.CROSS_ENTROPY) == ""


def test_a_norm_of_a_room_that_is_not_in_the_key_counts_by_its_code(monkeypatch):
    from ibias.optim import newton_schulz

    norm = newton_schulz.NewtonSchulzSpectral(newton_schulz.CONVERGENT)
    method = ib.SteepestDescent(norm, ib.FullBatch())
    before = own_source(method)
    assert before and before == own_source(method)
    monkeypatch.setattr(newton_schulz.NewtonSchulzSpectral, "steepest", lambda self, g: g)
    assert own_source(method) != before


def test_the_digest_is_that_of_another_process(tmp_path):
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import mine\n"
        "from ibias.optim import newton_schulz as n; from ibias.runs.own_code import own_source\n"
        "print(own_source(mine.Mine()), own_source(mine.Mine(), texts=False), own_source(n.NewtonSchulz))"
    )
    said = []
    for seed in "12":  # other folders, other orders of sets
        imported(tmp_path / seed, numbers())
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONDONTWRITEBYTECODE": seed}
        command = [sys.executable, "-c", code, str(tmp_path / seed)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        said.append(done.stdout)
    assert said[0] == said[1] and len(set(said[0].split())) == 3


def test_a_worker_with_another_version_of_the_users_module_differs(tmp_path):
    here = identity(Request(DATA, imported(tmp_path / "a", numbers()), steps=1, record=[0, 1]))
    same = identity(Request(DATA, imported(tmp_path / "b", numbers()), steps=1, record=[0, 1]))
    other = identity(
        Request(DATA, imported(tmp_path / "c", numbers(third_local=2)), steps=1, record=[0, 1])
    )
    assert here == same and {k for k in here if here[k] != other[k]} == {"classes of your own"}


def test_the_package_edited_while_it_runs_stores_nothing(tmp_path, monkeypatch):
    from ibias.runs import key

    method = ib.SteepestDescent(ib.MAX, ib.Minibatch(6), ib.Power(0.1))
    monkeypatch.setattr(key, "package_hash", lambda without: "another")
    with pytest.raises(RuntimeError, match="edited after it was imported; start Python again"):
        ib.sweep(DATA, method, **ASK, store=tmp_path)
    assert not any(tmp_path.iterdir())
