"""Ranges to known points: an obstructed one is found, a healthy one left alone, and validity is a probability."""

import csv
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from karyon.logs import sensors_file
from karyon.perception.ranging import OBSTRUCTED, Ranged, Ranging
from tests.perception.separation import separation

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("KARYON_DATA", ROOT / "../shared/data"))

RANGED = Ranged(noise=0.1, offset=0.1, detour=0.5, tolerated=0.4, acceleration=0.5)
ANCHORS = {
    2: np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 8.0], [0.0, 8.0]]),
    3: np.array([[0.0, 0.0, 3.0], [10.0, 0.0, 0.0], [10.0, 8.0, 3.0], [0.0, 8.0, 0.0], [5.0, 4.0, 4.0]]),
}
PERIOD = 0.1


def walk(samples, dimensions=2, seed=1, obstructed=0.0):
    """Time, place of the anchor and error of ranges to anchors in turn, and the ranges, on a way through a room."""
    rng = np.random.default_rng(seed)
    time = PERIOD * np.arange(samples)
    way = np.stack([5.0 + 3.0 * np.sin(0.2 * time), 4.0 + 2.0 * np.cos(0.15 * time), 1.0 + 0.0 * time], axis=1)
    anchors = ANCHORS[dimensions][np.arange(samples) % len(ANCHORS[dimensions])]
    distance = np.sqrt(((way[:, :dimensions] - anchors) ** 2).sum(axis=1))
    detour = np.where(rng.random(samples) < obstructed, np.abs(rng.normal(0.0, RANGED.detour, samples)), 0.0)
    error = RANGED.offset + rng.normal(0.0, RANGED.noise, samples) + detour
    return time, anchors, error, distance + error


def validity(time, anchors, ranges, ranged=RANGED):
    ranging = Ranging(ranged, anchors.shape[1])
    return np.array([ranging.step(*one) for one in zip(time, ranges, anchors, strict=True)])


@pytest.mark.parametrize("dimensions", [2, 3])
def test_a_healthy_range_is_left_alone(dimensions):
    """Of a thousand, the place once known, hardly one falls below a half."""
    time, anchors, _, ranges = walk(1000, dimensions)
    seen = validity(time, anchors, ranges)[50:]
    assert np.mean(seen < 0.5) < 0.002
    assert np.mean(seen) > 0.95


@given(size=st.floats(1.0, 20.0), at=st.integers(100, 180), seed=st.integers(0, 20))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_a_detour_is_seen_in_its_first_range(size, at, seed):
    """And the ranges to the other anchors are believed on."""
    time, anchors, _, ranges = walk(200, seed=seed)
    ranges[at] += size
    seen = validity(time, anchors, ranges)
    assert seen[at] < 0.5
    assert seen[at + 1 : at + 4].min() > 0.5


def test_an_anchor_that_stays_hidden_stays_doubted():
    """All of its ranges for ten seconds, and no other."""
    time, anchors, _, ranges = walk(300)
    is_hidden = (np.arange(300) % 4 == 1) & (np.arange(300) >= 150) & (np.arange(300) < 250)
    seen = validity(time, anchors, ranges + 1.5 * is_hidden)
    assert np.mean(seen[is_hidden] < 0.5) > 0.9
    assert np.mean(seen[60:][~is_hidden[60:]] < 0.5) < 0.03


def test_validity_is_the_probability_that_the_error_is_tolerable():
    """As many obstructed as is presumed: within 0.1 of what is observed, in each part of the scale with many ranges."""
    time, anchors, error, ranges = walk(20_000, obstructed=OBSTRUCTED)
    seen, tolerable = validity(time, anchors, ranges), np.abs(error) <= RANGED.tolerated
    for low in np.arange(0.0, 1.0, 0.1):
        of = (seen >= low) & (seen < low + 0.1 + 1e-9)
        if of.sum() > 200:
            assert np.mean(seen[of]) == pytest.approx(np.mean(tolerable[of]), abs=0.1)
    assert separation(seen, ~tolerable) > 0.95


def test_a_place_that_was_lost_is_found_again():
    """Carried elsewhere within a silence, and without one."""
    time, anchors, _, ranges = walk(400)
    for gap in (0.0, 60.0):
        later, elsewhere = time + gap * (time >= 20.0), np.array([-3.0, 5.0])
        moved = np.sqrt(((elsewhere - anchors) ** 2).sum(axis=1)) + RANGED.offset
        seen = validity(later, anchors, np.where(time >= 20.0, moved, ranges))
        assert np.mean(seen[260:] > 0.8) > 0.95


def test_nothing_is_promised_before_the_place_is_known():
    """Three places at least in a plane: until then validity is what is known of any range."""
    time, anchors, _, ranges = walk(40)
    assert np.ptp(validity(time[:2], anchors[:2], ranges[:2])) == 0.0
    same = np.repeat(anchors[:1], 40, axis=0)
    assert np.ptp(validity(time, same, ranges)) == 0.0
    assert validity(time, same, ranges)[0] < 0.97


ANYTHING = st.one_of(st.floats(), st.sampled_from([0.0, 1e300, -1e300, 5.0, 1e9]))


@given(st.lists(st.tuples(ANYTHING, ANYTHING, st.tuples(ANYTHING, ANYTHING)), min_size=1, max_size=40))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_anything_has_a_validity(rows):
    """Nothing raises; what is no number, or comes from the past, is not believed."""
    ranging, last = Ranging(RANGED, 2), -np.inf
    for time, distance, place in rows:
        seen = ranging.step(time, distance, np.array(place))
        assert 0.0 <= seen <= 1.0
        if not np.isfinite([time, distance, *place]).all() or time < last:
            assert seen == 0.0
        else:
            last = time if abs(time) < 1e10 and max(map(abs, (distance, *place))) < 1e10 else last


def test_real_ranges_are_told_apart():
    """Of a small robot in a labyrinth, with truth: separation, and validity against the share that is tolerable."""
    file = DATA / "uwb_labyrinth/uwb_range_truth.csv"
    if not file.exists():
        pytest.skip(f"no recordings in {DATA}; KARYON_DATA says where they are")
    with file.open() as stream:
        rows = [{name: float(cell) for name, cell in row.items()} for row in csv.DictReader(stream)]
    time, ranges, error = (np.array([row[name] for row in rows]) for name in ("t_s", "range_m", "error_m"))
    anchors = np.array([[row["anchor_x"], row["anchor_y"]] for row in rows])
    (beside,) = sensors_file.read("uwb").bound(tuple(rows[0])).beside
    ranged = beside.known
    seen, bad = validity(time, anchors, ranges, ranged), np.abs(error) > ranged.tolerated
    assert separation(seen, bad) >= 0.85
    for part in np.array_split(np.argsort(seen), 5):
        assert np.mean(seen[part]) == pytest.approx(1.0 - np.mean(bad[part]), abs=0.1)
