"""CAMs: what of a number arrives, and when one is due, on made-up and on real drives."""

import os
from math import inf, nan
from pathlib import Path

import numpy as np
import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from karyon.cooperation import cam
from tests.reference.cam import Vehicle

DATA = Path(os.environ.get("KARYON_DATA", Path(__file__).parents[3] / "shared" / "data"))
TRACE = DATA / "gnss_cam_trace" / "sampletrace.csv.gz"
ELEMENTS = [cam.LATITUDE, cam.LONGITUDE, cam.HEADING, cam.SPEED, cam.ACCELERATION, cam.LENGTH, cam.WIDTH, cam.INTENDED]


@given(element=st.sampled_from(ELEMENTS), share=st.floats(0.0, 1.0))
def test_a_number_in_range_arrives_to_half_a_step(element, share):
    """And what has arrived arrives again as it is."""
    value = (element.low + share * (element.high - element.low)) / element.per_unit
    arrived = element.quantised(value)
    assert abs(arrived - value) <= 0.5000001 / element.per_unit
    assert element.quantised(arrived) == arrived


@pytest.mark.parametrize("element", ELEMENTS)
def test_what_is_not_known_stays_unknown(element):
    assert (element.coded([nan, inf, -inf]) == element.unavailable).all()
    assert np.isnan(element.value([element.unavailable, element.low - 1, 2**40])).all()


@pytest.mark.parametrize(
    ("element", "value", "code"),
    [
        (cam.SPEED, 0.014, 1),
        (cam.SPEED, 163.82, 16_382),
        (cam.SPEED, 400.0, 16_382),
        (cam.ACCELERATION, -16.04, -160),
        (cam.ACCELERATION, -99.0, -160),
        (cam.ACCELERATION, 16.2, 160),
        (cam.HEADING, 359.94, 3599),
        (cam.HEADING, 359.96, 0),
        (cam.HEADING, -90.0, 2700),
        (cam.LATITUDE, -90.0, -900_000_000),
        (cam.LATITUDE, 90.0000002, 900_000_001),
        (cam.LONGITUDE, -180.0000002, 1_800_000_001),
        (cam.LENGTH, 4.53, 45),
        (cam.LENGTH, 0.0, 1),
        (cam.LENGTH, 110.0, 1022),
        (cam.WIDTH, 9.0, 61),
    ],
)
def test_codes_at_the_ends_are_those_of_the_standard(element, value, code):
    """ETSI TS 102 894-2: the last code for all beyond; of a place beyond the earth it is said that it is not known."""
    assert element.coded(value) == code


def test_a_speed_has_a_direction():
    assert cam.speed(np.array([-3.216, 3.216, 0.0])).tolist() == [-3.22, 3.22, 0.0]
    assert cam.direction(np.array([-3.2, 0.0, nan])).tolist() == [cam.BACKWARD, cam.FORWARD, cam.DIRECTION_UNKNOWN]


@given(time=st.integers(0, 2**42), late=st.integers(-32_000, 32_000))
def test_the_time_of_generation_is_found_again_within_half_a_minute(time, late):
    """Its 16 bits wrap every 65.536 s."""
    assert 0 <= cam.delta_time(time) <= 65_535
    assert cam.time_of(cam.delta_time(time), time + late) == time


@given(seed=st.integers(0, 2**32 - 1), least=st.sampled_from([100, 200, 1000]))
@settings(max_examples=60, deadline=None)
def test_it_is_due_when_the_slow_reference_sends(seed, least):
    """Five vehicles that stand, drive, turn and brake; looked at 10 to 50 times a second."""
    rng = np.random.default_rng(seed)
    vehicles = [Vehicle() for _ in range(5)]
    rules = cam.Generation.of(5)
    position, heading, speed, now = np.zeros((2, 5)), rng.random(5) * 360.0, rng.choice([0.0, 3.0, 30.0], 5), 0
    for _ in range(80):
        step = int(rng.integers(20, 101))
        now += step
        speed = np.maximum(0.0, speed + rng.choice([0.0, 0.2, -1.0], 5) * (rng.random(5) < 0.3))
        heading = (heading + rng.choice([0.0, 1.5, -7.0], 5) * (rng.random(5) < 0.2)) % 360.0
        position = position + speed * step / 1000.0 * np.stack([np.sin(heading), np.cos(heading)])
        states = zip(*position.tolist(), heading.tolist(), speed.tolist(), strict=True)
        expected = [one.look(now, *state, least) for one, state in zip(vehicles, states, strict=True)]
        assert rules.due(now, position, heading, speed, least).tolist() == expected


def test_what_is_not_finite_triggers_nothing():
    """A receiver without a fix sends once a second all the same."""
    rules, unknown = cam.Generation.of(1), np.array([nan])
    sent = [bool(rules.due(now, np.full((2, 1), inf), unknown, unknown)[0]) for now in range(0, 3001, 100)]
    assert np.flatnonzero(sent).tolist() == [0, 10, 20, 30]


def test_who_has_moved_says_so_three_more_times_as_often():
    """T_GenCam follows the last interval that a move has triggered, for N_GenCam messages."""
    rules, still = cam.Generation.of(1), np.zeros(1)
    sent = []
    for now in range(0, 6001, 100):
        speed = np.array([0.0 if now < 300 else 1.0])
        if rules.due(now, np.zeros((2, 1)), still, speed)[0]:
            sent.append(now)
    assert sent == [0, 300, 600, 900, 1200, 2200, 3200, 4200, 5200]


@pytest.mark.skipif(not TRACE.exists(), reason=f"no {TRACE}; KARYON_DATA says where recordings are")
def test_real_cars_send_by_the_rules():
    """Three recorded drives: as the reference does, and no change beyond a threshold is left untold."""
    table = pandas.read_csv(TRACE)
    assert table.agent_id.nunique() == 3
    for _, drive in table.groupby("agent_id"):
        now = np.rint(drive.timeStamp_posix.to_numpy() * 1000.0).astype(np.int64)
        place = (drive.latitude_deg.to_numpy(), drive.longitude_deg.to_numpy())
        position = cam.local(*place, (place[0][0], place[1][0]))
        heading, speed = drive.heading_deg.to_numpy(), drive.speed_ms.to_numpy()
        rules, slow, sent = cam.Generation.of(1), Vehicle(), []
        for at, moment in enumerate(now):
            state = position[:, at : at + 1], heading[at : at + 1], speed[at : at + 1]
            if rules.due(moment, *state)[0]:
                sent.append(at)
            slow.look(int(moment), *position[:, at].tolist(), float(heading[at]), float(speed[at]))
        assert now[sent].tolist() == [each[0] for each in slow.sent]
        intervals, row = np.diff(now[sent]), np.diff(now).max()
        assert intervals.min() >= 100
        assert intervals.max() < 1000 + row
        assert len(sent) < len(now)
        last = np.array(sent)[np.searchsorted(sent, np.arange(len(now)), side="right") - 1]
        told_in_time = now - now[last] < 100
        away = np.hypot(*(position - position[:, last]))
        assert (told_in_time | ((away <= 4.0) & (np.abs(speed - speed[last]) <= 0.5))).all()
