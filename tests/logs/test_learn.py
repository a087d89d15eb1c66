"""A proposal finds what a log was made of, says so in a sensors file that can be used, and leaves the rest out."""

import csv
import gzip
import io
import os
from datetime import UTC, datetime, timedelta
from math import inf, isclose, nan
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from karyon.logs import sensors_file
from karyon.logs.faults import LogError
from karyon.logs.learn import proposal
from karyon.logs.perceive import perceive

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("KARYON_DATA", ROOT / "../shared/data"))
FRESH_FILE = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=8, derandomize=True
)
"""For properties that write their input to the same file again and again."""

ROWS = 3000
PERIOD = 0.1


def log(folder, columns):
    """A log of these columns (name: values); NaN is an empty cell."""
    path = folder / "log.csv"
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    for row in zip(*columns.values(), strict=True):
        writer.writerow("" if str(cell) == "nan" else cell for cell in row)
    path.write_text(text.getvalue())
    return path


def learnt(folder, columns):
    """The proposal for such a log, as `perceive` reads it."""
    return read(folder, proposal(log(folder, columns)))


def read(folder, text):
    file = folder / "sensors.yaml"
    file.write_text(text)
    return sensors_file.read(file)


def clock(rows=ROWS, period=PERIOD):
    return [round(index * period, 6) for index in range(rows)]


def drive(rows=ROWS, delay=0.0, seed=1):
    """Speed of a car in m/s as it was `delay` samples ago: smooth, and never the same twice."""
    random = np.random.default_rng(seed)
    at = np.arange(rows) - delay
    waves = [(random.uniform(0.2, 1.0), random.uniform(60.0, 400.0), random.uniform(0.0, 6.3)) for _ in range(12)]
    return 15.0 + 2.0 * sum(size * np.sin(2.0 * np.pi * at / length + phase) for size, length, phase in waves)


def noisy(values, sigma, seed=2):
    return np.asarray(values) + np.random.default_rng(seed).normal(0.0, sigma, len(values))


# Noise and inertia


@FRESH_FILE
@given(sigma=st.sampled_from([0.01, 0.3, 7.0, 200.0]), seed=st.integers(0, 1000))
def test_the_noise_of_a_value_that_wanders_is_its_step(tmp_path, sigma, seed):
    values = np.cumsum(np.random.default_rng(seed).normal(0.0, sigma, ROWS))
    signal = learnt(tmp_path, {"t": clock(), "value": values}).signals["value"]
    assert 0.85 * sigma < signal.noise < 2.1 * sigma
    assert not signal.inertia
    assert signal.tolerated > signal.noise


@FRESH_FILE
@given(sigma=st.sampled_from([0.01, 0.3, 7.0]), seed=st.integers(0, 1000))
def test_the_noise_of_a_rate_that_wanders_is_its_step(tmp_path, sigma, seed):
    values = np.cumsum(np.cumsum(np.random.default_rng(seed).normal(0.0, sigma, ROWS)))
    signal = learnt(tmp_path, {"t": clock(), "value": values}).signals["value"]
    assert 0.85 * sigma < signal.noise < 2.1 * sigma
    assert signal.inertia


@FRESH_FILE
@given(scale=st.sampled_from([2.0**-20, 0.125, 4.0, 1024.0]))
def test_another_unit_scales_every_number(tmp_path, scale):
    values = noisy(drive(), 0.05)
    small, large = (
        learnt(tmp_path, {"t": clock(), "value": each}).signals["value"] for each in (values, scale * values)
    )
    assert large.bridged == small.bridged
    assert isclose(large.noise, scale * small.noise, rel_tol=0.11)  # two digits each
    assert large.inertia == small.inertia


def test_the_range_holds_all_that_was_seen_and_some_more(tmp_path):
    values = noisy(drive(), 0.05)
    low, high = learnt(tmp_path, {"t": clock(), "value": values}).signals["value"].range
    assert low < values.min() - 1.0 and values.max() + 1.0 < high


