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
    assert "a byte has wrapped it" in flight.notes[0]


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
