import os
from pathlib import Path

import numpy as np
import pytest

from karyon.flight import tracks
from karyon.flight.tracks import Report
from karyon.sim.documents import InputError
from karyon.sim.flight import recorded

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("KARYON_DATA", ROOT / "../shared/data")) / "adsb_tracks"
SIGMA = 12.0
recordings = pytest.mark.skipif(not DATA.is_dir(), reason="recordings are not here: set KARYON_DATA")


def reports(seconds, rows=200, seed=1):
    """Healthy reports of aircraft that fly, and turn at standard rate for a while, with noise: one a second."""
    random = np.random.default_rng(seed)
    course, speed = random.uniform(0, 6.28, rows), random.uniform(20, 120, rows)
    x = y = np.zeros(rows)
    for second in range(seconds):
        turning = np.where((second > 20) & (second < 40), np.radians(3.0), 0.0)
        vx, vy = speed * np.sin(course + turning * second), speed * np.cos(course + turning * second)
        x, y = x + vx, y + vy
        noise = random.normal(0.0, SIGMA, (2, rows))
        yield Report(
            x + noise[0], y + noise[1], np.full(rows, 500.0), vx, vy, np.zeros(rows), np.full(rows, float(second))
        )


def judged(stream):
    track, found = tracks.none_yet(200), []
    for report, fresh in stream:
        track = tracks.updated(track, report, fresh, SIGMA)
        found.append(tracks.believed(track, SIGMA))
    return np.array(found)


def everywhere(second):
    return np.ones(200, dtype=bool)


def test_healthy_reports_are_believed_at_once_and_to_the_end():
    found = judged((report, everywhere(0)) for report in reports(120))
    assert found.min() >= 0.8
    assert found[-1].min() > 0.95


def test_a_repeated_position_lowers_validity_with_each_repeat():
    stream = list(reports(12))
    for second in range(6, 9):
        stream[second] = stream[second]._replace(x=stream[5].x, y=stream[5].y)
    found = judged((report, everywhere(0)) for report in stream)
    assert (np.diff(found[5:9], axis=0) < 0.0).all()
    assert (found[7] < 0.8).all() and (found[6] >= 0.8).all()
    assert (found[9] > 0.95).all()


def test_who_stands_repeats_its_position_rightly():
    still = Report(*(np.full(200, value) for value in (5.0, 6.0, 0.0, 0.1, 0.0, 0.0)), np.zeros(200))
    found = judged((still._replace(time=np.full(200, float(second))), everywhere(0)) for second in range(9))
    assert (found == 1.0).all()


def test_a_jump_is_doubted_until_it_jumps_back():
    """Time alone restores nothing, and what comes back is believed at once."""
    stream = [
        report._replace(x=report.x + 900.0) if 10 <= second < 50 else report
        for second, report in enumerate(reports(60))
    ]
    found = judged((report, everywhere(0)) for report in stream)
    assert (found[10:50] < 0.2).all()
    assert (found[51:] > 0.8).all()


def test_a_witness_ends_the_doubt():
    track = tracks.none_yet(200)
    for second, report in enumerate(reports(20)):
        shifted = report._replace(x=report.x + (900.0 if second >= 10 else 0.0))
        track = tracks.updated(track, shifted, everywhere(0), SIGMA)
    assert (tracks.believed(track, SIGMA) < 0.2).all()
    assert (tracks.believed(tracks.confirmed(track, everywhere(0)), SIGMA) > 0.8).all()


def test_a_fast_drift_is_doubted():
    stream = (report._replace(x=report.x + 40.0 * max(0, second - 10)) for second, report in enumerate(reports(40)))
    assert (judged((report, everywhere(0)) for report in stream)[-1] < 0.8).all()


@pytest.mark.parametrize("rate", [3.0, -3.0, 8.0])  # deg/s to the left
def test_how_far_an_aircraft_has_turned_is_known_and_not_overrated(rate):
    """It flies straight on for 20 s, circles for 40 s, and flies on; the noise of its velocity turns nothing."""
    random, course, track = np.random.default_rng(2), np.zeros(200), tracks.none_yet(200)
    x = y = np.zeros(200)
    for second in range(80):
        course = course + np.radians(rate) * (20 <= second < 60)
        vx, vy = (50.0 * each + random.normal(0.0, 0.5, 200) for each in (np.cos(course), np.sin(course)))
        x, y = x + vx, y + vy
        report = Report(x, y, np.full(200, 500.0), vx, vy, np.zeros(200), np.full(200, float(second)))
        track = tracks.updated(track, report, everywhere(0), SIGMA)
        if second in (19, 79):
            assert (track.turned == 0.0).all()
        if second == 59:
            share = track.turned / (40 * np.radians(rate))
            assert (share > 0.75).all() and (share < 1.05).all()


