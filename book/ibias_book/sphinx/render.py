"""Notebook outputs as pages: claims, and figures with their provenance.

myst-nb calls these classes while it reads a notebook (entry points `myst_nb.mime_renderers` of
pyproject.toml).
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from pathlib import Path

from docutils import nodes

from .. import claims, provenance
from ..claims import Claim
from ..figure_data import TOLERANCE
from .dark import dark
from .typeset import typeset

HTML_BUILDERS = ("html", "dirhtml", "singlehtml")
OWN_FALLBACKS = ('<div class="ibias-claim-box"', '<figure class="ibias-figure-live"')


def first(mime: str) -> list[tuple[str, str, int]]:
    """The setting by which myst-nb prefers `mime` to whatever else the output offers."""
    return [(builder, mime, 5) for builder in HTML_BUILDERS]


def content(data) -> dict:
    return json.loads(data.string) if isinstance(data.content, (str, bytes)) else data.content


def markdown(renderer, text: str, line: int | None) -> list[nodes.Node]:
    """`text` read as the page's own Markdown: mathematics, citations and references included."""
    holder = nodes.Element()
    md = renderer.renderer
    with md.current_node_context(holder):
        md.nested_render_text(text, line or 0)
    return holder.children


class ClaimMime:
    """A claim becomes a coloured box, and a row in the environment's ledger for the Verdicts
    page."""

    mime_priority_overrides = first(claims.MIME)

    @staticmethod
    def handle_mime(renderer, data, inline):
        if inline:
            return None
        if data.mime_type == "text/html" and str(data.string).startswith(OWN_FALLBACKS):
            return []  # its own MIME type stands beside it
        if data.mime_type != claims.MIME:
            return None
        made = Claim(**content(data))
        _record(renderer.renderer.sphinx_env, made)
        title = f"{made.verdict[0].upper()}{made.verdict[1:]}"
        classes = ["ibias-claim", f"verdict-{made.slug}"]
        if made.kind == "self-check" and made.verdict == "holds":  # nothing a reader must see
            title, classes = f"{title}: a self-check", [*classes, "dropdown"]
        node = nodes.admonition(classes=classes, ids=[f"claim-{made.id}"])
        link = nodes.reference(
            "", "#", internal=True, refid=f"claim-{made.id}", classes=["ibias-permalink"]
        )
        node += nodes.title(title, title, nodes.Text(" "), link)
        node += markdown(renderer, typeset(made.sentence), data.line)
        fields = nodes.field_list(classes=["ibias-claim-facts"])
        for name, text in _said(made, renderer.renderer.sphinx_env.docname):
            fields += nodes.field(
                "",
                nodes.field_name(name, name),
                nodes.field_body("", *markdown(renderer, typeset(text), data.line)),
            )
        node += fields
        return [node]


PAPERS = {"notebooks/M": "2602.16340", "notebooks/B": "2605.22644"}
FIRST = "2602.11557"
SAYS = {"paper": "The paper says", "ours": "We derive"}


def _said(made: Claim, page: str) -> list[tuple[str, str]]:
    """The facts under the heads of the book: what a paper says and where, what we derive, what we
    measure."""
    where = made.where
    if made.kind == "paper":
        paper = next((id for start, id in PAPERS.items() if page.startswith(start)), FIRST)
        version = re.search(r"\bv[123]\b", where)
        id = paper + (version[0] if version else "")
        where += f" ([arXiv:{id}](https://arxiv.org/abs/{id}))"
    heads = {"Where": SAYS.get(made.kind, "Where"), "Tested": "We measure"}
    facts = dict(claims.facts(made)) | {"Where": where}
    return [(heads.get(name, name), text) for name, text in facts.items()]


def _record(env, made: Claim) -> None:
    if not hasattr(env, "ibias_claims"):
        env.ibias_claims = {}
    env.ibias_claims.setdefault(env.docname, []).append(made)
    # {ref}`claim-...` leads to the box
    labels = env.get_domain("std")
    labels.anonlabels[f"claim-{made.id}"] = (env.docname, f"claim-{made.id}")
    labels.labels[f"claim-{made.id}"] = (env.docname, f"claim-{made.id}", made.sentence)


class FigureMime:
    """A figure shown by `provenance.show`: numbered, captioned, its data and history folded
    beneath."""

    mime_priority_overrides = first(provenance.MIME)

    @staticmethod
    def handle_mime(renderer, data, inline):
        if inline or data.mime_type != provenance.MIME:
            return None
        record = content(data)
        md = renderer.renderer
        figure = nodes.figure(
            classes=["ibias-figure"],
            align="center",
            names=[nodes.fully_normalize_name(record["id"])],
        )
        figure.line, figure.source = data.line, md.document["source"]
        md.document.note_explicit_target(figure, figure)
        figure += _picture(renderer, record)
        figure += _caption(renderer, record, data.line)
        env = md.sphinx_env
        if not hasattr(env, "ibias_figures"):
            env.ibias_figures = {}
        env.ibias_figures.setdefault(env.docname, []).append(record["id"])
        return [figure, *fold(record, env, data.cell_index)]


