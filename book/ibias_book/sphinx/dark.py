"""A drawing for the dark: the same picture with its colours made for a dark page.

The two are one drawing, so they show the same data of the same run, and the second costs no
notebook any time. Greys change places, black with white; a colour keeps its hue and becomes as
light as it must be to stand out; cells of a map keep the colours of their scale.
"""

from __future__ import annotations

import colorsys
import re

GROUND = "#121212"
"""The theme's background in the dark."""
INK = "#e6e6e6"
CONTRAST = 4.5
"""Of a line or letter against the ground: what the accessibility guidelines ask of text."""
COLOUR = re.compile(r"(?<=fill: |roke: )#[0-9a-f]{6}")
PANEL = re.compile(r'<g id="axes_\d+">.*?(?=<g id="axes_|</svg>)', re.S)
CELLS = re.compile(r' <g id="QuadMesh_\d+">.*?\n  </g>', re.S)
LETTERS = re.compile(r'^   <g id="text_\d+">.*?^   </g>', re.S | re.M)
PLACE = re.compile(r"[ML(] ?(-?[\d.]+) (-?[\d.]+)")


def dark(svg: str) -> str:
    """`svg` as matplotlib writes it, for a dark page."""
    kept: list[str] = []

    def keep(drawn: str) -> str:
        kept.append(drawn)
        return f"<kept-{len(kept) - 1}/>"

    made = PANEL.sub(lambda panel: _without_map(panel[0], keep), svg)
    made = COLOUR.sub(lambda c: for_the_dark(c[0]), made)
    made = re.sub(r"<kept-(\d+)/>", lambda mark: kept[int(mark[1])], made)
    # letters in plain black name no colour
    return made.replace("<svg ", f'<svg fill="{INK}" ', 1)


def _without_map(panel: str, keep) -> str:
    """A panel whose map of colours, and what is written on it, are put aside."""
    panel = CELLS.sub(lambda cells: keep(cells[0]), panel)
    if "<image" not in panel:
        return panel
    corners = [tuple(map(float, at)) for at in PLACE.findall(panel.partition('"/>')[0])]
    (left, top), (right, bottom) = (
        map(min, zip(*corners, strict=True)),
        map(max, zip(*corners, strict=True)),
    )

    def written(letters) -> str:
        x, y = map(float, PLACE.search(letters[0][letters[0].index("translate") :]).groups())
        on_it = left <= x <= right and top <= y <= bottom
        return keep(letters[0].replace("<g ", '<g fill="#000000" ', 1)) if on_it else letters[0]

    return LETTERS.sub(written, panel)


def for_the_dark(colour: str) -> str:
    """What stands for `colour` on the dark ground."""
    rgb = _rgb(colour)
    hue, light, saturation = colorsys.rgb_to_hls(*rgb)
    if max(rgb) - min(rgb) < 0.08:
        ground, ink = _rgb(GROUND), _rgb(INK)
        return _hex(tuple(i + (g - i) * light for g, i in zip(ground, ink, strict=True)))
    if light > 0.85:  # a tint behind what is drawn
        return _hex(colorsys.hls_to_rgb(hue, 1.05 - light, saturation * 0.5))
    while contrast(_hex(colorsys.hls_to_rgb(hue, light, saturation)), GROUND) < CONTRAST:
        light += 0.01
    return _hex(colorsys.hls_to_rgb(hue, light, saturation))


def contrast(one: str, other: str) -> float:
    """The ratio of luminances, from 1 to 21, as the accessibility guidelines define it."""
    low, high = sorted(_luminance(_rgb(c)) for c in (one, other))
    return (high + 0.05) / (low + 0.05)


def _luminance(rgb) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _rgb(colour: str) -> tuple[float, ...]:
    return tuple(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))


def _hex(rgb) -> str:
    return "#" + "".join(f"{round(255 * min(max(c, 0), 1)):02x}" for c in rgb)


def only_when_seen(app, pagename, templatename, context, doctree):
    """A reader in the light fetches no drawing for the dark, nor the other way round."""
    seen = r'<img (?=[^>]*class="only-(?:dark|light)")'
    if app.builder.name == "html":  # the page that is printed needs all of them
        context["body"] = re.sub(seen, '<img loading="lazy" ', context.get("body") or "")


def setup(app):
    app.connect("html-page-context", only_when_seen)
