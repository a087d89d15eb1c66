"""Each fault changes what it should, when it should, where it should, and counts what it changed.

The oracle is a list of samples of one sensor and a few lines of plain Python per mode.
"""

from itertools import groupby, pairwise
from math import isnan, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from karyon.perception.following import OWN
from karyon.perception.received import MESSAGE
from karyon.perception.sensors import Samples
from karyon.sim.components import Components
from karyon.sim.engine import Simulation
from karyon.sim.faults import Injector, placed
from karyon.sim.run import simulate, trajectory
from karyon.sim.scenario import read

MS = 1_000_000
SECOND = 1000 * MS
TICK = 50 * MS
PERIODS = dict.fromkeys((*OWN, "lead.message"), TICK) | {"own.position": 2 * TICK, "lead.message": 2 * TICK}
ONSET, END = 1.0, 2.5  # s
ROWS = 3  # followers; the fault is on vehicle 2, row 1
ROW = 1


def fault(signal, mode, vehicle=2, onset=ONSET, **parameters):
    entry = {"vehicle": vehicle, "signal": signal, "mode": mode, "onset": onset, "duration": END - onset, **parameters}
    return "{" + ", ".join(f"{name}: {value}" for name, value in entry.items()) + "}"


def scenario(*faults, seed=5):
    return read("acc_profile", ["vehicles=4", f"faults=[{', '.join(faults)}]"], seed).scenario


def clean_value(signal, row, now):
    """A value that no two instants and no two rows share."""
    return 30.0 + 5.0 * np.sin(now / SECOND + row) + len(signal) + 0.001 * row


def clean(signal, ticks):
    """(time, value) of every sample of the sensor in row `ROW`, taken every period."""
    return [
        (now, clean_value(signal, ROW, now))
        for now in (tick * TICK for tick in range(ticks))
        if now % PERIODS[signal] == 0
    ]


def injected(signal, scenario, ticks=80):
    """What arrives at row `ROW`, as (now, time, value); other rows and signals must be left alone."""
    injector, arrived = Injector(placed([scenario]), PERIODS), []
    message = signal.startswith("lead.message")
    base = "lead.message" if message else signal
    names = MESSAGE if message else OWN
    index = (MESSAGE.index(signal.removeprefix("lead.message.")) if "message." in signal else 0) if message else None
    index = OWN.index(signal) if index is None else index
    for now in (tick * TICK for tick in range(ticks)):
        due = now % PERIODS[base] == 0
        value = np.array([[clean_value(base if message else name, row, now) for row in range(ROWS)] for name in names])
        shape = value.shape
        samples = Samples(value.copy(), np.full(shape, now), np.full(shape, due))
        samples = injector.message(now, samples) if message else injector.own(now, samples)
        untouched = np.ones(shape, dtype=bool)
        untouched[slice(None) if message else index, ROW] = False
        assert (samples.value[untouched] == value[untouched]).all()
        assert (samples.fresh[untouched] == due).all()
        if samples.fresh[index, ROW]:
            arrived.append((now, int(samples.time[index, ROW]), float(samples.value[index, ROW])))
    return arrived, injector.changed()[0, 0]


def acts(now):
    return ONSET * SECOND <= now < END * SECOND


FORMULAS = {
    "offset": ({"amplitude": -4.0}, lambda value, since, last: value - 4.0),
    "drift": ({"rate": 2.0}, lambda value, since, last: value + 2.0 * since),
    "ramp": ({"rate": 0.25}, lambda value, since, last: value + 0.25 * since),
    "scale": ({"factor": 1.5}, lambda value, since, last: 1.5 * value),
    "saturation": ({"low": 40.0, "high": 44.0}, lambda value, since, last: min(max(value, 40.0), 44.0)),
    "stuck_at": ({}, lambda value, since, last: last),
    "quantisation": ({"step": 3.0}, lambda value, since, last: 3.0 * round(value / 3.0)),
}
OBJECTS = {
    "ghost": ({"distance": 44.0}, lambda value, since, last: min(value, 44.0)),
    "missed": ({"range": 120.0}, lambda value, since, last: 120.0),
    "swap": ({"distance": 17.0}, lambda value, since, last: value + 17.0),
}
SENSORS = ("front.distance", "front.relative_speed", "own.speed", "own.acceleration", "own.position")