def test_what_does_not_come_changes_nothing():
    unknown = Report(*([np.full(200, np.nan)] * 7))
    stream = list(reports(10))
    found = judged([*((report, everywhere(0)) for report in stream), (unknown, ~everywhere(0))])
    assert np.array_equal(found[-1], found[-2])
    assert (judged([(unknown, ~everywhere(0))]) == 0.0).all()


@recordings
def test_positions_that_a_helicopter_repeats_lower_validity():
    """In the ambulance helicopter's track 13 to 27 % of the rows repeat the position: just those are believed less."""
    (flight,) = recorded.read(DATA / "ambulances_samu31.csv.gz")
    x, y = flight.report.x, flight.report.y
    repeated = np.concatenate([[False], (np.diff(x) == 0.0) & (np.diff(y) == 0.0)])
    found = recorded.believed(flight)
    assert 0.13 <= repeated.mean() <= 0.27
    assert (found[repeated] < 1.0).mean() > 0.99
    assert (found[~repeated] == 1.0).mean() > 0.99


@recordings
def test_an_aeroplane_raises_at_most_one_alarm_an_hour():
    (flight,) = recorded.read(DATA / "calibration_toulouse.csv.gz")
    found = recorded.believed(flight)
    alarms = np.count_nonzero((found[1:] < 0.8) & (found[:-1] >= 0.8))
    assert flight.time[-1] > 3 * 3600
    assert alarms <= flight.time[-1] / 3600
    assert (found < 0.8).mean() < 0.01
    assert "a byte has wrapped it" in flight.notes[0]
    assert "1044 of 2492 rows were filled in" in flight.notes[1]


def track(tmp_path, rows=400, latitude=47.0, longitude=8.0, east=0.0, speed=97.2, climb=600.0, jump=0):
    """One that flies north at 50 m/s and climbs at 600 ft/min, with the noise of a receiver; in a file."""
    random, path, lines = np.random.default_rng(1), tmp_path / "track.csv", [HEADER]
    for second in range(rows):
        clock = (
            f"2020-01-01 10:{(second + jump * (second > 200)) // 60:02d}:{(second + jump * (second > 200)) % 60:02d}"
        )
        where = latitude + second * 50 / 111_180 + random.normal(0, 2e-5), longitude + east * second
        place = f"{where[0]:.9f},{(where[1] + 180) % 360 - 180:.9f},{2000 + 10 * second:.0f}"
        lines.append(f"{clock},{place},{speed},{90.0 if east else 0.0},{climb}")
    path.write_text("\n".join(lines) + "\n")
    return path


HEADER = "timestamp,latitude,longitude,altitude,groundspeed,track,vertical_rate"


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"speed": 50.0}, "groundspeed in m/s?"),
        ({"speed": 180.0}, "groundspeed in km/h?"),
        ({"climb": 600.0 / 0.3048}, "altitude in m?"),
        ({"latitude": 470.0}, "expected at most 90 either way"),
        ({"jump": -150}, "the time of aircraft goes back"),
    ],
)
def test_a_recording_in_other_units_or_out_of_order_is_refused(tmp_path, settings, told):
    with pytest.raises(InputError) as error:
        recorded.read(track(tmp_path, **settings))
    assert told in str(error.value)


def test_a_jump_in_time_is_told(tmp_path):
    (flight,) = recorded.read(track(tmp_path, jump=300))
    assert flight.notes == ("the time jumps from 200 s to 501 s after its begin",)


@pytest.mark.parametrize(
    ("latitude", "longitude", "east"), [(0.0, 179.99, 0.00045), (89.5, 10.0, 0.0), (-89.9, 8.0, 0.0)]
)
def test_a_recording_crosses_the_antimeridian_and_comes_near_the_poles(tmp_path, latitude, longitude, east):
    """Its way is as long as its speed says, without a jump."""
    (flight,) = recorded.read(track(tmp_path, 100, latitude, longitude, east))
    steps = np.hypot(np.diff(flight.report.x), np.diff(flight.report.y))
    assert steps.max() < 90.0 and steps.mean() > 45.0


def test_a_recording_that_is_none_is_refused_with_all_of_its_faults(tmp_path):
    path = tmp_path / "track.csv"
    path.write_text(
        "timestamp,latitude,longitude,altitude,groundspeed,track,vertical_rate\nnow,1,2,3,4,5,6\n2020-01-01,x,2,3,4,5,6\n"
    )
    with pytest.raises(InputError) as error:
        recorded.read(path)
    assert len(error.value.faults) == 2
    path.write_text("time,latitude\n1,2\n")
    with pytest.raises(InputError, match="has no column"):
        recorded.read(path)
