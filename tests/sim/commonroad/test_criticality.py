"""Measures of criticality against the values that the tests of `commonroad-crime` assert."""

import json
import os
from math import inf
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from karyon.sim import criticality
from karyon.sim.boxes import Boxes
from karyon.sim.commonroad.measures import measured

pytest.importorskip("commonroad")
DATA = Path(os.environ.get("KARYON_DATA", "")) / "commonroad_ngsim"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="KARYON_DATA has no commonroad_ngsim")
ASSERTED = 0.01  # how exactly the tests of commonroad-crime assert sums and distances; it rounds each TTC to that
STEP = 0.1  # s, of the scenario: to that commonroad-crime rounds WTTC


@needs_data
def test_all_measures_equal_the_oracle():
    """Every entry, none left out."""
    oracle = json.loads((DATA / "criticality_oracle.json").read_text())
    path, ego = DATA / f"{oracle['scenario']}.xml.gz", oracle["ego_id"]
    ahead, aside, later = measured(path, ego, 6), measured(path, ego, 7), measured(path, ego, 6, 10)
    exact = {
        "TTC_star_s": min(ahead.ttc_star, aside.ttc_star),
        "TTC_star_s_without_static_obstacle": inf,  # nobody else is there
        "TTB_s": ahead.ttb,
        "THW_s_to_6_at_0": ahead.thw,
        "THW_s_to_6_at_step10": later.thw,
        "THW_s_to_7_at_0": aside.thw,
        "WTTC_s_to_6": STEP * round(ahead.wttc / STEP),
        "TTCE_s_to_6": ahead.ttce,
        "TTCE_s_to_7": aside.ttce,
        "TET_s_6": ahead.tet,
        "TET_s_7": aside.tet,
    }
    rounded = {"TIT_6": ahead.tit, "TIT_7": aside.tit, "headway_m_to_6": ahead.headway}
    expected = {name: value for name, value in oracle.items() if name not in ("scenario", "ego_id", "source", "note")}
    assert expected.pop("THW_s_to_6_at_step10") == "2.4-10*dt"
    expected["THW_s_to_6_at_step10"] = oracle["THW_s_to_6_at_0"] - 10 * STEP
    assert exact.keys() | rounded.keys() == expected.keys()
    for name, value in exact.items():
        assert value == pytest.approx(float(expected[name]), abs=1e-9), name
    for name, value in rounded.items():
        assert abs(value - expected[name]) <= ASSERTED, name


def test_time_to_collision_is_when_the_gap_is_closed():
    """Against small steps of the motion, for gaps, speeds and accelerations of all signs."""
    draws = np.random.default_rng(1)
    gap, v = draws.uniform(1, 30, 200), draws.uniform(-8, 8, 200)
    a = draws.choice([-1.0, 1.0], 200) * draws.uniform(0.2, 3, 200)
    t = np.arange(0.0, 90.0, 1e-3)[:, None]
    closed = gap + v * t + 0.5 * a * t * t <= 0.0
    expected = np.where(closed.any(axis=0), t[closed.argmax(axis=0), 0], inf)
    assert_allclose(criticality.time_to_collision(gap, v, a), expected, atol=1.1e-3)


def test_nobody_ahead_is_never_met():
    assert criticality.time_to_collision(inf, -3.0, 0.0) == inf
    assert criticality.time_to_collision(inf, -3.0, -2.0) == inf
    assert criticality.time_to_collision(10.0, 2.0, 0.0) == inf


def test_distance_of_boxes_is_that_of_shapely():
    shapely = pytest.importorskip("shapely")
    draws = np.random.default_rng(2)
    x, y, heading, other = draws.uniform([[-9], [-9], [-3], [-3]], [[9], [9], [3], [3]], (4, 300))
    boxes = [(0.0 * x, 0.0 * y, heading, 4.5, 1.8), (x, y, other, 7.0, 2.5)]
    ours = criticality.distance(*(Boxes(a, b, np.cos(h), np.sin(h), *size) for a, b, h, *size in boxes))

    def polygon(index, box):
        a, b, h, length, width = box
        whole = shapely.box(-0.5 * length, -0.5 * width, 0.5 * length, 0.5 * width)
        turned = shapely.affinity.rotate(whole, h[index], origin=(0, 0), use_radians=True)
        return shapely.affinity.translate(turned, a[index], b[index])

    expected = [polygon(index, boxes[0]).distance(polygon(index, boxes[1])) for index in range(300)]
    assert 0.0 in expected
    assert_allclose(ours, expected, atol=1e-9)


def test_worst_time_is_when_the_discs_can_meet():
    """Head on at 10 m/s each, 40 m apart, both pushing by 4 m/s²: 20 t + 4 t² = 40 - 2 r."""
    found = criticality.worst_time_to_collision((40.0, 0.0), (-20.0, 0.0), 2.0, 8.0)
    assert 20.0 * found + 4.0 * found**2 == pytest.approx(38.0)