@pytest.mark.parametrize(
    ("signal", "mode"),
    [(signal, mode) for signal in SENSORS for mode in FORMULAS] + [("front.distance", mode) for mode in OBJECTS],
)
def test_a_value_is_wrong_as_its_formula_says_and_only_while_the_fault_lasts(signal, mode):
    """The onset belongs to the fault, the end does not; time stamps stay; each changed sample is counted."""
    parameters, formula = (FORMULAS | OBJECTS)[mode]
    arrived, changed = injected(signal, scenario(fault(signal, mode, **parameters)))
    samples, last, wrong = clean(signal, 80), nan, 0
    assert [time for _, time, _ in arrived] == [now for now, _ in samples]
    for (now, value), (_, _, found) in zip(samples, arrived, strict=True):
        last = last if acts(now) else value
        expected = formula(value, (now / SECOND) - ONSET, last) if acts(now) else value
        assert found == pytest.approx(expected, abs=1e-9)
        wrong += found != value
    assert changed == wrong > 0


def test_stuck_at_a_given_value():
    arrived, changed = injected("own.speed", scenario(fault("own.speed", "stuck_at", value=7.0)))
    assert {value for now, _, value in arrived if acts(now)} == {7.0}
    assert changed == sum(acts(now) for now, _, _ in arrived)


@pytest.mark.parametrize("mode", ["stuck_at", "freeze", "delay"])
def test_a_fault_from_the_first_sample_on_says_what_it_should(mode):
    """With no past there is only the first sample to hold: none is turned into a loss of another kind."""
    parameters = {"stuck_at": {}, "freeze": {"delay": 0.5}, "delay": {"delay": 0.5}}[mode]
    arrived, _ = injected("own.speed", scenario(fault("own.speed", mode, onset=0, **parameters)))
    assert not any(isnan(value) for _, _, value in arrived)
    early = [now for now, _, _ in arrived if now < 0.5 * SECOND]
    assert len(early) == (0 if mode == "delay" else 10)


@pytest.mark.parametrize("delay", [0.05, 0.2, 0.7, 3.0])
@pytest.mark.parametrize("signal", ["front.distance", "own.position", "lead.message"])
def test_freeze_gives_old_content_with_fresh_stamps(signal, delay):
    """What was measured `delay` ago, to the period; where there is nothing so old, what there is."""
    arrived, changed = injected(signal, scenario(fault(signal, "freeze", delay=delay)))
    period = PERIODS[signal]
    back = max(1, round(delay * SECOND / period)) * period
    values, wrong = dict(clean(signal, 80)), 0
    for now, time, value in arrived:
        expected = values[now - back] if acts(now) and now - back >= 0 else values[now]
        assert (time, value) == (now, expected)
        wrong += value != values[now]
    assert changed == wrong


def test_replay_is_freeze_of_a_message():
    replayed = injected("lead.message", scenario(fault("lead.message", "replay", delay=0.6)))
    assert replayed == injected("lead.message", scenario(fault("lead.message", "freeze", delay=0.6)))


def delayed(samples, lateness):
    """What a reader sees who looks every tick: the newest that has arrived, never an older one than before."""
    seen, newest = [], -1
    for now in (tick * TICK for tick in range(80)):
        arrived = [(time, value) for time, value in samples if time + (lateness if acts(time) else 0) <= now]
        if arrived and arrived[-1][0] > newest:
            time, value = max(arrived)
            if time > newest:
                newest = time
                seen.append((now, time, value))
    return seen


@pytest.mark.parametrize("delay", [0.05, 0.12, 0.4, 1.0])
@pytest.mark.parametrize("signal", ["front.distance", "own.position", "lead.message"])
def test_delay_brings_each_sample_late_with_its_own_stamp(signal, delay):
    arrived, changed = injected(signal, scenario(fault(signal, "delay", delay=delay)))
    assert arrived == delayed(clean(signal, 80), round(delay * SECOND))
    assert changed > 0


def test_jitter_delays_by_chance_and_never_turns_time_back():
    arrived, changed = injected("front.distance", scenario(fault("front.distance", "jitter", sigma=0.2)))
    values = dict(clean("front.distance", 80))
    assert all(values[time] == value for _, time, value in arrived)
    assert all(before < after for (_, before, _), (_, after, _) in pairwise(arrived))
    lateness = [now - time for now, time, _ in arrived if acts(time)]
    assert min(lateness) >= 0
    assert max(lateness) > 0.05 * SECOND
    assert {now - time for now, time, _ in arrived if now < ONSET * SECOND} == {0}
    assert {now - time for now, time, _ in arrived if now > (END + 1.2) * SECOND} == {0}
    assert changed > 0


