"""An object of a radar that is handed over or comes out of nowhere: what `track` promises, against ten thousand cases.

The healthy distance is what its rate makes of it, and white noise; an object brakes and accelerates as cars do.
"""

import os
from dataclasses import replace
from math import nan, sqrt
from pathlib import Path

import numpy as np
import pyarrow.csv
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from karyon.perception.additional import SETTLING, Additional, Sample, Track
from karyon.perception.chain import Chain
from karyon.perception.claims import additional
from karyon.perception.residuals import Kind, Relation
from karyon.perception.signals import Signal
from tests.reference import detectors as reference

CASES = 10_000
PERIOD = 0.05
NOISE, RATE_NOISE = 0.1, 0.06  # of the distance against its rate, m; of the rate against the ones before it, m/s
DISTANCE = Signal("distance", noise=0.18, tolerated=2.0, age_limit=0.175, low=0.0, high=185.0)
RATE = Signal("rate", noise=RATE_NOISE, tolerated=1.0, age_limit=0.175)
CLAIM = additional("track", DISTANCE, PERIOD, NOISE)
AWAY = np.random.default_rng(3).choice([-1.0, 1.0], CASES)


class Objects:
    """Objects that go on, as many as there are cases: distance and rate as measured, one sample after the other."""

    def __init__(self, seed, rows=CASES):
        self.rng, self.rows = np.random.default_rng(seed), rows
        self.rate = self.rng.normal(0.0, 5.0, rows)
        self.distance = self.rng.uniform(20.0, 150.0, rows)
        self.acceleration = np.zeros(rows)

    def __next__(self):
        self.acceleration = 0.98 * self.acceleration + self.rng.normal(0.0, 0.2, self.rows)
        slower = self.rate + PERIOD * self.acceleration
        self.distance = self.distance + 0.5 * PERIOD * (self.rate + slower)
        self.rate = slower
        return (
            self.distance + self.rng.normal(0.0, NOISE / sqrt(2.0), self.rows),
            self.rate + self.rng.normal(0.0, RATE_NOISE / 2.5, self.rows),
        )


def sample(at, distance, rate, period=PERIOD):
    """A sample of every row; NaN: missing."""
    rows = len(distance)
    unsaid, noise, rate_noise = np.full(rows, nan), np.full(rows, NOISE), np.full(rows, RATE_NOISE)
    return Sample(np.full(rows, period * at), distance, np.isfinite(distance), unsaid, noise, rate, rate_noise)


def tracked(source, count, detector):
    """The detector after so many samples, all of which it believes."""
    for at in range(count):
        assert (detector.step(sample(at, *next(source))) == 1.0).all()
    return detector


def sizes(seed):
    """Errors from the promised amplitude on, nearer and farther."""
    return CLAIM.amplitude * np.random.default_rng(seed).uniform(1.0, 10.0, CASES) * AWAY


def test_a_hand_over_is_seen_as_soon_as_promised_and_settles_with_the_stated_number_of_samples():
    """The other object has a rate of its own; in between nothing is known."""
    source, other = Objects(1), Objects(2)
    detector = tracked(source, 30, Track(DISTANCE, PERIOD, CASES))
    turned = np.random.default_rng(5).uniform(1.0, 10.0, CASES) * AWAY
    before = next(source)
    detector.step(sample(30, *before))
    other.distance = source.distance + sizes(4) - 0.5 * PERIOD * turned
    other.rate = source.rate + turned
    assert CLAIM.time == 0.0
    assert (detector.step(sample(31, *next(other))) == 0.0).all()
    believed = [detector.step(sample(31 + k, *next(other))) for k in range(1, SETTLING + 1)]
    assert max(each.max() for each in believed[:-1]) == 0.0
    assert believed[-1].mean() > 0.999  # a sum of errors beyond the limit begins anew
    assert (detector.anew == (believed[-1] == 1.0)).all()


def test_a_ghost_in_the_distance_alone_is_seen_at_once_and_never_believed():
    """Its rate goes on: that is no other object, however long it lasts. When it ends, the old one is settled anew."""
    source, ghost = Objects(6), sizes(7)
    detector = tracked(source, 30, Track(DISTANCE, PERIOD, CASES))
    for at in range(30, 130):
        distance, rate = next(source)
        assert (detector.step(sample(at, distance + ghost, rate)) == 0.0).all()
        assert not detector.anew.any()
    for at in range(130, 130 + 3 * SETTLING):
        opinion = detector.step(sample(at, *next(source)))
    assert (opinion == 1.0).all()


