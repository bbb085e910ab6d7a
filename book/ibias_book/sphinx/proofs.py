"""Under a statement its proof, folded: ``{proof} stmt-c-3`` becomes a `<details>` with the id
``proof-c-3`` whose last line leads to the code that tests the statement.

The fold is the browser's own: it opens with the keyboard, without a script and without a network.
Part of the Sphinx extension `ibias_book.sphinx`.
"""

from __future__ import annotations

import re
from html import escape
from pathlib import Path

from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

log = logging.getLogger(__name__)
TESTED = re.compile(r"(?P<file>[\w/]+\.py) (?P<function>\w+)")
"""What `:tested:` names: a file below book/ibias_book and a function in it."""


class proof_fold(nodes.General, nodes.Element):
    """The fold; `statement` is the label of what it proves."""


class Proof(SphinxDirective):
    """``{proof} LABEL`` with the proof as content; `:tested: FILE FUNCTION` names the test."""

    required_arguments = 1
    has_content = True
    option_spec = {"tested": str}

    def run(self):
        label = self.arguments[0]
        if not self.content:
            raise self.error(f"the proof of {label} is empty; write it between the fences")
        fold = proof_fold(statement=label, ids=[f"proof-{label.removeprefix('stmt-')}"])
        self.set_source_info(fold)
        self.state.nested_parse(self.content, self.content_offset, fold)
        fold += self.tested(label)
        return [fold]

    def tested(self, label: str) -> nodes.paragraph:
        given = self.options.get("tested", "")
        named = TESTED.fullmatch(given)
        path = f"book/ibias_book/{named['file']}" if named else ""
        if not named or not defines(Path(self.env.srcdir, path), named["function"]):
            raise self.error(
                f"the proof of {label} needs :tested: with a file below book/ibias_book and a"
                f" function in it, such as 'steepest/statements/noise.py sampling_noise'; got"
                f" {given!r}"
            )
        function = nodes.literal("", named["function"])
        address = f"{repository(self.config)}/blob/main/{path}"
        link = nodes.reference("", "", function, nodes.Text(f" in {path}"), refuri=address)
        return nodes.paragraph("", "Tested by ", link, nodes.Text("."), classes=["ibias-tested"])


def defines(source: Path, function: str) -> bool:
    """Whether the file exists and has the function at its top level."""
    return source.is_file() and f"\ndef {function}(" in source.read_text(encoding="utf-8")


def repository(config) -> str:
    """The address of the repository, from the one place that names it."""
    return config.html_theme_options["repository_url"].rstrip("/")


def name(env, label: str) -> str:
    """How a reader calls the statement: "Lemma C.3"."""
    known = getattr(env, "proof_list", {}).get(label)
    if known is None:
        return ""
    numbers = env.toc_fignumbers.get(known["docname"], {}).get(known["countertype"], {})
    number = ".".join(str(part) for part in numbers.get(label, ()))
    return f"{known['realtype'].title()} {number}".strip()


def visit(translator, node):
    called = name(translator.builder.env, node["statement"])
    if not called:
        log.warning("proof of %s: there is no such statement", node["statement"], location=node)
    translator.body.append(
        f'<details class="ibias-proof" id="{escape(node["ids"][0])}">'
        f"<summary>Proof of {escape(called)}</summary>\n"
    )


def depart(translator, node):
    translator.body.append("</details>\n")


def setup(app):
    app.add_directive("proof", Proof)
    app.add_node(proof_fold, html=(visit, depart))
    app.add_css_file("statements.css")
