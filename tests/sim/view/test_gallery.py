"""Every shipped scenario has its picture in the documentation."""

import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread
from PIL import Image

from karyon.sim import kinds
from karyon.sim.outside import is_real_time
from karyon.sim.shipped import shipped_scenarios
from karyon.sim.view.gallery import FIGURE, FREQUENT, MOMENTS, shrink

ROOT = Path(__file__).parents[3]
LARGEST = 200_000  # bytes of a picture


def test_no_scenario_is_without_a_picture():
    """Each that needs no device has a moment, and a page shows it with the time in words; no others have pictures."""
    page = (ROOT / "docs/scenarios.md").read_text("utf-8")
    loaded = {name: kinds.read(name) for name in shipped_scenarios()}
    following = {name for name, one in loaded.items() if kinds.function_of(one) == kinds.CAR_FOLLOWING}
    real = {name for name in following if is_real_time(loaded[name].scenario)}
    simulated = set(loaded) - real
    assert {moment.scenario for moment in MOMENTS} == simulated
    shown = re.findall(r"\]\((view_\w+)\.png\)\n\n\*\*`([\w ]+)`\*\*, at ([\d.]+) s", page)
    expected = [(m.name, m.scenario if m.name != "view_demo" else "karyon demo", f"{m.at:g}") for m in MOMENTS]
    assert sorted(shown) == sorted(expected)
    there = {path.stem for path in (ROOT / "docs").glob("view_*.png")}
    assert there == {moment.name for moment in MOMENTS}


@pytest.mark.parametrize("name", [*(moment.name for moment in MOMENTS), f"figure_{FIGURE}"])
def test_pictures_are_small(name):
    """A page that shows many of them opens fast."""
    assert (ROOT / f"docs/{name}.png").stat().st_size < LARGEST


def test_a_palette_keeps_the_colours_that_fill_a_picture(tmp_path):
    """These do not change by a bit, and of a thousand rare ones none by more than one can see."""
    rng = np.random.default_rng(1)
    frequent = rng.integers(0, 256, (FREQUENT, 3), dtype=np.uint8)
    ramp = np.linspace([0, 32, 77], [255, 234, 70], 1024).astype(np.uint8)  # a bar of colours
    picture = np.concatenate([np.repeat(frequent, 8, axis=0), ramp]).reshape(-1, 8, 3)
    path = tmp_path / "picture.png"
    Image.fromarray(picture).save(path)
    shrink(path)
    seen = np.round(imread(path)[..., :3] * 255).astype(int).reshape(-1, 3)
    np.testing.assert_array_equal(seen[: 8 * FREQUENT], np.repeat(frequent, 8, axis=0))
    assert np.abs(seen[8 * FREQUENT :] - ramp).max() <= 8
