"""Periods that are played again are what Python would have done: the same bits, the same events, at the same times."""

import json
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest

from karyon.compiled import Journal, Program, Ring, Tape, in_place, journal
from karyon.kernel.elementwise import where
from karyon.kernel.runtime import Booleans, Floats, Ticks
from karyon.perception.following import OWN
from karyon.sim.engine import Simulation
from karyon.sim.run import trajectory
from karyon.sim.scenario import read

pytest.importorskip("numba")

ROWS, PERIOD = 5, 100


class Count(NamedTuple):
    number: Floats
    last: Ticks


class Counted(NamedTuple):
    count: Count
    is_full: Booleans


def count(before: Count, by: Floats, now: int, limit: float) -> Counted:
    """Add up, note when, and begin anew above a limit."""
    number = before.number + by
    is_full = number > limit
    return Counted(Count(where(is_full, 0.0, number), where(is_full, now, before.last)), is_full)


class Counting:
    """What Python does in each period: two drawn numbers are added, what is full is noted, the sums are kept."""

    def __init__(self, periods, tape):
        rng = np.random.default_rng(3)
        self.tape, self.drawn = tape, Ring(rng.random((2 * periods, ROWS)))
        self.kept, self.times = Ring(np.zeros((7, 1, ROWS))), Ring(np.zeros((7, 1), dtype=np.int64))
        self.state, self.by = Count(np.zeros(ROWS), np.zeros(ROWS, dtype=np.int64)), np.zeros(ROWS)
        self.count, self.full = in_place(count, tape), []

    def run(self, now):
        for _ in range(2):
            now += PERIOD // 2
            self.tape.take(self.drawn, self.by)
            self.state, is_full = self.count(self.state, self.by, now, 2.5)
            self.tape.react(is_full, now, self.note)
        self.tape.mark(self.times, now)
        self.tape.keep(self.kept, [self.state.number])

    def note(self, now):
        self.full.append((now, self.count._run.__globals__["_of"].made.is_full.tolist()))


def test_what_is_played_is_what_was_recorded():
    """Numbers that grow, rings that wrap, and answers to what is found, each at its time; and on from there."""
    played, plain = (Counting(40, Tape()) for _ in range(2))
    recorded = []
    for number in range(40):
        plain.run(number * PERIOD)
    for number in range(4):
        if number >= 2:
            played.tape.record()
        played.run(number * PERIOD)
        recorded.append(played.tape.recorded())
    program = Program.of(*recorded[2:])
    program.play(1, 1)
    program.play(2, 30)
    for number in range(35, 40):
        played.run(number * PERIOD)
    assert len(plain.full) > 10
    assert played.full == plain.full
    for one, other in zip(
        (*played.state, played.kept.slots, played.times.slots),
        (*plain.state, plain.kept.slots, plain.times.slots),
        strict=True,
    ):
        assert np.array_equal(one, other)


def test_what_is_noted_while_it_plays_is_read_later():
    """Row by row and in the order of time, of any type; also where there is more than there is room for."""
    periods, rows = 150, 50
    by, tape, read, kept = np.random.default_rng(4).random((periods, rows)), Tape(), [], []
    journal = Journal(read.append, rows)
    ring, now_by = Ring(by), np.zeros(rows)
    state, add = Count(np.zeros(rows), np.zeros(rows, dtype=np.int64)), in_place(count, tape)
    small = np.arange(2 * rows, dtype=np.int8).reshape(2, rows)
    indices = np.arange(rows, dtype=np.int16)

    def run(now):
        nonlocal state
        tape.take(ring, now_by)
        state, is_full = add(state, now_by, now, 1.2)
        tape.note(is_full, journal, [state.number, state.last, small, indices, is_full], now, now - 7)

    recorded = []
    for number in range(4):
        if number >= 2:
            tape.record()
        run(number * PERIOD)
        recorded.append(tape.recorded())
    Program.of(*recorded[2:]).play(1, periods - 4)
    journal.settle()
    plain = Count(np.zeros(rows), np.zeros(rows, dtype=np.int64))
    for number in range(periods):
        now = number * PERIOD
        plain, is_full = count(plain, by[number], now, 1.2)
        for row in np.flatnonzero(is_full):
            kept.append([row, now, now - 7, plain.number[row], plain.last[row], *small[:, row], indices[row], True])
    assert len(read) > 1  # it was full once
    told = [
        np.vstack([each.rows, each.numbers, *(np.atleast_2d(one).astype(float) for one in each.told)]) for each in read
    ]
    assert np.concatenate(told, axis=1).T.tolist() == [[float(each) for each in one] for one in kept]