@pytest.mark.parametrize("probability", [0.3, 1.0])
def test_omission_loses_a_share_of_the_samples(probability):
    arrived, changed = injected(
        "front.distance", scenario(fault("front.distance", "omission", probability=probability))
    )
    samples = clean("front.distance", 80)
    lost = set(samples) - {(time, value) for _, time, value in arrived}
    assert all(acts(now) for now, _ in lost)
    assert changed == len(lost)
    due = sum(acts(now) for now, _ in samples)
    assert abs(len(lost) - probability * due) <= 4 * (due * probability * (1 - probability)) ** 0.5


def test_omission_comes_in_bursts_of_the_stated_length():
    """Over many onsets, as a window holds 30 samples."""
    lengths = []
    for seed in range(60):
        entry = scenario(fault("front.distance", "omission", probability=0.5, burst=6), seed=seed)
        came = {time for _, time, _ in injected("front.distance", entry)[0]}
        lost = [now not in came for now, _ in clean("front.distance", 80) if acts(now)]
        lengths += [len(list(run)) for is_lost, run in groupby(lost) if is_lost]
    assert 4.5 < np.mean(lengths) < 7.0


def again(samples, drawn, wait):
    """What arrives when a sample comes in place of the `wait`-th after it: once more if that is the next one."""
    seen, held = [], None
    for number, ((now, value), is_drawn) in enumerate(zip(samples, drawn, strict=True)):
        if held is not None and number == held[0] + wait:
            seen.append((now, *held[1:]))
            held = None
        elif is_drawn and held is None:
            held = (number, now, value)
            seen += [] if wait == 2 else [(now, now, value)]
        else:
            seen.append((now, now, value))
    return seen


@pytest.mark.parametrize("signal", ["front.distance", "own.position", "lead.message"])
@pytest.mark.parametrize("mode", ["reordering", "duplication"])
def test_a_sample_that_comes_in_place_of_a_later_one_has_its_own_stamp(mode, signal):
    """One after the other, if it always happens: also the last, after the end of the fault."""
    arrived, changed = injected(signal, scenario(fault(signal, mode, probability=1.0)))
    samples = clean(signal, 80)
    assert arrived == again(samples, [acts(now) for now, _ in samples], 2 if mode == "reordering" else 1)
    late = sum(now != time for now, time, _ in arrived)
    assert changed == late + len(samples) - len(arrived) > 0


@pytest.mark.parametrize("mode", ["reordering", "duplication"])
def test_some_samples_come_in_place_of_a_later_one(mode):
    """Reordered: after the one that was taken after them."""
    arrived, changed = injected("front.distance", scenario(fault("front.distance", mode, probability=0.4)))
    late = [time for now, time, _ in arrived if now != time]
    assert {now - time for now, time, _ in arrived} == {0, 2 * TICK if mode == "reordering" else TICK}
    assert any(after < before for (_, before, _), (_, after, _) in pairwise(arrived)) == (mode == "reordering")
    assert all(acts(time) for time in late)
    assert changed == len(late) * (2 if mode == "reordering" else 1)


WINDOWS = st.tuples(st.floats(0.0, 2.5), st.floats(0.05, 1.5))
ANY_MODE = st.sampled_from(
    [
        ("delay", {"delay": 0.12}), ("delay", {"delay": 0.12, "sigma": 0.1}), ("jitter", {"sigma": 0.1}),
        ("omission", {"probability": 0.5, "burst": 3}), ("reordering", {"probability": 0.5}),
        ("duplication", {"probability": 0.5}), ("clock_offset", {"offset": -0.4}), ("clock_drift", {"rate": 0.3}),
        ("freeze", {"delay": 0.3}), ("stuck_at", {}), ("noise", {"sigma": 1}), ("drift", {"rate": 1}),
    ]
)  # fmt: skip


