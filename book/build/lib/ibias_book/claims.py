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
VERDICTS = ("holds", "holds with a caveat", "vacuous", "contradicted", "not reproduced")
"""Every verdict there is, in the order in which tables and counts list them."""


@dataclass(frozen=True)
class Claim:
    """One row of the ledger. Texts are Markdown and may hold `$...$` mathematics."""

    id: str
    sentence: str
    where: str
    tested: str
    verdict: str
    tolerance: str = ""
    because: str = ""
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
        if self.tolerance and not self.because:
            raise ValueError(
                f"claim {self.id!r} states the tolerance {self.tolerance!r} without a reason; pass"
                " because='...'"
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
    where: str,
    tested: str,
    holds: bool | None = None,
    verdict: str | None = None,
    tolerance: str = "",
    because: str = "",
    caveat: str = "",
    otherwise: str = "not reproduced",
) -> Claim:
    """Record a claim where its evidence stands, and show its box.

    `holds` is the outcome of the computation: True gives "holds" (or "holds with a caveat" when
    `caveat` is given), False gives `otherwise`. `verdict` says the outcome outright, for instance
    "vacuous"; give one of the two.

    Raises TypeError when `holds` is no truth value, ValueError when a text is missing or a verdict
    is unknown.
    """
    if (holds is None) == (verdict is None):
        raise ValueError(
            f"claim {id!r} needs either holds=... (what the computation says) or verdict=..., and"
            " not both"
        )
    if verdict is None:
        verdict = _outcome(id, holds, caveat, otherwise)
    made = Claim(id, sentence, where, tested, verdict, tolerance, because, caveat)
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
    colour = {"holds": "#1a7f37", "holds with a caveat": "#8a6100", "vacuous": "#6e7781"}.get(
        made.verdict, "#b42318"
    )
    rows = [
        ("Where", made.where),
        ("Tested", made.tested),
        ("Tolerance", tolerance_text(made)),
        ("Caveat", made.caveat),
    ]
    lines = "".join(f"<div><b>{name}:</b> {html.escape(text)}</div>" for name, text in rows if text)
    return (
        f'<div class="ibias-claim-box" style="border-left:4px solid {colour};padding:.4em'
        f' .8em;margin:.6em 0"><div><b style="color:{colour}">{html.escape(made.verdict)}</b> —'
        f" {html.escape(made.sentence)}</div>{lines}</div>"
    )


def tolerance_text(made: Claim) -> str:
    """Tolerance and its reason as one sentence, or nothing."""
    return f"{made.tolerance} ({made.because})" if made.tolerance else made.because


def count(claims: Iterable[Claim]) -> dict[str, int]:
    """How many claims there are of each verdict, every verdict listed."""
    found = Counter(c.verdict for c in claims)
    return {verdict: found[verdict] for verdict in VERDICTS}


def from_notebook(path: Path) -> list[Claim]:
    """The claims that an executed notebook file left in its outputs, in order."""
    cells = json.loads(Path(path).read_text(encoding="utf-8"))["cells"]
    outputs = (out for cell in cells for out in cell.get("outputs", ()))
    return [Claim(**out["data"][MIME]) for out in outputs if MIME in out.get("data", {})]


def expected(path: Path) -> dict[str, dict[str, str]]:
    """The committed verdicts: page -> claim id -> verdict."""
    return json.loads(Path(path).read_text(encoding="utf-8")) if Path(path).is_file() else {}


def write_expected(path: Path, found: dict[str, list[Claim]]) -> None:
    """Write the verdicts found as the expected ones: a file made to be reviewed as a diff before it
    is committed."""
    pages = {
        page: {c.id: c.verdict for c in claims} for page, claims in sorted(found.items()) if claims
    }
    Path(path).write_text(json.dumps(pages, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def differences(
    found: dict[str, list[Claim]], wanted: dict[str, dict[str, str]]
) -> list[tuple[str, str]]:
    """(page, sentence) for every verdict that changed, is new, is missing or is claimed twice."""
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
                            f"claim {c.id!r} ({c.verdict}) is new; run `make verdicts` and review"
                            " book/verdicts.json"
                        ),
                    )
                )
            elif before != c.verdict:
                said.append((page, f"claim {c.id!r} was {before!r} and is now {c.verdict!r}"))
    for page, claims in wanted.items():
        here = {c.id for c in found.get(page, [])}
        said += [
            (page, f"claim {id!r} is in book/verdicts.json but no longer made")
            for id in claims
            if id not in here
        ]
    return said
