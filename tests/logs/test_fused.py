"""Abstract sensors of a log, as a user runs them: several signals as one, whoever of them lies."""

from pathlib import Path

import numpy as np
import pytest

from tests.blocks import files
from tests.logs.test_perceive import read, run

ROWS = 120
TOLERATED = 0.5


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty folder, the current one."""
    monkeypatch.chdir(tmp_path)


def truth():
    """A speed that changes as a car's does."""
    return 20.0 + 4.0 * np.sin(np.arange(ROWS) / 30.0)


def measured(offset=0.0, seed=0):
    """The speed as a sensor says it."""
    return truth() + offset + np.random.default_rng(seed).normal(0.0, 0.02, ROWS)


def judged(columns, sensors, *options):
    """The rows that the command writes of a log with these columns."""
    rows = [
        ",".join("" if np.isnan(cell) else f"{cell:.3f}" for cell in row) for row in np.stack([*columns.values()]).T
    ]
    Path("log.csv").write_text("\n".join([",".join(columns), *rows, ""]), "utf-8")
    Path("sensors.yaml").write_text(sensors, "utf-8")
    done = run("log.csv", "--sensors", "sensors.yaml", "--out", "out.csv", *options)
    assert done.exit_code == 0, done.stderr
    return read("out.csv")


def alike(count, faulty):
    """Sensors of one speed."""
    names = [f"v{each}" for each in range(count)]
    known = f"{{unit: m/s, range: [-50, 100], noise: 0.1, tolerated: {TOLERATED}}}"
    signals = ", ".join(f"{name}: {known}" for name in names)
    fused = f"{{speed: {{of: [{', '.join(names)}], faulty: {faulty}}}}}"
    return f"kind: signals\nperiod: 0.1 s\nsignals: {{{signals}}}\nfused: {fused}\n"


def lies(how, count, rng):
    """What the liars say, (liar, row)."""
    match how:
        case "each its own":
            return truth() + rng.uniform(3.0, 10.0, (count, 1)) * rng.choice([-1.0, 1.0], (count, 1))
        case "all the same":
            return np.repeat(truth()[None] + 4.0, count, axis=0)
        case "ever more":
            return truth() + 0.02 * np.arange(ROWS) * rng.choice([-1.0, 1.0], (count, 1))
        case _:
            return rng.uniform(-50.0, 100.0, (count, ROWS))


@pytest.mark.parametrize("faulty", [1, 2, 3])
@pytest.mark.parametrize("how", ["each its own", "all the same", "ever more", "at random"])
def test_no_lies_of_f_in_3f_plus_1_sources_harm(how, faulty):
    """The value stays within what is tolerated, nobody else is named, and who is far off is, where it counts at all."""
    rng, count = np.random.default_rng(faulty), 3 * faulty + 1
    said = truth() + rng.uniform(-0.1, 0.1, (count, 1)) + rng.normal(0.0, 0.02, (count, ROWS))
    liars = rng.permutation(count)[:faulty]
    said[liars] = lies(how, faulty, rng)
    rows = judged({f"v{each}": said[each] for each in range(count)}, alike(count, faulty))
    value, validity = (np.array([float(row[f"speed_{name}"]) for row in rows]) for name in ("value", "validity"))
    named = [set(row["speed_detectors"].split(";")) - {""} for row in rows]
    assert np.abs(value - truth()).max() <= TOLERATED + 0.2
    assert validity.min() > 0.9
    assert all(names <= {f"v{each}" for each in liars} for names in named)
    for liar in liars:
        counted = np.array([float(row[f"v{liar}_validity"]) > 0.0 for row in rows])
        far = np.abs(said[liar] - truth()) > 3.0 * TOLERATED
        assert all(f"v{liar}" in named[at] for at in np.flatnonzero(counted & far))


def test_more_lies_than_were_assumed_say_nothing():
    """Three speeds, all of them different: no value, no validity, and nobody is blamed."""
    rows = judged({f"v{each}": measured(5.0 * each, each) for each in range(3)}, alike(3, 1))
    assert {(row["speed_value"], row["speed_validity"], row["speed_detectors"]) for row in rows} == {("", "0", "")}


@pytest.mark.parametrize("there", [2, 1])
def test_a_log_with_too_few_of_the_signals_says_nothing(there):
    """Where the names have a number in them, and no column needs to be there."""
    signals, fused = 'signals: {"v{k}": {noise: 0.1, tolerated: 0.5}}', 'fused: {speed: {of: ["v{k}"]}}'
    sensors = f"kind: signals\nperiod: 0.1 s\n{signals}\n{fused}\n"
    rows = judged({f"v{each}": measured(seed=each) for each in range(there)}, sensors)
    assert {(row["speed_value"], row["speed_validity"], row["speed_age"]) for row in rows} == {("", "0", "inf")}


def test_a_source_that_writes_in_some_of_the_rows_is_held_meanwhile():
    """Its age is that of the abstract sensor, which rests on it; when it is silent for good, nothing rests on it."""
    slow = np.where((np.arange(ROWS) % 3 == 0) & (np.arange(ROWS) < 60), measured(), np.nan)
    sensors = alike(3, 1).replace("v2: {", "v2: {period: 0.3 s, age_limit: 1 s, ")
    rows = judged({"v0": measured(seed=1), "v1": measured(seed=2), "v2": slow}, sensors)
    assert [float(row["speed_age"]) for row in rows[3:9]] == pytest.approx([0.0, 0.1, 0.2, 0.0, 0.1, 0.2])
    assert float(rows[58]["speed_validity"]) > 0.9
    assert float(rows[80]["speed_validity"]) == 0.0  # two are left, and either of them may be wrong


def test_the_example_of_the_manual_names_the_sensor_that_lies():
    """A GPS that is wrong from the first row on, which no detector of one signal can see."""
    columns = {"t": 100.0 * np.arange(ROWS), "v_gps": measured(3.0), "can": measured(0.0, 1), "wheel": measured(0.1, 2)}
    rows = judged(columns, files("perceive.md")["three.yaml"])
    assert {row["gps.speed_detectors"] for row in rows} == {""}
    assert {row["speed_detectors"] for row in rows} == {"gps.speed"}
    assert min(float(row["speed_validity"]) for row in rows) > 0.9
    assert max(abs(float(row["speed_value"]) - wanted) for row, wanted in zip(rows, truth(), strict=True)) <= 0.5


def test_an_abstract_sensor_outlives_a_failure_that_is_put_in():
    """Labels are those of signals."""
    columns = {f"v{each}": measured(seed=each) for each in range(4)}
    put = "signal: v1, mode: offset, onset: 4, duration: 3, amplitude: 8"
    rows = judged(columns, alike(4, 1), "--inject", put)
    assert min(float(row["speed_validity"]) for row in rows) > 0.9
    assert "speed_fault" not in rows[0]
