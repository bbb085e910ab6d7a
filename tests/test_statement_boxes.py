"""The boxed statements of the book's text: each with a badge, and a proof folded under it."""

import ast
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from ibias_book.sphinx.badges import PLACE, WORDS
from ibias_book.sphinx.proofs import TESTED, Proof, defines
from ibias_book.steepest.statements import CATALOG

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted(ROOT.glob("notebooks/*.py"))
BOX = re.compile(
    r"^(`{3,})\{(?P<kind>prf:\w+|proof)\} (?P<title>[^\n]*)\n(?P<options>(?::\w+: [^\n]*\n)*)"
    r"(?P<body>.*?)^\1$",
    flags=re.M | re.S,
)
UNPROVED = {"prf:definition"}


@dataclass(frozen=True)
class Box:
    page: str
    kind: str
    title: str
    options: dict
    body: str


def boxes(page):
    text = re.sub(r"^# ?", "", page.read_text(encoding="utf-8"), flags=re.M)
    return [
        Box(
            page.stem,
            found["kind"],
            found["title"],
            dict(re.findall(r"^:(\w+): (.*)$", found["options"], flags=re.M)),
            found["body"].strip(),
        )
        for found in BOX.finditer(text)
    ]


FOUND = [box for page in NOTEBOOKS for box in boxes(page)]
STATEMENTS = [box for box in FOUND if box.kind != "proof"]
PROOFS = {box.title: box for box in FOUND if box.kind == "proof"}
LABELS = [box.options["label"] for box in STATEMENTS]


def test_the_boxes_are_found():
    assert len(STATEMENTS) > 45 and len(set(LABELS)) == len(LABELS)
    assert len(PROOFS) == sum(box.kind == "proof" for box in FOUND)


@pytest.mark.parametrize("box", STATEMENTS, ids=LABELS)
def test_a_statement_has_its_proof_next_to_it_and_a_badge(box):
    label = box.options["label"]
    assert set(box.options["class"].split()) <= set(WORDS), box.options
    if box.kind not in UNPROVED:
        assert PROOFS[label].page == box.page
        after = FOUND[FOUND.index(box) + 1]
        assert (after.kind, after.title) == ("proof", label), f"between them: {after.title}"
    assert not re.search(r"\*(text|derived|sharper|contradicts)\b", box.title), box.title


@pytest.mark.parametrize("label", PROOFS)
def test_a_proof_is_one(label):
    body = PROOFS[label].body
    assert label in LABELS
    assert len(body) > 100 and "TODO" not in body
    # what it leans on exists: statements, and equations of the same page
    for target in re.findall(r"\{prf:ref\}`([^`]*)`", body):
        assert target in LABELS and target != label
    page = (ROOT / "notebooks" / f"{PROOFS[label].page}.py").read_text(encoding="utf-8")
    for target in re.findall(r"\{eq\}`([^`]*)`", body):
        assert f"({target})" in page


def leans_on():
    return {
        label: set(re.findall(r"\{prf:ref\}`([^`]*)`", box.body)) for label, box in PROOFS.items()
    }


def test_no_proof_leans_on_itself_by_way_of_others():
    known = leans_on()
    for label in known:
        seen, waiting = set(), set(known[label])
        while waiting:
            one = waiting.pop()
            assert one != label, f"the proof of {label} comes back to it"
            waiting |= known.get(one, set()) - seen
            seen.add(one)


def program(statement):
    """(file, function) behind a statement of the catalog."""
    found = statement.evaluate
    found = found.func if isinstance(found, partial) else found
    return f"{found.__module__.removeprefix('ibias_book.').replace('.', '/')}.py {found.__name__}"


@pytest.mark.parametrize("label", PROOFS)
def test_a_proof_names_the_code_that_tests_its_statement(label):
    given = PROOFS[label].options["tested"]
    tests = {s.label: program(s) for s in CATALOG}
    file, function = given.split()
    tree = ast.parse((ROOT / "book" / "ibias_book" / file).read_text(encoding="utf-8"))
    assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    # the theorems of Section 4 and what is not in the catalog name their test themselves
    assert tests.get(label, given) == given


def test_the_catalog_says_what_the_badges_say():
    classes = {box.options["label"]: box.options.get("class", "").split() for box in STATEMENTS}
    # what a chapter proves once for four appendices has one box, and the tag of its constants
    apart = [s for s in CATALOG if s.id[0] not in "DEFG" and s.label in classes]
    assert len(apart) > 30
    for statement in apart:
        assert statement.tag in [WORDS[kind][0] for kind in classes[statement.label]], statement.id


def test_the_words_of_the_badges_stand_on_the_notation_page():
    notation = (ROOT / "book" / "notation.md").read_text(encoding="utf-8")
    section = notation.partition(f"({PLACE})=")[2]
    rows = dict(re.findall(r"^\| ([a-z ]+?) \| (.+?) \|$", section, flags=re.M))
    for words, meaning in WORDS.values():
        assert rows[words].casefold() == meaning.rstrip(".").casefold()


def test_a_fold_refuses_code_that_is_not_there():
    noise = ROOT / "book" / "ibias_book" / "steepest" / "statements" / "noise.py"
    assert defines(noise, "sampling_noise") and TESTED.fullmatch("steepest/noise.py sampling_noise")
    assert not defines(noise, "sampling") and not defines(
        noise.with_name("no.py"), "sampling_noise"
    )
    assert not TESTED.fullmatch("noise.sampling_noise") and not TESTED.fullmatch("")


@pytest.mark.parametrize(
    "content, tested, said",
    [
        ([], "steepest/statements/noise.py sampling_noise", "is empty"),
        (["Obvious."], "", "needs :tested:"),
        (["Obvious."], "steepest/statements/noise.py no_such_function", "needs :tested:"),
    ],
    ids=["empty", "no test", "a function that is not there"],
)
def test_the_build_refuses_a_proof_without_text_or_test(content, tested, said, monkeypatch):
    fold = Proof.__new__(Proof)
    fold.arguments, fold.content, fold.options = ["stmt-c-3"], content, {"tested": tested}
    fold.content_offset, fold.state = 0, SimpleNamespace(nested_parse=lambda *given: None)
    monkeypatch.setattr(Proof, "set_source_info", lambda self, node: None)
    monkeypatch.setattr(Proof, "env", SimpleNamespace(srcdir=ROOT))
    monkeypatch.setattr(Proof, "error", lambda self, text: ValueError(text))
    with pytest.raises(ValueError, match=said):
        fold.run()