@given(
    mine=st.lists(st.tuples(ANY_MODE, WINDOWS), max_size=3), others=st.lists(st.tuples(ANY_MODE, WINDOWS), max_size=3)
)
@settings(max_examples=150, deadline=None)
def test_what_fails_elsewhere_changes_nothing_here(mine, others):
    """Faults of another car, of the same mode or not, at the same time or not: the same samples arrive, and count."""

    def of(vehicle, faults):
        for (mode, parameters), (onset, lasts) in faults:
            yield fault("own.speed", mode, vehicle, round(onset, 3), **parameters | {"duration": round(lasts, 3)})

    def seen(*faults):
        injector, arrived = Injector(placed([scenario(*faults)]), PERIODS), []
        for now in (tick * TICK for tick in range(80)):
            value = np.array([[clean_value(name, row, now) for row in range(ROWS)] for name in OWN])
            samples = injector.own(now, Samples(value, np.full(value.shape, now), np.ones(value.shape, dtype=bool)))
            speed = OWN.index("own.speed")
            if samples.fresh[speed, ROW]:
                arrived.append((now, int(samples.time[speed, ROW]), float(samples.value[speed, ROW])))
        return arrived, [injector.changed()[0, place] for place in range(len(mine))]

    alone = list(of(2, mine))
    assert seen(*alone) == seen(*alone, *of(1, others), *of(3, others))


def test_a_wrong_clock_and_a_delay_act_both():
    """In whatever order they stand: the sample comes late, and its stamp is wrong."""
    late, clock = (fault("own.speed", "delay", delay=0.1), fault("own.speed", "clock_offset", offset=-5))
    both, _ = injected("own.speed", scenario(late, clock))
    only_late, _ = injected("own.speed", scenario(late))
    assert [(now, value) for now, _, value in both] == [(now, value) for now, _, value in only_late]
    wrong = [one - other for (_, one, _), (_, other, _) in zip(both, only_late, strict=True)]
    assert set(wrong) == {0, -5 * SECOND}


def test_a_fault_without_end_draws_no_longer_than_the_run():
    """A table of random numbers for a day would fill the memory."""
    entry = "{vehicle: all, signal: own.speed, mode: jitter, sigma: 0.1, onset: 1}"
    assert max(one.end for one in placed([scenario(entry)])) <= 121 * SECOND


@pytest.mark.parametrize(
    ("mode", "parameters", "ahead"),
    [
        ("clock_offset", {"offset": -0.75}, lambda since: -0.75),
        ("clock_offset", {"offset": 3600.0}, lambda since: 3600.0),
        ("clock_drift", {"rate": 0.02}, lambda since: 0.02 * since),
    ],
)
@pytest.mark.parametrize("signal", ["own.speed", "lead.message"])
def test_a_clock_is_wrong_and_the_value_right(signal, mode, parameters, ahead):
    arrived, changed = injected(signal, scenario(fault(signal, mode, **parameters)))
    assert [value for _, _, value in arrived] == [value for _, value in clean(signal, 80)]
    for now, time, _ in arrived:
        wrong = ahead(now / SECOND - ONSET) if acts(now) else 0.0
        assert time - now == round(wrong * SECOND)
    assert changed == sum(now != time for now, time, _ in arrived) > 0


@pytest.mark.parametrize(
    "mode, parameters, sizes",
    [("noise", {"sigma": 2.0}, (1.0, 3.0)), ("outlier", {"amplitude": 9.0, "probability": 0.5}, (9.0, 9.0))],
)
def test_noise_and_outliers_are_of_the_stated_size(mode, parameters, sizes):
    arrived, changed = injected("front.distance", scenario(fault("front.distance", mode, **parameters)))
    errors = [value - clean_value("front.distance", ROW, now) for now, _, value in arrived]
    wrong = np.array([error for error in errors if error != 0.0])
    assert changed == len(wrong)
    low, high = sizes
    assert low - 1e-9 <= np.sqrt((wrong**2).mean()) <= high + 1e-9
    assert wrong.min() < 0.0 < wrong.max()


@pytest.mark.parametrize("mode, field", [("wrong_position", "position"), ("wrong_speed", "speed")])
def test_a_message_lies_in_one_field(mode, field):
    """Only that field, by the offset; the other fields are what was sent."""
    for name in MESSAGE:
        entry = scenario(fault("lead.message", mode, offset=11.0))
        injector = Injector(placed([entry]), PERIODS)
        value = np.full((len(MESSAGE), ROWS), 3.0)
        for now in (2 * TICK * tick for tick in range(30)):
            samples = Samples(value.copy(), np.full(value.shape, now), np.ones(value.shape, dtype=bool))
            found = injector.message(now, samples).value[MESSAGE.index(name), ROW]
            assert found == (14.0 if name == field and acts(now) else 3.0)


def test_a_field_of_a_message_can_fail_like_a_sensor():
    arrived, changed = injected("lead.message.speed", scenario(fault("lead.message.speed", "offset", amplitude=2.0)))
    for now, _, value in arrived:
        assert value - clean_value("lead.message", ROW, now) == pytest.approx(2.0 if acts(now) else 0.0)
    assert changed == sum(acts(now) for now, _, _ in arrived)