def test_periods_that_are_not_alike_are_not_played():
    """Another array, another number of calls, and a formula that is not compiled yet."""
    one = Counting(9, Tape())
    one.tape.record()
    one.run(0)
    assert one.tape.recorded() == []  # the first call of all is NumPy's
    found = []
    for number in range(1, 4):
        one.tape.record()
        one.run(number * PERIOD)
        if number == 3:
            one.by = one.by.copy()
        found.append(one.tape.recorded())
    assert Program.of(*found[:2]) is not None
    assert Program.of(found[0], found[1][:-1]) is None
    one.tape.record()
    one.run(4 * PERIOD)
    assert Program.of(found[2], one.tape.recorded()) is None


def failing(*faults):
    """Four cars, of which these fail."""
    return "acc_profile", ("duration=20", "vehicles=4", f"faults=[{', '.join(f'{{{one}}}' for one in faults)}]")


class Places:
    """What Python does in each period while a window is open: numbers of a table change places, by way of an array."""

    def __init__(self, tape):
        self.tape, self.opened, self.always = tape, [], np.ones(1, dtype=bool)
        self.numbers, self.flags = np.arange(10.0).reshape(2, ROWS), np.arange(10).reshape(2, ROWS) % 3 == 0
        self.level, self.row, self.into = np.array([[1, 0, 1]]), np.array([0, 4, 4]), np.array([4, -1, 0])
        self.picked, self.flagged = np.zeros((1, 3)), np.zeros((1, 3), dtype=bool)

    def run(self, now):
        if self.tape.is_off:
            if any(begin <= now < end for begin, end in OPEN.T.tolist()):
                self.change(now)
        else:
            with self.tape.during(OPEN, now):
                self.change(now)

    def change(self, now):
        for table, picked in ((self.numbers, self.picked), (self.flags, self.flagged)):
            self.tape.pick(table, self.level, self.row, picked)
            self.tape.put(picked, table, self.level, self.into)
        self.tape.react(self.always, now, self.opened.append)


OPEN = np.array([[0, 7 * PERIOD, 11 * PERIOD], [4 * PERIOD, 9 * PERIOD, 12 * PERIOD]])


def test_what_is_done_during_windows_is_played_in_these_alone():
    """Places of tables of words and of bytes; a row below 0 is nowhere; what comes after is played as ever."""
    played, plain = Places(Tape()), Places(Tape())
    recorded = []
    for number in range(2):
        played.tape.record()
        played.run(number * PERIOD)
        recorded.append(played.tape.recorded())
    Program.of(*recorded).play(1, 13)
    for number in range(15):
        plain.run(number * PERIOD)
    assert played.opened == plain.opened == [number * PERIOD for number in (0, 1, 2, 3, 7, 8, 11)]
    assert np.array_equal(played.numbers, plain.numbers)
    assert np.array_equal(played.flags, plain.flags)
    assert plain.numbers[1].tolist() == [9.0, 6.0, 7.0, 8.0, 5.0]


