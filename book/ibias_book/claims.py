"""The claims ledger: what a paper says, what was computed about it, and the verdict.

A notebook calls `claim(...)` next to its evidence. The call shows a box in the notebook and leaves
a machine-readable record in the cell's output; the book turns the records into boxes on the page
and into the table of its Verdicts page, and compares them with the verdicts committed in
`book/verdicts.json`.
"""

from __future__ import annotations

import html
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

MIME = "application/vnd.ibias.claim+json"
NOT_TESTED = "not tested"
VERDICTS = (
    *("holds", "holds with a caveat", "vacuous", "contradicted", "not reproduced"),
    NOT_TESTED,
)
"""Every verdict there is, in the order in which tables and counts list them."""
KINDS = {
    "paper": "a statement of the paper",
    "ours": "a statement of ours",
    "self-check": "a self-check, which no run could have refuted",
    "expectation": "an expectation: ours, or often read into a paper",
}
"""Whose statement a claim is. The four are counted apart, in this order."""


@dataclass(frozen=True)
class Claim:
    """One row of the ledger. Texts are Markdown and may hold `$...$` mathematics."""

    id: str
    sentence: str
    where: str
    tested: str
    verdict: str
    kind: str
    because: str
    tolerance: str = ""
    caveat: str = ""

    def __post_init__(self):
        if not self.id or set(self.id) - set("abcdefghijklmnopqrstuvwxyz0123456789-"):
            raise ValueError(
                "a claim's id is made of a-z, 0-9 and '-', such as 'fig-1-full-batch'; got"
                f" {self.id!r}"
            )
        if self.verdict not in VERDICTS:
            raise ValueError(
                f"verdict {self.verdict!r} of claim {self.id!r} is none of: {', '.join(VERDICTS)}"
            )
        for field in ("sentence", "where", "tested"):
            if not getattr(self, field).strip():
                raise ValueError(f"claim {self.id!r} needs a text for {field!r}; it is empty")
        if self.kind not in KINDS:
            raise ValueError(
                f"kind {self.kind!r} of claim {self.id!r} is none of: {', '.join(KINDS)}"
            )
        if not self.because.strip():
            raise ValueError(
                f"claim {self.id!r} gives no reason for its tolerance ({self.tolerance or 'none'});"
                " pass because='...', also where none is needed"
            )
        if self.verdict == "holds with a caveat" and not self.caveat:
            raise ValueError(
                f"claim {self.id!r} holds with a caveat but does not say which; pass caveat='...'"
            )

    @property
    def slug(self) -> str:
        """The verdict as one word, for a CSS class."""
        return self.verdict.replace(" ", "-")

    def _ipython_display_(self):
        """`claim` has already shown the box: as the last value of a cell it must not show again."""


def claim(
    id: str,
    sentence: str,
    *,
    kind: str,
    where: str,
    tested: str,
    because: str,
    holds: bool | None = None,
    verdict: str | None = None,
    tolerance: str = "",
    caveat: str = "",
    otherwise: str = "not reproduced",
    without: str = "",
) -> Claim:
    """Record a claim where its evidence stands, and show its box.

    `kind` says whose statement it is (one of `KINDS`), `where` the text it stands in, with version
    and section, `because` why the tolerance is what it is, or why there is none.
    `holds` is the outcome of the computation: True gives "holds" (or "holds with a caveat" when
    `caveat` is given), False gives `otherwise`. `verdict` says the outcome outright, for instance
    "vacuous"; give one of the two.
    `without` says why the data that the claim is about are not at hand: the claim is then not
    tested, whatever other data say.

    Raises TypeError when `holds` is no truth value, ValueError when a text is missing or a verdict
    or kind is unknown.
    """
    if (holds is None) == (verdict is None):
        raise ValueError(
            f"claim {id!r} needs either holds=... (what the computation says) or verdict=..., and"
            " not both"
        )
    if verdict is None:
        verdict = _outcome(id, holds, caveat, otherwise)
    if without:
        verdict, tested, caveat = NOT_TESTED, without, ""
    made = Claim(id, sentence, where, tested, verdict, kind, because, tolerance, caveat)
    _show(made)
    return made


def _outcome(id, holds, caveat, otherwise) -> str:
    if getattr(holds, "size", 1) != 1 or not hasattr(holds, "__bool__"):
        raise TypeError(
            f"claim {id!r}: holds must be one truth value, such as bool((error < 0.1).all()); got"
            f" {type(holds).__name__}"
        )
    if not bool(holds):
        return otherwise
    return "holds with a caveat" if caveat else "holds"


def _show(made: Claim) -> None:
    from IPython.display import display

    plain = f"[{made.verdict}] {made.sentence} ({made.where})"
    display(
        {
            MIME: asdict(made),
            "text/html": box(made),
            "text/markdown": f"**{made.verdict}** — {made.sentence} ({made.where})",
            "text/plain": plain,
        },
        raw=True,
    )