def test_all_vehicles_fail_each_by_its_own_chance():
    """`vehicle: all` is one fault, counted over all rows; its draws differ from row to row."""
    injector = Injector(placed([scenario(fault("own.speed", "noise", vehicle="all", sigma=1.0))]), PERIODS)
    value = np.zeros((len(OWN), ROWS))
    samples = injector.own(round(1.5 * SECOND), Samples(value, np.zeros(value.shape, int), np.ones(value.shape, bool)))
    assert len(set(samples.value[OWN.index("own.speed")].tolist())) == ROWS
    assert injector.changed() == {(0, 0): ROWS}


def test_other_seeds_other_draws_and_the_same_seed_the_same():
    def errors(seed):
        return injected("own.speed", scenario(fault("own.speed", "noise", sigma=1.0), seed=seed))[0]

    assert errors(1) == errors(1)
    assert errors(1) != errors(2)


def test_two_faults_on_one_signal_add_up():
    both = scenario(fault("own.speed", "offset", amplitude=2.0), fault("own.speed", "offset", amplitude=3.0))
    injector = Injector(placed([both]), PERIODS)
    value = np.zeros((len(OWN), ROWS))
    samples = injector.own(round(1.5 * SECOND), Samples(value, np.zeros(value.shape, int), np.ones(value.shape, bool)))
    assert samples.value[OWN.index("own.speed"), ROW] == 5.0
    assert injector.changed() == {(0, 0): 1, (0, 1): 1}


def test_two_faults_of_one_mode_one_after_the_other_both_act():
    """The one that waits does not undo the one that acts."""
    first = "{vehicle: 2, signal: own.speed, mode: omission, onset: 0.5, duration: 0.5}"
    second = "{vehicle: 2, signal: own.speed, mode: omission, onset: 2, duration: 0.5}"
    for order in ([first, second], [second, first]):
        arrived, changed = injected("own.speed", scenario(*order))
        lost = {now for now, _ in clean("own.speed", 80)} - {now for now, _, _ in arrived}
        assert sorted(lost) == [tick * TICK for tick in (*range(10, 20), *range(40, 50))]
        assert changed == 10


# ---------------------------------------------------------------- components


def component(mode, name="perception", **parameters):
    given = {"vehicle": 2, "component": name, "mode": mode, "onset": ONSET, **parameters}
    return scenario("{" + ", ".join(f"{key}: {value}" for key, value in given.items()) + "}")


@pytest.mark.parametrize(
    "mode, parameters, runs",
    [
        ("crash", {}, lambda now, cycle: now < ONSET * SECOND),
        ("hang", {"duration": END - ONSET}, lambda now, cycle: not acts(now)),
        ("slow", {"duration": END - ONSET, "factor": 4}, lambda now, cycle: not acts(now) or cycle % 4 == 0),
    ],
)
def test_a_component_rests_while_it_is_down_and_no_other_does(mode, parameters, runs):
    names = ("perception", "control", "radio")
    components, skipped = Components(placed([component(mode, **parameters)]), ROWS, names), 0
    for cycle in range(80):
        now = cycle * TICK
        running = {name: components.running(name, now, cycle) for name in names}
        assert running["control"] is None
        assert running["radio"] is None
        expected = [True, runs(now, cycle), True]
        skipped += not expected[ROW]
        found = running["perception"]
        assert (found is None and all(expected)) or found.tolist() == expected
    assert components.skipped == {(0, 0): skipped}
    assert skipped > 0


# ---------------------------------------------------------------- in a run

WITHOUT_EFFECT = [
    "{vehicle: 1, signal: own.speed, mode: saturation, onset: 2, duration: 2, high: 1000}",
    "{vehicle: 1, signal: own.speed, mode: offset, onset: 2, duration: 2, amplitude: 0}",
    "{vehicle: 1, signal: own.speed, mode: scale, onset: 2, duration: 2, factor: 1}",
    "{vehicle: 1, signal: front.distance, mode: omission, onset: 2, duration: 2, probability: 0}",
    "{vehicle: 1, signal: own.position, mode: offset, onset: 2.01, duration: 0.02, amplitude: 5}",
    "{vehicle: 1, component: radio, mode: hang, onset: 2.01, duration: 0.02}",
]
WITH_EFFECT = [
    "{vehicle: 1, signal: own.speed, mode: offset, onset: 2, duration: 2, amplitude: 0.01}",
    "{vehicle: 1, signal: lead.message, mode: delay, onset: 2, duration: 2, delay: 0.5}",
    "{vehicle: 1, component: control, mode: slow, onset: 2, duration: 2, factor: 3}",
    "{vehicle: 1, component: radio, mode: crash, onset: 4}",  # what it hears no more is not late, either
]