CALM = ("duration=30", "faults=[]")
RUNS = {
    "nothing fails": ("acc_radar_drift", CALM),
    "radar drifts": ("acc_radar_drift", ("duration=30", "faults.0.onset=8", "faults.0.duration=5")),
    "all at a tenth of a second": (
        "acc_radar_drift",
        ("duration=30", "faults.0.onset=8", "faults.0.duration=5", *(f"sensors.{name}.period=0.1" for name in OWN)),
    ),
    "several cars": ("acc_profile", ("duration=30", "vehicles=4", "record.period=0.3")),
    "perception hangs": (
        "acc_radar_drift",
        ("duration=30", "faults=[{vehicle: 1, component: perception, mode: hang, onset: 9.2, duration: 2.1}]"),
    ),
    "the radio crashes": (
        "acc_radar_drift",
        ("duration=30", "faults=[{vehicle: 1, component: radio, mode: crash, onset: 19.2}]"),
    ),
    "values are wrong": failing(
        "vehicle: 1, signal: front.distance, mode: offset, onset: 3.3, duration: 2, amplitude: 4",
        "vehicle: 2, signal: front.relative_speed, mode: scale, onset: 3.3, duration: 2, factor: 2",
        "vehicle: 3, signal: own.speed, mode: noise, onset: 4.1, duration: 3, sigma: 3",
        "vehicle: 1, signal: own.position, mode: outlier, onset: 6, duration: 3, amplitude: 9, probability: 0.3",
        "vehicle: 2, signal: own.acceleration, mode: quantisation, onset: 6, duration: 3, step: 1.5",
        "vehicle: 3, signal: front.distance, mode: saturation, onset: 8, duration: 3, high: 12",
        "vehicle: 1, signal: front.distance, mode: ghost, onset: 10, duration: 1, distance: 14",
        "vehicle: 2, signal: front.distance, mode: missed, onset: 10.2, duration: 1",
        "vehicle: 3, signal: front.distance, mode: swap, onset: 11, duration: 2, distance: 20",
        "vehicle: all, signal: front.distance, mode: ramp, onset: 13, duration: 4, rate: 0.5",
    ),
    "two fail at once": failing(
        "vehicle: 1, signal: own.speed, mode: offset, onset: 3.3, duration: 4, amplitude: 4",
        "vehicle: 1, signal: own.speed, mode: scale, onset: 5.1, duration: 4, factor: 2",
        "vehicle: 2, signal: front.distance, mode: stuck_at, onset: 6, duration: 3",
        "vehicle: 2, signal: front.distance, mode: noise, onset: 7, duration: 3, sigma: 2",
        "vehicle: 3, signal: front.distance, mode: stuck_at, onset: 9, duration: 1, value: 11",
        "vehicle: all, signal: own.speed, mode: clock_drift, onset: 4, duration: 9, rate: 0.02",
    ),
    "samples come otherwise": failing(
        "vehicle: 1, signal: front.distance, mode: omission, onset: 3.3, duration: 4, probability: 0.4, burst: 3",
        "vehicle: 2, signal: own.position, mode: duplication, onset: 3.3, duration: 4, probability: 0.4",
        "vehicle: 3, signal: own.speed, mode: reordering, onset: 3.3, duration: 4, probability: 0.4",
        "vehicle: 1, signal: own.acceleration, mode: clock_offset, onset: 6, duration: 3, offset: -0.2",
        "vehicle: 2, signal: front.relative_speed, mode: jitter, onset: 6, duration: 3, sigma: 0.1",
        "vehicle: 3, signal: front.distance, mode: freeze, onset: 9, duration: 3, delay: 0.7",
    ),
    "messages come otherwise": failing(
        "vehicle: 1, signal: lead.message, mode: omission, onset: 3.3, duration: 4, probability: 0.4",
        "vehicle: 2, signal: lead.message, mode: duplication, onset: 3.3, duration: 4, probability: 0.4",
        "vehicle: 3, signal: lead.message, mode: reordering, onset: 3.3, duration: 4, probability: 0.4",
        "vehicle: 1, signal: lead.message, mode: clock_offset, onset: 9, duration: 3, offset: -0.2",
        "vehicle: 2, signal: lead.message, mode: delay, onset: 9, duration: 3, delay: 0.3, sigma: 0.1",
        "vehicle: 3, signal: lead.message, mode: replay, onset: 9, duration: 3, delay: 0.7",
        "vehicle: all, signal: lead.message, mode: wrong_position, onset: 14, duration: 2, offset: 30",
    ),
    "messages are lost": (
        "acc_profile",
        (
            *("duration=20", "vehicles=4", "radio.loss=0.4"),
            "faults=[{vehicle: 2, component: radio, mode: hang, onset: 8, duration: 1.5}]",
        ),
    ),
    "messages are lost in bursts": ("acc_profile", ("duration=20", "radio.bursts={loss: 0.3, length: 5}")),
    "gaps are read while it plays": failing(
        "vehicle: 3, signal: own.speed, mode: clock_offset, onset: 2.4, duration: 0.44, offset: 0.1",
        "vehicle: all, component: perception, mode: hang, onset: 8.09, duration: 3.36",
    ),
    "components rest": failing(
        "vehicle: 1, component: perception, mode: slow, onset: 3.3, duration: 4, factor: 3",
        "vehicle: 2, component: perception, mode: hang, onset: 5.2, duration: 1.5",
        "vehicle: 3, component: control, mode: slow, onset: 3.3, duration: 4, factor: 4",
        "vehicle: 1, component: control, mode: crash, onset: 12",
        "vehicle: 2, component: radio, mode: hang, onset: 8, duration: 1.5",
        "vehicle: 3, component: radio, mode: slow, onset: 9, duration: 3, factor: 2",
        "vehicle: 3, component: radio, mode: hang, onset: 11, duration: 3",
    ),
}