def test_an_object_out_of_nowhere_is_doubted_until_it_has_settled():
    detector, source = Track(DISTANCE, PERIOD, CASES), Objects(8)
    missing = np.full(CASES, nan)
    for at in range(10):
        detector.step(sample(at, missing, missing))
    believed = np.array([detector.step(sample(10 + k, *next(source))) for k in range(SETTLING + 1)])
    assert believed[:SETTLING].max() == 0.0
    assert believed[SETTLING].mean() > 0.999
    assert not detector.anew.any()  # there was nothing to forget


def test_an_object_that_comes_from_the_end_of_the_range_is_believed_at_once():
    detector, missing = Track(DISTANCE, PERIOD, 2), np.full(2, nan)
    for at in range(10):
        detector.step(sample(at, missing, missing))
    assert detector.step(sample(10, np.array([184.0, 170.0]), np.array([-15.0, -15.0]))).tolist() == [1.0, 0.0]


def test_a_ghost_that_stands_while_its_rate_says_that_it_moves_never_settles():
    """Also out of nowhere."""
    detector, missing = Track(DISTANCE, PERIOD, CASES), np.full(CASES, nan)
    detector.step(sample(0, missing, missing))
    rate = np.random.default_rng(9).uniform(1.5, 20.0, CASES) * AWAY
    assert all((detector.step(sample(at, np.full(CASES, 30.0), rate)) == 0.0).all() for at in range(10, 200))


def test_false_alarms_are_as_rare_as_promised():
    """Ten million healthy samples of 10,000 streams; streams are independent, alarms within one need not be.

    Block bootstrap, a block being a stream: the promised rate is not below what 999 of 1,000 redrawn sets of streams
    have.
    """
    detector, source, alarms = Track(DISTANCE, PERIOD, CASES), Objects(10), np.zeros(CASES)
    source.distance += 1e6
    was_low = np.zeros(CASES, dtype=bool)
    steps = int(CLAIM.run_length) // CASES
    for at in range(steps):
        low = detector.step(sample(at, *next(source))) < 0.5
        alarms, was_low = alarms + (low & ~was_low), low
    redrawn = np.random.default_rng(11).multinomial(CASES, np.full(CASES, 1.0 / CASES), 1000) @ alarms
    assert np.quantile(redrawn, 0.001) <= steps * CASES / CLAIM.run_length


@pytest.mark.parametrize(("share", "expected"), [(0.9, 1.0), (1.1, 0.0)])
def test_what_is_seen_begins_where_the_claim_says(share, expected):
    """Without noise, at its limit: the claim adds but the noise."""
    detector, limit = Track(DISTANCE, PERIOD, 1), CLAIM.amplitude - 4.7534 * NOISE
    detector.step(sample(0, np.array([50.0]), np.zeros(1)))
    assert detector.step(sample(1, np.array([50.0 + share * limit]), np.zeros(1))) == expected


EIGHTHS = st.integers(-16, 16).map(lambda number: number / 8)
HAPPENING = st.sampled_from(["on", "on", "on", "on", "lost", "silence", "unpaired", "other", "leap", "back", "edge"])


@st.composite
def stories(draw, longest=40):
    """Samples (time, distance, rate) of a track to which much happens, in eighths: nothing is rounded."""
    now, distance, rate, leap, found = 0.0, 40.0, 1.0, 8.0, []
    for what in draw(st.lists(HAPPENING, min_size=longest, max_size=longest)):
        now += 0.125 * (5 if what == "silence" else 1)
        faster = {"other": rate + 4 * draw(EIGHTHS), "edge": -2.0}.get(what, rate)
        distance += 0.125 * (rate + faster) / 2 + draw(EIGHTHS) / 16
        distance += {"other": 8 * draw(EIGHTHS), "leap": leap, "back": -leap, "edge": 190.0 - distance}.get(what, 0.0)
        rate = faster
        found.append((now, nan if what == "lost" else distance, nan if what == "unpaired" else rate))
    return found


