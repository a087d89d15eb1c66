"""One table of colours, whose levels are told apart by the colour-blind and in grey print."""

import re
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest

import karyon
from karyon.sim.view.colours import DARK, LIGHT

PALETTES = pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
SEEN = {  # linear RGB as it is seen without one kind of cones [Machado et al. 2009, severity 1]
    "all": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
XYZ = np.array(
    [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
)  # of sRGB [IEC 61966-2-1]


def linear(colour):
    share = np.array(colour) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def lab(colour, cones="all"):
    """CIELAB of a colour as it is seen with these cones."""
    xyz = XYZ @ np.clip(SEEN[cones] @ linear(colour), 0, 1) / XYZ.sum(axis=1)
    root = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * root[1] - 16, 500 * (root[0] - root[1]), 200 * (root[1] - root[2])])


@PALETTES
def test_lightness_rises_with_the_level(palette):
    """By steps that are seen side by side in grey, with no digit on them."""
    lightness = [lab(colour)[0] for colour in palette.levels]
    assert min(after - before for before, after in pairwise(lightness)) > 12


@PALETTES
@pytest.mark.parametrize("cones", SEEN)
def test_levels_are_far_apart_for_everybody(palette, cones):
    """Any two of them by 15 and more in CIELAB; 2 can just be seen."""
    seen = [lab(colour, cones) for colour in palette.levels]
    apart = [np.linalg.norm(one - other) for one, other in product(seen, seen) if one is not other]
    assert min(apart) > 15


@PALETTES
def test_what_is_written_on_a_level_can_be_read(palette):
    """With the contrast that WCAG 2.2 demands of small text; also what is said in a colour, on its paper."""
    written = [*zip(palette.levels, palette.on_levels, strict=True), (palette.no_level, palette.ground)]
    written += [(palette.panel, colour) for colour in (palette.ink, palette.faint, palette.danger)]
    for ground, ink in written:
        low, high = sorted(XYZ[1] @ linear(colour) for colour in (ground, ink))
        assert (high + 0.05) / (low + 0.05) >= 4.5


def test_no_other_module_has_colours_of_its_own():
    """One that differs would have the same thing look in two ways."""
    package = Path(karyon.__file__).parent
    own = {path.name for path in package.rglob("*.py") if re.search(r"\"#[0-9a-fA-F]{6}\"", path.read_text("utf-8"))}
    assert own == {"colours.py"}