def test_faults_are_told_as_far_as_they_have_come_and_before_what_comes_of_them():
    """Asked again and again while the run goes on, and after it was ended early."""
    faults = fault("own.speed", "offset", 1, 2.0, amplitude=9), fault("own.speed", "offset", 1, 1.05, amplitude=9)
    loaded, told = read("acc_profile", [f"faults=[{', '.join(faults)}]"], 7), []
    simulation = Simulation([loaded.scenario], loaded.design, [trajectory(loaded.scenario)[0]], [None])

    def progress(now):
        failed = (event for event in simulation.log.events[0] if event["kind"] == "fault")
        told.append([(event["time"], event["text"].split()[-1]) for event in failed])
        return now < 3.0

    assert not simulation.run(progress)
    begun = [(1.05, "begins"), (2.0, "begins")]
    assert told == [[], begun, [*begun, (2.5, "ends"), (2.5, "ends")]]
    events = simulation.log.events[0]
    assert [event["time"] for event in events] == sorted(event["time"] for event in events)
    assert {event["kind"] for event in events} > {"fault"}


def test_a_fault_that_changed_nothing_is_told_and_no_other():
    """Each in a run of its own, and all in one run."""
    faults = [*WITHOUT_EFFECT, *WITH_EFFECT]
    batch = [read("acc_profile", ["duration=6", f"faults=[{one}]"], 7) for one in faults]
    batch.append(read("acc_profile", ["duration=6", f"faults=[{', '.join(faults)}]"], 7))
    *alone, together = simulate(batch, [None] * len(batch))
    for one, result in zip(faults, alone, strict=True):
        told = [warning for warning in result.warnings if "changed no sample" in warning]
        assert len(told) == (one in WITHOUT_EFFECT), one
        assert result.summary["warnings"] == list(result.warnings)
    told = [warning for warning in together.warnings if "changed no sample" in warning]
    assert [warning.split()[1] for warning in told] == [str(1 + index) for index in range(len(WITHOUT_EFFECT))]


def test_a_fault_ends_in_the_trace_where_it_ends_in_the_scenario(tmp_path):
    """The measured value leaves the true one at the onset, by the amplitude, and returns at the end."""
    entry = "faults=[{vehicle: 1, signal: own.speed, mode: offset, onset: 5.3, duration: 4, amplitude: 6}]"
    (result,) = simulate([read("acc_profile", ["duration=12", "record.period=0.05", entry], 7)], [tmp_path])
    trace = parquet.read_table(tmp_path / "trace.parquet").to_pandas()
    trace = trace[trace.vehicle == 1]
    wrong = (trace["own.speed"] - trace["own.speed_true"]).abs() > 3.0
    assert trace.time[wrong].min() == pytest.approx(5.3)
    assert trace.time[wrong].max() == pytest.approx(9.25)
    assert wrong.sum() == 80
    marks = [(event["time"], event["text"]) for event in result.events if event["kind"] == "fault"]
    assert [time for time, _ in marks] == [5.3, 9.3]
    assert all("own.speed: offset, amplitude 6 m/s" in text for _, text in marks)


@pytest.mark.parametrize(
    ("mode", "parameters"),
    [
        ("offset", {"amplitude": 3}),
        ("ramp", {"rate": 0.5}),
        ("scale", {"factor": 1.5}),
        ("noise", {"sigma": 2}),
        ("outlier", {"amplitude": 9, "probability": 0.3}),
        ("quantisation", {"step": 2}),
        ("saturation", {"high": 30}),
        ("saturation", {"low": 45}),
        ("ghost", {"distance": 12}),
        ("missed", {}),
        ("swap", {"distance": 20}),
    ],
)
def test_a_fault_that_is_alone_on_its_row_is_what_it_is_beside_one_that_does_not_act(mode, parameters):
    """Those that are alone are looked at together, whatever their modes."""
    one = fault("front.distance", mode, **parameters)
    idle = "{vehicle: 2, signal: own.position, mode: offset, amplitude: 1, onset: 50, duration: 1}"
    alone, beside = (injected("front.distance", scenario(*faults)) for faults in ((one,), (one, idle)))
    assert alone == beside
    assert alone[1] > 0
