"""Figures for the dark: the same drawing in other colours."""

import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
from ibias_book import provenance
from ibias_book.figures import style
from ibias_book.sphinx.dark import GROUND, INK, contrast, dark, for_the_dark

COLOURS = [*style.NORM_COLOURS.values(), "#000000", "#41049d", "#444444", "#767676", "#8b0000"]


@pytest.mark.parametrize("colour", COLOURS)
def test_what_is_drawn_stands_out(colour):
    # AA: 4.5 for letters, 3 for the lines that are faint on purpose
    assert contrast(for_the_dark(colour), GROUND) >= (3 if colour == style.FAINT else 4.5)


def test_grounds_and_inks_change_places():
    assert for_the_dark("#ffffff") == GROUND and for_the_dark("#000000") == INK
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast(for_the_dark("#d9d9d9"), GROUND) < 1.6  # a grid stays faint


def test_different_colours_stay_different():
    assert len({for_the_dark(c) for c in COLOURS}) == len(COLOURS)


def drawn(draw) -> str:
    fig, axes = style.canvas(1, 1)
    draw(axes[0, 0])
    return provenance._draw(fig, "fig-a")[0]


def shapes(svg):
    return re.findall(r' d="[^"]*"', svg)


def test_nothing_moves_and_nothing_stays_black():
    light = drawn(lambda ax: (ax.plot([0, 1, 2], [2, 1, 3], "k"), ax.set_title("black on white")))
    made = dark(light)
    assert shapes(made) == shapes(light) and made != light
    assert "#000000" not in made and "#ffffff" not in made


def test_a_map_keeps_its_scale_and_what_is_written_on_it():
    def draw(ax):
        ax.imshow(np.eye(2), cmap="Greens")
        ax.text(0, 0, "white", color="#fefefe")
        ax.text(0, 1, "black")
        ax.set_title("above the map")
        plt.colorbar(ax.images[0], ax=ax)

    light = drawn(draw)
    made = dark(light)
    assert "#fefefe" in made and made.count('fill="#000000"') == 2  # and not the title
    cells = re.compile(r'<g id="QuadMesh_1">.*?\n  </g>', re.S)
    assert cells.findall(made) == cells.findall(light)
