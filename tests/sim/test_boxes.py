"""Oriented boxes against shapely."""

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from karyon.sim.boxes import Boxes, overlap

PAIRS = 200


def boxes(rng):
    """Cars and lorries, a few metres around one place, in any direction."""
    angle = rng.uniform(0.0, 2.0 * np.pi, PAIRS)
    place = rng.normal(0.0, 4.0, (2, PAIRS))
    size = rng.uniform(0.5, 16.0, PAIRS), rng.uniform(0.3, 3.0, PAIRS)
    return Boxes(*place, np.cos(angle), np.sin(angle), *size)


def polygon(box, index):
    """One of them, as shapely has it."""
    along = np.array([box.along[index], box.across[index]])
    side = np.array([-along[1], along[0]])
    long, wide = 0.5 * box.length[index] * along, 0.5 * box.width[index] * side
    centre = np.array([box.x[index], box.y[index]])
    return shapely.Polygon([centre + long + wide, centre - long + wide, centre - long - wide, centre + long - wide])


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_two_boxes_overlap_where_their_polygons_do(seed):
    """But for those that share no more than a ten-billionth of a square metre."""
    rng = np.random.default_rng(seed)
    one, other = boxes(rng), boxes(rng)
    shared = np.array([polygon(one, pair).intersection(polygon(other, pair)).area for pair in range(PAIRS)])
    clear = (shared == 0.0) | (shared > 1e-10)
    assert (overlap(one, other)[clear] == (shared > 0.0)[clear]).all()
    assert 20 < (shared > 0.0).sum() < PAIRS - 20


def test_boxes_that_only_touch_do_not_overlap():
    """Bumper to bumper, and a hair nearer."""
    box = Boxes(np.zeros(2), np.zeros(2), np.ones(2), np.zeros(2), 4.0, 2.0)
    ahead = Boxes(np.array([4.0, 3.999]), np.zeros(2), np.ones(2), np.zeros(2), 4.0, 2.0)
    assert overlap(box, ahead).tolist() == [False, True]


def test_a_box_that_is_nowhere_overlaps_nothing():
    """A place that is no number."""
    nowhere = Boxes(np.array([np.nan]), np.zeros(1), np.ones(1), np.zeros(1), 4.0, 2.0)
    here = Boxes(np.zeros(1), np.zeros(1), np.ones(1), np.zeros(1), 4.0, 2.0)
    assert not overlap(nowhere, here).any()