def _picture(renderer, record) -> list[nodes.Node]:
    """The drawing in its frame, a second time for the dark where it is one of lines and letters."""
    vector = record["image_type"] == "image/svg+xml"
    frame = (
        '<div class="ibias-frame" tabindex="0" role="group"'
        f' aria-label="{html.escape(record["id"])}"{_size(record) if vector else ""}>'
    )
    if vector:
        drawn = [(record["image"].encode(), "svg", "only-light")]
        drawn.append((dark(record["image"]).encode(), "svg", "only-dark"))
    else:
        drawn = [(base64.b64decode(record["image"]), "png", "ibias-pixels")]
    pictures = []
    for image, ending, seen in drawn:
        name = f"{record['id']}-{hashlib.sha256(image).hexdigest()[:12]}.{ending}"
        uri = renderer.write_file([name], image, overwrite=True)
        pictures.append(
            nodes.image(uri=uri, alt=record["alt"], candidates={"*": uri}, classes=[seen])
        )
    return [nodes.raw("", frame, format="html"), *pictures, nodes.raw("", "</div>", format="html")]


def _size(record) -> str:
    """Width and shape of a drawing, so that the page keeps its place before it is there."""
    box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', record["image"])
    shape = f"--figure-shape:{float(box[1]):.0f}/{float(box[2]):.0f}" if box else ""
    width = f"--figure-width:{record['width']:.1f}in" if record["width"] else ""
    return f' style="{";".join(filter(None, (width, shape)))}"'


def _caption(renderer, record, line) -> list[nodes.Node]:
    parsed = markdown(renderer, record["caption"], line)
    if not parsed or not isinstance(parsed[0], nodes.paragraph):
        return [nodes.caption("", record["caption"])]
    made = [nodes.caption(parsed[0].rawsource, "", *parsed[0].children)]
    return made + ([nodes.legend("", *parsed[1:])] if parsed[1:] else [])


def fold(record: dict, env, cell: int | None) -> list[nodes.Node]:
    """The closed <details> under a figure."""
    from ..run.parameters import parameters

    source = Path(env.doc2path(env.docname))
    settings = ", ".join(f"{k} = {v!r}" for k, v in parameters(source).items())
    where = f"{env.docname}.py" + ("" if cell is None else f", cell {cell + 1} of the notebook")
    rows = [("Made by", where), ("Parameters", settings)]
    rows += [(name.replace("_", " ").capitalize(), text) for name, text in record["facts"].items()]
    rows += [
        ("Machine", "; ".join(record["machine"].values())),
        ("Seconds", f"{record['seconds']:.3g}"),
        ("Content", f"sha256 {record['digest']}"),
        ("Make it again", f"ibias verify {record['id']}"),
        ("Agrees within", agreement(record)),
    ]
    body = "".join(f"<dt>{html.escape(k)}</dt><dd>{_code(k, v)}</dd>" for k, v in rows if v)
    opening = (
        f'<details class="ibias-provenance" id="provenance-{record["id"]}"><summary>Data, settings'
        f" and how to make {html.escape(record['id'])} again</summary><dl>{body}</dl>"
    )
    return [
        nodes.raw("", opening, format="html"),
        *downloads(record),
        nodes.raw("", "</details>", format="html"),
    ]


def agreement(record: dict) -> str:
    """The tolerance of `ibias verify` as a sentence, with its reason."""
    given = record["tolerance"] if isinstance(record["tolerance"], dict) else {}
    usual = TOLERANCE if given else record["tolerance"]
    parts = [
        f"{usual:g}, relative",
        *(f"{name} {size:g}" for name, size in given.items()),
        *(f"{name} {size:g}, absolute" for name, size in record["rounding"].items()),
    ]
    return "; ".join(parts) + (f": {record['because']}" if record["because"] else "")


def _code(name: str, text: str) -> str:
    return (
        f"<code>{html.escape(text)}</code>"
        if name in ("Make it again", "Content", "Parameters")
        else html.escape(text)
    )


def downloads(record: dict) -> list[nodes.Node]:
    """Links to the data files; Sphinx copies them into the built book and warns when one is
    missing."""
    from sphinx import addnodes

    if not record["files"]:
        return []
    line = nodes.paragraph("", "Data: ")
    for name in record["files"]:
        link = addnodes.download_reference(
            "",
            "",
            refdoc="",
            reftarget=f"/_build/figures/{name}",
            reftype="download",
            refexplicit=True,
        )
        link += nodes.literal("", name, classes=["xref", "download"])
        line += [link, nodes.Text(" ")]
    return [line]
