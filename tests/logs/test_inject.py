"""Failures put into a log are those of the one definition, however the log is cut; a bad option is told in full."""

import csv
from itertools import pairwise
from math import isnan, nan
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from karyon.logs import inject, inject_options, sensors_file
from karyon.logs.inject import Injected
from karyon.logs.inject_options import SHOWN, UNSHOWN
from karyon.logs.perceive import perceive
from karyon.logs.tables import Block
from karyon.perception.injection import MODES
from karyon.sim.documents import InputError, report
from karyon.sim.streams import Purpose, stream
from tests.reference import failures as reference

SECOND = reference.SECOND
SENSORS = """\
kind: signals
period: 125 ms
time: {column: t}
signals:
  a: {unit: m/s, noise: 0.1, tolerated: 1}
  b: {unit: km/h, noise: 0.1, tolerated: 1}
  c: {unit: degC, noise: 0.1, tolerated: 1}
"""
PARAMETERS = {  # of each mode that a table can show
    "offset": "amplitude: 3",
    "drift": "rate: 0.5",
    "ramp": "rate: -0.25",
    "scale": "factor: 1.5",
    "noise": "sigma: 2",
    "outlier": "amplitude: 50, probability: 30 %",
    "stuck_at": "",
    "quantisation": "step: 4",
    "saturation": "low: 2, high: 5",
    "freeze": "delay: 300 ms",
    "ghost": "distance: 4",
    "missed": "range: 150",
    "swap": "other: b",
    "delay": "delay: 0.3, sigma: 0.1",
    "jitter": "sigma: 0.2",
    "omission": "probability: 0.4, burst: 3",
    "clock_offset": "offset: -2",
    "clock_drift": "rate: 0.5",
    "replay": "delay: 0.5",
    "wrong_position": "offset: 5",
    "wrong_speed": "offset: -5",
}
ROWS = 32
TIMES = [number * SECOND // 8 for number in range(ROWS)]  # ns: exact in s, too


@pytest.fixture(scope="module")
def described(tmp_path_factory):
    path = tmp_path_factory.mktemp("sensors") / "sensors.yaml"
    path.write_text(SENSORS)
    return sensors_file.read(path)


def values(seed=1):
    """Three signals (signal, row) in eighths, with losses."""
    generator = np.random.default_rng(seed)
    drawn = generator.integers(0, 80, (3, ROWS)) / 8
    return np.where(generator.random((3, ROWS)) < 0.2, nan, drawn)


def option(mode, signal="a", onset=1.0, duration=1.5):
    signal = "t" if mode.startswith("clock") else signal
    more = f", {PARAMETERS[mode]}" if PARAMETERS[mode] else ""
    return f"signal: {signal}, mode: {mode}, onset: {onset}, duration: {duration}{more}"


def blocks(time, of_signals, cuts):
    """A log (row,), (signal, row) cut before these rows."""
    edges = [0, *sorted(cuts), len(time)]
    for begin, end in pairwise(edges):
        if begin < end:
            lines, codes = np.arange(begin, end) + 2, np.zeros((0, end - begin), dtype=np.int64)
            yield Block(begin, lines, time[begin:end], of_signals[:, begin:end], codes, ())


def put(described, *options):
    return inject_options.read(options, described, described.bound(("t", "a", "b", "c")))


def run(described, options, cuts=(), time=None, of_signals=None, seed=7):
    """Time (row,), values and labels (signal, row) of a log with failures in it, and what they did."""
    time = np.array(TIMES) / SECOND if time is None else time
    of_signals = values() if of_signals is None else of_signals
    stage = Injected(blocks(time, of_signals, cuts), put(described, *options), 3, seed)
    found = list(stage)
    joined = [np.concatenate([block.time for block, _ in found])]
    joined += [np.concatenate([block.values for block, _ in found], axis=1)]
    joined += [np.concatenate([label for _, label in found], axis=1)]
    return *joined, stage.changes


def drawn(mode, seed=7):
    """The random numbers of the first failure, one for each row."""
    generator = stream(seed, Purpose.FAULTS)
    return generator.random(ROWS) if MODES[mode].draws == "uniform" else generator.standard_normal(ROWS)


def in_window(row, onset=1.0, duration=1.5):
    return onset * SECOND <= TIMES[row] < (onset + duration) * SECOND


def told(described, *options):
    with pytest.raises(InputError) as error:
        put(described, *options)
    return report(error.value.faults, "nothing was judged")


def test_every_mode_can_be_shown_or_is_refused_with_a_reason():
    assert set(PARAMETERS) == set(SHOWN)
    assert set(SHOWN) | set(UNSHOWN) == set(MODES)


@pytest.mark.parametrize("mode", SHOWN)
@given(cuts=st.sets(st.integers(1, ROWS - 1)), seed=st.integers(0, 3), onset=st.sampled_from([0.0, 0.3, 1.0, 3.8]))
def test_it_does_not_matter_where_the_log_is_cut(described, mode, cuts, seed, onset):
    """State, delays and random numbers go on over the cuts, and bits do not differ."""
    of_signals = values(seed)
    time = np.array(TIMES) / SECOND
    time[[5, 11]] = nan, time[9]  # a stamp that is missing, one that goes back
    whole = run(described, [option(mode, onset=onset)], (), time, of_signals)
    cut = run(described, [option(mode, onset=onset)], cuts, time, of_signals)
    for one, other in zip(whole[:3], cut[:3], strict=True):
        np.testing.assert_array_equal(one, other)
    assert whole[3] == cut[3]


BY_SAMPLE = {
    "offset": lambda value, passed: value + 3.0,
    "drift": lambda value, passed: value + 0.5 * passed,
    "ramp": lambda value, passed: value - 0.25 * passed,
    "scale": lambda value, passed: value * 1.5,
    "quantisation": lambda value, passed: reference.rounded(value, 4.0),
    "saturation": lambda value, passed: sorted([2.0, value, 5.0])[1],
    "ghost": lambda value, passed: min(value, 4.0),
    "missed": lambda value, passed: 150.0,
    "wrong_position": lambda value, passed: value + 5.0,
    "wrong_speed": lambda value, passed: value - 5.0,
}


@pytest.mark.parametrize("mode", BY_SAMPLE)
def test_a_mode_of_single_samples_acts_in_its_window_alone(described, mode):
    healthy = values()
    _, found, label, _ = run(described, [option(mode)], {3, 14})
    for row in range(ROWS):
        value = float(healthy[0, row])
        lost = isnan(value)
        expected = BY_SAMPLE[mode](value, TIMES[row] / SECOND - 1.0) if in_window(row) and not lost else value
        assert found[0, row] == expected or (lost and isnan(found[0, row]))
        assert label[0, row] == (not lost and expected != value)
    np.testing.assert_array_equal(found[1:], healthy[1:])
    assert not label[1:].any()


def test_noise_and_spikes_are_those_of_the_seed(described):
    healthy = values()[0]
    inside = np.array([in_window(row) for row in range(ROWS)])
    noisy = run(described, [option("noise")])[1][0]
    np.testing.assert_array_equal(noisy, np.where(inside, healthy + 2.0 * drawn("noise"), healthy))
    uniform = drawn("outlier")
    spikes = np.where(uniform < 0.15, -50.0, np.where(uniform < 0.3, 50.0, 0.0))
    spiked = run(described, [option("outlier")])[1][0]
    np.testing.assert_array_equal(spiked, np.where(inside, healthy + spikes, healthy))
    assert not np.array_equal(noisy, run(described, [option("noise")], seed=8)[1][0], equal_nan=True)


@pytest.mark.parametrize("onset", [0.0, 1.0])
def test_stuck_is_the_last_value_before_the_onset_or_the_first_one(described, onset):
    healthy = values()[0].tolist()
    held = reference.stuck(TIMES, healthy, round(onset * SECOND))
    _, found, _, _ = run(described, [option("stuck_at", onset=onset)], set(range(ROWS)))
    for row, value in enumerate(healthy):
        expected = held if in_window(row, onset) and not isnan(value) else value
        np.testing.assert_equal(found[0, row], expected)


@pytest.mark.parametrize(("mode", "delay"), [("freeze", 0.3), ("replay", 0.5)])
def test_old_content_is_what_was_measured_a_delay_ago(described, mode, delay):
    healthy = values()[0].tolist()
    stale = reference.stale(TIMES, healthy, round(delay * SECOND))
    _, found, _, _ = run(described, [option(mode)], set(range(ROWS)))
    expected = [stale[row] if in_window(row) else healthy[row] for row in range(ROWS)]
    np.testing.assert_array_equal(found[0], expected)


def test_omission_leaves_cells_empty_as_the_channel_of_the_reference_does(described):
    healthy = values()[0]
    lost = reference.lost(drawn("omission").tolist(), 0.4, 3.0)
    _, found, label, _ = run(described, [option("omission")], set(range(ROWS)))
    gone = np.array([in_window(row) and lost[row] for row in range(ROWS)])
    np.testing.assert_array_equal(found[0], np.where(gone, nan, healthy))
    np.testing.assert_array_equal(label[0], gone & ~np.isnan(healthy))
    assert label[0].any()


def test_swap_shows_the_other_signal_where_it_has_a_sample(described):
    own, other = values()[:2]
    _, found, _, _ = run(described, [option("swap")], {9})
    for row in range(ROWS):
        swapped = in_window(row) and not isnan(own[row]) and not isnan(other[row])
        np.testing.assert_equal(found[0, row], other[row] if swapped else own[row])


@pytest.mark.parametrize("mode", ["delay", "jitter"])
def test_a_late_sample_is_in_the_first_row_at_whose_time_it_has_arrived(described, mode):
    """A mailbox beside the log: at each row what has come since the row before is taken out, the newest is kept."""
    healthy, normal = values()[0], drawn(mode)
    fixed, sigma = (0.3, 0.1) if mode == "delay" else (0.0, 0.2)
    mailbox, expected, origin = [], [], []
    for row in range(ROWS):
        late = round((fixed + sigma * min(abs(normal[row]), 6.0)) * 1e9) if in_window(row) else 0
        if not isnan(healthy[row]):
            mailbox.append((TIMES[row] + late, row))
        come = [entry for entry in mailbox if entry[0] <= TIMES[row]]
        mailbox = [entry for entry in mailbox if entry not in come]
        origin.append(max(come)[1] if come else None)
        expected.append(healthy[max(come)[1]] if come else nan)
    _, found, label, _ = run(described, [option(mode)], {4, 13, 20})
    np.testing.assert_array_equal(found[0], expected)
    own = [None if isnan(value) else row for row, value in enumerate(healthy)]
    assert label[0].tolist() == [shown != mine for shown, mine in zip(origin, own, strict=True)]


def test_a_wrong_clock_moves_the_time_stamps_of_the_rows_and_concerns_all_of_their_samples(described):
    time, found, label, _ = run(described, [option("clock_offset")], {10})
    inside = np.array([in_window(row) for row in range(ROWS)])
    np.testing.assert_array_equal(time, np.array(TIMES) / SECOND - np.where(inside, 2.0, 0.0))
    np.testing.assert_array_equal(found, values())
    np.testing.assert_array_equal(label, inside & ~np.isnan(values()))


def test_failures_act_one_after_the_other(described):
    options = [option("missed"), option("offset", onset=2.0)]
    found = run(described, options)[1][0]
    healthy = values()[0]
    for row in range(ROWS):
        one = 150.0 if in_window(row) and not isnan(healthy[row]) else healthy[row]
        np.testing.assert_equal(found[row], one + 3.0 if in_window(row, 2.0) else one)


def test_what_changed_nothing_is_told(described):
    options = [
        "signal: a, mode: saturation, onset: 0, high: 80 m/s",
        "signal: a, mode: offset, onset: 3.5, amplitude: 1",
    ]
    of_signals = np.ones((3, ROWS))
    changes = run(described, options, of_signals=of_signals)[3]
    assert list(inject.lines(changes, 0.0)) == [
        "   a   saturation put in   NO SAMPLE CHANGED: the log is as it was",
        "   a   offset put in   4 samples changed, from 3.5 to 3.9 s",
    ]


def test_every_onset_after_the_end_is_an_error_in_the_end(described):
    options = [f"signal: a, mode: offset, onset: {onset}, amplitude: 1" for onset in (3.8, 3.9, 60)]
    with pytest.raises(InputError) as error:
        run(described, options)
    assert str(error.value) == (
        "--inject signal: a, mode: offset, onset: 3.9, amplitude: 1: "
        "error: onset is after the end of the log, at 3.875 s\n"
        "     | --inject {signal: a, mode: offset, onset: 3.9, amplitude: 1}\n"
        "     |                                           ^^^\n"
        "--inject signal: a, mode: offset, onset: 60, amplitude: 1: "
        "error: onset is after the end of the log, at 3.875 s\n"
        "     | --inject {signal: a, mode: offset, onset: 60, amplitude: 1}\n"
        "     |                                           ^^"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("signal: a, mode: offset, onset: 500 ms, duration: 1 min, amplitude: 36 km/h", (10.0, 0.5, 60.0)),
        ("{signal: b, mode: offset, onset: 0.5, duration: 60, amplitude: 10 m/s}", (36.0, 0.5, 60.0)),
        ("signal: b\nmode: offset\nonset: 0.5\nduration: 60 s\namplitude: 5 km/h", (5.0, 0.5, 60.0)),
        ("signal: c, mode: offset, onset: 0.5, duration: 60, amplitude: -4", (-4.0, 0.5, 60.0)),
    ],
)
def test_numbers_are_in_the_unit_of_the_column_or_have_one(described, text, expected):
    (one,) = put(described, text)
    assert (one.failure.parameters["amplitude"], one.failure.onset, one.failure.duration) == expected