def box(made: Claim) -> str:
    """The claim as an HTML fragment, for a notebook read outside the book."""
    grey = dict.fromkeys(("vacuous", NOT_TESTED), "#6e7781")
    colour = {"holds": "#1a7f37", "holds with a caveat": "#8a6100", **grey}.get(
        made.verdict, "#b42318"
    )
    lines = "".join(f"<div><b>{name}:</b> {html.escape(text)}</div>" for name, text in facts(made))
    return (
        f'<div class="ibias-claim-box" style="border-left:4px solid {colour};padding:.4em'
        f' .8em;margin:.6em 0"><div><b style="color:{colour}">{html.escape(made.verdict)}</b> —'
        f" {html.escape(made.sentence)}</div>{lines}</div>"
    )


def facts(made: Claim) -> list[tuple[str, str]]:
    """What a box lists beneath the sentence: (name, text), empty texts left out."""
    tolerance = f"{made.tolerance} ({made.because})" if made.tolerance else made.because
    rows = [
        ("This is", KINDS[made.kind]),
        ("Where", made.where),
        ("Tested", made.tested),
        ("Tolerance", tolerance),
        ("Caveat", made.caveat),
    ]
    return [(name, text) for name, text in rows if text]


def count(claims: Iterable[Claim]) -> dict[str, int]:
    """How many claims there are of each verdict, every verdict listed."""
    found = Counter(c.verdict for c in claims)
    return {verdict: found[verdict] for verdict in VERDICTS}


def by_kind(claims: Iterable[Claim]) -> dict[str, list[Claim]]:
    """The claims of each kind, every kind listed."""
    kept = list(claims)
    return {kind: [c for c in kept if c.kind == kind] for kind in KINDS}


def from_notebook(path: Path) -> list[Claim]:
    """The claims that an executed notebook file left in its outputs, in order."""
    cells = json.loads(Path(path).read_text(encoding="utf-8"))["cells"]
    outputs = (out for cell in cells for out in cell.get("outputs", ()))
    return [Claim(**out["data"][MIME]) for out in outputs if MIME in out.get("data", {})]


def expected(path: Path) -> dict[str, dict[str, tuple[str, str]]]:
    """The committed verdicts: page -> claim id -> (kind, verdict)."""
    if not Path(path).is_file():
        return {}
    kept: dict[str, dict[str, tuple[str, str]]] = {}
    for kind, pages in json.loads(Path(path).read_text(encoding="utf-8")).items():
        for page, ids in pages.items():
            kept.setdefault(page, {}).update({id: (kind, verdict) for id, verdict in ids.items()})
    return kept


def write_expected(path: Path, found: dict[str, list[Claim]]) -> None:
    """Write the verdicts found as the expected ones, kind -> page -> claim id -> verdict: a file
    made to be reviewed as a diff before it is committed.

    Raises ValueError where a claim was not tested: its verdict would be lost.
    """
    untested = [c for claims in found.values() for c in claims if c.verdict == NOT_TESTED]
    if untested:
        raise ValueError(
            f"{', '.join(c.id for c in untested)}: not tested, so their verdicts would be lost"
            f" ({untested[0].tested})"
        )
    kept: dict[str, dict[str, dict[str, str]]] = {kind: {} for kind in KINDS}
    for page, claims in sorted(found.items()):
        for c in claims:
            kept[c.kind].setdefault(page, {})[c.id] = c.verdict
    Path(path).write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def differences(
    found: dict[str, list[Claim]], wanted: dict[str, dict[str, tuple[str, str]]]
) -> list[tuple[str, str]]:
    """(page, sentence) for every verdict that changed, is new, is missing or is claimed twice; what
    was not tested for want of data changes none."""
    said: list[tuple[str, str]] = []
    owner: dict[str, str] = {}
    for page, claims in found.items():
        for c in claims:
            if c.id in owner:
                said.append(
                    (
                        page,
                        (
                            f"claim {c.id!r} is made twice, also on {owner[c.id]}; give one of them"
                            " another id"
                        ),
                    )
                )
            owner.setdefault(c.id, page)
            before = wanted.get(page, {}).get(c.id)
            if before is None:
                said.append(
                    (
                        page,
                        (
                            f"claim {c.id!r} ({c.kind}: {c.verdict}) is new; run `make verdicts`"
                            " and review book/verdicts.json"
                        ),
                    )
                )
            elif before != (c.kind, c.verdict if c.verdict != NOT_TESTED else before[1]):
                was, now = ": ".join(before), f"{c.kind}: {c.verdict}"
                said.append((page, f"claim {c.id!r} was {was!r} and is now {now!r}"))
    for page, ids in wanted.items():
        here = {c.id for c in found.get(page, [])}
        said += [
            (page, f"claim {id!r} is in book/verdicts.json but no longer made")
            for id in ids
            if id not in here
        ]
    return said
