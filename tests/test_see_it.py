"""``{see-it}`` puts a story of the playground into a chapter, or says in one sentence why not."""

import json
import re
from types import SimpleNamespace

import figure_page as fp
import pytest
from docutils.parsers.rst import DirectiveError
from ibias_book.sphinx import interactive

NOTEBOOKS = fp.ROOT / "notebooks"


def see_it(argument, docname="notebooks/V_version_two"):
    env = SimpleNamespace(docname=docname)
    state = SimpleNamespace(document=SimpleNamespace(settings=SimpleNamespace(env=env)))
    directive = interactive.SeeIt(
        "see-it", [argument], {}, [], 1, 0, "", state, SimpleNamespace(reporter=None)
    )
    (node,) = directive.run()
    return node.astext()


def test_a_fold_holds_the_story_and_a_link_to_it():
    text = see_it("stuck two samples & no way out")
    assert "<summary>See it: two samples &amp; no way out</summary>" in text
    assert 'data-preset="stuck" data-compact' in text
    assert 'href="../book/playground.html#preset-stuck"' in text
    assert interactive.figures_of(text) == ["playground"]


@pytest.mark.parametrize(
    "argument, sentence",
    [
        ("momenta words", "got 'momenta'; the playground's stories are norms, momentum,"),
        ("stuck", "stuck needs the words of its fold after the name"),
    ],
)
def test_a_story_that_is_not_there_is_refused(argument, sentence):
    with pytest.raises(DirectiveError) as refused:
        see_it(argument)
    assert sentence in refused.value.msg


def test_every_story_is_seen_in_its_chapter():
    source = interactive.PRESETS.read_text(encoding="utf-8")
    told = dict(re.findall(r"^    (\w+): \{\n      title: .*?chapter: '(.*?)'", source, re.M))
    assert list(told) == interactive.presets()
    shown = {}
    for path in NOTEBOOKS.glob("*.ipynb"):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        prose = "".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
        for story in re.findall(r"```\{see-it\} (\w+)", prose):
            # notebooks are named 04_1_... for 4.1, V_... for V
            shown[story] = re.match(r"0?(\w)(?:_(\d))?", path.stem).expand(r"\1.\2").rstrip(".")
    assert shown == told


def test_the_page_has_an_anchor_for_every_story():
    text = (fp.ROOT / "book" / "playground.md").read_text(encoding="utf-8")
    for story in interactive.presets():
        assert f'id="preset-{story}"' in text and f'href="#preset-{story}"' in text