def test_a_rate_may_have_a_unit(described):
    (one,) = put(described, "signal: b, mode: drift, onset: 1, rate: 1 m/s2")
    assert one.failure.parameters["rate"] == pytest.approx(3.6, rel=1e-15)


def test_all_faults_of_all_options_are_told_at_once(described):
    options = [
        "signal: d, mode: ofset, onset: -1, amplitud: 3",
        "mod: offset, signal: a, onset: 1, amplitude: 3 kg",
    ]
    assert (
        told(described, *options)
        == """\
--inject signal: d, mode: ofset, onset: -1, amplitud: 3: error: signal is the name of a signal of this log, found d
     | --inject {signal: d, mode: ofset, onset: -1, amplitud: 3}
     |                   ^ there are a, b, c
--inject signal: d, mode: ofset, onset: -1, amplitud: 3: error: mode is the name of a failure mode, found ofset
     | --inject {signal: d, mode: ofset, onset: -1, amplitud: 3}
     |                            ^^^^^ did you mean `offset`?
--inject signal: d, mode: ofset, onset: -1, amplitud: 3: error: onset is a time from 0 s to a century, found -1
     | --inject {signal: d, mode: ofset, onset: -1, amplitud: 3}
     |                                          ^^
--inject signal: d, mode: ofset, onset: -1, amplitud: 3: error: a failure has no field `amplitud`
     | --inject {signal: d, mode: ofset, onset: -1, amplitud: 3}
     |                                              ^^^^^^^^ did you mean `amplitude`?
--inject mod: offset, signal: a, onset: 1, amplitude: 3 kg: error: a failure has no field `mod`
     | --inject {mod: offset, signal: a, onset: 1, amplitude: 3 kg}
     |           ^^^ did you mean `mode`?
5 errors, nothing was judged"""
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("signal: a, mode: offset, onset: 1", "a failure needs `amplitude`\n… ^ a finite number"),
        (
            "signal: a, mode: offset, onset: 1, amplitude: 3 kg",
            "amplitude is a finite number (m/s), found 3 kg\n… ^^^^ units: m/s km/h kn",
        ),
        (
            "signal: a, mode: omission, onset: 1, probability: 40",
            "probability is a share from 0 to 1, found 40\n… ^^ for 40 % write 0.4",
        ),
        (
            "signal: a, mode: freeze, onset: 1, delay: 0",
            "delay is a duration above 0 s and at most a day, found 0\n… ^",
        ),
        (
            "signal: a, mode: saturation, onset: 1, low: 3, high: 2",
            "high of saturation is at least `low`, which is 3.0, found 2.0\n… ^^^^^^^^^^",
        ),
        (
            "signal: a, mode: swap, onset: 1, other: aa",
            "other is the name of the signal of another object, found aa\n… ^^ there are a, b, c",
        ),
        (
            "signal: a, mode: clock_drift, onset: 1, rate: 0.1",
            "`clock_drift` befalls the clock of the log, not one signal\n"
            "… ^ all signals of a row share its time stamp: write `signal: t`",
        ),
        (
            "signal: a, mode: offset, onset: 1, amplitude: 3, vehicle: 1",
            "a failure has no field `vehicle`\n… ^^^^^^^ a log is of one vehicle: leave it out",
        ),
        (
            "[a, b]",
            "a failure is a mapping of fields, found a list of 2\n… ^^^^^^ for example signal: NAME, mode: offset, ",
        ),
    ],
)
def test_a_bad_option_says_what_is_wrong_and_what_to_do(described, text, said):
    found = told(described, text)
    message, _, hint = said.partition("\n… ")
    assert f"error: {message}" in found
    assert f"| {hint}" in " ".join(found.split())