def test_what_is_never_negative_stays_so_but_for_its_noise(tmp_path):
    values = np.abs(noisy(drive() - 15.0, 0.05))
    low, _ = learnt(tmp_path, {"t": clock(), "value": values}).signals["value"].range
    assert -1.0 < low < 0.0


# Rest, lines, gaps


def test_rest_is_what_a_signal_returns_to_and_holds(tmp_path):
    values = noisy(drive(), 0.05)
    for begin in (500, 1500, 2500):
        values[begin : begin + 150] = -0.006
    signal = learnt(tmp_path, {"t": clock(), "value": values}).signals["value"]
    assert signal.rest == -0.006
    assert signal.bridged == 0.0


def test_a_place_that_was_left_is_no_rest(tmp_path):
    values = noisy(drive(), 0.05)
    values[:150] = 4.25
    assert learnt(tmp_path, {"t": clock(), "value": values}).signals["value"].rest is None


def test_lines_that_the_recorder_drew_are_bridged(tmp_path):
    values = noisy(drive(), 0.05)
    for begin in range(100, ROWS - 100, 200):
        values[begin : begin + 12] = np.interp(np.arange(12), [0, 11], values[[begin, begin + 11]])
    signal = learnt(tmp_path, {"t": clock(), "value": values}).signals["value"]
    assert 1.1 <= signal.bridged <= 1.5


@pytest.mark.parametrize("every", [2, 3, 10])
def test_a_sensor_that_writes_in_some_rows_only_is_learnt_at_its_own_pace(tmp_path, every):
    """As loggers write it: each sensor in rows of its own."""
    slow = noisy(drive(), 0.05)
    slow[np.arange(ROWS) % every != 1] = nan
    described = learnt(tmp_path, {"t": clock(), "fast": noisy(drive(), 0.05, 3), "slow": slow})
    assert described.signals["slow"].period == pytest.approx(every * PERIOD)
    assert described.signals["fast"].period is None
    outcome = perceive(tmp_path / "log.csv", tmp_path / "sensors.yaml", tmp_path / "out.csv")
    assert [tally.alarms for tally in outcome.tallies] == [0, 0]


def test_a_sensor_that_loses_samples_has_an_age_limit(tmp_path):
    values = noisy(drive(), 0.05)
    lossy = np.where(np.arange(ROWS) % 300 < 12, nan, values)
    slow = np.where(np.arange(ROWS) % 10 == 0, values, nan)
    signals = learnt(tmp_path, {"t": clock(), "fast": values, "lossy": lossy, "slow": slow}).signals
    assert signals["fast"].age_limit is None
    assert 1.3 <= signals["lossy"].age_limit <= 2.0
    assert signals["slow"].age_limit is None


# Time


@pytest.mark.parametrize(("unit", "factor"), [("s", 1.0), ("ms", 1e3), ("us", 1e6), ("ns", 1e9)])
@pytest.mark.parametrize("name", ["time_{unit}", "Timestamp"])
def test_the_unit_of_the_time_is_told_by_its_name_or_its_steps(tmp_path, name, unit, factor):
    stamps = [round(each * factor, 3) if unit == "s" else round(each * factor) for each in clock()]
    found = learnt(tmp_path, {name.format(unit=unit): stamps, "value": noisy(drive(), 0.05)})
    assert found.time.unit == unit
    assert found.period == PERIOD


@pytest.mark.parametrize(("unit", "factor"), [("s", 1.0), ("ms", 1e3), ("us", 1e6), ("ns", 1e9)])
def test_the_unit_of_a_time_since_1970_is_told_by_its_size(tmp_path, unit, factor):
    stamps = [(1_700_000_000 + index) * factor for index in range(ROWS)]
    stamps = stamps if unit == "s" else [int(each) for each in stamps]
    found = learnt(tmp_path, {"utc": stamps, "value": noisy(drive(), 0.05)})
    assert (found.time.unit, found.period) == (unit, 1.0)