def outcomes(loaded, seeds, folder, *, quick):
    """What is measured in each run, and all that has happened; what is recorded of the last; how long was played, s."""
    scenarios = [loaded.scenario.model_copy(update={"seed": seed}) for seed in seeds]
    track, folders = trajectory(scenarios[0])[0], [None] * len(seeds)
    folders[-1] = folder
    simulation = Simulation(scenarios, loaded.design, [track] * len(seeds), folders)
    if quick:
        simulation.quicken()
    simulation.run()
    simulation.close()
    told = [json.dumps([simulation.metrics.summary(run), simulation.log.events[run]]) for run in range(len(seeds))]
    files = {each.name: each.read_bytes() for each in folder.iterdir()}
    assert files.keys() == {"trace.parquet", "messages.parquet"}
    return [*told, files, simulation.injector.changed(), simulation.components.skipped], simulation.steady.played / 1e9


@pytest.mark.parametrize("name", RUNS)
def test_a_run_is_the_same(name, tmp_path, monkeypatch):
    """Whatever fails, and whoever switches, while it is played or in between."""
    monkeypatch.setattr(Simulation, "_quicken_if_it_pays", lambda _: None)
    scenario, settings = RUNS[name]
    loaded = read(scenario, settings)
    plain, _ = outcomes(loaded, range(3), tmp_path, quick=False)
    quick, played = outcomes(loaded, range(3), tmp_path, quick=True)
    assert quick == plain
    assert played > 0.8 * loaded.scenario.duration


def test_events_are_in_the_same_order_wherever_a_journal_is_full(tmp_path, monkeypatch):
    """Of an instant too: own signals come before messages, however many runs share a journal. So is the trace."""
    monkeypatch.setattr(Simulation, "_quicken_if_it_pays", lambda _: None)
    loaded = read(
        *failing(
            "vehicle: all, signal: lead.message, mode: omission, onset: 2, probability: 0.5, burst: 4",
            "vehicle: all, component: perception, mode: slow, onset: 4, factor: 30",
            "vehicle: all, signal: own.speed, mode: omission, onset: 2, probability: 0.5, burst: 9",
        )
    )
    whole, _ = outcomes(loaded, [3], tmp_path, quick=False)
    monkeypatch.setattr(journal, "LEAST", 1)
    assert outcomes(loaded, [3], tmp_path, quick=False)[0] == whole


@pytest.mark.parametrize("quick", [False, True])
def test_the_kernel_may_decide_before_perception_has_looked(quick, monkeypatch):
    """And it knows when perception looked last, whatever was played meanwhile."""
    monkeypatch.setattr(Simulation, "_quicken_if_it_pays", lambda _: None)
    loaded = read("acc_radar_drift", ("duration=6", "faults=[]"))
    timing = replace(loaded.design.timing, kernel_phase=0.0, perception_phase=0.02, control_phase=0.03)
    design = replace(loaded.design, timing=timing)
    simulation = Simulation([loaded.scenario], design, [trajectory(loaded.scenario)[0]], [None])
    if quick:
        simulation.quicken()
    lags, switched = set(), simulation.log.switched

    def noted(found, now, judged, *told):
        lags.add(now - judged)
        switched(found, now, judged, *told)

    monkeypatch.setattr(simulation.log, "switched", noted)
    simulation.run(lambda _: True, 2.0)
    assert lags == {0, 30_000_000}
