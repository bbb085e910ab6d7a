"""The reference of the library: every public name has an entry and an example, and the examples
give what the pages say."""

import doctest
import functools
import re
from pathlib import Path
from types import ModuleType

import pytest

import ibias as ib
from ibias import maxmargin

BOOK = Path(__file__).resolve().parents[1] / "book"
PAGES = [*sorted(BOOK.glob("reference_*.md")), BOOK / "coming_from.md"]
MODULES = {
    "ibias": ib,
    "ibias.optim": ib.optim,
    "ibias.data": ib.data,
    "ibias.maxmargin": maxmargin,
}
# the modules that have a page of their own, and names that another entry has under `ibias.NAME`
PUBLIC = {
    f"{'ibias' if name in ib.__all__ else module}.{name}"
    for module, found in MODULES.items()
    for name in found.__all__
} - {"ibias.optim", "ibias.data"} | {"ibias.optim.SteepestDescent", "ibias.optim.VarianceReduced"}
ENTRY = re.compile(
    r"^\.\. (?:auto\w+|py:data):: (\S+)\n(?:(?:   [^\n]*)?\n)*```\n\n```pycon\n(.*?)^```",
    re.MULTILINE | re.DOTALL,
)


def entries():
    return {
        name: example for page in PAGES for name, example in ENTRY.findall(page.read_text("utf-8"))
    }


def test_every_public_name_has_an_entry_with_an_example_and_nothing_else_has():
    assert PUBLIC - set(entries()) == set()
    assert set(entries()) - PUBLIC == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_the_examples_give_what_the_page_says(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = "\n".join(re.findall(r"^```pycon\n(.*?)^```", page.read_text("utf-8"), re.M | re.S))
    test = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)
    assert len(test.examples) > 5
    said = []
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    failed, _ = doctest.DocTestRunner(optionflags=flags).run(test, out=said.append)
    assert not failed, "".join(said)


PROPERTIES = (property, functools.cached_property)


def values():
    """Public constants, and properties of public classes, with their docstrings."""
    for module in MODULES.values():
        for name in module.__all__:
            found = getattr(module, name)
            if not callable(found) and not isinstance(found, ModuleType):
                yield name, found.__doc__
            elif isinstance(found, type):
                own = {k: v for c in found.__mro__ for k, v in vars(c).items()}
                properties = {k: v for k, v in own.items() if isinstance(v, PROPERTIES)}
                yield from ((f"{name}.{k}", v.__doc__) for k, v in properties.items())


def test_no_docstring_of_a_value_is_read_as_its_type():
    # napoleon takes what stands before a colon in the first line of such a docstring for a type
    first = {name: (text or "").strip().split("\n")[0] for name, text in values()}
    without_code = {name: re.sub(r"`+[^`]*`+", "", line) for name, line in first.items()}
    assert [name for name, line in without_code.items() if ":" in line] == []