def test_date_times_need_no_unit(tmp_path):
    begin = datetime(2026, 1, 31, 12, tzinfo=UTC)
    stamps = [(begin + timedelta(minutes=5 * index)).isoformat() for index in range(ROWS)]
    found = learnt(tmp_path, {"when": stamps, "value": noisy(drive(), 0.05)})
    assert (found.time.column, found.period) == ("when", 300.0)


def test_a_time_too_coarse_for_the_rows_is_not_used(tmp_path):
    stamps = [index // 10 for index in range(ROWS)]
    found = learnt(tmp_path, {"time": stamps, "value": noisy(drive(), 0.05)})
    assert found.time is None
    assert isclose(found.period, PERIOD, rel_tol=0.01)


def test_a_log_without_a_time_gets_a_period_that_is_called_a_guess(tmp_path):
    text = proposal(log(tmp_path, {"value": noisy(drive(), 0.05)}))
    assert read(tmp_path, text).time is None
    assert "guess: SET IT" in text


def test_the_period_of_counted_samples_follows_from_speed_and_acceleration(tmp_path):
    speed, acceleration = noisy(drive(), 0.001), noisy(np.gradient(drive()) / 0.04, 0.01, 3)
    found = learnt(tmp_path, {"epoch": range(ROWS), "speed_mps": speed, "accel_mps2": acceleration})
    assert found.time.unit == "samples"
    assert isclose(found.period, 0.04, rel_tol=0.03)


# Relations


@FRESH_FILE
@given(delay=st.floats(0.0, 40.0), seed=st.integers(0, 1000))
def test_the_later_of_two_sensors_is_compared_with_the_earlier_one(tmp_path, delay, seed):
    columns = {"early": noisy(drive(seed=seed), 0.05), "late": noisy(drive(delay=delay, seed=seed), 0.05, 3)}
    (relation,) = learnt(tmp_path, {"t": clock(), **columns}).relations
    if delay > 1.0:
        assert (relation.signal, relation.same_as) == ("late", "early")
    assert abs(relation.ahead / PERIOD - delay) < 0.5
    assert 0.05 < relation.noise < 0.2


@pytest.mark.parametrize("scale", [3.6, 1.0 / 3.6, 2.237, 100.0])
def test_the_same_quantity_in_another_unit_is_found_by_its_name(tmp_path, scale):
    """With the scale to three digits, and the shift as without one; what was learnt judges without alarms."""
    both = drive()
    columns = {"gps_speed": noisy(both[4:], 0.05), "wheel_speed": noisy(scale * both[:-4], 0.05 * scale, 3)}
    found = learnt(tmp_path, {"t": clock(len(both) - 4), **columns})
    (relation,) = found.relations
    assert (relation.signal, relation.same_as) == ("wheel_speed", "gps_speed")
    assert relation.scale == pytest.approx(scale, rel=0.02)
    assert relation.ahead == pytest.approx(4 * found.period, abs=0.5 * found.period)
    assert relation.noise <= 3.0 * 0.05 * scale * 2.0**0.5


@pytest.mark.parametrize("scale", [0.5, 2.0, -1.0])
def test_another_scale_is_another_quantity(tmp_path, scale):
    columns = {"one": noisy(drive(), 0.05), "other": noisy(scale * drive(), 0.05, 3)}
    assert not learnt(tmp_path, {"t": clock(), **columns}).relations


def test_sensors_of_different_things_are_not_related(tmp_path):
    columns = {"one": noisy(drive(), 0.05), "other": noisy(drive(seed=9), 0.05, 3)}
    assert not learnt(tmp_path, {"t": clock(), **columns}).relations


# Events


def leaping(column, *samples, size=2.0):
    """The column, on another level from each of the samples on."""
    column = column.copy()
    for sample in samples:
        column[sample:] += size
    return column


def test_what_leaps_together_is_proposed_for_a_person_to_decide(tmp_path):
    """As a comment: the log cannot tell an event from the failure of a part that both share."""
    humid, warm = leaping(noisy(drive(), 0.05), 900, 2000), leaping(noisy(drive(seed=9), 0.05, 3), 900, 2000, size=-3.0)
    told = proposal(log(tmp_path, {"t": clock(), "humid": humid, "warm": warm}))
    assert not read(tmp_path, told).events
    assert "#   - [humid, warm]                 # in 4 of the 4 samples that leap" in told
    taken = read(tmp_path, told.replace("# events:", "events:").replace("#   - [", "  - ["))
    assert taken.events == (("humid", "warm"),)


def test_what_leaps_apart_is_not(tmp_path):
    humid, warm = leaping(noisy(drive(), 0.05), 900, 2000), leaping(noisy(drive(seed=9), 0.05, 3), 1200, 2100)
    assert "leapt" not in proposal(log(tmp_path, {"t": clock(), "humid": humid, "warm": warm}))


def test_an_event_is_no_noise(tmp_path):
    """Of forty leaps that come together, none makes the noise larger."""
    at = range(500, 2500, 50)
    columns = {"humid": noisy(drive(), 0.05), "warm": noisy(drive(seed=9), 0.05, 3)}
    calm = learnt(tmp_path, {"t": clock(), **columns}).signals["warm"].noise
    leapt = {name: leaping(column, *at) for name, column in columns.items()}
    assert learnt(tmp_path, {"t": clock(), **leapt}).signals["warm"].noise <= 1.5 * calm
    alone = learnt(tmp_path, {"t": clock(), "warm": leapt["warm"]}).signals["warm"].noise
    assert alone > 2.0 * calm


@pytest.mark.parametrize("delay", [3.0, 14.4])
def test_an_acceleration_behind_a_speed_is_its_rate(tmp_path, delay):
    late = drive(delay=delay)
    columns = {"speed": noisy(drive(), 0.005), "accel": noisy(np.gradient(late) / PERIOD, 0.02, 3)}
    (relation,) = learnt(tmp_path, {"t": clock(), **columns}).relations
    assert (relation.signal, relation.rate_of) == ("accel", "speed")
    assert abs(relation.ahead / PERIOD - delay) < 0.5
    assert relation.accuses


def test_a_speed_behind_an_acceleration_is_its_integral(tmp_path):
    late = drive(delay=8.0)
    columns = {"speed": noisy(late, 0.005), "accel": noisy(np.gradient(drive()) / PERIOD, 0.02, 3)}
    (relation,) = learnt(tmp_path, {"t": clock(), **columns}).relations
    assert (relation.signal, relation.integral_of) == ("speed", "accel")
    assert abs(relation.ahead / PERIOD - 8.0) < 0.5


# The file


def test_what_is_no_signal_is_left_out_and_named(tmp_path):
    columns = {
        "t": clock(),
        "value": noisy(drive(), 0.05),
        "constant": [4.5] * ROWS,
        "is_on": [index % 2 for index in range(ROWS)],
        "gear": [index // 50 % 6 for index in range(ROWS)],
        "vehicle_id": [index * 7919 % 1000 for index in range(ROWS)],
        "driver": ["Ann"] * ROWS,
        "empty": [nan] * ROWS,
        "row_count": range(ROWS),
    }
    text = proposal(log(tmp_path, columns))
    assert set(read(tmp_path, text).signals) == {"value"}
    for name in ("constant", "is_on", "gear", "vehicle_id", "driver", "empty", "row_count"):
        assert f"# left out: {name}: " in text


@FRESH_FILE
@given(name=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12).map(str.strip))
def test_a_name_is_quoted_where_it_has_to_be(tmp_path, name):
    values = noisy(drive(400), 0.05)
    assert "value" in learnt(tmp_path, {"t": clock(400), "value": values, f"_{name}": noisy(values, 0.05, 4)}).signals


@pytest.mark.parametrize("name", ["yes", "null", "1", "a: b", "# c", "'", '"', "é", "a,b", "- d", "{e}", "", "{k}"])
def test_awkward_names_are_read_back(tmp_path, name):
    found = learnt(tmp_path, {"t": clock(400), "value": noisy(drive(400), 0.05), name: noisy(drive(400), 0.05, 4)})
    assert set(found.signals) == {"value", name} - {"", "{k}"}


def test_a_healthy_log_raises_few_alarms(tmp_path):
    late = drive(20000, delay=14.4)
    columns = {
        "t": clock(20000),
        "gps_speed": noisy(drive(20000), 0.02),
        "can_speed": np.round(noisy(late, 0.01, 3), 2),
        "accel": noisy(np.gradient(late) / PERIOD, 0.05, 4),
    }
    path = log(tmp_path, columns)
    (tmp_path / "sensors.yaml").write_text(proposal(path))
    outcome = perceive(path, tmp_path / "sensors.yaml", tmp_path / "judged.csv")
    assert all(tally.alarms <= 4 for tally in outcome.tallies)


def test_a_million_rows_are_enough(tmp_path, monkeypatch):
    monkeypatch.setattr("karyon.logs.learn_columns.ROWS_MAX", 1000)
    text = proposal(log(tmp_path, {"t": clock(), "value": noisy(drive(), 0.05)}))
    assert "the first 1000 rows" in text
    assert read(tmp_path, text).period == PERIOD


@pytest.mark.parametrize("columns", [{"t": clock(), "driver": ["Ann"] * ROWS}, {"t": clock(9), "v": clock(9)}])
def test_a_log_without_a_signal_is_refused(tmp_path, columns):
    with pytest.raises(LogError, match="no column that could be a signal"):
        proposal(log(tmp_path, columns))


def test_a_fault_of_the_log_is_told_in_its_line(tmp_path):
    values = list(noisy(drive(), 0.05))
    path = log(tmp_path, {"t": clock(), "value": values})
    path.write_text(path.read_text() + "400.0\n")
    with pytest.raises(LogError, match=f":{ROWS + 2}:"):
        proposal(path)


# Real cars


def spmd():
    """A log with the three columns without faults of a car of the Safety Pilot Model Deployment."""
    file = DATA / "spmd_sensor_faults/bias_0.5_dur10_train.csv.gz"
    if not file.exists():
        pytest.skip(f"no recordings in {DATA}; KARYON_DATA says where they are")
    with gzip.open(file, "rt") as lines:
        rows = list(csv.DictReader(lines))
    return {name: [row[name] for row in rows] for name in ("epoch", *CLEAN)}


CLEAN = ("clean_can_speed", "clean_gps_speed", "clean_can_accel")


def test_a_real_car_shows_its_shift_and_which_signal_is_the_rate(tmp_path):
    path = log(tmp_path, spmd())
    found = read(tmp_path, proposal(path))
    same, rate = found.relations
    assert found.time.unit == "samples"
    assert 0.09 < found.period < 0.105
    assert (same.signal, same.same_as) == ("clean_can_speed", "clean_gps_speed")
    assert (rate.signal, rate.rate_of) == ("clean_can_accel", "clean_gps_speed")
    assert abs(same.ahead / found.period - 15.0) < 1.0
    assert abs(rate.ahead / found.period - 14.5) < 1.0
    assert [signal.inertia for signal in found.signals.values()] == [True, True, False]
    outcome = perceive(path, tmp_path / "sensors.yaml", tmp_path / "judged.csv")
    hours = outcome.rows * found.period / 3600.0
    assert max((tally.alarms / hours for tally in outcome.tallies), default=inf) < 20.0


@pytest.mark.parametrize(
    "pattern", ["comma2k19_radar/*speed.csv", "comma2k19_radar/acc*", "smartloc_gnss/odo*", "skab/valve*", "nab/*.csv"]
)
def test_any_real_log_of_signals_gets_a_file_that_can_be_used(tmp_path, pattern):
    files = sorted(DATA.glob(pattern))
    if not files:
        pytest.skip(f"no recordings in {DATA}; KARYON_DATA says where they are")
    for file in files:
        assert read(tmp_path, proposal(file)).signals
