"""Recordings of real cars: few alarms where all is well, drift found in time, and manoeuvres that are no failure."""

import csv
import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from karyon.logs import sensors_file
from karyon.logs.judging import CALLED
from karyon.logs.learn import proposal
from karyon.perception.chain import Chain

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("KARYON_DATA", ROOT / "../shared/data"))
FROZEN = slice(21430, 21731)
"""Rows of the open SPMD files in which the car's own speed froze: a true alarm, which no label marks."""


def columns(file, names):
    """Columns of a recording (column, row)."""
    path = DATA / file
    if not path.exists():
        pytest.skip(f"no recordings in {DATA}; KARYON_DATA says where they are")
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as stream:
        rows = list(csv.DictReader(stream))
    return np.array([[float(row[name]) for row in rows] for name in names])


def low(bound, values):
    """Where validity is below CALLED; values and answer are (signal, sample, row)."""
    chain = Chain(bound.signals, bound.relations, bound.period, values.shape[2])
    steps = (chain.step(np.full(values.shape[2], at * bound.period), values[:, at]) for at in range(values.shape[1]))
    return np.stack([step.validity < CALLED for step in steps], axis=1)


def beginnings(flags):
    """Where stretches begin (sample,)."""
    return np.flatnonzero(flags & ~np.concatenate([[False], flags[:-1]]))


def delay(seen, label):
    """Samples until a failure is seen while it lasts (sample,); inf where it is not."""
    found = np.flatnonzero(seen & np.logical_and.accumulate(label))
    return found[0] if found.size else np.inf


@pytest.fixture(scope="module")
def car():
    """Low validity of a car's signals without a failure and with drifts, and where each drift is (signal, sample)."""
    signals = ("can_speed", "gps_speed", "can_accel")
    faulty = ("can_speed_mps", "gps_speed_mps", "can_accel_mps2")
    wanted = [f"clean_{name}" for name in signals], faulty, [f"fault_{name}" for name in signals]
    clean, drifting, label = (columns("spmd_sensor_faults/drift_0.4_dur20_train.csv.gz", names) for names in wanted)
    bound = sensors_file.read("spmd").bound(faulty)
    seen = low(bound, np.stack([clean, drifting], axis=2))
    return seen[:, :, 0], seen[:, :, 1], label > 0.0, bound.period


def test_a_healthy_car_raises_few_alarms(car):
    """At most 19 an hour, of any of the three."""
    clean, _, _, period = car
    alarm = clean.any(axis=0)
    alarm[FROZEN] = False
    hours = (alarm.size - (FROZEN.stop - FROZEN.start)) * period / 3600.0
    assert len(beginnings(alarm)) / hours <= 19.0


def test_a_drift_is_found_in_time(car):
    """95 of 100 within 400 ms of the first sample that it changed; the first one labelled is still exact."""
    _, drifting, label, period = car
    delays = [
        delay(drifting[signal, begin + 1 :], label[signal, begin + 1 :]) * period
        for signal in range(3)
        for begin in beginnings(label[signal])
    ]
    assert len(delays) > 500
    assert np.quantile(delays, 0.95) <= 0.4


def test_harsh_manoeuvres_are_no_failures(tmp_path):
    """Of labelled hard braking, acceleration and lane changes at most 1 in 20, by what --learn proposes."""
    file = "phone_driving/trip17_linear_accel.csv.gz"
    begin, end = columns("phone_driving/trip17_events.csv", (" inicio", " fim"))
    time, *acceleration = columns(file, ("t_s", "x", "y", "z"))
    sensors = tmp_path / "phone.yaml"
    sensors.write_text(proposal(DATA / file))
    seen = low(sensors_file.read(sensors).bound(("t_s", "x", "y", "z")), np.array(acceleration)[:, :, None])
    taken = [seen[:, (time >= first) & (time <= last)].any() for first, last in zip(begin, end, strict=True)]
    assert len(taken) > 10
    assert np.mean(taken) <= 0.05