@pytest.mark.parametrize("mode", UNSHOWN)
def test_what_a_table_cannot_show_is_refused_with_the_reason(described, mode):
    found = told(described, f"signal: a, mode: {mode}, onset: 1")
    assert f"error: `{mode}` cannot be shown in a table of rows: {UNSHOWN[mode]}" in found


@pytest.fixture
def log(tmp_path):
    """A log of three calm signals and its sensors file."""
    lines = ["t,a,b,c", *(f"{time / SECOND},{5 + row % 2 / 8},50,20" for row, time in enumerate(TIMES))]
    (tmp_path / "log.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "sensors.yaml").write_text(SENSORS)
    return tmp_path / "log.csv", tmp_path / "sensors.yaml"


def columns(path):
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [row[name] for row in rows] for name in rows[0]}


def test_labels_stand_beside_what_was_judged(log, tmp_path):
    plain, failing = tmp_path / "plain.csv", tmp_path / "failing.csv"
    perceive(*log, plain)
    outcome = perceive(*log, failing, inject=["signal: a, mode: offset, onset: 2, duration: 1, amplitude: 40"])
    before, after = columns(plain), columns(failing)
    assert list(before) == [name for name in after if not name.endswith("_fault")]
    assert after["a_fault"] == ["1" if 2 * SECOND <= time < 3 * SECOND else "0" for time in TIMES]
    assert set(after["b_fault"] + after["c_fault"]) == {"0"}
    assert {name: after[name] for name in before if name[0] == "b"} == {
        name: before[name] for name in before if name[0] == "b"
    }
    assert min(map(float, after["a_validity"])) < 0.5 <= min(map(float, before["a_validity"]))
    assert [change.samples for change in outcome.changes] == [8]


def test_nothing_is_left_where_a_failure_begins_too_late(log, tmp_path):
    with pytest.raises(InputError, match=r"after the end of the log, at 3\.875 s"):
        perceive(*log, tmp_path / "out.csv", inject=["signal: a, mode: offset, onset: 4, amplitude: 40"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log.csv", "sensors.yaml"]


def test_nothing_can_be_put_into_messages(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("rcvTime,sendTime,sender_id,pos_x,pos_y,spd_x,spd_y\n1,1,7,0,0,0,0\n")
    with pytest.raises(InputError, match="failures are put into signals, and this log has messages"):
        perceive(
            path, "veremi", Path(tmp_path / "out.csv"), inject=["signal: a, mode: offset, onset: 4, amplitude: 40"]
        )