@given(st.lists(stories(), min_size=3, max_size=3))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_a_track_is_judged_as_its_story_tells(rows):
    """In three logs side by side, as a slow and obvious reading of all that happened says of each."""
    distance = Signal("distance", noise=0.125, tolerated=2.0, age_limit=0.375, high=185.0)
    known = {"noise": 0.125, "rate_noise": 0.25, "tolerated": 2.0, "high": 185.0, "age_limit": 0.375, "period": 0.125}
    detector, opinions = Track(distance, 0.125, 3), []
    for time, value, rate in np.array(rows).transpose(1, 2, 0):
        noise, rate_noise = np.full(3, 0.125), np.full(3, 0.25)
        given_ = Sample(time, value, np.isfinite(value), np.full(3, nan), noise, rate, rate_noise)
        opinions.append(detector.step(given_))
    assert np.array(opinions).T.tolist() == [reference.track(row, **known) for row in rows]


def chain(rows=1):
    """Distance and rate of a track, wherever it goes."""
    relation, distance = Relation(0, 1, Kind.INTEGRAL, 0, NOISE), replace(DISTANCE, low=-1e4, high=1e4)
    return Chain([distance, RATE], [relation], PERIOD, rows, additional=[Additional("track", 0, Track)])


def test_the_chain_believes_another_object_when_it_has_settled():
    """Distance and rate, both of which it would else doubt for good; the detector of tracks is named meanwhile."""
    rows = 100
    judge, one, other = chain(rows), Objects(12, rows), Objects(13, rows)
    other.distance, other.rate = one.distance + 30.0, one.rate + 10.0
    validity, named = [], []
    for at in range(200):
        first, second = next(one), next(other)
        judged = judge.step(np.full(rows, PERIOD * at), np.stack(first if at < 100 else second))
        validity.append(judged.validity)
        named.append(judged.lowered["track"][0])
    validity, named = np.array(validity), np.array(named)
    assert (validity[100 : 100 + SETTLING, 0] == 0.0).all()
    assert named[100 : 100 + SETTLING].all()
    assert (validity[102 + 2 * SETTLING :] > 0.5).mean() > 0.97


def test_the_chain_goes_on_doubting_a_distance_whose_rate_goes_on():
    judge, source = chain(100), Objects(14, 100)
    for at in range(200):
        distance, rate = next(source)
        judged = judge.step(np.full(100, PERIOD * at), np.stack([distance + 20.0 * (at >= 100), rate]))
    assert (judged.validity[0] == 0.0).all()


def scans(path):
    """Distance, rate (scan, address) and where an address was given to another object, of a real radar; and times."""
    table = pyarrow.csv.read_csv(path)
    time, address = (table[name].to_numpy() for name in ("t_s", "track_address"))
    order = np.argsort(time, kind="stable")
    time, address = time[order], address[order]
    scan = np.concatenate([[0], np.cumsum(np.diff(time) > 0.01)])  # one scan takes some ms, the next comes after 50
    column = np.unique(address, return_inverse=True)[1]
    arrays = np.full((3, scan[-1] + 1, column.max() + 1), nan)
    for place, name in enumerate(("forward_m", "rel_speed_mps", "new_track")):
        arrays[place, scan, column] = table[name].to_numpy()[order]
    times = np.bincount(scan, weights=time) / np.bincount(scan)
    return times, arrays[0], arrays[1], arrays[2] == 1.0


def test_hand_overs_of_a_real_radar_are_named_and_tracks_that_go_on_are_not():
    """comma2k19, a production radar: 131 times an address was given to another object, in 0.13 h of tracks."""
    path = Path(os.environ.get("KARYON_DATA", "")) / "comma2k19_radar/radar.csv"
    if not path.is_file():
        pytest.skip("the recording of a radar is not here")
    times, distance, rate, is_new = scans(path)
    detector = Track(DISTANCE, PERIOD, distance.shape[1])
    steps = zip(times, distance, rate, strict=True)
    named = np.array([detector.step(sample(now / PERIOD, one, other)) < 0.5 for now, one, other in steps])
    begins = named & ~np.pad(named, ((1, 0), (0, 0)))[:-1]
    was_there = sum(np.pad(np.isfinite(distance), ((ago, 0), (0, 0)))[: len(times)] for ago in (1, 2, 3)) > 0
    assert is_new.sum() == 131
    assert (named & is_new).sum() / is_new.sum() > 0.95
    assert (begins & was_there & ~is_new).sum() == 0
